// SPDX-License-Identifier: MIT
//
// What the callback does and returns for a decision.

#include "decide/decision_parts.h"
#include "base/stack.h"

// The operation ends here with Status. STATUS_CALLBACK_BYPASS tells the configuration manager that it ends as a
// success.
static VOID EndWith(_Inout_ DECISION_RESULT *Result, _In_ NTSTATUS Status) {
    Result->Status = Status;
    Result->Return = Status == STATUS_SUCCESS ? STATUS_CALLBACK_BYPASS : Status;
}

// The driver has tried, and Status is what came of it. A filter below may have made that STATUS_CALLBACK_BYPASS, which
// no caller can get.
static VOID EndTried(_Inout_ DECISION_RESULT *Result, _In_ NTSTATUS Status) {
    if (NT_SUCCESS(Status)) {
        EndWith(Result, STATUS_SUCCESS);
    } else {
        Result->Failed = TRUE;
        EndWith(Result, Status == STATUS_CALLBACK_BYPASS ? STATUS_UNSUCCESSFUL : Status);
    }
}

// The registry waits for I/O that needs special kernel APCs to complete. Nobody is asked where there are none, so this
// is the last line of defence. A thread that has little stack left fails rather than overruns it.
_IRQL_requires_max_(APC_LEVEL)
static BOOLEAN CanCall(VOID) {
    return !KeAreAllApcsDisabled() && StackAllowsNested();
}

_IRQL_requires_max_(APC_LEVEL)
static VOID RedirectKey(_Inout_ DECISION_RESULT *Result, _In_ const DECISION *Decision, _In_ LARGE_INTEGER *Cookie,
                        _In_ const DECISION_SUBJECT *Subject, _Inout_ REG_CREATE_KEY_INFORMATION_V1 *Create) {
    const BOOLEAN isCreate = Subject->Number == RegNtPreCreateKeyEx || Subject->Number == RegNtPostCreateKeyEx;
    EndTried(Result, CanCall() ? DecisionRedirect(Decision, Cookie, isCreate, Create, &Result->Object)
                               : FACTS_STATUS_CANNOT_ASK);
}

_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS ReplaceValue(_In_ const DECISION *Decision, _In_ const REG_SET_VALUE_KEY_INFORMATION *Set) {
    // No data are no bytes, which is not the same as no value.
    return DecisionWriteValue(Set->Object, Set->ValueName, Set->TitleIndex, Decision->Type,
                              Decision->Data ? Decision->Data : "", Decision->DataSize);
}

// The operation ends with the status of the decision, or with that of writing the output if that fails.
_IRQL_requires_max_(APC_LEVEL)
static VOID EndWithOutput(_Inout_ DECISION_RESULT *Result, _In_ const DECISION *Decision,
                          _In_ const DECISION_SUBJECT *Subject, _In_ const NOTIFY_PRE *Pre) {
    const NTSTATUS status =
        Decision->Flags & CMB_REPLY_OUTPUT ? DecisionWriteOutput(Decision, Subject, Pre) : STATUS_SUCCESS;
    if (NT_SUCCESS(status)) {
        EndWith(Result, Decision->Status);
    } else {
        EndTried(Result, status);
    }
}

_Use_decl_annotations_
VOID DecisionCarryPre(const DECISION *Decision, LARGE_INTEGER *Cookie, const DECISION_SUBJECT *Subject, VOID *Pre,
                      DECISION_RESULT *Result) {
    RtlZeroMemory(Result, sizeof(*Result));
    switch (Decision->Kind) {
    case CMB_DECISION_BLOCK:
        EndWith(Result, Decision->Status);
        break;
    case CMB_DECISION_BYPASS:
        // A rule may bypass what needs an output, which the program cannot: the operation does not take place, and its
        // caller does not go without what a success would have brought.
        EndTried(Result, Subject->NeedsOutput ? STATUS_NOT_SUPPORTED : STATUS_SUCCESS);
        break;
    case CMB_DECISION_EMULATE:
        EndWithOutput(Result, Decision, Subject, Pre);
        break;
    case CMB_DECISION_REPLACE:
        EndTried(Result, CanCall() ? ReplaceValue(Decision, Pre) : FACTS_STATUS_CANNOT_ASK);
        break;
    case CMB_DECISION_REDIRECT:
        RedirectKey(Result, Decision, Cookie, Subject, Pre);
        break;
    default:
        break;
    }
}

// Takes back what the caller of a create or an open does not get. The reference was to be that of the handle.
_IRQL_requires_max_(APC_LEVEL)
static VOID ReleaseResult(_Inout_ REG_POST_OPERATION_INFORMATION *Post) {
    const REG_CREATE_KEY_INFORMATION *create = Post->PreInformation;
    VOID *object = Post->Object;
    Post->Object = NULL;
    *create->ResultObject = NULL;
    ObDereferenceObject(object);
}

_IRQL_requires_max_(APC_LEVEL)
static VOID OverrideStatus(_Inout_ DECISION_RESULT *Result, _In_ const DECISION *Decision, _In_ LARGE_INTEGER *Cookie,
                           _In_ const DECISION_SUBJECT *Subject, _Inout_ REG_POST_OPERATION_INFORMATION *Post) {
    EndWithOutput(Result, Decision, Subject, Post->PreInformation);
    if (Decision->Flags & CMB_REPLY_UNDO) {
        const NTSTATUS status = CanCall() ? DecisionUndo(Cookie, Subject, Post) : FACTS_STATUS_CANNOT_ASK;
        if (!NT_SUCCESS(status)) {
            EndTried(Result, status);
        }
    }
    // Only plain success has brought an object.
    if (Subject->Class->Body == NotifyBodyCreate && Subject->Status == STATUS_SUCCESS) {
        ReleaseResult(Post);
    }
}

_Use_decl_annotations_
VOID DecisionCarryPost(const DECISION *Decision, LARGE_INTEGER *Cookie, const DECISION_SUBJECT *Subject,
                       REG_POST_OPERATION_INFORMATION *Post, DECISION_RESULT *Result) {
    RtlZeroMemory(Result, sizeof(*Result));
    switch (Decision->Kind) {
    case CMB_DECISION_REDIRECT:
        RedirectKey(Result, Decision, Cookie, Subject, Post->PreInformation);
        Post->Object = Result->Object;
        break;
    case CMB_DECISION_OVERRIDE:
        OverrideStatus(Result, Decision, Cookie, Subject, Post);
        break;
    default:
        return;
    }
    Post->ReturnStatus = Result->Status;
    Result->Return = STATUS_CALLBACK_BYPASS;
}
