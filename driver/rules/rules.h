// SPDX-License-Identifier: MIT
//
// The rules of a registration: a verified copy of a program (protocol_rules.h), and finding the rule that decides.
//
// For each notification: RulesBegin; for each dimension, cheap ones first, one of the RulesNarrow routines if
// RulesNeeds says that it matters; RulesDecide. None of that allocates, waits, or calls the kernel.

#ifndef CMBRIDGE_RULES_H
#define CMBRIDGE_RULES_H

#include "base/compat.h"
#include "protocol/protocol.h"

typedef struct RULES RULES;

typedef struct RULES_ERROR {
    // CMB_RULES_REASON_*
    UINT32 Reason;
    // Of the member that is wrong, from the start of the program.
    UINT32 Offset;
} RULES_ERROR;

// In the order of the program.
typedef enum RULES_DIMENSION {
    RulesKey,
    RulesValueName,
    RulesValueType,
    RulesOutcome,
    RulesImage,
    RulesUser,
    RulesProcessId,
    RulesSessionId,
    RulesElevated,
    RulesTree,
    RulesDimensionCount,
} RULES_DIMENSION;

// Bit n: rules 64 n .. 64 n + 63.
#define RULES_WORDS (CMB_MAX_RULES / 64)

// The rules that nothing has ruled out yet. Lives on the caller's stack.
typedef struct RULES_MATCH {
    const RULES *Rules;
    // Words of Source or, if that is NULL, of Words that are not 0.
    UINT64 Summary;
    // One word for each bit of Summary: the set of a class, until something narrows it.
    const UINT64 *Source;
    // Bit n: dimension n is used, and was not asked or could not be.
    UINT32 Open;
    // Bit n: dimension n could not be asked.
    UINT32 Doubts;
    // Word n is of value only if bit n of Summary is set.
    UINT64 Words[RULES_WORDS];
} RULES_MATCH;

// A part of a path, of MAXUSHORT units at most. Parts are taken together as if a separator stood between them.
typedef struct RULES_TEXT {
    _Field_size_(Count) const WCHAR *Units;
    ULONG Count;
} RULES_TEXT;

#define RULES_MAX_HITS 7
// Count of hits of which there are more than fit; RulesNarrowByTexts takes any number.
#define RULES_HITS_MANY 0xFFFFFFFF

// What a text has found in a dimension, to be kept: it is true for as long as the rules are there.
typedef struct RULES_HITS {
    ULONG Count;
    UINT32 Sets[RULES_MAX_HITS];
} RULES_HITS;

typedef struct RULES_VERDICT {
    // CMB_ACTION_*
    UINT32 Action;
    // CMB_RULES_NONE: no rule matches.
    UINT32 Rule;
    // What could not be asked decides between different actions, or between rules that ask, block or bypass.
    BOOLEAN Doubtful;
} RULES_VERDICT;

// Copies the program before it looks at it, so the caller may change its own at any time. STATUS_BAD_DATA with Error if
// it is refused, or STATUS_INSUFFICIENT_RESOURCES.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
_Success_(return >= 0)
NTSTATUS RulesCreate(_In_reads_bytes_(Size) const VOID *Program, _In_ ULONG Size, _Outptr_ RULES **Rules,
                     _Out_ RULES_ERROR *Error);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RulesFree(_In_opt_ _Post_ptr_invalid_ RULES *Rules);

// Bit n: class n may have a verdict that is not CMB_ACTION_IGNORE. Other classes need not be asked about.
_IRQL_requires_max_(DISPATCH_LEVEL)
UINT64 RulesGetClassMask(_In_ const RULES *Rules);

// Bit n: class n is ignored, whoever it is about, where no pattern of a key matches.
_IRQL_requires_max_(DISPATCH_LEVEL)
UINT64 RulesGetUnmatched(_In_ const RULES *Rules);

// FALSE: no pattern of a key matches a path that ends with the text, whatever stands before it. TRUE says nothing.
_IRQL_requires_max_(APC_LEVEL)
BOOLEAN RulesCanEndWith(_In_ const RULES *Rules, _In_ const RULES_TEXT *Text);

