// SPDX-License-Identifier: MIT
//
// One file object of the control device: its registrations, its queue, its pended requests. All of it dies with the
// last handle of the file object, except for registrations that are CMB_REGISTER_PERSIST and what these need.

#ifndef CMBRIDGE_SESSION_H
#define CMBRIDGE_SESSION_H

#include "decide/held.h"
#include "session/receive.h"

typedef struct REGISTRATION REGISTRATION;

typedef enum SESSION_STATE {
    // Nothing but HELLO is answered.
    SessionNew,
    // HELLO is being answered.
    SessionStarting,
    SessionReady,
    // The last handle is closed or closing.
    SessionStopped,
} SESSION_STATE;

typedef struct SESSION {
    // The link in the list of all sessions, under the lock of that list.
    LIST_ENTRY Link;
    // The file object is gone, and with it all that the session had but the registrations that are kept. Under the lock
    // of the list.
    BOOLEAN Detached;
    // Who has opened the handle: PsGetProcessStartKey and the process id.
    UINT64 OwnerKey;
    UINT32 OwnerId;
    // Dispatch routines that are at work: a pended request does not hold the handle open for the routine that has
    // pended it.
    EX_RUNDOWN_REF Users;

    KSPIN_LOCK Lock;
    _Guarded_by_(Lock) SESSION_STATE State;
    // The registrations that the configuration manager knows.
    _Guarded_by_(Lock) LIST_ENTRY Registrations;

    QUEUE Queue;
    RECEIVER Receiver;
    HELD_TABLE Held;
} SESSION;

_IRQL_requires_max_(DISPATCH_LEVEL)
_Function_class_(SESSION_MATCH)
typedef BOOLEAN SESSION_MATCH(_Inout_ REGISTRATION *Registration, _In_opt_ const VOID *Context);

typedef struct SESSION_TOTALS {
    UINT32 Sessions;
    UINT32 Registrations;
    UINT32 PendedReceives;
    UINT64 QueueBytes;
    UINT64 QueueBytesLimit;
    UINT64 QueueRecords;
    UINT64 QueueRecordsLimit;
    QUEUE_COUNTERS Counters;
    CMB_DECISION_STATISTICS Decisions;
} SESSION_TOTALS;

// session_list.c
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID SessionInitialize(VOID);

// session_list.c: all sessions are gone, for an open handle keeps the driver loaded, and no registration is kept any
// more.
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID SessionUninitialize(VOID);

_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS SessionCreate(_Outptr_ SESSION **Session);

// Stops intake, cancels pended requests, lets go who is held, and removes the registrations. May be called again: where
// there is no IRP_MJ_CLEANUP, IRP_MJ_CLOSE is the first to call it. Not to be called with a lock held that a registry
// callback takes.
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID SessionStop(_Inout_ SESSION *Session);

// Waits for everybody who still uses the session, and frees it, or as much of it as registrations that are kept do not
// need. SessionStop was called before.
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID SessionFree(_In_ _Post_ptr_invalid_ SESSION *Session);

// session_list.c: puts a session that is complete into the list of all sessions.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID SessionLink(_Inout_ SESSION *Session);

// session_list.c: the handle is gone. Frees the session once no registration needs it any more.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID SessionDetach(_Inout_ _Post_ptr_invalid_ SESSION *Session);

// session_list.c: finds a registration of any session. Match is called with the locks of the list and of the session
// held. NULL if none matches.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
REGISTRATION *SessionFindRegistration(_In_ SESSION_MATCH *Match, _In_opt_ const VOID *Context);

// session_list.c: the registration is in the list of its session no more. Frees what is left of the session if that
// was the last one that it stayed for.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID SessionUnlinkRegistration(_Inout_ REGISTRATION *Registration);

// Gives the session its queue, and room to hold so many operations. It succeeds once only.
_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS SessionStart(_Inout_ SESSION *Session, _In_ ULONG QueueBytes, _In_ ULONG QueueRecords, _In_ ULONG MaxHeld);

_IRQL_requires_max_(DISPATCH_LEVEL)
SESSION_STATE SessionGetState(_Inout_ SESSION *Session);

// session_list.c: adds the session to the totals.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID SessionQuery(_Inout_ SESSION *Session, _Inout_ SESSION_TOTALS *Totals);

// session_list.c: sums up all sessions; the counters include those of sessions that are closed.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID SessionQueryAll(_Out_ SESSION_TOTALS *Totals);

#endif
