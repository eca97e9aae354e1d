// SPDX-License-Identifier: MIT
//
// A token bucket: so many per second, and so many at once after a pause. Its owner's lock guards it.

#ifndef CMBRIDGE_RATE_H
#define CMBRIDGE_RATE_H

#include "base/clock.h"
#include "protocol/protocol.h"

// A token is CLOCK_UNITS_PER_SECOND units, and each tick of the clock brings PerSecond units, so that nothing is ever
// rounded.
typedef struct RATE {
    // In tokens; 0 is no limit.
    UINT64 PerSecond;
    // In units.
    UINT64 Burst;
    UINT64 Level;
    // In ticks of the clock.
    UINT64 Last;
} RATE;

// Fills the bucket. Burst is 1 .. CMB_MAX_RATE unless PerSecond, 0 .. CMB_MAX_RATE, is 0.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RateInitialize(_Out_ RATE *Rate, _In_ UINT32 PerSecond, _In_ UINT32 Burst, _In_ UINT64 Now);

// Takes a token. FALSE if there is none. If the clock goes back, it stands still for the bucket.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
BOOLEAN RateTake(_Inout_ RATE *Rate, _In_ UINT64 Now);

#endif
