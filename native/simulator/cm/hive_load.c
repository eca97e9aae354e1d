// SPDX-License-Identifier: MIT
//
// NtLoadKey, NtLoadKey2 and NtLoadKeyEx.

#include "hive.h"
#include "calls.h"

#define CM_LOAD_FLAGS                                                                                                  \
    (REG_NO_LAZY_FLUSH | REG_APP_HIVE | REG_PROCESS_PRIVATE | REG_HIVE_EXACT_FILE_GROWTH | REG_HIVE_NO_RM |            \
     REG_HIVE_SINGLE_LOG | REG_LOAD_HIVE_OPEN_HANDLE | REG_FLUSH_HIVE_FILE_GROWTH | REG_OPEN_READ_ONLY |               \
     REG_NO_IMPERSONATION_FALLBACK)

typedef struct _CM_LOAD {
    KPROCESSOR_MODE Mode;
    ULONG Flags;
    ACCESS_MASK DesiredAccess;
    CM_NAMED Target;
    CM_NAMED Source;
    PCM_KEY_BODY Root;       // of the target's name; referenced
    PCM_KEY_BODY TrustClass; // referenced
    PVOID Event;             // referenced
    PHANDLE RootHandle;      // the caller's
} CM_LOAD, *PCM_LOAD;

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

// The key below which the hive is to be, referenced, and the name that it gets there.
static NTSTATUS CmpFindPlace(const CM_LOAD *Load, PCM_KEY *Parent, PUNICODE_STRING Name) {
    UNICODE_STRING Rest = Load->Target.Name;
    PCM_KEY Key = Load->Root != NULL ? Load->Root->Key : CmpSystem.RootKey;
    NTSTATUS Status = Load->Root != NULL ? STATUS_SUCCESS : CmpStripRegistryPrefix(&Rest);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    CmpTrimSeparators(&Rest);
    if (!CmpNextComponent(&Rest, Name)) {
        return STATUS_INVALID_PARAMETER;
    }
    CmpReferenceKey(Key);
    while (NT_SUCCESS(Status) && Rest.Length != 0) {
        PCM_KEY Child = NULL;

        Status = CmpOpenChildKey(Key, Name, &Child);
        if (NT_SUCCESS(Status)) {
            CmpDereferenceKey(Key);
            Key = Child;
            CmpNextComponent(&Rest, Name);
        }
    }
    if (NT_SUCCESS(Status) && Name->Length > CM_MAX_KEY_NAME_BYTES) {
        Status = STATUS_INVALID_PARAMETER;
    }
    if (!NT_SUCCESS(Status)) {
        CmpDereferenceKey(Key);
        return Status;
    }
    *Parent = Key;
    return STATUS_SUCCESS;
}

// Application hives hang below \REGISTRY\A and nothing else does.
static BOOLEAN CmpIsPlaceFor(ULONG Flags, PCM_KEY Parent) {
    static WCHAR Text[] = L"A";
    UNICODE_STRING Name = {sizeof(Text) - sizeof(WCHAR), sizeof(Text), Text};
    BOOLEAN Application = Parent->Parent == CmpSystem.RootKey && RtlEqualUnicodeString(&Parent->Name, &Name, TRUE);

    return Application == ((Flags & REG_APP_HIVE) != 0);
}

static NTSTATUS CmpCheckPlace(const CM_LOAD *Load, PCM_KEY *Parent, PUNICODE_STRING Name) {
    PCM_KEY Taken;
    NTSTATUS Status = CmpFindPlace(Load, Parent, Name);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpOpenChildKey(*Parent, Name, &Taken);
    if (NT_SUCCESS(Status)) {
        CmpDereferenceKey(Taken);
        Status = STATUS_ACCESS_DENIED; // as reg.exe reports it
    } else if (Status == STATUS_OBJECT_NAME_NOT_FOUND) {
        Status = CmpIsPlaceFor(Load->Flags, *Parent) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
    }
    if (!NT_SUCCESS(Status)) {
        CmpDereferenceKey(*Parent);
    }
    return Status;
}

// With both locks held. On success the hive is on the list.
static NTSTATUS CmpAttachHive(PCM_KEY Parent, PCUNICODE_STRING Name, CM_IMAGE Image, PCM_HIVE Hive) {
    CM_NODE Node;
    PCM_KEY Root;
    NTSTATUS Status = CmpKeyStore(Parent, LoadHive, Parent->Node, Name, Image, &Node);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpOpenChildKey(Parent, Name, &Root);
    if (NT_SUCCESS(Status)) {
        CmpInsertHive(Hive, Root);
    } else {
        CmpKeyStore(Parent, UnloadHive, Node);
    }
    CmpKeyStore(Parent, CloseNode, Node);
    return Status;
}

