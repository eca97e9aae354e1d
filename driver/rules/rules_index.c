// SPDX-License-Identifier: MIT
//
// What matching wants to know about a verified program and would otherwise find out each time anew.

#include "rules/rules_program.h"

#include "base/memory.h"

_Use_decl_annotations_
NTSTATUS RulesAllocateIndex(RULES *Rules) {
    const CMB_RULES *header = Rules->Program.Header;
    const SIZE_T nodes = header->NodeCount * sizeof(RULES_NODE);
    UCHAR *block = MemoryAllocate(nodes + header->UnitCount * sizeof(UINT16));
    if (!block) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Rules->IndexBlock = block;
    Rules->Index.Nodes = (RULES_NODE *)(VOID *)block;
    Rules->Index.Borders = (UINT16 *)(VOID *)(block + nodes);
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID RulesIndexText(RULES *Rules, UINT32 Node, const CMB_RULE_TEXT *Text) {
    RULES_NODE *node = &Rules->Index.Nodes[Node];
    const WCHAR *units = Rules->Program.Units + Text->UnitFirst;
    UINT16 *borders = Rules->Index.Borders + Text->UnitFirst;
    UINT32 border = 0;
    node->Hash = RULES_HASH_BASIS;
    node->Units += Text->UnitCount;
    for (UINT32 i = 0; i < Text->UnitCount; ++i) {
        node->Hash = RulesHashUnit(node->Hash, units[i]);
        node->Mask |= RulesUnitBit(units[i]);
        while (border > 0 && units[i] != units[border]) {
            border = borders[border - 1];
        }
        border += i > 0 && units[i] == units[border];
        borders[i] = (UINT16)border;
    }
}

static VOID IndexEnds(_Inout_ RULES *Rules, _In_ UINT32 KeyEnd) {
    RULES_INDEX *index = &Rules->Index;
    index->EndsKnown = TRUE;
    for (UINT32 i = 0; i < KeyEnd; ++i) {
        const CMB_RULE_NODE *node = &Rules->Program.Nodes[i];
        const UINT32 hash = index->Nodes[i].Hash;
        if (node->BelowSet != CMB_RULES_NONE ||
            (node->EndSet != CMB_RULES_NONE && node->Kind != CMB_RULE_NODE_LITERAL)) {
            index->EndsKnown = FALSE;
        } else if (node->EndSet != CMB_RULES_NONE) {
            index->Last[hash % RULES_LAST_BITS / 64] |= 1ULL << hash % 64;
        }
    }
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
VOID RulesFinishIndex(RULES *Rules, UINT32 KeyEnd) {
    IndexEnds(Rules, KeyEnd);
    IndexRules(Rules);
    IndexUnmatched(Rules);
}
