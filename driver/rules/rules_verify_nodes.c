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

static BOOLEAN RefuseNode(_Inout_ VERIFY_NODES *Verify, _In_ UINT32 Reason, _In_ const VOID *Member) {
    Verify->Error->Reason = Reason;
    Verify->Error->Offset = (UINT32)((const UCHAR *)Member - (const UCHAR *)Verify->Program->Header);
    return FALSE;
}

static BOOLEAN TestBit(_In_ const UINT64 *Bits, _In_ UINT32 Index) {
    return Bits[Index / 64] >> (Index % 64) & 1;
}

static VOID SetBit(_Inout_ UINT64 *Bits, _In_ UINT32 Index) {
    Bits[Index / 64] |= 1ULL << (Index % 64);
}

// FALSE: something in the range has an owner, or lies beyond Limit.
static BOOLEAN Claim(_Inout_ UINT64 *Bits, _In_ UINT32 First, _In_ UINT32 Count, _In_ UINT32 Limit) {
    if (First > Limit || Count > Limit - First) {
        return FALSE;
    }
    for (UINT32 i = First; i < First + Count; ++i) {
        if (TestBit(Bits, i)) {
            return FALSE;
        }
        SetBit(Bits, i);
    }
    return TRUE;
}

// Depth is what the node must have.
static BOOLEAN VerifyChild(_Inout_ VERIFY_NODES *Verify, _In_ UINT32 Parent, _In_ const UINT32 *Child) {
    const CMB_RULE_NODE *nodes = Verify->Program->Nodes;
    if (*Child >= Verify->Program->Header->NodeCount) {
        return RefuseNode(Verify, CMB_RULES_REASON_BOUNDS, Child);
    }
    if (*Child <= Parent || nodes[*Child].Depth != nodes[Parent].Depth + 1 ||
        !Claim(Verify->Nodes, *Child, 1, Verify->Program->Header->NodeCount)) {
        return RefuseNode(Verify, CMB_RULES_REASON_NODE, Child);
    }
    // Parents come first, so that this is known of the parent already.
    if (TestBit(Verify->Below, Parent) || (nodes[Parent].Flags & CMB_RULE_NODE_DEEP)) {
        SetBit(Verify->Below, *Child);
    }
    return TRUE;
}