// With the lock of hives held. An application hive that is loaded already is shared, unless somebody wants it for
// himself. What names the file is its path as it was given.
static NTSTATUS CmpFindShared(const CM_LOAD *Load, PCM_KEY *Root) {
    for (PLIST_ENTRY Entry = CmpHives.Flink; Entry != &CmpHives; Entry = Entry->Flink) {
        PCM_HIVE Hive = CONTAINING_RECORD(Entry, CM_HIVE, Link);

        if ((Hive->Flags & Load->Flags & REG_APP_HIVE) == 0 || Load->Source.Attributes.RootDirectory != NULL ||
            !RtlEqualUnicodeString(&Hive->FileName, &Load->Source.Name, TRUE)) {
            continue;
        }
        if ((Hive->Flags | Load->Flags) & REG_PROCESS_PRIVATE) {
            return STATUS_SHARING_VIOLATION; // the status is not documented
        }
        CmpLockRegistry();
        CmpReferenceKey(Hive->Root);
        CmpUnlockRegistry();
        *Root = Hive->Root;
        break;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS CmpOpenHive(const CM_LOAD *Load, PCM_HIVE *Hive, CM_IMAGE *Image) {
    PCM_HIVE Made = CmStoreAllocate(sizeof(*Made));
    OBJECT_ATTRIBUTES File = Load->Source.Attributes;
    NTSTATUS Status;

    if (Made == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Made->Flags = Load->Flags;
    Status = CmpCaptureString(&Made->FileName, &Load->Source.Name, KernelMode);
    if (NT_SUCCESS(Status)) {
        // With the rights of the system, except that an application hive takes no privilege to load.
        File.Attributes = OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE;
        if ((Load->Flags & REG_APP_HIVE) != 0 && Load->Mode == UserMode) {
            File.Attributes |= OBJ_FORCE_ACCESS_CHECK;
        }
        Status = CmpStore(OpenImage, &File, Load->Flags, Image, &Made->File);
    }
    if (NT_SUCCESS(Status) && Made->File != NULL) {
        CmPortKeepHandle(Made->File);
    }
    if (!NT_SUCCESS(Status)) {
        CmpReleaseString(&Made->FileName);
        CmStoreFree(Made);
        return Status;
    }
    *Hive = Made;
    return Status;
}

static VOID CmpDiscardHive(PCM_HIVE Hive) {
    if (Hive->File != NULL) {
        ZwClose(Hive->File);
    }
    CmpReleaseString(&Hive->FileName);
    CmStoreFree(Hive);
}

// With the lock of hives held. *Root comes referenced.
static NTSTATUS CmpLoadAt(const CM_LOAD *Load, PCM_KEY Parent, PCUNICODE_STRING Name, PCM_KEY *Root) {
    PCM_HIVE Hive;
    CM_IMAGE Image;
    NTSTATUS Status = CmpOpenHive(Load, &Hive, &Image), Attached;

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    CmpLockRegistry();
    Attached = CmpAttachHive(Parent, Name, Image, Hive);
    if (NT_SUCCESS(Attached)) {
        *Root = Hive->Root;
        CmpReferenceKey(*Root);
    }
    CmpUnlockRegistry();
    CmpStore(FreeImage, Image);
    if (!NT_SUCCESS(Attached)) {
        CmpDiscardHive(Hive);
        return Attached;
    }
    return Status;
}

static NTSTATUS CmpLoad(const CM_LOAD *Load, PCM_KEY *Root) {
    PCM_KEY Parent = NULL;
    UNICODE_STRING Name;
    NTSTATUS Status;

    *Root = NULL;
    CmpLockHives();
    CmpLockRegistry();
    Status = CmpCheckPlace(Load, &Parent, &Name);
    CmpUnlockRegistry();
    if (NT_SUCCESS(Status)) {
        Status = CmpFindShared(Load, Root);
        if (NT_SUCCESS(Status) && *Root == NULL) {
            Status = CmpLoadAt(Load, Parent, &Name, Root);
        }
        CmpLockRegistry();
        CmpDereferenceKey(Parent);
        CmpUnlockRegistry();
    }
    CmpUnlockHives();
    return Status;
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
