// SPDX-License-Identifier: MIT
//
// Finds the sets that a text is in. A node with its place in the text is a state; the walk goes depth first, so what it
// has to remember is one frame for each node from the root to where it is.
//
// A node without a CMB_RULE_NODE_DEEP node above it is met at one place at most, since it is reached by as many
// components as its depth says. A node that stays looks at all places from where it was first reached on, in ascending
// order; what lies below it is therefore reached earliest at first, and another node that stays need not be entered
// again. So each state is met once, and CMB_MAX_RULES_WORK bounds how many there are for each component, however the
// text was chosen; a glob takes time linear in the length of its component. The dearest known, 4000 globs over a name
// of 32767 units, twice as long as a name can be that exists, takes half a second.

#include "rules/rules_program.h"

#include "base/upcase.h"

// Power of two. Components are hashed once as long as the walk does not move about farther.
#define COMPONENT_SLOTS 8

typedef struct CURSOR {
    UINT16 Part;
    UINT16 Unit;
} CURSOR;

typedef struct COMPONENT {
    const WCHAR *Units;
    UINT64 Mask;
    ULONG Count;
    UINT32 Hash;
    // Number of the component in the text, and where the next one begins.
    ULONG Place;
    CURSOR Next;
} COMPONENT;

// There are as many as the stack affords. A node has less than CMB_MAX_RULES_WORK children that are no literals, and no
// text has more components than its two parts have units.
typedef struct FRAME {
    UINT32 Node;
    // How many children that are no literals were tried at this place, and one more for the literals.
    UINT16 Tried;
    UINT16 Place;
    CURSOR Cursor;
} FRAME;
C_ASSERT(CMB_MAX_RULES_WORK + 2 <= MAXUSHORT);

typedef struct WALK {
    const RULES *Rules;
    const RULES_TEXT *Parts;
    ULONG PartCount;
    // The text is one component, even if it is empty.
    BOOLEAN Whole;
    RULES_ADD_SET *Add;
    VOID *Context;
    ULONG Depth;
    // Bits: entries of Components that hold something.
    UINT32 Filled;
    FRAME Frames[CMB_MAX_RULES_DEPTH];
    COMPONENT Components[COMPONENT_SLOTS];
    // Bits by CMB_RULE_NODE.Nested: nodes that were entered.
    UINT64 Entered[CMB_MAX_RULES_NESTED / 64];
} WALK;

// The walk has the kernel's stack, of which others want some, too.
C_ASSERT(sizeof(WALK) <= 1408);

static BOOLEAN IsEnd(_In_ const WALK *Walk, _In_ const CURSOR *Cursor) {
    return Cursor->Part >= Walk->PartCount;
}

// Moves to the next unit of a component, or to the end.
static VOID SkipSeparators(_In_ const WALK *Walk, _Inout_ CURSOR *Cursor) {
    while (Cursor->Part < Walk->PartCount) {
        const RULES_TEXT *part = &Walk->Parts[Cursor->Part];
        while (Cursor->Unit < part->Count && part->Units[Cursor->Unit] == '\\') {
            ++Cursor->Unit;
        }
        if (Cursor->Unit < part->Count) {
            return;
        }
        ++Cursor->Part;
        Cursor->Unit = 0;
    }
}

// The component at Cursor, which is not the end.
static const COMPONENT *GetComponent(_Inout_ WALK *Walk, _In_ ULONG Place, _In_ const CURSOR *Cursor) {
    const ULONG slot = Place % COMPONENT_SLOTS;
    COMPONENT *component = &Walk->Components[slot];
    if ((Walk->Filled >> slot & 1) && component->Place == Place) {
        return component;
    }
    Walk->Filled |= 1u << slot;
    const RULES_TEXT *part = &Walk->Parts[Cursor->Part];
    const WCHAR *units = part->Units + Cursor->Unit;
    const ULONG limit = part->Count - Cursor->Unit;
    UINT32 hash = RULES_HASH_BASIS;
    UINT64 mask = 0;
    ULONG count = 0;
    for (; count < limit && (units[count] != '\\' || Walk->Whole); ++count) {
        const WCHAR unit = UpcaseUnit(units[count]);
        hash = RulesHashUnit(hash, unit);
        mask |= RulesUnitBit(unit);
    }
    component->Units = units;
    component->Count = count;
    component->Hash = hash;
    component->Mask = mask;
    component->Place = Place;
    component->Next = *Cursor;
    component->Next.Unit = (UINT16)(component->Next.Unit + count);
    if (Walk->Whole) {
        component->Next.Part = (UINT16)Walk->PartCount;
    } else {
        SkipSeparators(Walk, &component->Next);
    }
    return component;
}

// Whether the component, from Start on, has the units of the text.
static BOOLEAN HasText(_In_ const COMPONENT *Component, _In_ ULONG Start, _In_reads_(Count) const WCHAR *Text,
                       _In_ ULONG Count) {
    const WCHAR *units = Component->Units + Start;
    for (ULONG i = 0; i < Count; ++i) {
        if (UpcaseUnit(units[i]) != Text[i]) {
            return FALSE;
        }
    }
    return TRUE;
}

