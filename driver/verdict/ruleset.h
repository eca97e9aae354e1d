// SPDX-License-Identifier: MIT
//
// What is in force for a registration from one SET_RULES to the next: rules, or none, and what was found out about
// processes for them.

#ifndef CMBRIDGE_RULESET_H
#define CMBRIDGE_RULESET_H

#include "process/identity.h"
#include "rules/rules.h"

typedef struct PROCESS_CACHE PROCESS_CACHE;
typedef struct PROCESS_TREES PROCESS_TREES;

typedef struct RULESETS RULESETS;

// One copy of it. Each has references of its own, so that processors that use different copies do not write to the same
// line.
typedef struct RULESET {
    _Interlocked_ volatile LONG References;
    // CMB_DECIDED.Ruleset, which is set when the ruleset comes into force.
    UINT32 Number;
    // If it is NULL there are no rules, and everything is relayed.
    RULES *Rules;
    // NULL if no rule asks for what it holds.
    PROCESS_CACHE *Processes;
    // NULL if no rule asks for a tree.
    PROCESS_TREES *Trees;
    RULESETS *All;
    UCHAR Apart[SYSTEM_CACHE_ALIGNMENT_SIZE - 5 * sizeof(VOID *)];
} RULESET;

// A processor uses the copy of its number, modulo this: where there are more processors, a few share one.
#define RULESET_COPIES 64

struct RULESETS {
    // First: a block of a page or more starts with a line.
    RULESET Copies[RULESET_COPIES];
    // How many copies have references. The last one to have none frees what they all point to.
    _Interlocked_ volatile LONG Used;
};

C_ASSERT(sizeof(RULESET) == SYSTEM_CACHE_ALIGNMENT_SIZE);
C_ASSERT(sizeof(RULESETS) >= PAGE_SIZE);

// Creates a ruleset, with one reference to each copy; with Size 0 it has no rules. Former is what is in force now, or
// NULL: trees of processes that are gone live on. STATUS_BAD_DATA with Error for a program that is refused.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
_Success_(return >= 0)
NTSTATUS RulesetsCreate(_In_reads_bytes_(Size) const VOID *Program, _In_ ULONG Size, _In_opt_ const RULESET *Former,
                        _Outptr_ RULESETS **Rulesets, _Out_ RULES_ERROR *Error);

// Gives one reference to each copy back.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RulesetsRelease(_In_ _Post_ptr_invalid_ RULESETS *Rulesets);

_IRQL_requires_max_(DISPATCH_LEVEL)
RULESET *RulesetReference(_Inout_ RULESET *Ruleset);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RulesetRelease(_In_opt_ _Post_ptr_invalid_ RULESET *Ruleset);

// Returns those classes of ClassMask that may be relayed.
_IRQL_requires_max_(DISPATCH_LEVEL)
UINT64 RulesetGetClassMask(_In_ const RULESET *Ruleset, _In_ UINT64 ClassMask);

// Returns the serial number of the rules, 0 without rules.
_IRQL_requires_max_(DISPATCH_LEVEL)
UINT64 RulesetGetSerial(_In_ const RULESET *Ruleset);

#endif
