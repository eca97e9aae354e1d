// SPDX-License-Identifier: MIT
//
// Security descriptors of keys.

#include "cmp.h"

BOOLEAN CmpIsInApplicationHive(PCM_KEY Key) {
    UNICODE_STRING Frame = {sizeof(WCHAR), sizeof(WCHAR), (PWCH)L"A"};

    while (Key->Parent != NULL && Key->Parent->Parent != NULL) {
        Key = Key->Parent;
    }
    // What is left is \REGISTRY itself or a key right below it.
    return Key->Parent != NULL && RtlEqualUnicodeString(&Key->Name, &Frame, TRUE);
}

_Use_decl_annotations_
NTSTATUS CmpCheckKeyAccess(PCM_KEY Key, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode, PACCESS_MASK GrantedAccess) {
    PSECURITY_DESCRIPTOR Descriptor;
    ULONG Length;
    NTSTATUS Status = CmpKeyStore(Key, ReadSecurity, Key->Node, &Descriptor, &Length);

    if (NT_SUCCESS(Status)) {
        Status = CmPortCheckAccess(Descriptor, DesiredAccess, Mode, GrantedAccess);
        CmStoreFree(Descriptor);
    }
    return Status;
}

_Use_decl_annotations_
NTSTATUS CmpAssignKeySecurity(PCM_KEY Parent, PCM_KEY Key, PSECURITY_DESCRIPTOR Explicit) {
    PSECURITY_DESCRIPTOR Inherited, New;
    ULONG Length;
    NTSTATUS Status;

    if (CmpIsInApplicationHive(Parent)) {
        // All keys of the hive keep the descriptor of its root.
        return STATUS_SUCCESS;
    }
    Status = CmpKeyStore(Parent, ReadSecurity, Parent->Node, &Inherited, &Length);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmPortAssignDescriptor(Inherited, Explicit, &New, &Length);
    if (NT_SUCCESS(Status) && New != NULL) {
        Status = CmpKeyStore(Key, WriteSecurity, Key->Node, New, Length);
        CmStoreFree(New);
    }
    CmStoreFree(Inherited);
    return Status;
}

static NTSTATUS CmpReadSecurity(PCM_KEY Key, PSECURITY_DESCRIPTOR *Descriptor) {
    ULONG Length;
    NTSTATUS Status;

    CmpLockRegistry();
    Status = Key->Deleted ? STATUS_KEY_DELETED : CmpKeyStore(Key, ReadSecurity, Key->Node, Descriptor, &Length);
    CmpUnlockRegistry();
    return Status;
}

static NTSTATUS CmpAnswerSecurity(PSECURITY_DESCRIPTOR Descriptor, SECURITY_INFORMATION Information,
                                  PSECURITY_DESCRIPTOR Buffer, PULONG Length, KPROCESSOR_MODE Mode) {
    ULONG Room = *Length;
    PSECURITY_DESCRIPTOR Part;
    NTSTATUS Status;

    *Length = 0;
    Status = CmPortExtractDescriptor(Descriptor, Information, NULL, Length);
    if (Status != STATUS_BUFFER_TOO_SMALL || Room < *Length) {
        return Status;
    }
    Part = CmStoreAllocate(*Length);
    if (Part == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = CmPortExtractDescriptor(Descriptor, Information, Part, Length);
    if (NT_SUCCESS(Status)) {
        Status = CmpCopyOut(Buffer, Part, *Length, sizeof(ULONG), Mode);
    }
    CmStoreFree(Part);
    return Status;
}

_Use_decl_annotations_
NTSTATUS CmQueryKeyObjectSecurity(PVOID Object, SECURITY_INFORMATION Information, PSECURITY_DESCRIPTOR Descriptor,
                                  PULONG Length, KPROCESSOR_MODE Mode) {
    SECURITY_INFORMATION Shown = Information;
    REG_QUERY_KEY_SECURITY_INFORMATION Notification = {
        .Object = Object, .SecurityInformation = &Shown, .SecurityDescriptor = Descriptor, .Length = Length};
    PCM_KEY_BODY Body = Object;
    PSECURITY_DESCRIPTOR Whole;
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreQueryKeySecurity, &Notification, Body);

    if (!Operation.Stopped) {
        Status = CmpReadSecurity(Body->Key, &Whole);
        if (NT_SUCCESS(Status)) {
            Status = CmpAnswerSecurity(Whole, Information, Descriptor, Length, Mode);
            CmStoreFree(Whole);
        }
    }
    return CmpPostNotify(&Operation, Status, Body);
}

// With the registry locked.
static NTSTATUS CmpChangeSecurity(PCM_KEY Key, SECURITY_INFORMATION Information, PSECURITY_DESCRIPTOR Change) {
    PSECURITY_DESCRIPTOR Current, New;
    ULONG Length;
    NTSTATUS Status;

    if (Key->Deleted) {
        return STATUS_KEY_DELETED;
    }
    if (CmpIsInApplicationHive(Key)) {
        return STATUS_ACCESS_DENIED;
    }
    Status = CmpKeyStore(Key, ReadSecurity, Key->Node, &Current, &Length);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmPortChangeDescriptor(Current, Information, Change, &New, &Length);
    if (NT_SUCCESS(Status)) {
        CmpBreakTransactions(Key, NULL, FALSE);
        Status = CmpKeyStore(Key, WriteSecurity, Key->Node, New, Length);
        CmStoreFree(New);
    }
    CmStoreFree(Current);
    return Status;
}

_Use_decl_annotations_
NTSTATUS CmSetKeyObjectSecurity(PVOID Object, SECURITY_INFORMATION Information, PSECURITY_DESCRIPTOR Descriptor,
                                KPROCESSOR_MODE Mode) {
    SECURITY_INFORMATION Shown = Information;
    REG_SET_KEY_SECURITY_INFORMATION Notification = {
        .Object = Object, .SecurityInformation = &Shown, .SecurityDescriptor = Descriptor};
    PCM_KEY_BODY Body = Object;
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreSetKeySecurity, &Notification, Body);

    UNREFERENCED_PARAMETER(Mode);
    if (!Operation.Stopped) {
        CmpLockRegistry();
        Status = CmpChangeSecurity(Body->Key, Information, Descriptor);
        CmpUnlockRegistry();
    }
    return CmpPostNotify(&Operation, Status, Body);
}
