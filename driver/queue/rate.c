// SPDX-License-Identifier: MIT
//
// A token bucket.

#include "queue/rate.h"

// A full bucket fits in 64 bits.
C_ASSERT(CMB_MAX_RATE <= ~0ull / CLOCK_UNITS_PER_SECOND);

_Use_decl_annotations_
VOID RateInitialize(RATE *Rate, UINT32 PerSecond, UINT32 Burst, UINT64 Now) {
    Rate->PerSecond = PerSecond;
    Rate->Burst = Burst * CLOCK_UNITS_PER_SECOND;
    Rate->Level = Rate->Burst;
    Rate->Last = Now;
}

_Use_decl_annotations_
BOOLEAN RateTake(RATE *Rate, UINT64 Now) {
    const UINT64 room = Rate->Burst - Rate->Level;
    const UINT64 ticks = Now > Rate->Last ? Now - Rate->Last : 0;
    // Only a product that is less than the room is known to fit in 64 bits.
    Rate->Level += ticks > room / Rate->PerSecond ? room : ticks * Rate->PerSecond;
    Rate->Last += ticks;
    if (Rate->Level < CLOCK_UNITS_PER_SECOND) {
        return FALSE;
    }
    Rate->Level -= CLOCK_UNITS_PER_SECOND;
    return TRUE;
}
