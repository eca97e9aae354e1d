// SPDX-License-Identifier: MIT
//
// NtSaveKey, NtSaveKeyEx, NtSaveMergedKeys and NtRestoreKey.

#include "hive.h"
#include "calls.h"

NTSTATUS CmpTakeFile(HANDLE File, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode, PHANDLE Taken) {
    if (Mode == KernelMode) {
        *Taken = File;
        return STATUS_SUCCESS;
    }
    return CmPortMakeFileHandle(File, DesiredAccess, Mode, Taken);
}

VOID CmpReturnFile(HANDLE Taken, KPROCESSOR_MODE Mode) {
    if (Mode != KernelMode) {
        ZwClose(Taken);
    }
}

static NTSTATUS CmpSave(PCM_KEY High, PCM_KEY Low, HANDLE File, ULONG Format) {
    CM_IMAGE Image;
    NTSTATUS Status = STATUS_SUCCESS;

    CmpLockRegistry();
    if (High->Deleted || (Low != NULL && Low->Deleted)) {
        Status = STATUS_KEY_DELETED;
    } else if (Low != NULL && Low->Store != High->Store) {
        Status = STATUS_NOT_SUPPORTED; // one of them as a transaction sees it
    } else if (Format == REG_NO_COMPRESSION) {
        Status = CmpKeyStore(High, CheckHiveRoot, High->Node);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpKeyStore(High, MakeImage, High->Node, Low != NULL ? Low->Node : NULL, Format, &Image);
    }
    CmpUnlockRegistry();
    if (NT_SUCCESS(Status)) {
        Status = CmpStore(WriteImage, Image, File);
        CmpStore(FreeImage, Image);
    }
    return Status;
}

static NTSTATUS CmpNotifySave(PCM_KEY_BODY Body, HANDLE File, ULONG Format) {
    REG_SAVE_KEY_INFORMATION Information = {.Object = Body, .FileHandle = File, .Format = Format};
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreSaveKey, &Information, Body);

    if (!Operation.Stopped) {
        Status = CmpSave(Body->Key, NULL, File, Format);
    }
    return CmpPostNotify(&Operation, Status, Body);
}

NTSTATUS NTAPI CM_NT(SaveKeyEx)(HANDLE KeyHandle, HANDLE FileHandle, ULONG Format) {
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    PCM_KEY_BODY Body;
    HANDLE File;
    NTSTATUS Status;

    CmpCheckIrql(PASSIVE_LEVEL);
    if (Format != REG_STANDARD_FORMAT && Format != REG_LATEST_FORMAT && Format != REG_NO_COMPRESSION) {
        return STATUS_INVALID_PARAMETER;
    }
    if (!CmPortHoldsPrivilege(SE_BACKUP_PRIVILEGE, Mode)) {
        return STATUS_PRIVILEGE_NOT_HELD;
    }
    Status = CmPortReferenceKeyByHandle(KeyHandle, 0, Mode, (PVOID *)&Body);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpTakeFile(FileHandle, FILE_WRITE_DATA, Mode, &File);
    if (NT_SUCCESS(Status)) {
        Status = CmpNotifySave(Body, File, Format);
        CmpReturnFile(File, Mode);
    }
    CmPortDereferenceObject(Body);
    return Status;
}

NTSTATUS NTAPI CM_NT(SaveKey)(HANDLE KeyHandle, HANDLE FileHandle) {
    return CM_NT(SaveKeyEx)(KeyHandle, FileHandle, REG_STANDARD_FORMAT);
}

// The key of \REGISTRY\MACHINE, \REGISTRY\USER and so on that the key belongs to.
static PCM_KEY CmpTopOf(PCM_KEY Key) {
    while (Key->Parent != NULL && Key->Parent->Parent != NULL && Key->Parent->Parent->Parent != NULL) {
        Key = Key->Parent;
    }
    return Key;
}

static NTSTATUS CmpNotifySaveMerged(PCM_KEY_BODY High, PCM_KEY_BODY Low, HANDLE File) {
    REG_SAVE_MERGED_KEY_INFORMATION Information = {.FileHandle = File, .HighKeyObject = High, .LowKeyObject = Low};
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreSaveMergedKey, &Information, NULL);

    if (!Operation.Stopped) {
        // Both from one hive make no sense to Windows either.
        Status = CmpTopOf(High->Key) == CmpTopOf(Low->Key) ? STATUS_INVALID_PARAMETER
                                                           : CmpSave(High->Key, Low->Key, File, REG_STANDARD_FORMAT);
    }
    return CmpPostNotify(&Operation, Status, NULL);
}

NTSTATUS NTAPI CM_NT(SaveMergedKeys)(HANDLE HighPrecedenceKeyHandle, HANDLE LowPrecedenceKeyHandle, HANDLE FileHandle) {
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    PCM_KEY_BODY High = NULL, Low = NULL;
    HANDLE File;
    NTSTATUS Status;

    CmpCheckIrql(PASSIVE_LEVEL);
    if (!CmPortHoldsPrivilege(SE_BACKUP_PRIVILEGE, Mode)) {
        return STATUS_PRIVILEGE_NOT_HELD;
    }
    Status = CmPortReferenceKeyByHandle(HighPrecedenceKeyHandle, 0, Mode, (PVOID *)&High);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmPortReferenceKeyByHandle(LowPrecedenceKeyHandle, 0, Mode, (PVOID *)&Low);
    if (NT_SUCCESS(Status)) {
        Status = CmpTakeFile(FileHandle, FILE_WRITE_DATA, Mode, &File);
        if (NT_SUCCESS(Status)) {
            Status = CmpNotifySaveMerged(High, Low, File);
            CmpReturnFile(File, Mode);
        }
        CmPortDereferenceObject(Low);
    }
    CmPortDereferenceObject(High);
    return Status;
}

