// SPDX-License-Identifier: MIT
//
// NtQueryMultipleValueKey.

#include "cmp.h"
#include "calls.h"

#define CM_MAX_ENTRIES 0x10000

typedef struct _CM_MULTIPLE {
    PKEY_VALUE_ENTRY CallerEntries;
    PKEY_VALUE_ENTRY Entries; // captured: names in the pool
    PUNICODE_STRING Names;
    ULONG Count;
    PVOID Buffer;
    ULONG BufferLength; // captured
    PULONG CallerLength;
    PULONG CallerRequired;
    KPROCESSOR_MODE Mode;
} CM_MULTIPLE, *PCM_MULTIPLE;

static VOID CmpReleaseMultiple(PCM_MULTIPLE Query) {
    for (ULONG i = 0; Query->Names != NULL && i < Query->Count; i++) {
        CmpReleaseString(&Query->Names[i]);
    }
    CmStoreFree(Query->Names);
    CmStoreFree(Query->Entries);
}

static NTSTATUS CmpCaptureMultiple(PCM_MULTIPLE Query) {
    NTSTATUS Status = CmpCopyIn(&Query->BufferLength, Query->CallerLength, sizeof(ULONG), Query->Mode);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    if (Query->Count > CM_MAX_ENTRIES) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = CmpProbeOut(Query->Buffer, Query->BufferLength, sizeof(ULONG), Query->Mode);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Query->Entries = CmStoreAllocate(Query->Count * sizeof(*Query->Entries));
    Query->Names = CmStoreAllocate(Query->Count * sizeof(*Query->Names));
    if (Query->Entries == NULL || Query->Names == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = CmpCopyIn(Query->Entries, Query->CallerEntries, Query->Count * sizeof(*Query->Entries), Query->Mode);
    for (ULONG i = 0; NT_SUCCESS(Status) && i < Query->Count; i++) {
        Status = CmpCaptureValueName(&Query->Names[i], Query->Entries[i].ValueName, Query->Mode);
        Query->Entries[i].ValueName = &Query->Names[i];
    }
    return Status;
}

// One value: its data goes to *Used, if all before it fitted and it does, too. *Required counts in any case.
static NTSTATUS CmpAnswerEntry(PCM_MULTIPLE Query, PCM_KEY_BODY Body, ULONG Index, ULONG *Used, ULONG64 *Required) {
    PKEY_VALUE_ENTRY Entry = &Query->Entries[Index];
    PCM_VALUE Value = NULL;
    ULONG64 Offset;
    NTSTATUS Status;

    CmpLockRegistry();
    Status = Body->Key->Deleted ? STATUS_KEY_DELETED
                                : CmpKeyStore(Body->Key, ReadValue, Body->Key->Node, &Query->Names[Index], &Value);
    CmpUnlockRegistry();
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Offset = (*Required + 3) & ~3ull;
    *Required = Offset + Value->DataLength;
    Entry->Type = Value->Type;
    Entry->DataLength = Value->DataLength;
    Entry->DataOffset = (ULONG)Offset;
    if (*Required <= Query->BufferLength) {
        Status = CmpCopyOut((PUCHAR)Query->Buffer + Offset, Value->Data, Value->DataLength, 1, Query->Mode);
        *Used = (ULONG)*Required;
    }
    CmStoreFree(Value);
    return Status;
}

static NTSTATUS CmpCopyEntryOut(PCM_MULTIPLE Query, ULONG Index) {
    const KEY_VALUE_ENTRY *Entry = &Query->Entries[Index];

    // The caller's own pointer to the name stays as it is.
    return CmpCopyOut(&Query->CallerEntries[Index].DataLength, &Entry->DataLength,
                      sizeof(*Entry) - FIELD_OFFSET(KEY_VALUE_ENTRY, DataLength), sizeof(ULONG), Query->Mode);
}

// *Length is the copy of the buffer's size that callbacks see.
static NTSTATUS CmpPerformMultiple(PCM_MULTIPLE Query, PCM_KEY_BODY Body, PULONG Length) {
    ULONG Used = 0;
    ULONG64 Required = 0;
    ULONG Needed;
    NTSTATUS Status = STATUS_SUCCESS;

    for (ULONG i = 0; NT_SUCCESS(Status) && i < Query->Count; i++) {
        Status = CmpAnswerEntry(Query, Body, i, &Used, &Required);
        if (NT_SUCCESS(Status)) {
            Status = CmpCopyEntryOut(Query, i);
        }
    }
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Needed = Required > 0xFFFFFFFF ? 0xFFFFFFFF : (ULONG)Required;
    // In and out, as for the caller; not documented for callbacks.
    *Length = Used;
    Status = CmpCopyOut(Query->CallerLength, &Used, sizeof(Used), sizeof(ULONG), Query->Mode);
    if (NT_SUCCESS(Status) && Query->CallerRequired != NULL) {
        Status = CmpCopyOut(Query->CallerRequired, &Needed, sizeof(Needed), sizeof(ULONG), Query->Mode);
    }
    if (NT_SUCCESS(Status) && Required > Query->BufferLength) {
        Status = STATUS_BUFFER_OVERFLOW;
    }
    return Status;
}

static NTSTATUS CmpNotifyMultiple(PCM_MULTIPLE Query, PCM_KEY_BODY Body) {
    ULONG Length = Query->BufferLength;
    BOOLEAN Raw = CmpIsRawInput(Query->Mode);
    REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION Information = {.Object = Body,
                                                            .ValueEntries = Query->Entries,
                                                            .EntryCount = Query->Count,
                                                            .ValueBuffer = Query->Buffer,
                                                            .BufferLength = Raw ? Query->CallerLength : &Length,
                                                            .RequiredBufferLength = Query->CallerRequired};
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreQueryMultipleValueKey, &Information, Body);

    if (!Operation.Stopped) {
        Status = CmpPerformMultiple(Query, Body, &Length);
        return CmpPostNotify(&Operation, Status, Body);
    }
    // A callback that answered itself has left the lengths in the captured copies.
    for (ULONG i = 0; NT_SUCCESS(Status) && i < Query->Count; i++) {
        Status = CmpCopyEntryOut(Query, i);
    }
    if (NT_SUCCESS(Status) && !Raw) {
        Status = CmpCopyOut(Query->CallerLength, &Length, sizeof(Length), sizeof(ULONG), Query->Mode);
    }
    return CmpPostNotify(&Operation, Status, Body);
}

NTSTATUS NTAPI CM_NT(QueryMultipleValueKey)(HANDLE KeyHandle, PKEY_VALUE_ENTRY ValueEntries, ULONG EntryCount,
                                            PVOID ValueBuffer, PULONG BufferLength, PULONG RequiredBufferLength) {
    CM_MULTIPLE Query = {.CallerEntries = ValueEntries,
                         .Count = EntryCount,
                         .Buffer = ValueBuffer,
                         .CallerLength = BufferLength,
                         .CallerRequired = RequiredBufferLength,
                         .Mode = ExGetPreviousMode()};
    PCM_KEY_BODY Body;
    NTSTATUS Status = CmPortReferenceKeyByHandle(KeyHandle, KEY_QUERY_VALUE, Query.Mode, (PVOID *)&Body);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpCaptureMultiple(&Query);
    if (NT_SUCCESS(Status)) {
        Status = CmpNotifyMultiple(&Query, Body);
    }
    CmpReleaseMultiple(&Query);
    CmPortDereferenceObject(Body);
    return Status;
}
