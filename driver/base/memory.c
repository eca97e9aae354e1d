// SPDX-License-Identifier: MIT
//
// Allocating and counting blocks of the pool.

#include "base/memory.h"

// Precedes every block, so that freeing can count bytes. Keeps the pool's alignment.
typedef struct MEMORY_HEADER {
    SIZE_T Size;
    SIZE_T Reserved;
} MEMORY_HEADER;

C_ASSERT(sizeof(MEMORY_HEADER) == MEMORY_ALLOCATION_ALIGNMENT);

static volatile LONG64 MemoryBlocks;
static volatile LONG64 MemoryBytes;
static volatile LONG64 MemoryAllocations;

CMB_INIT_CODE VOID MemoryInitialize(VOID) {
    ExInitializeDriverRuntime(DrvRtPoolNxOptIn);
    MemoryBlocks = 0;
    MemoryBytes = 0;
    MemoryAllocations = 0;
}

VOID MemoryUninitialize(VOID) {
    NT_ASSERT(MemoryBlocks == 0);
    NT_ASSERT(MemoryBytes == 0);
}

_Use_decl_annotations_
VOID *MemoryAllocate(SIZE_T Size) {
    if (Size > MAXLONG) {
        return NULL;
    }
    MEMORY_HEADER *header = ExAllocatePoolZero(NonPagedPoolNx, sizeof(MEMORY_HEADER) + Size, MEMORY_TAG);
    if (!header) {
        return NULL;
    }
    header->Size = Size;
    InterlockedIncrement64(&MemoryBlocks);
    InterlockedIncrement64(&MemoryAllocations);
    InterlockedExchangeAdd64(&MemoryBytes, (LONG64)Size);
    return header + 1;
}

_Use_decl_annotations_
VOID MemoryFree(VOID *Block) {
    if (!Block) {
        return;
    }
    MEMORY_HEADER *header = (MEMORY_HEADER *)Block - 1;
    InterlockedDecrement64(&MemoryBlocks);
    InterlockedExchangeAdd64(&MemoryBytes, -(LONG64)header->Size);
    ExFreePoolWithTag(header, MEMORY_TAG);
}

_Use_decl_annotations_
VOID MemoryQuery(MEMORY_USAGE *Usage) {
    Usage->Blocks = (UINT64)InterlockedExchangeAdd64(&MemoryBlocks, 0);
    Usage->Bytes = (UINT64)InterlockedExchangeAdd64(&MemoryBytes, 0);
    Usage->Allocations = (UINT64)InterlockedExchangeAdd64(&MemoryAllocations, 0);
}
