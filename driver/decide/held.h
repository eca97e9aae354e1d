// SPDX-License-Identifier: MIT
//
// The operations of a session that wait for a decision, and the account of what was decided.

#ifndef CMBRIDGE_HELD_H
#define CMBRIDGE_HELD_H

#include "decide/breaker.h"
#include "decide/decision.h"

typedef struct ASKER ASKER;

// One that waits, on the stack of the thread that does.
typedef struct HELD {
    KEVENT Event;
    ASKER *Asker;
    // What the answer has to suit.
    const DECISION_SUBJECT *Subject;
    // Where the answer goes.
    DECISION *Decision;
    UINT64 Ticket;
    // Of the asker's breaker, when the question was put.
    UINT32 Round;
    // ClockNow() then.
    UINT64 Begun;
    BOOLEAN Spins;
    // Only for who spins: the lock tells how it has ended.
    volatile LONG Ended;
} HELD;

typedef struct HELD_SLOT {
    // The last one that was given for this slot; 0 if none was.
    UINT64 Ticket;
    // What an answer to Ticket gets: CMB_REPLY_ACCEPTED while it is waited for.
    UINT32 State;
    // While it is free.
    UINT32 NextFree;
    // NULL once nobody waits.
    HELD *Held;
    // NULL once it is being removed.
    ASKER *Asker;
} HELD_SLOT;

typedef struct HELD_TABLE {
    KSPIN_LOCK Lock;
    // Do not change once the session is ready.
    ULONG Limit;
    ULONG Processors;
    // Owned.
    HELD_SLOT *Slots;

    // First freed, first taken, so that late answers are known as such for as long as possible.
    _Guarded_by_(Lock) ULONG FirstFree;
    _Guarded_by_(Lock) ULONG LastFree;
    // The session ends: nobody waits any more.
    _Guarded_by_(Lock) BOOLEAN Stopped;
    // The program has answered the last question at once.
    _Guarded_by_(Lock) BOOLEAN Quick;
    _Guarded_by_(Lock) CMB_DECISION_STATISTICS Counters;
} HELD_TABLE;

// What a registration asks with.
struct ASKER {
    const RECORDER *Recorder;
    // Of its session.
    HELD_TABLE *Table;
    // PsGetProcessStartKey of the session's process.
    UINT64 OwnerKey;
    // Owned by the registration: the descendants of that process. NULL without CMB_REGISTER_EXEMPT_CHILDREN.
    PROCESS_TREES *Children;
    // CMB_REGISTER_DRY_RUN
    BOOLEAN DryRun;
    // The registration is being removed: nobody is held for it.
    _Guarded_by_(Table->Lock) BOOLEAN Released;
    _Guarded_by_(Table->Lock) BREAKER Breaker;
    _Guarded_by_(Table->Lock) CMB_DECISION_STATISTICS Counters;
    // Breaker.UntoldCount is not 0: changed with the lock held, read without it.
    volatile LONG BreakerUntold;
};

VOID HeldInitialize(_Out_ HELD_TABLE *Table);

// Nobody uses the table any more.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID HeldUninitialize(_Inout_ HELD_TABLE *Table);

_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS HeldAllocate(_Inout_ HELD_TABLE *Table, _In_range_(1, CMB_MAX_HELD) ULONG Limit);

// Gives the question a ticket, by which it can be answered from then on. The caller has filled in Asker, Subject and
// Decision. CMB_DECIDED_BY_NOBODY, or why it is not put.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
UINT16 HeldBegin(_Inout_ HELD_TABLE *Table, _Inout_ HELD *Held);

// The question could not be put. If somebody has guessed the ticket, there is a decision.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID HeldCancel(_Inout_ HELD_TABLE *Table, _In_ HELD *Held);

// Waits for the answer, for so many milliseconds. CMB_DECIDED_BY_CALLBACK if there is one, else _TIMEOUT or _RELEASE.
_IRQL_requires_max_(PASSIVE_LEVEL)
UINT16 HeldWait(_Inout_ HELD_TABLE *Table, _Inout_ HELD *Held, _In_ UINT32 Deadline);

// CMB_REPLY_ACCEPTED: the thread goes on with the decision, which it takes over. Else why not, which is counted.
// CMB_DECISION_DEFAULT may be a decision here.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
UINT32 HeldAnswer(_Inout_ HELD_TABLE *Table, _In_ UINT64 Ticket, _In_ const DECISION *Decision);

// Counts an answer to the ticket that was refused before it was looked at.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID HeldRefuse(_Inout_ HELD_TABLE *Table, _In_ UINT64 Ticket);

// Lets all go that wait for the asker. It puts no questions any more.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID HeldRelease(_Inout_ ASKER *Asker);

// The same for all askers of the session.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID HeldStop(_Inout_ HELD_TABLE *Table);

#endif
