// SPDX-License-Identifier: MIT
//
// What can be decided about the operations of a class, and about this one.

#include "decision_parts.h"
#include "memory.h"

#define FITS_ACTION (DECISION_FITS_ASK | DECISION_FITS_BLOCK | DECISION_FITS_BYPASS)
#define FITS_QUERY (DECISION_FITS_ASK | DECISION_FITS_BLOCK | DECISION_FITS_OUTPUT)

// A close cannot be stopped, and what a query for a name answers is the object manager's.
static const UCHAR FitsOfBody[NotifyBodyCount] = {
    // Flush.
    [NotifyBodyNone] = FITS_ACTION,
    [NotifyBodyCreate] = DECISION_FITS_ASK | DECISION_FITS_BLOCK | DECISION_FITS_REDIRECT | DECISION_FITS_UNDO,
    [NotifyBodySetValue] = FITS_ACTION | DECISION_FITS_REPLACE | DECISION_FITS_UNDO,
    [NotifyBodyDeleteValue] = FITS_ACTION | DECISION_FITS_UNDO,
    [NotifyBodyDeleteKey] = FITS_ACTION,
    [NotifyBodyRename] = FITS_ACTION,
    [NotifyBodySetInformation] = FITS_ACTION,
    [NotifyBodyEnumerateKey] = FITS_QUERY,
    [NotifyBodyEnumerateValue] = FITS_QUERY,
    [NotifyBodyQueryKey] = FITS_QUERY,
    [NotifyBodyQueryValue] = FITS_QUERY,
    [NotifyBodyQueryMultiple] = FITS_QUERY,
    [NotifyBodyClose] = 0,
    [NotifyBodyLoad] = FITS_ACTION,
    [NotifyBodyUnload] = FITS_ACTION,
    [NotifyBodyQuerySecurity] = FITS_QUERY,
    [NotifyBodySetSecurity] = FITS_ACTION,
    [NotifyBodyRestore] = FITS_ACTION,
    [NotifyBodySave] = FITS_ACTION,
    [NotifyBodySaveMerged] = FITS_ACTION,
    [NotifyBodyReplace] = FITS_ACTION,
    [NotifyBodyQueryName] = DECISION_FITS_BLOCK,
};

_Use_decl_annotations_
UCHAR DecisionFits(const NOTIFY_CLASS *Class) {
    return Class->Phase == NotifyPhaseNone ? 0 : FitsOfBody[Class->Body];
}

_Use_decl_annotations_
BOOLEAN DecisionActionFits(UINT32 Action, ULONG Number) {
    const NOTIFY_CLASS *class = NotifyClassGet(Number);
    const UCHAR fits = DecisionFits(class);
    const BOOLEAN pre = class->Phase == NotifyPhasePre;
    switch (Action) {
    case CMB_ACTION_ASK:
        return (fits & DECISION_FITS_ASK) != 0;
    case CMB_ACTION_BLOCK:
        return pre && (fits & DECISION_FITS_BLOCK);
    case CMB_ACTION_BYPASS:
        return pre && (fits & DECISION_FITS_BYPASS);
    default:
        return FALSE;
    }
}

