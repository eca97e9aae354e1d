// SPDX-License-Identifier: MIT
//
// Transactions that keys are bound to, from the first open to commit or rollback.

#include "transaction.h"

LIST_ENTRY CmpTransactions;
// Nobody refers to them any more, but their objects can only be let go without the lock.
static LIST_ENTRY CmpDeadTransactions;
static volatile LONG CmpHasDeadTransactions;

VOID CmpInitializeTransactions(VOID) {
    InitializeListHead(&CmpTransactions);
    InitializeListHead(&CmpDeadTransactions);
}

_Use_decl_annotations_
VOID CmpDereferenceTransaction(PCM_TRANSACTION Transaction) {
    if (--Transaction->References == 0) {
        RemoveEntryList(&Transaction->Link);
        InsertTailList(&CmpDeadTransactions, &Transaction->Link);
        InterlockedExchange(&CmpHasDeadTransactions, 1);
    }
}

VOID CmpFreeDeadTransactions(VOID) {
    if (InterlockedExchange(&CmpHasDeadTransactions, 0) == 0) {
        return;
    }
    for (;;) {
        PCM_TRANSACTION Transaction = NULL;

        CmpLockRegistry();
        if (!IsListEmpty(&CmpDeadTransactions)) {
            Transaction = CONTAINING_RECORD(RemoveHeadList(&CmpDeadTransactions), CM_TRANSACTION, Link);
        }
        CmpUnlockRegistry();
        if (Transaction == NULL) {
            return;
        }
        CmPortDereferenceObject(Transaction->Object);
        CmStoreFree(Transaction);
    }
}

VOID CmpReleaseTransaction(PCM_TRANSACTION Transaction) {
    CmpLockRegistry();
    CmpDereferenceTransaction(Transaction);
    CmpUnlockRegistry();
    CmpFreeDeadTransactions();
}

// With the registry locked. It comes referenced.
static PCM_TRANSACTION CmpFindTransaction(PVOID Object) {
    for (PLIST_ENTRY Entry = CmpTransactions.Flink; Entry != &CmpTransactions; Entry = Entry->Flink) {
        PCM_TRANSACTION Transaction = CONTAINING_RECORD(Entry, CM_TRANSACTION, Link);

        if (Transaction->Object == Object && Transaction->RootKey != NULL) {
            Transaction->References++;
            return Transaction;
        }
    }
    return NULL;
}

