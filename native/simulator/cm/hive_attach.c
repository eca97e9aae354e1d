// SPDX-License-Identifier: MIT
//
// From a captured load to a hive in its place.

#include "hive_load.h"

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

NTSTATUS CmpLoad(const CM_LOAD *Load, PCM_KEY *Root) {
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
