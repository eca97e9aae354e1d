// SPDX-License-Identifier: MIT
//
// The rules of a registration, which may change at any time.

#include "session/registration.h"
#include "base/memory.h"

static VOID PutInForce(_Inout_ REGISTRATION *Registration, _In_ LONG Slot, _In_ RULESET *Ruleset) {
    Registration->Slots[Slot].Ruleset = Ruleset;
    ExReInitializeRundownProtectionCacheAware(Registration->Slots[Slot].Readers);
    InterlockedExchange(&Registration->Slot, Slot);
    InterlockedExchange64(&Registration->Wanted, (LONG64)RulesetGetClassMask(Ruleset, Registration->ClassMask));
    InterlockedExchange64(&Registration->RulesSerial, (LONG64)RulesetGetSerial(Ruleset));
}

_Use_decl_annotations_
NTSTATUS RegistrationBeginRules(REGISTRATION *Registration, RULESET *Ruleset) {
    KeInitializeMutex(&Registration->Swapping, 0);
    for (ULONG i = 0; i < RTL_NUMBER_OF(Registration->Slots); ++i) {
        RULES_SLOT *slot = &Registration->Slots[i];
        slot->Readers = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, MEMORY_TAG);
        if (!slot->Readers) {
            RegistrationEndRules(Registration);
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        ExWaitForRundownProtectionReleaseCacheAware(slot->Readers);
    }
    Ruleset->Number = 1;
    PutInForce(Registration, 0, Ruleset);
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID RegistrationEndRules(REGISTRATION *Registration) {
    for (ULONG i = 0; i < RTL_NUMBER_OF(Registration->Slots); ++i) {
        RULES_SLOT *slot = &Registration->Slots[i];
        RulesetRelease(slot->Ruleset);
        slot->Ruleset = NULL;
        if (slot->Readers) {
            ExFreeCacheAwareRundownProtection(slot->Readers);
            slot->Readers = NULL;
        }
    }
}

// A slot that cannot be entered is not in force any more.
_Use_decl_annotations_
VOID RegistrationEnterRules(REGISTRATION *Registration, RULES_IN_FORCE *Rules) {
    do {
        Rules->Slot = &Registration->Slots[ReadAcquire(&Registration->Slot)];
    } while (!ExAcquireRundownProtectionCacheAware(Rules->Slot->Readers));
    Rules->Ruleset = Rules->Slot->Ruleset;
}

_Use_decl_annotations_
VOID RegistrationStayInRules(RULES_IN_FORCE *Rules) {
    if (Rules->Slot) {
        RulesetReference(Rules->Ruleset);
        ExReleaseRundownProtectionCacheAware(Rules->Slot->Readers);
        Rules->Slot = NULL;
    }
}

_Use_decl_annotations_
VOID RegistrationLeaveRules(RULES_IN_FORCE *Rules) {
    if (Rules->Slot) {
        ExReleaseRundownProtectionCacheAware(Rules->Slot->Readers);
    } else {
        RulesetRelease(Rules->Ruleset);
    }
}

// Puts a new ruleset in the place of the old one. Who comes later gets the new one, so that numbers that are given
// under it are higher than the one that is returned.
_IRQL_requires_(PASSIVE_LEVEL)
static UINT64 Swap(_Inout_ REGISTRATION *Registration, _In_ RULESET *Ruleset) {
    QUEUE *queue = Registration->Recorder.Queue;
    KIRQL irql;
    KeWaitForSingleObject(&Registration->Swapping, Executive, KernelMode, FALSE, NULL);
    const LONG former = Registration->Slot;
    RULES_SLOT *slot = &Registration->Slots[former];
    RULESET *outdated = slot->Ruleset;
    KeAcquireSpinLock(&queue->Lock, &irql);
    const UINT64 sequence = queue->LastSequence;
    KeReleaseSpinLock(&queue->Lock, irql);
    Ruleset->Number = outdated->Number + 1;
    PutInForce(Registration, !former, Ruleset);
    ExWaitForRundownProtectionReleaseCacheAware(slot->Readers);
    slot->Ruleset = NULL;
    KeReleaseMutex(&Registration->Swapping, FALSE);
    RulesetRelease(outdated);
    return sequence;
}

_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS SetRules(_Inout_ REGISTRATION *Registration, _In_reads_bytes_(Size) const VOID *Program,
                         _In_ ULONG Size, _Inout_ CMB_SET_RULES_REPLY *Reply) {
    RULES_ERROR error;
    RULESET *ruleset;
    RULES_IN_FORCE former;
    RegistrationEnterRules(Registration, &former);
    RegistrationStayInRules(&former);
    const NTSTATUS status = RulesetCreate(Program, Size, former.Ruleset, &ruleset, &error);
    RegistrationLeaveRules(&former);
    if (status == STATUS_BAD_DATA) {
        Reply->Status = status;
        Reply->Reason = error.Reason;
        Reply->Offset = error.Offset;
        return STATUS_SUCCESS;
    }
    if (!NT_SUCCESS(status)) {
        return status;
    }
    Reply->Status = STATUS_SUCCESS;
    Reply->Sequence = Swap(Registration, ruleset);
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
