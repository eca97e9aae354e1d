// SPDX-License-Identifier: MIT
//
// Operations on a key as a whole.

#include "cmp.h"
#include "calls.h"

NTSTATUS NTAPI CM_NT(DeleteKey)(HANDLE KeyHandle) {
    REG_DELETE_KEY_INFORMATION Information = {0};
    CM_OPERATION Operation;
    PCM_KEY_BODY Body;
    NTSTATUS Status = CmPortReferenceKeyByHandle(KeyHandle, DELETE, ExGetPreviousMode(), (PVOID *)&Body);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Information.Object = Body;
    Status = CmpPreNotify(&Operation, RegNtPreDeleteKey, &Information, Body);
    if (!Operation.Stopped) {
        CmpLockRegistry();
        CmpBreakTransactions(Body->Key, NULL, TRUE);
        Status = Body->Key->Deleted ? STATUS_KEY_DELETED : CmpKeyStore(Body->Key, DeleteNode, Body->Key->Node);
        if (NT_SUCCESS(Status)) {
            CmpDetachDeletedKey(Body->Key);
        }
        CmpUnlockRegistry();
    }
    Status = CmpPostNotify(&Operation, Status, Body);
    CmPortDereferenceObject(Body);
    return Status;
}

static NTSTATUS CmpCheckNewName(PCUNICODE_STRING Name) {
    if (Name->Length == 0 || Name->Length % sizeof(WCHAR) != 0 || Name->Length > CM_MAX_KEY_NAME_BYTES) {
        return STATUS_INVALID_PARAMETER;
    }
    for (ULONG i = 0; i < Name->Length / sizeof(WCHAR); i++) {
        if (Name->Buffer[i] == L'\\') {
            return STATUS_INVALID_PARAMETER;
        }
    }
    return STATUS_SUCCESS;
}

// A new name for a key; of other strings of the caller, see CmpCaptureInput.
static NTSTATUS CmpCaptureNewName(PUNICODE_STRING To, PCUNICODE_STRING From, KPROCESSOR_MODE Mode) {
    NTSTATUS Status = CmpCaptureString(To, From, Mode);

    if (NT_SUCCESS(Status)) {
        Status = CmpCheckNewName(To);
        if (!NT_SUCCESS(Status)) {
            CmpReleaseString(To);
        }
    }
    return Status;
}

static NTSTATUS CmpNotifyRename(PCM_KEY_BODY Body, PCM_INPUT NewName) {
    REG_RENAME_KEY_INFORMATION Information = {.Object = Body, .NewName = &NewName->Shown};
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreRenameKey, &Information, Body);

    if (!Operation.Stopped) {
        Status = CmpReadInput(NewName);
        if (NT_SUCCESS(Status)) {
            CmpLockRegistry();
            CmpBreakTransactions(Body->Key, NULL, FALSE);
            Status = Body->Key->Deleted ? STATUS_KEY_DELETED : CmpRenameKey(Body->Key, &NewName->Own);
            CmpUnlockRegistry();
        }
    }
    return CmpPostNotify(&Operation, Status, Body);
}

NTSTATUS NTAPI CM_NT(RenameKey)(HANDLE KeyHandle, PUNICODE_STRING NewName) {
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    CM_INPUT Name;
    PCM_KEY_BODY Body;
    NTSTATUS Status = CmpCaptureInput(&Name, NewName, Mode, CmpCaptureNewName);

    if (NT_SUCCESS(Status)) {
        Status = CmPortReferenceKeyByHandle(KeyHandle, KEY_WRITE, Mode, (PVOID *)&Body);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpNotifyRename(Body, &Name);
        CmPortDereferenceObject(Body);
    }
    CmpReleaseInput(&Name);
    return Status;
}

NTSTATUS NTAPI CM_NT(FlushKey)(HANDLE KeyHandle) {
    REG_FLUSH_KEY_INFORMATION Information = {0};
    CM_OPERATION Operation;
    PCM_KEY_BODY Body;
    NTSTATUS Status = CmPortReferenceKeyByHandle(KeyHandle, 0, ExGetPreviousMode(), (PVOID *)&Body);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Information.Object = Body;
    Status = CmpPreNotify(&Operation, RegNtPreFlushKey, &Information, Body);
    if (!Operation.Stopped) {
        CmpLockRegistry();
        Status = Body->Key->Deleted ? STATUS_KEY_DELETED : CmpKeyStore(Body->Key, FlushNode, Body->Key->Node);
        CmpUnlockRegistry();
        if (NT_SUCCESS(Status)) {
            Status = CmpFlushHiveOf(Body->Key);
        }
    }
    Status = CmpPostNotify(&Operation, Status, Body);
    CmPortDereferenceObject(Body);
    return Status;
}