// Takes over the reference of Object.
static NTSTATUS CmpMakeTransaction(PVOID Object, PCM_TRANSACTION *Transaction) {
    PCM_TRANSACTION Made = CmStoreAllocate(sizeof(*Made));

    if (Made == NULL) {
        CmPortDereferenceObject(Object);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Made->Object = Object;
    Made->References = 1;
    InitializeListHead(&Made->Changed);
    InitializeListHead(&Made->Undo);
    CmpLockRegistry();
    InsertTailList(&CmpTransactions, &Made->Link);
    CmpUnlockRegistry();
    *Transaction = Made;
    return STATUS_SUCCESS;
}

// With the registry locked.
static NTSTATUS CmpOpenTransactionRoot(PCM_TRANSACTION Transaction) {
    PCM_VIEW Root;
    NTSTATUS Status = CmpMakeView(Transaction, NULL, CmpSystem.RootKey, &CmpSystem.RootKey->Name, &Root);

    return NT_SUCCESS(Status) ? CmpMakeRootKey(&CmpViewStore, (CM_NODE)Root, &Transaction->RootKey) : Status;
}

// Takes over the reference of Object. If two threads come here at once for one transaction, the second enlists in vain
// and uses what the first has made.
static NTSTATUS CmpJoinTransaction(PVOID Object, PCM_TRANSACTION *Transaction) {
    PCM_TRANSACTION Made, Other;
    NTSTATUS Status = CmpMakeTransaction(Object, &Made);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    // The enlistment's own.
    Made->References++;
    Status = CmPortEnlist(Object, Made);
    if (!NT_SUCCESS(Status)) {
        Made->References--;
        CmpReleaseTransaction(Made);
        return Status;
    }
    CmpLockRegistry();
    Other = CmpFindTransaction(Object);
    if (Other == NULL) {
        Made->Active = !Made->Ended;
        Status = Made->Ended ? STATUS_TRANSACTION_NOT_ACTIVE : CmpOpenTransactionRoot(Made);
        Made->Active = NT_SUCCESS(Status);
        Made->References++;
        Other = Made;
    }
    CmpUnlockRegistry();
    CmpReleaseTransaction(Made);
    if (!NT_SUCCESS(Status)) {
        CmpReleaseTransaction(Other);
        return Status;
    }
    *Transaction = Other;
    return STATUS_SUCCESS;
}

NTSTATUS CmpReferenceTransaction(HANDLE Handle, KPROCESSOR_MODE Mode, PCM_TRANSACTION *Transaction) {
    PCM_TRANSACTION Found;
    PVOID Object;
    NTSTATUS Status = CmPortReferenceTransaction(Handle, Mode, &Object);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    CmpLockRegistry();
    Found = CmpFindTransaction(Object);
    CmpUnlockRegistry();
    if (Found == NULL) {
        return CmpJoinTransaction(Object, Transaction);
    }
    CmPortDereferenceObject(Object);
    *Transaction = Found;
    return STATUS_SUCCESS;
}

PCM_TRANSACTION CmpTransactionOfKey(PCM_KEY Key) {
    return Key->Store == &CmpViewStore ? ((PCM_VIEW)Key->Node)->Transaction : NULL;
}

VOID CmpAddTransactionReference(PCM_TRANSACTION Transaction) {
    CmpLockRegistry();
    Transaction->References++;
    CmpUnlockRegistry();
}

PVOID CmpTransactionObject(PCM_TRANSACTION Transaction) {
    return Transaction != NULL ? Transaction->Object : NULL;
}

PVOID CmpKeyIdentity(PCM_KEY Key) {
    PCM_VIEW View = (PCM_VIEW)Key->Node;

    return Key->Store == &CmpViewStore && View->Base != NULL ? View->Base : Key;
}

_Use_decl_annotations_
NTSTATUS CmpKeyInTransaction(PCM_TRANSACTION Transaction, PCM_KEY Key, PCM_KEY *Bound) {
    PCM_KEY Parent;
    NTSTATUS Status;

    if (!Transaction->Active) {
        return STATUS_TRANSACTION_NOT_ACTIVE;
    }
    if (Key->Store == &CmpViewStore) {
        // What happens when two transactions meet is not documented.
        if (CmpTransactionOfKey(Key) != Transaction) {
            return STATUS_INVALID_TRANSACTION;
        }
        CmpReferenceKey(Key);
        *Bound = Key;
        return STATUS_SUCCESS;
    }
    if (Key->Parent == NULL) {
        CmpReferenceKey(Transaction->RootKey);
        *Bound = Transaction->RootKey;
        return STATUS_SUCCESS;
    }
    // Recursion is as deep as keys are nested.
    Status = CmpKeyInTransaction(Transaction, Key->Parent, &Parent);
    if (NT_SUCCESS(Status)) {
        Status = Key->Deleted ? STATUS_KEY_DELETED : CmpOpenChildKey(Parent, &Key->Name, Bound);
        CmpDereferenceKey(Parent);
    }
    return Status;
}

static BOOLEAN CmpIsBelow(PCM_VIEW View, PCM_KEY Base, PCUNICODE_STRING Child) {
    return View->Parent != NULL && View->Parent->Base == Base && (View->Base == NULL || View->Deleted || View->Fresh) &&
           (Child == NULL || RtlEqualUnicodeString(&View->Name, Child, TRUE));
}

static BOOLEAN CmpHasChanged(PCM_TRANSACTION Transaction, PCM_KEY Base, PCUNICODE_STRING Child, BOOLEAN Whole) {
    for (PLIST_ENTRY Entry = Transaction->Changed.Flink; Entry != &Transaction->Changed; Entry = Entry->Flink) {
        PCM_VIEW View = CONTAINING_RECORD(Entry, CM_VIEW, ChangedLink);

        if ((View->Base == Base && (Child == NULL || View->Deleted || View->Fresh)) ||
            ((Child != NULL || Whole) && CmpIsBelow(View, Base, Child))) {
            return TRUE;
        }
    }
    return FALSE;
}

_Use_decl_annotations_
PCM_TRANSACTION CmpFindConflict(PCM_KEY Base, PCUNICODE_STRING Child, BOOLEAN Whole, PCM_TRANSACTION Except) {
    for (PLIST_ENTRY Entry = CmpTransactions.Flink; Entry != &CmpTransactions; Entry = Entry->Flink) {
        PCM_TRANSACTION Transaction = CONTAINING_RECORD(Entry, CM_TRANSACTION, Link);

        if (Transaction != Except && CmpHasChanged(Transaction, Base, Child, Whole)) {
            return Transaction;
        }
    }
    return NULL;
}

_Use_decl_annotations_
VOID CmpForgetChanges(PCM_TRANSACTION Transaction) {
    Transaction->Active = FALSE;
    while (!IsListEmpty(&Transaction->Changed)) {
        CmpForgetView(CONTAINING_RECORD(Transaction->Changed.Flink, CM_VIEW, ChangedLink));
    }
}

_Use_decl_annotations_
VOID CmpBreakTransactions(PCM_KEY Key, PCUNICODE_STRING Child, BOOLEAN Whole) {
    PCM_TRANSACTION Transaction;

    if (Key->Store == &CmpViewStore) {
        return;
    }
    for (;;) {
        Transaction = CmpFindConflict(Key, Child, Whole, NULL);
        // What a commit has begun to carry over is not taken back.
        if (Transaction == NULL || !Transaction->Active) {
            return;
        }
        CmpForgetChanges(Transaction);
    }
}

NTSTATUS CmPrepareTransaction(PVOID Context) {
    PCM_TRANSACTION Transaction = Context;
    NTSTATUS Status = STATUS_SUCCESS;

    CmpLockRegistry();
    // One that enlisted in vain has no root.
    if (Transaction->RootKey != NULL) {
        Status = Transaction->Active ? CmpApply(Transaction) : STATUS_TRANSACTION_NOT_ACTIVE;
        Transaction->Active = FALSE;
    }
    CmpUnlockRegistry();
    return Status;
}

static VOID CmpEndTransaction(PCM_TRANSACTION Transaction) {
    PCM_KEY RootKey = Transaction->RootKey;

    CmpForgetChanges(Transaction);
    Transaction->Ended = TRUE;
    Transaction->RootKey = NULL;
    if (RootKey != NULL) {
        CmpDereferenceKey(RootKey);
    }
    CmpDereferenceTransaction(Transaction);
    CmpUnlockRegistry();
    CmpFreeDeadTransactions();
    CmpUnloadUnusedHives();
}

VOID CmCommitTransaction(PVOID Context) {
    CmpLockRegistry();
    CmpFinish(Context);
    CmpEndTransaction(Context);
}

VOID CmRollbackTransaction(PVOID Context) {
    CmpLockRegistry();
    CmpUndo(Context);
    CmpEndTransaction(Context);
}
