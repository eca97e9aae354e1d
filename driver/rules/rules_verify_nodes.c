// SPDX-License-Identifier: MIT
//
// The nodes of a rule program: that they are trees of bounded depth, and that every literal can be found. Linear in the
// size of the program, too, since nothing belongs to two nodes or globs.

#include "rules/rules_program.h"

#include "base/memory.h"

typedef struct VERIFY_NODES {
    const RULES_PROGRAM *Program;
    RULES_ERROR *Error;
    RULES_COUNTS *Counts;
    // Bits: what has an owner already.
    UINT64 *Nodes;
    UINT64 *Edges;
    UINT64 *Globs;
    UINT64 *Texts;
    // Bits: nodes below one that is CMB_RULE_NODE_DEEP.
    UINT64 *Below;
    RULES_COST *Costs;
    // Units of all edges and texts so far.
    UINT64 Units;
} VERIFY_NODES;

// Returns Condition. If it is FALSE, says what is wrong with Member.
static BOOLEAN Require(_Inout_ VERIFY_NODES *Verify, _In_ BOOLEAN Condition, _In_ UINT32 Reason,
                       _In_ const VOID *Member) {
    if (!Condition) {
        Verify->Error->Reason = Reason;
        Verify->Error->Offset = (UINT32)((const UCHAR *)Member - (const UCHAR *)Verify->Program->Header);
    }
    return Condition;
}

static BOOLEAN TestBit(_In_ const UINT64 *Bits, _In_ UINT32 Index) {
    return Bits[Index / 64] >> (Index % 64) & 1;
}

static VOID SetBit(_Inout_ UINT64 *Bits, _In_ UINT32 Index) {
    Bits[Index / 64] |= 1ULL << (Index % 64);
}

// FALSE if the range lies beyond Limit, or, for Reason, something in it has an owner.
static BOOLEAN Claim(_Inout_ VERIFY_NODES *Verify, _Inout_ UINT64 *Bits, _In_ const UINT32 *First, _In_ UINT32 Count,
                     _In_ UINT32 Limit, _In_ UINT32 Reason) {
    if (!Require(Verify, RulesIsRange(*First, Count, Limit), CMB_RULES_REASON_BOUNDS, First)) {
        return FALSE;
    }
    for (UINT32 i = *First; i < *First + Count; ++i) {
        if (!Require(Verify, !TestBit(Bits, i), Reason, First)) {
            return FALSE;
        }
        SetBit(Bits, i);
    }
    return TRUE;
}

// Depth is what the node must have.
static BOOLEAN VerifyChild(_Inout_ VERIFY_NODES *Verify, _In_ UINT32 Parent, _In_ const UINT32 *Child) {
    const CMB_RULE_NODE *nodes = Verify->Program->Nodes;
    const UINT32 count = Verify->Program->Header->NodeCount;
    if (!Require(Verify, *Child < count, CMB_RULES_REASON_BOUNDS, Child) ||
        !Require(Verify, *Child > Parent && nodes[*Child].Depth == nodes[Parent].Depth + 1, CMB_RULES_REASON_NODE,
                 Child) ||
        !Claim(Verify, Verify->Nodes, Child, 1, count, CMB_RULES_REASON_NODE)) {
        return FALSE;
    }
    // Parents come first, so that this is known of the parent already.
    if (TestBit(Verify->Below, Parent) || (nodes[Parent].Flags & CMB_RULE_NODE_DEEP)) {
        SetBit(Verify->Below, *Child);
    }
    return TRUE;
}

// Where the units of an edge or a text are, which are UnitFirst and UnitCount.
static BOOLEAN VerifyText(_Inout_ VERIFY_NODES *Verify, _In_ const UINT32 *First, _In_ const UINT32 *Count) {
    if (!Require(Verify, RulesIsRange(*First, *Count, Verify->Program->Header->UnitCount), CMB_RULES_REASON_BOUNDS,
                 First)) {
        return FALSE;
    }
    Verify->Units += *Count;
    return Require(Verify, *Count <= CMB_MAX_RULES_TEXT_UNITS && Verify->Units <= CMB_MAX_RULES_UNITS,
                   CMB_RULES_REASON_COUNT, Count);
}

static BOOLEAN EqualTexts(_In_ const WCHAR *Units, _In_ const CMB_RULE_EDGE *First, _In_ const CMB_RULE_EDGE *Second) {
    if (First->UnitCount != Second->UnitCount) {
        return FALSE;
    }
    for (UINT32 i = 0; i < First->UnitCount; ++i) {
        if (Units[First->UnitFirst + i] != Units[Second->UnitFirst + i]) {
            return FALSE;
        }
    }
    return TRUE;
}

