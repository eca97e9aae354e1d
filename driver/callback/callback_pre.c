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
        CallIgnore(notifyClass, Subject->Pre);
        CallEnd(&call);
    } else if (!CallKeep(&call, Ruleset, notifyClass, Subject->Pre)) {
        CallDefer(Ruleset, FALSE, notifyClass, Subject->Pre);
        CallEnd(&call);
    }
}

_IRQL_requires_max_(APC_LEVEL)
static NTSTATUS DecidePre(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ ULONG Number,
                          _Inout_ VOID *Pre) {
    NTSTATUS status = STATUS_SUCCESS;
    RULESET *ruleset = RegistrationGetRuleset(Registration);
    SUBJECT subject;
    SubjectBegin(&subject, &Registration->Filter, ruleset->Rules, Class, Pre);
    const VERDICT verdict = CallbackDecide(Registration, ruleset, &subject, Number, 0);
    const VERDICT onSuccess = CallbackDecide(Registration, ruleset, &subject, Class->Partner, CMB_OUTCOME_SUCCESS);
    const VERDICT onFailure = ruleset->Rules && RulesUses(ruleset->Rules, RulesOutcome)
                                  ? CallbackDecide(Registration, ruleset, &subject, Class->Partner, CMB_OUTCOME_FAILURE)
                                  : onSuccess;
    // This is the last time that the path can be had.
    if (Number == RegNtPreKeyHandleClose &&
        CallbackCanWant(Registration, ruleset, &subject, RegNtCallbackObjectContextCleanup, FALSE)) {
        KeyObjectClose(&Registration->Filter, subject.Object, subject.KeyObject, SubjectUsePath(&subject.Paths[0]));
    }
    const BOOLEAN relayed = CallbackIsRelayed(Registration, verdict);
    const BOOLEAN ignored = onSuccess.Kind == VerdictIgnore && onFailure.Kind == VerdictIgnore;
    if (AskIsDecided(verdict)) {
        status = CallbackDecidedPre(Registration, &subject, ruleset, verdict, Number, onSuccess, onFailure);
    } else if (relayed || !ignored) {
        CarryOut(Registration, &subject, ruleset, verdict, Number, onSuccess, onFailure);
    } else {
        CallIgnore(Class, Pre);
    }
    if (!AskIsDecided(verdict) && ignored && CallbackIsOpenWanted(Registration, ruleset, Class)) {
        CallDefer(ruleset, TRUE, Class, Pre);
    }
    SubjectEnd(&subject);
    RulesetRelease(ruleset);
    return status;
}

// A deleted key has no path any more. What is remembered of this one may be as old as a rename that nobody wanted to
// know of, so it is found out once more.
_IRQL_requires_max_(APC_LEVEL)
static VOID NoteLastPath(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _Inout_ VOID *Pre) {
    RULESET *ruleset = RegistrationGetRuleset(Registration);
    SUBJECT subject;
    SubjectBegin(&subject, &Registration->Filter, ruleset->Rules, Class, Pre);
    if (CallbackCanWantClose(Registration, ruleset, &subject, TRUE)) {
        subject.KeyObject = KeyObjectAttach(&Registration->Filter, subject.Object, subject.KeyObject, NULL, TRUE);
        NameRelease(KeyObjectGetName(&Registration->Filter, subject.Object, subject.KeyObject,
                                     SubjectUsePath(&subject.Paths[0])));
    }
    SubjectEnd(&subject);
    RulesetRelease(ruleset);
}

// Most notifications end here: no rule is meant for them, or the key says that none is.
_Use_decl_annotations_
NTSTATUS CallbackPre(REGISTRATION *Registration, const NOTIFY_CLASS *Class, ULONG Number, VOID *Pre) {
    UINT64 classes = CLASS_BIT(Number) | CLASS_BIT(Class->Partner);
    if (Number == RegNtPreKeyHandleClose) {
        classes |= CLEAN_UP;
    } else if (Class->Body == NotifyBodyCreate) {
        classes |= CLOSE;
    }
    if (Number == RegNtPreDeleteKey && (UINT64)ReadAcquire64(&Registration->Wanted) & CLOSE) {
        NoteLastPath(Registration, Class, Pre);
    }
    classes &= Registration->ClassMask;
    if (!((UINT64)ReadAcquire64(&Registration->Wanted) & classes) ||
        (Class->Key == NotifyKeyObject &&
         KeyObjectIsQuiet(*NotifyClassObjectContext(Class, Pre), (UINT64)ReadAcquire64(&Registration->RulesSerial),
                          classes))) {
        CallIgnore(Class, Pre);
        return STATUS_SUCCESS;
    }
    return DecidePre(Registration, Class, Number, Pre);
}
