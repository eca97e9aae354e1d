// SPDX-License-Identifier: MIT
//
// The list of hives that were loaded from files.

#include "hive.h"

LIST_ENTRY CmpHives;
static ERESOURCE CmpHiveLock;
// Something on the list may have to be unloaded.
static volatile LONG CmpUnusedHives;

VOID CmpLockHives(VOID) {
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(&CmpHiveLock, TRUE);
}

VOID CmpUnlockHives(VOID) {
    ExReleaseResourceLite(&CmpHiveLock);
    KeLeaveCriticalRegion();
}

NTSTATUS CmpInitializeHives(VOID) {
    InitializeListHead(&CmpHives);
    CmpUnusedHives = 0;
    return ExInitializeResourceLite(&CmpHiveLock);
}

VOID CmpTerminateHives(VOID) {
    ExDeleteResourceLite(&CmpHiveLock);
}

_Use_decl_annotations_
VOID CmpInsertHive(PCM_HIVE Hive, PCM_KEY Root) {
    Hive->Root = Root;
    Hive->Written = CmpKeyStore(Root, HiveChanges, Root->Node);
    Root->Hive = Hive;
    InsertTailList(&CmpHives, &Hive->Link);
}

static VOID CmpFreeHive(PCM_HIVE Hive) {
    if (Hive->File != NULL) {
        ZwClose(Hive->File);
    }
    if (Hive->Event != NULL) {
        CmPortSetEvent(Hive->Event);
        CmPortDereferenceObject(Hive->Event);
    }
    CmpReleaseString(&Hive->FileName);
    CmStoreFree(Hive);
}

// With both locks held. *Image stays NULL if the file is as the hive is.
static NTSTATUS CmpMakeImageToWrite(PCM_HIVE Hive, CM_IMAGE *Image, PULONG64 Changes) {
    PCM_KEY Root = Hive->Root;

    *Image = NULL;
    *Changes = CmpKeyStore(Root, HiveChanges, Root->Node);
    if (Hive->File == NULL || (Hive->Flags & REG_OPEN_READ_ONLY) != 0 || *Changes == Hive->Written) {
        return STATUS_SUCCESS;
    }
    return CmpStore(MakeImage, Root->Node, NULL, REG_LATEST_FORMAT, Image);
}

static NTSTATUS CmpWriteAndFree(PCM_HIVE Hive, CM_IMAGE Image) {
    NTSTATUS Status = STATUS_SUCCESS;

    if (Image != NULL) {
        Status = CmpStore(WriteImage, Image, Hive->File);
        CmpStore(FreeImage, Image);
    }
    return Status;
}

NTSTATUS CmpFlushHiveOf(PCM_KEY Key) {
    PCM_HIVE Hive = NULL;
    CM_IMAGE Image = NULL;
    ULONG64 Changes = 0;
    NTSTATUS Status = STATUS_SUCCESS;

    // Files cannot be written at APC_LEVEL: then it is left to the next flush, or to unloading.
    if (CmPortCurrentIrql() != PASSIVE_LEVEL) {
        return STATUS_SUCCESS;
    }
    CmpLockHives();
    CmpLockRegistry();
    for (; Key != NULL && Hive == NULL; Key = Key->Parent) {
        Hive = Key->Hive;
    }
    if (Hive != NULL) {
        Status = CmpMakeImageToWrite(Hive, &Image, &Changes);
    }
    CmpUnlockRegistry();
    if (Image != NULL) {
        Status = CmpWriteAndFree(Hive, Image);
        if (NT_SUCCESS(Status)) {
            Hive->Written = Changes;
        }
    }
    CmpUnlockHives();
    return Status;
}

NTSTATUS CmpRemoveHive(PCM_HIVE Hive) {
    PCM_KEY Root = Hive->Root;
    CM_IMAGE Image = NULL;
    ULONG64 Changes;
    NTSTATUS Status = CmpMakeImageToWrite(Hive, &Image, &Changes);

    if (NT_SUCCESS(Status)) {
        Status = CmpKeyStore(Root, UnloadHive, Root->Node);
    }
    if (!NT_SUCCESS(Status)) {
        CmpUnlockRegistry();
        if (Image != NULL) {
            CmpStore(FreeImage, Image);
        }
        return Status;
    }
    RemoveEntryList(&Hive->Link);
    Root->Hive = NULL;
    CmpDetachDeletedKey(Root);
    CmpMarkDeleted(Root);
    CmpDereferenceKey(Root);
    CmpUnlockRegistry();
    Status = CmpWriteAndFree(Hive, Image);
    CmpFreeHive(Hive);
    return Status;
}

static BOOLEAN CmpIsUnused(const CM_HIVE *Hive) {
    return Hive->Root->References == 1 && (Hive->Unloading || (Hive->Flags & REG_APP_HIVE) != 0);
}

_Use_decl_annotations_
VOID CmpNoteUnusedHive(PCM_KEY Root) {
    if (Root->Hive != NULL && CmpIsUnused(Root->Hive)) {
        InterlockedExchange(&CmpUnusedHives, 1);
    }
}

static PCM_HIVE CmpFindUnused(VOID) {
    for (PLIST_ENTRY Entry = CmpHives.Flink; Entry != &CmpHives; Entry = Entry->Flink) {
        PCM_HIVE Hive = CONTAINING_RECORD(Entry, CM_HIVE, Link);

        if (CmpIsUnused(Hive)) {
            return Hive;
        }
    }
    return NULL;
}

static BOOLEAN CmpIsListed(const CM_HIVE *Hive) {
    PLIST_ENTRY Entry = CmpHives.Flink;

    while (Entry != &CmpHives && CONTAINING_RECORD(Entry, CM_HIVE, Link) != Hive) {
        Entry = Entry->Flink;
    }
    return Entry != &CmpHives;
}

VOID CmpUnloadUnusedHives(VOID) {
    BOOLEAN More = TRUE;

    // Files cannot be written at APC_LEVEL: then it is left to the next key that is closed.
    if (CmPortCurrentIrql() != PASSIVE_LEVEL || InterlockedExchange(&CmpUnusedHives, 0) == 0) {
        return;
    }
    CmpLockHives();
    while (More) {
        PCM_HIVE Hive;

        CmpLockRegistry();
        Hive = CmpFindUnused();
        if (Hive == NULL) {
            CmpUnlockRegistry();
            More = FALSE;
        } else if (!NT_SUCCESS(CmpRemoveHive(Hive)) && CmpIsListed(Hive)) {
            // For lack of memory; tried again with the next key that is closed.
            InterlockedExchange(&CmpUnusedHives, 1);
            More = FALSE;
        }
    }
    CmpUnlockHives();
}

VOID CmpShutdownHives(VOID) {
    CmpLockHives();
    while (!IsListEmpty(&CmpHives)) {
        PCM_HIVE Hive = CONTAINING_RECORD(CmpHives.Flink, CM_HIVE, Link);

        CmpLockRegistry();
        if (!NT_SUCCESS(CmpRemoveHive(Hive)) && CmpIsListed(Hive)) {
            break;
        }
    }
    CmpUnlockHives();
}
