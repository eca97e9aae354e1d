// SPDX-License-Identifier: MIT
//
// What is decided about a notification: by its rule, by the program that is asked, or in its place.

#ifndef CMBRIDGE_ASK_H
#define CMBRIDGE_ASK_H

#include "decide/held.h"
#include "record/record.h"

typedef struct ASK {
    ASKER *Asker;
    const RULESET *Ruleset;
    // Not ignored, not a mere notification, and if it is in doubt, then one that fails closed.
    VERDICT Verdict;
    // ClockNow() when the callback began.
    UINT64 Start;
    // What pre has noted, if it is known. The answer borrows from it.
    const CALL *Call;
    // Relayed if it is asked about, with the question in place of Decided.
    NOTIFICATION *Notification;
} ASK;

typedef struct ASK_RESULT {
    // Of the record that was the question; 0 if there was none.
    UINT64 Sequence;
    // There is such a record, or it was lost.
    BOOLEAN Relayed;
    // The thread was held.
    BOOLEAN Asked;
    DECISION_SUBJECT Subject;
    // The caller frees it.
    DECISION Decision;
    // Status is still that of the decision itself: carrying it out may end otherwise.
    CMB_DECIDED Decided;
} ASK_RESULT;

// Returns when it is decided.
_IRQL_requires_max_(APC_LEVEL)
VOID AskDecide(_In_ const ASK *Ask, _Out_ ASK_RESULT *Result);

// Puts a notification into the queue, behind what has changed about the asker's breaker, as far as there is room for
// that. Returns the same as RecordRelay.
_IRQL_requires_max_(APC_LEVEL)
UINT64 AskRelay(_Inout_ ASKER *Asker, _In_ const NOTIFICATION *Notification);

// Whether there is something to decide.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN AskIsDecided(_In_ VERDICT Verdict);

#endif