// Whether a search for the entry at Place comes there: no empty entry, no equal one and no third one of the same hash
// before it.
static BOOLEAN IsReachable(_In_ const VERIFY_NODES *Verify, _In_ const CMB_RULE_EDGE *Table, _In_ UINT32 Mask,
                           _In_ UINT32 Place) {
    const CMB_RULE_EDGE *entry = &Table[Place];
    const UINT32 distance = (Place - entry->Hash) & Mask;
    ULONG twins = 0;
    if (distance >= CMB_MAX_RULES_PROBES) {
        return FALSE;
    }
    for (UINT32 i = 0; i < distance; ++i) {
        const CMB_RULE_EDGE *other = &Table[(entry->Hash + i) & Mask];
        if (other->Child == CMB_RULES_NONE) {
            return FALSE;
        }
        if (other->Hash == entry->Hash && (twins++ > 0 || EqualTexts(Verify->Program->Units, other, entry))) {
            return FALSE;
        }
    }
    return TRUE;
}

static UINT32 HashText(_In_ const WCHAR *Units, _In_ UINT32 Count) {
    UINT32 hash = RULES_HASH_BASIS;
    for (UINT32 i = 0; i < Count; ++i) {
        hash = RulesHashUnit(hash, Units[i]);
    }
    return hash;
}

static BOOLEAN VerifyEdge(_Inout_ VERIFY_NODES *Verify, _In_ UINT32 Parent, _In_ const CMB_RULE_EDGE *Edge) {
    if (Edge->Child == CMB_RULES_NONE) {
        return Require(Verify, Edge->Hash == 0 && Edge->UnitFirst == 0 && Edge->UnitCount == 0, CMB_RULES_REASON_EDGE,
                       Edge);
    }
    return VerifyText(Verify, &Edge->UnitFirst, &Edge->UnitCount) && VerifyChild(Verify, Parent, &Edge->Child) &&
           Require(Verify, Edge->Hash == HashText(Verify->Program->Units + Edge->UnitFirst, Edge->UnitCount),
                   CMB_RULES_REASON_EDGE, &Edge->Hash);
}

static BOOLEAN VerifyEdges(_Inout_ VERIFY_NODES *Verify, _In_ UINT32 Index) {
    const CMB_RULE_NODE *node = &Verify->Program->Nodes[Index];
    if (!Require(Verify, (node->EdgeCount & (node->EdgeCount - 1)) == 0, CMB_RULES_REASON_EDGE, &node->EdgeCount) ||
        !Claim(Verify, Verify->Edges, &node->EdgeFirst, node->EdgeCount, Verify->Program->Header->EdgeCount,
               CMB_RULES_REASON_EDGE)) {
        return FALSE;
    }
    const CMB_RULE_EDGE *table = Verify->Program->Edges + node->EdgeFirst;
    UINT32 used = 0;
    // Texts first: IsReachable compares them.
    for (UINT32 i = 0; i < node->EdgeCount; ++i) {
        used += table[i].Child != CMB_RULES_NONE;
        if (!VerifyEdge(Verify, Index, &table[i])) {
            return FALSE;
        }
    }
    if (!Require(Verify, node->EdgeCount == 0 || used < node->EdgeCount, CMB_RULES_REASON_EDGE, &node->EdgeCount)) {
        return FALSE;
    }
    for (UINT32 i = 0; i < node->EdgeCount; ++i) {
        if (!Require(Verify, table[i].Child == CMB_RULES_NONE || IsReachable(Verify, table, node->EdgeCount - 1, i),
                     CMB_RULES_REASON_EDGE, &table[i])) {
            return FALSE;
        }
    }
    return TRUE;
}

static BOOLEAN VerifyGlob(_Inout_ VERIFY_NODES *Verify, _In_ UINT32 Parent, _In_ const CMB_RULE_GLOB *Glob) {
    const UINT32 anchors = CMB_RULE_GLOB_START | CMB_RULE_GLOB_END;
    const BOOLEAN flags = (Glob->Flags & ~anchors) == 0 && (Glob->TextCount != 1 || Glob->Flags != anchors);
    if (!Require(Verify, flags, CMB_RULES_REASON_GLOB, &Glob->Flags) ||
        !Require(Verify, Glob->TextCount > 0, CMB_RULES_REASON_GLOB, &Glob->TextCount) ||
        !Claim(Verify, Verify->Texts, &Glob->TextFirst, Glob->TextCount, Verify->Program->Header->TextCount,
               CMB_RULES_REASON_GLOB)) {
        return FALSE;
    }
    for (UINT32 i = 0; i < Glob->TextCount; ++i) {
        const CMB_RULE_TEXT *text = &Verify->Program->Texts[Glob->TextFirst + i];
        if (!Require(Verify, text->UnitCount > 0, CMB_RULES_REASON_GLOB, &text->UnitCount) ||
            !VerifyText(Verify, &text->UnitFirst, &text->UnitCount)) {
            return FALSE;
        }
        Verify->Counts->TextUnits += text->UnitCount;
    }
    return VerifyChild(Verify, Parent, &Glob->Child);
}

