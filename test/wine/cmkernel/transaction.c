// SPDX-License-Identifier: MIT
//
// Transactions, which Wine does not have: their objects, their outcome, and the configuration manager's part in them.

#include "kernel.h"

#ifndef STATUS_TRANSACTION_NOT_ACTIVE
#define STATUS_TRANSACTION_NOT_ACTIVE ((NTSTATUS)0xC0190003)
#define STATUS_TRANSACTION_REQUEST_NOT_VALID ((NTSTATUS)0xC0190013)
#define STATUS_TRANSACTION_ALREADY_ABORTED ((NTSTATUS)0xC0190015)
#define STATUS_TRANSACTION_ALREADY_COMMITTED ((NTSTATUS)0xC0190016)
#endif

typedef enum STATE {
    Active,
    Ending,
    Committed,
    Aborted,
} STATE;

typedef struct PARTICIPANT {
    struct PARTICIPANT *Next;
    PVOID Context;
} PARTICIPANT;

typedef struct TRANSACTION_BODY {
    GUID Id;
    volatile LONG Handles;
    FAST_MUTEX Mutex; // of what follows; the list belongs to who ends the transaction once it is not Active
    STATE State;
    PARTICIPANT *Participants;
} TRANSACTION_BODY;

static VOID DeleteTransaction(PVOID Object) {
    // Who takes part has a reference, so there is nothing left to free.
    UNREFERENCED_PARAMETER(Object);
}

CMK_TYPE CmkTransactionType = {.Delete = DeleteTransaction};

static NTSTATUS BeginToEnd(TRANSACTION_BODY *Transaction) {
    NTSTATUS status = STATUS_SUCCESS;

    ExAcquireFastMutex(&Transaction->Mutex);
    switch (Transaction->State) {
    case Active:
        Transaction->State = Ending;
        break;
    case Ending:
        status = STATUS_TRANSACTION_REQUEST_NOT_VALID;
        break;
    case Committed:
        status = STATUS_TRANSACTION_ALREADY_COMMITTED;
        break;
    default:
        status = STATUS_TRANSACTION_ALREADY_ABORTED;
        break;
    }
    ExReleaseFastMutex(&Transaction->Mutex);
    return status;
}

static VOID Finish(TRANSACTION_BODY *Transaction, STATE Outcome) {
    PARTICIPANT *next = Transaction->Participants;

    Transaction->Participants = NULL;
    ExAcquireFastMutex(&Transaction->Mutex);
    Transaction->State = Outcome;
    ExReleaseFastMutex(&Transaction->Mutex);
    while (next) {
        PARTICIPANT *participant = next;

        next = participant->Next;
        if (Outcome == Committed) {
            CmCommitTransaction(participant->Context);
        } else {
            CmRollbackTransaction(participant->Context);
        }
        ExFreePoolWithTag(participant, CMK_TAG);
        CmPortDereferenceObject(Transaction);
    }
}

static NTSTATUS Commit(TRANSACTION_BODY *Transaction) {
    NTSTATUS status = BeginToEnd(Transaction);

    if (!NT_SUCCESS(status)) {
        return status;
    }
    for (PARTICIPANT *participant = Transaction->Participants; participant; participant = participant->Next) {
        if (!NT_SUCCESS(CmPrepareTransaction(participant->Context))) {
            Finish(Transaction, Aborted);
            return STATUS_TRANSACTION_ALREADY_ABORTED;
        }
    }
    Finish(Transaction, Committed);
    return STATUS_SUCCESS;
}

static NTSTATUS Rollback(TRANSACTION_BODY *Transaction) {
    NTSTATUS status = BeginToEnd(Transaction);

    if (NT_SUCCESS(status)) {
        Finish(Transaction, Aborted);
    }
    return status;
}

NTSTATUS CmkCreateTransaction(PHANDLE Handle) {
    TRANSACTION_BODY *transaction = CmkCreateObject(&CmkTransactionType, sizeof *transaction);
    NTSTATUS status;

    if (!transaction) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    ExInitializeFastMutex(&transaction->Mutex);
    status = ExUuidCreate(&transaction->Id);
    if (NT_SUCCESS(status)) {
        transaction->Handles = 1;
        status = CmPortCreateHandle(transaction, TRANSACTION_ALL_ACCESS, 0, UserMode, Handle);
    }
    CmPortDereferenceObject(transaction);
    return status;
}

NTSTATUS CmkEndTransaction(HANDLE Handle, BOOLEAN Keep) {
    PVOID object;
    NTSTATUS status = CmkReferenceByHandle(Handle, &CmkTransactionType, TRANSACTION_COMMIT, UserMode, &object, NULL);

    if (NT_SUCCESS(status)) {
        status = Keep ? Commit(object) : Rollback(object);
        CmPortDereferenceObject(object);
    }
    return status;
}

NTSTATUS CmkOpenTransactionObject(PVOID Transaction, ULONG Attributes, ACCESS_MASK Access, KPROCESSOR_MODE Mode,
                                  PHANDLE Handle) {
    TRANSACTION_BODY *transaction = Transaction;
    NTSTATUS status;

    InterlockedIncrement(&transaction->Handles);
    status = CmPortCreateHandle(transaction, Access, Attributes, Mode, Handle);
    if (!NT_SUCCESS(status)) {
        CmkCloseTransaction(transaction);
    }
    return status;
}

VOID CmkCloseTransaction(PVOID Transaction) {
    if (InterlockedDecrement(&((TRANSACTION_BODY *)Transaction)->Handles) == 0) {
        Rollback(Transaction);
    }
}

NTSTATUS CmPortReferenceTransaction(HANDLE Transaction, KPROCESSOR_MODE Mode, PVOID *Object) {
    return CmkReferenceByHandle(Transaction, &CmkTransactionType, TRANSACTION_ENLIST, Mode, Object, NULL);
}

NTSTATUS CmPortEnlist(PVOID Object, PVOID Context) {
    TRANSACTION_BODY *transaction = Object;
    PARTICIPANT *participant = ExAllocatePoolWithTag(NonPagedPool, sizeof *participant, CMK_TAG);
    BOOLEAN active;

    if (!participant) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    participant->Context = Context;
    ExAcquireFastMutex(&transaction->Mutex);
    active = transaction->State == Active;
    if (active) {
        participant->Next = transaction->Participants;
        transaction->Participants = participant;
        CmPortReferenceObject(transaction);
    }
    ExReleaseFastMutex(&transaction->Mutex);
    if (!active) {
        ExFreePoolWithTag(participant, CMK_TAG);
        return STATUS_TRANSACTION_NOT_ACTIVE;
    }
    return STATUS_SUCCESS;
}

VOID NTAPI TmGetTransactionId(PVOID Transaction, PGUID Id) {
    *Id = ((TRANSACTION_BODY *)Transaction)->Id;
}
