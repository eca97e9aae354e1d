// SPDX-License-Identifier: MIT
//
// Decides about a notification: by its rule, by the program that is asked, or in its place.

#include "decide/ask.h"
#include "base/clock.h"
#include "process/identity.h"
#include "queue/queue.h"
#include "verdict/process_trees.h"

_Use_decl_annotations_
BOOLEAN AskIsDecided(VERDICT Verdict) {
    switch (Verdict.Kind) {
    case VerdictAsk:
    case VerdictBlock:
    case VerdictBypass:
        return TRUE;
    case VerdictNoMemory:
    case VerdictCaptureFault:
        return Verdict.Rule != CMB_RULES_NONE;
    default:
        return FALSE;
    }
}

// Nobody is asked about what the session's own process does, nor about processes that CMB_REGISTER_EXEMPT_CHILDREN
// leaves out.
_IRQL_requires_max_(DISPATCH_LEVEL)
static BOOLEAN IsExempt(_In_ const ASKER *Asker, _In_ const IDENTITY_PROCESS *Process) {
    UINT32 members;
    if (Process->Key == Asker->OwnerKey) {
        return TRUE;
    }
    // A process of which that is not known is asked about: that costs time, where the opposite would be a hole.
    return Asker->Children && ProcessTreesFind(Asker->Children, Process->Key, &members) && members != 0;
}

// Returns whether the current thread must not wait: it would wait for itself, or waiting is not allowed here.
_IRQL_requires_max_(APC_LEVEL)
static BOOLEAN MustNotWait(_In_ const ASKER *Asker) {
    IDENTITY_PROCESS process;
    // KeAreAllApcsDisabled is TRUE at APC_LEVEL, too. I/O that the answer may depend on would never complete on this
    // thread.
    if (ExGetPreviousMode() == KernelMode || KeAreAllApcsDisabled()) {
        return TRUE;
    }
    IdentityGetProcess(&process);
    return IsExempt(Asker, &process);
}

// Writes how the breaker is now into the queue, if the program was last told otherwise and there is room. The lock of
// the table is held so that changes are told in their order. When the session has ended there is nobody to tell.
_IRQL_requires_max_(APC_LEVEL)
static VOID TellBreaker(_Inout_ ASKER *Asker) {
    const RECORDER *recorder = Asker->Recorder;
    BREAKER *breaker = &Asker->Breaker;
    LARGE_INTEGER time;
    KIRQL irql;
    if (!ReadAcquire(&Asker->BreakerUntold) || QueueIsStopped(recorder->Queue)) {
        return;
    }
    KeQuerySystemTimePrecise(&time);
    KeAcquireSpinLock(&Asker->Table->Lock, &irql);
    const BOOLEAN open = !breaker->ToldOpen;
    const CMB_BODY_BREAKER body = {.State = open ? CMB_BREAKER_OPEN : CMB_BREAKER_CLOSED,
                                   .Misses = breaker->MissesOpened,
                                   .CoolDown = breaker->CoolDown,
                                   .Unasked = open ? 0 : breaker->Unasked};
    if (BreakerIsUntold(breaker) &&
        QueueTellBreaker(recorder->Queue, recorder->Filter->Cookie.QuadPart, &body, time.QuadPart)) {
        breaker->ToldOpen = open;
        breaker->Unasked = open ? breaker->Unasked : 0;
        WriteRelease(&Asker->BreakerUntold, FALSE);
    }
    KeReleaseSpinLock(&Asker->Table->Lock, irql);
    QueueWake(recorder->Queue);
}

_Use_decl_annotations_
UINT64 AskRelay(ASKER *Asker, const NOTIFICATION *Notification) {
    TellBreaker(Asker);
    return RecordRelay(Notification);
}

// Builds the record of the question, with everything that is to be read for it. FALSE if it was lost.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN BuildQuestion(_In_ const ASK *Ask, _In_ const CMB_RULE *Rule, _In_ const CMB_DECIDED *Decided,
                             _Out_ RECORD_DRAFT *Question) {
    const CMB_DECIDED question = {.Flags = Decided->Flags | CMB_DECIDED_HELD,
                                  .Rule = Decided->Rule,
                                  .Ruleset = Decided->Ruleset,
                                  .Deadline = Rule->Deadline};
    NOTIFICATION notification = *Ask->Notification;
    notification.Decided = &question;
    return RecordBuild(&notification, Question);
}

