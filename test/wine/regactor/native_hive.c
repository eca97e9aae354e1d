// SPDX-License-Identifier: MIT
//
// Direct calls of ntdll that need files or transactions.

#include "native.h"

#define APPLICATION_HIVE 0x10

static void describe(OBJECT_ATTRIBUTES *attributes, UNICODE_STRING *name, HANDLE root) {
    InitializeObjectAttributes(attributes, name, OBJ_CASE_INSENSITIVE, root, NULL);
}

static NTSTATUS open_file(UNICODE_STRING *name, BOOL writing, HANDLE *file) {
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK io;

    describe(&attributes, name, NULL);
    return native.NtCreateFile(file, (writing ? GENERIC_WRITE : GENERIC_READ) | SYNCHRONIZE, &attributes, &io, NULL,
                               FILE_ATTRIBUTE_NORMAL, FILE_SHARE_READ, writing ? FILE_OVERWRITE_IF : FILE_OPEN,
                               FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, NULL, 0);
}

static NTSTATUS with_file(NATIVE_CALL *call) {
    const CMK_REQUEST *request = call->request;
    HANDLE key = (HANDLE)(ULONG_PTR)request->Handle;
    HANDLE file;
    NTSTATUS status = open_file(&call->name, request->Operation != CmkOpRestoreKey, &file);

    if (status < 0) {
        return status;
    }
    switch (request->Operation) {
    case CmkOpSaveKey:
        status = native.NtSaveKeyEx(key, file, request->Options);
        break;
    case CmkOpSaveMergedKeys:
        status = native.NtSaveMergedKeys(key, (HANDLE)(ULONG_PTR)request->Other, file);
        break;
    default:
        status = native.NtRestoreKey(key, file, request->Options);
        break;
    }
    native.NtClose(file);
    return status;
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
        return with_file(call);
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
