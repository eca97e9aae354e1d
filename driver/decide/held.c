// SPDX-License-Identifier: MIT
//
// The table of held operations: tickets, waits and their ends.

#include "decide/held.h"
#include "base/clock.h"
#include "base/memory.h"
#include "process/identity.h"

// A slot goes through these states; the arrows are taken under the lock, and the first that is taken wins:
//
//                                        +--HeldAnswer---> free, Answered
//                                        |
//   free ---HeldPut----> waited for -----+--deadline-----> free, Expired
//                                        |
//                                        +--HeldRelease--> free, Released
//
// A free slot keeps its last ticket, and how that ended. Whoever ends the wait frees the slot: the thread that waited
// may not get to run for long. For the same reason others end waits whose deadline has passed, when they find no room.
//
// The HELD is on the stack of the thread that waits. Whoever ends the wait signals its event with the lock held, and
// the thread takes the lock once more before it returns, so that nobody touches the HELD afterwards.
//
// A slot is taken, and the question put into the queue, under one hold of the lock, when everything that may take long
// has been done: nobody has a slot who does not wait, with a deadline that runs.

// The lower bits of a ticket are the slot.
#define SLOT_BITS 14
C_ASSERT(CMB_MAX_HELD == 1 << SLOT_BITS);

// Whoever ends many waits looks at so many slots under one hold of the lock.
#define SLOTS_AT_A_TIME 64

// The tickets of all sessions are counted here.
static volatile LONG64 LastTicket;

_Use_decl_annotations_
VOID HeldInitialize(HELD_TABLE *Table) {
    RtlZeroMemory(Table, sizeof(*Table));
    KeInitializeSpinLock(&Table->Lock);
}

_Use_decl_annotations_
VOID HeldUninitialize(HELD_TABLE *Table) {
    KIRQL irql;
    NT_ASSERT(Table->Counters.Held == 0);
    // A session that starts may be stopped meanwhile, and release what is held.
    KeAcquireSpinLock(&Table->Lock, &irql);
    HELD_SLOT *slots = Table->Slots;
    Table->Slots = NULL;
    Table->Limit = 0;
    KeReleaseSpinLock(&Table->Lock, irql);
    MemoryFree(slots);
}

_Use_decl_annotations_
NTSTATUS HeldAllocate(HELD_TABLE *Table, ULONG Limit) {
    KIRQL irql;
    HELD_SLOT *slots = MemoryAllocate(Limit * sizeof(*slots));
    if (!slots) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    for (ULONG i = 0; i < Limit; ++i) {
        slots[i].NextFree = i + 1;
    }
    KeAcquireSpinLock(&Table->Lock, &irql);
    Table->Slots = slots;
    Table->Limit = Limit;
    Table->FirstFree = 0;
    Table->LastFree = Limit - 1;
    KeReleaseSpinLock(&Table->Lock, irql);
    return STATUS_SUCCESS;
}

// Adds to a counter of the session, and of the asker if that is known.
#define COUNT(Table, Asker, Field, Number)                                                                             \
    CountAt((Table), (Asker), FIELD_OFFSET(CMB_DECISION_STATISTICS, Field), (Number))
_Requires_lock_held_(Table->Lock)
static VOID CountAt(_Inout_ HELD_TABLE *Table, _Inout_opt_ ASKER *Asker, _In_ LONG Offset, _In_ INT64 Number) {
    *(UINT64 *)((UCHAR *)&Table->Counters + Offset) += (UINT64)Number;
    if (Asker) {
        *(UINT64 *)((UCHAR *)&Asker->Counters + Offset) += (UINT64)Number;
    }
}

// The list of free slots ends with Limit.
_Requires_lock_held_(Table->Lock)
static VOID TakeSlot(_Inout_ HELD_TABLE *Table, _In_ HELD *Held) {
    HELD_SLOT *slot = &Table->Slots[Table->FirstFree];
    ASKER *asker = Held->Asker;
    Table->FirstFree = slot->NextFree;
    slot->Ticket = Held->Ticket;
    slot->State = Held->State = CMB_REPLY_ACCEPTED;
    slot->Held = Held;
    slot->Asker = asker;
    ++Table->Shares[Held->Process];
    COUNT(Table, asker, Asked, 1);
    COUNT(Table, asker, Held, 1);
    Table->Counters.HeldPeak = max(Table->Counters.HeldPeak, Table->Counters.Held);
    asker->Counters.HeldPeak = max(asker->Counters.HeldPeak, asker->Counters.Held);
}

