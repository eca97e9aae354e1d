// SPDX-License-Identifier: MIT
//
// Operations that change values.

#include "cmp.h"
#include "calls.h"

// With the registry locked. A link has its target and no other value.
static NTSTATUS CmpMaySetValue(PCM_KEY Key, PCUNICODE_STRING Name, ULONG Type) {
    if (Key->Deleted) {
        return STATUS_KEY_DELETED;
    }
    if (Key->Link && (Type != REG_LINK || !RtlEqualUnicodeString(Name, &CmpLinkValueName, TRUE))) {
        return STATUS_ACCESS_DENIED;
    }
    return STATUS_SUCCESS;
}

// With the registry locked.
static NTSTATUS CmpPerformSetValue(PCM_KEY Key, PCUNICODE_STRING Name, const REG_SET_VALUE_KEY_INFORMATION *Asked,
                                   const VOID *Data) {
    NTSTATUS Status = CmpMaySetValue(Key, Name, Asked->Type);

    if (NT_SUCCESS(Status)) {
        CmpBreakTransactions(Key, NULL, FALSE);
        Status = CmpKeyStore(Key, SetValue, Key->Node, Name, Asked->TitleIndex, Asked->Type, Data, Asked->DataSize);
    }
    return Status;
}

static NTSTATUS CmpCaptureData(PVOID *Captured, const VOID *Data, ULONG DataSize, KPROCESSOR_MODE Mode) {
    NTSTATUS Status;

    *Captured = NULL;
    if (DataSize == 0) {
        return STATUS_SUCCESS;
    }
    *Captured = CmStoreAllocate(DataSize);
    if (*Captured == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = CmpCopyIn(*Captured, Data, DataSize, Mode);
    if (!NT_SUCCESS(Status)) {
        CmStoreFree(*Captured);
        *Captured = NULL;
    }
    return Status;
}

// Data is the caller's, to be captured when the operation needs it, or NULL if Information has it captured already.
static NTSTATUS CmpNotifySetValue(PCM_KEY_BODY Body, PREG_SET_VALUE_KEY_INFORMATION Information, const VOID *RawData) {
    // The arguments are those of the caller: what a callback writes into the structure is not read back.
    REG_SET_VALUE_KEY_INFORMATION Asked = *Information;
    UNICODE_STRING Name = *Information->ValueName;
    PVOID Captured = NULL;
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreSetValueKey, Information, Body);

    if (!Operation.Stopped) {
        if (RawData != NULL) {
            Status = CmpCaptureData(&Captured, RawData, Asked.DataSize, UserMode);
        }
        if (NT_SUCCESS(Status)) {
            CmpLockRegistry();
            Status = CmpPerformSetValue(Body->Key, &Name, &Asked, RawData != NULL ? Captured : Asked.Data);
            CmpUnlockRegistry();
        }
        CmStoreFree(Captured);
    }
    return CmpPostNotify(&Operation, Status, Body);
}

NTSTATUS NTAPI CM_NT(SetValueKey)(HANDLE KeyHandle, PUNICODE_STRING ValueName, ULONG TitleIndex, ULONG Type, PVOID Data,
                                  ULONG DataSize) {
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    BOOLEAN Raw = CmpIsRawInput(Mode) && DataSize != 0;
    REG_SET_VALUE_KEY_INFORMATION Information = {.TitleIndex = TitleIndex, .Type = Type, .DataSize = DataSize};
    UNICODE_STRING Name = {0};
    PCM_KEY_BODY Body;
    PVOID Captured = NULL;
    NTSTATUS Status = CmPortReferenceKeyByHandle(KeyHandle, KEY_SET_VALUE, Mode, (PVOID *)&Body);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    if (DataSize > 0x7FFFFFFF) {
        Status = STATUS_INVALID_PARAMETER;
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpCaptureValueName(&Name, ValueName, Mode);
    }
    if (NT_SUCCESS(Status)) {
        Status = Raw ? CmpProbeIn(Data, DataSize, Mode) : CmpCaptureData(&Captured, Data, DataSize, Mode);
    }
    if (NT_SUCCESS(Status)) {
        Information.Object = Body;
        Information.ValueName = &Name;
        Information.Data = Raw ? Data : Captured;
        Status = CmpNotifySetValue(Body, &Information, Raw ? Data : NULL);
    }
    CmStoreFree(Captured);
    CmpReleaseString(&Name);
    CmPortDereferenceObject(Body);
    return Status;
}

static NTSTATUS CmpNotifyDeleteValue(PCM_KEY_BODY Body, PCM_INPUT Name) {
    REG_DELETE_VALUE_KEY_INFORMATION Information = {.Object = Body, .ValueName = &Name->Shown};
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreDeleteValueKey, &Information, Body);

    if (!Operation.Stopped) {
        Status = CmpReadInput(Name);
        if (NT_SUCCESS(Status)) {
            CmpLockRegistry();
            CmpBreakTransactions(Body->Key, NULL, FALSE);
            Status = Body->Key->Deleted ? STATUS_KEY_DELETED
                                        : CmpKeyStore(Body->Key, DeleteValue, Body->Key->Node, &Name->Own);
            CmpUnlockRegistry();
        }
    }
    return CmpPostNotify(&Operation, Status, Body);
}

NTSTATUS NTAPI CM_NT(DeleteValueKey)(HANDLE KeyHandle, PUNICODE_STRING ValueName) {
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    CM_INPUT Name;
    PCM_KEY_BODY Body;
    NTSTATUS Status = CmPortReferenceKeyByHandle(KeyHandle, KEY_SET_VALUE, Mode, (PVOID *)&Body);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpCaptureInput(&Name, ValueName, Mode, CmpCaptureValueName);
    if (NT_SUCCESS(Status)) {
        Status = CmpNotifyDeleteValue(Body, &Name);
    }
    CmpReleaseInput(&Name);
    CmPortDereferenceObject(Body);
    return Status;
}
