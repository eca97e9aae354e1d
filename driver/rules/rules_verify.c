// SPDX-License-Identifier: MIT
//
// Everything of a rule program but its nodes. Nothing is believed: each member is checked before it is used, and the
// work is linear in the size of the program, and in that of the set of each class.

#include "rules/rules_program.h"

#include "base/notify_class.h"
#include "base/upcase.h"

typedef struct VERIFY {
    const RULES *Rules;
    const RULES_PROGRAM *Program;
    const CMB_RULES *Header;
    RULES_ERROR *Error;
} VERIFY;

static BOOLEAN Require(_Inout_ VERIFY *Verify, _In_ BOOLEAN Condition, _In_ UINT32 Reason, _In_ const VOID *Member) {
    return RulesRequire(Verify->Rules, Verify->Error, Condition, Reason, Member);
}

static BOOLEAN VerifyHeader(_Inout_ VERIFY *Verify, _In_ ULONG Size) {
    const CMB_RULES *header = Verify->Header;
    const BOOLEAN otherwise = header->Otherwise == CMB_ACTION_IGNORE || header->Otherwise == CMB_ACTION_NOTIFY;
    return Require(Verify, header->Size == Size && Size % 8 == 0, CMB_RULES_REASON_SIZE, &header->Size) &&
           Require(Verify, header->Version == CMB_RULES_VERSION, CMB_RULES_REASON_VERSION, &header->Version) &&
           Require(Verify, header->HeaderSize == sizeof(CMB_RULES), CMB_RULES_REASON_VERSION, &header->HeaderSize) &&
           Require(Verify, header->Reserved == 0, CMB_RULES_REASON_RESERVED, &header->Reserved) &&
           Require(Verify, header->RuleCount <= CMB_MAX_RULES, CMB_RULES_REASON_COUNT, &header->RuleCount) &&
           Require(Verify, otherwise, CMB_RULES_REASON_ACTION, &header->Otherwise);
}

// The place of the next section, of *Count entries; NULL if it does not end inside the program.
static const VOID *FindSection(_Inout_ VERIFY *Verify, _Inout_ UINT64 *Offset, _In_ const UINT32 *Count,
                               _In_ ULONG Entry) {
    const UCHAR *section = (const UCHAR *)Verify->Header + *Offset;
    *Offset += ALIGN_UP_BY((UINT64)*Count * Entry, 8);
    return Require(Verify, *Offset <= Verify->Header->Size, CMB_RULES_REASON_BOUNDS, Count) ? section : NULL;
}

static BOOLEAN FindSections(_Inout_ VERIFY *Verify, _Out_ RULES_PROGRAM *Program) {
    const CMB_RULES *header = Verify->Header;
    UINT64 offset = sizeof(*header);
    return (Program->Rules = FindSection(Verify, &offset, &header->RuleCount, sizeof(CMB_RULE))) != NULL &&
           (Program->Nodes = FindSection(Verify, &offset, &header->NodeCount, sizeof(CMB_RULE_NODE))) != NULL &&
           (Program->Texts = FindSection(Verify, &offset, &header->TextCount, sizeof(CMB_RULE_TEXT))) != NULL &&
           (Program->Sets = FindSection(Verify, &offset, &header->SetCount, sizeof(CMB_RULE_SET))) != NULL &&
           (Program->Words = FindSection(Verify, &offset, &header->WordCount, sizeof(UINT64))) != NULL &&
           (Program->Members = FindSection(Verify, &offset, &header->MemberCount, sizeof(CMB_RULE_MEMBER))) != NULL &&
           (Program->Units = FindSection(Verify, &offset, &header->UnitCount, sizeof(WCHAR))) != NULL &&
           (Program->Bytes = FindSection(Verify, &offset, &header->ByteCount, 1)) != NULL &&
           Require(Verify, offset == header->Size, CMB_RULES_REASON_BOUNDS, &header->Size);
}

// Bits of CMB_RULE.Flags that an action may have.
static UINT32 FlagsOfAction(_In_ UINT32 Action) {
    switch (Action) {
    case CMB_ACTION_ASK:
        return CMB_RULE_FAIL_CLOSED | CMB_RULE_DRY_RUN;
    case CMB_ACTION_BLOCK:
    case CMB_ACTION_BYPASS:
        return CMB_RULE_DRY_RUN | CMB_RULE_KERNEL_MODE;
    default:
        return 0;
    }
}