_Requires_lock_held_(Table->Lock)
static VOID FreeSlot(_Inout_ HELD_TABLE *Table, _Inout_ HELD_SLOT *Slot) {
    const ULONG index = (ULONG)(Slot - Table->Slots);
    --Table->Shares[Slot->Held->Process];
    Slot->Held = NULL;
    Slot->NextFree = Table->Limit;
    if (Table->FirstFree == Table->Limit) {
        Table->FirstFree = index;
    } else {
        Table->Slots[Table->LastFree].NextFree = index;
    }
    Table->LastFree = index;
}

// Returns NULL for a ticket that is not one of this table's, or whose slot was given to another question.
_Requires_lock_held_(Table->Lock)
static HELD_SLOT *FindSlot(_In_ const HELD_TABLE *Table, _In_ UINT64 Ticket) {
    const UINT64 index = Ticket & ((1 << SLOT_BITS) - 1);
    if (index >= Table->Limit || !Ticket || Table->Slots[index].Ticket != Ticket) {
        return NULL;
    }
    return &Table->Slots[index];
}

// Ends the wait of the slot's thread with CMB_REPLY_*, wakes it and frees the slot.
_Requires_lock_held_(Table->Lock)
static VOID EndWait(_Inout_ HELD_TABLE *Table, _Inout_ HELD_SLOT *Slot, _In_ UINT32 State) {
    HELD *held = Slot->Held;
    ASKER *asker = held->Asker;
    Slot->State = held->State = State;
    COUNT(Table, asker, Held, -1);
    switch (State) {
    case CMB_REPLY_ANSWERED:
        COUNT(Table, asker, Answered, 1);
        BreakerAnswer(&asker->Breaker, held->Round);
        break;
    case CMB_REPLY_EXPIRED:
        COUNT(Table, asker, TimedOut, 1);
        if (BreakerMiss(&asker->Breaker, held->Round, ReadAcquire(&held->Fair) != FALSE, ClockNow())) {
            COUNT(Table, asker, BreakerTrips, 1);
        }
        break;
    default:
        COUNT(Table, asker, Released, 1);
        break;
    }
    WriteRelease(&asker->BreakerUntold, BreakerIsUntold(&asker->Breaker));
    FreeSlot(Table, Slot);
    KeSetEvent(&held->Event, IO_NO_INCREMENT, FALSE);
}

// Ends the waits among the next slots whose deadline has passed and whose threads have not got to run since.
_Requires_lock_held_(Table->Lock)
static VOID EndOverdue(_Inout_ HELD_TABLE *Table, _In_ UINT64 Now) {
    for (ULONG i = 0; i < min(SLOTS_AT_A_TIME, Table->Limit); ++i) {
        HELD_SLOT *slot = &Table->Slots[Table->NextOverdue];
        Table->NextOverdue = (Table->NextOverdue + 1) % Table->Limit;
        if (slot->Held && Now >= slot->Held->Deadline) {
            EndWait(Table, slot, CMB_REPLY_EXPIRED);
        }
    }
}

_Requires_lock_held_(Asker->Table->Lock)
_Must_inspect_result_
static UINT16 MayAsk(_Inout_ ASKER *Asker, _In_ UINT64 Now) {
    HELD_TABLE *table = Asker->Table;
    if (table->Stopped || Asker->Released) {
        // This counts as if the question had been put, and released at once.
        COUNT(table, Asker, Asked, 1);
        COUNT(table, Asker, Released, 1);
        return CMB_DECIDED_BY_RELEASE;
    }
    return BreakerAdmit(&Asker->Breaker, Now) ? CMB_DECIDED_BY_NOBODY : CMB_DECIDED_BY_BREAKER;
}

