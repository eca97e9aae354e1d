// SPDX-License-Identifier: MIT
//
// Pre notifications: what becomes of both phases of an operation is decided here.

#include "callback/callback_phases.h"
#include "rules/rules.h"

// Relays the pre notification if Verdict says so, and stores what is decided about its post notification. Not inlined,
// for a thread that is held does not need its stack.
_IRQL_requires_max_(APC_LEVEL)
static DECLSPEC_NOINLINE VOID CarryOut(_In_ REGISTRATION *Registration, _In_ const SUBJECT *Subject,
                                       _In_ RULESET *Ruleset, _In_ VERDICT Verdict, _In_ ULONG Number,
                                       _In_ VERDICT OnSuccess, _In_ VERDICT OnFailure) {
    const NOTIFY_CLASS *notifyClass = Subject->Class;
    NOTIFICATION notification = {
        .Recorder = &Registration->Recorder, .Class = notifyClass, .Number = Number, .Pre = Subject->Pre};
    CAPTURE valueName;
    CALL call;
    CallBegin(&call, &Registration->Recorder, notifyClass, Subject->Pre, Subject);
    call.OnSuccess = OnSuccess;
    call.OnFailure = OnFailure;
    if (Verdict.Kind == VerdictNotify) {
        CallbackSetCall(&notification, &call);
        if (SubjectGetValueName(Subject, &valueName)) {
            notification.ValueName = &valueName;
        }
        call.PreSequence = AskRelay(&Registration->Asker, &notification);
    }
    if (OnSuccess.Kind == VerdictIgnore && OnFailure.Kind == VerdictIgnore) {
        CallbackIgnore(Registration, notifyClass, Subject->Pre);
        CallEnd(&call);
    } else if (!CallKeep(&call, Ruleset, notifyClass, Subject->Pre)) {
        CallDefer(Ruleset, notifyClass, Subject->Pre);
        CallEnd(&call);
    }
}

// Not inlined: only what the key does not rule out comes here.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static DECLSPEC_NOINLINE NTSTATUS DecideWanted(_In_ REGISTRATION *Registration, _In_ RULESET *Ruleset,
                                               _Inout_ SUBJECT *Subject, _In_ ULONG Number) {
    const NOTIFY_CLASS *notifyClass = Subject->Class;
    const VERDICT verdict = CallbackDecide(Registration, Ruleset, Subject, Number, 0);
    const VERDICT onSuccess = CallbackDecide(Registration, Ruleset, Subject, notifyClass->Partner, CMB_OUTCOME_SUCCESS);
    const VERDICT onFailure =
        Ruleset->Rules && RulesUses(Ruleset->Rules, RulesOutcome)
            ? CallbackDecide(Registration, Ruleset, Subject, notifyClass->Partner, CMB_OUTCOME_FAILURE)
            : onSuccess;
    // This is the last time that the path can be had.
    if (Number == RegNtPreKeyHandleClose &&
        CallbackCanWant(Registration, Ruleset, Subject, RegNtCallbackObjectContextCleanup, FALSE)) {
        KeyObjectClose(&Registration->Filter, Subject->Object, Subject->KeyObject, SubjectUsePath(&Subject->Paths[0]));
    }
    const BOOLEAN relayed = CallbackIsRelayed(Registration, verdict);
    if (AskIsDecided(verdict)) {
        return CallbackDecidedPre(Registration, Subject, Ruleset, verdict, Number, onSuccess, onFailure);
    }
    if (relayed || onSuccess.Kind != VerdictIgnore || onFailure.Kind != VerdictIgnore) {
        CarryOut(Registration, Subject, Ruleset, verdict, Number, onSuccess, onFailure);
    } else {
        CallbackIgnore(Registration, notifyClass, Subject->Pre);
    }
    return STATUS_SUCCESS;
}

// Classes are what of both phases, and of what comes with a close, the registration is for.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static NTSTATUS DecidePre(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ ULONG Number,
                          _In_ UINT64 Classes, _Inout_ VOID *Pre) {
    NTSTATUS status = STATUS_SUCCESS;
    RULESET *ruleset = RegistrationTakeRules(Registration);
    SUBJECT subject;
    SubjectBegin(&subject, &Registration->Filter, ruleset->Rules, Class, Pre);
    if (VerdictIsQuiet(ruleset, &subject, Classes)) {
        CallbackIgnore(Registration, Class, Pre);
    } else {
        status = DecideWanted(Registration, ruleset, &subject, Number);
    }
    SubjectEnd(&subject);
    RulesetRelease(ruleset);
    return status;
}

// A deleted key has no path any more. What is remembered of this one may be as old as a rename that nobody wanted to
// know of, so it is found out once more.
_IRQL_requires_max_(APC_LEVEL)
static VOID NoteLastPath(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _Inout_ VOID *Pre) {
    RULESET *ruleset = RegistrationTakeRules(Registration);
    SUBJECT subject;
    SubjectBegin(&subject, &Registration->Filter, ruleset->Rules, Class, Pre);
    if (CallbackCanWantClose(Registration, ruleset, &subject)) {
        subject.KeyObject = KeyObjectAttach(&Registration->Filter, subject.Object, subject.KeyObject, NULL);
        NameRelease(KeyObjectGetName(&Registration->Filter, subject.Object, subject.KeyObject,
                                     SubjectUsePath(&subject.Paths[0])));
    }
    SubjectEnd(&subject);
    RulesetRelease(ruleset);
}

// Most notifications end here: no rule is meant for them, or the key says that none is.
_Use_decl_annotations_
NTSTATUS CallbackPre(REGISTRATION *Registration, const NOTIFY_CLASS *Class, ULONG Number, VOID *Pre) {
    const UINT64 wanted = (UINT64)ReadAcquire64(&Registration->Wanted);
    UINT64 classes = CLASS_BIT(Number) | CLASS_BIT(Class->Partner);
    if (Number == RegNtPreKeyHandleClose) {
        classes |= CLEAN_UP;
    }
    classes &= Registration->ClassMask;
    if (Number == RegNtPreDeleteKey && wanted & CLOSE) {
        NoteLastPath(Registration, Class, Pre);
    }
    if (!(wanted & classes) || (Class->Key == NotifyKeyObject &&
                                KeyObjectIsQuiet(*NotifyClassObjectContext(Class, Pre),
                                                 (UINT64)ReadAcquire64(&Registration->RulesSerial), classes))) {
        CallbackIgnore(Registration, Class, Pre);
        return STATUS_SUCCESS;
    }
    return DecidePre(Registration, Class, Number, classes, Pre);
}
