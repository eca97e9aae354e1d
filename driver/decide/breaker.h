// SPDX-License-Identifier: MIT
//
// Stops a registration from asking when its program does not answer: after so many missed deadlines in a row nothing is
// asked for a while. Changes are kept until they could be told. The lock of the table of held operations guards all of
// it.

#ifndef CMBRIDGE_BREAKER_H
#define CMBRIDGE_BREAKER_H

#include "base/clock.h"
#include "protocol/protocol.h"

// At most so many changes wait to be told: opened and closed.
#define BREAKER_UNTOLD 2

typedef struct BREAKER {
    // So many misses in a row open it.
    UINT32 Limit;
    // In milliseconds.
    UINT32 CoolDown;

    BOOLEAN Open;
    // It was open, and no question was answered since: one miss opens it again.
    BOOLEAN OnTrial;
    UINT32 Misses;
    // ClockNow() when it opened.
    UINT64 Opened;
    // How often nobody was asked since it opened.
    UINT64 Unasked;
    // It goes up with each change. The deadlines of questions that were put before the latest change do not count.
    UINT32 Round;

    ULONG UntoldCount;
    CMB_BODY_BREAKER Untold[BREAKER_UNTOLD];
    INT64 UntoldTime[BREAKER_UNTOLD];
} BREAKER;

// 0 stands for the default.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID BreakerInitialize(_Out_ BREAKER *Breaker, _In_range_(0, CMB_MAX_BREAKER_MISSES) UINT32 Misses,
                       _In_range_(0, CMB_MAX_BREAKER_COOL_DOWN) UINT32 CoolDown);

// Returns whether a question may be put. If not, that is counted.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
BOOLEAN BreakerAdmit(_Inout_ BREAKER *Breaker, _In_ UINT64 Now);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID BreakerAnswer(_Inout_ BREAKER *Breaker);

// Counts a question that was put in Round and was not answered in time. TRUE if that opens the breaker.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN BreakerMiss(_Inout_ BREAKER *Breaker, _In_ UINT32 Round, _In_ UINT64 Now);

// Removes the oldest of Untold, which was told.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID BreakerTold(_Inout_ BREAKER *Breaker);

#endif
