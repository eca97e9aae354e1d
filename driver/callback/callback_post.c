// SPDX-License-Identifier: MIT
//
// Post notifications, and what takes their place for operations that ended in pre.

#include "callback/callback_phases.h"
#include "base/clock.h"
#include "process/identity.h"

// What became of an open is known only in post, and what is to be known when the object is closed is noted here.
// Subject has the object. Returns a path that the caller releases.
_IRQL_requires_max_(APC_LEVEL)
static NAME *DescribeOpened(_In_ REGISTRATION *Registration, _Inout_ NOTIFICATION *Notification,
                            _In_ const RULESET *Ruleset, _Inout_ SUBJECT *Subject, _In_ BOOLEAN Relayed) {
    NAME *name = NULL;
    if (Relayed || CallbackCanWantClose(Registration, Ruleset, Subject)) {
        Subject->KeyObject = KeyObjectAttach(Subject->Filter, Subject->Object, Subject->KeyObject, Subject->Opener);
    }
    if (Relayed) {
        Notification->KeyObject = KeyObjectGetSerial(Subject->KeyObject);
    }
    if (Relayed || CallbackCanWant(Registration, Ruleset, Subject, RegNtCallbackObjectContextCleanup, FALSE)) {
        name =
            KeyObjectGetName(Subject->Filter, Subject->Object, Subject->KeyObject, SubjectUsePath(&Subject->Paths[0]));
    }
    if (name) {
        Notification->OtherPath = Notification->KeyPath;
        Notification->KeyPath = name;
    }
    return name;
}

// Does the same for another operation on a key object that is still live.
_IRQL_requires_max_(APC_LEVEL)
static NAME *DescribeObject(_Inout_ NOTIFICATION *Notification, _In_ const SUBJECT *Subject, _In_ BOOLEAN PreKnown) {
    const REG_POST_OPERATION_INFORMATION *post = Notification->Post;
    const BOOLEAN renamed = Notification->Class->Body == NotifyBodyRename;
    KEY_OBJECT *keyObject = Subject->KeyObject ? Subject->KeyObject : post->ObjectContext;
    if (PreKnown && !renamed) {
        return NULL;
    }
    NAME *name = KeyObjectGetName(Subject->Filter, post->Object, keyObject, SubjectUsePath(&Subject->Paths[0]));
    if (renamed) {
        Notification->OtherPath = name;
    } else {
        Notification->KeyObject = KeyObjectGetSerial(keyObject);
        Notification->KeyPath = name;
    }
    return name;
}

// Any status but STATUS_SUCCESS, STATUS_REPARSE included, leaves Object undefined.
static BOOLEAN IsOpened(_In_ const NOTIFY_CLASS *Class, _In_ const REG_POST_OPERATION_INFORMATION *Post) {
    return Post->Status == STATUS_SUCCESS && Class->Body == NotifyBodyCreate;
}

static BOOLEAN IsLive(_In_ const NOTIFY_CLASS *Class, _In_ const REG_POST_OPERATION_INFORMATION *Post) {
    return Post->Status == STATUS_SUCCESS && (Class->PostObjectLive || Class->Body == NotifyBodyRename);
}

_IRQL_requires_max_(APC_LEVEL)
static VERDICT DecidePost(_In_ const REGISTRATION *Registration, _In_ const RULESET *Ruleset, _Inout_ SUBJECT *Subject,
                          _In_ ULONG Number, _In_ const REG_POST_OPERATION_INFORMATION *Post,
                          _In_opt_ const CALL *Call) {
    const BOOLEAN success = NT_SUCCESS(Post->Status);
    if (Call && !IsOpened(Subject->Class, Post)) {
        return success ? Call->OnSuccess : Call->OnFailure;
    }
    return CallbackDecide(Registration, Ruleset, Subject, Number, success ? CMB_OUTCOME_SUCCESS : CMB_OUTCOME_FAILURE);
}

