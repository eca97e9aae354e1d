// SPDX-License-Identifier: MIT
//
// Operations of actors that need files or transactions.

#include "operation.h"
#include "cm/calls.h"

#define APPLICATION_HIVE 0x00000010

static VOID Describe(POBJECT_ATTRIBUTES Attributes, PUNICODE_STRING Name, HANDLE Root) {
    InitializeObjectAttributes(Attributes, Name, OBJ_CASE_INSENSITIVE, Root, NULL);
}

static NTSTATUS Load(ARGUMENTS *Arguments, PHANDLE Root) {
    const CMK_REQUEST *request = Arguments->Request;
    BOOLEAN application = (request->Options & APPLICATION_HIVE) != 0;
    OBJECT_ATTRIBUTES target;
    OBJECT_ATTRIBUTES file;

    Describe(&target, &Arguments->Name, KeyOf(request));
    Describe(&file, &Arguments->Class, NULL);
    return CmNtLoadKeyEx(&target, &file, request->Options, NULL, NULL, application ? request->Access : 0,
                         application ? Root : NULL, NULL);
}

NTSTATUS CmkRunHiveOperation(ARGUMENTS *Arguments, CMK_REPLY *Reply) {
    const CMK_REQUEST *request = Arguments->Request;
    HANDLE file = (HANDLE)(ULONG_PTR)request->File;
    HANDLE handle = KeyOf(request);
    OBJECT_ATTRIBUTES first;
    OBJECT_ATTRIBUTES second;
    HANDLE created = NULL;
    NTSTATUS status;

    switch (request->Operation) {
    case CmkOpLoadKey:
        status = Load(Arguments, &created);
        break;
    case CmkOpUnloadKey:
        Describe(&first, &Arguments->Name, handle);
        return CmNtUnloadKey2(&first, request->Options);
    case CmkOpSaveKey:
        return CmNtSaveKeyEx(handle, file, request->Options);
    case CmkOpSaveMergedKeys:
        return CmNtSaveMergedKeys(handle, (HANDLE)(ULONG_PTR)request->Other, file);
    case CmkOpRestoreKey:
        return CmNtRestoreKey(handle, file, request->Options);
    case CmkOpReplaceKey:
        Describe(&first, &Arguments->Name, NULL);
        Describe(&second, &Arguments->Class, NULL);
        return CmNtReplaceKey(&first, handle, &second);
    case CmkOpCreateTransaction:
        status = CmkCreateTransaction(&created);
        break;
    case CmkOpCommitTransaction:
    case CmkOpRollbackTransaction:
        return CmkEndTransaction(handle, request->Operation == CmkOpCommitTransaction);
    default:
        return STATUS_NOT_SUPPORTED;
    }
    Reply->Handle = (ULONG_PTR)created;
    return status;
}