static BOOLEAN VerifyRule(_Inout_ VERIFY *Verify, _In_ const CMB_RULE *Rule) {
    const BOOLEAN asks = Rule->Action == CMB_ACTION_ASK;
    const BOOLEAN blocks = Rule->Action == CMB_ACTION_BLOCK || (asks && Rule->Flags & CMB_RULE_FAIL_CLOSED);
    const BOOLEAN flags = (Rule->Flags & ~FlagsOfAction(Rule->Action)) == 0;
    const BOOLEAN status = blocks ? NotifyIsError(Rule->Status) : Rule->Status == 0;
    const BOOLEAN deadline =
        asks ? Rule->Deadline >= CMB_MIN_DEADLINE && Rule->Deadline <= CMB_MAX_DEADLINE : Rule->Deadline == 0;
    return Require(Verify, Rule->Action <= CMB_ACTION_BYPASS, CMB_RULES_REASON_ACTION, &Rule->Action) &&
           Require(Verify, flags, CMB_RULES_REASON_RULE, &Rule->Flags) &&
           Require(Verify, status, CMB_RULES_REASON_RULE, &Rule->Status) &&
           Require(Verify, deadline, CMB_RULES_REASON_RULE, &Rule->Deadline);
}

static BOOLEAN VerifyRules(_Inout_ VERIFY *Verify) {
    for (UINT32 i = 0; i < Verify->Header->RuleCount; ++i) {
        if (!VerifyRule(Verify, &Verify->Program->Rules[i])) {
            return FALSE;
        }
    }
    return TRUE;
}

static BOOLEAN VerifyUnits(_Inout_ VERIFY *Verify) {
    for (UINT32 i = 0; i < Verify->Header->UnitCount; ++i) {
        const WCHAR *unit = &Verify->Program->Units[i];
        if (!Require(Verify, UpcaseUnit(*unit) == *unit, CMB_RULES_REASON_TEXT, unit)) {
            return FALSE;
        }
    }
    return TRUE;
}

static BOOLEAN VerifySet(_Inout_ VERIFY *Verify, _In_ const CMB_RULE_SET *Set) {
    const CMB_RULES *header = Verify->Header;
    const BOOLEAN inside = RulesIsRange(Set->WordFirst, RulesCountBits(Set->Summary), header->WordCount);
    if (!Require(Verify, Set->Reserved == 0, CMB_RULES_REASON_RESERVED, &Set->Reserved) ||
        !Require(Verify, inside, CMB_RULES_REASON_BOUNDS, &Set->WordFirst)) {
        return FALSE;
    }
    const UINT64 *word = Verify->Program->Words + Set->WordFirst;
    for (UINT64 summary = Set->Summary; summary; summary &= summary - 1, ++word) {
        const UINT32 first = RulesLowestBit(summary) * 64;
        if (!Require(Verify, first < header->RuleCount, CMB_RULES_REASON_SET, &Set->Summary)) {
            return FALSE;
        }
        const UINT32 rules = header->RuleCount - first;
        if (!Require(Verify, *word != 0 && (rules >= 64 || *word >> rules == 0), CMB_RULES_REASON_SET, word)) {
            return FALSE;
        }
    }
    return TRUE;
}

static BOOLEAN VerifySets(_Inout_ VERIFY *Verify) {
    for (UINT32 i = 0; i < Verify->Header->SetCount; ++i) {
        if (!VerifySet(Verify, &Verify->Program->Sets[i])) {
            return FALSE;
        }
    }
    return TRUE;
}

// None, or one that there is.
static BOOLEAN RequireSet(_Inout_ VERIFY *Verify, _In_ const UINT32 *Set) {
    return Require(Verify, *Set == CMB_RULES_NONE || *Set < Verify->Header->SetCount, CMB_RULES_REASON_BOUNDS, Set);
}

// Set is verified.
static BOOLEAN VerifyActions(_Inout_ VERIFY *Verify, _In_ const CMB_RULE_SET *Set, _In_ ULONG NotifyClass) {
    const UINT64 *word = Verify->Program->Words + Set->WordFirst;
    for (UINT64 summary = Set->Summary; summary; summary &= summary - 1, ++word) {
        for (UINT64 rest = *word; rest; rest &= rest - 1) {
            const CMB_RULE *rule = &Verify->Program->Rules[RulesLowestBit(summary) * 64 + RulesLowestBit(rest)];
            const BOOLEAN takes = rule->Action < CMB_ACTION_ASK || NotifyClassTakesAction(NotifyClass, rule->Action);
            if (!Require(Verify, takes, CMB_RULES_REASON_ACTION, &rule->Action)) {
                return FALSE;
            }
        }
    }
    return TRUE;
}

