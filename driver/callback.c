// SPDX-License-Identifier: MIT

#include "callback.h"
#include "call.h"
#include "identity.h"
#include "record.h"

static BOOLEAN Wants(_In_ const REGISTRATION *Registration, _In_ ULONG Number) {
    return Registration->ClassMask >> Number & 1;
}

static VOID SetCall(_Inout_ NOTIFICATION *Notification, _In_ const CALL *Call) {
    Notification->KeyPath = Call->KeyPath;
    Notification->OtherPath = Call->OtherPath;
    Notification->RequestedPath = Notification->Class->Body == NotifyBodyCreate ? Call->KeyPath : NULL;
    Notification->KeyObject = Call->KeyObject;
    Notification->Opener = &Call->Opener;
    Notification->Transaction = &Call->Transaction;
    Notification->Facts = &Call->Facts;
}

_IRQL_requires_max_(APC_LEVEL)
static VOID NotifyPre(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ ULONG Number,
                      _Inout_ VOID *Pre) {
    NOTIFICATION notification = {.Registration = Registration, .Class = Class, .Number = Number, .Pre = Pre};
    CALL call;
    const BOOLEAN wantsPost = Wants(Registration, Class->Partner);
    if (Number == RegNtPreKeyHandleClose && Wants(Registration, RegNtCallbackObjectContextCleanup)) {
        CallCloseObject(Registration, Class, Pre);
    }
    if (!wantsPost && !Wants(Registration, Number)) {
        return;
    }
    CallBegin(&call, Registration, Class, Pre);
    if (Wants(Registration, Number)) {
        SetCall(&notification, &call);
        call.PreSequence = RecordRelay(&notification);
    }
    if (!wantsPost || !CallKeep(&call, Class, Pre)) {
        CallEnd(&call);
    }
}

// Status is STATUS_SUCCESS: any other, STATUS_REPARSE included, leaves Object undefined. Returns a path that the caller
// releases.
_IRQL_requires_max_(APC_LEVEL)
static NAME *DescribeOpened(_Inout_ NOTIFICATION *Notification) {
    REGISTRATION *registration = Notification->Registration;
    const REG_POST_OPERATION_INFORMATION *post = Notification->Post;
    IDENTITY_PROCESS process;
    IdentityGetProcess(&process);
    const CMB_BODY_CLOSE opener = {
        .OpenerKey = process.Key,
        .OpenerSlot = process.Slot,
        .OpenerProcessId = process.Id,
    };
    KEY_OBJECT *keyObject = KeyObjectAttach(registration, post->Object, post->ObjectContext, &opener);
    NAME *name = NULL;
    if (Wants(registration, Notification->Number) || Wants(registration, RegNtCallbackObjectContextCleanup)) {
        name = KeyObjectGetName(registration, post->Object, keyObject);
    }
    Notification->KeyObject = KeyObjectGetSerial(keyObject);
    if (name) {
        Notification->OtherPath = Notification->KeyPath;
        Notification->KeyPath = name;
    }
    return name;
}

// As above, for an operation on a key object that is still live.
_IRQL_requires_max_(APC_LEVEL)
static NAME *DescribeObject(_Inout_ NOTIFICATION *Notification, _In_ BOOLEAN PreKnown) {
    const REG_POST_OPERATION_INFORMATION *post = Notification->Post;
    const BOOLEAN renamed = Notification->Class->Body == NotifyBodyRename;
    if (PreKnown && !renamed) {
        return NULL;
    }
    NAME *name = KeyObjectGetName(Notification->Registration, post->Object, post->ObjectContext);
    if (renamed) {
        Notification->OtherPath = name;
    } else {
        Notification->KeyObject = KeyObjectGetSerial(post->ObjectContext);
        Notification->KeyPath = name;
    }
    return name;
}

