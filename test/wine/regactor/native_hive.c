// SPDX-License-Identifier: MIT
//
// Direct calls of ntdll that need files or transactions.

#include "native.h"

#define APPLICATION_HIVE 0x10

static void describe(OBJECT_ATTRIBUTES *attributes, UNICODE_STRING *name, HANDLE root) {
    InitializeObjectAttributes(attributes, name, OBJ_CASE_INSENSITIVE, root, NULL);
}

static NTSTATUS with_file(const CMK_REQUEST *request) {
    HANDLE key = (HANDLE)(ULONG_PTR)request->Handle;
    HANDLE file = (HANDLE)(ULONG_PTR)request->File;

    switch (request->Operation) {
    case CmkOpSaveKey:
        return native.NtSaveKeyEx(key, file, request->Options);
    case CmkOpSaveMergedKeys:
        return native.NtSaveMergedKeys(key, (HANDLE)(ULONG_PTR)request->Other, file);
    default:
        return native.NtRestoreKey(key, file, request->Options);
    }
}

static NTSTATUS load(NATIVE_CALL *call, HANDLE *root) {
    const CMK_REQUEST *request = call->request;
    BOOL application = (request->Options & APPLICATION_HIVE) != 0;
    OBJECT_ATTRIBUTES target;
    OBJECT_ATTRIBUTES file;

    describe(&target, &call->name, (HANDLE)(ULONG_PTR)request->Handle);
    describe(&file, &call->second, NULL);
    return native.NtLoadKeyEx(&target, &file, request->Options, NULL, NULL, application ? request->Access : 0,
                              application ? root : NULL, NULL);
}

NTSTATUS native_hive(NATIVE_CALL *call, CMK_REPLY *reply) {
    const CMK_REQUEST *request = call->request;
    HANDLE handle = (HANDLE)(ULONG_PTR)request->Handle;
    OBJECT_ATTRIBUTES first;
    OBJECT_ATTRIBUTES second;
    HANDLE created = NULL;
    NTSTATUS status;

    switch (request->Operation) {
    case CmkOpSaveKey:
    case CmkOpSaveMergedKeys:
    case CmkOpRestoreKey:
        return with_file(request);
    case CmkOpLoadKey:
        status = load(call, &created);
        break;
    case CmkOpUnloadKey:
        describe(&first, &call->name, handle);
        return native.NtUnloadKey2(&first, request->Options);
    case CmkOpReplaceKey:
        describe(&first, &call->name, NULL);
        describe(&second, &call->second, NULL);
        return native.NtReplaceKey(&first, handle, &second);
    case CmkOpCreateTransaction:
        status = native.NtCreateTransaction(&created, TRANSACTION_ALL_ACCESS, NULL, NULL, NULL, 0, 0, 0, NULL, NULL);
        break;
    case CmkOpCommitTransaction:
        return native.NtCommitTransaction(handle, TRUE);
    case CmkOpRollbackTransaction:
        return native.NtRollbackTransaction(handle, TRUE);
    default:
        return STATUS_NOT_SUPPORTED;
    }
    reply->Handle = (ULONG_PTR)created;
    return status;
}
