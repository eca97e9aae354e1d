// SPDX-License-Identifier: MIT
//
// NtLoadKey, NtLoadKey2 and NtLoadKeyEx.

#include "hive_load.h"
#include "calls.h"

#define CM_LOAD_FLAGS                                                                                                  \
    (REG_NO_LAZY_FLUSH | REG_APP_HIVE | REG_PROCESS_PRIVATE | REG_HIVE_EXACT_FILE_GROWTH | REG_HIVE_NO_RM |            \
     REG_HIVE_SINGLE_LOG | REG_LOAD_HIVE_OPEN_HANDLE | REG_FLUSH_HIVE_FILE_GROWTH | REG_OPEN_READ_ONLY |               \
     REG_NO_IMPERSONATION_FALLBACK)

NTSTATUS CmpCaptureNamed(PCM_NAMED Named, POBJECT_ATTRIBUTES ObjectAttributes, KPROCESSOR_MODE Mode) {
    POBJECT_ATTRIBUTES Attributes = &Named->Attributes;
    NTSTATUS Status = CmpCopyIn(Attributes, ObjectAttributes, sizeof(*Attributes), Mode);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    if (Attributes->Length != sizeof(*Attributes)) {
        return STATUS_INVALID_PARAMETER;
    }
    Status = CmpCaptureString(&Named->Name, Attributes->ObjectName, Mode);
    Attributes->ObjectName = &Named->Name;
    Attributes->SecurityDescriptor = NULL;
    Attributes->SecurityQualityOfService = NULL;
    if (Mode == UserMode) {
        Attributes->Attributes &= ~(ULONG)OBJ_KERNEL_HANDLE;
    }
    if (NT_SUCCESS(Status) && Named->Name.Length % sizeof(WCHAR) != 0) {
        Status = STATUS_OBJECT_NAME_INVALID;
    }
    return Status;
}

static NTSTATUS CmpReferenceOptionalKey(HANDLE Handle, KPROCESSOR_MODE Mode, PCM_KEY_BODY *Body) {
    PVOID Object;
    NTSTATUS Status;

    if (Handle == NULL) {
        return STATUS_SUCCESS;
    }
    Status = CmPortReferenceKeyByHandle(Handle, 0, Mode, &Object);
    if (NT_SUCCESS(Status)) {
        *Body = Object;
    }
    return Status;
}

static NTSTATUS CmpCaptureLoad(PCM_LOAD Load, POBJECT_ATTRIBUTES TargetKey, POBJECT_ATTRIBUTES SourceFile,
                               HANDLE TrustClassKey, HANDLE Event) {
    NTSTATUS Status = CmpCaptureNamed(&Load->Target, TargetKey, Load->Mode);

    if (NT_SUCCESS(Status)) {
        Status = CmpCaptureNamed(&Load->Source, SourceFile, Load->Mode);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpReferenceOptionalKey(Load->Target.Attributes.RootDirectory, Load->Mode, &Load->Root);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpReferenceOptionalKey(TrustClassKey, Load->Mode, &Load->TrustClass);
    }
    if (NT_SUCCESS(Status) && Event != NULL) {
        Status = CmPortReferenceEvent(Event, Load->Mode, &Load->Event);
    }
    return Status;
}

static VOID CmpReleaseLoad(PCM_LOAD Load) {
    if (Load->Root != NULL) {
        CmPortDereferenceObject(Load->Root);
    }
    if (Load->TrustClass != NULL) {
        CmPortDereferenceObject(Load->TrustClass);
    }
    if (Load->Event != NULL) {
        CmPortDereferenceObject(Load->Event);
    }
    CmpReleaseString(&Load->Source.Name);
    CmpReleaseString(&Load->Target.Name);
}

// Takes over the reference of the root, also on failure.
static NTSTATUS CmpOpenRootHandle(const CM_LOAD *Load, PCM_KEY Root, PHANDLE Handle) {
    ACCESS_MASK Access = CmpMapAccess(Load->DesiredAccess & ~(ACCESS_MASK)KEY_WOW64_RES);
    PCM_KEY_BODY Body;
    NTSTATUS Status = CmpCreateBody(Root, &Body);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    CmpFinishOpening(Body);
    if (Access & MAXIMUM_ALLOWED) {
        Access = (Access & ~(ACCESS_MASK)MAXIMUM_ALLOWED) | KEY_ALL_ACCESS;
    }
    Status = CmPortCreateHandle(Body, Access, Load->Target.Attributes.Attributes & (OBJ_INHERIT | OBJ_KERNEL_HANDLE),
                                Load->Mode, Handle);
    CmPortDereferenceObject(Body);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpCopyOut(Load->RootHandle, Handle, sizeof(*Handle), sizeof(ULONG), Load->Mode);
    if (!NT_SUCCESS(Status)) {
        CmPortCloseHandle(*Handle, Load->Mode);
    }
    return Status;
}

