// SPDX-License-Identifier: MIT
//
// The list of registrations.

#include "cmp.h"

#define CM_LEGACY_ALTITUDE L"425000"

KSPIN_LOCK CmpCallbackLock;
LIST_ENTRY CmpCallbackList;

static LONGLONG CmpCookieCounter;

VOID CmpInitializeCallbacks(VOID) {
    LARGE_INTEGER Now;

    KeInitializeSpinLock(&CmpCallbackLock);
    InitializeListHead(&CmpCallbackList);
    // Seeded from the time, so that cookies look as they do on a real system; a second start must not repeat those of
    // the first.
    CmPortSystemTime(&Now);
    if (Now.QuadPart > CmpCookieCounter) {
        CmpCookieCounter = Now.QuadPart;
    }
}

_Use_decl_annotations_
LONGLONG CmpLastCookie(VOID) {
    return CmpCookieCounter;
}

_Use_decl_annotations_
PCM_REGISTRATION CmpFindRegistration(LARGE_INTEGER Cookie) {
    for (PLIST_ENTRY Entry = CmpCallbackList.Flink; Entry != &CmpCallbackList; Entry = Entry->Flink) {
        PCM_REGISTRATION Registration = CONTAINING_RECORD(Entry, CM_REGISTRATION, Link);

        if (Registration->Cookie.QuadPart == Cookie.QuadPart) {
            return Registration;
        }
    }
    return NULL;
}

_Use_decl_annotations_
VOID CmpReleaseRegistration(PCM_REGISTRATION Registration) {
    if (--Registration->References == 0 && Registration->Leaving) {
        // Under the lock, which the waiter takes before it frees the registration.
        KeSetEvent(&Registration->Idle, 0, FALSE);
    }
}

// With the lock held: the registration before which one of this altitude belongs. NULL: it is taken.
static PLIST_ENTRY CmpFindPlace(PCUNICODE_STRING Altitude, BOOLEAN MayRepeat) {
    PLIST_ENTRY Entry;

    for (Entry = CmpCallbackList.Flink; Entry != &CmpCallbackList; Entry = Entry->Flink) {
        PCM_REGISTRATION Other = CONTAINING_RECORD(Entry, CM_REGISTRATION, Link);
        LONG Order = CmpCompareAltitudes(Altitude, &Other->Altitude);

        if (Order > 0) {
            break;
        }
        if (Order == 0 && !MayRepeat && !Other->Drained) {
            return NULL;
        }
    }
    return Entry;
}

static NTSTATUS CmpRegister(PEX_CALLBACK_FUNCTION Function, PCUNICODE_STRING Altitude, BOOLEAN MayRepeat, PVOID Context,
                            PLARGE_INTEGER Cookie) {
    PCM_REGISTRATION Registration;
    PLIST_ENTRY Place;
    KIRQL OldIrql;

    Registration = CmStoreAllocate(sizeof(*Registration) + Altitude->Length);
    if (Registration == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Registration->Function = Function;
    Registration->Context = Context;
    Registration->Altitude.Buffer = Registration->AltitudeText;
    Registration->Altitude.Length = Registration->Altitude.MaximumLength = Altitude->Length;
    RtlCopyMemory(Registration->AltitudeText, Altitude->Buffer, Altitude->Length);
    KeInitializeEvent(&Registration->Idle, NotificationEvent, FALSE);
    InitializeListHead(&Registration->ObjectContexts);

    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    Place = CmpFindPlace(&Registration->Altitude, MayRepeat);
    // The cookie is written before the first callback can need it, and, as on observed systems, also when the altitude
    // is taken.
    Registration->Cookie.QuadPart = ++CmpCookieCounter;
    *Cookie = Registration->Cookie;
    if (Place != NULL) {
        InsertTailList(Place, &Registration->Link);
        CmpCount(&CmpRegistrationCount, 1);
    }
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);

    if (Place == NULL) {
        CmStoreFree(Registration);
        return STATUS_FLT_INSTANCE_ALTITUDE_COLLISION;
    }
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI CmRegisterCallbackEx(PEX_CALLBACK_FUNCTION Function, PCUNICODE_STRING Altitude, PVOID Driver,
                                    PVOID Context, PLARGE_INTEGER Cookie, PVOID Reserved) {
    CmpCheckIrql(APC_LEVEL);
    if (Driver == NULL) {
        return STATUS_INVALID_PARAMETER_3;
    }
    if (Reserved != NULL) {
        return STATUS_INVALID_PARAMETER_6;
    }
    return CmpRegister(Function, Altitude, FALSE, Context, Cookie);
}

NTSTATUS NTAPI CmRegisterCallback(PEX_CALLBACK_FUNCTION Function, PVOID Context, PLARGE_INTEGER Cookie) {
    static WCHAR Text[] = CM_LEGACY_ALTITUDE;
    UNICODE_STRING Altitude = {sizeof(Text) - sizeof(WCHAR), sizeof(Text), Text};

    CmpCheckIrql(APC_LEVEL);
    return CmpRegister(Function, &Altitude, TRUE, Context, Cookie);
}

// With the lock held, which is released while waiting.
static KIRQL CmpWaitUntilIdle(PCM_REGISTRATION Registration, KIRQL OldIrql) {
    while (Registration->References != 0) {
        KeClearEvent(&Registration->Idle);
        KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
        KeWaitForSingleObject(&Registration->Idle, Executive, KernelMode, FALSE, NULL);
        KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    }
    return OldIrql;
}

NTSTATUS NTAPI CmUnRegisterCallback(LARGE_INTEGER Cookie) {
    PCM_REGISTRATION Registration;
    BOOLEAN Inside;
    KIRQL OldIrql;

    CmpCheckIrql(APC_LEVEL);
    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    Registration = CmpFindRegistration(Cookie);
    if (Registration == NULL || Registration->Leaving) {
        KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
        return STATUS_INVALID_PARAMETER;
    }
    Inside = CmpIsInsideOf(Registration);
    Registration->Leaving = TRUE;
    if (Inside) {
        KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
        CmpViolation(CmViolationUnregisterInside, (ULONG_PTR)Cookie.QuadPart, (ULONG_PTR)Registration->Function, 0);
        KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    }

    OldIrql = CmpWaitUntilIdle(Registration, OldIrql);
    Registration->Drained = TRUE;
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);

    CmpCleanupRegistrationContexts(Registration);

    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    // Another thread may be just delivering the cleanup of an object that goes away.
    OldIrql = CmpWaitUntilIdle(Registration, OldIrql);
    RemoveEntryList(&Registration->Link);
    CmpCount(&CmpRegistrationCount, -1);
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
    CmStoreFree(Registration);
    return STATUS_SUCCESS;
}

VOID NTAPI CmGetCallbackVersion(PULONG Major, PULONG Minor) {
    CmpCheckIrql(APC_LEVEL);
    if (Major != NULL) {
        *Major = 1;
    }
    if (Minor != NULL) {
        *Minor = 1;
    }
}
