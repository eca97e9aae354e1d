// SPDX-License-Identifier: MIT
//
// The states of a breaker.

#include "decide/breaker.h"

// Closed --Limit misses--> Open --first question after the cool-down--> Trial --answer--> Closed
//                           ^                                              |
//                           +------------------- one miss -----------------+

_Use_decl_annotations_
VOID BreakerInitialize(BREAKER *Breaker, UINT32 Misses, UINT32 CoolDown) {
    RtlZeroMemory(Breaker, sizeof(*Breaker));
    Breaker->Limit = Misses ? Misses : CMB_DEFAULT_BREAKER_MISSES;
    Breaker->CoolDown = CoolDown ? CoolDown : CMB_DEFAULT_BREAKER_COOL_DOWN;
}

_Use_decl_annotations_
BOOLEAN BreakerAdmit(BREAKER *Breaker, UINT64 Now) {
    // If the clock goes back, it stands still for the cool-down.
    const BOOLEAN cool =
        Now >= Breaker->Opened && Now - Breaker->Opened >= Breaker->CoolDown * CLOCK_UNITS_PER_MILLISECOND;
    // Nothing is put on trial before the program was told that it is open, so that this is never taken back untold.
    if (Breaker->State == BreakerClosed || (Breaker->State == BreakerOpen && Breaker->ToldOpen && cool)) {
        return TRUE;
    }
    ++Breaker->Unasked;
    return FALSE;
}

_Use_decl_annotations_
UINT32 BreakerAsk(BREAKER *Breaker) {
    if (Breaker->State == BreakerOpen) {
        Breaker->State = BreakerTrial;
        ++Breaker->Round;
    }
    return Breaker->Round;
}

_Use_decl_annotations_
VOID BreakerAnswer(BREAKER *Breaker, UINT32 Round) {
    if (Breaker->Round == Round && Breaker->State != BreakerOpen) {
        Breaker->State = BreakerClosed;
        Breaker->Misses = 0;
    }
}

_Use_decl_annotations_
BOOLEAN BreakerMiss(BREAKER *Breaker, UINT32 Round, BOOLEAN Fair, UINT64 Now) {
    const BOOLEAN closed = Breaker->State == BreakerClosed;
    if (Breaker->State == BreakerOpen || Breaker->Round != Round) {
        return FALSE;
    }
    Breaker->Misses += Fair;
    if (closed && (!Fair || Breaker->Misses < Breaker->Limit)) {
        return FALSE;
    }
    Breaker->State = BreakerOpen;
    ++Breaker->Round;
    // What was no fair trial is repeated at once.
    if (Fair) {
        Breaker->Opened = Now;
        Breaker->MissesOpened = Breaker->Misses;
    }
    return closed;
}
