// SPDX-License-Identifier: MIT
//
// Takes back what an operation has done before its caller is told that it has failed.

#include "decide/decision_parts.h"
#include "base/memory.h"

// Opens the key that was created. The object itself takes no handle before the callbacks are done with it, so it is
// looked up again as the request did, the last component being what it is, even a link.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS OpenAgain(_In_ const REG_CREATE_KEY_INFORMATION_V1 *Create, _In_ HANDLE Root, _In_ HANDLE Transaction,
                          _In_ UNICODE_STRING *Name, _Out_ HANDLE *Key) {
    const BOOLEAN absolute = Name->Length && *Name->Buffer == L'\\';
    const ACCESS_MASK access = DELETE | (Create->Version >= 1 ? Create->Wow64Flags : 0);
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, Name, OBJ_CASE_INSENSITIVE | OBJ_OPENLINK | OBJ_KERNEL_HANDLE,
                               absolute ? NULL : Root, NULL);
    *Key = NULL;
    return Transaction ? ZwOpenKeyTransactedEx(Key, access, &attributes, 0, Transaction)
                       : ZwOpenKeyEx(Key, access, &attributes, 0);
}

// Another thread may have put another key there meanwhile, which must stay.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS CheckSame(_In_ LARGE_INTEGER *Cookie, _In_ HANDLE Key, _In_ VOID *Object) {
    VOID *opened;
    ULONG_PTR openedId;
    ULONG_PTR id;
    NTSTATUS status = ObReferenceObjectByHandle(Key, 0, *CmKeyObjectType, KernelMode, &opened, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = CmCallbackGetKeyObjectIDEx(Cookie, opened, &openedId, NULL, 0);
    if (NT_SUCCESS(status)) {
        status = CmCallbackGetKeyObjectIDEx(Cookie, Object, &id, NULL, 0);
    }
    ObDereferenceObject(opened);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    return openedId == id ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}

_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS DeleteNew(_In_ LARGE_INTEGER *Cookie, _In_ const REG_CREATE_KEY_INFORMATION_V1 *Create,
                          _In_ UNICODE_STRING *Name, _In_ VOID *Object) {
    HANDLE root;
    HANDLE transaction = NULL;
    HANDLE key;
    NTSTATUS status = FactsOpenObject(Create->RootObject, *CmKeyObjectType, 0, &root);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    // The transaction of the root goes with its handle.
    if (Create->Transaction) {
        status = FactsOpenObject(Create->Transaction, *TmTransactionObjectType, TRANSACTION_ENLIST, &transaction);
        if (!NT_SUCCESS(status)) {
            goto closeRoot;
        }
    }
    status = OpenAgain(Create, root, transaction, Name, &key);
    if (NT_SUCCESS(status)) {
        status = CheckSame(Cookie, key, Object);
        if (NT_SUCCESS(status)) {
            status = ZwDeleteKey(key);
        }
        ZwClose(key);
    }
    if (transaction) {
        ZwClose(transaction);
    }
closeRoot:
    ZwClose(root);
    return status;
}

_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS UndoCreate(_In_ LARGE_INTEGER *Cookie, _In_ const REG_CREATE_KEY_INFORMATION_V1 *Create,
                           _In_ VOID *Object) {
    UNICODE_STRING name;
    NTSTATUS status = CaptureCopyString(&name, Create->Version >= 1 ? Create->RemainingName : Create->CompleteName);
    if (NT_SUCCESS(status)) {
        status = DeleteNew(Cookie, Create, &name, Object);
        MemoryFree(name.Buffer);
    }
    return status;
}

_Use_decl_annotations_
NTSTATUS DecisionWriteValue(VOID *Object, const UNICODE_STRING *UnsafeName, UINT32 TitleIndex, UINT32 Type,
                            const VOID *Data, ULONG Size) {
    UNICODE_STRING name;
    HANDLE key;
    NTSTATUS status = CaptureCopyString(&name, UnsafeName);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = FactsOpenObject(Object, *CmKeyObjectType, KEY_SET_VALUE, &key);
    if (NT_SUCCESS(status)) {
        status = Data ? ZwSetValueKey(key, &name, TitleIndex, Type, (VOID *)(ULONG_PTR)Data, Size)
                      : ZwDeleteValueKey(key, &name);
        ZwClose(key);
    }
    MemoryFree(name.Buffer);
    return status;
}

_Use_decl_annotations_
NTSTATUS DecisionUndo(LARGE_INTEGER *Cookie, const DECISION_SUBJECT *Subject,
                      const REG_POST_OPERATION_INFORMATION *Post) {
    const NOTIFY_PRE *pre = Post->PreInformation;
    const FACTS *facts = Subject->Facts;
    if (Subject->Class->Body == NotifyBodyCreate) {
        return UndoCreate(Cookie, &pre->Create, Post->Object);
    }
    // What was written or deleted is put back. There are no bytes of a value that was not there.
    return DecisionWriteValue(pre->DeleteValue.Object, pre->DeleteValue.ValueName, 0, facts->Type, facts->Bytes,
                              facts->Size);
}
