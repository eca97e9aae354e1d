// SPDX-License-Identifier: MIT
//
// Kernel transactions: their objects, their outcome, and those who take part.

#include "tm_internal.h"

#include "kernel.h"

#include <new>

namespace nt {

namespace {

enum class State { Active, Preparing, Committed, Aborted };

struct Enlistment {
    const SIM_ENLISTMENT_ROUTINES *routines;
    PVOID context;
};

} // namespace

} // namespace nt

struct _KTRANSACTION {
    DISPATCHER_HEADER header;
    UOW id;
    std::mutex lock;
    // Guarded by the lock; the list is the resolving thread's once the state is no longer Active.
    nt::State state = nt::State::Active;
    std::vector<nt::Enlistment> enlistments;
};

namespace nt {

// From Active to what the caller does with it. Why not, otherwise.
static NTSTATUS beginResolving(PKTRANSACTION transaction) {
    std::lock_guard lock(transaction->lock);
    switch (transaction->state) {
    case State::Active:
        transaction->state = State::Preparing;
        return STATUS_SUCCESS;
    case State::Preparing:
        return STATUS_TRANSACTION_REQUEST_NOT_VALID;
    case State::Committed:
        return STATUS_TRANSACTION_ALREADY_COMMITTED;
    case State::Aborted:
        break;
    }
    return STATUS_TRANSACTION_ALREADY_ABORTED;
}

static void resolve(PKTRANSACTION transaction, State outcome) {
    std::vector<Enlistment> told;
    {
        std::lock_guard lock(transaction->lock);
        transaction->state = outcome;
        told.swap(transaction->enlistments);
    }
    for (const Enlistment &enlistment : told) {
        (outcome == State::Committed ? enlistment.routines->Commit : enlistment.routines->Rollback)(enlistment.context);
    }
    {
        std::lock_guard lock(kernel().dispatcher);
        setSignal(&transaction->header, 1);
    }
    // Each enlistment had one.
    for (size_t i = 0; i < told.size(); ++i) {
        ObfDereferenceObject(transaction);
    }
}

static NTSTATUS commit(PKTRANSACTION transaction) {
    NTSTATUS status = beginResolving(transaction);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    for (const Enlistment &enlistment : transaction->enlistments) {
        if (enlistment.routines->Prepare != nullptr && !NT_SUCCESS(enlistment.routines->Prepare(enlistment.context))) {
            resolve(transaction, State::Aborted);
            return STATUS_TRANSACTION_ALREADY_ABORTED;
        }
    }
    resolve(transaction, State::Committed);
    return STATUS_SUCCESS;
}

static NTSTATUS rollback(PKTRANSACTION transaction) {
    NTSTATUS status = beginResolving(transaction);
    if (NT_SUCCESS(status)) {
        resolve(transaction, State::Aborted);
    }
    return status;
}

static void closeTransaction(PEPROCESS, PVOID object, ACCESS_MASK, ULONG handles) {
    if (handles == 0) {
        requireIrql(PASSIVE_LEVEL, "The close of the last handle of a transaction");
        rollback(static_cast<PKTRANSACTION>(object));
    }
}

static void deleteTransactionBody(PVOID object) {
    static_cast<PKTRANSACTION>(object)->~_KTRANSACTION();
}

static SIM_OBJECT_TYPE_INITIALIZER makeTransactionType() {
    SIM_OBJECT_TYPE_INITIALIZER info = {};
    info.Name = "TmTx";
    info.BodySize = sizeof(_KTRANSACTION);
    info.ValidAccess = TRANSACTION_ALL_ACCESS;
    info.Mapping = {TRANSACTION_GENERIC_READ, TRANSACTION_GENERIC_WRITE, TRANSACTION_GENERIC_EXECUTE,
                    TRANSACTION_ALL_ACCESS};
    info.Delete = deleteTransactionBody;
    info.Close = closeTransaction;
    info.Waitable = TRUE;
    return info;
}
const SIM_OBJECT_TYPE_INITIALIZER transactionTypeInitializer = makeTransactionType();

static NTSTATUS referenceTransaction(HANDLE handle, ACCESS_MASK access, PKTRANSACTION *transaction) {
    PVOID object = nullptr;
    NTSTATUS status =
        ObReferenceObjectByHandle(handle, access, *TmTransactionObjectType, ExGetPreviousMode(), &object, nullptr);
    *transaction = static_cast<PKTRANSACTION>(object);
    return status;
}

} // namespace nt

using namespace nt;