_IRQL_requires_max_(APC_LEVEL)
static VOID NotifyPost(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ ULONG Number,
                       _In_ const REG_POST_OPERATION_INFORMATION *Post, _In_opt_ const CALL *Call) {
    NOTIFICATION notification = {
        .Registration = Registration,
        .Class = Class,
        .Number = Number,
        .Pre = Post->PreInformation,
        .Post = Post,
        .Flags = Call ? 0 : CMB_RECORD_PRE_UNKNOWN,
    };
    NAME *name = NULL;
    // What is opened may be wanted only later.
    if (!Wants(Registration, Number) && Class->Body != NotifyBodyCreate) {
        return;
    }
    if (Call) {
        SetCall(&notification, Call);
        notification.PreSequence = Call->PreSequence;
        notification.Duration = CallGetDuration(Call);
    }
    if (Post->Status == STATUS_SUCCESS && Class->Body == NotifyBodyCreate) {
        name = DescribeOpened(&notification);
    } else if (Post->Status == STATUS_SUCCESS && (Class->PostObjectLive || Class->Body == NotifyBodyRename)) {
        name = DescribeObject(&notification, Call != NULL);
    }
    if (Wants(Registration, Number)) {
        RecordRelay(&notification);
    }
    NameRelease(name);
}

// The context comes back exactly once: when the object dies, or while the registration is removed.
_IRQL_requires_max_(APC_LEVEL)
static VOID CleanUp(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ BOOLEAN Relaying,
                    _In_ const REG_CALLBACK_CONTEXT_CLEANUP_INFORMATION *Information) {
    KEY_OBJECT *keyObject = Information->ObjectContext;
    if (Relaying && keyObject && Wants(Registration, RegNtCallbackObjectContextCleanup)) {
        CMB_BODY_CLOSE opener;
        NAME *name = KeyObjectGetLastName(keyObject);
        NOTIFICATION notification = {
            .Registration = Registration,
            .Class = Class,
            .Number = RegNtCallbackObjectContextCleanup,
            .KeyPath = name,
            .KeyObject = KeyObjectGetSerial(keyObject),
            .Opener = &opener,
        };
        KeyObjectGetOpener(keyObject, &opener);
        RecordRelay(&notification);
        NameRelease(name);
    }
    KeyObjectFree(keyObject);
}

_IRQL_requires_max_(APC_LEVEL)
static VOID NotifyOther(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ ULONG Number) {
    NOTIFICATION notification = {.Registration = Registration, .Class = Class, .Number = Number};
    RecordRelay(&notification);
}

_Use_decl_annotations_
NTSTATUS NTAPI CallbackNotify(PVOID CallbackContext, PVOID Argument1, PVOID Argument2) {
    REGISTRATION *registration = CallbackContext;
    const ULONG_PTR number = (ULONG_PTR)Argument1;
    if (number > CMB_MAX_NOTIFY_CLASS || !(registration->IntakeMask >> number & 1)) {
        return STATUS_SUCCESS;
    }
    const NOTIFY_CLASS *class = NotifyClassGet((ULONG)number);
    const BOOLEAN relaying = ReadAcquire(&registration->Relaying) != FALSE;
    if (number == RegNtCallbackObjectContextCleanup) {
        CleanUp(registration, class, relaying, Argument2);
        return STATUS_SUCCESS;
    }
    // Also when nothing is relayed: one that began before and ends now must not count for ever.
    if (number == RegNtPreRenameKey) {
        KeyObjectRenameBegins();
    } else if (number == RegNtPostRenameKey) {
        KeyObjectRenameEnds();
    }
    if (class->Phase == NotifyPhasePost) {
        const REG_POST_OPERATION_INFORMATION *post = Argument2;
        CALL *call = post->CallContext;
        if (relaying) {
            NotifyPost(registration, class, (ULONG)number, post, call);
        }
        // Also when nothing is relayed any more: this is the last time that it is seen.
        CallFree(call);
    } else if (relaying && class->Phase == NotifyPhasePre) {
        NotifyPre(registration, class, (ULONG)number, Argument2);
    } else if (relaying) {
        NotifyOther(registration, class, (ULONG)number);
    }
    return STATUS_SUCCESS;
}
