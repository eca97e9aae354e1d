// SPDX-License-Identifier: MIT
//
// The ring: slots of different sizes, one behind the other.

#include "queue/ring.h"

C_ASSERT(sizeof(RING_SLOT) == 16);

// What is left before the end of the ring if a slot of Size does not fit there.
static ULONG PaddingBefore(_In_ const RING *Ring, _In_ ULONG Tail, _In_ ULONG Size) {
    const ULONG end = Ring->Capacity - Tail;
    return end < Size ? end : 0;
}

_Use_decl_annotations_
BOOLEAN RingHasRoom(const RING *Ring, const ULONG *Sizes, ULONG Count) {
    // An empty ring starts over, see RingAppend.
    ULONG tail = Ring->Used ? Ring->Tail : 0;
    ULONG room = Ring->Capacity - Ring->Used;
    for (ULONG i = 0; i < Count; ++i) {
        const ULONG step = PaddingBefore(Ring, tail, Sizes[i]) + Sizes[i];
        if (step > room) {
            return FALSE;
        }
        room -= step;
        tail = RingNext(Ring, tail, step);
    }
    return TRUE;
}

static VOID AdvanceTail(_Inout_ RING *Ring, _In_ ULONG Size) {
    Ring->Tail = RingNext(Ring, Ring->Tail, Size);
    Ring->Used += Size;
    Ring->UsedPeak = max(Ring->UsedPeak, Ring->Used);
    Ring->Newest = Size;
}

static RING_SLOT *AppendSlot(_Inout_ RING *Ring, _In_ ULONG Size, _In_ UINT32 Owner, _In_ LONG State) {
    RING_SLOT *slot = RingSlotAt(Ring, Ring->Tail);
    slot->Size = Size;
    slot->Previous = Ring->Newest;
    slot->Owner = Owner;
    WriteRelease(&slot->State, State);
    AdvanceTail(Ring, Size);
    return slot;
}

_Use_decl_annotations_
RING_SLOT *RingAppend(RING *Ring, ULONG Size, UINT32 Owner, UINT64 *Start) {
    // Nobody reads an empty ring, so that it may start over and need no padding.
    if (!Ring->Used) {
        Ring->Head = Ring->Tail = 0;
    }
    const ULONG padding = PaddingBefore(Ring, Ring->Tail, Size);
    if (padding) {
        (VOID) AppendSlot(Ring, padding, 0, RingPadding);
    }
    *Start = Ring->Retired + Ring->Used;
    return AppendSlot(Ring, Size, Owner, RingDraft);
}

// Takes back the padding at the tail.
static VOID Trim(_Inout_ RING *Ring) {
    while (Ring->Used && Ring->Used - Ring->Newest >= Ring->Claimed) {
        const ULONG position = (Ring->Tail ? Ring->Tail : Ring->Capacity) - Ring->Newest;
        const RING_SLOT *slot = RingSlotAt(Ring, position);
        if (ReadAcquire(&slot->State) != RingPadding) {
            return;
        }
        Ring->Tail = position;
        Ring->Used -= slot->Size;
        Ring->Newest = slot->Previous;
    }
}

_Use_decl_annotations_
VOID RingGiveUp(RING *Ring, RING_SLOT *Slot) {
    WriteRelease(&Slot->State, RingPadding);
    Trim(Ring);
}

_Use_decl_annotations_
RING_SLOT *RingSlotAt(const RING *Ring, ULONG Position) {
    return (RING_SLOT *)(Ring->Bytes + Position);
}

_Use_decl_annotations_
ULONG RingNext(const RING *Ring, ULONG Position, ULONG Size) {
    const ULONG next = Position + Size;
    return next == Ring->Capacity ? 0 : next;
}

_Use_decl_annotations_
BOOLEAN RingIsWaiting(const RING *Ring, UINT64 Start) {
    return Start >= Ring->Retired + Ring->Claimed;
}

_Use_decl_annotations_
RING_SLOT *RingOldest(const RING *Ring) {
    for (ULONG position = Ring->Head, left = Ring->Used; left;) {
        RING_SLOT *slot = RingSlotAt(Ring, position);
        if (ReadAcquire(&slot->State) != RingPadding) {
            return slot;
        }
        left -= slot->Size;
        position = RingNext(Ring, position, slot->Size);
    }
    return NULL;
}

_Use_decl_annotations_
ULONG RingClaim(RING *Ring, ULONG Limit) {
    Ring->Claimed = min(Ring->Used, Limit);
    return Ring->Claimed;
}

_Use_decl_annotations_
VOID RingUnclaim(RING *Ring) {
    Ring->Claimed = 0;
    // Slots at the tail that were given up meanwhile are still there, for they were claimed.
    Trim(Ring);
}

_Use_decl_annotations_
VOID RingRetire(RING *Ring) {
    const ULONG size = RingSlotAt(Ring, Ring->Head)->Size;
    Ring->Head = RingNext(Ring, Ring->Head, size);
    Ring->Used -= size;
    Ring->Claimed -= min(Ring->Claimed, size);
    Ring->Retired += size;
}