extern "C" {

NTSTATUS SimEnlistTransaction(PKTRANSACTION transaction, const SIM_ENLISTMENT_ROUTINES *routines, PVOID context) {
    requireIrql(APC_LEVEL, "SimEnlistTransaction");
    std::lock_guard lock(transaction->lock);
    if (transaction->state != State::Active) {
        return STATUS_TRANSACTION_NOT_ACTIVE;
    }
    transaction->enlistments.push_back({routines, context});
    ObfReferenceObject(transaction);
    return STATUS_SUCCESS;
}

VOID TmGetTransactionId(PKTRANSACTION transaction, PUOW id) {
    requireIrql(APC_LEVEL, "TmGetTransactionId");
    *id = transaction->id;
}

BOOLEAN TmIsTransactionActive(PKTRANSACTION transaction) {
    requireIrql(APC_LEVEL, "TmIsTransactionActive");
    std::lock_guard lock(transaction->lock);
    return transaction->state == State::Active;
}

NTSTATUS NtCreateTransaction(PHANDLE result, ACCESS_MASK desired, POBJECT_ATTRIBUTES object, LPGUID id, HANDLE manager,
                             ULONG options, ULONG isolation, ULONG isolationFlags, PLARGE_INTEGER timeout,
                             PUNICODE_STRING description) {
    requireIrql(PASSIVE_LEVEL, "NtCreateTransaction");
    KPROCESSOR_MODE mode = ExGetPreviousMode();
    HANDLE handle = nullptr;
    if (!writeCaller(result, &handle, sizeof handle, mode)) {
        return STATUS_ACCESS_VIOLATION;
    }
    if ((options & ~TRANSACTION_DO_NOT_PROMOTE) != 0 || isolation != 0 || isolationFlags != 0) {
        return STATUS_INVALID_PARAMETER;
    }
    LARGE_INTEGER limit = {};
    UNICODE_STRING text = {};
    UOW wanted;
    ExUuidCreate(&wanted);
    if ((timeout != nullptr && !readCaller(&limit, timeout, sizeof limit, mode)) ||
        (description != nullptr && !readCaller(&text, description, sizeof text, mode)) ||
        (id != nullptr && !readCaller(&wanted, id, sizeof wanted, mode))) {
        return STATUS_ACCESS_VIOLATION;
    }
    if (text.Length / sizeof(WCHAR) > MAX_TRANSACTION_DESCRIPTION_LENGTH) {
        return STATUS_INVALID_PARAMETER;
    }
    // No transaction managers of the caller's own and no clock that aborts.
    if (manager != nullptr || limit.QuadPart != 0) {
        return STATUS_NOT_SUPPORTED;
    }
    ULONG attributes;
    NTSTATUS status = captureUnnamed(object, mode, &attributes);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    auto transaction = new (SimCreateObject(*TmTransactionObjectType)) _KTRANSACTION;
    initializeHeader(&transaction->header, kNotificationEvent, 0);
    transaction->id = wanted;
    return giveHandle(transaction, attributes, desired, result, mode);
}

NTSTATUS NtCommitTransaction(HANDLE handle, BOOLEAN) {
    requireIrql(PASSIVE_LEVEL, "NtCommitTransaction");
    PKTRANSACTION transaction;
    NTSTATUS status = referenceTransaction(handle, TRANSACTION_COMMIT, &transaction);
    if (NT_SUCCESS(status)) {
        status = commit(transaction);
        ObfDereferenceObject(transaction);
    }
    return status;
}

NTSTATUS NtRollbackTransaction(HANDLE handle, BOOLEAN) {
    requireIrql(PASSIVE_LEVEL, "NtRollbackTransaction");
    PKTRANSACTION transaction;
    NTSTATUS status = referenceTransaction(handle, TRANSACTION_ROLLBACK, &transaction);
    if (NT_SUCCESS(status)) {
        status = rollback(transaction);
        ObfDereferenceObject(transaction);
    }
    return status;
}

NTSTATUS NtQueryInformationTransaction(HANDLE handle, TRANSACTION_INFORMATION_CLASS type, PVOID information,
                                       ULONG length, PULONG returned) {
    requireIrql(PASSIVE_LEVEL, "NtQueryInformationTransaction");
    KPROCESSOR_MODE mode = ExGetPreviousMode();
    if (type != TransactionBasicInformation) {
        return STATUS_INVALID_INFO_CLASS;
    }
    if (length < sizeof(TRANSACTION_BASIC_INFORMATION)) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    PKTRANSACTION transaction;
    NTSTATUS status = referenceTransaction(handle, TRANSACTION_QUERY_INFORMATION, &transaction);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    TRANSACTION_BASIC_INFORMATION basic = {transaction->id, TransactionStateNormal, TransactionOutcomeUndetermined};
    {
        std::lock_guard lock(transaction->lock);
        if (transaction->state == State::Committed) {
            basic.Outcome = TransactionOutcomeCommitted;
        } else if (transaction->state == State::Aborted) {
            basic.Outcome = TransactionOutcomeAborted;
        }
    }
    ObfDereferenceObject(transaction);
    constexpr ULONG size = sizeof basic;
    if (!writeCaller(information, &basic, size, mode) ||
        (returned != nullptr && !writeCaller(returned, &size, sizeof size, mode))) {
        return STATUS_ACCESS_VIOLATION;
    }
    return STATUS_SUCCESS;
}

NTSTATUS ZwCreateTransaction(PHANDLE result, ACCESS_MASK desired, POBJECT_ATTRIBUTES object, LPGUID id, HANDLE manager,
                             ULONG options, ULONG isolation, ULONG isolationFlags, PLARGE_INTEGER timeout,
                             PUNICODE_STRING description) {
    KernelCall kernelCall;
    return NtCreateTransaction(result, desired, object, id, manager, options, isolation, isolationFlags, timeout,
                               description);
}

NTSTATUS ZwCommitTransaction(HANDLE handle, BOOLEAN wait) {
    KernelCall kernelCall;
    return NtCommitTransaction(handle, wait);
}

NTSTATUS ZwRollbackTransaction(HANDLE handle, BOOLEAN wait) {
    KernelCall kernelCall;
    return NtRollbackTransaction(handle, wait);
}

NTSTATUS ZwQueryInformationTransaction(HANDLE handle, TRANSACTION_INFORMATION_CLASS type, PVOID information,
                                       ULONG length, PULONG returned) {
    KernelCall kernelCall;
    return NtQueryInformationTransaction(handle, type, information, length, returned);
}

} // extern "C"
