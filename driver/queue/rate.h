// SPDX-License-Identifier: MIT
//
// A token bucket: so many per second, and so many at once after a pause.

#ifndef CMBRIDGE_RATE_H
#define CMBRIDGE_RATE_H

#include "base/clock.h"
#include "protocol/protocol.h"

// A token is CLOCK_UNITS_PER_SECOND units, and each tick of the clock brings PerSecond units, so that nothing is ever
// rounded.
typedef struct RATE {
    // Tokens; 0: there is no limit.
    UINT64 PerSecond;
    // Units.
    UINT64 Burst;
    UINT64 Level;
    // Ticks.
    UINT64 Last;
} RATE;

// The bucket is full. Burst is 1 .. CMB_MAX_RATE unless PerSecond, 0 .. CMB_MAX_RATE, is 0.
VOID RateInitialize(_Out_ RATE *Rate, _In_ UINT32 PerSecond, _In_ UINT32 Burst, _In_ UINT64 Now);

// Takes a token. FALSE if there is none. A clock that went back stands still.
_Must_inspect_result_
BOOLEAN RateTake(_Inout_ RATE *Rate, _In_ UINT64 Now);

#endif
