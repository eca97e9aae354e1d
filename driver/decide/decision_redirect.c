// SPDX-License-Identifier: MIT
//
// Opens or creates another key than the one that was asked for.

#include "decide/decision_parts.h"
#include "base/memory.h"

// Of the caller's attributes, those that say how a name is looked up.
#define NAME_ATTRIBUTES (OBJ_CASE_INSENSITIVE | OBJ_OPENLINK | OBJ_DONT_REPARSE)

// Everything that the caller has asked for, but with another name.
typedef struct REQUEST {
    BOOLEAN IsCreate;
    ACCESS_MASK Access;
    ULONG Options;
    OBJECT_ATTRIBUTES Attributes;
    UNICODE_STRING Path;
    UNICODE_STRING Class;
    // NULL if there is none.
    HANDLE Transaction;
} REQUEST;

// Without a transaction of its own the call belongs to that of the root handle.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS OpenTransaction(_In_ LARGE_INTEGER *Cookie, _In_ const REG_CREATE_KEY_INFORMATION_V1 *Create,
                                _Out_ HANDLE *Handle) {
    VOID *transaction = Create->Transaction ? Create->Transaction : CmGetBoundTransaction(Cookie, Create->RootObject);
    *Handle = NULL;
    return transaction ? FactsOpenObject(transaction, *TmTransactionObjectType, TRANSACTION_ENLIST, Handle)
                       : STATUS_SUCCESS;
}

// OBJ_FORCE_ACCESS_CHECK keeps the driver from lending its rights to whoever asked. A structure before V1 ends in front
// of the members that are read for V1 only.
static VOID DescribeRequest(_Out_ REQUEST *Request, _In_ const DECISION *Decision, _In_ BOOLEAN IsCreate,
                            _In_ const REG_CREATE_KEY_INFORMATION_V1 *Create) {
    const BOOLEAN complete = Create->Version >= 1;
    RtlZeroMemory(Request, sizeof(*Request));
    Request->IsCreate = IsCreate;
    Request->Access = Create->DesiredAccess | (complete ? Create->Wow64Flags : 0);
    Request->Options = Create->Options;
    Request->Path.Length = Request->Path.MaximumLength = (USHORT)Decision->DataSize;
    Request->Path.Buffer = Decision->Data;
    InitializeObjectAttributes(&Request->Attributes, &Request->Path,
                               (complete ? Create->Attributes & NAME_ATTRIBUTES : OBJ_CASE_INSENSITIVE) |
                                   OBJ_KERNEL_HANDLE | OBJ_FORCE_ACCESS_CHECK,
                               NULL, Create->SecurityDescriptor);
    Request->Attributes.SecurityQualityOfService = Create->SecurityQualityOfService;
}

_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS Perform(_In_ REQUEST *Request, _Out_ HANDLE *Key, _Out_ ULONG *Disposition) {
    UNICODE_STRING *className = Request->Class.Length ? &Request->Class : NULL;
    *Key = NULL;
    *Disposition = REG_OPENED_EXISTING_KEY;
    if (Request->IsCreate && Request->Transaction) {
        return ZwCreateKeyTransacted(Key, Request->Access, &Request->Attributes, 0, className, Request->Options,
                                     Request->Transaction, Disposition);
    }
    if (Request->IsCreate) {
        return ZwCreateKey(Key, Request->Access, &Request->Attributes, 0, className, Request->Options, Disposition);
    }
    if (Request->Transaction) {
        return ZwOpenKeyTransactedEx(Key, Request->Access, &Request->Attributes, Request->Options,
                                     Request->Transaction);
    }
    return ZwOpenKeyEx(Key, Request->Access, &Request->Attributes, Request->Options);
}

// The handle only lends its object and the access that the access check has granted: nothing checks again before the
// caller gets a handle with GrantedAccess.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS GiveResult(_In_ HANDLE Key, _In_ ULONG Disposition, _Inout_ REG_CREATE_KEY_INFORMATION_V1 *Create,
                           _Outptr_result_maybenull_ VOID **Object) {
    OBJECT_HANDLE_INFORMATION information;
    const NTSTATUS status = ObReferenceObjectByHandle(Key, 0, *CmKeyObjectType, KernelMode, Object, &information);
    if (!NT_SUCCESS(status)) {
        *Object = NULL;
        return status;
    }
    *Create->ResultObject = *Object;
    Create->GrantedAccess = information.GrantedAccess;
    if (Create->Disposition) {
        *Create->Disposition = Disposition;
    }
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
NTSTATUS DecisionRedirect(const DECISION *Decision, LARGE_INTEGER *Cookie, BOOLEAN IsCreate,
                          REG_CREATE_KEY_INFORMATION_V1 *Create, VOID **Object) {
    REQUEST request;
    ULONG disposition;
    HANDLE key;
    *Object = NULL;
    DescribeRequest(&request, Decision, IsCreate, Create);
    NTSTATUS status = CaptureCopyString(&request.Class, Create->Class);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = OpenTransaction(Cookie, Create, &request.Transaction);
    if (!NT_SUCCESS(status)) {
        goto freeClass;
    }
    status = Perform(&request, &key, &disposition);
    if (NT_SUCCESS(status)) {
        status = GiveResult(key, disposition, Create, Object);
        ZwClose(key);
    }
    if (request.Transaction) {
        ZwClose(request.Transaction);
    }
freeClass:
    MemoryFree(request.Class.Buffer);
    return status;
}