static BOOLEAN VerifyClasses(_Inout_ VERIFY *Verify) {
    for (UINT32 i = 0; i <= CMB_MAX_NOTIFY_CLASS; ++i) {
        const UINT32 *set = &Verify->Header->ClassSets[i];
        if (!RequireSet(Verify, set) ||
            (*set != CMB_RULES_NONE && !VerifyActions(Verify, &Verify->Program->Sets[*set], i))) {
            return FALSE;
        }
    }
    return TRUE;
}

// Revision, number of subauthorities, six bytes of authority; four bytes for each subauthority.
static BOOLEAN IsSid(_In_ const RULES_PROGRAM *Program, _In_ UINT64 Value) {
    const UINT32 offset = (UINT32)Value;
    const UINT32 size = (UINT32)(Value >> 32);
    if (size < 8 || !RulesIsRange(offset, size, Program->Header->ByteCount)) {
        return FALSE;
    }
    const UCHAR *sid = Program->Bytes + offset;
    return sid[0] == 1 && sid[1] <= 15 && size == 8 + 4 * (UINT32)sid[1];
}

static BOOLEAN IsMember(_In_ const RULES_PROGRAM *Program, _In_ ULONG Dimension, _In_ UINT64 Value) {
    switch (Dimension) {
    case RulesOutcome:
        return Value == CMB_OUTCOME_SUCCESS || Value == CMB_OUTCOME_FAILURE;
    case RulesElevated:
        return Value <= 1;
    case RulesUser:
        return IsSid(Program, Value);
    default:
        return Value <= MAXULONG;
    }
}

static BOOLEAN VerifyMembers(_Inout_ VERIFY *Verify, _In_ ULONG Dimension, _In_ const CMB_RULE_DIMENSION *Which) {
    for (UINT32 i = 0; i < Which->MemberCount; ++i) {
        const CMB_RULE_MEMBER *member = &Verify->Program->Members[Which->MemberFirst + i];
        const BOOLEAN ascending = Dimension == RulesUser || i == 0 || member[-1].Value < member->Value;
        const BOOLEAN is = ascending && IsMember(Verify->Program, Dimension, member->Value);
        if (!Require(Verify, is, CMB_RULES_REASON_MEMBER, &member->Value) ||
            !Require(Verify, member->Set < Verify->Header->SetCount, CMB_RULES_REASON_BOUNDS, &member->Set) ||
            !Require(Verify, member->Reserved == 0, CMB_RULES_REASON_RESERVED, &member->Reserved)) {
            return FALSE;
        }
    }
    return TRUE;
}

static BOOLEAN VerifyDimension(_Inout_ VERIFY *Verify, _In_ ULONG Dimension) {
    const CMB_RULES *header = Verify->Header;
    const CMB_RULE_DIMENSION *which = RulesGetDimension(header, Dimension);
    if (!RequireSet(Verify, &which->Any)) {
        return FALSE;
    }
    if (RulesIsTextDimension(Dimension)) {
        return Require(Verify, which->MemberCount == 0, CMB_RULES_REASON_MEMBER, &which->MemberCount);
    }
    const BOOLEAN inside = RulesIsRange(which->MemberFirst, which->MemberCount, header->MemberCount);
    const BOOLEAN few = Dimension != RulesTree || which->MemberCount <= CMB_MAX_RULES_TREES;
    return Require(Verify, which->Root == CMB_RULES_NONE, CMB_RULES_REASON_NODE, &which->Root) &&
           Require(Verify, inside, CMB_RULES_REASON_BOUNDS, &which->MemberFirst) &&
           Require(Verify, few, CMB_RULES_REASON_COUNT, &which->MemberCount) && VerifyMembers(Verify, Dimension, which);
}

_Use_decl_annotations_
BOOLEAN RulesVerify(RULES *Rules, const VOID *Bytes, ULONG Size, RULES_ERROR *Error) {
    VERIFY verify = {Rules, &Rules->Program, Bytes, Error};
    Rules->Program.Header = Bytes;
    if (!VerifyHeader(&verify, Size) || !FindSections(&verify, &Rules->Program) || !VerifyRules(&verify) ||
        !VerifyUnits(&verify) || !VerifySets(&verify) || !VerifyClasses(&verify)) {
        return FALSE;
    }
    for (ULONG dimension = 0; dimension < RulesDimensionCount; ++dimension) {
        if (!VerifyDimension(&verify, dimension)) {
            return FALSE;
        }
    }
    return TRUE;
}
