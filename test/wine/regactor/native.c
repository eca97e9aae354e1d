// SPDX-License-Identifier: MIT
//
// Requests as direct calls of ntdll, for a real Windows.

#include <stdlib.h>
#include <string.h>

#include "native.h"

ROUTINES native;

typedef struct VALUE_ENTRY {
    PUNICODE_STRING name;
    ULONG length;
    ULONG offset;
    ULONG type;
} VALUE_ENTRY;

static INIT_ONCE once = INIT_ONCE_STATIC_INIT;

static BOOL CALLBACK find_routines(PINIT_ONCE self, PVOID parameter, PVOID *context) {
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");

    (void)self;
    (void)parameter;
    (void)context;
#define FIND(name)                                                                                                     \
    do {                                                                                                               \
        FARPROC routine = GetProcAddress(ntdll, #name);                                                                \
        memcpy(&native.name, &routine, sizeof routine);                                                                \
    } while (0)
    FIND(NtCreateKey);
    FIND(NtCreateKeyTransacted);
    FIND(NtOpenKeyEx);
    FIND(NtOpenKeyTransactedEx);
    FIND(NtClose);
    FIND(NtDuplicateObject);
    FIND(NtSetValueKey);
    FIND(NtDeleteValueKey);
    FIND(NtDeleteKey);
    FIND(NtRenameKey);
    FIND(NtFlushKey);
    FIND(NtSetInformationKey);
    FIND(NtQueryKey);
    FIND(NtQueryValueKey);
    FIND(NtEnumerateKey);
    FIND(NtEnumerateValueKey);
    FIND(NtQueryMultipleValueKey);
    FIND(NtQueryObject);
    FIND(NtQuerySecurityObject);
    FIND(NtSetSecurityObject);
    FIND(NtLoadKeyEx);
    FIND(NtUnloadKey2);
    FIND(NtSaveKeyEx);
    FIND(NtSaveMergedKeys);
    FIND(NtRestoreKey);
    FIND(NtReplaceKey);
    FIND(NtCreateTransaction);
    FIND(NtCommitTransaction);
    FIND(NtRollbackTransaction);
#undef FIND
    return TRUE;
}

static NTSTATUS query_multiple(const CMK_REQUEST *request, UNICODE_STRING name, PVOID output, ULONG *required) {
    ULONG units = name.Length / sizeof(WCHAR);
    ULONG count = 1;
    ULONG length = request->Length;
    ULONG start = 0;
    ULONG entry = 0;
    VALUE_ENTRY *entries;
    UNICODE_STRING *names;
    NTSTATUS status = STATUS_NO_MEMORY;

    for (ULONG index = 0; index < units; ++index) {
        count += name.Buffer[index] == 0;
    }
    entries = calloc(count, sizeof *entries);
    names = calloc(count, sizeof *names);
    if (entries && names) {
        for (ULONG index = 0; index <= units; ++index) {
            if (index == units || name.Buffer[index] == 0) {
                names[entry].Buffer = name.Buffer + start;
                names[entry].Length = names[entry].MaximumLength = (USHORT)((index - start) * sizeof(WCHAR));
                entries[entry].name = &names[entry];
                start = index + 1;
                ++entry;
            }
        }
        status = native.NtQueryMultipleValueKey((HANDLE)(ULONG_PTR)request->Handle, entries, count, output, &length,
                                                required);
    }
    free(entries);
    free(names);
    return status;
}

static NTSTATUS create_or_open(NATIVE_CALL *call, HANDLE *key, ULONG *disposition) {
    const CMK_REQUEST *request = call->request;
    HANDLE transaction = (HANDLE)(ULONG_PTR)request->Other;
    PUNICODE_STRING class = request->Flags & CMK_HAS_CLASS ? &call->second : NULL;
    OBJECT_ATTRIBUTES attributes;

    InitializeObjectAttributes(&attributes, &call->name, request->Attributes, (HANDLE)(ULONG_PTR)request->Handle,
                               request->Operation == CmkOpCreateKey ? call->data : NULL);
    if (request->Operation == CmkOpCreateKey) {
        return transaction
                   ? native.NtCreateKeyTransacted(key, request->Access, &attributes, 0, class, request->Options,
                                                  transaction, disposition)
                   : native.NtCreateKey(key, request->Access, &attributes, 0, class, request->Options, disposition);
    }
    return transaction ? native.NtOpenKeyTransactedEx(key, request->Access, &attributes, request->Options, transaction)
                       : native.NtOpenKeyEx(key, request->Access, &attributes, request->Options);
}

static NTSTATUS query(NATIVE_CALL *call, PVOID output, ULONG *result) {
    const CMK_REQUEST *request = call->request;
    HANDLE key = (HANDLE)(ULONG_PTR)request->Handle;
    ULONG kind = request->InformationClass;
    ULONG length = request->Length;

    switch (request->Operation) {
    case CmkOpQueryKey:
        return native.NtQueryKey(key, kind, output, length, result);
    case CmkOpQueryValue:
        return native.NtQueryValueKey(key, &call->name, kind, output, length, result);
    case CmkOpEnumerateKey:
        return native.NtEnumerateKey(key, request->Index, kind, output, length, result);
    case CmkOpEnumerateValue:
        return native.NtEnumerateValueKey(key, request->Index, kind, output, length, result);
    case CmkOpQueryMultipleValues:
        return query_multiple(request, call->name, output, result);
    case CmkOpQuerySecurity:
        return native.NtQuerySecurityObject(key, kind, output, length, result);
    default:
        return native.NtQueryObject(key, 1, output, length, result); // ObjectNameInformation
    }
}

static NTSTATUS change(NATIVE_CALL *call, CMK_REPLY *reply) {
    const CMK_REQUEST *request = call->request;
    HANDLE key = (HANDLE)(ULONG_PTR)request->Handle;
    ULONG kind = request->InformationClass;

    switch (request->Operation) {
    case CmkOpCloseKey:
        return native.NtClose(key);
    case CmkOpSetValue:
        return native.NtSetValueKey(key, &call->name, 0, kind, call->data, request->DataSize);
    case CmkOpDeleteValue:
        return native.NtDeleteValueKey(key, &call->name);
    case CmkOpDeleteKey:
        return native.NtDeleteKey(key);
    case CmkOpRenameKey:
        return native.NtRenameKey(key, &call->name);
    case CmkOpFlushKey:
        return native.NtFlushKey(key);
    case CmkOpSetInformation:
        return native.NtSetInformationKey(key, kind, call->data, request->DataSize);
    case CmkOpSetSecurity:
        return native.NtSetSecurityObject(key, kind, call->data);
    default:
        return native_hive(call, reply);
    }
}

static NTSTATUS run(NATIVE_CALL *call, CMK_REPLY *reply) {
    const CMK_REQUEST *request = call->request;
    ULONG result = 0;
    ULONG disposition = 0;
    HANDLE created = NULL;
    NTSTATUS status;

    switch (request->Operation) {
    case CmkOpCreateKey:
    case CmkOpOpenKey:
        status = create_or_open(call, &created, &disposition);
        break;
    case CmkOpDuplicateHandle:
        status = native.NtDuplicateObject(GetCurrentProcess(), (HANDLE)(ULONG_PTR)request->Handle, GetCurrentProcess(),
                                          &created, 0, 0, DUPLICATE_SAME_ACCESS);
        break;
    case CmkOpQueryKey:
    case CmkOpQueryValue:
    case CmkOpEnumerateKey:
    case CmkOpEnumerateValue:
    case CmkOpQueryMultipleValues:
    case CmkOpQueryObjectName:
    case CmkOpQuerySecurity:
        status = query(call, reply + 1, &result);
        reply->ResultLength = result;
        reply->DataSize = status >= 0 || status == STATUS_BUFFER_OVERFLOW ? min(result, request->Length) : 0;
        return status;
    default:
        return change(call, reply);
    }
    reply->Handle = (ULONG_PTR)created;
    reply->Disposition = disposition;
    return status;
}

CMK_REPLY *native_run(CMK_REQUEST *request) {
    unsigned char *at = (unsigned char *)(request + 1);
    CMK_REPLY *reply = new_reply(0, request->Length);
    NATIVE_CALL call = {.request = request};

    if (!reply) {
        return NULL;
    }
    InitOnceExecuteOnce(&once, find_routines, NULL, NULL);
    reply->DataSize = 0;
    call.name.Buffer = (PWSTR)at;
    call.name.Length = call.name.MaximumLength = (USHORT)request->NameSize;
    at += request->NameSize;
    call.second.Buffer = (PWSTR)at;
    call.second.Length = call.second.MaximumLength = (USHORT)request->ClassSize;
    at += request->ClassSize;
    call.data = request->DataSize ? at : NULL;
    reply->Status = run(&call, reply);
    return reply;
}
