// SPDX-License-Identifier: MIT
//
// The nodes of a rule program: that they are trees of bounded depth in which each literal can be found. Nodes, texts
// and units have to stand in the order in which they are met here, so each belongs to one owner, comes after it, and is
// looked at once.

#include "rules/rules_program.h"

typedef struct VERIFY_NODES {
    RULES *Rules;
    RULES_ERROR *Error;
    // What comes next of each.
    UINT32 Node;
    UINT32 Text;
    UINT32 Unit;
    UINT32 Nested;
} VERIFY_NODES;

static BOOLEAN Require(_Inout_ VERIFY_NODES *Verify, _In_ BOOLEAN Condition, _In_ UINT32 Reason,
                       _In_ const VOID *Member) {
    return RulesRequire(Verify->Rules, Verify->Error, Condition, Reason, Member);
}

// Whether Count things from *First on are the next ones. Limit is how many there are.
static BOOLEAN RequireNext(_Inout_ VERIFY_NODES *Verify, _In_ UINT32 Next, _In_ const UINT32 *First, _In_ UINT32 Count,
                           _In_ UINT32 Limit) {
    return Require(Verify, *First == Next && Count <= Limit - Next, CMB_RULES_REASON_BOUNDS, First);
}

static BOOLEAN VerifyText(_Inout_ VERIFY_NODES *Verify, _In_ UINT32 Index, _In_ const CMB_RULE_TEXT *Text) {
    const BOOLEAN empty = Verify->Rules->Program.Nodes[Index].Kind == CMB_RULE_NODE_GLOB && !Text->UnitCount;
    if (!RequireNext(Verify, Verify->Unit, &Text->UnitFirst, Text->UnitCount,
                     Verify->Rules->Program.Header->UnitCount) ||
        !Require(Verify, Text->UnitCount <= CMB_MAX_RULES_TEXT_UNITS, CMB_RULES_REASON_COUNT, &Text->UnitCount) ||
        !Require(Verify, !empty, CMB_RULES_REASON_GLOB, &Text->UnitCount)) {
        return FALSE;
    }
    Verify->Unit += Text->UnitCount;
    RulesIndexText(Verify->Rules, Index, Text);
    return TRUE;
}

static BOOLEAN VerifyTexts(_Inout_ VERIFY_NODES *Verify, _In_ UINT32 Index) {
    const RULES_PROGRAM *program = &Verify->Rules->Program;
    const CMB_RULE_NODE *node = &program->Nodes[Index];
    const BOOLEAN suits = node->Kind == CMB_RULE_NODE_GLOB ? node->TextCount > 0
                                                           : node->TextCount == (node->Kind == CMB_RULE_NODE_LITERAL);
    if (!RequireNext(Verify, Verify->Text, &node->TextFirst, node->TextCount, program->Header->TextCount) ||
        !Require(Verify, suits, CMB_RULES_REASON_GLOB, &node->TextCount)) {
        return FALSE;
    }
    Verify->Text += node->TextCount;
    for (UINT32 i = node->TextFirst; i < Verify->Text; ++i) {
        if (!VerifyText(Verify, Index, &program->Texts[i])) {
            return FALSE;
        }
    }
    return TRUE;
}

// What their parent says about the children of a node; the rest comes when it is their turn.
static BOOLEAN VerifyChildren(_Inout_ VERIFY_NODES *Verify, _In_ const CMB_RULE_NODE *Node) {
    const RULES_PROGRAM *program = &Verify->Rules->Program;
    const UINT16 below = Node->Kind == CMB_RULE_NODE_DEEP ? CMB_RULE_NODE_BELOW : Node->Flags & CMB_RULE_NODE_BELOW;
    UINT16 last = CMB_RULE_NODE_ROOT;
    UINT32 literals = 0;
    if (!RequireNext(Verify, Verify->Node, &Node->ChildFirst, Node->ChildCount, program->Header->NodeCount)) {
        return FALSE;
    }
    Verify->Node += Node->ChildCount;
    for (UINT32 i = Node->ChildFirst; i < Verify->Node; ++i) {
        const CMB_RULE_NODE *child = &program->Nodes[i];
        const BOOLEAN kind = child->Kind <= CMB_RULE_NODE_LITERAL &&
                             (child->Kind > last || (child->Kind == last && last != CMB_RULE_NODE_DEEP && last != 0));
        if (!Require(Verify, kind, CMB_RULES_REASON_NODE, &child->Kind) ||
            !Require(Verify, child->Depth == Node->Depth + 1, CMB_RULES_REASON_NODE, &child->Depth) ||
            !Require(Verify, (child->Flags & CMB_RULE_NODE_BELOW) == below, CMB_RULES_REASON_NODE, &child->Flags)) {
            return FALSE;
        }
        last = child->Kind;
        literals += last == CMB_RULE_NODE_LITERAL;
    }
    return Require(Verify, literals == Node->LiteralCount, CMB_RULES_REASON_NODE, &Node->LiteralCount);
}

static BOOLEAN VerifyNodeSet(_Inout_ VERIFY_NODES *Verify, _In_ const UINT32 *Set) {
    return Require(Verify, *Set == CMB_RULES_NONE || *Set < Verify->Rules->Program.Header->SetCount,
                   CMB_RULES_REASON_BOUNDS, Set);
}

