// SPDX-License-Identifier: MIT
//
// One successful CmRegisterCallbackEx: what it wants, its cookie, its session.

#ifndef CMBRIDGE_REGISTRATION_H
#define CMBRIDGE_REGISTRATION_H

#include "session/session.h"

// The bit of a notification class in a mask of classes.
#define CLASS_BIT(NotifyClass) (1ULL << (NotifyClass))

// Where a processor finds its copy of the ruleset that is in force. It writes here with each notification that it
// decides about, others only when the rules are set.
typedef struct RULES_CELL {
    KSPIN_LOCK Lock;
    // Referenced.
    _Guarded_by_(Lock) RULESET *Ruleset;
    UCHAR Apart[SYSTEM_CACHE_ALIGNMENT_SIZE - sizeof(KSPIN_LOCK) - sizeof(VOID *)];
} RULES_CELL;

// What every notification reads comes first, and nothing that is written often is near it.
struct REGISTRATION {
    SESSION *Session;
    // CMB_REGISTER_*
    UINT32 Options;
    UINT64 ClassMask;
    // The classes for which the callback does anything: ClassMask, the pre of each wanted post, and what is needed to
    // know about key objects.
    UINT64 IntakeMask;
    // As it was registered. The text lies behind the structure.
    UNICODE_STRING Altitude;
    // Read with acquire by the callback: set after the cookie is known, cleared when the session stops. Who has seen it
    // set may use the cookie. While it is clear nothing is decided or recorded.
    volatile LONG Relaying;
    // The classes that may be relayed, and the serial number of the rules.
    volatile LONG64 Wanted;
    volatile LONG64 RulesSerial;

    // What the rooms below session/ do their part of the work with.
    RECORDER Recorder;
    KEY_FILTER Filter;
    ASKER Asker;

    _Guarded_by_(Session->Lock) LIST_ENTRY Link;
    // Somebody removes it. It stays in the list until the configuration manager knows it no more, so that its altitude
    // is known to become free; nobody else finds it by its cookie.
    _Guarded_by_(Session->Lock) BOOLEAN Leaving;
    // Requests that are at work with the registration.
    EX_RUNDOWN_REF Users;
    // Held by who puts rules in force.
    KSPIN_LOCK RulesLock;
    _Guarded_by_(RulesLock) RULESETS *Rulesets;
    RULES_CELL Cells[RULESET_COPIES];
};

// KEY_FILTER keeps a line between its first member and what it writes.
C_ASSERT(FIELD_OFFSET(struct REGISTRATION, Recorder) > FIELD_OFFSET(struct REGISTRATION, RulesSerial));
C_ASSERT(FIELD_OFFSET(struct REGISTRATION, Filter.Stripes) - FIELD_OFFSET(struct REGISTRATION, Filter.Apart) >=
         SYSTEM_CACHE_ALIGNMENT_SIZE);

// Callback is what the configuration manager calls, with a REGISTRATION as its context.
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID RegistrationInitialize(_In_ DRIVER_OBJECT *DriverObject, _In_ PEX_CALLBACK_FUNCTION Callback);

// Returns whether the text is an altitude: ^[0-9]+(\.[0-9]+)?$
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
BOOLEAN RegistrationIsAltitude(_In_reads_(Length) const WCHAR *Text, _In_ ULONG Length);

// A failure means that CmRegisterCallbackEx was not called, or that the session was stopped meanwhile; otherwise Reply
// has its result, or says what is wrong with the program.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS RegistrationCreate(_Inout_ SESSION *Session, _In_ const CMB_REGISTER_REQUEST *Request,
                            _In_ PCUNICODE_STRING Altitude, _In_reads_bytes_(Request->ProgramSize) const VOID *Program,
                            _Inout_ CMB_REGISTER_REPLY *Reply);

// registration_list.c: finds a registration, which does not go away before RegistrationLeave. NULL if the session has
// no such cookie.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
REGISTRATION *RegistrationEnter(_Inout_ SESSION *Session, _In_ INT64 Cookie);
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RegistrationLeave(_Inout_ REGISTRATION *Registration);

// registration_rules.c: the first ruleset, which is taken over; and the end of what is in force.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RegistrationBeginRules(_Inout_ REGISTRATION *Registration, _In_ RULESETS *Rulesets);
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RegistrationEndRules(_Inout_ REGISTRATION *Registration);

// registration_rules.c: takes what is in force now, without writing to anything that other processors write to. It is a
// reference: the caller may keep it, and gives it back with RulesetRelease.
_IRQL_requires_max_(DISPATCH_LEVEL)
RULESET *RegistrationTakeRules(_Inout_ REGISTRATION *Registration);

// registration_rules.c: makes a program the rules of a registration; Size 0 takes the rules away. A failure means that
// there was no memory; everything else is the Status of Reply. Unless that is a success, the old rules stay in force.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS RegistrationSetRules(_Inout_ SESSION *Session, _In_ INT64 Cookie, _In_reads_bytes_(Size) const VOID *Program,
                              _In_ ULONG Size, _Inout_ CMB_SET_RULES_REPLY *Reply);

// Lets go who is held for the registration, removes it, and returns when none of its callbacks is at work any more.
// Status becomes the result of CmUnRegisterCallback, or STATUS_INVALID_PARAMETER if the session has no such cookie; one
// whose session is gone may be removed by any session. Not to be called from a registry callback, which it would wait
// for, nor with a lock held that a callback takes.
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID RegistrationRemove(_Inout_ SESSION *Session, _In_ INT64 Cookie, _Inout_ CMB_UNREGISTER_REPLY *Reply);

// Removes all registrations of a session that is stopped. None of them decides or records anything from when the first
// is removed, for that waits for callbacks that are at work. Those that are CMB_REGISTER_PERSIST stay, without the
// session.
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID RegistrationRemoveAll(_Inout_ SESSION *Session);

// Removes all registrations whose session is gone.
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID RegistrationRemoveAllKept(VOID);

// registration_keep.c: takes a registration whose session is gone, which the caller removes: the one with the cookie,
// the one of an equal altitude, any. NULL if there is none.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
REGISTRATION *RegistrationTakeKeptOf(_In_ INT64 Cookie);
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
REGISTRATION *RegistrationTakeKeptAt(_In_ PCUNICODE_STRING Altitude);
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
REGISTRATION *RegistrationTakeAnyKept(VOID);

// registration_keep.c: whether a registration of an equal altitude is being removed, or is about to be, as its session
// has ended.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
BOOLEAN RegistrationIsLeavingAt(_In_ PCUNICODE_STRING Altitude);

// registration_list.c: takes a registration, which the caller removes: the one with the cookie; any that is not to stay
// beyond the session's end. NULL if there is none.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
REGISTRATION *RegistrationTake(_Inout_ SESSION *Session, _In_ INT64 Cookie);
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
REGISTRATION *RegistrationTakeAny(_Inout_ SESSION *Session);

// registration_list.c: the registrations of a stopped session that are not to stay decide and record nothing from now
// on.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RegistrationSilenceAll(_Inout_ SESSION *Session);

// registration_list.c: FALSE if the session has no such cookie.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
_Success_(return != FALSE)
BOOLEAN
RegistrationQuery(_Inout_ SESSION *Session, _In_ INT64 Cookie, _Out_ QUEUE_COUNTERS *Counters,
                  _Out_ CMB_DECISION_STATISTICS *Decisions);

#endif
