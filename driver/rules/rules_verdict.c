// SPDX-License-Identifier: MIT
//
// Candidates: which rules are left, dimension by dimension.

#include "rules/rules_program.h"

// A union of sets. Word n is of value only if bit n of Summary is set.
typedef struct RULES_UNION {
    const RULES_PROGRAM *Program;
    UINT64 Summary;
    UINT64 Words[RULES_WORDS];
} RULES_UNION;

// Word of a set whose Summary has Bit.
static UINT64 SetWord(_In_ const RULES_PROGRAM *Program, _In_ const CMB_RULE_SET *Set, _In_ ULONG Bit) {
    return Program->Words[Set->WordFirst + RulesCountBits(Set->Summary & ((1ULL << Bit) - 1))];
}

static const CMB_RULE_SET *GetSet(_In_ const RULES_PROGRAM *Program, _In_ UINT32 Set) {
    static const CMB_RULE_SET empty = {0, 0, 0};
    return Set == CMB_RULES_NONE ? &empty : &Program->Sets[Set];
}

static VOID BeginUnion(_Out_ RULES_UNION *Union, _In_ const RULES_MATCH *Match) {
    Union->Program = &Match->Rules->Program;
    Union->Summary = 0;
}

static VOID AddSet(_Inout_ VOID *Context, _In_ UINT32 Set) {
    RULES_UNION *sum = Context;
    const CMB_RULE_SET *set = GetSet(sum->Program, Set);
    const UINT64 *word = &sum->Program->Words[set->WordFirst];
    for (UINT64 summary = set->Summary; summary; summary &= summary - 1, ++word) {
        const ULONG bit = RulesLowestBit(summary);
        if (sum->Summary >> bit & 1) {
            sum->Words[bit] |= *word;
        } else {
            sum->Words[bit] = *word;
        }
    }
    sum->Summary |= set->Summary;
}

static UINT64 CandidateWord(_In_ const RULES_MATCH *Match, _In_ ULONG Bit) {
    return Match->Source ? Match->Source[RulesCountBits(Match->Summary & ((1ULL << Bit) - 1))] : Match->Words[Bit];
}

static const CMB_RULE_SET *RulesWithout(_In_ const RULES *Rules, _In_ ULONG Dimension) {
    return GetSet(&Rules->Program, RulesGetDimension(Rules->Program.Header, Dimension)->Any);
}

// Leaves the rules without the condition and those of the union. Words of which nothing can stay are not touched. A
// condition that no rule has does not narrow.
static VOID NarrowTo(_Inout_ RULES_MATCH *Match, _In_ RULES_DIMENSION Dimension, _In_ const RULES_UNION *Union) {
    if (!RulesUses(Match->Rules, Dimension)) {
        return;
    }
    const CMB_RULE_SET *without = RulesWithout(Match->Rules, Dimension);
    UINT64 left = 0;
    for (UINT64 rest = Match->Summary & (without->Summary | Union->Summary); rest; rest &= rest - 1) {
        const ULONG bit = RulesLowestBit(rest);
        UINT64 keep = Union->Summary >> bit & 1 ? Union->Words[bit] : 0;
        if (without->Summary >> bit & 1) {
            keep |= SetWord(&Match->Rules->Program, without, bit);
        }
        const UINT64 word = CandidateWord(Match, bit) & keep;
        if (word) {
            Match->Words[bit] = word;
            left |= 1ULL << bit;
        }
    }
    Match->Summary = left;
    Match->Source = NULL;
    Match->Open &= ~(1u << Dimension);
}

_Use_decl_annotations_
VOID RulesBegin(RULES_MATCH *Match, const RULES *Rules, ULONG NotifyClass) {
    const RULES_PROGRAM *program = &Rules->Program;
    const CMB_RULE_SET *set =
        GetSet(program, NotifyClass < CMB_RULES_CLASSES ? program->Header->ClassSets[NotifyClass] : CMB_RULES_NONE);
    Match->Rules = Rules;
    Match->Summary = set->Summary;
    Match->Source = program->Words + set->WordFirst;
    Match->Open = Rules->Used;
    Match->Doubts = 0;
}

_Use_decl_annotations_
BOOLEAN RulesNeeds(const RULES_MATCH *Match, RULES_DIMENSION Dimension) {
    if (!RulesUses(Match->Rules, Dimension)) {
        return FALSE;
    }
    const CMB_RULE_SET *without = RulesWithout(Match->Rules, Dimension);
    if (Match->Summary & ~without->Summary) {
        return TRUE;
    }
    for (UINT64 rest = Match->Summary; rest; rest &= rest - 1) {
        const ULONG bit = RulesLowestBit(rest);
        if (CandidateWord(Match, bit) & ~SetWord(&Match->Rules->Program, without, bit)) {
            return TRUE;
        }
    }
    return FALSE;
}