static NTSTATUS CmpPerformLoad(const CM_LOAD *Load, PHANDLE Handle) {
    PCM_KEY Root;
    NTSTATUS Status = CmpLoad(Load, &Root), Opened;

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    if (Load->RootHandle == NULL) {
        CmpReleaseKey(Root);
        return Status;
    }
    Opened = CmpOpenRootHandle(Load, Root, Handle);
    return NT_SUCCESS(Opened) ? Status : Opened;
}

static NTSTATUS CmpNotifyLoad(PCM_LOAD Load) {
    REG_LOAD_KEY_INFORMATION_V2 Information = {.Object = Load->Root,
                                               .KeyName = &Load->Target.Name,
                                               .SourceFile = &Load->Source.Name,
                                               .Flags = Load->Flags,
                                               .TrustClassObject = Load->TrustClass,
                                               .UserEvent = Load->Event,
                                               .DesiredAccess = Load->DesiredAccess,
                                               .RootHandle = Load->RootHandle};
    CM_OPERATION Operation;
    HANDLE Handle = NULL;
    NTSTATUS Status;

    // The older structure ends behind this field, where it is called Reserved and is 0. Whose token goes into the field
    // behind it is not documented; it stays NULL.
    Information.Version = CmpSystem.Options.LoadVersion;
    Status = CmpPreNotify(&Operation, RegNtPreLoadKey, &Information, Load->Root);
    if (!Operation.Stopped) {
        Status = CmpPerformLoad(Load, &Handle);
    }
    // Sources differ on the object of the post notification.
    Status = CmpPostNotify(&Operation, Status, CmpPoison());
    if (!NT_SUCCESS(Status) && Handle != NULL) {
        CmPortCloseHandle(Handle, Load->Mode);
    }
    return Status;
}

static NTSTATUS CmpCheckLoad(const CM_LOAD *Load) {
    BOOLEAN WantsHandle = (Load->Flags & (REG_APP_HIVE | REG_LOAD_HIVE_OPEN_HANDLE)) != 0;

    // Which of the flags a caller may give, and how, is not documented.
    if ((Load->Flags & ~(ULONG)CM_LOAD_FLAGS) != 0 || WantsHandle != (Load->RootHandle != NULL) ||
        ((Load->Flags & REG_PROCESS_PRIVATE) != 0 && (Load->Flags & REG_APP_HIVE) == 0) ||
        (WantsHandle && Load->DesiredAccess == 0)) {
        return STATUS_INVALID_PARAMETER;
    }
    if ((Load->Flags & REG_APP_HIVE) == 0 && !CmPortHoldsPrivilege(SE_RESTORE_PRIVILEGE, Load->Mode)) {
        return STATUS_PRIVILEGE_NOT_HELD;
    }
    return Load->RootHandle != NULL
               ? CmpProbeOut(Load->RootHandle, sizeof(*Load->RootHandle), sizeof(ULONG), Load->Mode)
               : STATUS_SUCCESS;
}

NTSTATUS NTAPI CM_NT(LoadKeyEx)(POBJECT_ATTRIBUTES TargetKey, POBJECT_ATTRIBUTES SourceFile, ULONG Flags,
                                HANDLE TrustClassKey, HANDLE Event, ACCESS_MASK DesiredAccess, PHANDLE RootHandle,
                                PVOID Reserved) {
    CM_LOAD Load = {
        .Mode = ExGetPreviousMode(), .Flags = Flags, .DesiredAccess = DesiredAccess, .RootHandle = RootHandle};
    NTSTATUS Status;

    CmpCheckIrql(PASSIVE_LEVEL);
    if (Reserved != NULL) {
        return STATUS_INVALID_PARAMETER;
    }
    Status = CmpCheckLoad(&Load);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpCaptureLoad(&Load, TargetKey, SourceFile, TrustClassKey, Event);
    if (NT_SUCCESS(Status)) {
        Status = CmpNotifyLoad(&Load);
    }
    CmpReleaseLoad(&Load);
    return Status;
}

NTSTATUS NTAPI CM_NT(LoadKey2)(POBJECT_ATTRIBUTES TargetKey, POBJECT_ATTRIBUTES SourceFile, ULONG Flags) {
    return CM_NT(LoadKeyEx)(TargetKey, SourceFile, Flags, NULL, NULL, 0, NULL, NULL);
}

NTSTATUS NTAPI CM_NT(LoadKey)(POBJECT_ATTRIBUTES TargetKey, POBJECT_ATTRIBUTES SourceFile) {
    return CM_NT(LoadKey2)(TargetKey, SourceFile, 0);
}
