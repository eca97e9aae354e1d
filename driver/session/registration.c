// SPDX-License-Identifier: MIT

#include "session/registration.h"
#include "base/memory.h"
#include "base/notify_class.h"
#include "callback/callback.h"
#include "key/key_object.h"
#include "verdict/process_trees.h"

static DRIVER_OBJECT *RegistrationDriver;
static _Interlocked_ volatile LONG PersistentRegistrations;

_Use_decl_annotations_
CMB_INIT_CODE VOID RegistrationInitialize(DRIVER_OBJECT *DriverObject) {
    RegistrationDriver = DriverObject;
}

// The configuration manager compares altitudes but does not check them.
_Use_decl_annotations_
BOOLEAN RegistrationIsAltitude(const WCHAR *Text, ULONG Length) {
    BOOLEAN point = FALSE;
    BOOLEAN digit = FALSE;
    for (ULONG i = 0; i < Length; ++i) {
        if (Text[i] >= L'0' && Text[i] <= L'9') {
            digit = TRUE;
        } else if (Text[i] == L'.' && digit && !point) {
            point = TRUE;
            digit = FALSE;
        } else {
            return FALSE;
        }
    }
    return digit;
}

// FALSE if there are too many, and they were not counted.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
static BOOLEAN CountPersistent(_In_ UINT32 Options) {
    if (Options & CMB_REGISTER_PERSIST &&
        InterlockedIncrement(&PersistentRegistrations) > CMB_MAX_PERSISTENT_REGISTRATIONS) {
        InterlockedDecrement(&PersistentRegistrations);
        return FALSE;
    }
    return TRUE;
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID UncountPersistent(_In_ UINT32 Options) {
    if (Options & CMB_REGISTER_PERSIST) {
        InterlockedDecrement(&PersistentRegistrations);
    }
}

// The configuration manager knows the registration no more, or never did.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID FreeRegistration(_In_ _Post_ptr_invalid_ REGISTRATION *Registration, _Out_ QUEUE_COUNTERS *Counters) {
    SESSION *session = Registration->Session;
    RegistrationLeave(Registration);
    KeWaitForSingleObject(&Registration->Idle, Executive, KernelMode, FALSE, NULL);
    // All who could keep it have left.
    if (Registration->Kept) {
        *Counters = Registration->Counters;
    } else {
        QueueCloseSource(&session->Queue, Registration->Source, Counters);
    }
    ReserveUninitialize(&Registration->Reserve);
    RulesetRelease(Registration->Ruleset);
    ProcessTreesFree(Registration->Children);
    UncountPersistent(Registration->Options);
    MemoryFree(Registration);
    ProcessTreesSettle();
    // The last gap became due.
    ReceiverPump(&session->Receiver);
}

// FALSE if the session was stopped; else the registration belongs to whoever takes it from the list.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
static BOOLEAN Publish(_Inout_ REGISTRATION *Registration) {
    SESSION *session = Registration->Session;
    KIRQL irql;
    KeAcquireSpinLock(&session->Lock, &irql);
    const BOOLEAN ready = session->State == SessionReady;
    if (ready) {
        QueueNameSource(&session->Queue, Registration->Source, Registration->Cookie.QuadPart);
        WriteRelease(&Registration->Relaying, TRUE);
        InsertTailList(&session->Registrations, &Registration->Link);
    }
    KeReleaseSpinLock(&session->Lock, irql);
    return ready;
}

// It fails only if somebody else used our cookie, which cost the registration as well: in no case does it remain.
_Use_decl_annotations_
VOID RegistrationUnregister(REGISTRATION *Registration, CMB_UNREGISTER_REPLY *Reply) {
    QUEUE_COUNTERS counters;
    // Whoever is held is in flight.
    HeldRelease(&Registration->Session->Held, Registration);
    Reply->Status = CmUnRegisterCallback(Registration->Cookie);
    FreeRegistration(Registration, &counters);
    Reply->Recorded = counters.Recorded;
    Reply->Lost = QueueCountLost(&counters);
}

#define BIT(NotifyClass) (1ULL << (NotifyClass))

