// SPDX-License-Identifier: MIT
//
// Keys that are in use, and the key objects that refer to them.

#include "cmp.h"

#define CM_FIRST_BUCKETS 256u

// The live objects by address. CmpCallbackLock.
static LIST_ENTRY CmpFirstBuckets[CM_FIRST_BUCKETS];
static PLIST_ENTRY CmpBuckets;
static ULONG CmpBucketCount; // a power of 2
static ULONG CmpBodyCount;

static PLIST_ENTRY CmpBucketIn(PLIST_ENTRY Buckets, ULONG Count, PVOID Object) {
    ULONG64 Mixed = (ULONG64)((ULONG_PTR)Object >> 4) * 0x9E3779B97F4A7C15ull;

    return &Buckets[(ULONG)(Mixed >> 32) & (Count - 1)];
}

static PLIST_ENTRY CmpBucket(PVOID Object) {
    return CmpBucketIn(CmpBuckets, CmpBucketCount, Object);
}

static VOID CmpInitializeBuckets(PLIST_ENTRY Buckets, ULONG Count) {
    for (ULONG i = 0; i < Count; i++) {
        InitializeListHead(&Buckets[i]);
    }
}

// With the lock held. Returns the table that is not used any more.
static PLIST_ENTRY CmpReplaceBuckets(PLIST_ENTRY Buckets, ULONG Count) {
    PLIST_ENTRY Former = CmpBuckets;

    for (ULONG i = 0; i < CmpBucketCount; i++) {
        while (!IsListEmpty(&Former[i])) {
            PLIST_ENTRY Entry = RemoveHeadList(&Former[i]);

            InsertHeadList(CmpBucketIn(Buckets, Count, CONTAINING_RECORD(Entry, CM_KEY_BODY, LiveLink)), Entry);
        }
    }
    CmpBuckets = Buckets;
    CmpBucketCount = Count;
    return Former;
}

static VOID CmpFreeBuckets(PLIST_ENTRY Buckets) {
    if (Buckets != CmpFirstBuckets) {
        CmStoreFree(Buckets);
    }
}

// A look-up takes as long with many objects as with few. Without memory it takes longer.
static VOID CmpGrowBuckets(ULONG Former) {
    PLIST_ENTRY Buckets = CmStoreAllocate((SIZE_T)Former * 4 * sizeof(*Buckets));
    KIRQL OldIrql;

    if (Buckets == NULL) {
        return;
    }
    CmpInitializeBuckets(Buckets, Former * 4);
    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    if (CmpBucketCount == Former) {
        Buckets = CmpReplaceBuckets(Buckets, Former * 4);
    }
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
    CmpFreeBuckets(Buckets);
}

_Use_decl_annotations_
PCM_KEY_BODY CmpFindBody(PVOID Object) {
    PLIST_ENTRY Bucket = CmpBucket(Object);

    for (PLIST_ENTRY Entry = Bucket->Flink; Entry != Bucket; Entry = Entry->Flink) {
        if (CONTAINING_RECORD(Entry, CM_KEY_BODY, LiveLink) == Object) {
            return Object;
        }
    }
    return NULL;
}

BOOLEAN CmpIsLiveBody(PVOID Object) {
    BOOLEAN Live;
    KIRQL OldIrql;

    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    Live = CmpFindBody(Object) != NULL;
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
    return Live;
}

// Takes over Node, also on failure; a new one is deleted then. The parent, if any, gets a reference and a child.
static NTSTATUS CmpMakeKey(PCM_STORE Store, PCM_KEY Parent, CM_NODE Node, BOOLEAN New, PCM_KEY *Key) {
    PCM_KEY_FACTS Facts = NULL;
    NTSTATUS Status = Store->ReadKey(Store->Context, Node, &Facts);
    PCM_KEY Made = NULL;
    BOOLEAN Link = FALSE;

    if (NT_SUCCESS(Status)) {
        Link = Facts->Link;
        Made = CmStoreAllocate(sizeof(*Made));
        Status = Made != NULL ? CmpCaptureString(&Made->Name, &Facts->Name, KernelMode) : STATUS_INSUFFICIENT_RESOURCES;
    }
    CmStoreFree(Facts);
    if (!NT_SUCCESS(Status)) {
        CmStoreFree(Made);
        if (New) {
            Store->DeleteNode(Store->Context, Node);
        }
        Store->CloseNode(Store->Context, Node);
        return Status;
    }
    Made->References = 1;
    Made->Store = Store;
    Made->Link = Link;
    Made->Node = Node;
    Made->Parent = Parent;
    InitializeListHead(&Made->Children);
    InitializeListHead(&Made->SiblingLink);
    if (Parent != NULL) {
        CmpReferenceKey(Parent);
        InsertTailList(&Parent->Children, &Made->SiblingLink);
    }
    CmpCount(&CmpKeyCount, 1);
    *Key = Made;
    return STATUS_SUCCESS;
}

