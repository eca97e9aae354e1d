// SPDX-License-Identifier: MIT

#include "decide/ask.h"
#include "base/clock.h"
#include "decide/held.h"
#include "process/identity.h"

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

// Who must not wait: for a program that would have to wait for itself, or where waiting is not allowed.
_IRQL_requires_max_(APC_LEVEL)
static BOOLEAN MustNotWait(_In_ REGISTRATION *Registration) {
    IDENTITY_PROCESS process;
    // All APCs are disabled at APC_LEVEL, too: I/O that the answer may depend on would never complete on this thread.
    if (ExGetPreviousMode() == KernelMode || KeAreAllApcsDisabled()) {
        return TRUE;
    }
    IdentityGetProcess(&process);
    return RegistrationIsExempt(Registration, &process);
}

// The lock is held so that changes are told in their order.
_Use_decl_annotations_
VOID AskTellBreaker(REGISTRATION *Registration) {
    HELD_TABLE *table = &Registration->Session->Held;
    BREAKER *breaker = &Registration->Breaker;
    KIRQL irql;
    if (!ReadAcquire(&Registration->BreakerUntold)) {
        return;
    }
    KeAcquireSpinLock(&table->Lock, &irql);
    while (breaker->UntoldCount && QueueTellBreaker(&Registration->Session->Queue, Registration->Cookie.QuadPart,
                                                    &breaker->Untold[0], breaker->UntoldTime[0])) {
        BreakerTold(breaker);
    }
    WriteRelease(&Registration->BreakerUntold, breaker->UntoldCount != 0);
    KeReleaseSpinLock(&table->Lock, irql);
    ReceiverPump(&Registration->Session->Receiver);
}

// The record is the question. Returns CMB_DECIDED_BY_*.
_IRQL_requires_(PASSIVE_LEVEL)
static UINT16 AskAndWait(_In_ const ASK *Ask, _In_ const CMB_RULE *Rule, _Inout_ ASK_ANSWER *Answer) {
    NOTIFICATION *notification = Ask->Notification;
    HELD_TABLE *table = &notification->Registration->Session->Held;
    CMB_DECIDED *decided = &Answer->Decided;
    HELD held = {
        .Registration = notification->Registration, .Subject = &Answer->Subject, .Decision = &Answer->Decision};
    UINT16 by = HeldBegin(table, &held);
    if (by != CMB_DECIDED_BY_NOBODY) {
        return by;
    }
    const CMB_DECIDED question = {.Flags = decided->Flags | CMB_DECIDED_HELD,
                                  .Rule = decided->Rule,
                                  .Ruleset = decided->Ruleset,
                                  .Deadline = Rule->Deadline,
                                  .Ticket = held.Ticket};
    const CMB_DECIDED *former = notification->Decided;
    notification->Decided = &question;
    Answer->Sequence = RecordRelay(notification);
    Answer->Relayed = TRUE;
    notification->Decided = former;
    if (!Answer->Sequence) {
        HeldCancel(table, &held);
        DecisionFree(&Answer->Decision);
        return CMB_DECIDED_BY_LIMIT;
    }
    Answer->Asked = TRUE;
    by = HeldWait(table, &held, Rule->Deadline);
    return by == CMB_DECIDED_BY_CALLBACK && Answer->Decision.Kind == CMB_DECISION_DEFAULT ? CMB_DECIDED_BY_ERROR : by;
}

_IRQL_requires_max_(APC_LEVEL)
static UINT16 FindWho(_In_ const ASK *Ask, _In_ const CMB_RULE *Rule, _Inout_ ASK_ANSWER *Answer) {
    REGISTRATION *registration = Ask->Notification->Registration;
    switch (Ask->Verdict.Kind) {
    case VerdictAsk:
        return MustNotWait(registration) ? CMB_DECIDED_BY_EXEMPTION : AskAndWait(Ask, Rule, Answer);
    case VerdictBlock:
    case VerdictBypass:
        return ExGetPreviousMode() == KernelMode && !(Rule->Flags & CMB_RULE_KERNEL_MODE) ? CMB_DECIDED_BY_EXEMPTION
                                                                                          : CMB_DECIDED_BY_RULE;
    default:
        return Rule->Action == CMB_ACTION_ASK && MustNotWait(registration) ? CMB_DECIDED_BY_EXEMPTION
                                                                           : CMB_DECIDED_BY_ERROR;
    }
}

// Where the program has not decided.
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
VOID AskDecide(const ASK *Ask, ASK_ANSWER *Answer) {
    const NOTIFICATION *notification = Ask->Notification;
    const CMB_RULE *rule = RulesetGetRule(Ask->Ruleset, Ask->Verdict.Rule);
    CMB_DECIDED *decided = &Answer->Decided;
    RtlZeroMemory(Answer, sizeof(*Answer));
    DecisionDescribe(&Answer->Subject, notification->Class, notification->Number, notification->Pre, notification->Post,
                     Ask->Call);
    decided->Rule = Ask->Verdict.Rule;
    decided->Ruleset = Ask->Ruleset->Number;
    if (rule->Flags & CMB_RULE_DRY_RUN || notification->Registration->Options & CMB_REGISTER_DRY_RUN) {
        decided->Flags = CMB_DECIDED_DRY_RUN;
    }
    decided->By = FindWho(Ask, rule, Answer);
    if (decided->By != CMB_DECIDED_BY_CALLBACK) {
        SetDefault(rule, decided->By, notification->Post != NULL, &Answer->Decision);
    }
    decided->Decision = Answer->Decision.Kind;
    decided->Status = Answer->Decision.Status;
    decided->Latency = ClockSince(Ask->Start);
    AskTellBreaker(notification->Registration);
}