// Size of a buffer that the caller tells by a pointer, which the answer overwrites: pre has noted it, and can still
// find out.
_IRQL_requires_max_(APC_LEVEL)
static ULONG SizeBehind(_In_ const DECISION_SUBJECT *Subject, _In_opt_ const ULONG *UnsafeLength) {
    ULONG size = 0;
    if (Subject->Facts) {
        return Subject->Facts->BufferLength;
    }
    if (Subject->Class->Phase == NotifyPhasePost || !CaptureBytes(&size, UnsafeLength, sizeof(size))) {
        return 0;
    }
    return size;
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeOutput(_Inout_ DECISION_SUBJECT *Subject, _In_ const VOID *Pre) {
    switch (Subject->Class->Body) {
    case NotifyBodyEnumerateKey:
        Subject->OutputSize = ((const REG_ENUMERATE_KEY_INFORMATION *)Pre)->Length;
        break;
    case NotifyBodyEnumerateValue:
        Subject->OutputSize = ((const REG_ENUMERATE_VALUE_KEY_INFORMATION *)Pre)->Length;
        break;
    case NotifyBodyQueryKey:
        Subject->OutputSize = ((const REG_QUERY_KEY_INFORMATION *)Pre)->Length;
        break;
    case NotifyBodyQueryValue:
        Subject->OutputSize = ((const REG_QUERY_VALUE_KEY_INFORMATION *)Pre)->Length;
        break;
    case NotifyBodyQueryMultiple: {
        const REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION *query = Pre;
        Subject->OutputSize = SizeBehind(Subject, query->BufferLength);
        Subject->Entries = query->EntryCount;
        break;
    }
    case NotifyBodyQuerySecurity:
        Subject->OutputSize = SizeBehind(Subject, ((const REG_QUERY_KEY_SECURITY_INFORMATION *)Pre)->Length);
        break;
    default:
        break;
    }
}

_IRQL_requires_max_(APC_LEVEL)
static BOOLEAN IsNewKey(_In_ const REG_CREATE_KEY_INFORMATION *Create) {
    ULONG disposition;
    return CaptureBytes(&disposition, Create->Disposition, sizeof(disposition)) && disposition == REG_CREATED_NEW_KEY;
}

// The old value is known whole, or it is known that there was none.
static BOOLEAN KnowsOldValue(_In_opt_ const FACTS *Facts, _In_ BOOLEAN MayBeMissing) {
    if (!Facts || !Facts->Asked) {
        return FALSE;
    }
    return NT_SUCCESS(Facts->Status) ? Facts->Size == Facts->FullSize
                                     : MayBeMissing && Facts->Status == STATUS_OBJECT_NAME_NOT_FOUND;
}

_IRQL_requires_max_(APC_LEVEL)
static BOOLEAN CanUndo(_In_ const DECISION_SUBJECT *Subject, _In_ const REG_POST_OPERATION_INFORMATION *Post) {
    const VOID *pre = Post->PreInformation;
    switch (Subject->Class->Body) {
    case NotifyBodyCreate:
        return Subject->Number == RegNtPostCreateKeyEx && IsNewKey(pre);
    // A virtualized write goes to another key than the one whose value is known.
    case NotifyBodySetValue:
        return Post->Object == *(VOID *const *)pre && KnowsOldValue(Subject->Facts, TRUE);
    case NotifyBodyDeleteValue:
        return Post->Object == *(VOID *const *)pre && KnowsOldValue(Subject->Facts, FALSE);
    default:
        return FALSE;
    }
}

_Use_decl_annotations_
VOID DecisionDescribe(DECISION_SUBJECT *Subject, const NOTIFY_CLASS *Class, ULONG Number, const VOID *Pre,
                      const REG_POST_OPERATION_INFORMATION *Post, const CALL *Call) {
    RtlZeroMemory(Subject, sizeof(*Subject));
    Subject->Class = Class;
    Subject->Number = Number;
    Subject->Path = Call ? Call->KeyPath : NULL;
    Subject->Facts = Call ? &Call->Facts : NULL;
    DescribeOutput(Subject, Pre);
    if (Class->Body == NotifyBodyLoad) {
        Subject->MustAnswer = ((const REG_LOAD_KEY_INFORMATION *)Pre)->RootHandle != NULL;
    }
    if (Post) {
        Subject->Status = Post->Status;
        Subject->CanUndo = Post->Status == STATUS_SUCCESS && CanUndo(Subject, Post);
    }
}

_Use_decl_annotations_
VOID DecisionFree(DECISION *Decision) {
    MemoryFree(Decision->Data);
    Decision->Data = NULL;
    Decision->DataSize = 0;
}
