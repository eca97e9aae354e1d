// SPDX-License-Identifier: MIT
//
// How much of a rule program one component of a text can meet at worst; see CMB_MAX_RULES_WORK.

#include "rules/rules_program.h"

#include "base/memory.h"

// Of a node; one more than CMB_MAX_RULES_WORK stands for all that is beyond it.
typedef struct RULES_COST {
    UINT32 Work;
    UINT32 Globs;
    UINT32 All;
    UINT32 Deep;
} RULES_COST;

static VOID AddCost(_Inout_ UINT32 *Cost, _In_ UINT32 More) {
    *Cost = min(*Cost + More, CMB_MAX_RULES_WORK + 1);
}

// Costs of a node whose children, which come after it, have theirs.
static VOID FindCost(_In_ const RULES_PROGRAM *Program, _Inout_ RULES_COST *Costs, _In_ UINT32 Index) {
    const CMB_RULE_NODE *node = &Program->Nodes[Index];
    RULES_COST *cost = &Costs[Index];
    UINT32 work = 0;
    UINT32 deep = 0;
    AddCost(&cost->Work, 1);
    if (node->BelowSet != CMB_RULES_NONE) {
        AddCost(&cost->Work, RulesCountBits(Program->Sets[node->BelowSet].Summary));
    }
    for (UINT32 i = node->ChildFirst; i < node->ChildFirst + node->ChildCount; ++i) {
        const UINT16 kind = Program->Nodes[i].Kind;
        const RULES_COST *child = &Costs[i];
        AddCost(&cost->All, child->All);
        if (kind == CMB_RULE_NODE_DEEP) {
            AddCost(&cost->Deep, child->Deep);
            continue;
        }
        AddCost(&cost->Globs, child->Globs);
        if (kind == CMB_RULE_NODE_LITERAL) {
            // A component is one literal at most.
            work = max(work, child->Work);
            deep = max(deep, child->Deep);
            continue;
        }
        AddCost(&cost->Work, child->Work);
        AddCost(&cost->Deep, child->Deep);
        if (kind == CMB_RULE_NODE_GLOB) {
            AddCost(&cost->Work, 1);
            AddCost(&cost->Globs, 1);
        }
    }
    AddCost(&cost->Work, work);
    AddCost(&cost->Deep, deep);
    if (node->Kind == CMB_RULE_NODE_DEEP) {
        AddCost(&cost->All, cost->Work);
        AddCost(&cost->All, cost->Globs);
        cost->Deep = cost->All;
    }
}

_Use_decl_annotations_
NTSTATUS RulesVerifyCosts(const RULES *Rules, RULES_ERROR *Error) {
    const CMB_RULES *header = Rules->Program.Header;
    NTSTATUS status = STATUS_SUCCESS;
    RULES_COST *costs = MemoryAllocate((header->NodeCount + 1) * sizeof(*costs));
    if (!costs) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    for (UINT32 i = header->NodeCount; i-- > 0;) {
        FindCost(&Rules->Program, costs, i);
    }
    for (ULONG dimension = 0; dimension < RulesDimensionCount && NT_SUCCESS(status); ++dimension) {
        const UINT32 *root = &RulesGetDimension(header, dimension)->Root;
        const RULES_COST *cost = &costs[*root == CMB_RULES_NONE ? header->NodeCount : *root];
        if (!RulesRequire(Rules, Error, cost->Work + cost->Deep <= CMB_MAX_RULES_WORK, CMB_RULES_REASON_COUNT, root)) {
            status = STATUS_BAD_DATA;
        }
    }
    MemoryFree(costs);
    return status;
}
