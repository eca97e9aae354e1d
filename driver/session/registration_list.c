// SPDX-License-Identifier: MIT
//
// The registrations of a session: finding them, and taking them to remove them.

#include "session/registration.h"

_Requires_lock_held_(Session->Lock)
static REGISTRATION *FindByCookie(_In_ const SESSION *Session, _In_ INT64 Cookie) {
    for (LIST_ENTRY *link = Session->Registrations.Flink; link != &Session->Registrations; link = link->Flink) {
        REGISTRATION *registration = CONTAINING_RECORD(link, REGISTRATION, Link);
        if (registration->Filter.Cookie.QuadPart == Cookie && !registration->Leaving) {
            return registration;
        }
    }
    return NULL;
}

_Use_decl_annotations_
REGISTRATION *RegistrationEnter(SESSION *Session, INT64 Cookie) {
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    REGISTRATION *registration = FindByCookie(Session, Cookie);
    if (registration) {
        // Nobody waits for the users of one that is not Leaving.
        (VOID) NT_VERIFY(ExAcquireRundownProtection(&registration->Users));
    }
    KeReleaseSpinLock(&Session->Lock, irql);
    return registration;
}

_Use_decl_annotations_
VOID RegistrationLeave(REGISTRATION *Registration) {
    ExReleaseRundownProtection(&Registration->Users);
}

_Use_decl_annotations_
REGISTRATION *RegistrationTake(SESSION *Session, INT64 Cookie) {
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    REGISTRATION *registration = FindByCookie(Session, Cookie);
    if (registration) {
        registration->Leaving = TRUE;
    }
    KeReleaseSpinLock(&Session->Lock, irql);
    return registration;
}

_Use_decl_annotations_
VOID RegistrationSilenceAll(SESSION *Session) {
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    for (LIST_ENTRY *link = Session->Registrations.Flink; link != &Session->Registrations; link = link->Flink) {
        REGISTRATION *registration = CONTAINING_RECORD(link, REGISTRATION, Link);
        if (!(registration->Options & CMB_REGISTER_PERSIST)) {
            WriteRelease(&registration->Relaying, FALSE);
        }
    }
    KeReleaseSpinLock(&Session->Lock, irql);
}

_Use_decl_annotations_
REGISTRATION *RegistrationTakeAny(SESSION *Session) {
    REGISTRATION *next = NULL;
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    for (LIST_ENTRY *link = Session->Registrations.Flink; !next && link != &Session->Registrations;
         link = link->Flink) {
        REGISTRATION *registration = CONTAINING_RECORD(link, REGISTRATION, Link);
        next = registration->Options & CMB_REGISTER_PERSIST || registration->Leaving ? NULL : registration;
    }
    if (next) {
        next->Leaving = TRUE;
    }
    KeReleaseSpinLock(&Session->Lock, irql);
    return next;
}

_Use_decl_annotations_
BOOLEAN RegistrationQuery(SESSION *Session, INT64 Cookie, QUEUE_COUNTERS *Counters,
                          CMB_DECISION_STATISTICS *Decisions) {
    KIRQL nested;
    KIRQL irql;
    KeAcquireSpinLock(&Session->Lock, &irql);
    const REGISTRATION *registration = FindByCookie(Session, Cookie);
    if (registration) {
        // The session's lock keeps the place from being given to another registration.
        QueueGetCounters(&Session->Queue, registration->Recorder.Source, Counters);
        KeAcquireSpinLock(&Session->Held.Lock, &nested);
        *Decisions = registration->Asker.Counters;
        KeReleaseSpinLock(&Session->Held.Lock, nested);
    }
    KeReleaseSpinLock(&Session->Lock, irql);
    return registration != NULL;
}
