// SPDX-License-Identifier: MIT
//
// The clock that durations are measured with: interrupt time, which no change of the system time moves. Not
// KeQueryPerformanceCounter, which ntoskrnl.exe exports only since Windows 10 2004; before, hal.dll does.

#ifndef CMBRIDGE_CLOCK_H
#define CMBRIDGE_CLOCK_H

#include "base/compat.h"

// The unit is 100 nanoseconds.
#define CLOCK_UNITS_PER_SECOND 10000000ull
#define CLOCK_UNITS_PER_MILLISECOND (CLOCK_UNITS_PER_SECOND / 1000)
#define CLOCK_NANOSECONDS_PER_UNIT 100

_IRQL_requires_max_(HIGH_LEVEL)
static inline UINT64 ClockNow(VOID) {
    ULONG64 counter;
    return KeQueryInterruptTimePrecise(&counter);
}

// Nanoseconds since Start, which was ClockNow(). 0 if the clock stands before it.
_IRQL_requires_max_(HIGH_LEVEL)
static inline UINT64 ClockSince(_In_ UINT64 Start) {
    const UINT64 now = ClockNow();
    return now > Start ? (now - Start) * CLOCK_NANOSECONDS_PER_UNIT : 0;
}

#endif
