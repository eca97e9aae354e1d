// SPDX-License-Identifier: MIT
//
// One successful CmRegisterCallbackEx: what it wants, its cookie, its session.

#ifndef CMBRIDGE_REGISTRATION_H
#define CMBRIDGE_REGISTRATION_H

#include "session.h"

typedef struct REGISTRATION {
    _Guarded_by_(Session->Lock) LIST_ENTRY Link;
    SESSION *Session;
    // Place in Session->Queue.Sources.
    ULONG Source;
    ULONG MaxDataBytes;
    // CMB_REGISTER_*
    UINT32 Options;
    UINT64 ClassMask;
    // ClassMask, the pre of each wanted post, and what is needed to know about key objects.
    UINT64 IntakeMask;
    // Written by the configuration manager while callbacks already arrive: valid once Relaying was seen.
    LARGE_INTEGER Cookie;
    // Read with acquire by the callback: set after Cookie is known, cleared when the session stops.
    volatile LONG Relaying;
} REGISTRATION;

_IRQL_requires_max_(PASSIVE_LEVEL)
VOID RegistrationInitialize(_In_ DRIVER_OBJECT *DriverObject);

// ^[0-9]+(\.[0-9]+)?$
_Must_inspect_result_
BOOLEAN RegistrationIsAltitude(_In_reads_(Length) const WCHAR *Text, _In_ ULONG Length);

// A failure means that CmRegisterCallbackEx was not called, or that the session was stopped meanwhile; otherwise Reply
// has its result.
_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS RegistrationCreate(_Inout_ SESSION *Session, _In_ const CMB_REGISTER_REQUEST *Request,
                            _In_ PCUNICODE_STRING Altitude, _Inout_ CMB_REGISTER_REPLY *Reply);

// Returns when no notification is in flight any more. Status becomes the result of CmUnRegisterCallback, or
// STATUS_INVALID_PARAMETER if the session has no such cookie. Not from a registry callback, and not with a lock held
// that one takes.
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID RegistrationRemove(_Inout_ SESSION *Session, _In_ INT64 Cookie, _Inout_ CMB_UNREGISTER_REPLY *Reply);

_IRQL_requires_max_(PASSIVE_LEVEL)
VOID RegistrationRemoveAll(_Inout_ SESSION *Session);

// FALSE if the session has no such cookie.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
_Success_(return != FALSE)
BOOLEAN
RegistrationQuery(_Inout_ SESSION *Session, _In_ INT64 Cookie, _Out_ QUEUE_COUNTERS *Counters);

#endif
