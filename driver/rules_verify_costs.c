// SPDX-License-Identifier: MIT
//
// How much of a rule program one component of a text can meet at worst; see CMB_MAX_RULES_WORK.

#include "rules_program.h"

static VOID AddCost(_Inout_ UINT32 *Cost, _In_ UINT32 More) {
    *Cost = min(*Cost + More, CMB_MAX_RULES_WORK + 1);
}

static VOID AddChild(_Inout_ RULES_COST *Cost, _In_ const RULES_COST *Child) {
    AddCost(&Cost->Work, Child->Work);
    AddCost(&Cost->All, Child->All);
    AddCost(&Cost->Deep, Child->Deep);
}

// Costs of a node whose children have theirs.
static VOID FindCost(_In_ const RULES_PROGRAM *Program, _Inout_ RULES_COST *Costs, _In_ UINT32 Index) {
    const CMB_RULE_NODE *node = &Program->Nodes[Index];
    RULES_COST *cost = &Costs[Index];
    RULES_COST literal = {0, 0, 0};
    AddCost(&cost->Work, 1);
    AddCost(&cost->Work, node->GlobCount);
    if (node->BelowSet != CMB_RULES_NONE) {
        AddCost(&cost->Work, RulesCountBits(Program->Sets[node->BelowSet].Summary));
    }
    for (UINT32 i = 0; i < node->EdgeCount; ++i) {
        const UINT32 child = Program->Edges[node->EdgeFirst + i].Child;
        if (child != CMB_RULES_NONE) {
            // A component is one literal at most.
            literal.Work = max(literal.Work, Costs[child].Work);
            literal.Deep = max(literal.Deep, Costs[child].Deep);
            AddCost(&literal.All, Costs[child].All);
        }
    }
    AddChild(cost, &literal);
    for (UINT32 i = 0; i < node->GlobCount; ++i) {
        AddChild(cost, &Costs[Program->Globs[node->GlobFirst + i].Child]);
    }
    if (node->AnyChild != CMB_RULES_NONE) {
        AddChild(cost, &Costs[node->AnyChild]);
    }
    if (node->DeepChild != CMB_RULES_NONE) {
        AddCost(&cost->All, Costs[node->DeepChild].All);
        AddCost(&cost->Deep, Costs[node->DeepChild].Deep);
    }
    if (node->Flags & CMB_RULE_NODE_DEEP) {
        AddCost(&cost->All, cost->Work);
        cost->Deep = cost->All;
    }
}

_Use_decl_annotations_
BOOLEAN RulesVerifyCosts(const RULES_PROGRAM *Program, RULES_COST *Costs, RULES_ERROR *Error) {
    for (UINT32 i = Program->Header->NodeCount; i-- > 0;) {
        FindCost(Program, Costs, i);
    }
    for (ULONG dimension = 0; dimension < RulesDimensionCount; ++dimension) {
        const UINT32 *root = &RulesGetDimension(Program->Header, dimension)->Root;
        if (*root != CMB_RULES_NONE && Costs[*root].Work + Costs[*root].Deep > CMB_MAX_RULES_WORK) {
            Error->Reason = CMB_RULES_REASON_COUNT;
            Error->Offset = (UINT32)((const UCHAR *)root - (const UCHAR *)Program->Header);
            return FALSE;
        }
    }
    return TRUE;
}
