// SPDX-License-Identifier: MIT
//
// Registrations from CmRegisterCallbackEx to CmUnRegisterCallback.

#include "session/registration.h"
#include "base/memory.h"
#include "base/notify_class.h"
#include "key/key_object.h"
#include "verdict/process_trees.h"

static DRIVER_OBJECT *RegistrationDriver;
static PEX_CALLBACK_FUNCTION RegistrationCallback;
static _Interlocked_ volatile LONG PersistentRegistrations;

_Use_decl_annotations_
CMB_INIT_CODE VOID RegistrationInitialize(DRIVER_OBJECT *DriverObject, PEX_CALLBACK_FUNCTION Callback) {
    RegistrationDriver = DriverObject;
    RegistrationCallback = Callback;
}

// The configuration manager compares altitudes, but does not check them: whatever is not checked here would be
// registered at a place that nobody has meant.
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

// Counts the registration if it is to persist. FALSE if there are too many; then it was not counted.
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

// The configuration manager knows the registration no more, or never did. Waits for requests that are at work with it.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID FreeRegistration(_In_ _Post_ptr_invalid_ REGISTRATION *Registration, _Out_ QUEUE_COUNTERS *Counters) {
    ExWaitForRundownProtectionRelease(&Registration->Users);
    QueueCloseSource(Registration->Recorder.Queue, Registration->Recorder.Source, Counters);
    if (Registration->Leaving) {
        SessionUnlinkRegistration(Registration);
    }
    KeyFilterUninitialize(&Registration->Filter);
    RegistrationEndRules(Registration);
    ProcessTreesFree(Registration->Asker.Children);
    UncountPersistent(Registration->Options);
    MemoryFree(Registration);
}

// FALSE if the session was stopped. Otherwise the registration belongs to whoever takes it from the list.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
static BOOLEAN Publish(_Inout_ REGISTRATION *Registration) {
    SESSION *session = Registration->Session;
    KIRQL irql;
    KeAcquireSpinLock(&session->Lock, &irql);
    const BOOLEAN ready = session->State == SessionReady;
    if (ready) {
        QueueNameSource(&session->Queue, Registration->Recorder.Source, Registration->Filter.Cookie.QuadPart);
        WriteRelease(&Registration->Relaying, TRUE);
        InsertTailList(&session->Registrations, &Registration->Link);
    }
    KeReleaseSpinLock(&session->Lock, irql);
    return ready;
}

// The caller has taken the registration, or it was never published. CmUnRegisterCallback fails only if somebody else
// has used our cookie, which has cost the registration as well, so that it remains in no case.
_IRQL_requires_max_(PASSIVE_LEVEL)
static VOID Unregister(_In_ _Post_ptr_invalid_ REGISTRATION *Registration, _Inout_ CMB_UNREGISTER_REPLY *Reply) {
    QUEUE_COUNTERS counters;
    // CmUnRegisterCallback waits for callbacks that are at work, and a held operation is inside of one.
    HeldRelease(&Registration->Asker);
    Reply->Status = CmUnRegisterCallback(Registration->Filter.Cookie);
    FreeRegistration(Registration, &counters);
    Reply->Recorded = counters.Recorded;
    Reply->Lost = QueueCountLost(&counters);
}

static UINT64 Intake(_In_ UINT64 ClassMask) {
    const UINT64 cleanUp = CLASS_BIT(RegNtCallbackObjectContextCleanup);
    const UINT64 close = CLASS_BIT(RegNtPreKeyHandleClose) | CLASS_BIT(RegNtPostKeyHandleClose);
    // What is attached to key objects comes back with the clean-up, and the paths in it change by renames.
    UINT64 intake =
        NotifyClassIntake(ClassMask) | cleanUp | CLASS_BIT(RegNtPreRenameKey) | CLASS_BIT(RegNtPostRenameKey);
    if (ClassMask & (close | cleanUp)) {
        // A create or an open tells who has opened the object, and a delete has the path of a key that loses it.
        intake |= CLASS_BIT(RegNtPostCreateKeyEx) | CLASS_BIT(RegNtPostOpenKeyEx) | CLASS_BIT(RegNtPreDeleteKey);
    }
    if (ClassMask & cleanUp) {
        // The close of the handle is the last time that the path can be asked for.
        intake |= CLASS_BIT(RegNtPreKeyHandleClose);
    }
    return intake;
}

