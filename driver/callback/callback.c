// SPDX-License-Identifier: MIT
//
// The routine that the configuration manager calls, and what it does about notifications that have neither pre nor
// post.

#include "callback/callback.h"
#include "callback/callback_phases.h"

// The object is dead, or as good as dead: what it was is known from before, if at all. Not inlined, so that other
// notifications do not need its stack.
_IRQL_requires_max_(APC_LEVEL)
static DECLSPEC_NOINLINE VOID DescribeCleanUp(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class,
                                              _In_ KEY_OBJECT *KeyObject) {
    const ULONG number = RegNtCallbackObjectContextCleanup;
    RULESET *ruleset = RegistrationTakeRules(Registration);
    SUBJECT subject;
    SubjectBegin(&subject, &Registration->Filter, ruleset->Rules, Class, NULL);
    SubjectSetDead(&subject, KeyObject);
    if (CallbackIsRelayed(Registration, CallbackDecide(Registration, ruleset, &subject, number, 0))) {
        CMB_BODY_CLOSE opener;
        const NOTIFICATION notification = {
            .Recorder = &Registration->Recorder,
            .Class = Class,
            .Number = number,
            .KeyPath = subject.Paths[0].Name,
            .KeyObject = KeyObjectGetSerial(KeyObject),
            .Opener = &opener,
        };
        KeyObjectGetOpener(KeyObject, &opener);
        AskRelay(&Registration->Asker, &notification);
    }
    SubjectEnd(&subject);
    RulesetRelease(ruleset);
}

// The configuration manager gives the context back exactly once: when the object dies, or while the registration is
// removed.
_IRQL_requires_max_(APC_LEVEL)
static VOID CleanUp(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ BOOLEAN Relaying,
                    _In_ const REG_CALLBACK_CONTEXT_CLEANUP_INFORMATION *Information) {
    KEY_OBJECT *keyObject = Information->ObjectContext;
    if (Relaying && keyObject && (UINT64)ReadAcquire64(&Registration->Wanted) & CLEAN_UP &&
        !KeyObjectIsQuiet(keyObject, (UINT64)ReadAcquire64(&Registration->RulesSerial), CLEAN_UP)) {
        DescribeCleanUp(Registration, Class, keyObject);
    }
    KeyObjectFree(&Registration->Filter, keyObject);
}

// Not inlined for the same reason.
_IRQL_requires_max_(APC_LEVEL)
static DECLSPEC_NOINLINE VOID NotifyOther(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class,
                                          _In_ ULONG Number) {
    const NOTIFICATION notification = {.Recorder = &Registration->Recorder, .Class = Class, .Number = Number};
    RULESET *ruleset = RegistrationTakeRules(Registration);
    SUBJECT subject;
    SubjectBegin(&subject, &Registration->Filter, ruleset->Rules, Class, NULL);
    if (CallbackIsRelayed(Registration, CallbackDecide(Registration, ruleset, &subject, Number, 0))) {
        AskRelay(&Registration->Asker, &notification);
    }
    SubjectEnd(&subject);
    RulesetRelease(ruleset);
}

_IRQL_requires_max_(APC_LEVEL)
static NTSTATUS Notify(_In_ REGISTRATION *Registration, _In_ ULONG Number, _Inout_ VOID *Information) {
    const NOTIFY_CLASS *notifyClass = NotifyClassGet(Number);
    const BOOLEAN relaying = ReadAcquire(&Registration->Relaying) != FALSE;
    if (Number == RegNtCallbackObjectContextCleanup) {
        CleanUp(Registration, notifyClass, relaying, Information);
        return STATUS_SUCCESS;
    }
    NTSTATUS status = STATUS_SUCCESS;
    // This is done also when nothing is relayed: a rename that began before and ends now must not count for ever.
    if (Number == RegNtPostRenameKey) {
        KeyObjectRenameEnds();
    }
    if (notifyClass->Phase == NotifyPhasePost) {
        REG_POST_OPERATION_INFORMATION *post = Information;
        CALL_STATE state;
        CallRecall(post->CallContext, &state);
        if (relaying) {
            status = CallbackPost(Registration, notifyClass, Number, post, &state);
        }
        // This is done also when nothing is relayed any more: it is the last time that the call is seen.
        CallForget(&state);
    } else if (relaying && notifyClass->Phase == NotifyPhasePre) {
        status = CallbackPre(Registration, notifyClass, Number, Information);
    } else if (relaying) {
        NotifyOther(Registration, notifyClass, Number);
    }
    // A rename that ends here has no post.
    if (Number == RegNtPreRenameKey && NT_SUCCESS(status)) {
        KeyObjectRenameBegins();
    }
    return status;
}

_Use_decl_annotations_
NTSTATUS NTAPI CallbackNotify(PVOID CallbackContext, PVOID Argument1, PVOID Argument2) {
    REGISTRATION *registration = CallbackContext;
    const ULONG_PTR number = (ULONG_PTR)Argument1;
    if (number > CMB_MAX_NOTIFY_CLASS || !(registration->IntakeMask >> number & 1)) {
        return STATUS_SUCCESS;
    }
    return Notify(registration, (ULONG)number, Argument2);
}
