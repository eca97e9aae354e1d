// SPDX-License-Identifier: MIT
//
// What pre finds out about an operation, and how it gets to post.

#include "record/call.h"
#include "base/clock.h"
#include "base/memory.h"
#include "key/key_object.h"

_IRQL_requires_max_(APC_LEVEL)
static NAME *NameOfOther(_In_ KEY_FILTER *Filter, _In_opt_ VOID *Object, _In_ const SUBJECT_PATH *Path) {
    return Object ? KeyObjectGetName(Filter, Object, NULL, SubjectUsePath(Path)) : NULL;
}

// Transaction is a KTM transaction that the key object, or the caller's handle of it, keeps alive.
_IRQL_requires_max_(APC_LEVEL)
static VOID SetTransaction(_Inout_ CALL *Call, _In_opt_ VOID *Transaction) {
    if (Transaction) {
        Call->Transaction.Present = TRUE;
        TmGetTransactionId(Transaction, &Call->Transaction.Id);
    }
}

// The operation is on a key object that exists: the first member of the structure.
_IRQL_requires_max_(APC_LEVEL)
static VOID BeginObject(_Inout_ CALL *Call, _In_ KEY_FILTER *Filter, _In_ const NOTIFY_CLASS *Class, _In_ VOID *Pre,
                        _In_ const SUBJECT *Subject) {
    VOID *object = *(VOID *const *)Pre;
    KEY_OBJECT *keyObject = Subject->KeyObject;
    // Nothing more can be attached to an object that is being closed.
    if (Class->Body != NotifyBodyClose) {
        keyObject = KeyObjectAttach(Filter, object, keyObject, NULL);
    }
    Call->KeyObject = KeyObjectGetSerial(keyObject);
    KeyObjectGetOpener(keyObject, &Call->Opener);
    Call->KeyPath = KeyObjectGetName(Filter, object, keyObject, SubjectUsePath(&Subject->Paths[0]));
    SetTransaction(Call, CmGetBoundTransaction(&Filter->Cookie, object));
}

_IRQL_requires_max_(APC_LEVEL)
static VOID BeginCreate(_Inout_ CALL *Call, _In_ KEY_FILTER *Filter, _In_ const NOTIFY_CLASS *Class, _In_ VOID *Pre,
                        _In_ const SUBJECT *Subject) {
    const REG_CREATE_KEY_INFORMATION_V1 *create = Pre;
    KEY_OBJECT *root = KeyObjectAttach(Filter, create->RootObject, *NotifyClassObjectContext(Class, Pre), NULL);
    NAME *rootName = KeyObjectGetName(Filter, create->RootObject, root, SubjectUsePath(&Subject->Paths[0]));
    Call->KeyPath = NameOfCreate(rootName, create, SubjectGetTail(Subject));
    NameRelease(rootName);
    // Without a transaction of its own the call belongs to that of the root handle.
    SetTransaction(Call, create->Transaction ? create->Transaction
                                             : CmGetBoundTransaction(&Filter->Cookie, create->RootObject));
}

_Use_decl_annotations_
VOID CallBegin(CALL *Call, const RECORDER *Recorder, const NOTIFY_CLASS *Class, VOID *Pre, const SUBJECT *Subject) {
    KEY_FILTER *filter = Recorder->Filter;
    RtlZeroMemory(Call, sizeof(*Call));
    Call->Start = ClockNow();
    switch (Class->Key) {
    case NotifyKeyObject:
        BeginObject(Call, filter, Class, Pre, Subject);
        break;
    case NotifyKeyCreate:
        BeginCreate(Call, filter, Class, Pre, Subject);
        break;
    case NotifyKeyLoad: {
        const REG_LOAD_KEY_INFORMATION *load = Pre;
        NAME *root = NameOfOther(filter, load->Object, &Subject->Paths[0]);
        Call->KeyPath = NameOfLoad(root, load, SubjectGetTail(Subject));
        NameRelease(root);
        break;
    }
    case NotifyKeySaveMerged: {
        const REG_SAVE_MERGED_KEY_INFORMATION *save = Pre;
        Call->KeyPath = NameOfOther(filter, save->HighKeyObject, &Subject->Paths[0]);
        Call->OtherPath = NameOfOther(filter, save->LowKeyObject, &Subject->Paths[1]);
        break;
    }
    default:
        break;
    }
    FactsRead(&Call->Facts, Class, Pre, Recorder->OldValues, Recorder->MaxDataBytes);
}

// Pool blocks are aligned, so that the lowest bits tell what is stored.
#define CALL_TAG ((ULONG_PTR)1)
#define CALL_TAG_ONLY_OPENED ((ULONG_PTR)2)

_Use_decl_annotations_
BOOLEAN CallKeep(const CALL *Call, RULESET *Ruleset, const NOTIFY_CLASS *Class, VOID *Pre) {
    CALL *kept = MemoryAllocate(sizeof(*kept) + (Call->Decided ? sizeof(*Call->Decided) : 0));
    if (!kept) {
        return FALSE;
    }
    *kept = *Call;
    if (Call->Decided) {
        kept->Decided = (const CMB_DECIDED *)(kept + 1);
        RtlCopyMemory(kept + 1, Call->Decided, sizeof(*Call->Decided));
    }
    kept->Ruleset = RulesetReference(Ruleset);
    *NotifyClassCallContext(Class, Pre) = kept;
    return TRUE;
}

_Use_decl_annotations_
VOID CallDefer(RULESET *Ruleset, const NOTIFY_CLASS *Class, VOID *Pre) {
    *NotifyClassCallContext(Class, Pre) = (VOID *)((ULONG_PTR)RulesetReference(Ruleset) | CALL_TAG);
}

_Use_decl_annotations_
VOID CallIgnoreUnlessOpened(const NOTIFY_CLASS *Class, VOID *Pre) {
    *NotifyClassCallContext(Class, Pre) = (VOID *)(CALL_TAG | CALL_TAG_ONLY_OPENED);
}

_Use_decl_annotations_
VOID CallIgnore(const NOTIFY_CLASS *Class, VOID *Pre) {
    *NotifyClassCallContext(Class, Pre) = (VOID *)CALL_TAG;
}

_Use_decl_annotations_
VOID CallRecall(VOID *CallContext, CALL_STATE *State) {
    const ULONG_PTR context = (ULONG_PTR)CallContext;
    RtlZeroMemory(State, sizeof(*State));
    if (!(context & CALL_TAG)) {
        State->Call = CallContext;
    } else if (context == CALL_TAG) {
        State->Ignored = TRUE;
    } else if (context & CALL_TAG_ONLY_OPENED) {
        State->OnlyOpened = TRUE;
    } else {
        State->Ruleset = (RULESET *)(context & ~CALL_TAG);
    }
}

_Use_decl_annotations_
VOID CallEnd(CALL *Call) {
    NameRelease(Call->KeyPath);
    NameRelease(Call->OtherPath);
    FactsFree(&Call->Facts);
}

_Use_decl_annotations_
VOID CallForget(const CALL_STATE *State) {
    RulesetRelease(State->Ruleset);
    if (State->Call) {
        RulesetRelease(State->Call->Ruleset);
        CallEnd(State->Call);
        MemoryFree(State->Call);
    }
}
