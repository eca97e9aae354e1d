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

// What is opened has a path of its own, which only post knows, and whoever opens it is told with its close.
_Use_decl_annotations_
BOOLEAN CallbackIsOpenWanted(const REGISTRATION *Registration, const RULESET *Ruleset, const NOTIFY_CLASS *Class) {
    const UINT64 classes = CLASS_BIT(Class->Partner) | CLOSE;
    return Class->Body == NotifyBodyCreate && (RulesetGetClassMask(Ruleset, Registration->ClassMask) & classes) != 0;
}

_Use_decl_annotations_
BOOLEAN CallbackCanWantClose(const REGISTRATION *Registration, const RULESET *Ruleset, SUBJECT *Subject,
                             BOOLEAN ByAnybody) {
    return CallbackCanWant(Registration, Ruleset, Subject, RegNtPreKeyHandleClose, ByAnybody) ||
           CallbackCanWant(Registration, Ruleset, Subject, RegNtPostKeyHandleClose, ByAnybody) ||
           CallbackCanWant(Registration, Ruleset, Subject, RegNtCallbackObjectContextCleanup, ByAnybody);
}

_Use_decl_annotations_
NTSTATUS CallbackRehearse(const DECISION *Decision) {
    return Decision->Kind == CMB_DECISION_BYPASS ? STATUS_SUCCESS : Decision->Status;
}
