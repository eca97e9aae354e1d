// SPDX-License-Identifier: MIT
//
// Registrations that outlive their session: CMB_REGISTER_PERSIST.
//
// Callbacks go on all the time, so that none is ever let through because the program has ended. What they find of the
// session is a queue and a table that are stopped: nothing is recorded, and questions have their defaults. Both are
// looked at under their locks before anything of theirs is used that goes away with the handle. The session itself
// stays until its last registration is gone, without that memory.

#include "session/registration.h"

_Function_class_(SESSION_MATCH)
static BOOLEAN TakeAny(_Inout_ REGISTRATION *Registration, _In_opt_ const VOID *Context) {
    const BOOLEAN taken = Registration->Options & CMB_REGISTER_PERSIST &&
                          Registration->Session->State == SessionStopped && !Registration->Leaving;
    UNREFERENCED_PARAMETER(Context);
    // Who has taken it reads this without the lock.
    if (taken) {
        Registration->Leaving = TRUE;
    }
    return taken;
}

_Use_decl_annotations_
REGISTRATION *RegistrationTakeAnyKept(VOID) {
    return SessionFindRegistration(TakeAny, NULL);
}

_Function_class_(SESSION_MATCH)
static BOOLEAN TakeCookie(_Inout_ REGISTRATION *Registration, _In_ const VOID *Context) {
    return Registration->Filter.Cookie.QuadPart == *(const INT64 *)Context && TakeAny(Registration, NULL);
}

_Use_decl_annotations_
REGISTRATION *RegistrationTakeKeptOf(INT64 Cookie) {
    return SessionFindRegistration(TakeCookie, &Cookie);
}

// Altitudes are compared as decimal numbers: leading zeros of the whole number and zeros at the end of the fraction do
// not count.
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

static BOOLEAN HasAltitude(_In_ const REGISTRATION *Registration, _In_ const UNICODE_STRING *Altitude) {
    const UNICODE_STRING whole[] = {Whole(Altitude), Whole(&Registration->Altitude)};
    const UNICODE_STRING fraction[] = {Fraction(Altitude), Fraction(&Registration->Altitude)};
    return IsEqual(&whole[0], &whole[1]) && IsEqual(&fraction[0], &fraction[1]);
}

_Function_class_(SESSION_MATCH)
static BOOLEAN TakeAltitude(_Inout_ REGISTRATION *Registration, _In_ const VOID *Context) {
    return HasAltitude(Registration, Context) && TakeAny(Registration, NULL);
}

_Use_decl_annotations_
REGISTRATION *RegistrationTakeKeptAt(PCUNICODE_STRING Altitude) {
    return SessionFindRegistration(TakeAltitude, Altitude);
}

_Function_class_(SESSION_MATCH)
static BOOLEAN IsLeavingAt(_Inout_ REGISTRATION *Registration, _In_ const VOID *Context) {
    return (Registration->Leaving || !ReadAcquire(&Registration->Relaying)) && HasAltitude(Registration, Context);
}

_Use_decl_annotations_
BOOLEAN RegistrationIsLeavingAt(PCUNICODE_STRING Altitude) {
    return SessionFindRegistration(IsLeavingAt, Altitude) != NULL;
}
