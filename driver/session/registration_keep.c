// SPDX-License-Identifier: MIT
//
// Registrations that outlive their session: CMB_REGISTER_PERSIST.
//
// Callbacks go on all the time, so that none is ever let through because the program has ended. What they find of the
// session is a queue and a table that are stopped: nothing is recorded, and questions have their defaults. Those that
// began before that may still write to the queue's memory, which goes away with the handle. They are counted, and
// waited for. The session itself stays until its last registration is gone, without that memory.

#include "session/registration.h"

_Use_decl_annotations_
BOOLEAN RegistrationEnterSession(REGISTRATION *Registration) {
    if (!(Registration->Options & CMB_REGISTER_PERSIST)) {
        return FALSE;
    }
    for (LONG count = ReadAcquire(&Registration->InSession); count != 0;) {
        const LONG found = InterlockedCompareExchange(&Registration->InSession, count + 1, count);
        if (found == count) {
            return TRUE;
        }
        count = found;
    }
    return FALSE;
}

_Use_decl_annotations_
VOID RegistrationLeaveSession(REGISTRATION *Registration) {
    if (InterlockedDecrement(&Registration->InSession) == 0) {
        KeSetEvent(&Registration->Drained, IO_NO_INCREMENT, FALSE);
    }
}

_Use_decl_annotations_
VOID RegistrationKeep(REGISTRATION *Registration) {
    SESSION *session = Registration->Session;
    KIRQL irql;
    // Before the count can become 0: whoever is not counted uses no place in the queue.
    WriteRelease(&Registration->Silent, TRUE);
    RegistrationLeaveSession(Registration);
    KeWaitForSingleObject(&Registration->Drained, Executive, KernelMode, FALSE, NULL);
    QueueCloseSource(&session->Queue, Registration->Source, &Registration->Counters);
    KeAcquireSpinLock(&session->Lock, &irql);
    Registration->Kept = TRUE;
    KeReleaseSpinLock(&session->Lock, irql);
}

_Use_decl_annotations_
REGISTRATION *RegistrationTakeKept(SESSION *Session, SESSION_MATCH *Match, const VOID *Context) {
    REGISTRATION *taken = NULL;
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    for (LIST_ENTRY *link = Session->Registrations.Flink; !taken && link != &Session->Registrations;
         link = link->Flink) {
        REGISTRATION *registration = CONTAINING_RECORD(link, REGISTRATION, Link);
        taken = registration->Kept && Match(registration, Context) ? registration : NULL;
    }
    if (taken) {
        RemoveEntryList(&taken->Link);
    }
    KeReleaseSpinLock(&Session->Lock, irql);
    return taken;
}

_IRQL_requires_max_(PASSIVE_LEVEL)
static VOID Remove(_In_ _Post_ptr_invalid_ REGISTRATION *Registration, _Inout_ CMB_UNREGISTER_REPLY *Reply) {
    SESSION *session = Registration->Session;
    RegistrationUnregister(Registration, Reply);
    SessionEndRemoval(session);
}

_Function_class_(SESSION_MATCH)
static BOOLEAN HasCookie(_In_ const REGISTRATION *Registration, _In_ const VOID *Context) {
    return Registration->Cookie.QuadPart == *(const INT64 *)Context;
}

_Use_decl_annotations_
BOOLEAN RegistrationRemoveKept(INT64 Cookie, CMB_UNREGISTER_REPLY *Reply) {
    REGISTRATION *registration = SessionTakeKept(HasCookie, &Cookie);
    if (registration) {
        Remove(registration, Reply);
    }
    return registration != NULL;
}

// Leading zeros of the whole number and zeros at the end of the fraction do not count.
static UNICODE_STRING Whole(_In_ const UNICODE_STRING *Altitude) {
    UNICODE_STRING whole = *Altitude;
    USHORT end = 0;
    while (end < Altitude->Length && Altitude->Buffer[end / sizeof(WCHAR)] != L'.') {
        end += sizeof(WCHAR);
    }
    whole.Length = end;
    while (whole.Length && *whole.Buffer == L'0') {
        ++whole.Buffer;
        whole.Length -= sizeof(WCHAR);
    }
    return whole;
}

static UNICODE_STRING Fraction(_In_ const UNICODE_STRING *Altitude) {
    UNICODE_STRING fraction = *Altitude;
    while (fraction.Length && *fraction.Buffer != L'.') {
        ++fraction.Buffer;
        fraction.Length -= sizeof(WCHAR);
    }
    if (fraction.Length) {
        ++fraction.Buffer;
        fraction.Length -= sizeof(WCHAR);
    }
    while (fraction.Length && fraction.Buffer[fraction.Length / sizeof(WCHAR) - 1] == L'0') {
        fraction.Length -= sizeof(WCHAR);
    }
    return fraction;
}

static BOOLEAN IsEqual(_In_ const UNICODE_STRING *First, _In_ const UNICODE_STRING *Second) {
    return First->Length == Second->Length && CmbEqualBytes(First->Buffer, Second->Buffer, First->Length);
}

_Function_class_(SESSION_MATCH)
static BOOLEAN HasAltitude(_In_ const REGISTRATION *Registration, _In_ const VOID *Context) {
    const UNICODE_STRING *altitude = Context;
    const UNICODE_STRING whole[] = {Whole(altitude), Whole(&Registration->Altitude)};
    const UNICODE_STRING fraction[] = {Fraction(altitude), Fraction(&Registration->Altitude)};
    return IsEqual(&whole[0], &whole[1]) && IsEqual(&fraction[0], &fraction[1]);
}

_Use_decl_annotations_
BOOLEAN RegistrationRemoveKeptAt(PCUNICODE_STRING Altitude) {
    CMB_UNREGISTER_REPLY nobody;
    REGISTRATION *registration = SessionTakeKept(HasAltitude, Altitude);
    if (registration) {
        Remove(registration, &nobody);
    }
    return registration != NULL;
}

_Function_class_(SESSION_MATCH)
static BOOLEAN IsAny(_In_ const REGISTRATION *Registration, _In_ const VOID *Context) {
    UNREFERENCED_PARAMETER(Registration);
    UNREFERENCED_PARAMETER(Context);
    return TRUE;
}

_Use_decl_annotations_
VOID RegistrationRemoveAllKept(VOID) {
    CMB_UNREGISTER_REPLY nobody;
    for (REGISTRATION *registration; (registration = SessionTakeKept(IsAny, NULL)) != NULL;) {
        WriteRelease(&registration->Relaying, FALSE);
        Remove(registration, &nobody);
    }
}
