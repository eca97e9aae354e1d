// SPDX-License-Identifier: MIT
//
// How much of a rule program one component of a text can meet at worst; see CMB_MAX_RULES_WORK.

#include "rules/rules_program.h"

static VOID AddCost(_Inout_ UINT32 *Cost, _In_ UINT32 More) {
    *Cost = min(*Cost + More, CMB_MAX_RULES_WORK + 1);
}

static BOOLEAN IsDeep(_In_ const CMB_RULE_NODE *Node) {
    return (Node->Flags & CMB_RULE_NODE_DEEP) != 0;
}

static VOID AddChild(_In_ const RULES_PROGRAM *Program, _In_ const RULES_COST *Costs, _Inout_ RULES_COST *Cost,
                     _In_ UINT32 Child) {
    AddCost(&Cost->Work, Costs[Child].Work);
    AddCost(&Cost->Globs, IsDeep(&Program->Nodes[Child]) ? 0 : Costs[Child].Globs);
    AddCost(&Cost->All, Costs[Child].All);
    AddCost(&Cost->Deep, Costs[Child].Deep);
}

// Costs of a node whose children have theirs.
static VOID FindCost(_In_ const RULES_PROGRAM *Program, _Inout_ RULES_COST *Costs, _In_ UINT32 Index) {
    const CMB_RULE_NODE *node = &Program->Nodes[Index];
    RULES_COST *cost = &Costs[Index];
    UINT32 work = 0;
    UINT32 deep = 0;
    AddCost(&cost->Work, 1);
    AddCost(&cost->Work, node->GlobCount);
    AddCost(&cost->Globs, node->GlobCount);
    if (node->BelowSet != CMB_RULES_NONE) {
        AddCost(&cost->Work, RulesCountBits(Program->Sets[node->BelowSet].Summary));
    }
    for (UINT32 i = 0; i < node->EdgeCount; ++i) {
        const UINT32 child = Program->Edges[node->EdgeFirst + i].Child;
        if (child != CMB_RULES_NONE) {
            // A component is one literal at most.
            work = max(work, Costs[child].Work);
            deep = max(deep, Costs[child].Deep);
            AddCost(&cost->Globs, IsDeep(&Program->Nodes[child]) ? 0 : Costs[child].Globs);
            AddCost(&cost->All, Costs[child].All);
        }
    }
    AddCost(&cost->Work, work);
    AddCost(&cost->Deep, deep);
    for (UINT32 i = 0; i < node->GlobCount; ++i) {
        AddChild(Program, Costs, cost, Program->Globs[node->GlobFirst + i].Child);
    }
    if (node->AnyChild != CMB_RULES_NONE) {
        AddChild(Program, Costs, cost, node->AnyChild);
    }
    if (node->DeepChild != CMB_RULES_NONE) {
        AddCost(&cost->All, Costs[node->DeepChild].All);
        AddCost(&cost->Deep, Costs[node->DeepChild].Deep);
    }
    if (IsDeep(node)) {
        AddCost(&cost->All, cost->Work);
        AddCost(&cost->All, cost->Globs);
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
