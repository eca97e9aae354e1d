// SPDX-License-Identifier: MIT
//
// The states of a breaker.

#include "decide/breaker.h"

// Closed --Limit misses--> Open --first question after the cool-down--> on trial --answer--> Closed
//                           ^                                              |
//                           +------------------- one miss -----------------+

_Use_decl_annotations_
VOID BreakerInitialize(BREAKER *Breaker, UINT32 Misses, UINT32 CoolDown) {
    RtlZeroMemory(Breaker, sizeof(*Breaker));
    Breaker->Limit = Misses ? Misses : CMB_DEFAULT_BREAKER_MISSES;
    Breaker->CoolDown = CoolDown ? CoolDown : CMB_DEFAULT_BREAKER_COOL_DOWN;
}

// Notes a change that is to be told. If it takes back one that nobody was told of yet, both are dropped.
static VOID Tell(_Inout_ BREAKER *Breaker, _In_ UINT32 State) {
    LARGE_INTEGER time;
    if (Breaker->UntoldCount == BREAKER_UNTOLD) {
        --Breaker->UntoldCount;
        // The operations not asked about that the closing change was to tell of.
        if (State == CMB_BREAKER_OPEN) {
            Breaker->Unasked = Breaker->Untold[BREAKER_UNTOLD - 1].Unasked;
        } else {
            Breaker->Untold[0].Unasked += Breaker->Unasked;
        }
        return;
    }
    KeQuerySystemTimePrecise(&time);
    Breaker->UntoldTime[Breaker->UntoldCount] = time.QuadPart;
    Breaker->Untold[Breaker->UntoldCount++] = (CMB_BODY_BREAKER){
        .State = State,
        .Misses = Breaker->Misses,
        .CoolDown = Breaker->CoolDown,
        .Unasked = State == CMB_BREAKER_CLOSED ? Breaker->Unasked : 0,
    };
}

_Use_decl_annotations_
BOOLEAN BreakerAdmit(BREAKER *Breaker, UINT64 Now) {
    if (!Breaker->Open) {
        return TRUE;
    }
    // If the clock goes back, it stands still for the cool-down.
    if (Now < Breaker->Opened || Now - Breaker->Opened < Breaker->CoolDown * CLOCK_UNITS_PER_MILLISECOND) {
        ++Breaker->Unasked;
        return FALSE;
    }
    Breaker->Open = FALSE;
    Breaker->OnTrial = TRUE;
    ++Breaker->Round;
    Tell(Breaker, CMB_BREAKER_CLOSED);
    Breaker->Misses = 0;
    return TRUE;
}

_Use_decl_annotations_
VOID BreakerAnswer(BREAKER *Breaker) {
    if (!Breaker->Open) {
        Breaker->Misses = 0;
        Breaker->OnTrial = FALSE;
    }
}

_Use_decl_annotations_
BOOLEAN BreakerMiss(BREAKER *Breaker, UINT32 Round, UINT64 Now) {
    if (Breaker->Open || Breaker->Round != Round) {
        return FALSE;
    }
    ++Breaker->Misses;
    if (!Breaker->OnTrial && Breaker->Misses < Breaker->Limit) {
        return FALSE;
    }
    Breaker->Open = TRUE;
    Breaker->Opened = Now;
    Breaker->Unasked = 0;
    ++Breaker->Round;
    Tell(Breaker, CMB_BREAKER_OPEN);
    return TRUE;
}

_Use_decl_annotations_
VOID BreakerTold(BREAKER *Breaker) {
    for (ULONG i = 1; i < Breaker->UntoldCount; ++i) {
        Breaker->Untold[i - 1] = Breaker->Untold[i];
        Breaker->UntoldTime[i - 1] = Breaker->UntoldTime[i];
    }
    --Breaker->UntoldCount;
}