_Use_decl_annotations_
UINT16 HeldMayAsk(ASKER *Asker) {
    HELD_TABLE *table = Asker->Table;
    KIRQL irql;
    KeAcquireSpinLock(&table->Lock, &irql);
    const UINT16 by = MayAsk(Asker, ClockNow());
    KeReleaseSpinLock(&table->Lock, irql);
    return by;
}

// One process has at most half of the slots, rounded up, so that it alone cannot take those of all others.
_Requires_lock_held_(Table->Lock)
static BOOLEAN HasRoom(_In_ const HELD_TABLE *Table, _In_ UINT32 Process) {
    return Table->FirstFree != Table->Limit && Table->Shares[Process] < (Table->Limit + 1) / 2;
}

// Result becomes what RecordSend says, and Relayed whether that is final.
_Requires_lock_held_(Held->Asker->Table->Lock)
_Must_inspect_result_
static UINT16 Put(_Inout_ HELD *Held, _Out_ QUEUE_RESULT *Result, _Out_ BOOLEAN *Relayed) {
    ASKER *asker = Held->Asker;
    HELD_TABLE *table = asker->Table;
    const UINT64 now = ClockNow();
    const UINT16 by = MayAsk(asker, now);
    *Result = QueueLost;
    *Relayed = FALSE;
    if (by != CMB_DECIDED_BY_NOBODY) {
        return by;
    }
    if (now >= Held->Deadline) {
        // This counts as if the question had been put, but the program could do nothing about it.
        COUNT(table, asker, Asked, 1);
        COUNT(table, asker, TimedOut, 1);
        return CMB_DECIDED_BY_TIMEOUT;
    }
    if (!HasRoom(table, Held->Process)) {
        EndOverdue(table, now);
    }
    if (!HasRoom(table, Held->Process)) {
        return CMB_DECIDED_BY_LIMIT;
    }
    Held->Ticket = (UINT64)InterlockedIncrement64(&LastTicket) << SLOT_BITS | table->FirstFree;
    RecordSetTicket(Held->Question, Held->Ticket);
    *Result = RecordSend(Held->Question);
    *Relayed = *Result != QueueProcessUnknown;
    if (*Result != QueueSent) {
        return CMB_DECIDED_BY_LIMIT;
    }
    Held->Round = BreakerAsk(&asker->Breaker);
    TakeSlot(table, Held);
    return CMB_DECIDED_BY_NOBODY;
}

_Use_decl_annotations_
UINT16 HeldPut(HELD *Held, BOOLEAN *Relayed) {
    HELD_TABLE *table = Held->Asker->Table;
    IDENTITY_PROCESS process;
    QUEUE_RESULT result;
    KIRQL irql;
    IdentityGetProcess(&process);
    Held->Process = process.Slot;
    KeInitializeEvent(&Held->Event, SynchronizationEvent, FALSE);
    for (;;) {
        KeAcquireSpinLock(&table->Lock, &irql);
        const UINT16 by = Put(Held, &result, Relayed);
        KeReleaseSpinLock(&table->Lock, irql);
        if (result != QueueProcessUnknown) {
            return by;
        }
        RecordDescribe(Held->Question);
    }
}

_Use_decl_annotations_
UINT16 HeldWait(HELD *Held) {
    HELD_TABLE *table = Held->Asker->Table;
    const UINT64 now = ClockNow();
    const UINT64 left = Held->Deadline > now ? Held->Deadline - now : 0;
    LARGE_INTEGER timeout = {.QuadPart = -(LONGLONG)left};
    KIRQL irql;
    // The reader knows of the question now. What the thread has needed until then is not the program's fault.
    WriteRelease(&Held->Fair, left >= (Held->Deadline - Held->Start) / 2);
    // The wait is in kernel mode and not alertable: the event is on this stack, and only an end that the table knows of
    // may end the wait.
    KeWaitForSingleObject(&Held->Event, UserRequest, KernelMode, FALSE, &timeout);
    KeAcquireSpinLock(&table->Lock, &irql);
    if (Held->State == CMB_REPLY_ACCEPTED) {
        EndWait(table, FindSlot(table, Held->Ticket), CMB_REPLY_EXPIRED);
    }
    KeReleaseSpinLock(&table->Lock, irql);
    switch (Held->State) {
    case CMB_REPLY_ANSWERED:
        return CMB_DECIDED_BY_CALLBACK;
    case CMB_REPLY_EXPIRED:
        return CMB_DECIDED_BY_TIMEOUT;
    default:
        return CMB_DECIDED_BY_RELEASE;
    }
}

