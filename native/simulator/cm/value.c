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

static NTSTATUS CmpNotifySetValue(PCM_KEY_BODY Body, PREG_SET_VALUE_KEY_INFORMATION Information) {
    UNICODE_STRING Name = *Information->ValueName;
    PVOID Data = Information->Data;
    ULONG TitleIndex = Information->TitleIndex, Type = Information->Type, DataSize = Information->DataSize;
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreSetValueKey, Information, Body);

    if (!Operation.Stopped) {
        CmpLockRegistry();
        // The arguments are those of the caller: what a callback writes into the structure is not read back.
        Status = CmpMaySetValue(Body->Key, &Name, Type);
        if (NT_SUCCESS(Status)) {
            Status = CmpKeyStore(Body->Key, SetValue, Body->Key->Node, &Name, TitleIndex, Type, Data, DataSize);
        }
        CmpUnlockRegistry();
    }
    return CmpPostNotify(&Operation, Status, Body);
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

NTSTATUS NTAPI CM_NT(SetValueKey)(HANDLE KeyHandle, PUNICODE_STRING ValueName, ULONG TitleIndex, ULONG Type, PVOID Data,
                                  ULONG DataSize) {
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
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
        Status = CmpCaptureData(&Captured, Data, DataSize, Mode);
    }
    if (NT_SUCCESS(Status)) {
        Information.Object = Body;
        Information.ValueName = &Name;
        Information.Data = Captured;
        Status = CmpNotifySetValue(Body, &Information);
    }
    CmStoreFree(Captured);
    CmpReleaseString(&Name);
    CmPortDereferenceObject(Body);
    return Status;
}

static NTSTATUS CmpNotifyDeleteValue(PCM_KEY_BODY Body, PUNICODE_STRING Name) {
    REG_DELETE_VALUE_KEY_INFORMATION Information = {.Object = Body, .ValueName = Name};
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreDeleteValueKey, &Information, Body);

    if (!Operation.Stopped) {
        CmpLockRegistry();
        Status = Body->Key->Deleted ? STATUS_KEY_DELETED : CmpKeyStore(Body->Key, DeleteValue, Body->Key->Node, Name);
        CmpUnlockRegistry();
    }
    return CmpPostNotify(&Operation, Status, Body);
}

NTSTATUS NTAPI CM_NT(DeleteValueKey)(HANDLE KeyHandle, PUNICODE_STRING ValueName) {
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    UNICODE_STRING Name = {0};
    PCM_KEY_BODY Body;
    NTSTATUS Status = CmPortReferenceKeyByHandle(KeyHandle, KEY_SET_VALUE, Mode, (PVOID *)&Body);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpCaptureValueName(&Name, ValueName, Mode);
    if (NT_SUCCESS(Status)) {
        Status = CmpNotifyDeleteValue(Body, &Name);
    }
    CmpReleaseString(&Name);
    CmPortDereferenceObject(Body);
    return Status;
}
