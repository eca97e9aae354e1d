// SPDX-License-Identifier: MIT
//
// What the callback does and returns for a decision.

#include "decision_parts.h"

// The operation ends here with Status. STATUS_CALLBACK_BYPASS is how a success is said; that Status is one itself, or
// would let the operation go on, nobody who is asked promises.
static VOID End(_Inout_ DECISION_RESULT *Result, _In_ NTSTATUS Status) {
    Result->Status = Status;
    Result->Return = Status == STATUS_SUCCESS ? STATUS_CALLBACK_BYPASS : Status;
}

// It was tried, and Status is what came of it.
static VOID EndTried(_Inout_ DECISION_RESULT *Result, _In_ NTSTATUS Status) {
    if (NT_SUCCESS(Status)) {
        End(Result, STATUS_SUCCESS);
    } else {
        Result->Failed = TRUE;
        End(Result, Status == STATUS_CALLBACK_BYPASS ? STATUS_UNSUCCESSFUL : Status);
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID EndAnswered(_Inout_ DECISION_RESULT *Result, _In_ const DECISION *Decision,
                        _In_ const DECISION_SUBJECT *Subject, _In_ const VOID *Pre) {
    const NTSTATUS status =
        Decision->Flags & CMB_REPLY_OUTPUT ? DecisionWriteOutput(Decision, Subject, Pre) : STATUS_SUCCESS;
    if (NT_SUCCESS(status)) {
        End(Result, Decision->Status);
    } else {
        EndTried(Result, status);
    }
}

_Use_decl_annotations_
VOID DecisionCarryPre(const DECISION *Decision, REGISTRATION *Registration, const DECISION_SUBJECT *Subject, VOID *Pre,
                      DECISION_RESULT *Result) {
    UNREFERENCED_PARAMETER(Registration);
    RtlZeroMemory(Result, sizeof(*Result));
    switch (Decision->Kind) {
    case CMB_DECISION_ALLOW:
        break;
    case CMB_DECISION_BLOCK:
        End(Result, Decision->Status);
        break;
    case CMB_DECISION_BYPASS:
        // A rule may say so where nobody can: the operation does not take place, and its caller does not go without
        // what a success would have brought.
        if (Subject->MustAnswer) {
            EndTried(Result, STATUS_NOT_SUPPORTED);
        } else {
            End(Result, STATUS_SUCCESS);
        }
        break;
    case CMB_DECISION_EMULATE:
        EndAnswered(Result, Decision, Subject, Pre);
        break;
    default:
        EndTried(Result, STATUS_NOT_SUPPORTED);
        break;
    }
}

_Use_decl_annotations_
VOID DecisionCarryPost(const DECISION *Decision, REGISTRATION *Registration, const DECISION_SUBJECT *Subject,
                       REG_POST_OPERATION_INFORMATION *Post, DECISION_RESULT *Result) {
    UNREFERENCED_PARAMETER(Registration);
    RtlZeroMemory(Result, sizeof(*Result));
    if (Decision->Kind == CMB_DECISION_OVERRIDE) {
        EndAnswered(Result, Decision, Subject, Post->PreInformation);
        Post->ReturnStatus = Result->Status;
        Result->Return = STATUS_CALLBACK_BYPASS;
    }
}
