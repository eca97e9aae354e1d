// SPDX-License-Identifier: MIT
//
// Slots of memory that are handed out at the tail and come back at the head. The owner's lock is held in all functions,
// and guards everything but what a slot holds, and the slots that the consumer has claimed, which stay as they are.

#ifndef CMBRIDGE_RING_H
#define CMBRIDGE_RING_H

#include "base/compat.h"

typedef enum RING_STATE {
    // Its producer writes to it.
    RingDraft,
    RingCommitted,
    // Nothing is in it: the end of the ring, or a slot that was given up.
    RingPadding,
} RING_STATE;

typedef struct RING_SLOT {
    // The size of the slot, this header included.
    ULONG Size;
    // The size of the slot before it, while that is in the ring.
    ULONG Previous;
    // A number of the caller's of RingAppend.
    UINT32 Owner;
    // RING_STATE; written with release by the producer, read with acquire by the consumer.
    volatile LONG State;
} RING_SLOT;

// Slots are multiples of this, so that a slot header fits wherever a slot ends before the end of the ring.
#define RING_ALIGNMENT sizeof(RING_SLOT)
#define RING_SLOT_SIZE(ContentSize) ((ULONG)ALIGN_UP_BY(sizeof(RING_SLOT) + (ContentSize), RING_ALIGNMENT))

typedef struct RING {
    UCHAR *Bytes;
    ULONG Capacity;
    ULONG Head;
    ULONG Tail;
    ULONG Used;
    ULONG UsedPeak;
    // Size of the newest slot, if there is one.
    ULONG Newest;
    // Slots that start less than so many bytes from Head are the consumer's to read without the lock.
    ULONG Claimed;
    // The bytes that have left at the head so far. Together with the distance from Head that names a slot for ever,
    // unless it is given up.
    UINT64 Retired;
} RING;

// Returns whether slots of these sizes fit, one after the other; a size of 0 is no slot.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
BOOLEAN RingHasRoom(_In_ const RING *Ring, _In_reads_(Count) const ULONG *Sizes, _In_ ULONG Count);

// Appends a draft, for which there is room. Start is the name of its slot.
_IRQL_requires_max_(DISPATCH_LEVEL)
RING_SLOT *RingAppend(_Inout_ RING *Ring, _In_ ULONG Size, _In_ UINT32 Owner, _Out_ UINT64 *Start);

// The draft is not needed after all.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RingGiveUp(_Inout_ RING *Ring, _Inout_ RING_SLOT *Slot);

// The slot at a position that is 0 .. Capacity - 1 and starts one.
_IRQL_requires_max_(DISPATCH_LEVEL)
RING_SLOT *RingSlotAt(_In_ const RING *Ring, _In_ ULONG Position);

// The position behind a slot of Size at Position.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG RingNext(_In_ const RING *Ring, _In_ ULONG Position, _In_ ULONG Size);

// Returns whether the slot, which was never given up, is still in the ring and not claimed.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN RingIsWaiting(_In_ const RING *Ring, _In_ UINT64 Start);

// The oldest slot that is no padding; NULL if there is none.
_IRQL_requires_max_(DISPATCH_LEVEL)
RING_SLOT *RingOldest(_In_ const RING *Ring);

// The slots that start in the first Limit bytes are the consumer's to read without the lock. Returns the number of
// bytes from Head on in which such slots start.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG RingClaim(_Inout_ RING *Ring, _In_ ULONG Limit);

// Takes back what is still claimed.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RingUnclaim(_Inout_ RING *Ring);

// Frees the oldest slot, which is no draft.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RingRetire(_Inout_ RING *Ring);

#endif
