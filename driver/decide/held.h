// SPDX-License-Identifier: MIT
//
// The held operations of a session, whose threads wait for an answer, and the account of what was decided.

#ifndef CMBRIDGE_HELD_H
#define CMBRIDGE_HELD_H

#include "decide/breaker.h"
#include "decide/decision.h"
#include "record/record.h"

typedef struct ASKER ASKER;

// A held operation, on the stack of the thread that waits. The caller fills in what comes before Event.
typedef struct HELD {
    ASKER *Asker;
    // What the answer has to suit.
    const DECISION_SUBJECT *Subject;
    // Where the answer goes.
    DECISION *Decision;
    // The question, built.
    RECORD_DRAFT *Question;
    // ClockNow() when the callback began, and at the deadline.
    UINT64 Start;
    UINT64 Deadline;

    KEVENT Event;
    UINT64 Ticket;
    // Round of the asker's breaker when the question was put.
    UINT32 Round;
    // IDENTITY_PROCESS.Slot
    UINT32 Process;
    // CMB_REPLY_ACCEPTED until somebody has ended the wait.
    UINT32 State;
    // Half of the time at least was the program's. Written by the thread that is held, read by who ends the wait.
    volatile LONG Fair;
} HELD;

typedef struct HELD_SLOT {
    // The last ticket that was given out for this slot; 0 if none was.
    UINT64 Ticket;
    // What a reply to Ticket gets: CMB_REPLY_ACCEPTED while the thread waits.
    UINT32 State;
    // The next free slot while this one is free.
    UINT32 NextFree;
    // NULL while it is free.
    HELD *Held;
    // NULL once the registration is being removed.
    ASKER *Asker;
} HELD_SLOT;

typedef struct HELD_TABLE {
    KSPIN_LOCK Lock;
    // This does not change once the session is ready.
    ULONG Limit;
    // An owned array of Limit slots.
    HELD_SLOT *Slots;

    // The slot that was freed first is taken first, so that late answers are known as such for as long as possible.
    _Guarded_by_(Lock) ULONG FirstFree;
    _Guarded_by_(Lock) ULONG LastFree;
    // Where the next search for waits that are over begins.
    _Guarded_by_(Lock) ULONG NextOverdue;
    // The session ends, and nobody waits any more.
    _Guarded_by_(Lock) BOOLEAN Stopped;
    _Guarded_by_(Lock) CMB_DECISION_STATISTICS Counters;
    // How many operations of one process are held, by IDENTITY_PROCESS.Slot: of a few processes that have the same slot
    // by chance, of all together.
    _Guarded_by_(Lock) USHORT Shares[CMB_PROCESS_SLOTS];
} HELD_TABLE;

// What a registration asks with: whom not, where its threads are held, and its breaker.
struct ASKER {
    const RECORDER *Recorder;
    // The table of its session.
    HELD_TABLE *Table;
    // PsGetProcessStartKey of the session's process, which is never asked about.
    UINT64 OwnerKey;
    // Owned by the registration: the descendants of that process. NULL without CMB_REGISTER_EXEMPT_CHILDREN.
    PROCESS_TREES *Children;
    // CMB_REGISTER_DRY_RUN
    BOOLEAN DryRun;
    // The registration is being removed, and nobody is held for it.
    _Guarded_by_(Table->Lock) BOOLEAN Released;
    _Guarded_by_(Table->Lock) BREAKER Breaker;
    _Guarded_by_(Table->Lock) CMB_DECISION_STATISTICS Counters;
    // BreakerIsUntold. Changed with the lock held, read without it.
    volatile LONG BreakerUntold;
};

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID HeldInitialize(_Out_ HELD_TABLE *Table);

// The caller knows that nobody uses the table any more, except for statistics.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID HeldUninitialize(_Inout_ HELD_TABLE *Table);

_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS HeldAllocate(_Inout_ HELD_TABLE *Table, _In_range_(1, CMB_MAX_HELD) ULONG Limit);

// Returns CMB_DECIDED_BY_NOBODY, or why a question would not be put now, which is counted.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
UINT16 HeldMayAsk(_Inout_ ASKER *Asker);

// Puts the question: it has a slot and a ticket, and is in the queue, or neither. The caller wakes the reader. Relayed:
// it is in the queue, or counted as lost. Returns CMB_DECIDED_BY_NOBODY, or why the question is not put.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
UINT16 HeldPut(_Inout_ HELD *Held, _Out_ BOOLEAN *Relayed);

// Waits for the answer to a question that was put. Returns CMB_DECIDED_BY_CALLBACK if there is one, otherwise
// CMB_DECIDED_BY_TIMEOUT or _RELEASE. With no lock held.
_IRQL_requires_(PASSIVE_LEVEL)
UINT16 HeldWait(_Inout_ HELD *Held);

// Answers a question. CMB_REPLY_ACCEPTED: the thread goes on with the decision, whose data it takes over. Otherwise
// returns why not, which is counted. CMB_DECISION_DEFAULT may be a decision here.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
UINT32 HeldAnswer(_Inout_ HELD_TABLE *Table, _In_ UINT64 Ticket, _In_ const DECISION *Decision);

// Counts a reply to the ticket that was refused before it became a decision.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID HeldRefuse(_Inout_ HELD_TABLE *Table, _In_ UINT64 Ticket);

// Lets all threads go that are held for the asker, which puts no questions any more.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID HeldRelease(_Inout_ ASKER *Asker);

// Lets all threads of the session go. Its askers put no questions any more.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID HeldStop(_Inout_ HELD_TABLE *Table);

// Counts what was decided. Asked: the operation was held for that.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID HeldCount(_Inout_ ASKER *Asker, _In_ const CMB_DECIDED *Decided, _In_ BOOLEAN Asked, _In_ BOOLEAN Failed);

// Adds up. The peak of a sum is the highest of the peaks.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID HeldAddCounters(_Inout_ CMB_DECISION_STATISTICS *Sum, _In_ const CMB_DECISION_STATISTICS *Counters);

#endif