// With the registry locked.
static NTSTATUS CmpApplyInformation(PCM_KEY_BODY Body, KEY_SET_INFORMATION_CLASS Class, const VOID *Data) {
    if (Body->Key->Deleted) {
        return STATUS_KEY_DELETED;
    }
    if (Class == KeyWriteTimeInformation) {
        LARGE_INTEGER Time;

        RtlCopyMemory(&Time, Data, sizeof(Time));
        CmpBreakTransactions(Body->Key, NULL, FALSE);
        return CmpKeyStore(Body->Key, SetWriteTime, Body->Key->Node, Time);
    }
    if (Class == KeyWow64FlagsInformation) {
        ULONG Flags;

        // The key has room for four bits. What becomes of others is not documented.
        RtlCopyMemory(&Flags, Data, sizeof(Flags));
        CmpBreakTransactions(Body->Key, NULL, FALSE);
        return CmpKeyStore(Body->Key, SetUserFlags, Body->Key->Node, Flags & 0xF);
    }
    if (Class == KeySetHandleTagsInformation) {
        RtlCopyMemory(&Body->HandleTags, Data, sizeof(Body->HandleTags));
    }
    // The other flags steer virtualisation and debugging aids, which do not exist here.
    return STATUS_SUCCESS;
}

static NTSTATUS CmpNotifySetInformation(PCM_KEY_BODY Body, KEY_SET_INFORMATION_CLASS Class, PVOID Data, ULONG Length) {
    REG_SET_INFORMATION_KEY_INFORMATION Information = {
        .Object = Body, .KeySetInformationClass = Class, .KeySetInformation = Data, .KeySetInformationLength = Length};
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreSetInformationKey, &Information, Body);

    if (!Operation.Stopped) {
        CmpLockRegistry();
        Status = CmpApplyInformation(Body, Class, Data);
        CmpUnlockRegistry();
    }
    return CmpPostNotify(&Operation, Status, Body);
}

NTSTATUS NTAPI CM_NT(SetInformationKey)(HANDLE KeyHandle, KEY_SET_INFORMATION_CLASS KeySetInformationClass,
                                        PVOID KeySetInformation, ULONG KeySetInformationLength) {
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    ULONG64 Data = 0;
    PCM_KEY_BODY Body;
    NTSTATUS Status;

    if ((ULONG)KeySetInformationClass > KeySetHandleTagsInformation) {
        return STATUS_INVALID_INFO_CLASS;
    }
    if (KeySetInformationLength !=
        (KeySetInformationClass == KeyWriteTimeInformation ? sizeof(LARGE_INTEGER) : sizeof(ULONG))) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    Status = CmpCopyIn(&Data, KeySetInformation, KeySetInformationLength, Mode);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmPortReferenceKeyByHandle(KeyHandle, KEY_SET_VALUE, Mode, (PVOID *)&Body);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpNotifySetInformation(Body, KeySetInformationClass, &Data, KeySetInformationLength);
    CmPortDereferenceObject(Body);
    return Status;
}

// The answer of a name query: a string whose text lies behind it, in the caller's buffer.
static NTSTATUS CmpAnswerName(PCUNICODE_STRING Name, POBJECT_NAME_INFORMATION Buffer, ULONG Length, PULONG ReturnLength,
                              KPROCESSOR_MODE Mode) {
    ULONG Full = sizeof(*Buffer) + Name->Length + sizeof(WCHAR);
    POBJECT_NAME_INFORMATION Information;
    NTSTATUS Status = STATUS_SUCCESS;

    if (ReturnLength != NULL) {
        Status = CmpCopyOut(ReturnLength, &Full, sizeof(Full), sizeof(ULONG), Mode);
    }
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    if (Length < Full) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    Information = CmStoreAllocate(Full);
    if (Information == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Information->Name.Length = Name->Length;
    Information->Name.MaximumLength = (USHORT)(Name->Length + sizeof(WCHAR));
    Information->Name.Buffer = (PWCH)(Buffer + 1);
    RtlCopyMemory(Information + 1, Name->Buffer, Name->Length);
    Status = CmpCopyOut(Buffer, Information, Full, sizeof(PVOID), Mode);
    CmStoreFree(Information);
    return Status;
}

NTSTATUS CmQueryKeyObjectName(PVOID Object, POBJECT_NAME_INFORMATION Information, ULONG Length, PULONG ReturnLength,
                              KPROCESSOR_MODE Mode) {
    REG_QUERY_KEY_NAME Notification = {
        .Object = Object, .ObjectNameInfo = Information, .Length = Length, .ReturnLength = ReturnLength};
    PCM_KEY_BODY Body = Object;
    UNICODE_STRING Name = {0};
    CM_OPERATION Operation;
    NTSTATUS Status;

    Status = CmpPreNotify(&Operation, RegNtPreQueryKeyName, &Notification, Body);
    if (!Operation.Stopped) {
        CmpLockRegistry();
        Status = Body->Key->Deleted ? STATUS_KEY_DELETED : CmpBuildName(Body->Key, &Name);
        CmpUnlockRegistry();
        if (NT_SUCCESS(Status)) {
            Status = CmpAnswerName(&Name, Information, Length, ReturnLength, Mode);
        }
        CmpReleaseString(&Name);
    }
    return CmpPostNotify(&Operation, Status, Body);
}
