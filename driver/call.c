// SPDX-License-Identifier: MIT

#include "call.h"
#include "memory.h"

#define NANOSECONDS_PER_SECOND 1000000000ULL

// The object's context always stands behind CallContext.
#define CONTEXT_FOLLOWS(structure, member)                                                                             \
    C_ASSERT(FIELD_OFFSET(structure, member) == FIELD_OFFSET(structure, CallContext) + sizeof(VOID *))
CONTEXT_FOLLOWS(REG_CREATE_KEY_INFORMATION_V1, RootObjectContext);
CONTEXT_FOLLOWS(REG_DELETE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_SET_VALUE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_DELETE_VALUE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_SET_INFORMATION_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_RENAME_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_ENUMERATE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_ENUMERATE_VALUE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_QUERY_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_QUERY_VALUE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_KEY_HANDLE_CLOSE_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_UNLOAD_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_QUERY_KEY_SECURITY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_SET_KEY_SECURITY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_RESTORE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_SAVE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_REPLACE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_QUERY_KEY_NAME, ObjectContext);

static VOID **CallContextOf(_In_ const NOTIFY_CLASS *Class, _In_ VOID *Pre) {
    return (VOID **)((UCHAR *)Pre + Class->CallContext);
}

static VOID *ObjectContextOf(_In_ const NOTIFY_CLASS *Class, _In_ VOID *Pre) {
    return CallContextOf(Class, Pre)[1];
}

_IRQL_requires_max_(APC_LEVEL)
static NAME *NameOfOther(_In_ REGISTRATION *Registration, _In_opt_ VOID *Object) {
    return Object ? KeyObjectGetName(Registration, Object, NULL) : NULL;
}

// Transaction is a KTM transaction that the key object, or the caller's handle of it, keeps alive.
_IRQL_requires_max_(APC_LEVEL)
static VOID SetTransaction(_Inout_ CALL *Call, _In_opt_ VOID *Transaction) {
    if (Transaction) {
        Call->Transaction.Present = TRUE;
        TmGetTransactionId(Transaction, &Call->Transaction.Id);
    }
}

// A key object that is not being created: the first member of the structure.
_IRQL_requires_max_(APC_LEVEL)
static VOID BeginObject(_Inout_ CALL *Call, _Inout_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class,
                        _In_ VOID *Pre) {
    VOID *object = *(VOID *const *)Pre;
    KEY_OBJECT *keyObject = ObjectContextOf(Class, Pre);
    // Nothing more can be attached to an object that is being closed.
    if (Class->Body != NotifyBodyClose) {
        keyObject = KeyObjectAttach(Registration, object, keyObject, NULL);
    }
    Call->KeyObject = KeyObjectGetSerial(keyObject);
    KeyObjectGetOpener(keyObject, &Call->Opener);
    Call->KeyPath = KeyObjectGetName(Registration, object, keyObject);
    SetTransaction(Call, CmGetBoundTransaction(&Registration->Cookie, object));
}

_IRQL_requires_max_(APC_LEVEL)
static VOID BeginCreate(_Inout_ CALL *Call, _Inout_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class,
                        _In_ VOID *Pre) {
    const REG_CREATE_KEY_INFORMATION_V1 *create = Pre;
    KEY_OBJECT *root = KeyObjectAttach(Registration, create->RootObject, ObjectContextOf(Class, Pre), NULL);
    NAME *rootName = KeyObjectGetName(Registration, create->RootObject, root);
    Call->KeyPath = NameOfCreate(rootName, create);
    NameRelease(rootName);
    // Without a transaction of its own the call belongs to that of the root handle.
    SetTransaction(Call, create->Transaction ? create->Transaction
                                             : CmGetBoundTransaction(&Registration->Cookie, create->RootObject));
}

_Use_decl_annotations_
VOID CallBegin(CALL *Call, REGISTRATION *Registration, const NOTIFY_CLASS *Class, VOID *Pre) {
    RtlZeroMemory(Call, sizeof(*Call));
    Call->Start = KeQueryPerformanceCounter(NULL).QuadPart;
    switch (Class->Key) {
    case NotifyKeyObject:
        BeginObject(Call, Registration, Class, Pre);
        break;
    case NotifyKeyCreate:
        BeginCreate(Call, Registration, Class, Pre);
        break;
    case NotifyKeyLoad: {
        const REG_LOAD_KEY_INFORMATION *load = Pre;
        NAME *root = NameOfOther(Registration, load->Object);
        Call->KeyPath = NameOfLoad(root, load);
        NameRelease(root);
        break;
    }
    case NotifyKeySaveMerged: {
        const REG_SAVE_MERGED_KEY_INFORMATION *save = Pre;
        Call->KeyPath = NameOfOther(Registration, save->HighKeyObject);
        Call->OtherPath = NameOfOther(Registration, save->LowKeyObject);
        break;
    }
    default:
        break;
    }
    FactsRead(&Call->Facts, Class, Pre, (Registration->Options & CMB_REGISTER_OLD_VALUES) != 0,
              Registration->MaxDataBytes);
}

_Use_decl_annotations_
VOID CallCloseObject(REGISTRATION *Registration, const NOTIFY_CLASS *Class, VOID *Pre) {
    KeyObjectClose(Registration, *(VOID *const *)Pre, ObjectContextOf(Class, Pre));
}

_Use_decl_annotations_
BOOLEAN CallKeep(const CALL *Call, const NOTIFY_CLASS *Class, VOID *Pre) {
    CALL *kept = MemoryAllocate(sizeof(*kept));
    if (!kept) {
        return FALSE;
    }
    *kept = *Call;
    *CallContextOf(Class, Pre) = kept;
    return TRUE;
}

_Use_decl_annotations_
UINT64 CallGetDuration(const CALL *Call) {
    LARGE_INTEGER frequency;
    const LONGLONG now = KeQueryPerformanceCounter(&frequency).QuadPart;
    const UINT64 ticks = now > Call->Start ? (UINT64)(now - Call->Start) : 0;
    const UINT64 perSecond = (UINT64)frequency.QuadPart;
    // A remainder is less than the frequency, which is below 18 GHz, so that its product fits.
    return ticks / perSecond * NANOSECONDS_PER_SECOND + ticks % perSecond * NANOSECONDS_PER_SECOND / perSecond;
}

_Use_decl_annotations_
VOID CallEnd(CALL *Call) {
    NameRelease(Call->KeyPath);
    NameRelease(Call->OtherPath);
    FactsFree(&Call->Facts);
}

_Use_decl_annotations_
VOID CallFree(CALL *Call) {
    if (Call) {
        CallEnd(Call);
        MemoryFree(Call);
    }
}
