// SPDX-License-Identifier: MIT
//
// Describes what a decision about an operation has to suit.

#include "decide/decision_parts.h"
#include "base/memory.h"

// The size of a buffer that the caller tells by a pointer. The output overwrites it: pre has noted it, and can still
// read it.
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
static VOID DescribeOutput(_Inout_ DECISION_SUBJECT *Subject, _In_ const NOTIFY_PRE *Pre) {
    switch (Subject->Class->Body) {
    case NotifyBodyEnumerate:
    case NotifyBodyQueryKey:
        Subject->OutputSize = Pre->QueryKey.Length;
        break;
    case NotifyBodyQueryValue:
        Subject->OutputSize = Pre->QueryValue.Length;
        break;
    case NotifyBodyQueryMultiple:
        Subject->OutputSize = SizeBehind(Subject, Pre->QueryMultiple.BufferLength);
        Subject->Entries = Pre->QueryMultiple.EntryCount;
        break;
    case NotifyBodyQuerySecurity:
        Subject->OutputSize = SizeBehind(Subject, Pre->QuerySecurity.Length);
        break;
    case NotifyBodyLoad:
        Subject->NeedsOutput = Pre->Load.RootHandle != NULL;
        break;
    default:
        break;
    }
}

_IRQL_requires_max_(APC_LEVEL)
static BOOLEAN IsNewKey(_In_ const REG_CREATE_KEY_INFORMATION_V1 *Create) {
    ULONG disposition;
    return CaptureBytes(&disposition, Create->Disposition, sizeof(disposition)) && disposition == REG_CREATED_NEW_KEY;
}

// Returns whether the old value is known whole, or it is known that there was none.
static BOOLEAN KnowsOldValue(_In_opt_ const FACTS *Facts, _In_ BOOLEAN MayBeMissing) {
    if (!Facts || !Facts->Asked) {
        return FALSE;
    }
    return NT_SUCCESS(Facts->Status) ? Facts->Size == Facts->FullSize
                                     : MayBeMissing && Facts->Status == STATUS_OBJECT_NAME_NOT_FOUND;
}

_IRQL_requires_max_(APC_LEVEL)
static BOOLEAN CanUndo(_In_ const DECISION_SUBJECT *Subject, _In_ const REG_POST_OPERATION_INFORMATION *Post) {
    const NOTIFY_PRE *pre = Post->PreInformation;
    // A virtualized write goes to another key than the one whose value is known.
    const BOOLEAN same = Post->Object == pre->DeleteKey.Object;
    switch (Subject->Class->Body) {
    case NotifyBodyCreate:
        return Subject->Number == RegNtPostCreateKeyEx && IsNewKey(&pre->Create);
    case NotifyBodySetValue:
        return same && KnowsOldValue(Subject->Facts, TRUE);
    case NotifyBodyDeleteValue:
        return same && KnowsOldValue(Subject->Facts, FALSE);
    default:
        return FALSE;
    }
}

_Use_decl_annotations_
VOID DecisionDescribe(DECISION_SUBJECT *Subject, const NOTIFY_CLASS *Class, ULONG Number, const NOTIFY_PRE *Pre,
                      const REG_POST_OPERATION_INFORMATION *Post, const CALL *Call) {
    RtlZeroMemory(Subject, sizeof(*Subject));
    Subject->Class = Class;
    Subject->Number = Number;
    Subject->Facts = Call ? &Call->Facts : NULL;
    DescribeOutput(Subject, Pre);
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
