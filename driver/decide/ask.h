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
    // One that AskIsDecided.
    VERDICT Verdict;
    // ClockNow() when the callback began.
    UINT64 Start;
    // What pre has noted; NULL if that is not known. ASK_RESULT.Subject borrows from it.
    const CALL *Call;
    // The notification. If it is asked about, it is relayed as the question.
    NOTIFICATION *Notification;
} ASK;

typedef struct ASK_RESULT {
    // The sequence number of the question's record; 0 if there was none.
    UINT64 Sequence;
    // A question was relayed, or lost.
    BOOLEAN Relayed;
    // The thread was held for an answer.
    BOOLEAN Asked;
    DECISION_SUBJECT Subject;
    // The caller frees it with DecisionFree.
    DECISION Decision;
    // Its Status is that of the decision itself; carrying it out may end otherwise.
    CMB_DECIDED Decided;
} ASK_RESULT;

// Decides, and returns when that is done: the thread may be held meanwhile.
_IRQL_requires_max_(APC_LEVEL)
VOID AskDecide(_In_ const ASK *Ask, _Out_ ASK_RESULT *Result);

// Puts a notification into the queue, behind what has changed about the asker's breaker, as far as there is room for
// that. Returns what RecordRelay returns.
_IRQL_requires_max_(APC_LEVEL)
UINT64 AskRelay(_Inout_ ASKER *Asker, _In_ const NOTIFICATION *Notification);

// Returns whether there is something to decide: the verdict is more than to ignore or to notify, and if it is in doubt,
// it fails closed.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN AskIsDecided(_In_ VERDICT Verdict);

#endif
