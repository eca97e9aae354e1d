// SPDX-License-Identifier: MIT
//
// The driver's pool: counted, so that the tests can tell whether all of it came back.

#include "kernel.h"

typedef struct POOL_BLOCK {
    SIZE_T Size;
    ULONG Tag;
    ULONG Check;
} POOL_BLOCK;

#define POOL_CHECK 0x6C6F6F70ul
#define POOL_FLAG_UNINITIALIZED_VALUE 0x0000000000000002ull

static volatile LONG64 Blocks;
static volatile LONG64 Bytes;
static volatile LONG64 Allocations;

static PVOID Allocate(SIZE_T Size, ULONG Tag, BOOLEAN Zero) {
    POOL_BLOCK *block;

    if (Size > MAXLONG) {
        return NULL;
    }
    block = ExAllocatePoolWithTag(NonPagedPool, sizeof *block + Size, Tag);
    if (!block) {
        return NULL;
    }
    block->Size = Size;
    block->Tag = Tag;
    block->Check = POOL_CHECK;
    // Old content must not look like zeroes: a driver that relies on them would be right by chance only.
    RtlFillMemory(block + 1, Size, Zero ? 0 : 0xA5);
    InterlockedIncrement64(&Blocks);
    InterlockedExchangeAdd64(&Bytes, (LONG64)Size);
    InterlockedIncrement64(&Allocations);
    return block + 1;
}

PVOID CmkExAllocatePoolWithTag(POOL_TYPE Type, SIZE_T Size, ULONG Tag) {
    UNREFERENCED_PARAMETER(Type);
    return Allocate(Size, Tag, FALSE);
}

// Newer than the Windows 7 interface that Wine has.
PVOID NTAPI ExAllocatePool2(ULONG64 Flags, SIZE_T Size, ULONG Tag) {
    return Size == 0 ? NULL : Allocate(Size, Tag, (Flags & POOL_FLAG_UNINITIALIZED_VALUE) == 0);
}

VOID CmkExFreePoolWithTag(PVOID Memory, ULONG Tag) {
    POOL_BLOCK *block = (POOL_BLOCK *)Memory - 1;

    if (block->Check != POOL_CHECK || (Tag != 0 && Tag != block->Tag)) {
        DbgPrint("cmkernel: bad free of %p\n", Memory);
        KeBugCheckEx(0xC2, (ULONG_PTR)Memory, block->Check, block->Tag, Tag);
    }
    block->Check = ~POOL_CHECK;
    InterlockedDecrement64(&Blocks);
    InterlockedExchangeAdd64(&Bytes, -(LONG64)block->Size);
    RtlFillMemory(Memory, block->Size, 0xDD);
    ExFreePoolWithTag(block, block->Tag);
}

VOID CmkExFreePool(PVOID Memory) {
    CmkExFreePoolWithTag(Memory, 0);
}

// Lists whose depth stays 0, as it does under Driver Verifier: every entry is a block of its own, and counted. Taking
// an entry and giving it back are inline in the driver.
static PVOID NTAPI AllocateEntry(POOL_TYPE Type, SIZE_T Size, ULONG Tag, PLOOKASIDE_LIST_EX List) {
    UNREFERENCED_PARAMETER(List);
    return CmkExAllocatePoolWithTag(Type, Size, Tag);
}

static VOID NTAPI FreeEntry(PVOID Entry, PLOOKASIDE_LIST_EX List) {
    CmkExFreePoolWithTag(Entry, List->L.Tag);
}

NTSTATUS NTAPI ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX List, PALLOCATE_FUNCTION_EX Allocate,
                                           PFREE_FUNCTION_EX Free, POOL_TYPE Type, ULONG Flags, SIZE_T Size, ULONG Tag,
                                           USHORT Depth) {
    UNREFERENCED_PARAMETER(Depth);
    if (Flags != 0) {
        return STATUS_INVALID_PARAMETER_5;
    }
    RtlZeroMemory(List, sizeof *List);
    List->L.AllocateEx = Allocate ? Allocate : AllocateEntry;
    List->L.FreeEx = Free ? Free : FreeEntry;
    List->L.Type = Type;
    List->L.Size = (ULONG)Size;
    List->L.Tag = Tag;
    return STATUS_SUCCESS;
}

VOID NTAPI ExFlushLookasideListEx(PLOOKASIDE_LIST_EX List) {
    UNREFERENCED_PARAMETER(List);
}

VOID NTAPI ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX List) {
    UNREFERENCED_PARAMETER(List);
}

VOID CmkPoolUsage(unsigned long long *BlockCount, unsigned long long *ByteCount, unsigned long long *AllocationCount) {
    *BlockCount = (unsigned long long)Blocks;
    *ByteCount = (unsigned long long)Bytes;
    *AllocationCount = (unsigned long long)Allocations;
}