NTSTATUS CmpMakeRootKey(PCM_STORE Store, CM_NODE Node, PCM_KEY *Key) {
    return CmpMakeKey(Store, NULL, Node, FALSE, Key);
}

VOID CmpReferenceKey(PCM_KEY Key) {
    Key->References++;
}

VOID CmpDereferenceKey(PCM_KEY Key) {
    while (Key != NULL) {
        PCM_KEY Parent = Key->Parent;

        if (--Key->References != 0) {
            CmpNoteUnusedHive(Key);
            return;
        }
        RemoveEntryList(&Key->SiblingLink);
        CmpKeyStore(Key, CloseNode, Key->Node);
        CmpReleaseString(&Key->Name);
        if (Key->CachedName != NULL) {
            CmpReleaseString(Key->CachedName);
            CmStoreFree(Key->CachedName);
        }
        CmStoreFree(Key);
        CmpCount(&CmpKeyCount, -1);
        Key = Parent;
    }
}

VOID CmpReleaseKey(PCM_KEY Key) {
    CmpLockRegistry();
    CmpDereferenceKey(Key);
    CmpUnlockRegistry();
    CmpFreeDeadTransactions();
    CmpUnloadUnusedHives();
}

VOID CmpMarkDeleted(PCM_KEY Key) {
    Key->Deleted = TRUE;
    while (!IsListEmpty(&Key->Children)) {
        PCM_KEY Child = CONTAINING_RECORD(Key->Children.Flink, CM_KEY, SiblingLink);

        RemoveEntryList(&Child->SiblingLink);
        InitializeListHead(&Child->SiblingLink);
        CmpMarkDeleted(Child);
    }
}

static PCM_KEY CmpFindChildKey(PCM_KEY Parent, PCUNICODE_STRING Name) {
    for (PLIST_ENTRY Entry = Parent->Children.Flink; Entry != &Parent->Children; Entry = Entry->Flink) {
        PCM_KEY Key = CONTAINING_RECORD(Entry, CM_KEY, SiblingLink);

        if (RtlEqualUnicodeString(&Key->Name, Name, TRUE)) {
            return Key;
        }
    }
    return NULL;
}

NTSTATUS CmpOpenChildKey(PCM_KEY Parent, PCUNICODE_STRING Name, PCM_KEY *Child) {
    CM_NODE Node;
    NTSTATUS Status;

    if (Parent->Deleted) {
        return STATUS_KEY_DELETED;
    }
    *Child = CmpFindChildKey(Parent, Name);
    if (*Child != NULL) {
        CmpReferenceKey(*Child);
        return STATUS_SUCCESS;
    }
    Status = CmpKeyStore(Parent, OpenChild, Parent->Node, Name, &Node);
    return NT_SUCCESS(Status) ? CmpMakeKey(Parent->Store, Parent, Node, FALSE, Child) : Status;
}

NTSTATUS CmpCreateChildKey(PCM_KEY Parent, PCUNICODE_STRING Name, ULONG TitleIndex, PCUNICODE_STRING Class,
                           ULONG Options, PCM_KEY *Child) {
    CM_NODE Node;
    NTSTATUS Status;

    if (Parent->Deleted) {
        return STATUS_KEY_DELETED;
    }
    Status = CmpKeyStore(Parent, CreateChild, Parent->Node, Name, TitleIndex, Class, Options, &Node);
    return NT_SUCCESS(Status) ? CmpMakeKey(Parent->Store, Parent, Node, TRUE, Child) : Status;
}

NTSTATUS CmpRenameKey(PCM_KEY Key, PCUNICODE_STRING NewName) {
    UNICODE_STRING Name;
    NTSTATUS Status = CmpCaptureString(&Name, NewName, KernelMode);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpKeyStore(Key, RenameNode, Key->Node, NewName);
    if (!NT_SUCCESS(Status)) {
        CmpReleaseString(&Name);
        return Status;
    }
    CmpReleaseString(&Key->Name);
    Key->Name = Name;
    return STATUS_SUCCESS;
}

