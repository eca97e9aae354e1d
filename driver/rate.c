// SPDX-License-Identifier: MIT

#include "rate.h"

_Use_decl_annotations_
VOID RateInitialize(RATE *Rate, UINT32 PerSecond, UINT32 Burst, UINT64 Frequency, UINT64 Now) {
    Rate->PerSecond = PerSecond;
    // The frequency of the performance counter is below 18 GHz, so that its product with CMB_MAX_RATE fits.
    Rate->Burst = Burst * Frequency;
    Rate->Level = Rate->Burst;
    Rate->Frequency = Frequency;
    Rate->Last = Now;
}

_Use_decl_annotations_
BOOLEAN RateTake(RATE *Rate, UINT64 Now) {
    const UINT64 room = Rate->Burst - Rate->Level;
    const UINT64 ticks = Now > Rate->Last ? Now - Rate->Last : 0;
    // Only if it is less than the room is the product known to fit.
    Rate->Level += ticks > room / Rate->PerSecond ? room : ticks * Rate->PerSecond;
    Rate->Last += ticks;
    if (Rate->Level < Rate->Frequency) {
        return FALSE;
    }
    Rate->Level -= Rate->Frequency;
    return TRUE;
}
