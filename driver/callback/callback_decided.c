// SPDX-License-Identifier: MIT
//
// Pre of an operation whose rule decides it, or asks: carrying the decision out, and telling of it.

#include "callback/callback_phases.h"
#include "base/clock.h"

// In a rehearsal the operation goes on.
_IRQL_requires_max_(APC_LEVEL)
static VOID CarryPre(_Inout_ ASK_RESULT *Result, _In_ REGISTRATION *Registration, _Inout_ VOID *Pre,
                     _Out_ DECISION_RESULT *Carried) {
    if (Result->Decided.Flags & CMB_DECIDED_DRY_RUN) {
        *Carried = (DECISION_RESULT){.Status = CallbackRehearse(&Result->Decision)};
    } else {
        DecisionCarryPre(&Result->Decision, &Registration->Filter.Cookie, &Result->Subject, Pre, Carried);
    }
    Result->Decided.Status = Carried->Status;
    if (!NT_SUCCESS(Carried->Return)) {
        Result->Decided.Flags |= CMB_DECIDED_ENDED;
    }
    HeldCount(&Registration->Asker, &Result->Decided, Result->Asked, Carried->Failed);
    DecisionFree(&Result->Decision);
}

// The operation goes on. Post tells of the decision, if the registration wants to know of post at all.
_IRQL_requires_max_(APC_LEVEL)
static VOID KeepDecided(_Inout_ CALL *Call, _In_ REGISTRATION *Registration, _In_ RULESET *Ruleset,
                        _In_ const NOTIFY_CLASS *Class, _Inout_ VOID *Pre) {
    const BOOLEAN ignored = Call->OnSuccess.Kind == VerdictIgnore && Call->OnFailure.Kind == VerdictIgnore;
    const BOOLEAN told = Registration->ClassMask >> Class->Partner & 1;
    if (told && CallKeep(Call, Ruleset, Class, Pre)) {
        return;
    }
    CallEnd(Call);
    if (told && ignored) {
        // The post notification would have come for the decision alone.
        RecordLose(&Registration->Recorder, (VERDICT){VerdictNoMemory, CMB_RULES_NONE});
    }
    if (!ignored) {
        CallDefer(Ruleset, Class, Pre);
    } else {
        CallbackIgnore(Registration, Class, Pre);
    }
}

// Not inlined, for it needs stack, and most operations never come here.
_Use_decl_annotations_
DECLSPEC_NOINLINE NTSTATUS CallbackDecidedPre(REGISTRATION *Registration, const SUBJECT *Subject, RULESET *Ruleset,
                                              VERDICT Verdict, ULONG Number, VERDICT OnSuccess, VERDICT OnFailure) {
    NOTIFICATION notification = {
        .Recorder = &Registration->Recorder, .Class = Subject->Class, .Number = Number, .Pre = Subject->Pre};
    DECISION_RESULT carried;
    ASK_RESULT result;
    CAPTURE valueName;
    CALL call;
    CallBegin(&call, &Registration->Recorder, Subject->Class, Subject->Pre, Subject);
    call.OnSuccess = OnSuccess;
    call.OnFailure = OnFailure;
    CallbackSetCall(&notification, &call);
    if (SubjectGetValueName(Subject, &valueName)) {
        notification.ValueName = &valueName;
    }
    const ASK ask = {.Asker = &Registration->Asker,
                     .Ruleset = Ruleset,
                     .Verdict = Verdict,
                     .Start = call.Start,
                     .Call = &call,
                     .Notification = &notification};
    AskDecide(&ask, &result);
    CarryPre(&result, Registration, Subject->Pre, &carried);
    call.PreSequence = result.Sequence;
    call.Decided = &result.Decided;
    if (NT_SUCCESS(carried.Return)) {
        KeepDecided(&call, Registration, Ruleset, Subject->Class, Subject->Pre);
    } else {
        CallbackEnded(Registration, Subject->Class, Subject->Pre, &call, Ruleset, carried.Status, carried.Object);
        CallEnd(&call);
    }
    return carried.Return;
}
