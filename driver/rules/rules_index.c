// SPDX-License-Identifier: MIT
//
// What matching wants to know about a verified program and would otherwise find out each time anew.

#include "rules/rules_program.h"

#include "base/memory.h"

static VOID FindBorders(_In_reads_(Count) const WCHAR *Units, _In_ UINT32 Count, _Out_writes_(Count) UINT16 *Borders) {
    UINT32 border = 0;
    Borders[0] = 0;
    for (UINT32 i = 1; i < Count; ++i) {
        while (border > 0 && Units[i] != Units[border]) {
            border = Borders[border - 1];
        }
        border += Units[i] == Units[border];
        Borders[i] = (UINT16)border;
    }
}

// Returns where the borders of the next glob begin.
static UINT32 IndexGlob(_Inout_ RULES *Rules, _In_ UINT32 Number, _In_ UINT32 FirstBorder) {
    const CMB_RULE_GLOB *glob = &Rules->Program.Globs[Number];
    RULES_GLOB *facts = &Rules->Index.Globs[Number];
    for (UINT32 i = glob->TextFirst; i < glob->TextFirst + glob->TextCount; ++i) {
        const CMB_RULE_TEXT *text = &Rules->Program.Texts[i];
        const WCHAR *units = Rules->Program.Units + text->UnitFirst;
        for (UINT32 unit = 0; unit < text->UnitCount; ++unit) {
            facts->Mask |= RulesUnitBit(units[unit]);
        }
        facts->Units += text->UnitCount;
        FindBorders(units, text->UnitCount, Rules->Index.Borders + FirstBorder);
        Rules->Index.BorderFirst[i] = FirstBorder;
        FirstBorder += text->UnitCount;
    }
    return FirstBorder;
}

// Until its turn comes, Nested of a node says whether it is below a node that stays: parents come first.
static VOID PassDown(_Inout_ RULES *Rules, _In_ UINT32 Child) {
    if (Child != CMB_RULES_NONE) {
        Rules->Index.Nested[Child] = 0;
    }
}

static VOID IndexBelow(_Inout_ RULES *Rules, _In_ const CMB_RULE_NODE *Node) {
    for (UINT32 i = 0; i < Node->EdgeCount; ++i) {
        PassDown(Rules, Rules->Program.Edges[Node->EdgeFirst + i].Child);
    }
    for (UINT32 i = 0; i < Node->GlobCount; ++i) {
        PassDown(Rules, Rules->Program.Globs[Node->GlobFirst + i].Child);
    }
    PassDown(Rules, Node->AnyChild);
    PassDown(Rules, Node->DeepChild);
}

// Until IndexNodes comes, Nested of a node says whether a key's pattern leads to it. FALSE if a pattern may end there
// with whatever name.
static BOOLEAN PassToChild(_Inout_ RULES *Rules, _In_ UINT32 Child, _In_ BOOLEAN ByName) {
    if (Child == CMB_RULES_NONE) {
        return TRUE;
    }
    Rules->Index.Nested[Child] = TRUE;
    const CMB_RULE_NODE *node = &Rules->Program.Nodes[Child];
    return node->BelowSet == CMB_RULES_NONE && (node->EndSet == CMB_RULES_NONE || ByName);
}

static BOOLEAN IndexEndsOf(_Inout_ RULES *Rules, _In_ const CMB_RULE_NODE *Node) {
    BOOLEAN known = PassToChild(Rules, Node->AnyChild, FALSE) && PassToChild(Rules, Node->DeepChild, FALSE);
    for (UINT32 i = 0; known && i < Node->GlobCount; ++i) {
        known = PassToChild(Rules, Rules->Program.Globs[Node->GlobFirst + i].Child, FALSE);
    }
    for (UINT32 i = 0; known && i < Node->EdgeCount; ++i) {
        const CMB_RULE_EDGE *edge = &Rules->Program.Edges[Node->EdgeFirst + i];
        known = PassToChild(Rules, edge->Child, TRUE);
        if (edge->Child != CMB_RULES_NONE && Rules->Program.Nodes[edge->Child].EndSet != CMB_RULES_NONE) {
            Rules->Index.Last[edge->Hash % RULES_LAST_BITS / 64] |= 1ULL << edge->Hash % 64;
        }
    }
    return known;
}

