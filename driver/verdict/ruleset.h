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

typedef struct RULESET RULESET;

// References to a ruleset that are counted together, and that are one reference for the ruleset. There are several, so
// that processors that decide at the same time do not write to the same cache line.
typedef struct RULESET_SHARE {
    _Interlocked_ volatile LONG References;
    RULESET *Ruleset;
    UCHAR Apart[SYSTEM_CACHE_ALIGNMENT_SIZE - sizeof(LONG_PTR) - sizeof(RULESET *)];
} RULESET_SHARE;

C_ASSERT(sizeof(RULESET_SHARE) == SYSTEM_CACHE_ALIGNMENT_SIZE);

// On machines with more processors some of them have one together.
#define RULESET_SHARES 64

struct RULESET {
    // Of whoever has created it, of operations until their post, and of shares that have references.
    _Interlocked_ volatile LONG References;
    // CMB_DECIDED.Ruleset, which is set when the ruleset comes into force.
    UINT32 Number;
    // Owned. If it is NULL there are no rules, and everything is relayed.
    RULES *Rules;
    // Owned; NULL if no rule asks for what it holds.
    PROCESS_CACHE *Processes;
    // Owned; NULL if no rule asks for a tree.
    PROCESS_TREES *Trees;
    RULESET_SHARE Shares[RULESET_SHARES];
};

// Creates a ruleset; with Size 0 it has no rules. Former is what is in force now, or NULL: trees of processes that are
// gone live on. STATUS_BAD_DATA with Error for a program that is refused.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
_Success_(return >= 0)
NTSTATUS RulesetCreate(_In_reads_bytes_(Size) const VOID *Program, _In_ ULONG Size, _In_opt_ RULESET *Former,
                       _Outptr_ RULESET **Ruleset, _Out_ RULES_ERROR *Error);

_IRQL_requires_max_(DISPATCH_LEVEL)
RULESET *RulesetReference(_Inout_ RULESET *Ruleset);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RulesetRelease(_In_opt_ _Post_ptr_invalid_ RULESET *Ruleset);

// Gives the first reference to one of the shares.
_IRQL_requires_max_(DISPATCH_LEVEL)
RULESET_SHARE *RulesetBeginShare(_Inout_ RULESET *Ruleset, _In_range_(0, RULESET_SHARES - 1) ULONG Index);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RulesetReleaseShare(_Inout_ _Post_ptr_invalid_ RULESET_SHARE *Share);

// Returns those classes of ClassMask that may be relayed.
_IRQL_requires_max_(DISPATCH_LEVEL)
UINT64 RulesetGetClassMask(_In_ const RULESET *Ruleset, _In_ UINT64 ClassMask);

// Returns a rule. Rule is one that a verdict under the ruleset has named.
_IRQL_requires_max_(DISPATCH_LEVEL)
const CMB_RULE *RulesetGetRule(_In_ const RULESET *Ruleset, _In_ UINT32 Rule);

// Returns the serial number of the rules, 0 without rules.
_IRQL_requires_max_(DISPATCH_LEVEL)
UINT64 RulesetGetSerial(_In_ const RULESET *Ruleset);

#endif
