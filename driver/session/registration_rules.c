// SPDX-License-Identifier: MIT
//
// The rules of a registration, which may change at any time.

#include "session/registration.h"

// Each cell is the place of one copy of the ruleset that is in force, and holds a reference to it. Who takes the copy
// from there, or puts another in its place, holds the lock of the cell for no longer than that, at DISPATCH_LEVEL. So
// nobody waits for a thread that may be preempted, and the former ruleset goes with the last who uses it.

_Use_decl_annotations_
RULESET *RegistrationTakeRules(REGISTRATION *Registration) {
    RULES_CELL *cell = &Registration->Cells[KeGetCurrentProcessorNumberEx(NULL) % RULESET_COPIES];
    KIRQL irql;
    KeAcquireSpinLock(&cell->Lock, &irql);
    RULESET *ruleset = RulesetReference(cell->Ruleset);
    KeReleaseSpinLock(&cell->Lock, irql);
    return ruleset;
}

// Puts a ruleset in force, and returns the one whose place it takes. Whoever comes afterwards has the new one.
_IRQL_requires_max_(DISPATCH_LEVEL)
static RULESETS *PutInForce(_Inout_ REGISTRATION *Registration, _In_ RULESETS *Rulesets) {
    const RULESET *first = &Rulesets->Copies[0];
    KIRQL irql;
    KIRQL nested;
    KeAcquireSpinLock(&Registration->RulesLock, &irql);
    RULESETS *former = Registration->Rulesets;
    Registration->Rulesets = Rulesets;
    const UINT32 number = former ? former->Copies[0].Number + 1 : 1;
    for (ULONG i = 0; i < RULESET_COPIES; ++i) {
        RULES_CELL *cell = &Registration->Cells[i];
        Rulesets->Copies[i].Number = number;
        KeAcquireSpinLock(&cell->Lock, &nested);
        cell->Ruleset = &Rulesets->Copies[i];
        KeReleaseSpinLock(&cell->Lock, nested);
    }
    InterlockedExchange64(&Registration->Wanted, (LONG64)RulesetGetClassMask(first, Registration->ClassMask));
    InterlockedExchange64(&Registration->RulesSerial, (LONG64)RulesetGetSerial(first));
    KeReleaseSpinLock(&Registration->RulesLock, irql);
    return former;
}

_Use_decl_annotations_
VOID RegistrationBeginRules(REGISTRATION *Registration, RULESETS *Rulesets) {
    KeInitializeSpinLock(&Registration->RulesLock);
    for (ULONG i = 0; i < RULESET_COPIES; ++i) {
        KeInitializeSpinLock(&Registration->Cells[i].Lock);
    }
    (VOID) PutInForce(Registration, Rulesets);
}

_Use_decl_annotations_
VOID RegistrationEndRules(REGISTRATION *Registration) {
    RulesetsRelease(Registration->Rulesets);
}

_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS SetRules(_Inout_ REGISTRATION *Registration, _In_reads_bytes_(Size) const VOID *Program,
                         _In_ ULONG Size, _Inout_ CMB_SET_RULES_REPLY *Reply) {
    QUEUE *queue = Registration->Recorder.Queue;
    RULES_ERROR error;
    RULESETS *rulesets;
    KIRQL irql;
    RULESET *former = RegistrationTakeRules(Registration);
    const NTSTATUS status = RulesetsCreate(Program, Size, former, &rulesets, &error);
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
    // Nobody has the new rules yet, so numbers that are given under them are higher.
    KeAcquireSpinLock(&queue->Lock, &irql);
    Reply->Sequence = queue->LastSequence;
    KeReleaseSpinLock(&queue->Lock, irql);
    Reply->Status = STATUS_SUCCESS;
    RulesetsRelease(PutInForce(Registration, rulesets));
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
    return status;
}
