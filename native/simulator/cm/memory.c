// SPDX-License-Identifier: MIT
//
// Blocks of the configuration manager, which can be made to fail; facts of keys and values as single blocks.

#include "cmp.h"

static volatile LONG CmpFailCountdown;

VOID CmFailAllocation(ULONG Nth) {
    InterlockedExchange(&CmpFailCountdown, (LONG)Nth);
}

PVOID CmStoreAllocate(SIZE_T Size) {
    PVOID Block;

    if (InterlockedCompareExchange(&CmpFailCountdown, 0, 0) > 0 && InterlockedDecrement(&CmpFailCountdown) == 0) {
        return NULL;
    }
    Block = ExAllocatePoolWithTag(NonPagedPool, Size == 0 ? 1 : Size, CM_TAG);
    if (Block != NULL) {
        RtlZeroMemory(Block, Size);
        CmpCount(&CmpBlockCount, 1);
    }
    return Block;
}

VOID CmStoreFree(PVOID Block) {
    if (Block != NULL) {
        ExFreePoolWithTag(Block, CM_TAG);
        CmpCount(&CmpBlockCount, -1);
    }
}

// Puts a copy of String at *At, which is where the block still has room, and moves on.
static VOID CmpPlaceString(PUNICODE_STRING To, PCUNICODE_STRING String, PUCHAR *At) {
    To->Buffer = (PWCH)*At;
    To->Length = To->MaximumLength = String->Length;
    RtlCopyMemory(*At, String->Buffer, String->Length);
    *At += String->Length;
}

NTSTATUS CmStoreMakeFacts(PCUNICODE_STRING Name, PCUNICODE_STRING Class, PCM_KEY_FACTS *Facts) {
    PUCHAR At;

    *Facts = CmStoreAllocate(sizeof(**Facts) + Name->Length + Class->Length);
    if (*Facts == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    At = (PUCHAR)(*Facts + 1);
    CmpPlaceString(&(*Facts)->Name, Name, &At);
    CmpPlaceString(&(*Facts)->Class, Class, &At);
    return STATUS_SUCCESS;
}

NTSTATUS CmStoreMakeValue(PCUNICODE_STRING Name, const VOID *Data, ULONG DataLength, PCM_VALUE *Value) {
    SIZE_T DataOffset = (sizeof(**Value) + Name->Length + 7) & ~(SIZE_T)7;
    PUCHAR At;

    *Value = CmStoreAllocate(DataOffset + DataLength);
    if (*Value == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    At = (PUCHAR)(*Value + 1);
    CmpPlaceString(&(*Value)->Name, Name, &At);
    (*Value)->DataLength = DataLength;
    if (DataLength != 0) {
        (*Value)->Data = (PUCHAR)*Value + DataOffset;
        RtlCopyMemory((*Value)->Data, Data, DataLength);
    }
    return STATUS_SUCCESS;
}
