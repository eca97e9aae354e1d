// SPDX-License-Identifier: MIT
//
// What becomes of a notification under the rules that are in force for it.

#ifndef CMBRIDGE_VERDICT_H
#define CMBRIDGE_VERDICT_H

#include "verdict/ruleset.h"
#include "verdict/subject.h"

typedef enum VERDICT_KIND {
    VerdictIgnore,
    VerdictNotify,
    VerdictAsk,
    VerdictBlock,
    VerdictBypass,
    // A rule that might decide asks for something that could not be found out for want of memory, or read from the
    // caller's memory: the notification is lost, which is counted.
    VerdictNoMemory,
    VerdictCaptureFault,
} VERDICT_KIND;

typedef struct VERDICT {
    VERDICT_KIND Kind;
    // The rule that decides, or CMB_RULES_NONE if no rule matches. In doubt, the rule that fails closed: one that might
    // decide and blocks, or asks and is CMB_RULE_FAIL_CLOSED; CMB_RULES_NONE if there is no such rule, and the
    // operation goes on. What comes from kernel mode is only blocked by rules that are CMB_RULE_KERNEL_MODE.
    UINT32 Rule;
} VERDICT;

// Returns the verdict about a notification of class Number: that of the subject's pre, of its partner, or of something
// else that happens to the same key object. Outcome is CMB_OUTCOME_*, 0 for a class that has none.
_IRQL_requires_max_(APC_LEVEL)
VERDICT VerdictDecide(_In_ const RULESET *Ruleset, _Inout_ SUBJECT *Subject, _In_ ULONG Number, _In_ UINT32 Outcome);

// TRUE: the key alone says to ignore notifications of all of Classes, whoever causes them. It is found out if it may
// say so, and remembered.
_IRQL_requires_max_(APC_LEVEL)
BOOLEAN VerdictIsQuiet(_In_ const RULESET *Ruleset, _Inout_ SUBJECT *Subject, _In_ UINT64 Classes);

// Returns FALSE if a notification of class Number for the same key, by the same process, is sure to be ignored.
// ByAnybody: by whatever process.
_IRQL_requires_max_(APC_LEVEL)
BOOLEAN VerdictCanWant(_In_ const RULESET *Ruleset, _Inout_ SUBJECT *Subject, _In_ ULONG Number,
                       _In_ BOOLEAN ByAnybody);

#endif