VOID CmpDetachDeletedKey(PCM_KEY Key) {
    Key->Deleted = TRUE;
    // So that a new key of the same name is another key.
    RemoveEntryList(&Key->SiblingLink);
    InitializeListHead(&Key->SiblingLink);
}

NTSTATUS CmpCreateBody(PCM_KEY Key, PCM_KEY_BODY *Body) {
    PVOID Object = NULL;
    NTSTATUS Status = CmPortCreateKeyObject(sizeof(CM_KEY_BODY), &Object);
    PCM_KEY_BODY Made = Object;
    ULONG Crowded;
    KIRQL OldIrql;

    if (!NT_SUCCESS(Status)) {
        CmpReleaseKey(Key);
        return Status;
    }
    Made->Key = Key;
    Made->Opening = TRUE;
    InitializeListHead(&Made->Contexts);
    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    InsertHeadList(CmpBucket(Made), &Made->LiveLink);
    Crowded = ++CmpBodyCount > 4 * CmpBucketCount ? CmpBucketCount : 0;
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
    if (Crowded != 0) {
        CmpGrowBuckets(Crowded);
    }
    CmpCount(&CmpKeyObjectCount, 1);
    *Body = Made;
    return STATUS_SUCCESS;
}

VOID CmpFinishOpening(PCM_KEY_BODY Body) {
    KIRQL OldIrql;

    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    Body->Opening = FALSE;
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
}

BOOLEAN CmMayOpenKeyObject(PVOID Object) {
    PCM_KEY_BODY Body = Object;
    BOOLEAN Opening;
    KIRQL OldIrql;

    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    Opening = Body->Opening;
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
    return !Opening;
}

// Pre close, then the contexts, then what the object held, then post close.
VOID CmDeleteKeyObject(PVOID Object) {
    PCM_KEY_BODY Body = Object;
    REG_KEY_HANDLE_CLOSE_INFORMATION Information = {.Object = Body};
    CM_OPERATION Operation;
    KIRQL OldIrql;

    if (Body->Key == NULL) {
        return;
    }
    CmpPreNotify(&Operation, RegNtPreKeyHandleClose, &Information, Body);
    CmpCleanupBodyContexts(Body, TRUE);
    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    RemoveEntryList(&Body->LiveLink);
    CmpBodyCount--;
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
    CmpReleaseKey(Body->Key);
    CmpCount(&CmpKeyObjectCount, -1);
    CmpPostNotify(&Operation, STATUS_SUCCESS, CmpPoison());
}

NTSTATUS CmpInitializeKeys(VOID) {
    CM_NODE Root;
    NTSTATUS Status;

    CmpInitializeBuckets(CmpFirstBuckets, CM_FIRST_BUCKETS);
    CmpBuckets = CmpFirstBuckets;
    CmpBucketCount = CM_FIRST_BUCKETS;
    CmpLockRegistry();
    Status = CmpStore(OpenRoot, &Root);
    if (NT_SUCCESS(Status)) {
        Status = CmpMakeKey(CmpSystem.Store, NULL, Root, FALSE, &CmpSystem.RootKey);
    }
    if (NT_SUCCESS(Status)) {
        CmpReferenceKey(CmpSystem.RootKey);
    }
    CmpUnlockRegistry();
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpCreateBody(CmpSystem.RootKey, &CmpSystem.RootBody);
    if (!NT_SUCCESS(Status)) {
        CmpShutdownKeys();
        return Status;
    }
    CmpSystem.RootBody->Opening = FALSE;
    CmpCount(&CmpKeyObjectCount, -1); // the permanent object does not count
    return STATUS_SUCCESS;
}

VOID CmpShutdownKeys(VOID) {
    CmpShutdownHives();
    if (CmpSystem.RootBody != NULL) {
        CmpCount(&CmpKeyObjectCount, 1);
        CmPortDereferenceObject(CmpSystem.RootBody);
        CmpSystem.RootBody = NULL;
    }
    CmpLockRegistry();
    CmpDereferenceKey(CmpSystem.RootKey);
    CmpUnlockRegistry();
    CmpSystem.RootKey = NULL;
    CmpFreeBuckets(CmpBuckets);
    CmpBuckets = CmpFirstBuckets;
    CmpBodyCount = 0;
}
