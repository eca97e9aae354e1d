// SPDX-License-Identifier: MIT
//
// Slots of memory that are handed out at the tail and come back at the head. All of it under the lock of whoever owns
// the ring, but for what a slot holds, and for the slots that the consumer has claimed, which stay as they are.

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
    // Of the slot, this header included.
    ULONG Size;
    // Size of the slot before it, while that is in the ring.
    ULONG Previous;
    // Whose it is: the caller's.
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
    // Slots that start less than so many bytes from Head are the consumer's to read.
    ULONG Claimed;
    // Bytes that left at the head so far. With the distance from Head that names a slot for ever, unless it is given
    // up.
    UINT64 Retired;
} RING;

// Whether slots of these sizes fit, one after the other; 0 is no slot.
_Must_inspect_result_
BOOLEAN RingHasRoom(_In_ const RING *Ring, _In_reads_(Count) const ULONG *Sizes, _In_ ULONG Count);

// There is room. The slot is reserved; Start is its name.
RING_SLOT *RingAppend(_Inout_ RING *Ring, _In_ ULONG Size, _In_ UINT32 Owner, _Out_ UINT64 *Start);

// A slot that was reserved is not needed after all.
VOID RingGiveUp(_Inout_ RING *Ring, _Inout_ RING_SLOT *Slot);

// The slot at a position that is 0 .. Capacity - 1 and starts one.
RING_SLOT *RingSlotAt(_In_ const RING *Ring, _In_ ULONG Position);

ULONG RingPositionOf(_In_ const RING *Ring, _In_ const RING_SLOT *Slot);

// Position behind a slot at Position.
ULONG RingNext(_In_ const RING *Ring, _In_ ULONG Position, _In_ ULONG Size);

// Whether the slot, which was never given up, is still in the ring and not claimed.
BOOLEAN RingIsWaiting(_In_ const RING *Ring, _In_ UINT64 Start);

// The oldest slot that is no padding; NULL if there is none.
RING_SLOT *RingOldest(_In_ const RING *Ring);

// The slots that start in the first Limit bytes are the consumer's to read without the lock. Returns the number of
// bytes from Head on in which such slots start.
ULONG RingClaim(_Inout_ RING *Ring, _In_ ULONG Limit);

// What is still claimed is not any more.
VOID RingUnclaim(_Inout_ RING *Ring);

// Frees the oldest slot, which is not reserved.
VOID RingRetire(_Inout_ RING *Ring);

#endif
