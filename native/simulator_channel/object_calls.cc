// SPDX-License-Identifier: MIT
//
// Services on handles and transactions, the setting of security, and notifications that no operation caused.

#include "cm/cm.h"
#include "native/simulator_channel/service_arguments.h"

namespace cmbridge::registry {
namespace {

HandleResult handleResult(NTSTATUS status, HANDLE handle) {
    return NT_SUCCESS(status) ? HandleResult{status, fromHandle(handle)} : HandleResult{status, 0};
}

} // namespace

NtStatus closeHandle(Handle handle) {
    return NtClose(asHandle(handle));
}

HandleResult duplicateHandle(Handle handle) {
    HANDLE duplicate = nullptr;
    NTSTATUS status = NtDuplicateObject(NtCurrentProcess(), asHandle(handle), NtCurrentProcess(), &duplicate, 0, 0,
                                        DUPLICATE_SAME_ACCESS);
    return handleResult(status, duplicate);
}

NtStatus setSecurity(Handle key, uint32_t information, Bytes descriptor) {
    return isDescriptor(descriptor) ? NtSetSecurityObject(asHandle(key), information, descriptor.data())
                                    : STATUS_INVALID_SECURITY_DESCR;
}

NtStatus injectNotification(Handle key, uint32_t notifyClass, NtStatus status) {
    void *object = nullptr;
    NTSTATUS result = ObReferenceObjectByHandle(asHandle(key), 0, *CmKeyObjectType, UserMode, &object, nullptr);
    if (NT_SUCCESS(result)) {
        result = CmInjectNotification(object, notifyClass, status);
        ObDereferenceObject(object);
    }
    return result;
}

HandleResult createTransaction() {
    HANDLE transaction = nullptr;
    NTSTATUS status =
        NtCreateTransaction(&transaction, TRANSACTION_ALL_ACCESS, nullptr, nullptr, nullptr, 0, 0, 0, nullptr, nullptr);
    return handleResult(status, transaction);
}

NtStatus commitTransaction(Handle transaction) {
    return NtCommitTransaction(asHandle(transaction), TRUE);
}

NtStatus rollbackTransaction(Handle transaction) {
    return NtRollbackTransaction(asHandle(transaction), TRUE);
}

} // namespace cmbridge::registry
