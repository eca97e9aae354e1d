// SPDX-License-Identifier: MIT
//
// The rules of a registration, which may change at any time.

#include "session/registration.h"
#include "base/memory.h"

// Puts a ruleset, which the caller has a reference to, into the place of the one before it. Who comes later gets the
// new one. Who has taken the former one keeps it for as long as he likes, and the last of them frees it: nobody waits.
_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID PutInForce(_Inout_ REGISTRATION *Registration, _Inout_ RULESET *Ruleset) {
    RULESET_SHARE *former[RULESET_SHARES];
    KIRQL irql;
    KeAcquireSpinLock(&Registration->RulesLock, &irql);
    Ruleset->Number = ++Registration->RulesNumber;
    for (ULONG i = 0; i < RULESET_SHARES; ++i) {
        RULES_CELL *cell = &Registration->Rules[i];
        RULESET_SHARE *share = RulesetBeginShare(Ruleset, i);
        KeAcquireSpinLockAtDpcLevel(&cell->Lock);
        former[i] = cell->Share;
        cell->Share = share;
        KeReleaseSpinLockFromDpcLevel(&cell->Lock);
    }
    InterlockedExchange64(&Registration->Wanted, (LONG64)RulesetGetClassMask(Ruleset, Registration->ClassMask));
    InterlockedExchange64(&Registration->RulesSerial, (LONG64)RulesetGetSerial(Ruleset));
    KeReleaseSpinLock(&Registration->RulesLock, irql);
    for (ULONG i = 0; i < RULESET_SHARES; ++i) {
        if (former[i]) {
            RulesetReleaseShare(former[i]);
        }
    }
}

_Use_decl_annotations_
VOID RegistrationBeginRules(REGISTRATION *Registration, RULESET *Ruleset) {
    KeInitializeSpinLock(&Registration->RulesLock);
    for (ULONG i = 0; i < RULESET_SHARES; ++i) {
        KeInitializeSpinLock(&Registration->Rules[i].Lock);
    }
    PutInForce(Registration, Ruleset);
}

_Use_decl_annotations_
VOID RegistrationEndRules(REGISTRATION *Registration) {
    for (ULONG i = 0; i < RULESET_SHARES; ++i) {
        RulesetReleaseShare(Registration->Rules[i].Share);
    }
}

_Use_decl_annotations_
RULESET_SHARE *RegistrationTakeRules(REGISTRATION *Registration) {
    RULES_CELL *cell = &Registration->Rules[KeGetCurrentProcessorNumberEx(NULL) % RULESET_SHARES];
    KIRQL irql;
    KeAcquireSpinLock(&cell->Lock, &irql);
    RULESET_SHARE *share = cell->Share;
    InterlockedIncrement(&share->References);
    KeReleaseSpinLock(&cell->Lock, irql);
    return share;
}

_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS SetRules(_Inout_ REGISTRATION *Registration, _In_reads_bytes_(Size) const VOID *Program,
                         _In_ ULONG Size, _Inout_ CMB_SET_RULES_REPLY *Reply) {
    QUEUE *queue = Registration->Recorder.Queue;
    RULES_ERROR error;
    RULESET *ruleset;
    KIRQL irql;
    RULESET_SHARE *former = RegistrationTakeRules(Registration);
    const NTSTATUS status = RulesetCreate(Program, Size, former->Ruleset, &ruleset, &error);
    RulesetReleaseShare(former);
    if (status == STATUS_BAD_DATA) {
        Reply->Status = status;
        Reply->Reason = error.Reason;
        Reply->Offset = error.Offset;
        return STATUS_SUCCESS;
    }
    if (!NT_SUCCESS(status)) {
        return status;
    }
    // Numbers that are given under the new rules are higher.
    KeAcquireSpinLock(&queue->Lock, &irql);
    Reply->Sequence = queue->LastSequence;
    KeReleaseSpinLock(&queue->Lock, irql);
    PutInForce(Registration, ruleset);
    RulesetRelease(ruleset);
    Reply->Status = STATUS_SUCCESS;
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
