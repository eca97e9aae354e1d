// SPDX-License-Identifier: MIT
//
// NtReplaceKey: another file takes the place of a hive's file. What is loaded does not change, and goes on being
// written to the file that it came from, under the new name of that. A hive of the furniture has no file: its keys are
// written to the old file and the new file stays where it is, for a boot that never comes.

#include "hive.h"
#include "calls.h"

typedef struct _CM_REPLACE {
    CM_NAMED NewFile;
    CM_NAMED OldFile;
} CM_REPLACE, *PCM_REPLACE;

static NTSTATUS CmpRenameFile(HANDLE File, PCUNICODE_STRING Name, HANDLE RootDirectory) {
    ULONG Length = FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName) + Name->Length;
    // The structure is padded, and the whole of it must be there.
    ULONG Size = Length < sizeof(FILE_RENAME_INFORMATION) ? (ULONG)sizeof(FILE_RENAME_INFORMATION) : Length;
    PFILE_RENAME_INFORMATION Rename = CmStoreAllocate(Size);
    IO_STATUS_BLOCK Done;
    NTSTATUS Status;

    if (Rename == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Rename->RootDirectory = RootDirectory;
    Rename->FileNameLength = Name->Length;
    RtlCopyMemory(Rename->FileName, Name->Buffer, Name->Length);
    Status = ZwSetInformationFile(File, &Done, Rename, Size, FileRenameInformation);
    CmStoreFree(Rename);
    return Status;
}

// The new file, opened so that it can be renamed, and checked.
static NTSTATUS CmpOpenNewFile(const CM_REPLACE *Replace, PHANDLE File) {
    OBJECT_ATTRIBUTES Attributes = Replace->NewFile.Attributes;
    IO_STATUS_BLOCK Done;
    CM_IMAGE Image;
    HANDLE Opened;
    NTSTATUS Status;

    Attributes.Attributes = OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE;
    Status =
        ZwCreateFile(&Opened, FILE_READ_DATA | DELETE | SYNCHRONIZE, &Attributes, &Done, NULL, FILE_ATTRIBUTE_NORMAL, 0,
                     FILE_OPEN, FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, NULL, 0);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpStore(ReadImage, Opened, &Image);
    if (!NT_SUCCESS(Status)) {
        ZwClose(Opened);
        return Status;
    }
    CmpStore(FreeImage, Image);
    *File = Opened;
    return STATUS_SUCCESS;
}

static NTSTATUS CmpExchangeFiles(const CM_HIVE *Hive, const CM_REPLACE *Replace, HANDLE NewFile) {
    NTSTATUS Status = CmpRenameFile(Hive->File, &Replace->OldFile.Name, Replace->OldFile.Attributes.RootDirectory),
             Undone;

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpRenameFile(NewFile, &Hive->FileName, NULL);
    if (!NT_SUCCESS(Status)) {
        Undone = CmpRenameFile(Hive->File, &Hive->FileName, NULL);
        return NT_SUCCESS(Undone) ? Status : STATUS_REGISTRY_IO_FAILED;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS CmpSaveToOldFile(PCM_KEY Key, const CM_REPLACE *Replace) {
    OBJECT_ATTRIBUTES Attributes = Replace->OldFile.Attributes;
    IO_STATUS_BLOCK Done;
    CM_IMAGE Image;
    HANDLE File;
    NTSTATUS Status;

    CmpLockRegistry();
    Status = CmpKeyStore(Key, MakeImage, Key->Node, NULL, REG_LATEST_FORMAT, &Image);
    CmpUnlockRegistry();
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Attributes.Attributes = OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE;
    Status = ZwCreateFile(&File, FILE_WRITE_DATA | SYNCHRONIZE, &Attributes, &Done, NULL, FILE_ATTRIBUTE_NORMAL, 0,
                          FILE_CREATE, FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, NULL, 0);
    if (NT_SUCCESS(Status)) {
        Status = CmpStore(WriteImage, Image, File);
        ZwClose(File);
    }
    CmpStore(FreeImage, Image);
    return Status;
}

static NTSTATUS CmpReplace(PCM_KEY Key, const CM_REPLACE *Replace) {
    HANDLE NewFile;
    PCM_HIVE Hive;
    NTSTATUS Status;

    CmpLockRegistry();
    Status = Key->Deleted ? STATUS_KEY_DELETED : CmpKeyStore(Key, CheckHiveRoot, Key->Node);
    CmpUnlockRegistry();
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    CmpLockHives();
    Status = CmpOpenNewFile(Replace, &NewFile);
    if (NT_SUCCESS(Status)) {
        Hive = Key->Hive;
        Status = Hive != NULL && Hive->File != NULL ? CmpExchangeFiles(Hive, Replace, NewFile)
                                                    : CmpSaveToOldFile(Key, Replace);
        ZwClose(NewFile);
    }
    CmpUnlockHives();
    return Status;
}

static NTSTATUS CmpNotifyReplace(PCM_KEY_BODY Body, PCM_REPLACE Replace) {
    REG_REPLACE_KEY_INFORMATION Information = {
        .Object = Body, .OldFileName = &Replace->OldFile.Name, .NewFileName = &Replace->NewFile.Name};
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreReplaceKey, &Information, Body);

    if (!Operation.Stopped) {
        Status = CmpReplace(Body->Key, Replace);
    }
    return CmpPostNotify(&Operation, Status, Body);
}

NTSTATUS NTAPI CM_NT(ReplaceKey)(POBJECT_ATTRIBUTES NewFile, HANDLE TargetHandle, POBJECT_ATTRIBUTES OldFile) {
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    CM_REPLACE Replace = {0};
    PCM_KEY_BODY Body;
    NTSTATUS Status;

    CmpCheckIrql(PASSIVE_LEVEL);
    if (!CmPortHoldsPrivilege(SE_RESTORE_PRIVILEGE, Mode)) {
        return STATUS_PRIVILEGE_NOT_HELD;
    }
    Status = CmPortReferenceKeyByHandle(TargetHandle, 0, Mode, (PVOID *)&Body);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpCaptureNamed(&Replace.NewFile, NewFile, Mode);
    if (NT_SUCCESS(Status)) {
        Status = CmpCaptureNamed(&Replace.OldFile, OldFile, Mode);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpNotifyReplace(Body, &Replace);
    }
    CmpReleaseString(&Replace.OldFile.Name);
    CmpReleaseString(&Replace.NewFile.Name);
    CmPortDereferenceObject(Body);
    return Status;
}