// With the registry locked. Apart from the caller's object nothing may be open at the key or below it.
static BOOLEAN CmpIsInUse(PCM_KEY Key) {
    return Key->References > (Key->Hive != NULL ? 2u : 1u);
}

static NTSTATUS CmpReplaceTree(PCM_KEY Key, CM_IMAGE Image, ULONG Flags) {
    NTSTATUS Status = STATUS_SUCCESS;

    CmpLockRegistry();
    if (Key->Deleted) {
        Status = STATUS_KEY_DELETED;
    } else if (CmpIsInUse(Key) && !(Flags & (REG_FORCE_RESTORE | REG_REFRESH_HIVE))) {
        Status = STATUS_ACCESS_DENIED;
    } else if (Flags & (REG_WHOLE_HIVE_VOLATILE | REG_REFRESH_HIVE)) {
        // Documented for HKEY_LOCAL_MACHINE and HKEY_USERS, which means the hives that hang there.
        Status = CmpKeyStore(Key, CheckHiveRoot, Key->Node);
    }
    if (NT_SUCCESS(Status)) {
        CmpBreakTransactions(Key, NULL, TRUE);
        Status = CmpKeyStore(Key, RestoreTree, Key->Node, Image, (Flags & REG_WHOLE_HIVE_VOLATILE) != 0);
    }
    if (NT_SUCCESS(Status)) {
        CmpMarkDeleted(Key);
        Key->Deleted = FALSE;
    }
    CmpUnlockRegistry();
    return Status;
}

static NTSTATUS CmpRestoreFrom(PCM_KEY Key, HANDLE File, ULONG Flags) {
    CM_IMAGE Image;
    NTSTATUS Status = CmpStore(ReadImage, File, &Image), Replaced;

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Replaced = CmpReplaceTree(Key, Image, Flags);
    CmpStore(FreeImage, Image);
    return NT_SUCCESS(Replaced) ? Status : Replaced;
}

// What was changed since the last flush is forgotten.
static NTSTATUS CmpRefresh(PCM_KEY Key, ULONG Flags) {
    NTSTATUS Status = STATUS_INVALID_PARAMETER;
    PCM_HIVE Hive;

    CmpLockHives();
    Hive = Key->Hive;
    if (Hive != NULL && Hive->File != NULL) {
        Status = CmpRestoreFrom(Key, Hive->File, Flags);
        if (NT_SUCCESS(Status)) {
            CmpLockRegistry();
            Hive->Written = CmpKeyStore(Key, HiveChanges, Key->Node);
            CmpUnlockRegistry();
        }
    }
    CmpUnlockHives();
    return Status;
}

static NTSTATUS CmpNotifyRestore(PCM_KEY_BODY Body, HANDLE File, ULONG Flags) {
    REG_RESTORE_KEY_INFORMATION Information = {.Object = Body, .FileHandle = File, .Flags = Flags};
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreRestoreKey, &Information, Body);

    if (!Operation.Stopped) {
        Status = Flags & REG_REFRESH_HIVE ? CmpRefresh(Body->Key, Flags) : CmpRestoreFrom(Body->Key, File, Flags);
    }
    return CmpPostNotify(&Operation, Status, Body);
}

static NTSTATUS CmpCheckRestore(ULONG Flags, KPROCESSOR_MODE Mode) {
    BOOLEAN Whole = (Flags & (REG_WHOLE_HIVE_VOLATILE | REG_REFRESH_HIVE)) != 0;

    // The last three exclude each other.
    if ((Flags & ~(ULONG)(REG_WHOLE_HIVE_VOLATILE | REG_REFRESH_HIVE | REG_NO_LAZY_FLUSH | REG_FORCE_RESTORE)) != 0 ||
        (Whole && (Flags & REG_FORCE_RESTORE) != 0) ||
        (Flags & (REG_WHOLE_HIVE_VOLATILE | REG_REFRESH_HIVE)) == (REG_WHOLE_HIVE_VOLATILE | REG_REFRESH_HIVE)) {
        return STATUS_INVALID_PARAMETER;
    }
    if (!CmPortHoldsPrivilege(SE_RESTORE_PRIVILEGE, Mode) ||
        ((Flags & REG_REFRESH_HIVE) != 0 && !CmPortHoldsPrivilege(SE_TCB_PRIVILEGE, Mode))) {
        return STATUS_PRIVILEGE_NOT_HELD;
    }
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI CM_NT(RestoreKey)(HANDLE KeyHandle, HANDLE FileHandle, ULONG Flags) {
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    PCM_KEY_BODY Body;
    HANDLE File = NULL;
    NTSTATUS Status;

    CmpCheckIrql(PASSIVE_LEVEL);
    Status = CmpCheckRestore(Flags, Mode);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmPortReferenceKeyByHandle(KeyHandle, 0, Mode, (PVOID *)&Body);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    // A refresh has no file of its own.
    if (!(Flags & REG_REFRESH_HIVE)) {
        Status = CmpTakeFile(FileHandle, FILE_READ_DATA, Mode, &File);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpNotifyRestore(Body, File, Flags);
        if (File != NULL) {
            CmpReturnFile(File, Mode);
        }
    }
    CmPortDereferenceObject(Body);
    return Status;
}
