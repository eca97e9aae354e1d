// SPDX-License-Identifier: MIT
//
// Stops a registration from asking when its program does not answer: after so many missed deadlines in a row nothing is
// asked for a while. What changes is kept until it could be told.

#ifndef CMBRIDGE_BREAKER_H
#define CMBRIDGE_BREAKER_H

#include "base/clock.h"
#include "protocol/protocol.h"

// Changes that wait to be told, at most: opened and closed.
#define BREAKER_UNTOLD 2

typedef struct BREAKER {
    // Misses in a row that open it.
    UINT32 Limit;
    // Milliseconds.
    UINT32 CoolDown;

    BOOLEAN Open;
    // It was open, and no question was answered since: one miss is enough.
    BOOLEAN OnTrial;
    UINT32 Misses;
    // ClockNow() when it opened.
    UINT64 Opened;
    // Not asked since it opened.
    UINT64 Unasked;
    // Goes up with each change. The deadlines of questions that were put before the latest do not count.
    UINT32 Round;

    ULONG UntoldCount;
    CMB_BODY_BREAKER Untold[BREAKER_UNTOLD];
    INT64 UntoldTime[BREAKER_UNTOLD];
} BREAKER;

// 0 takes the default.
VOID BreakerInitialize(_Out_ BREAKER *Breaker, _In_range_(0, CMB_MAX_BREAKER_MISSES) UINT32 Misses,
                       _In_range_(0, CMB_MAX_BREAKER_COOL_DOWN) UINT32 CoolDown);

// Whether a question may be put; if not, that is counted.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
BOOLEAN BreakerAdmit(_Inout_ BREAKER *Breaker, _In_ UINT64 Now);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID BreakerAnswer(_Inout_ BREAKER *Breaker);

// A question that was put in Round was not answered in time. TRUE if that opens it.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN BreakerMiss(_Inout_ BREAKER *Breaker, _In_ UINT32 Round, _In_ UINT64 Now);

// The oldest of Untold was told.
VOID BreakerTold(_Inout_ BREAKER *Breaker);

#endif