// Puts the question and holds the thread until there is an answer. Returns CMB_DECIDED_BY_*.
_IRQL_requires_(PASSIVE_LEVEL)
static UINT16 AskAndWait(_In_ const ASK *Ask, _In_ const CMB_RULE *Rule, _Inout_ ASK_RESULT *Result) {
    RECORD_DRAFT question;
    HELD held = {.Asker = Ask->Asker,
                 .Subject = &Result->Subject,
                 .Decision = &Result->Decision,
                 .Question = &question,
                 .Start = Ask->Start,
                 .Deadline = Ask->Start + Rule->Deadline * CLOCK_UNITS_PER_MILLISECOND};
    UINT16 by = HeldMayAsk(Ask->Asker);
    if (by != CMB_DECIDED_BY_NOBODY) {
        return by;
    }
    TellBreaker(Ask->Asker);
    if (!BuildQuestion(Ask, Rule, &Result->Decided, &question)) {
        // It was lost, or the session has ended.
        Result->Relayed = TRUE;
        by = HeldMayAsk(Ask->Asker);
        return by == CMB_DECIDED_BY_NOBODY ? CMB_DECIDED_BY_LIMIT : by;
    }
    by = HeldPut(&held, &Result->Relayed);
    Result->Sequence = question.Sequence;
    RecordFree(&question);
    if (by != CMB_DECIDED_BY_NOBODY) {
        return by;
    }
    Result->Asked = TRUE;
    by = HeldWait(&held);
    return by == CMB_DECIDED_BY_CALLBACK && Result->Decision.Kind == CMB_DECISION_DEFAULT ? CMB_DECIDED_BY_ERROR : by;
}

_IRQL_requires_max_(APC_LEVEL)
static UINT16 FindWho(_In_ const ASK *Ask, _In_ const CMB_RULE *Rule, _Inout_ ASK_RESULT *Result) {
    switch (Ask->Verdict.Kind) {
    case VerdictAsk:
        return MustNotWait(Ask->Asker) ? CMB_DECIDED_BY_EXEMPTION : AskAndWait(Ask, Rule, Result);
    case VerdictBlock:
    case VerdictBypass:
        return ExGetPreviousMode() == KernelMode && !(Rule->Flags & CMB_RULE_KERNEL_MODE) ? CMB_DECIDED_BY_EXEMPTION
                                                                                          : CMB_DECIDED_BY_RULE;
    default:
        return Rule->Action == CMB_ACTION_ASK && MustNotWait(Ask->Asker) ? CMB_DECIDED_BY_EXEMPTION
                                                                         : CMB_DECIDED_BY_ERROR;
    }
}

// The decision where the program has made none.
static VOID SetDefault(_In_ const CMB_RULE *Rule, _In_ UINT16 By, _In_ BOOLEAN Post, _Out_ DECISION *Decision) {
    RtlZeroMemory(Decision, sizeof(*Decision));
    Decision->Kind = CMB_DECISION_ALLOW;
    if (By == CMB_DECIDED_BY_EXEMPTION) {
        return;
    }
    if (Rule->Action == CMB_ACTION_BYPASS) {
        Decision->Kind = CMB_DECISION_BYPASS;
    } else if (Rule->Action == CMB_ACTION_BLOCK || Rule->Flags & CMB_RULE_FAIL_CLOSED) {
        Decision->Kind = Post ? CMB_DECISION_OVERRIDE : CMB_DECISION_BLOCK;
        Decision->Status = Rule->Status;
    }
}

_Use_decl_annotations_
VOID AskDecide(const ASK *Ask, ASK_RESULT *Result) {
    const NOTIFICATION *notification = Ask->Notification;
    const CMB_RULE *rule = RulesGetRule(Ask->Ruleset->Rules, Ask->Verdict.Rule);
    CMB_DECIDED *decided = &Result->Decided;
    RtlZeroMemory(Result, sizeof(*Result));
    DecisionDescribe(&Result->Subject, notification->Class, notification->Number, notification->Pre, notification->Post,
                     Ask->Call);
    decided->Rule = Ask->Verdict.Rule;
    decided->Ruleset = Ask->Ruleset->Number;
    if (rule->Flags & CMB_RULE_DRY_RUN || Ask->Asker->DryRun) {
        decided->Flags = CMB_DECIDED_DRY_RUN;
    }
    decided->By = FindWho(Ask, rule, Result);
    if (decided->By != CMB_DECIDED_BY_CALLBACK) {
        SetDefault(rule, decided->By, notification->Post != NULL, &Result->Decision);
    }
    decided->Decision = Result->Decision.Kind;
    decided->Status = Result->Decision.Status;
    decided->Latency = ClockSince(Ask->Start);
    TellBreaker(Ask->Asker);
}
