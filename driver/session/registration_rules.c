// SPDX-License-Identifier: MIT
//
// The rules of a registration, which may change at any time.

#include "session/registration.h"
#include "verdict/process_trees.h"

// Who comes later gets the new ruleset, so that numbers that are given under it are higher than the one that is
// returned.
_Use_decl_annotations_
UINT64 RegistrationSwapRuleset(REGISTRATION *Registration, RULESET *Ruleset) {
    QUEUE *queue = Registration->Recorder.Queue;
    KIRQL irql;
    KIRQL nested;
    KeAcquireSpinLock(&Registration->RulesLock, &irql);
    KeAcquireSpinLock(&queue->Lock, &nested);
    const UINT64 sequence = queue->LastSequence;
    KeReleaseSpinLock(&queue->Lock, nested);
    RULESET *former = Registration->Ruleset;
    Ruleset->Number = former ? former->Number + 1 : 1;
    Registration->Ruleset = Ruleset;
    InterlockedExchange64(&Registration->Wanted, (LONG64)RulesetGetClassMask(Ruleset, Registration->ClassMask));
    InterlockedExchange64(&Registration->RulesSerial, (LONG64)RulesetGetSerial(Ruleset));
    KeReleaseSpinLock(&Registration->RulesLock, irql);
    RulesetRelease(former);
    return sequence;
}

_Use_decl_annotations_
RULESET *RegistrationGetRuleset(REGISTRATION *Registration) {
    KIRQL irql;
    KeAcquireSpinLock(&Registration->RulesLock, &irql);
    RULESET *ruleset = RulesetReference(Registration->Ruleset);
    KeReleaseSpinLock(&Registration->RulesLock, irql);
    return ruleset;
}

_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS SetRules(_Inout_ REGISTRATION *Registration, _In_reads_bytes_(Size) const VOID *Program,
                         _In_ ULONG Size, _Inout_ CMB_SET_RULES_REPLY *Reply) {
    RULES_ERROR error;
    RULESET *ruleset;
    RULESET *former = RegistrationGetRuleset(Registration);
    const NTSTATUS status = RulesetCreate(Program, Size, former, &ruleset, &error);
    RulesetRelease(former);
    if (status == STATUS_BAD_DATA) {
        Reply->Status = status;
        Reply->Reason = error.Reason;
        Reply->Offset = error.Offset;
        return STATUS_SUCCESS;
    }
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (ruleset->Rules) {
        ReserveFill(&Registration->Filter.Reserve);
    }
    Reply->Status = STATUS_SUCCESS;
    Reply->Sequence = RegistrationSwapRuleset(Registration, ruleset);
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
NTSTATUS RegistrationSetRules(SESSION *Session, INT64 Cookie, const VOID *Program, ULONG Size,
                              CMB_SET_RULES_REPLY *Reply) {
    REGISTRATION *registration = RegistrationEnter(Session, Cookie);
    if (!registration) {
        Reply->Status = STATUS_INVALID_PARAMETER;
        return STATUS_SUCCESS;
    }
    const NTSTATUS status = SetRules(registration, Program, Size, Reply);
    RegistrationLeave(registration);
    ProcessTreesSettle();
    return status;
}