static BOOLEAN VerifyNode(_Inout_ VERIFY_NODES *Verify, _In_ UINT32 Index) {
    const CMB_RULE_NODE *node = &Verify->Rules->Program.Nodes[Index];
    const UINT16 anchors = CMB_RULE_GLOB_START | CMB_RULE_GLOB_END;
    const UINT16 flags = CMB_RULE_NODE_BELOW | (node->Kind == CMB_RULE_NODE_GLOB ? anchors : 0);
    const BOOLEAN literal = node->TextCount == 1 && (node->Flags & anchors) == anchors;
    const BOOLEAN isNested = node->Kind == CMB_RULE_NODE_DEEP && node->Flags & CMB_RULE_NODE_BELOW;
    const UINT32 nested = isNested ? Verify->Nested++ : CMB_RULES_NONE;
    return Require(Verify, node->Depth <= CMB_MAX_RULES_DEPTH, CMB_RULES_REASON_NODE, &node->Depth) &&
           Require(Verify, (node->Flags & ~flags) == 0, CMB_RULES_REASON_RESERVED, &node->Flags) &&
           Require(Verify, !literal, CMB_RULES_REASON_GLOB, &node->Flags) &&
           Require(Verify, node->Nested == nested, CMB_RULES_REASON_NODE, &node->Nested) &&
           Require(Verify, Verify->Nested <= CMB_MAX_RULES_NESTED, CMB_RULES_REASON_COUNT, &node->Nested) &&
           VerifyNodeSet(Verify, &node->EndSet) && VerifyNodeSet(Verify, &node->BelowSet) &&
           VerifyTexts(Verify, Index) && VerifyChildren(Verify, node);
}

// The tree of a dimension ends where there are no more children of its nodes.
static BOOLEAN VerifyTree(_Inout_ VERIFY_NODES *Verify, _In_ const UINT32 *Root) {
    const RULES_PROGRAM *program = &Verify->Rules->Program;
    if (*Root == CMB_RULES_NONE) {
        return TRUE;
    }
    if (!RequireNext(Verify, Verify->Node, Root, 1, program->Header->NodeCount)) {
        return FALSE;
    }
    const CMB_RULE_NODE *root = &program->Nodes[Verify->Node++];
    const BOOLEAN is = root->Kind == CMB_RULE_NODE_ROOT && root->Depth == 1 && !(root->Flags & CMB_RULE_NODE_BELOW);
    if (!Require(Verify, is, CMB_RULES_REASON_NODE, root)) {
        return FALSE;
    }
    for (UINT32 i = *Root; i < Verify->Node; ++i) {
        if (!VerifyNode(Verify, i)) {
            return FALSE;
        }
    }
    return TRUE;
}

// Literals are searched by halves, and of those that have the hash each is compared.
static BOOLEAN VerifyHashes(_Inout_ VERIFY_NODES *Verify, _In_ const CMB_RULE_NODE *Node) {
    const RULES_NODE *literals = Verify->Rules->Index.Nodes + Node->ChildFirst + Node->ChildCount - Node->LiteralCount;
    for (UINT32 i = 1; i < Node->LiteralCount; ++i) {
        const BOOLEAN ascends = literals[i].Hash >= literals[i - 1].Hash;
        const BOOLEAN third = i > 1 && literals[i].Hash == literals[i - 2].Hash;
        if (!Require(Verify, ascends && !third, CMB_RULES_REASON_HASH, Node)) {
            return FALSE;
        }
    }
    return TRUE;
}

static BOOLEAN VerifyAll(_Inout_ VERIFY_NODES *Verify, _Out_ UINT32 *KeyEnd) {
    const RULES_PROGRAM *program = &Verify->Rules->Program;
    *KeyEnd = 0;
    for (ULONG dimension = 0; dimension < RulesDimensionCount; ++dimension) {
        if (!VerifyTree(Verify, &RulesGetDimension(program->Header, dimension)->Root)) {
            return FALSE;
        }
        *KeyEnd = dimension == RulesKey ? Verify->Node : *KeyEnd;
    }
    for (UINT32 i = 0; i < Verify->Node; ++i) {
        if (!VerifyHashes(Verify, &program->Nodes[i])) {
            return FALSE;
        }
    }
    return Require(Verify, Verify->Node == program->Header->NodeCount, CMB_RULES_REASON_NODE,
                   &program->Header->NodeCount);
}

_Use_decl_annotations_
NTSTATUS RulesVerifyNodes(RULES *Rules, RULES_ERROR *Error) {
    VERIFY_NODES verify = {.Rules = Rules, .Error = Error};
    UINT32 keyEnd;
    NTSTATUS status = RulesAllocateIndex(Rules);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (!VerifyAll(&verify, &keyEnd)) {
        return STATUS_BAD_DATA;
    }
    status = RulesVerifyCosts(Rules, Error);
    if (NT_SUCCESS(status)) {
        Rules->Index.NestedCount = verify.Nested;
        RulesFinishIndex(Rules, keyEnd);
    }
    return status;
}