// Where the units of an edge or a text are, which are UnitFirst and UnitCount.
static BOOLEAN VerifyText(_Inout_ VERIFY_NODES *Verify, _In_ const UINT32 *First, _In_ const UINT32 *Count) {
    const UINT32 limit = Verify->Program->Header->UnitCount;
    if (*First > limit || *Count > limit - *First) {
        return RefuseNode(Verify, CMB_RULES_REASON_BOUNDS, First);
    }
    Verify->Units += *Count;
    if (*Count > CMB_MAX_RULES_TEXT_UNITS || Verify->Units > CMB_MAX_RULES_UNITS) {
        return RefuseNode(Verify, CMB_RULES_REASON_COUNT, Count);
    }
    return TRUE;
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

static BOOLEAN VerifyEdges(_Inout_ VERIFY_NODES *Verify, _In_ UINT32 Index) {
    const CMB_RULE_NODE *node = &Verify->Program->Nodes[Index];
    if (node->EdgeCount & (node->EdgeCount - 1)) {
        return RefuseNode(Verify, CMB_RULES_REASON_EDGE, &node->EdgeCount);
    }
    if (!Claim(Verify->Edges, node->EdgeFirst, node->EdgeCount, Verify->Program->Header->EdgeCount)) {
        const BOOLEAN outside = node->EdgeFirst > Verify->Program->Header->EdgeCount ||
                                node->EdgeCount > Verify->Program->Header->EdgeCount - node->EdgeFirst;
        return RefuseNode(Verify, outside ? CMB_RULES_REASON_BOUNDS : CMB_RULES_REASON_EDGE, &node->EdgeFirst);
    }
    const CMB_RULE_EDGE *table = Verify->Program->Edges + node->EdgeFirst;
    UINT32 used = 0;
    // Texts first: IsReachable compares them.
    for (UINT32 i = 0; i < node->EdgeCount; ++i) {
        const CMB_RULE_EDGE *edge = &table[i];
        if (edge->Child == CMB_RULES_NONE) {
            if (edge->Hash != 0 || edge->UnitFirst != 0 || edge->UnitCount != 0) {
                return RefuseNode(Verify, CMB_RULES_REASON_EDGE, edge);
            }
            continue;
        }
        ++used;
        if (!VerifyText(Verify, &edge->UnitFirst, &edge->UnitCount) || !VerifyChild(Verify, Index, &edge->Child)) {
            return FALSE;
        }
        if (edge->Hash != HashText(Verify->Program->Units + edge->UnitFirst, edge->UnitCount)) {
            return RefuseNode(Verify, CMB_RULES_REASON_EDGE, &edge->Hash);
        }
    }
    if (node->EdgeCount > 0 && used == node->EdgeCount) {
        return RefuseNode(Verify, CMB_RULES_REASON_EDGE, &node->EdgeCount);
    }
    for (UINT32 i = 0; i < node->EdgeCount; ++i) {
        if (table[i].Child != CMB_RULES_NONE && !IsReachable(Verify, table, node->EdgeCount - 1, i)) {
            return RefuseNode(Verify, CMB_RULES_REASON_EDGE, &table[i]);
        }
    }
    return TRUE;
}

static BOOLEAN VerifyGlob(_Inout_ VERIFY_NODES *Verify, _In_ UINT32 Parent, _In_ const CMB_RULE_GLOB *Glob) {
    const UINT32 anchors = CMB_RULE_GLOB_START | CMB_RULE_GLOB_END;
    if (Glob->Flags & ~anchors || (Glob->TextCount == 1 && Glob->Flags == anchors)) {
        return RefuseNode(Verify, CMB_RULES_REASON_GLOB, &Glob->Flags);
    }
    if (Glob->TextCount == 0) {
        return RefuseNode(Verify, CMB_RULES_REASON_GLOB, &Glob->TextCount);
    }
    if (Glob->TextFirst > Verify->Program->Header->TextCount ||
        Glob->TextCount > Verify->Program->Header->TextCount - Glob->TextFirst) {
        return RefuseNode(Verify, CMB_RULES_REASON_BOUNDS, &Glob->TextFirst);
    }
    if (!Claim(Verify->Texts, Glob->TextFirst, Glob->TextCount, Verify->Program->Header->TextCount)) {
        return RefuseNode(Verify, CMB_RULES_REASON_GLOB, &Glob->TextFirst);
    }
    for (UINT32 i = 0; i < Glob->TextCount; ++i) {
        const CMB_RULE_TEXT *text = &Verify->Program->Texts[Glob->TextFirst + i];
        if (text->UnitCount == 0) {
            return RefuseNode(Verify, CMB_RULES_REASON_GLOB, &text->UnitCount);
        }
        if (!VerifyText(Verify, &text->UnitFirst, &text->UnitCount)) {
            return FALSE;
        }
        Verify->Counts->TextUnits += text->UnitCount;
    }
    return VerifyChild(Verify, Parent, &Glob->Child);
}

static BOOLEAN VerifyGlobs(_Inout_ VERIFY_NODES *Verify, _In_ UINT32 Index) {
    const CMB_RULE_NODE *node = &Verify->Program->Nodes[Index];
    const UINT32 limit = Verify->Program->Header->GlobCount;
    if (node->GlobFirst > limit || node->GlobCount > limit - node->GlobFirst) {
        return RefuseNode(Verify, CMB_RULES_REASON_BOUNDS, &node->GlobFirst);
    }
    if (!Claim(Verify->Globs, node->GlobFirst, node->GlobCount, limit)) {
        return RefuseNode(Verify, CMB_RULES_REASON_GLOB, &node->GlobFirst);
    }
    for (UINT32 i = 0; i < node->GlobCount; ++i) {
        if (!VerifyGlob(Verify, Index, &Verify->Program->Globs[node->GlobFirst + i])) {
            return FALSE;
        }
    }
    return TRUE;
}

static BOOLEAN VerifyNodeSet(_Inout_ VERIFY_NODES *Verify, _In_ const UINT32 *Set) {
    return *Set == CMB_RULES_NONE || *Set < Verify->Program->Header->SetCount ||
           RefuseNode(Verify, CMB_RULES_REASON_BOUNDS, Set);
}

static BOOLEAN VerifyNode(_Inout_ VERIFY_NODES *Verify, _In_ UINT32 Index) {
    const CMB_RULE_NODE *nodes = Verify->Program->Nodes;
    const CMB_RULE_NODE *node = &nodes[Index];
    // Parents and roots come first, so whoever has none now never gets one.
    if (!TestBit(Verify->Nodes, Index)) {
        return RefuseNode(Verify, CMB_RULES_REASON_NODE, node);
    }
    if (node->Depth > CMB_MAX_RULES_DEPTH) {
        return RefuseNode(Verify, CMB_RULES_REASON_NODE, &node->Depth);
    }
    if (node->Flags & ~(UINT32)CMB_RULE_NODE_DEEP) {
        return RefuseNode(Verify, CMB_RULES_REASON_RESERVED, &node->Flags);
    }
    if ((node->Flags & CMB_RULE_NODE_DEEP) && TestBit(Verify->Below, Index) &&
        ++Verify->Counts->Nested > CMB_MAX_RULES_NESTED) {
        return RefuseNode(Verify, CMB_RULES_REASON_COUNT, &node->Flags);
    }
    if (!VerifyNodeSet(Verify, &node->EndSet) || !VerifyNodeSet(Verify, &node->BelowSet) ||
        !VerifyEdges(Verify, Index) || !VerifyGlobs(Verify, Index)) {
        return FALSE;
    }
    if (node->AnyChild != CMB_RULES_NONE && !VerifyChild(Verify, Index, &node->AnyChild)) {
        return FALSE;
    }
    if (node->DeepChild != CMB_RULES_NONE) {
        if (!VerifyChild(Verify, Index, &node->DeepChild)) {
            return FALSE;
        }
        if (!(nodes[node->DeepChild].Flags & CMB_RULE_NODE_DEEP)) {
            return RefuseNode(Verify, CMB_RULES_REASON_NODE, &node->DeepChild);
        }
    }
    return TRUE;
}

static BOOLEAN VerifyRoots(_Inout_ VERIFY_NODES *Verify) {
    const CMB_RULES *header = Verify->Program->Header;
    for (ULONG dimension = 0; dimension < RulesDimensionCount; ++dimension) {
        const UINT32 *root = &RulesGetDimension(header, dimension)->Root;
        if (*root == CMB_RULES_NONE) {
            continue;
        }
        if (Verify->Program->Nodes[*root].Depth != 1 || !Claim(Verify->Nodes, *root, 1, header->NodeCount)) {
            return RefuseNode(Verify, CMB_RULES_REASON_NODE, root);
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