// Parents come first.
static VOID IndexEnds(_Inout_ RULES *Rules) {
    const CMB_RULES *header = Rules->Program.Header;
    const UINT32 root = RulesGetDimension(header, RulesKey)->Root;
    Rules->Index.EndsKnown = PassToChild(Rules, root, FALSE);
    for (UINT32 i = 0; Rules->Index.EndsKnown && i < header->NodeCount; ++i) {
        if (Rules->Index.Nested[i]) {
            Rules->Index.EndsKnown = IndexEndsOf(Rules, &Rules->Program.Nodes[i]);
        }
    }
}

// Goes by nodes, for only what they have was verified.
static VOID IndexNodes(_Inout_ RULES *Rules) {
    const RULES_PROGRAM *program = &Rules->Program;
    UINT32 borders = 0;
    UINT16 nested = 0;
    for (UINT32 i = 0; i < program->Header->NodeCount; ++i) {
        Rules->Index.Nested[i] = RULES_NOT_NESTED;
    }
    for (UINT32 i = 0; i < program->Header->NodeCount; ++i) {
        const CMB_RULE_NODE *node = &program->Nodes[i];
        const BOOLEAN deep = (node->Flags & CMB_RULE_NODE_DEEP) != 0;
        const BOOLEAN below = Rules->Index.Nested[i] != RULES_NOT_NESTED;
        if (deep || below) {
            IndexBelow(Rules, node);
        }
        if (deep && below) {
            Rules->Index.Nested[i] = nested++;
        }
        for (UINT32 glob = 0; glob < node->GlobCount; ++glob) {
            borders = IndexGlob(Rules, node->GlobFirst + glob, borders);
        }
    }
    Rules->Index.NestedCount = nested;
}

static VOID IndexRules(_Inout_ RULES *Rules) {
    const CMB_RULES *header = Rules->Program.Header;
    for (ULONG i = 0; i < RulesDimensionCount; ++i) {
        const CMB_RULE_DIMENSION *dimension = RulesGetDimension(header, i);
        if (dimension->Any != CMB_RULES_NONE || dimension->Root != CMB_RULES_NONE || dimension->MemberCount != 0) {
            Rules->Used |= 1u << i;
        }
    }
    for (UINT32 i = 0; i < header->RuleCount; ++i) {
        if (Rules->Program.Rules[i].Action != CMB_ACTION_IGNORE) {
            Rules->Wanted[i / 64] |= 1ULL << (i % 64);
        }
    }
}

static VOID IndexUnmatched(_Inout_ RULES *Rules) {
    const RULES_HITS none = {0};
    for (ULONG i = 0; i <= CMB_MAX_NOTIFY_CLASS; ++i) {
        RULES_MATCH match;
        RulesBegin(&match, Rules, i);
        RulesNarrowByHits(&match, RulesKey, &none);
        Rules->Index.Unmatched |= (UINT64)RulesIsIgnored(&match) << i;
    }
}

_Use_decl_annotations_
NTSTATUS RulesBuildIndex(RULES *Rules, const RULES_COUNTS *Counts) {
    const CMB_RULES *header = Rules->Program.Header;
    const SIZE_T globs = header->GlobCount * sizeof(RULES_GLOB);
    const SIZE_T texts = header->TextCount * sizeof(UINT32);
    const SIZE_T borders = Counts->TextUnits * sizeof(UINT16);
    UCHAR *block = MemoryAllocate(globs + texts + borders + header->NodeCount * sizeof(UINT16));
    if (!block) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Rules->IndexBlock = block;
    Rules->Index.Globs = (RULES_GLOB *)(VOID *)block;
    Rules->Index.BorderFirst = (UINT32 *)(VOID *)(block + globs);
    Rules->Index.Borders = (UINT16 *)(VOID *)(block + globs + texts);
    Rules->Index.Nested = Rules->Index.Borders + Counts->TextUnits;
    IndexEnds(Rules);
    IndexNodes(Rules);
    IndexRules(Rules);
    IndexUnmatched(Rules);
    return STATUS_SUCCESS;
}
