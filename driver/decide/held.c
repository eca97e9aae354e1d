// SPDX-License-Identifier: MIT
//
// The table of held operations: tickets, waits and their ends.

#include "decide/held.h"
#include "base/clock.h"
#include "base/memory.h"
#include "decide/held_count.h"

// A slot goes through these states; the arrows are taken under the lock, and the first that is taken wins:
//
//                                        +--HeldAnswer---> Answered
//                                        |
//   free --HeldBegin--> waited for ------+--deadline-----> Expired     --HeldWait--> free, with its ticket and its end
//                          |             |
//                          |             +--HeldRelease--> Released
//                          +--HeldCancel--> free, as if it never was
//
// The HELD is on the stack of the thread that waits. Whoever ends the wait signals its event with the lock held, and
// the thread takes the lock once more before it returns, so that nobody touches the HELD afterwards.

// The lower bits of a ticket are the slot.
#define SLOT_BITS 14
C_ASSERT(CMB_MAX_HELD == 1 << SLOT_BITS);

// Putting a thread to sleep and waking it takes longer than a program takes that decides at once. So while it does, and
// nobody else is held, the thread stays awake for a moment and looks for the answer, at PASSIVE_LEVEL.
#define SPIN_NANOSECONDS 30000
#define QUICK_NANOSECONDS 100000

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
    const ULONG processors = KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS);
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
    Table->Processors = processors;
    Table->FirstFree = 0;
    Table->LastFree = Limit - 1;
    KeReleaseSpinLock(&Table->Lock, irql);
    return STATUS_SUCCESS;
}

// The list of free slots ends with Limit.
_Requires_lock_held_(Table->Lock)
static HELD_SLOT *TakeSlot(_Inout_ HELD_TABLE *Table) {
    if (Table->FirstFree == Table->Limit) {
        return NULL;
    }
    HELD_SLOT *slot = &Table->Slots[Table->FirstFree];
    Table->FirstFree = slot->NextFree;
    return slot;
}

