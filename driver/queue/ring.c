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
ULONG RingCost(const RING *Ring, const ULONG *Sizes, ULONG Count) {
    // An empty ring starts over, see RingAppend.
    ULONG tail = Ring->Used ? Ring->Tail : 0;
    ULONG cost = 0;
    for (ULONG i = 0; i < Count; ++i) {
        const ULONG step = PaddingBefore(Ring, tail, Sizes[i]) + Sizes[i];
        if (step > Ring->Capacity - Ring->Used - cost) {
            return MAXULONG;
        }
        cost += step;
        tail = RingNext(Ring, tail, step);
    }
    return cost;
}

static RING_SLOT *AppendSlot(_Inout_ RING *Ring, _In_ ULONG Size, _In_ UINT32 Owner) {
    RING_SLOT *slot = RingSlotAt(Ring, Ring->Tail);
    *slot = (RING_SLOT){.Size = Size, .Owner = Owner};
    Ring->Tail = RingNext(Ring, Ring->Tail, Size);
    Ring->Used += Size;
    return slot;
}

_Use_decl_annotations_
RING_SLOT *RingAppend(RING *Ring, ULONG Size, UINT32 Owner) {
    // Nobody reads an empty ring, so that it may start over and need no padding.
    if (!Ring->Used) {
        Ring->Head = Ring->Tail = 0;
    }
    const ULONG padding = PaddingBefore(Ring, Ring->Tail, Size);
    if (padding) {
        (VOID) AppendSlot(Ring, padding, RING_PADDING);
    }
    return AppendSlot(Ring, Size, Owner);
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
const RING_SLOT *RingOldest(const RING *Ring) {
    if (!Ring->Used) {
        return NULL;
    }
    const RING_SLOT *slot = RingSlotAt(Ring, Ring->Head);
    // Padding stands at the end of the ring only, and something at its start follows it.
    return slot->Owner == RING_PADDING ? RingSlotAt(Ring, 0) : slot;
}

_Use_decl_annotations_
VOID RingRetire(RING *Ring) {
    const ULONG size = RingSlotAt(Ring, Ring->Head)->Size;
    Ring->Head = RingNext(Ring, Ring->Head, size);
    Ring->Used -= size;
}