// Rule is a number that a verdict has given.
_IRQL_requires_max_(DISPATCH_LEVEL)
const CMB_RULE *RulesGetRule(_In_ const RULES *Rules, _In_ UINT32 Rule);

// Names the rules: it is never 0, and no other rules have it while the driver is loaded.
_IRQL_requires_max_(DISPATCH_LEVEL)
UINT64 RulesGetSerial(_In_ const RULES *Rules);

// Whether any rule has the condition.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN RulesUses(_In_ const RULES *Rules, _In_range_(0, RulesDimensionCount - 1) RULES_DIMENSION Dimension);

// The processes of RulesTree: 0 .. CMB_MAX_RULES_TREES of them, in ascending order.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG RulesGetTreeCount(_In_ const RULES *Rules);
_IRQL_requires_max_(DISPATCH_LEVEL)
UINT32 RulesGetTreeProcess(_In_ const RULES *Rules, _In_ ULONG Index);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RulesBegin(_Out_ RULES_MATCH *Match, _In_ const RULES *Rules, _In_ ULONG NotifyClass);

// Whether a rule that is still a candidate has the condition.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN RulesNeeds(_In_ const RULES_MATCH *Match, _In_range_(0, RulesDimensionCount - 1) RULES_DIMENSION Dimension);

// TRUE: the verdict is CMB_ACTION_IGNORE whatever else is found out. FALSE says nothing. It costs little to ask.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN RulesIsIgnored(_In_ const RULES_MATCH *Match);

// RulesKey, RulesImage: paths; RulesValueName: one part, taken whole.
_IRQL_requires_max_(APC_LEVEL)
VOID RulesFind(_In_ const RULES *Rules, _In_range_(0, RulesDimensionCount - 1) RULES_DIMENSION Dimension,
               _In_reads_(PartCount) const RULES_TEXT *Parts, _In_ ULONG PartCount, _Out_ RULES_HITS *Hits);

// Hits are not RULES_HITS_MANY.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RulesNarrowByHits(_Inout_ RULES_MATCH *Match, _In_range_(0, RulesDimensionCount - 1) RULES_DIMENSION Dimension,
                       _In_ const RULES_HITS *Hits);

// A rule stays if either text matches.
_IRQL_requires_max_(APC_LEVEL)
VOID RulesNarrowByTexts(_Inout_ RULES_MATCH *Match, _In_range_(0, RulesDimensionCount - 1) RULES_DIMENSION Dimension,
                        _In_reads_(PartCount) const RULES_TEXT *Parts, _In_ ULONG PartCount,
                        _In_reads_opt_(OtherPartCount) const RULES_TEXT *OtherParts, _In_ ULONG OtherPartCount);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RulesNarrowByNumber(_Inout_ RULES_MATCH *Match, _In_range_(0, RulesDimensionCount - 1) RULES_DIMENSION Dimension,
                         _In_ UINT64 Value);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RulesNarrowByUser(_Inout_ RULES_MATCH *Match, _In_reads_bytes_(Size) const VOID *Sid, _In_ ULONG Size);

// Bit n: the process belongs to the tree of RulesGetTreeProcess(n).
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RulesNarrowByTrees(_Inout_ RULES_MATCH *Match, _In_ UINT32 Trees);

// For a notification that has no such thing: rules with the condition do not match.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RulesNarrowByNothing(_Inout_ RULES_MATCH *Match, _In_range_(0, RulesDimensionCount - 1) RULES_DIMENSION Dimension);

// For a fact that could not be found out: rules with the condition stay, in doubt.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RulesDoubt(_Inout_ RULES_MATCH *Match, _In_range_(0, RulesDimensionCount - 1) RULES_DIMENSION Dimension);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RulesDecide(_In_ const RULES_MATCH *Match, _Out_ RULES_VERDICT *Verdict);

// After a doubtful verdict: of the rules that might decide, one that fails closed, rather one that is no rehearsal and
// needs no question. KernelMode: only what is CMB_RULE_KERNEL_MODE. CMB_RULES_NONE if there is none.
_IRQL_requires_max_(DISPATCH_LEVEL)
UINT32 RulesFindClosed(_In_ const RULES_MATCH *Match, _In_ BOOLEAN KernelMode);

#endif