_Requires_lock_held_(Table->Lock)
static VOID FreeSlot(_Inout_ HELD_TABLE *Table, _Inout_ HELD_SLOT *Slot) {
    const ULONG index = (ULONG)(Slot - Table->Slots);
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

_Requires_lock_held_(Table->Lock)
_Must_inspect_result_
static UINT16 BeginWait(_Inout_ HELD_TABLE *Table, _Inout_ HELD *Held) {
    ASKER *asker = Held->Asker;
    if (Table->Stopped || asker->Released) {
        // This counts as if the question had been put, and released at once.
        HELD_COUNT(Table, asker, Asked, 1);
        HELD_COUNT(Table, asker, Released, 1);
        return CMB_DECIDED_BY_RELEASE;
    }
    Held->Begun = ClockNow();
    const BOOLEAN admitted = BreakerAdmit(&asker->Breaker, Held->Begun);
    WriteRelease(&asker->BreakerUntold, asker->Breaker.UntoldCount != 0);
    if (!admitted) {
        return CMB_DECIDED_BY_BREAKER;
    }
    HELD_SLOT *slot = TakeSlot(Table);
    if (!slot) {
        return CMB_DECIDED_BY_LIMIT;
    }
    Held->Ticket = (UINT64)InterlockedIncrement64(&LastTicket) << SLOT_BITS | (UINT64)(slot - Table->Slots);
    Held->Round = asker->Breaker.Round;
    slot->Ticket = Held->Ticket;
    slot->State = CMB_REPLY_ACCEPTED;
    slot->Held = Held;
    slot->Asker = asker;
    HELD_COUNT(Table, asker, Asked, 1);
    HeldCountHeld(Table, asker, 1);
    Held->Ended = FALSE;
    Held->Spins = Table->Quick && Table->Counters.Held == 1 && Table->Processors > 1;
    return CMB_DECIDED_BY_NOBODY;
}

_Use_decl_annotations_
UINT16 HeldBegin(HELD_TABLE *Table, HELD *Held) {
    KIRQL irql;
    KeInitializeEvent(&Held->Event, SynchronizationEvent, FALSE);
    KeAcquireSpinLock(&Table->Lock, &irql);
    const UINT16 by = BeginWait(Table, Held);
    KeReleaseSpinLock(&Table->Lock, irql);
    return by;
}

_Use_decl_annotations_
VOID HeldCancel(HELD_TABLE *Table, HELD *Held) {
    KIRQL irql;
    KeAcquireSpinLock(&Table->Lock, &irql);
    HELD_SLOT *slot = FindSlot(Table, Held->Ticket);
    if (slot->State == CMB_REPLY_ACCEPTED) {
        HeldCountHeld(Table, Held->Asker, -1);
        HELD_COUNT(Table, Held->Asker, Asked, -1);
    }
    slot->Ticket = 0;
    FreeSlot(Table, slot);
    KeReleaseSpinLock(&Table->Lock, irql);
}

// Ends the wait of the slot's thread with CMB_REPLY_*; the caller wakes it.
_Requires_lock_held_(Table->Lock)
static VOID EndWait(_Inout_ HELD_TABLE *Table, _Inout_ HELD_SLOT *Slot, _In_ UINT32 State) {
    HELD *held = Slot->Held;
    ASKER *asker = held->Asker;
    Slot->State = State;
    WriteRelease(&held->Ended, TRUE);
    HeldCountHeld(Table, asker, -1);
    switch (State) {
    case CMB_REPLY_ANSWERED:
        HELD_COUNT(Table, asker, Answered, 1);
        BreakerAnswer(&asker->Breaker);
        break;
    case CMB_REPLY_EXPIRED:
        HELD_COUNT(Table, asker, TimedOut, 1);
        if (BreakerMiss(&asker->Breaker, held->Round, ClockNow())) {
            HELD_COUNT(Table, asker, BreakerTrips, 1);
            WriteRelease(&asker->BreakerUntold, TRUE);
        }
        break;
    default:
        HELD_COUNT(Table, asker, Released, 1);
        break;
    }
}

// Returns whether the wait has ended while this thread stayed awake.
static BOOLEAN SpinUntilEnded(_In_ const HELD *Held) {
    const UINT64 start = ClockNow();
    while (!ReadAcquire(&Held->Ended)) {
        if (ClockSince(start) > SPIN_NANOSECONDS) {
            return FALSE;
        }
        YieldProcessor();
    }
    return TRUE;
}

_Use_decl_annotations_
UINT16 HeldWait(HELD_TABLE *Table, HELD *Held, UINT32 Deadline) {
    LARGE_INTEGER timeout = {.QuadPart = -(LONGLONG)(Deadline * CLOCK_UNITS_PER_MILLISECOND)};
    KIRQL irql;
    if (!Held->Spins || !SpinUntilEnded(Held)) {
        // The wait is in kernel mode and not alertable: the event is on this stack, and only an end that the table
        // knows of may end the wait.
        KeWaitForSingleObject(&Held->Event, UserRequest, KernelMode, FALSE, &timeout);
    }
    KeAcquireSpinLock(&Table->Lock, &irql);
    HELD_SLOT *slot = FindSlot(Table, Held->Ticket);
    if (slot->State == CMB_REPLY_ACCEPTED) {
        EndWait(Table, slot, CMB_REPLY_EXPIRED);
    }
    const UINT32 state = slot->State;
    Table->Quick = state == CMB_REPLY_ANSWERED && ClockSince(Held->Begun) <= QUICK_NANOSECONDS;
    FreeSlot(Table, slot);
    KeReleaseSpinLock(&Table->Lock, irql);
    switch (state) {
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

// The thread may go on, and what the subject borrows from it go away, as soon as the lock is released.
_Requires_lock_held_(Table->Lock)
static UINT32 TakeAnswer(_Inout_ HELD_TABLE *Table, _Inout_ HELD_SLOT *Slot, _In_ const DECISION *Decision) {
    HELD *held = Slot->Held;
    if (Slot->State != CMB_REPLY_ACCEPTED) {
        return Slot->State;
    }
    const UINT32 result = CheckAnswer(Decision, held->Subject);
    if (result == CMB_REPLY_ACCEPTED) {
        *held->Decision = *Decision;
        EndWait(Table, Slot, CMB_REPLY_ANSWERED);
        KeSetEvent(&held->Event, IO_NO_INCREMENT, FALSE);
    }
    return result;
}

_Use_decl_annotations_
UINT32 HeldAnswer(HELD_TABLE *Table, UINT64 Ticket, const DECISION *Decision) {
    KIRQL irql;
    KeAcquireSpinLock(&Table->Lock, &irql);
    HELD_SLOT *slot = FindSlot(Table, Ticket);
    const UINT32 result = slot ? TakeAnswer(Table, slot, Decision) : CMB_REPLY_UNKNOWN;
    ASKER *asker = slot ? slot->Asker : NULL;
    if (result == CMB_REPLY_EXPIRED || result == CMB_REPLY_RELEASED) {
        HELD_COUNT(Table, asker, LateReplies, 1);
    } else if (result != CMB_REPLY_ACCEPTED) {
        HELD_COUNT(Table, asker, RefusedReplies, 1);
    }
    KeReleaseSpinLock(&Table->Lock, irql);
    return result;
}

_Use_decl_annotations_
VOID HeldRefuse(HELD_TABLE *Table, UINT64 Ticket) {
    KIRQL irql;
    KeAcquireSpinLock(&Table->Lock, &irql);
    const HELD_SLOT *slot = FindSlot(Table, Ticket);
    HELD_COUNT(Table, slot ? slot->Asker : NULL, RefusedReplies, 1);
    KeReleaseSpinLock(&Table->Lock, irql);
}

// Ends the waits of one asker, or all.
_Requires_lock_held_(Table->Lock)
static VOID ReleaseWaiting(_Inout_ HELD_TABLE *Table, _In_opt_ const ASKER *Asker) {
    for (ULONG i = 0; i < Table->Limit; ++i) {
        HELD_SLOT *slot = &Table->Slots[i];
        if (Asker && slot->Asker != Asker) {
            continue;
        }
        slot->Asker = NULL;
        if (slot->Held && slot->State == CMB_REPLY_ACCEPTED) {
            EndWait(Table, slot, CMB_REPLY_RELEASED);
            KeSetEvent(&slot->Held->Event, IO_NO_INCREMENT, FALSE);
        }
    }
}

_Use_decl_annotations_
VOID HeldRelease(ASKER *Asker) {
    HELD_TABLE *table = Asker->Table;
    KIRQL irql;
    KeAcquireSpinLock(&table->Lock, &irql);
    Asker->Released = TRUE;
    ReleaseWaiting(table, Asker);
    KeReleaseSpinLock(&table->Lock, irql);
}

_Use_decl_annotations_
VOID HeldStop(HELD_TABLE *Table) {
    KIRQL irql;
    KeAcquireSpinLock(&Table->Lock, &irql);
    Table->Stopped = TRUE;
    ReleaseWaiting(Table, NULL);
    KeReleaseSpinLock(&Table->Lock, irql);
}
