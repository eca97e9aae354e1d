// SPDX-License-Identifier: MIT
//
// Slots of memory that are handed out at the tail and come back at the head. The owner's lock is held in all functions.
// What a slot holds is written under it, and does not change until the slot is retired: whoever retires slots may read
// those that he has seen without it.

#ifndef CMBRIDGE_RING_H
#define CMBRIDGE_RING_H

#include "base/compat.h"

// The owner of a slot in which nothing is: what is left at the end of the ring.
#define RING_PADDING MAXULONG

typedef struct RING_SLOT {
    // The size of the slot, this header included.
    ULONG Size;
    // A number of the caller's of RingAppend.
    UINT32 Owner;
    // The caller's, and NULL at first: what the slot stands for if that does not follow it.
    VOID *Block;
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
} RING;

// Returns the bytes that slots of these sizes would take, one after the other; a size of 0 is no slot. MAXULONG if they
// do not fit.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
ULONG RingCost(_In_ const RING *Ring, _In_reads_(Count) const ULONG *Sizes, _In_ ULONG Count);

// Appends a slot, for which there is room.
_IRQL_requires_max_(DISPATCH_LEVEL)
RING_SLOT *RingAppend(_Inout_ RING *Ring, _In_ ULONG Size, _In_ UINT32 Owner);

// The slot at a position that is 0 .. Capacity - 1 and starts one.
_IRQL_requires_max_(DISPATCH_LEVEL)
RING_SLOT *RingSlotAt(_In_ const RING *Ring, _In_ ULONG Position);

// The position behind a slot of Size at Position.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG RingNext(_In_ const RING *Ring, _In_ ULONG Position, _In_ ULONG Size);

// The oldest slot that is no padding; NULL if there is none.
_IRQL_requires_max_(DISPATCH_LEVEL)
const RING_SLOT *RingOldest(_In_ const RING *Ring);

// Frees the oldest slot; there is one.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RingRetire(_Inout_ RING *Ring);

#endif