// The default of the rule suits wherever allowing does.
static UINT32 CheckAnswer(_In_ const DECISION *Decision, _In_ const DECISION_SUBJECT *Subject) {
    DECISION decision = *Decision;
    if (decision.Kind == CMB_DECISION_DEFAULT) {
        decision.Kind = CMB_DECISION_ALLOW;
    }
    return DecisionCheck(&decision, Subject);
}

_Requires_lock_held_(Table->Lock)
static VOID CountRefused(_Inout_ HELD_TABLE *Table, _In_ UINT64 Ticket, _In_ UINT32 Result) {
    const HELD_SLOT *slot = FindSlot(Table, Ticket);
    ASKER *asker = slot ? slot->Asker : NULL;
    if (Result == CMB_REPLY_EXPIRED || Result == CMB_REPLY_RELEASED) {
        COUNT(Table, asker, LateReplies, 1);
    } else {
        COUNT(Table, asker, RefusedReplies, 1);
    }
}

// Returns the slot of a question that waits, NULL if it does not; Result is then what a reply to the ticket gets.
_Requires_lock_held_(Table->Lock)
static HELD_SLOT *FindWaiting(_In_ const HELD_TABLE *Table, _In_ UINT64 Ticket, _Out_ UINT32 *Result) {
    HELD_SLOT *slot = FindSlot(Table, Ticket);
    *Result = slot ? slot->State : CMB_REPLY_UNKNOWN;
    return *Result == CMB_REPLY_ACCEPTED ? slot : NULL;
}

// Copies what the answer has to suit: checking it may take a while, and the thread may be gone by then. Result is
// CMB_REPLY_ACCEPTED if it waits.
_IRQL_requires_max_(DISPATCH_LEVEL)
static UINT32 CopySubject(_Inout_ HELD_TABLE *Table, _In_ UINT64 Ticket, _Out_ DECISION_SUBJECT *Subject) {
    UINT32 result;
    KIRQL irql;
    RtlZeroMemory(Subject, sizeof(*Subject));
    KeAcquireSpinLock(&Table->Lock, &irql);
    const HELD_SLOT *slot = FindWaiting(Table, Ticket, &result);
    if (slot) {
        *Subject = *slot->Held->Subject;
    }
    KeReleaseSpinLock(&Table->Lock, irql);
    return result;
}

_Use_decl_annotations_
UINT32 HeldAnswer(HELD_TABLE *Table, UINT64 Ticket, const DECISION *Decision) {
    DECISION_SUBJECT subject;
    UINT32 state;
    KIRQL irql;
    UINT32 result = CopySubject(Table, Ticket, &subject);
    if (result == CMB_REPLY_ACCEPTED) {
        result = CheckAnswer(Decision, &subject);
    }
    KeAcquireSpinLock(&Table->Lock, &irql);
    HELD_SLOT *slot = FindWaiting(Table, Ticket, &state);
    if (result == CMB_REPLY_ACCEPTED) {
        result = state;
    }
    if (result == CMB_REPLY_ACCEPTED) {
        *slot->Held->Decision = *Decision;
        EndWait(Table, slot, CMB_REPLY_ANSWERED);
    } else {
        CountRefused(Table, Ticket, result);
    }
    KeReleaseSpinLock(&Table->Lock, irql);
    return result;
}

_Use_decl_annotations_
VOID HeldRefuse(HELD_TABLE *Table, UINT64 Ticket) {
    KIRQL irql;
    KeAcquireSpinLock(&Table->Lock, &irql);
    CountRefused(Table, Ticket, CMB_REPLY_BAD_DATA);
    KeReleaseSpinLock(&Table->Lock, irql);
}