static UINT64 Intake(_In_ UINT64 ClassMask) {
    const UINT64 cleanUp = BIT(RegNtCallbackObjectContextCleanup);
    const UINT64 close = BIT(RegNtPreKeyHandleClose) | BIT(RegNtPostKeyHandleClose);
    // Whatever is attached to key objects comes back, and the paths in it change by renames.
    UINT64 intake = NotifyClassIntake(ClassMask) | cleanUp | BIT(RegNtPreRenameKey) | BIT(RegNtPostRenameKey);
    if (ClassMask & (close | cleanUp)) {
        // Who opened the object, and the path of a key that is deleted then.
        intake |= BIT(RegNtPostCreateKeyEx) | BIT(RegNtPostOpenKeyEx) | BIT(RegNtPreDeleteKey);
    }
    if (ClassMask & cleanUp) {
        // The path, which cannot be asked for afterwards.
        intake |= BIT(RegNtPreKeyHandleClose);
    }
    return intake;
}

// Everything but what the configuration manager does. Ruleset is taken over if it succeeds.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS Prepare(_Inout_ SESSION *Session, _In_ const CMB_REGISTER_REQUEST *Request,
                        _In_ PCUNICODE_STRING Altitude, _In_ RULESET *Ruleset, _Outptr_ REGISTRATION **Result) {
    *Result = NULL;
    REGISTRATION *registration = MemoryAllocate(sizeof(*registration) + Altitude->Length);
    if (!registration) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    NTSTATUS status = STATUS_QUOTA_EXCEEDED;
    if (!CountPersistent(Request->Options)) {
        goto cleanupRegistration;
    }
    status = ReserveInitialize(&registration->Reserve, KeyObjectGetSize(), RegistrationDriver->DeviceObject);
    if (!NT_SUCCESS(status)) {
        goto cleanupCount;
    }
    if (Request->Options & CMB_REGISTER_EXEMPT_CHILDREN) {
        status = ProcessTreesCreateOne(Session->OwnerId, Session->OwnerKey, &registration->Children);
        if (!NT_SUCCESS(status)) {
            goto cleanupReserve;
        }
    }
    status = QueueOpenSource(&Session->Queue, Request, &registration->Source);
    if (!NT_SUCCESS(status)) {
        goto cleanupChildren;
    }
    BreakerInitialize(&registration->Breaker, Request->BreakerMisses, Request->BreakerCoolDown);
    registration->Session = Session;
    registration->OwnerKey = Session->OwnerKey;
    registration->MaxDataBytes = Request->MaxDataBytes;
    registration->ClassMask = Request->ClassMask;
    registration->Options = Request->Options;
    registration->IntakeMask = Intake(Request->ClassMask);
    registration->Users = 1;
    KeInitializeEvent(&registration->Idle, NotificationEvent, FALSE);
    registration->InSession = 1;
    KeInitializeEvent(&registration->Drained, NotificationEvent, FALSE);
    registration->Altitude.Buffer = (WCHAR *)(registration + 1);
    registration->Altitude.Length = registration->Altitude.MaximumLength = Altitude->Length;
    RtlCopyMemory(registration->Altitude.Buffer, Altitude->Buffer, Altitude->Length);
    KeInitializeSpinLock(&registration->RulesLock);
    RegistrationSwapRuleset(registration, Ruleset);
    if (Ruleset->Rules) {
        ReserveFill(&registration->Reserve);
    }
    *Result = registration;
    return STATUS_SUCCESS;

cleanupChildren:
    ProcessTreesFree(registration->Children);
cleanupReserve:
    ReserveUninitialize(&registration->Reserve);
cleanupCount:
    UncountPersistent(Request->Options);
cleanupRegistration:
    MemoryFree(registration);
    return status;
}

_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS Register(_Inout_ REGISTRATION *Registration) {
    return CmRegisterCallbackEx(CallbackNotify, &Registration->Altitude, RegistrationDriver, Registration,
                                &Registration->Cookie, NULL);
}

_Use_decl_annotations_
NTSTATUS RegistrationCreate(SESSION *Session, const CMB_REGISTER_REQUEST *Request, PCUNICODE_STRING Altitude,
                            const VOID *Program, CMB_REGISTER_REPLY *Reply) {
    REGISTRATION *registration;
    QUEUE_COUNTERS counters;
    RULES_ERROR error;
    RULESET *ruleset;
    NTSTATUS status = RulesetCreate(Program, Request->ProgramSize, NULL, &ruleset, &error);
    if (status == STATUS_BAD_DATA) {
        Reply->Status = status;
        Reply->Reason = error.Reason;
        Reply->Offset = error.Offset;
        return STATUS_SUCCESS;
    }
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = Prepare(Session, Request, Altitude, ruleset, &registration);
    if (!NT_SUCCESS(status)) {
        RulesetRelease(ruleset);
        ProcessTreesSettle();
        return status;
    }
    status = Register(registration);
    if (status == STATUS_FLT_INSTANCE_ALTITUDE_COLLISION && RegistrationRemoveKeptAt(Altitude)) {
        status = Register(registration);
    }
    if (!NT_SUCCESS(status)) {
        FreeRegistration(registration, &counters);
        Reply->Status = status;
        return STATUS_SUCCESS;
    }
    Reply->Status = status;
    Reply->Cookie = registration->Cookie.QuadPart;
    if (!Publish(registration)) {
        CMB_UNREGISTER_REPLY nobody;
        RegistrationUnregister(registration, &nobody);
        return STATUS_FILE_CLOSED;
    }
    return STATUS_SUCCESS;
}