static BOOLEAN VerifyGlobs(_Inout_ VERIFY_NODES *Verify, _In_ UINT32 Index) {
    const CMB_RULE_NODE *node = &Verify->Program->Nodes[Index];
    if (!Claim(Verify, Verify->Globs, &node->GlobFirst, node->GlobCount, Verify->Program->Header->GlobCount,
               CMB_RULES_REASON_GLOB)) {
        return FALSE;
    }
    for (UINT32 i = 0; i < node->GlobCount; ++i) {
        if (!VerifyGlob(Verify, Index, &Verify->Program->Globs[node->GlobFirst + i])) {
            return FALSE;
        }
    }
    return TRUE;
}

static BOOLEAN VerifyNodeSet(_Inout_ VERIFY_NODES *Verify, _In_ const UINT32 *Set) {
    return Require(Verify, *Set == CMB_RULES_NONE || *Set < Verify->Program->Header->SetCount, CMB_RULES_REASON_BOUNDS,
                   Set);
}

static BOOLEAN VerifyNode(_Inout_ VERIFY_NODES *Verify, _In_ UINT32 Index) {
    const CMB_RULE_NODE *nodes = Verify->Program->Nodes;
    const CMB_RULE_NODE *node = &nodes[Index];
    // Parents and roots come first, so whoever has none now never gets one.
    if (!Require(Verify, TestBit(Verify->Nodes, Index), CMB_RULES_REASON_NODE, node) ||
        !Require(Verify, node->Depth <= CMB_MAX_RULES_DEPTH, CMB_RULES_REASON_NODE, &node->Depth) ||
        !Require(Verify, (node->Flags & ~(UINT32)CMB_RULE_NODE_DEEP) == 0, CMB_RULES_REASON_RESERVED, &node->Flags)) {
        return FALSE;
    }
    Verify->Counts->Nested += (node->Flags & CMB_RULE_NODE_DEEP) && TestBit(Verify->Below, Index);
    return Require(Verify, Verify->Counts->Nested <= CMB_MAX_RULES_NESTED, CMB_RULES_REASON_COUNT, &node->Flags) &&
           VerifyNodeSet(Verify, &node->EndSet) && VerifyNodeSet(Verify, &node->BelowSet) &&
           VerifyEdges(Verify, Index) && VerifyGlobs(Verify, Index) &&
           (node->AnyChild == CMB_RULES_NONE || VerifyChild(Verify, Index, &node->AnyChild)) &&
           (node->DeepChild == CMB_RULES_NONE ||
            (VerifyChild(Verify, Index, &node->DeepChild) &&
             Require(Verify, (nodes[node->DeepChild].Flags & CMB_RULE_NODE_DEEP) != 0, CMB_RULES_REASON_NODE,
                     &node->DeepChild)));
}

static BOOLEAN VerifyRoots(_Inout_ VERIFY_NODES *Verify) {
    const CMB_RULES *header = Verify->Program->Header;
    for (ULONG dimension = 0; dimension < RulesDimensionCount; ++dimension) {
        const UINT32 *root = &RulesGetDimension(header, dimension)->Root;
        if (*root == CMB_RULES_NONE) {
            continue;
        }
        if (!Require(Verify, Verify->Program->Nodes[*root].Depth == 1, CMB_RULES_REASON_NODE, root) ||
            !Claim(Verify, Verify->Nodes, root, 1, header->NodeCount, CMB_RULES_REASON_NODE)) {
            return FALSE;
        }
    }
    return TRUE;
}

static BOOLEAN VerifyAll(_Inout_ VERIFY_NODES *Verify) {
    if (!VerifyRoots(Verify)) {
        return FALSE;
    }
    for (UINT32 i = 0; i < Verify->Program->Header->NodeCount; ++i) {
        if (!VerifyNode(Verify, i)) {
            return FALSE;
        }
    }
    return RulesVerifyCosts(Verify->Program, Verify->Costs, Verify->Error);
}

_Use_decl_annotations_
NTSTATUS RulesVerifyNodes(const RULES_PROGRAM *Program, RULES_COUNTS *Counts, RULES_ERROR *Error) {
    const CMB_RULES *header = Program->Header;
    VERIFY_NODES verify = {.Program = Program, .Error = Error, .Counts = Counts};
    Counts->TextUnits = 0;
    Counts->Nested = 0;
    const SIZE_T nodes = (SIZE_T)header->NodeCount / 64 + 1;
    const SIZE_T edges = (SIZE_T)header->EdgeCount / 64 + 1;
    const SIZE_T globs = (SIZE_T)header->GlobCount / 64 + 1;
    const SIZE_T texts = (SIZE_T)header->TextCount / 64 + 1;
    const SIZE_T bits = nodes * 2 + edges + globs + texts;
    UINT64 *block = MemoryAllocate(bits * sizeof(UINT64) + header->NodeCount * sizeof(RULES_COST));
    if (!block) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    verify.Nodes = block;
    verify.Below = verify.Nodes + nodes;
    verify.Edges = verify.Below + nodes;
    verify.Globs = verify.Edges + edges;
    verify.Texts = verify.Globs + globs;
    verify.Costs = (RULES_COST *)(verify.Texts + texts);
    const BOOLEAN verified = VerifyAll(&verify);
    MemoryFree(block);
    return verified ? STATUS_SUCCESS : STATUS_BAD_DATA;
}
