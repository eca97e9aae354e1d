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
    const UINT32 *ClassSets;
    const CMB_RULE_NODE *Nodes;
    const CMB_RULE_EDGE *Edges;
    const CMB_RULE_GLOB *Globs;
    const CMB_RULE_TEXT *Texts;
    const CMB_RULE_SET *Sets;
    const UINT64 *Words;
    const CMB_RULE_MEMBER *Members;
    const WCHAR *Units;
    const UCHAR *Bytes;
} RULES_PROGRAM;

// What is computed about the program so that matching is fast.
typedef struct RULES_GLOB {
    // RulesUnitBit of the units of all its texts.
    UINT64 Mask;
    // Of all its texts together.
    UINT32 Units;
    UINT32 Reserved;
} RULES_GLOB;

#define RULES_LAST_BITS 1024

typedef struct RULES_INDEX {
    RULES_GLOB *Globs;
    // For each text, where its borders begin: for each of its units the length of the longest proper prefix that ends
    // with it (Knuth, Morris and Pratt).
    UINT32 *BorderFirst;
    UINT16 *Borders;
    // For each node that is CMB_RULE_NODE_DEEP below another such node, its number; without meaning for other nodes
    // below one, RULES_NOT_NESTED for the rest.
    UINT16 *Nested;
    UINT32 NestedCount;
    // Each pattern of a key ends with the name of a key, whose hash, modulo RULES_LAST_BITS, is a bit of Last.
    BOOLEAN EndsKnown;
    UINT64 Last[RULES_LAST_BITS / 64];
    // Bit n: class n is ignored where no pattern of a key matches.
    UINT64 Unmatched;
} RULES_INDEX;

#define RULES_NOT_NESTED 0xFFFF
C_ASSERT(CMB_MAX_RULES_NESTED < RULES_NOT_NESTED);
C_ASSERT(CMB_MAX_RULES_TEXT_UNITS <= MAXUSHORT);

struct RULES {
    volatile LONG References;
    UINT64 Serial;
    RULES_PROGRAM Program;
    RULES_INDEX Index;
    // Bit n: some rule has a condition in dimension n.
    UINT32 Used;
    // The rules whose action is not CMB_ACTION_IGNORE.
    UINT64 Wanted[RULES_WORDS];
    // The program's own copy and the index lie behind the structure, and in a block of their own.
    VOID *IndexBlock;
};

typedef struct RULES_COUNTS {
    // Units of all texts.
    UINT32 TextUnits;
    UINT32 Nested;
} RULES_COUNTS;

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

// rules_verify.c: checks everything but nodes, and finds the sections.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
BOOLEAN RulesVerify(_Out_ RULES_PROGRAM *Program, _In_reads_bytes_(Size) const VOID *Bytes, _In_ ULONG Size,
                    _Out_ RULES_ERROR *Error);

// rules_verify_nodes.c: checks nodes, edges, globs and texts of a program that RulesVerify accepted. STATUS_BAD_DATA
// with Error, or STATUS_INSUFFICIENT_RESOURCES.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS RulesVerifyNodes(_In_ const RULES_PROGRAM *Program, _Out_ RULES_COUNTS *Counts, _Out_ RULES_ERROR *Error);

// Of a node; one more than CMB_MAX_RULES_WORK stands for all that is beyond it.
typedef struct RULES_COST {
    UINT32 Work;
    UINT32 Globs;
    UINT32 All;
    UINT32 Deep;
} RULES_COST;

// rules_verify_costs.c: Costs, one for each node, are zeroes. Nodes are verified but for this.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
BOOLEAN RulesVerifyCosts(_In_ const RULES_PROGRAM *Program, _Inout_ RULES_COST *Costs, _Out_ RULES_ERROR *Error);

// rules_index.c: makes the index of a verified program.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS RulesBuildIndex(_Inout_ RULES *Rules, _In_ const RULES_COUNTS *Counts);

// rules_match.c: calls Add for each set that the text finds in the dimension, which may be more than once for a set.
typedef VOID RULES_ADD_SET(_Inout_ VOID *Context, _In_ UINT32 Set);

_IRQL_requires_max_(APC_LEVEL)
VOID RulesWalk(_In_ const RULES *Rules, _In_ ULONG Dimension, _In_reads_(PartCount) const RULES_TEXT *Parts,
               _In_ ULONG PartCount, _In_ RULES_ADD_SET *Add, _Inout_ VOID *Context);

#endif