_Requires_lock_held_(Session->Lock)
static REGISTRATION *Find(_In_ const SESSION *Session, _In_ INT64 Cookie) {
    for (LIST_ENTRY *link = Session->Registrations.Flink; link != &Session->Registrations; link = link->Flink) {
        REGISTRATION *registration = CONTAINING_RECORD(link, REGISTRATION, Link);
        if (registration->Cookie.QuadPart == Cookie) {
            return registration;
        }
    }
    return NULL;
}

_Use_decl_annotations_
REGISTRATION *RegistrationEnter(SESSION *Session, INT64 Cookie) {
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    REGISTRATION *registration = Find(Session, Cookie);
    if (registration) {
        InterlockedIncrement(&registration->Users);
    }
    KeReleaseSpinLock(&Session->Lock, irql);
    return registration;
}

_Use_decl_annotations_
VOID RegistrationLeave(REGISTRATION *Registration) {
    if (InterlockedDecrement(&Registration->Users) == 0) {
        KeSetEvent(&Registration->Idle, IO_NO_INCREMENT, FALSE);
    }
}

_Use_decl_annotations_
VOID RegistrationRemove(SESSION *Session, INT64 Cookie, CMB_UNREGISTER_REPLY *Reply) {
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    REGISTRATION *registration = Find(Session, Cookie);
    if (registration) {
        RemoveEntryList(&registration->Link);
    }
    KeReleaseSpinLock(&Session->Lock, irql);
    // It relays until it is gone, so that the last operations are complete.
    if (registration) {
        RegistrationUnregister(registration, Reply);
    } else if (!RegistrationRemoveKept(Cookie, Reply)) {
        Reply->Status = STATUS_INVALID_PARAMETER;
    }
}

// The next one that the end of the session is to reach; NULL if there is none. One that stays is held, and still in the
// list: an UNREGISTER may be at work.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
static REGISTRATION *TakeNext(_Inout_ SESSION *Session) {
    REGISTRATION *next = NULL;
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    for (LIST_ENTRY *link = Session->Registrations.Flink; !next && link != &Session->Registrations;
         link = link->Flink) {
        REGISTRATION *registration = CONTAINING_RECORD(link, REGISTRATION, Link);
        next = registration->Kept ? NULL : registration;
    }
    if (next && next->Options & CMB_REGISTER_PERSIST) {
        InterlockedIncrement(&next->Users);
    } else if (next) {
        RemoveEntryList(&next->Link);
    }
    KeReleaseSpinLock(&Session->Lock, irql);
    return next;
}

_Use_decl_annotations_
VOID RegistrationRemoveAll(SESSION *Session) {
    for (REGISTRATION *registration; (registration = TakeNext(Session)) != NULL;) {
        CMB_UNREGISTER_REPLY nobody;
        if (registration->Options & CMB_REGISTER_PERSIST) {
            RegistrationKeep(registration);
            RegistrationLeave(registration);
        } else {
            WriteRelease(&registration->Relaying, FALSE);
            RegistrationUnregister(registration, &nobody);
        }
    }
}

_Use_decl_annotations_
BOOLEAN RegistrationQuery(SESSION *Session, INT64 Cookie, QUEUE_COUNTERS *Counters,
                          CMB_DECISION_STATISTICS *Decisions) {
    KIRQL nested;
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    const REGISTRATION *registration = Find(Session, Cookie);
    if (registration) {
        // The session's lock keeps the place from being given to another registration.
        QueueGetCounters(&Session->Queue, registration->Source, Counters);
        KeAcquireSpinLock(&Session->Held.Lock, &nested);
        *Decisions = registration->Decisions;
        KeReleaseSpinLock(&Session->Held.Lock, nested);
    }
    KeReleaseSpinLock(&Session->Lock, irql);
    return registration != NULL;
}
