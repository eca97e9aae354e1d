// SPDX-License-Identifier: MIT
//
// What a registration wants of a notification, and what both phases put into its record.

#include "callback/callback_phases.h"

_Use_decl_annotations_
VOID CallbackSetCall(NOTIFICATION *Notification, const CALL *Call) {
    Notification->KeyPath = Call->KeyPath;
    Notification->OtherPath = Call->OtherPath;
    Notification->RequestedPath = Notification->Class->Body == NotifyBodyCreate ? Call->KeyPath : NULL;
    Notification->KeyObject = Call->KeyObject;
    Notification->Opener = &Call->Opener;
    Notification->Transaction = &Call->Transaction;
    Notification->Facts = &Call->Facts;
}

_Use_decl_annotations_
BOOLEAN CallbackIsRelayed(const REGISTRATION *Registration, VERDICT Verdict) {
    if (Verdict.Kind == VerdictNoMemory || Verdict.Kind == VerdictCaptureFault) {
        RecordLose(&Registration->Recorder, Verdict);
    }
    return Verdict.Kind == VerdictNotify;
}

_Use_decl_annotations_
VERDICT CallbackDecide(const REGISTRATION *Registration, const RULESET *Ruleset, SUBJECT *Subject, ULONG Number,
                       UINT32 Outcome) {
    return Registration->ClassMask & CLASS_BIT(Number) ? VerdictDecide(Ruleset, Subject, Number, Outcome)
                                                       : (VERDICT){VerdictIgnore, CMB_RULES_NONE};
}

_Use_decl_annotations_
BOOLEAN CallbackCanWant(const REGISTRATION *Registration, const RULESET *Ruleset, SUBJECT *Subject, ULONG Number,
                        BOOLEAN ByAnybody) {
    return Registration->ClassMask >> Number & 1 && VerdictCanWant(Ruleset, Subject, Number, ByAnybody);
}

// What is opened has a path of its own, which only post knows: a symbolic link asks anew, but a filter below may have
// put another key in place, and so may virtualization. Whoever opens it is told with its close.
_Use_decl_annotations_
VOID CallbackIgnore(const REGISTRATION *Registration, const NOTIFY_CLASS *Class, VOID *Pre) {
    const UINT64 classes = CLASS_BIT(Class->Partner) | CLOSE;
    if (Class->Body == NotifyBodyCreate && (UINT64)ReadAcquire64(&Registration->Wanted) & classes) {
        CallIgnoreUnlessOpened(Class, Pre);
    } else {
        CallIgnore(Class, Pre);
    }
}

_Use_decl_annotations_
BOOLEAN CallbackCanWantClose(const REGISTRATION *Registration, const RULESET *Ruleset, SUBJECT *Subject) {
    return CallbackCanWant(Registration, Ruleset, Subject, RegNtPreKeyHandleClose, TRUE) ||
           CallbackCanWant(Registration, Ruleset, Subject, RegNtPostKeyHandleClose, TRUE) ||
           CallbackCanWant(Registration, Ruleset, Subject, RegNtCallbackObjectContextCleanup, TRUE);
}

_Use_decl_annotations_
NTSTATUS CallbackRehearse(const DECISION *Decision) {
    return Decision->Kind == CMB_DECISION_BYPASS ? STATUS_SUCCESS : Decision->Status;
}
