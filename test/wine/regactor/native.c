// SPDX-License-Identifier: MIT
//
// Requests as direct calls of ntdll, for a real Windows.

#include <stdlib.h>
#include <string.h>

#include "actor.h"

// Looked up at run time: import libraries of mingw-w64 know some of these routines only.
typedef struct ROUTINES {
    NTSTATUS(NTAPI *NtCreateKey)(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES, ULONG, PUNICODE_STRING, ULONG, PULONG);
    NTSTATUS(NTAPI *NtOpenKeyEx)(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES, ULONG);
    NTSTATUS(NTAPI *NtClose)(HANDLE);
    NTSTATUS(NTAPI *NtSetValueKey)(HANDLE, PUNICODE_STRING, ULONG, ULONG, PVOID, ULONG);
    NTSTATUS(NTAPI *NtDeleteValueKey)(HANDLE, PUNICODE_STRING);
    NTSTATUS(NTAPI *NtDeleteKey)(HANDLE);
    NTSTATUS(NTAPI *NtRenameKey)(HANDLE, PUNICODE_STRING);
    NTSTATUS(NTAPI *NtFlushKey)(HANDLE);
    NTSTATUS(NTAPI *NtSetInformationKey)(HANDLE, ULONG, PVOID, ULONG);
    NTSTATUS(NTAPI *NtQueryKey)(HANDLE, ULONG, PVOID, ULONG, PULONG);
    NTSTATUS(NTAPI *NtQueryValueKey)(HANDLE, PUNICODE_STRING, ULONG, PVOID, ULONG, PULONG);
    NTSTATUS(NTAPI *NtEnumerateKey)(HANDLE, ULONG, ULONG, PVOID, ULONG, PULONG);
    NTSTATUS(NTAPI *NtEnumerateValueKey)(HANDLE, ULONG, ULONG, PVOID, ULONG, PULONG);
    NTSTATUS(NTAPI *NtQueryMultipleValueKey)(HANDLE, PVOID, ULONG, PVOID, PULONG, PULONG);
    NTSTATUS(NTAPI *NtQueryObject)(HANDLE, ULONG, PVOID, ULONG, PULONG);
} ROUTINES;

typedef struct VALUE_ENTRY {
    PUNICODE_STRING name;
    ULONG length;
    ULONG offset;
    ULONG type;
} VALUE_ENTRY;

static ROUTINES routines;
static INIT_ONCE once = INIT_ONCE_STATIC_INIT;

static BOOL CALLBACK find_routines(PINIT_ONCE self, PVOID parameter, PVOID *context) {
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");

    (void)self;
    (void)parameter;
    (void)context;
#define FIND(name)                                                                                                     \
    do {                                                                                                               \
        FARPROC routine = GetProcAddress(ntdll, #name);                                                                \
        memcpy(&routines.name, &routine, sizeof routine);                                                              \
    } while (0)
    FIND(NtCreateKey);
    FIND(NtOpenKeyEx);
    FIND(NtClose);
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
        status = routines.NtQueryMultipleValueKey((HANDLE)(ULONG_PTR)request->Handle, entries, count, output, &length,
                                                  required);
    }
    free(entries);
    free(names);
    return status;
}

static NTSTATUS run(const CMK_REQUEST *request, CMK_REPLY *reply, UNICODE_STRING name, UNICODE_STRING class,
                    PVOID data) {
    HANDLE key = (HANDLE)(ULONG_PTR)request->Handle;
    ULONG kind = request->InformationClass;
    PVOID output = reply + 1;
    ULONG length = request->Length;
    ULONG result = 0;
    ULONG disposition = 0;
    HANDLE created = NULL;
    OBJECT_ATTRIBUTES attributes;
    NTSTATUS status;

    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, key, NULL);
    switch (request->Operation) {
    case CmkOpCreateKey:
        status = routines.NtCreateKey(&created, request->Access, &attributes, 0,
                                      request->Flags & CMK_HAS_CLASS ? &class : NULL, request->Options, &disposition);
        break;
    case CmkOpOpenKey:
        status = routines.NtOpenKeyEx(&created, request->Access, &attributes, request->Options);
        break;
    case CmkOpCloseKey:
        return routines.NtClose(key);
    case CmkOpSetValue:
        return routines.NtSetValueKey(key, &name, 0, kind, data, request->DataSize);
    case CmkOpDeleteValue:
        return routines.NtDeleteValueKey(key, &name);
    case CmkOpDeleteKey:
        return routines.NtDeleteKey(key);
    case CmkOpRenameKey:
        return routines.NtRenameKey(key, &name);
    case CmkOpFlushKey:
        return routines.NtFlushKey(key);
    case CmkOpSetInformation:
        return routines.NtSetInformationKey(key, kind, data, request->DataSize);
    case CmkOpQueryKey:
        status = routines.NtQueryKey(key, kind, output, length, &result);
        break;
    case CmkOpQueryValue:
        status = routines.NtQueryValueKey(key, &name, kind, output, length, &result);
        break;
    case CmkOpEnumerateKey:
        status = routines.NtEnumerateKey(key, request->Index, kind, output, length, &result);
        break;
    case CmkOpEnumerateValue:
        status = routines.NtEnumerateValueKey(key, request->Index, kind, output, length, &result);
        break;
    case CmkOpQueryMultipleValues:
        status = query_multiple(request, name, output, &result);
        break;
    case CmkOpQueryObjectName:
        status = routines.NtQueryObject(key, 1, output, length, &result);
        break;
    default:
        return STATUS_NOT_SUPPORTED;
    }
    reply->Handle = (ULONG_PTR)created;
    reply->Disposition = disposition;
    reply->ResultLength = result;
    reply->DataSize = status >= 0 || status == STATUS_BUFFER_OVERFLOW ? min(result, length) : 0;
    return status;
}

CMK_REPLY *native_run(CMK_REQUEST *request) {
    unsigned char *at = (unsigned char *)(request + 1);
    CMK_REPLY *reply = new_reply(0, request->Length);
    UNICODE_STRING name;
    UNICODE_STRING class;

    if (!reply) {
        return NULL;
    }
    InitOnceExecuteOnce(&once, find_routines, NULL, NULL);
    reply->DataSize = 0;
    name.Buffer = (PWSTR)at;
    name.Length = name.MaximumLength = (USHORT)request->NameSize;
    at += request->NameSize;
    class.Buffer = (PWSTR)at;
    class.Length = class.MaximumLength = (USHORT)request->ClassSize;
    at += request->ClassSize;
    reply->Status = run(request, reply, name, class, at);
    return reply;
}
