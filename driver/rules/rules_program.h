// SPDX-License-Identifier: MIT
//
// A rule program as the files rules*.c see it.

#ifndef CMBRIDGE_RULES_PROGRAM_H
#define CMBRIDGE_RULES_PROGRAM_H

#include "rules/rules.h"

// The sections of a program whose bounds were checked.
typedef struct RULES_PROGRAM {
    const CMB_RULES *Header;
    const CMB_RULE *Rules;
    const CMB_RULE_NODE *Nodes;
    const CMB_RULE_TEXT *Texts;
    const CMB_RULE_SET *Sets;
    const UINT64 *Words;
    const CMB_RULE_MEMBER *Members;
    const WCHAR *Units;
    const UCHAR *Bytes;
} RULES_PROGRAM;

// What is computed about the texts of a node so that matching is fast.
typedef struct RULES_NODE {
    // RulesUnitBit of the units of all texts.
    UINT64 Mask;
    // Of all texts together.
    UINT32 Units;
    // Of the last text, RulesHashUnit.
    UINT32 Hash;
} RULES_NODE;

#define RULES_LAST_BITS 1024

typedef struct RULES_INDEX {
    // One for each node.
    RULES_NODE *Nodes;
    // For each unit, the length of the longest proper prefix of its text that ends with it (Knuth, Morris and Pratt).
    UINT16 *Borders;
    // CMB_RULE_NODE.Nested goes up to here.
    UINT32 NestedCount;
    // Each pattern of a key ends with the name of a key, whose hash, modulo RULES_LAST_BITS, is a bit of Last.
    BOOLEAN EndsKnown;
    UINT64 Last[RULES_LAST_BITS / 64];
    // Bit n: class n is ignored where no pattern of a key matches.
    UINT64 Unmatched;
} RULES_INDEX;

C_ASSERT(CMB_MAX_RULES_TEXT_UNITS <= MAXUSHORT);

struct RULES {
    UINT64 Serial;
    RULES_PROGRAM Program;
    RULES_INDEX Index;
    // Bit n: some rule has a condition in dimension n.
    UINT32 Used;
    // The rules whose action is not CMB_ACTION_IGNORE.
    UINT64 Wanted[RULES_WORDS];
    // The program's own copy lies behind the structure, arrays of the index in a block of their own.
    VOID *IndexBlock;
};

C_ASSERT(FIELD_OFFSET(CMB_RULES, Tree) - FIELD_OFFSET(CMB_RULES, Key) == RulesTree * sizeof(CMB_RULE_DIMENSION));

static inline const CMB_RULE_DIMENSION *RulesGetDimension(_In_ const CMB_RULES *Header,
                                                          _In_range_(0, RulesDimensionCount - 1) ULONG Dimension) {
    const UCHAR *first = (const UCHAR *)Header + FIELD_OFFSET(CMB_RULES, Key);
    return (const CMB_RULE_DIMENSION *)(const VOID *)(first + Dimension * sizeof(CMB_RULE_DIMENSION));
}

static inline BOOLEAN RulesIsTextDimension(_In_ ULONG Dimension) {
    return Dimension == RulesKey || Dimension == RulesValueName || Dimension == RulesImage;
}

// Whether Count entries from First on are among Limit entries.
static inline BOOLEAN RulesIsRange(_In_ UINT32 First, _In_ UINT32 Count, _In_ UINT32 Limit) {
    return First <= Limit && Count <= Limit - First;
}

#define RULES_HASH_BASIS 0x811C9DC5
static inline UINT32 RulesHashUnit(_In_ UINT32 Hash, _In_ WCHAR Unit) {
    return (Hash ^ Unit) * 0x01000193;
}

// A text in which a bit is missing cannot hold a text that has it.
static inline UINT64 RulesUnitBit(_In_ WCHAR Unit) {
    return 1ULL << (Unit & 63);
}

static inline ULONG RulesCountBits(_In_ UINT64 Word) {
    Word -= Word >> 1 & 0x5555555555555555;
    Word = (Word & 0x3333333333333333) + (Word >> 2 & 0x3333333333333333);
    Word = (Word + (Word >> 4)) & 0x0F0F0F0F0F0F0F0F;
    return (ULONG)(Word * 0x0101010101010101 >> 56);
}

// Of a word that is not 0.
static inline ULONG RulesLowestBit(_In_ UINT64 Word) {
    ULONG bit = 0;
    BitScanForward64(&bit, Word);
    return bit;
}

// Returns Condition. If it is FALSE, says what is wrong with Member.
static inline BOOLEAN RulesRequire(_In_ const RULES *Rules, _Inout_ RULES_ERROR *Error, _In_ BOOLEAN Condition,
                                   _In_ UINT32 Reason, _In_ const VOID *Member) {
    if (!Condition) {
        Error->Reason = Reason;
        Error->Offset = (UINT32)((const UCHAR *)Member - (const UCHAR *)Rules->Program.Header);
    }
    return Condition;
}

// rules_verify.c: checks everything but nodes, and finds the sections.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
BOOLEAN RulesVerify(_Inout_ RULES *Rules, _In_reads_bytes_(Size) const VOID *Bytes, _In_ ULONG Size,
                    _Out_ RULES_ERROR *Error);

// rules_verify_nodes.c: checks nodes and texts of a program that RulesVerify accepted, and makes the index of them.
// STATUS_BAD_DATA with Error, or STATUS_INSUFFICIENT_RESOURCES.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS RulesVerifyNodes(_Inout_ RULES *Rules, _Out_ RULES_ERROR *Error);

// rules_verify_costs.c: checks how much a text can meet, which is CMB_MAX_RULES_WORK at most. STATUS_BAD_DATA with
// Error, or STATUS_INSUFFICIENT_RESOURCES.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS RulesVerifyCosts(_In_ const RULES *Rules, _Out_ RULES_ERROR *Error);

// rules_index.c: allocates the arrays of the index.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS RulesAllocateIndex(_Inout_ RULES *Rules);

// rules_index.c: puts a verified text of a node into the index.
_IRQL_requires_max_(APC_LEVEL)
VOID RulesIndexText(_Inout_ RULES *Rules, _In_ UINT32 Node, _In_ const CMB_RULE_TEXT *Text);

// rules_index.c: makes the rest of the index of a verified program. KeyEnd is the end of the nodes of keys.
_IRQL_requires_max_(APC_LEVEL)
VOID RulesFinishIndex(_Inout_ RULES *Rules, _In_ UINT32 KeyEnd);

// rules_match.c: calls Add for each set that the text finds in the dimension, which may be more than once for a set.
typedef VOID RULES_ADD_SET(_Inout_ VOID *Context, _In_ UINT32 Set);

_IRQL_requires_max_(APC_LEVEL)
VOID RulesWalk(_In_ const RULES *Rules, _In_ ULONG Dimension, _In_reads_(PartCount) const RULES_TEXT *Parts,
               _In_ ULONG PartCount, _In_ RULES_ADD_SET *Add, _Inout_ VOID *Context);

#endif
