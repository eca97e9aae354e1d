// SPDX-License-Identifier: MIT
//
// Registry operations of actors, made as the system calls that a program in user mode makes.

#include "operation.h"
#include "cm/calls.h"

static NTSTATUS CreateOrOpen(ARGUMENTS *Arguments, CMK_REPLY *Reply) {
    const CMK_REQUEST *request = Arguments->Request;
    PUNICODE_STRING class = request->Flags & CMK_HAS_CLASS ? &Arguments->Class : NULL;
    HANDLE transaction = (HANDLE)(ULONG_PTR)request->Other;
    OBJECT_ATTRIBUTES attributes;
    ULONG disposition = 0;
    HANDLE key = NULL;
    NTSTATUS status;

    InitializeObjectAttributes(&attributes, &Arguments->Name, request->Attributes, KeyOf(request), NULL);
    if (request->Operation == CmkOpCreateKey) {
        attributes.SecurityDescriptor = (PVOID)Arguments->Data;
        status = transaction
                     ? CmNtCreateKeyTransacted(&key, request->Access, &attributes, 0, class, request->Options,
                                               transaction, &disposition)
                     : CmNtCreateKey(&key, request->Access, &attributes, 0, class, request->Options, &disposition);
    } else {
        status = transaction
                     ? CmNtOpenKeyTransactedEx(&key, request->Access, &attributes, request->Options, transaction)
                     : CmNtOpenKeyEx(&key, request->Access, &attributes, request->Options);
    }
    Reply->Handle = (ULONG_PTR)key;
    Reply->Disposition = disposition;
    return status;
}

// KEY_VALUE_ENTRY array first, then the values, as the caller of NtQueryMultipleValueKey would see both.
static NTSTATUS QueryMultiple(ARGUMENTS *Arguments, ULONG *Required) {
    const WCHAR *names = Arguments->Name.Buffer;
    ULONG units = Arguments->Name.Length / sizeof(WCHAR);
    ULONG count = 1;
    ULONG length = Arguments->OutputLength;
    KEY_VALUE_ENTRY *entries;
    UNICODE_STRING *strings;
    ULONG start = 0;
    ULONG entry = 0;
    NTSTATUS status;

    for (ULONG index = 0; index < units; ++index) {
        count += names[index] == 0;
    }
    entries = ExAllocatePoolWithTag(NonPagedPool, count * (sizeof *entries + sizeof *strings), CMK_TAG);
    if (!entries) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(entries, count * (sizeof *entries + sizeof *strings));
    strings = (UNICODE_STRING *)(entries + count);
    for (ULONG index = 0; index <= units; ++index) {
        if (index == units || names[index] == 0) {
            strings[entry].Buffer = (PWCH)names + start;
            strings[entry].Length = strings[entry].MaximumLength = (USHORT)((index - start) * sizeof(WCHAR));
            entries[entry].ValueName = &strings[entry];
            start = index + 1;
            ++entry;
        }
    }
    status = CmNtQueryMultipleValueKey(KeyOf(Arguments->Request), entries, count, Arguments->Output, &length, Required);
    ExFreePoolWithTag(entries, CMK_TAG);
    return status;
}

// NtQuerySecurityObject: the object manager compares the access of the handle.
static NTSTATUS QuerySecurity(ARGUMENTS *Arguments, ULONG *Required) {
    SECURITY_INFORMATION information = Arguments->Request->InformationClass;
    ACCESS_MASK access = information & SACL_SECURITY_INFORMATION ? ACCESS_SYSTEM_SECURITY : 0;
    NTSTATUS status;
    PVOID object;

    if (information & (OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION)) {
        access |= READ_CONTROL;
    }
    status = CmPortReferenceKeyByHandle(KeyOf(Arguments->Request), access, UserMode, &object);
    if (NT_SUCCESS(status)) {
        *Required = Arguments->OutputLength;
        status = CmQueryKeyObjectSecurity(object, information, Arguments->Output, Required, UserMode);
        CmPortDereferenceObject(object);
    }
    return status;
}

// NtSetSecurityObject.
static NTSTATUS SetSecurity(const ARGUMENTS *Arguments) {
    SECURITY_INFORMATION information = Arguments->Request->InformationClass;
    ACCESS_MASK access = information & SACL_SECURITY_INFORMATION ? ACCESS_SYSTEM_SECURITY : 0;
    PSECURITY_DESCRIPTOR descriptor;
    NTSTATUS status;
    PVOID object;

    if (information & (OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION)) {
        access |= WRITE_OWNER;
    }
    if (information & DACL_SECURITY_INFORMATION) {
        access |= WRITE_DAC;
    }
    if (!Arguments->Data) {
        return STATUS_ACCESS_VIOLATION;
    }
    status = CmPortReferenceKeyByHandle(KeyOf(Arguments->Request), access, UserMode, &object);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = CmPortCaptureDescriptor((PVOID)Arguments->Data, UserMode, &descriptor);
    if (NT_SUCCESS(status)) {
        status = CmSetKeyObjectSecurity(object, information, descriptor, UserMode);
        CmStoreFree(descriptor);
    }
    CmPortDereferenceObject(object);
    return status;
}