// Does everything but what the configuration manager does. Rulesets is taken over if it succeeds.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS Prepare(_Inout_ SESSION *Session, _In_ const CMB_REGISTER_REQUEST *Request,
                        _In_ PCUNICODE_STRING Altitude, _In_ RULESETS *Rulesets, _Outptr_ REGISTRATION **Result) {
    *Result = NULL;
    REGISTRATION *registration = MemoryAllocate(sizeof(*registration) + Altitude->Length);
    if (!registration) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    NTSTATUS status = STATUS_QUOTA_EXCEEDED;
    if (!CountPersistent(Request->Options)) {
        goto cleanupRegistration;
    }
    status = KeyFilterInitialize(&registration->Filter);
    if (!NT_SUCCESS(status)) {
        goto cleanupCount;
    }
    if (Request->Options & CMB_REGISTER_EXEMPT_CHILDREN) {
        status = ProcessTreesCreateOne(Session->OwnerId, Session->OwnerKey, &registration->Asker.Children);
        if (!NT_SUCCESS(status)) {
            goto cleanupFilter;
        }
    }
    status = QueueOpenSource(&Session->Queue, Request, &registration->Recorder.Source);
    if (!NT_SUCCESS(status)) {
        goto cleanupChildren;
    }
    registration->Recorder.Filter = &registration->Filter;
    registration->Recorder.Queue = &Session->Queue;
    registration->Recorder.OldValues = (Request->Options & CMB_REGISTER_OLD_VALUES) != 0;
    registration->Recorder.MaxDataBytes = Request->MaxDataBytes;
    registration->Asker.Recorder = &registration->Recorder;
    registration->Asker.Table = &Session->Held;
    registration->Asker.OwnerKey = Session->OwnerKey;
    registration->Asker.DryRun = (Request->Options & CMB_REGISTER_DRY_RUN) != 0;
    BreakerInitialize(&registration->Asker.Breaker, Request->BreakerMisses, Request->BreakerCoolDown);
    registration->Session = Session;
    registration->ClassMask = Request->ClassMask;
    registration->Options = Request->Options;
    registration->IntakeMask = Intake(Request->ClassMask);
    ExInitializeRundownProtection(&registration->Users);
    registration->Altitude.Buffer = (WCHAR *)(registration + 1);
    registration->Altitude.Length = registration->Altitude.MaximumLength = Altitude->Length;
    RtlCopyMemory(registration->Altitude.Buffer, Altitude->Buffer, Altitude->Length);
    RegistrationBeginRules(registration, Rulesets);
    *Result = registration;
    return STATUS_SUCCESS;

cleanupChildren:
    ProcessTreesFree(registration->Asker.Children);
cleanupFilter:
    KeyFilterUninitialize(&registration->Filter);
cleanupCount:
    UncountPersistent(Request->Options);
cleanupRegistration:
    MemoryFree(registration);
    return status;
}

_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS Register(_Inout_ REGISTRATION *Registration) {
    return CmRegisterCallbackEx(RegistrationCallback, &Registration->Altitude, RegistrationDriver, Registration,
                                &Registration->Filter.Cookie, NULL);
}

// There was a collision. A registration that is kept makes room. What collided may be gone by now: nobody else would
// ever be told of a registration that is being removed.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS RegisterAgain(_Inout_ REGISTRATION *Registration) {
    CMB_UNREGISTER_REPLY nobody;
    if (RegistrationIsLeavingAt(&Registration->Altitude)) {
        return STATUS_DELETE_PENDING;
    }
    REGISTRATION *kept = RegistrationTakeKeptAt(&Registration->Altitude);
    if (kept) {
        Unregister(kept, &nobody);
    }
    return Register(Registration);
}

_Use_decl_annotations_
NTSTATUS RegistrationCreate(SESSION *Session, const CMB_REGISTER_REQUEST *Request, PCUNICODE_STRING Altitude,
                            const VOID *Program, CMB_REGISTER_REPLY *Reply) {
    REGISTRATION *registration;
    QUEUE_COUNTERS counters;
    CMB_UNREGISTER_REPLY nobody;
    RULES_ERROR error;
    RULESETS *rulesets;
    NTSTATUS status = RulesetsCreate(Program, Request->ProgramSize, NULL, &rulesets, &error);
    if (status == STATUS_BAD_DATA) {
        Reply->Status = status;
        Reply->Reason = error.Reason;
        Reply->Offset = error.Offset;
        return STATUS_SUCCESS;
    }
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = Prepare(Session, Request, Altitude, rulesets, &registration);
    if (!NT_SUCCESS(status)) {
        RulesetsRelease(rulesets);
        return status;
    }
    status = Register(registration);
    if (status == STATUS_FLT_INSTANCE_ALTITUDE_COLLISION) {
        status = RegisterAgain(registration);
    }
    if (!NT_SUCCESS(status)) {
        FreeRegistration(registration, &counters);
        Reply->Status = status;
        return STATUS_SUCCESS;
    }
    Reply->Status = status;
    Reply->Cookie = registration->Filter.Cookie.QuadPart;
    if (!Publish(registration)) {
        Unregister(registration, &nobody);
        return STATUS_FILE_CLOSED;
    }
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID RegistrationRemove(SESSION *Session, INT64 Cookie, CMB_UNREGISTER_REPLY *Reply) {
    REGISTRATION *registration = RegistrationTake(Session, Cookie);
    if (!registration) {
        registration = RegistrationTakeKeptOf(Cookie);
    }
    if (!registration) {
        Reply->Status = STATUS_INVALID_PARAMETER;
        return;
    }
    // It relays until CmUnRegisterCallback returns, so that the last operations are complete.
    Unregister(registration, Reply);
}

_Use_decl_annotations_
VOID RegistrationRemoveAll(SESSION *Session) {
    CMB_UNREGISTER_REPLY nobody;
    RegistrationSilenceAll(Session);
    for (REGISTRATION *registration; (registration = RegistrationTakeAny(Session)) != NULL;) {
        Unregister(registration, &nobody);
    }
}

_Use_decl_annotations_
VOID RegistrationRemoveAllKept(VOID) {
    CMB_UNREGISTER_REPLY nobody;
    for (REGISTRATION *registration; (registration = RegistrationTakeAnyKept()) != NULL;) {
        WriteRelease(&registration->Relaying, FALSE);
        Unregister(registration, &nobody);
    }
}