// The opener is the process of the current thread.
_IRQL_requires_max_(APC_LEVEL)
static VOID SetOpened(_Inout_ SUBJECT *Subject, _In_ VOID *Object, _In_opt_ VOID *Context,
                      _Out_ CMB_BODY_CLOSE *Opener) {
    IDENTITY_PROCESS process;
    IdentityGetProcess(&process);
    *Opener = (CMB_BODY_CLOSE){.OpenerKey = process.Key, .OpenerSlot = process.Slot, .OpenerProcessId = process.Id};
    Subject->Opener = Opener;
    SubjectSetObject(Subject, Object, Context);
}

static BOOLEAN IsEnded(_In_opt_ const CALL *Call) {
    return Call && Call->Decided && Call->Decided->Flags & CMB_DECIDED_ENDED;
}

// Not inlined, for it needs stack, and most operations never come here. Everything is in Notification. Object becomes
// the key object that the caller gets in place of none.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static DECLSPEC_NOINLINE NTSTATUS DecidedPost(_In_ REGISTRATION *Registration, _In_ const RULESET *Ruleset,
                                              _In_ VERDICT Verdict, _In_opt_ const CALL *Call,
                                              _Inout_ NOTIFICATION *Notification,
                                              _Inout_ REG_POST_OPERATION_INFORMATION *Post,
                                              _Outptr_result_maybenull_ VOID **Object) {
    const ASK ask = {.Asker = &Registration->Asker,
                     .Ruleset = Ruleset,
                     .Verdict = Verdict,
                     .Start = ClockNow(),
                     .Call = Call,
                     .Notification = Notification};
    DECISION_RESULT carried = {0};
    ASK_RESULT result;
    AskDecide(&ask, &result);
    if (result.Decided.Flags & CMB_DECIDED_DRY_RUN) {
        carried.Status = CallbackRehearse(&result.Decision);
    } else {
        DecisionCarryPost(&result.Decision, &Registration->Filter.Cookie, &result.Subject, Post, &carried);
    }
    result.Decided.Status = carried.Status;
    HeldCount(&Registration->Asker, &result.Decided, result.Asked, carried.Failed);
    DecisionFree(&result.Decision);
    // Nobody was asked, so that there is no record yet. A notification that is in doubt is lost, unless pre has
    // something to tell.
    if (!result.Relayed && (Notification->Decided || Verdict.Kind == VerdictAsk)) {
        const CMB_DECIDED *former = Notification->Decided;
        if (!former) {
            Notification->Decided = &result.Decided;
        }
        AskRelay(&Registration->Asker, Notification);
        Notification->Decided = former;
    }
    *Object = carried.Object;
    return carried.Return;
}

// Decides about the notification, and tells of it. Ends Subject. Not inlined, for most operations never come here.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static DECLSPEC_NOINLINE NTSTATUS DecideWanted(_In_ REGISTRATION *Registration, _In_ ULONG Number,
                                               _Inout_ REG_POST_OPERATION_INFORMATION *Post, _In_opt_ const CALL *Call,
                                               _In_ const RULESET *Ruleset, _Inout_ SUBJECT *Subject) {
    const NOTIFY_CLASS *notifyClass = Subject->Class;
    const VERDICT verdict = IsEnded(Call) ? (VERDICT){VerdictIgnore, CMB_RULES_NONE}
                                          : DecidePost(Registration, Ruleset, Subject, Number, Post, Call);
    const BOOLEAN asked = AskIsDecided(verdict);
    NTSTATUS status = STATUS_SUCCESS;
    VOID *object = NULL;
    NAME *name = NULL;
    NOTIFICATION notification = {
        .Recorder = &Registration->Recorder,
        .Class = notifyClass,
        .Number = Number,
        .Pre = Post->PreInformation,
        .Post = Post,
        .Flags = Call ? 0 : CMB_RECORD_PRE_UNKNOWN,
        .Decided = Call && Registration->ClassMask >> Number & 1 ? Call->Decided : NULL,
    };
    const BOOLEAN relayed = notification.Decided || CallbackIsRelayed(Registration, verdict);
    if (Call) {
        CallbackSetCall(&notification, Call);
        notification.PreSequence = Call->PreSequence;
        notification.Duration = ClockSince(Call->Start);
    }
    if (IsOpened(notifyClass, Post)) {
        name = DescribeOpened(Registration, &notification, Ruleset, Subject, relayed || asked);
    } else if ((relayed || asked) && IsLive(notifyClass, Post) && !IsEnded(Call)) {
        name = DescribeObject(&notification, Subject, Call != NULL);
    }
    // The object, and what is attached to it, may go away with a decision.
    SubjectEnd(Subject);
    if (asked) {
        status = DecidedPost(Registration, Ruleset, verdict, Call, &notification, Post, &object);
    } else if (relayed) {
        AskRelay(&Registration->Asker, &notification);
    }
    NameRelease(name);
    if (object) {
        CMB_BODY_CLOSE opener;
        SubjectBegin(Subject, &Registration->Filter, Ruleset->Rules, notifyClass, Post->PreInformation);
        SetOpened(Subject, object, NULL, &opener);
        NameRelease(DescribeOpened(Registration, &notification, Ruleset, Subject, TRUE));
        SubjectEnd(Subject);
    }
    return status;
}

