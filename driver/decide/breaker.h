// SPDX-License-Identifier: MIT
//
// Stops a registration from asking when its program does not answer: after so many missed deadlines in a row nothing is
// asked for a while, and then one question alone, on trial. The lock of the table of held operations guards all of it.

#ifndef CMBRIDGE_BREAKER_H
#define CMBRIDGE_BREAKER_H

#include "base/clock.h"
#include "protocol/protocol.h"

typedef enum BREAKER_STATE {
    BreakerClosed,
    // Nothing is asked, from Opened until the cool-down has passed and beyond, until there is a question and the
    // program knows that it is open.
    BreakerOpen,
    // That question waits, and nothing else is asked.
    BreakerTrial,
} BREAKER_STATE;

typedef struct BREAKER {
    // So many misses in a row open it.
    UINT32 Limit;
    // In milliseconds.
    UINT32 CoolDown;
    BREAKER_STATE State;
    // In a row so far, and when it opened last.
    UINT32 Misses;
    UINT32 MissesOpened;
    // It goes up when it opens and when a question is put on trial. What becomes of questions that were put before that
    // does not count.
    UINT32 Round;
    // ClockNow() when it opened.
    UINT64 Opened;
    // How often nobody was asked since the program was last told that it is closed.
    UINT64 Unasked;
    // What the program was told last: that it is open. On trial it is.
    BOOLEAN ToldOpen;
} BREAKER;

// 0 stands for the default.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID BreakerInitialize(_Out_ BREAKER *Breaker, _In_range_(0, CMB_MAX_BREAKER_MISSES) UINT32 Misses,
                       _In_range_(0, CMB_MAX_BREAKER_COOL_DOWN) UINT32 CoolDown);

// Returns whether a question may be put. If not, that is counted.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
BOOLEAN BreakerAdmit(_Inout_ BREAKER *Breaker, _In_ UINT64 Now);

// A question that was admitted is put. Returns its round.
_IRQL_requires_max_(DISPATCH_LEVEL)
UINT32 BreakerAsk(_Inout_ BREAKER *Breaker);

// A question of that round was answered.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID BreakerAnswer(_Inout_ BREAKER *Breaker, _In_ UINT32 Round);

// A question of that round was not answered in time. Fair: the program has had time enough. TRUE if that opens the
// breaker, which was closed.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN BreakerMiss(_Inout_ BREAKER *Breaker, _In_ UINT32 Round, _In_ BOOLEAN Fair, _In_ UINT64 Now);

_IRQL_requires_max_(DISPATCH_LEVEL)
static inline BOOLEAN BreakerIsUntold(_In_ const BREAKER *Breaker) {
    return (Breaker->State != BreakerClosed) != Breaker->ToldOpen;
}

#endif
