// SPDX-License-Identifier: MIT
//
// Security of keys by the executive's own routines.

#include "cmp.h"
#include "nt/ob_internal.h"

static GENERIC_MAPPING CmpMapping = {KEY_READ, KEY_WRITE, KEY_EXECUTE, KEY_ALL_ACCESS};

NTSTATUS CmPortCheckAccess(PSECURITY_DESCRIPTOR Descriptor, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode,
                           PACCESS_MASK GrantedAccess) {
    SECURITY_SUBJECT_CONTEXT Subject;
    PPRIVILEGE_SET Privileges = NULL;
    NTSTATUS Status = STATUS_ACCESS_DENIED;

    SeCaptureSubjectContext(&Subject);
    if (SeAccessCheck(Descriptor, &Subject, FALSE, DesiredAccess, 0, &Privileges, &CmpMapping, Mode, GrantedAccess,
                      &Status)) {
        Status = STATUS_SUCCESS;
    }
    if (Privileges != NULL) {
        SeFreePrivileges(Privileges);
    }
    SeReleaseSubjectContext(&Subject);
    return Status;
}

// Out of the executive's pool into the configuration manager's.
static NTSTATUS CmpCopyDescriptor(PSECURITY_DESCRIPTOR Descriptor, PSECURITY_DESCRIPTOR *Copy, PULONG Length) {
    *Length = RtlLengthSecurityDescriptor(Descriptor);
    *Copy = CmStoreAllocate(*Length);
    if (*Copy == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlCopyMemory(*Copy, Descriptor, *Length);
    return STATUS_SUCCESS;
}

NTSTATUS CmPortCaptureDescriptor(PSECURITY_DESCRIPTOR Descriptor, KPROCESSOR_MODE Mode,
                                 PSECURITY_DESCRIPTOR *Captured) {
    PSECURITY_DESCRIPTOR Block = NULL;
    ULONG Length;
    NTSTATUS Status = SeCaptureSecurityDescriptor(Descriptor, Mode, PagedPool, TRUE, &Block);

    *Captured = NULL;
    if (NT_SUCCESS(Status) && Block != NULL) {
        Status = CmpCopyDescriptor(Block, Captured, &Length);
        SeReleaseSecurityDescriptor(Block, Mode, TRUE);
    }
    return Status;
}

NTSTATUS CmPortAssignDescriptor(PSECURITY_DESCRIPTOR Parent, PSECURITY_DESCRIPTOR Explicit, PSECURITY_DESCRIPTOR *New,
                                PULONG NewLength) {
    SECURITY_SUBJECT_CONTEXT Subject;
    PSECURITY_DESCRIPTOR Block = NULL;
    NTSTATUS Status;

    SeCaptureSubjectContext(&Subject);
    Status = SeAssignSecurity(Parent, Explicit, &Block, TRUE, &Subject, &CmpMapping, PagedPool);
    SeReleaseSubjectContext(&Subject);
    if (NT_SUCCESS(Status)) {
        Status = CmpCopyDescriptor(Block, New, NewLength);
        SeDeassignSecurity(&Block);
    }
    return Status;
}

NTSTATUS CmPortChangeDescriptor(PSECURITY_DESCRIPTOR Current, SECURITY_INFORMATION Information,
                                PSECURITY_DESCRIPTOR Change, PSECURITY_DESCRIPTOR *New, PULONG NewLength) {
    PSECURITY_DESCRIPTOR Block = Current;
    NTSTATUS Status = SeSetSecurityDescriptorInfo(NULL, &Information, Change, &Block, PagedPool, &CmpMapping);

    if (NT_SUCCESS(Status)) {
        Status = CmpCopyDescriptor(Block, New, NewLength);
        if (Block != Current) {
            ExFreePool(Block);
        }
    }
    return Status;
}

NTSTATUS CmPortExtractDescriptor(PSECURITY_DESCRIPTOR Descriptor, SECURITY_INFORMATION Information,
                                 PSECURITY_DESCRIPTOR Buffer, PULONG Length) {
    return SeQuerySecurityDescriptorInfo(&Information, Buffer, Length, &Descriptor);
}

BOOLEAN CmPortHoldsPrivilege(LONG Privilege, KPROCESSOR_MODE Mode) {
    return SeSinglePrivilegeCheck(RtlConvertLongToLuid(Privilege), Mode);
}

BOOLEAN CmPortIsWow64Process(VOID) {
    return PsGetProcessWow64Process(PsGetCurrentProcess()) != NULL;
}