static BOOLEAN HasTextAt(_In_ const RULES *Rules, _In_ const COMPONENT *Component, _In_ ULONG Start, _In_ UINT32 Text) {
    const CMB_RULE_TEXT *text = &Rules->Program.Texts[Text];
    return HasText(Component, Start, Rules->Program.Units + text->UnitFirst, text->UnitCount);
}

static UINT32 FindLiteral(_In_ const RULES *Rules, _In_ const CMB_RULE_NODE *Node, _In_ const COMPONENT *Component) {
    const RULES_NODE *nodes = Rules->Index.Nodes;
    const UINT32 limit = Node->ChildFirst + Node->ChildCount;
    UINT32 first = limit - Node->LiteralCount;
    UINT32 end = limit;
    while (first < end) {
        const UINT32 middle = first + (end - first) / 2;
        if (nodes[middle].Hash < Component->Hash) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    for (; first < limit && nodes[first].Hash == Component->Hash; ++first) {
        if (nodes[first].Units == Component->Count &&
            HasTextAt(Rules, Component, 0, Rules->Program.Nodes[first].TextFirst)) {
            return first;
        }
    }
    return CMB_RULES_NONE;
}

// Where the first occurrence within Start .. End ends; 0 if there is none.
static ULONG FindText(_In_ const RULES *Rules, _In_ const COMPONENT *Component, _In_ ULONG Start, _In_ ULONG End,
                      _In_ UINT32 Number) {
    const CMB_RULE_TEXT *text = &Rules->Program.Texts[Number];
    const WCHAR *units = Rules->Program.Units + text->UnitFirst;
    const UINT16 *borders = Rules->Index.Borders + text->UnitFirst;
    UINT32 matched = 0;
    for (ULONG i = Start; i < End; ++i) {
        const WCHAR unit = UpcaseUnit(Component->Units[i]);
        while (matched > 0 && units[matched] != unit) {
            matched = borders[matched - 1];
        }
        matched += units[matched] == unit;
        if (matched == text->UnitCount) {
            return i + 1;
        }
    }
    return 0;
}

// Node is a glob, or one for any component, which has no text.
static BOOLEAN IsGlobMatch(_In_ const RULES *Rules, _In_ UINT32 Node, _In_ const COMPONENT *Component) {
    const RULES_NODE *facts = &Rules->Index.Nodes[Node];
    if (facts->Mask & ~Component->Mask || facts->Units > Component->Count) {
        return FALSE;
    }
    const CMB_RULE_NODE *node = &Rules->Program.Nodes[Node];
    UINT32 first = node->TextFirst;
    UINT32 last = node->TextFirst + node->TextCount;
    ULONG start = 0;
    ULONG end = Component->Count;
    // The two do not overlap: there are at least as many units as all texts have.
    if (node->Flags & CMB_RULE_GLOB_START) {
        if (!HasTextAt(Rules, Component, 0, first)) {
            return FALSE;
        }
        start = Rules->Program.Texts[first++].UnitCount;
    }
    if (node->Flags & CMB_RULE_GLOB_END) {
        end -= Rules->Program.Texts[--last].UnitCount;
        if (!HasTextAt(Rules, Component, end, last)) {
            return FALSE;
        }
    }
    for (; first < last; ++first) {
        start = FindText(Rules, Component, start, end, first);
        if (start == 0) {
            return FALSE;
        }
    }
    return TRUE;
}

static BOOLEAN HasDeepChild(_In_ const RULES_PROGRAM *Program, _In_ const CMB_RULE_NODE *Node) {
    return Node->ChildCount != Node->LiteralCount && Program->Nodes[Node->ChildFirst].Kind == CMB_RULE_NODE_DEEP;
}

// The node is reached; it gets a frame unless there is nothing more to do.
static VOID EnterNode(_Inout_ WALK *Walk, _In_ UINT32 Index, _In_ ULONG Place, _In_ const CURSOR *Cursor) {
    const CMB_RULE_NODE *node = &Walk->Rules->Program.Nodes[Index];
    const UINT32 nested = node->Nested;
    if (nested != CMB_RULES_NONE) {
        if (Walk->Entered[nested / 64] >> (nested % 64) & 1) {
            return;
        }
        Walk->Entered[nested / 64] |= 1ULL << (nested % 64);
    }
    if (node->BelowSet != CMB_RULES_NONE) {
        Walk->Add(Walk->Context, node->BelowSet);
    }
    const BOOLEAN end = IsEnd(Walk, Cursor);
    // A node that stays is there at the end, wherever that is.
    if (node->EndSet != CMB_RULES_NONE && (end || node->Kind == CMB_RULE_NODE_DEEP)) {
        Walk->Add(Walk->Context, node->EndSet);
    }
    if (node->ChildCount && (!end || HasDeepChild(&Walk->Rules->Program, node))) {
        const FRAME frame = {Index, 0, (UINT16)Place, *Cursor};
        Walk->Frames[Walk->Depth++] = frame;
    }
}

// The next child of the frame's node that the component leads to, if any.
static UINT32 NextChild(_In_ const RULES *Rules, _In_ const CMB_RULE_NODE *Node, _Inout_ FRAME *Frame,
                        _In_ const COMPONENT *Component) {
    const UINT32 others = Node->ChildCount - Node->LiteralCount;
    while (Frame->Tried < others) {
        const UINT32 child = Node->ChildFirst + Frame->Tried++;
        if (IsGlobMatch(Rules, child, Component)) {
            return child;
        }
    }
    return Frame->Tried++ == others ? FindLiteral(Rules, Node, Component) : CMB_RULES_NONE;
}

static VOID AdvanceWalk(_Inout_ WALK *Walk) {
    FRAME *frame = &Walk->Frames[Walk->Depth - 1];
    const RULES_PROGRAM *program = &Walk->Rules->Program;
    const CMB_RULE_NODE *node = &program->Nodes[frame->Node];
    if (frame->Tried == 0 && HasDeepChild(program, node)) {
        // Where the node has stayed, this one was entered before, and is not again.
        ++frame->Tried;
        EnterNode(Walk, node->ChildFirst, frame->Place, &frame->Cursor);
        return;
    }
    if (IsEnd(Walk, &frame->Cursor)) {
        --Walk->Depth;
        return;
    }
    const COMPONENT *component = GetComponent(Walk, frame->Place, &frame->Cursor);
    const UINT32 child = NextChild(Walk->Rules, node, frame, component);
    if (child != CMB_RULES_NONE) {
        EnterNode(Walk, child, frame->Place + 1, &component->Next);
    } else if (node->Kind == CMB_RULE_NODE_DEEP) {
        frame->Cursor = component->Next;
        ++frame->Place;
        frame->Tried = 0;
    } else {
        --Walk->Depth;
    }
}

_Use_decl_annotations_
VOID RulesWalk(const RULES *Rules, ULONG Dimension, const RULES_TEXT *Parts, ULONG PartCount, RULES_ADD_SET *Add,
               VOID *Context) {
    static const WCHAR nothing = 0;
    static const RULES_TEXT empty = {&nothing, 0};
    WALK walk;
    CURSOR cursor = {0, 0};
    const UINT32 root = RulesGetDimension(Rules->Program.Header, Dimension)->Root;
    if (root == CMB_RULES_NONE) {
        return;
    }
    // Not the whole of it is initialized: that would cost more than most walks.
    walk.Rules = Rules;
    walk.Whole = Dimension == RulesValueName;
    // Units of an empty text may be NULL.
    walk.Parts = walk.Whole && (PartCount == 0 || Parts->Count == 0) ? &empty : Parts;
    walk.PartCount = walk.Whole ? 1 : PartCount;
    walk.Add = Add;
    walk.Context = Context;
    walk.Depth = 0;
    walk.Filled = 0;
    for (ULONG i = 0; i * 64 < Rules->Index.NestedCount; ++i) {
        walk.Entered[i] = 0;
    }
    if (!walk.Whole) {
        SkipSeparators(&walk, &cursor);
    }
    EnterNode(&walk, root, 0, &cursor);
    while (walk.Depth > 0) {
        AdvanceWalk(&walk);
    }
}

static VOID AddHit(_Inout_ VOID *Context, _In_ UINT32 Set) {
    RULES_HITS *hits = Context;
    if (hits->Count == RULES_HITS_MANY) {
        return;
    }
    for (ULONG i = 0; i < hits->Count; ++i) {
        if (hits->Sets[i] == Set) {
            return;
        }
    }
    if (hits->Count == RULES_MAX_HITS) {
        hits->Count = RULES_HITS_MANY;
    } else {
        hits->Sets[hits->Count++] = Set;
    }
}

_Use_decl_annotations_
VOID RulesFind(const RULES *Rules, RULES_DIMENSION Dimension, const RULES_TEXT *Parts, ULONG PartCount,
               RULES_HITS *Hits) {
    Hits->Count = 0;
    RulesWalk(Rules, Dimension, Parts, PartCount, AddHit, Hits);
}

_Use_decl_annotations_
BOOLEAN RulesCanEndWith(const RULES *Rules, const RULES_TEXT *Text) {
    UINT32 hash = RULES_HASH_BASIS;
    ULONG end = Text->Count;
    if (!Rules->Index.EndsKnown) {
        return TRUE;
    }
    while (end > 0 && Text->Units[end - 1] == '\\') {
        --end;
    }
    ULONG first = end;
    while (first > 0 && Text->Units[first - 1] != '\\') {
        --first;
    }
    for (ULONG i = first; i < end; ++i) {
        hash = RulesHashUnit(hash, UpcaseUnit(Text->Units[i]));
    }
    return first == end || (Rules->Index.Last[hash % RULES_LAST_BITS / 64] >> hash % 64 & 1) != 0;
}