static NTSTATUS Query(ARGUMENTS *Arguments, ULONG *ResultLength) {
    const CMK_REQUEST *request = Arguments->Request;
    HANDLE key = KeyOf(request);
    NTSTATUS status;
    PVOID object;

    switch (request->Operation) {
    case CmkOpQueryKey:
        return CmNtQueryKey(key, request->InformationClass, Arguments->Output, Arguments->OutputLength, ResultLength);
    case CmkOpQueryValue:
        return CmNtQueryValueKey(key, &Arguments->Name, request->InformationClass, Arguments->Output,
                                 Arguments->OutputLength, ResultLength);
    case CmkOpEnumerateKey:
        return CmNtEnumerateKey(key, request->Index, request->InformationClass, Arguments->Output,
                                Arguments->OutputLength, ResultLength);
    case CmkOpEnumerateValue:
        return CmNtEnumerateValueKey(key, request->Index, request->InformationClass, Arguments->Output,
                                     Arguments->OutputLength, ResultLength);
    case CmkOpQueryMultipleValues:
        return QueryMultiple(Arguments, ResultLength);
    case CmkOpQuerySecurity:
        return QuerySecurity(Arguments, ResultLength);
    default:
        status = CmPortReferenceKeyByHandle(key, 0, UserMode, &object);
        if (NT_SUCCESS(status)) {
            status = CmQueryKeyObjectName(object, Arguments->Output, Arguments->OutputLength, ResultLength, UserMode);
            CmPortDereferenceObject(object);
        }
        return status;
    }
}

static NTSTATUS Inject(HANDLE Key, ULONG NotifyClass, NTSTATUS OperationStatus) {
    PVOID object;
    NTSTATUS status = CmPortReferenceKeyByHandle(Key, 0, UserMode, &object);

    if (NT_SUCCESS(status)) {
        status = CmInjectNotification(object, NotifyClass, OperationStatus);
        CmPortDereferenceObject(object);
    }
    return status;
}

static NTSTATUS Change(ARGUMENTS *Arguments, CMK_REPLY *Reply) {
    const CMK_REQUEST *request = Arguments->Request;
    HANDLE key = KeyOf(request);

    switch (request->Operation) {
    case CmkOpCloseKey:
        return CmkCloseHandle(key, UserMode);
    case CmkOpSetValue:
        return CmNtSetValueKey(key, &Arguments->Name, 0, request->InformationClass, (PVOID)Arguments->Data,
                               request->DataSize);
    case CmkOpDeleteValue:
        return CmNtDeleteValueKey(key, &Arguments->Name);
    case CmkOpDeleteKey:
        return CmNtDeleteKey(key);
    case CmkOpRenameKey:
        return CmNtRenameKey(key, &Arguments->Name);
    case CmkOpFlushKey:
        return CmNtFlushKey(key);
    case CmkOpSetInformation:
        return CmNtSetInformationKey(key, request->InformationClass, (PVOID)Arguments->Data, request->DataSize);
    case CmkOpInject:
        return Inject(key, request->InformationClass, (NTSTATUS)request->Options);
    case CmkOpSetSecurity:
        return SetSecurity(Arguments);
    default:
        return CmkRunHiveOperation(Arguments, Reply);
    }
}

static BOOLEAN Parse(const CMK_REQUEST *Request, ARGUMENTS *Arguments) {
    UCHAR *at = (UCHAR *)(Request + 1);
    ULONG64 size = sizeof *Request + (ULONG64)Request->NameSize + Request->ClassSize + Request->DataSize;

    if (size > Request->Size || Request->NameSize > MAXUSHORT || Request->ClassSize > MAXUSHORT) {
        return FALSE;
    }
    Arguments->Request = Request;
    Arguments->Name.Buffer = (PWCH)at;
    Arguments->Name.Length = Arguments->Name.MaximumLength = (USHORT)Request->NameSize;
    at += Request->NameSize;
    Arguments->Class.Buffer = (PWCH)at;
    Arguments->Class.Length = Arguments->Class.MaximumLength = (USHORT)Request->ClassSize;
    at += Request->ClassSize;
    Arguments->Data = Request->DataSize ? at : NULL;
    return TRUE;
}

ULONG CmkRunOperation(const CMK_REQUEST *Request, CMK_REPLY *Reply, ULONG ReplySize) {
    ARGUMENTS arguments = {0};
    ULONG resultLength = 0;
    HANDLE created = NULL;

    Reply->Size = sizeof *Reply;
    if (!Parse(Request, &arguments) || Request->Length > ReplySize - sizeof *Reply) {
        Reply->Status = STATUS_INVALID_PARAMETER;
        return Reply->Size;
    }
    arguments.Output = Reply + 1;
    arguments.OutputLength = Request->Length;
    switch (Request->Operation) {
    case CmkOpCreateKey:
    case CmkOpOpenKey:
        Reply->Status = CreateOrOpen(&arguments, Reply);
        break;
    case CmkOpDuplicateHandle:
        Reply->Status = CmkDuplicateHandle(KeyOf(Request), &created);
        Reply->Handle = (ULONG_PTR)created;
        break;
    case CmkOpQueryKey:
    case CmkOpQueryValue:
    case CmkOpEnumerateKey:
    case CmkOpEnumerateValue:
    case CmkOpQueryMultipleValues:
    case CmkOpQueryObjectName:
    case CmkOpQuerySecurity:
        Reply->Status = Query(&arguments, &resultLength);
        Reply->ResultLength = resultLength;
        if (NT_SUCCESS(Reply->Status) || Reply->Status == STATUS_BUFFER_OVERFLOW) {
            Reply->DataSize = min(resultLength, arguments.OutputLength);
            Reply->Size += Reply->DataSize;
        }
        break;
    default:
        Reply->Status = Change(&arguments, Reply);
        break;
    }
    return Reply->Size;
}