// Ends the waits of one asker, or all. Nobody begins to wait for it any more.
_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID ReleaseWaiting(_Inout_ HELD_TABLE *Table, _In_opt_ const ASKER *Asker) {
    KIRQL irql;
    ULONG index = 0;
    BOOLEAN more = TRUE;
    while (more) {
        KeAcquireSpinLock(&Table->Lock, &irql);
        const ULONG end = min(index + SLOTS_AT_A_TIME, Table->Limit);
        for (; index < end; ++index) {
            HELD_SLOT *slot = &Table->Slots[index];
            if (Asker && slot->Asker != Asker) {
                continue;
            }
            slot->Asker = NULL;
            if (slot->Held) {
                EndWait(Table, slot, CMB_REPLY_RELEASED);
            }
        }
        more = index < Table->Limit;
        KeReleaseSpinLock(&Table->Lock, irql);
    }
}

_Use_decl_annotations_
VOID HeldRelease(ASKER *Asker) {
    HELD_TABLE *table = Asker->Table;
    KIRQL irql;
    KeAcquireSpinLock(&table->Lock, &irql);
    Asker->Released = TRUE;
    KeReleaseSpinLock(&table->Lock, irql);
    ReleaseWaiting(table, Asker);
}

_Use_decl_annotations_
VOID HeldStop(HELD_TABLE *Table) {
    KIRQL irql;
    KeAcquireSpinLock(&Table->Lock, &irql);
    Table->Stopped = TRUE;
    KeReleaseSpinLock(&Table->Lock, irql);
    ReleaseWaiting(Table, NULL);
}

// The counters of the kinds stand in the order of their numbers.
C_ASSERT(FIELD_OFFSET(CMB_DECISION_STATISTICS, Overridden) ==
         FIELD_OFFSET(CMB_DECISION_STATISTICS, Allowed) +
             (CMB_DECISION_OVERRIDE - CMB_DECISION_ALLOW) * sizeof(UINT64));

_Use_decl_annotations_
VOID HeldCount(ASKER *Asker, const CMB_DECIDED *Decided, BOOLEAN Asked, BOOLEAN Failed) {
    HELD_TABLE *table = Asker->Table;
    const LONG kind = (LONG)(FIELD_OFFSET(CMB_DECISION_STATISTICS, Allowed) +
                             (Decided->Decision - CMB_DECISION_ALLOW) * sizeof(UINT64));
    KIRQL irql;
    KeAcquireSpinLock(&table->Lock, &irql);
    CountAt(table, Asker, kind, 1);
    COUNT(table, Asker, UnaskedBreaker, Decided->By == CMB_DECIDED_BY_BREAKER);
    COUNT(table, Asker, UnaskedLimit, Decided->By == CMB_DECIDED_BY_LIMIT);
    COUNT(table, Asker, UnaskedExemption, Decided->By == CMB_DECIDED_BY_EXEMPTION);
    COUNT(table, Asker, UnaskedError, Decided->By == CMB_DECIDED_BY_ERROR && !Asked);
    COUNT(table, Asker, DryRun, (Decided->Flags & CMB_DECIDED_DRY_RUN) != 0);
    COUNT(table, Asker, Failed, Failed);
    KeReleaseSpinLock(&table->Lock, irql);
}

// The structure consists of counters alone.
C_ASSERT(sizeof(CMB_DECISION_STATISTICS) % sizeof(UINT64) == 0);

_Use_decl_annotations_
VOID HeldAddCounters(CMB_DECISION_STATISTICS *Sum, const CMB_DECISION_STATISTICS *Counters) {
    const UINT64 peak = max(Sum->HeldPeak, Counters->HeldPeak);
    for (ULONG i = 0; i < sizeof(*Sum) / sizeof(UINT64); ++i) {
        ((UINT64 *)Sum)[i] += ((const UINT64 *)Counters)[i];
    }
    Sum->HeldPeak = peak;
}
