// SPDX-License-Identifier: MIT
//
// What becomes of a notification under the rules that are in force for it.

#ifndef CMBRIDGE_VERDICT_H
#define CMBRIDGE_VERDICT_H

#include "subject.h"

typedef enum VERDICT {
    VerdictIgnore,
    VerdictNotify,
    // A rule that might decide asks for something that could not be found out for want of memory, or read from the
    // caller's memory: the notification is lost, which is counted.
    VerdictNoMemory,
    VerdictCaptureFault,
} VERDICT;

// Outcome is CMB_OUTCOME_*, 0 for what has none. Number: of the class; the subject's for its pre, its partner's, or
// that of something else that happens to the same key object.
_IRQL_requires_max_(APC_LEVEL)
VERDICT VerdictDecide(_In_ const RULESET *Ruleset, _Inout_ SUBJECT *Subject, _In_ ULONG Number, _In_ UINT32 Outcome);

// FALSE: if Number comes for the same key, done by the same process, the verdict will be to ignore it. ByAnybody: by
// whatever process.
_IRQL_requires_max_(APC_LEVEL)
BOOLEAN VerdictCanWant(_In_ const RULESET *Ruleset, _Inout_ SUBJECT *Subject, _In_ ULONG Number,
                       _In_ BOOLEAN ByAnybody);

// Of an undecided notification: counts it as lost.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID VerdictLose(_In_ const REGISTRATION *Registration, _In_ VERDICT Verdict);

#endif