_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static NTSTATUS PostOperation(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ ULONG Number,
                              _Inout_ REG_POST_OPERATION_INFORMATION *Post, _In_ const CALL_STATE *State,
                              _In_ const RULESET *Ruleset) {
    const CALL *call = State->Call;
    UINT64 classes = CLASS_BIT(Number);
    CMB_BODY_CLOSE opener;
    SUBJECT subject;
    SubjectBegin(&subject, &Registration->Filter, Ruleset->Rules, Class, Post->PreInformation);
    if (IsOpened(Class, Post)) {
        classes |= CLOSE;
        SetOpened(&subject, Post->Object, Post->ObjectContext, &opener);
    } else if (IsLive(Class, Post) && !call) {
        SubjectSetObject(&subject, Post->Object, Post->ObjectContext);
    } else if (State->Ruleset) {
        // Pre knew the key, but there was no memory to say so.
        subject.Key = FactNoMemory;
    }
    if (!call && VerdictIsQuiet(Ruleset, &subject, classes & Registration->ClassMask)) {
        SubjectEnd(&subject);
        return STATUS_SUCCESS;
    }
    return DecideWanted(Registration, Number, Post, call, Ruleset, &subject);
}

_Use_decl_annotations_
VOID CallbackEnded(REGISTRATION *Registration, const NOTIFY_CLASS *Class, VOID *Pre, const CALL *Call, RULESET *Ruleset,
                   NTSTATUS Status, VOID *Object) {
    const BOOLEAN existing = Class->Key == NotifyKeyObject;
    REG_POST_OPERATION_INFORMATION post = {
        .Object = existing ? *(VOID *const *)Pre : Object,
        .Status = Status,
        .ReturnStatus = Status,
        .PreInformation = Pre,
        .ObjectContext = existing ? *NotifyClassObjectContext(Class, Pre) : NULL,
    };
    const CALL_STATE state = {.Call = (CALL *)(ULONG_PTR)Call};
    if (Registration->ClassMask >> Class->Partner & 1 || Object) {
        (VOID) PostOperation(Registration, NotifyClassGet(Class->Partner), Class->Partner, &post, &state, Ruleset);
    }
}

_Use_decl_annotations_
NTSTATUS CallbackPost(REGISTRATION *Registration, const NOTIFY_CLASS *Class, ULONG Number,
                      REG_POST_OPERATION_INFORMATION *Information, const CALL_STATE *State) {
    RULESET *ruleset = State->Call ? State->Call->Ruleset : State->Ruleset;
    // What is opened may be wanted later, even if this notification is not.
    if (State->Ignored || (State->OnlyOpened && !IsOpened(Class, Information)) ||
        (!(Registration->ClassMask >> Number & 1) && Class->Body != NotifyBodyCreate)) {
        return STATUS_SUCCESS;
    }
    if (ruleset) {
        return PostOperation(Registration, Class, Number, Information, State, ruleset);
    }
    // Pre knew nothing of the key, or was not seen: what is in force now decides.
    ruleset = RegistrationTakeRules(Registration);
    const NTSTATUS status = PostOperation(Registration, Class, Number, Information, State, ruleset);
    RulesetRelease(ruleset);
    return status;
}