_Use_decl_annotations_
VOID RulesNarrowByHits(RULES_MATCH *Match, RULES_DIMENSION Dimension, const RULES_HITS *Hits) {
    RULES_UNION sum;
    NT_ASSERT(Hits->Count <= RULES_MAX_HITS);
    BeginUnion(&sum, Match);
    for (ULONG i = 0; i < min(Hits->Count, RULES_MAX_HITS); ++i) {
        AddSet(&sum, Hits->Sets[i]);
    }
    NarrowTo(Match, Dimension, &sum);
}

_Use_decl_annotations_
VOID RulesNarrowByTexts(RULES_MATCH *Match, RULES_DIMENSION Dimension, const RULES_TEXT *Parts, ULONG PartCount,
                        const RULES_TEXT *OtherParts, ULONG OtherPartCount) {
    RULES_UNION sum;
    BeginUnion(&sum, Match);
    RulesWalk(Match->Rules, Dimension, Parts, PartCount, AddSet, &sum);
    if (OtherParts) {
        RulesWalk(Match->Rules, Dimension, OtherParts, OtherPartCount, AddSet, &sum);
    }
    NarrowTo(Match, Dimension, &sum);
}

_Use_decl_annotations_
VOID RulesNarrowByNumber(RULES_MATCH *Match, RULES_DIMENSION Dimension, UINT64 Value) {
    RULES_UNION sum;
    BeginUnion(&sum, Match);
    const CMB_RULE_DIMENSION *dimension = RulesGetDimension(Match->Rules->Program.Header, Dimension);
    const CMB_RULE_MEMBER *members = Match->Rules->Program.Members + dimension->MemberFirst;
    ULONG first = 0;
    ULONG end = dimension->MemberCount;
    while (first < end) {
        const ULONG middle = first + (end - first) / 2;
        if (members[middle].Value == Value) {
            AddSet(&sum, members[middle].Set);
            break;
        }
        if (members[middle].Value < Value) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    NarrowTo(Match, Dimension, &sum);
}

_Use_decl_annotations_
VOID RulesNarrowByUser(RULES_MATCH *Match, const VOID *Sid, ULONG Size) {
    RULES_UNION sum;
    BeginUnion(&sum, Match);
    const RULES_PROGRAM *program = &Match->Rules->Program;
    const CMB_RULE_DIMENSION *dimension = &program->Header->User;
    for (ULONG i = 0; i < dimension->MemberCount; ++i) {
        const CMB_RULE_MEMBER *member = &program->Members[dimension->MemberFirst + i];
        if (member->Value >> 32 == Size && CmbEqualBytes(program->Bytes + (UINT32)member->Value, Sid, Size)) {
            AddSet(&sum, member->Set);
        }
    }
    NarrowTo(Match, RulesUser, &sum);
}

_Use_decl_annotations_
VOID RulesNarrowByTrees(RULES_MATCH *Match, UINT32 Trees) {
    RULES_UNION sum;
    BeginUnion(&sum, Match);
    const RULES_PROGRAM *program = &Match->Rules->Program;
    const CMB_RULE_DIMENSION *dimension = &program->Header->Tree;
    for (ULONG i = 0; i < dimension->MemberCount; ++i) {
        if (Trees >> i & 1) {
            AddSet(&sum, program->Members[dimension->MemberFirst + i].Set);
        }
    }
    NarrowTo(Match, RulesTree, &sum);
}

_Use_decl_annotations_
VOID RulesNarrowByNothing(RULES_MATCH *Match, RULES_DIMENSION Dimension) {
    RULES_UNION none;
    BeginUnion(&none, Match);
    NarrowTo(Match, Dimension, &none);
}

_Use_decl_annotations_
VOID RulesDoubt(RULES_MATCH *Match, RULES_DIMENSION Dimension) {
    if (RulesUses(Match->Rules, Dimension)) {
        Match->Open |= 1u << Dimension;
        Match->Doubts |= 1u << Dimension;
    }
}

// Whether the rule has a condition in any of the dimensions.
static BOOLEAN HasCondition(_In_ const RULES_MATCH *Match, _In_ UINT32 Rule, _In_ UINT32 Dimensions) {
    const ULONG bit = Rule / 64;
    for (UINT64 rest = Dimensions; rest; rest &= rest - 1) {
        const CMB_RULE_SET *without = RulesWithout(Match->Rules, RulesLowestBit(rest));
        if (!(without->Summary >> bit & 1) || !(SetWord(&Match->Rules->Program, without, bit) >> (Rule % 64) & 1)) {
            return TRUE;
        }
    }
    return FALSE;
}

_Use_decl_annotations_
BOOLEAN RulesIsIgnored(const RULES_MATCH *Match) {
    const RULES *rules = Match->Rules;
    if (Match->Summary) {
        // The first candidate decides if it has no condition that is still open.
        const ULONG first = RulesLowestBit(Match->Summary);
        const UINT32 rule = first * 64 + RulesLowestBit(CandidateWord(Match, first));
        if (rules->Program.Rules[rule].Action != CMB_ACTION_IGNORE) {
            return FALSE;
        }
        if (!HasCondition(Match, rule, Match->Open)) {
            return TRUE;
        }
    }
    for (UINT64 rest = Match->Summary; rest; rest &= rest - 1) {
        const ULONG bit = RulesLowestBit(rest);
        if (CandidateWord(Match, bit) & rules->Wanted[bit]) {
            return FALSE;
        }
    }
    return rules->Program.Header->Otherwise == CMB_ACTION_IGNORE;
}

// Whether it matters which rule of the action decides.
static BOOLEAN IsDecision(_In_ UINT32 Action) {
    return Action == CMB_ACTION_ASK || Action == CMB_ACTION_BLOCK || Action == CMB_ACTION_BYPASS;
}

// Candidates in doubt may be passed over as well as decide: as long as all end in the same action, and that is only to
// tell or not to tell, it does not matter.
_Use_decl_annotations_
VOID RulesDecide(const RULES_MATCH *Match, RULES_VERDICT *Verdict) {
    const RULES_PROGRAM *program = &Match->Rules->Program;
    Verdict->Action = program->Header->Otherwise;
    Verdict->Rule = CMB_RULES_NONE;
    Verdict->Doubtful = FALSE;
    for (UINT64 rest = Match->Summary; rest; rest &= rest - 1) {
        const ULONG bit = RulesLowestBit(rest);
        for (UINT64 word = CandidateWord(Match, bit); word; word &= word - 1) {
            const UINT32 rule = bit * 64 + RulesLowestBit(word);
            const UINT32 action = program->Rules[rule].Action;
            if (Verdict->Rule == CMB_RULES_NONE) {
                Verdict->Rule = rule;
                Verdict->Action = action;
            } else if (action != Verdict->Action || IsDecision(action)) {
                Verdict->Doubtful = TRUE;
                return;
            }
            if (!HasCondition(Match, rule, Match->Doubts)) {
                return;
            }
        }
    }
    Verdict->Doubtful = Verdict->Rule != CMB_RULES_NONE && Verdict->Action != program->Header->Otherwise;
}

// How much a rule weighs that is to fail closed; 0: it does not.
static ULONG WeighClosed(_In_ const CMB_RULE *Rule, _In_ BOOLEAN KernelMode) {
    const ULONG real = Rule->Flags & CMB_RULE_DRY_RUN ? 0 : 2;
    if (Rule->Action == CMB_ACTION_BLOCK && (!KernelMode || Rule->Flags & CMB_RULE_KERNEL_MODE)) {
        return real + 2;
    }
    // What comes from kernel mode is never asked about.
    return Rule->Action == CMB_ACTION_ASK && Rule->Flags & CMB_RULE_FAIL_CLOSED && !KernelMode ? real + 1 : 0;
}

_Use_decl_annotations_
UINT32 RulesFindClosed(const RULES_MATCH *Match, BOOLEAN KernelMode) {
    UINT32 closed = CMB_RULES_NONE;
    ULONG most = 0;
    for (UINT64 rest = Match->Summary; rest; rest &= rest - 1) {
        const ULONG bit = RulesLowestBit(rest);
        for (UINT64 word = CandidateWord(Match, bit); word; word &= word - 1) {
            const UINT32 rule = bit * 64 + RulesLowestBit(word);
            const ULONG weight = WeighClosed(&Match->Rules->Program.Rules[rule], KernelMode);
            if (weight > most) {
                closed = rule;
                most = weight;
            }
            if (!HasCondition(Match, rule, Match->Doubts)) {
                return closed;
            }
        }
    }
    return closed;
}
