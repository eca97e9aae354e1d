// SPDX-License-Identifier: MIT
//
// Walks the rules of a ruleset for one notification, the cheap dimensions first.

#include "verdict/verdict.h"
#include "verdict/process_cache.h"
#include "verdict/process_trees.h"

// What could not be found out. It is the cause of the loss if the verdict hangs on it.
typedef struct DOUBT {
    BOOLEAN NoMemory;
    BOOLEAN Fault;
} DOUBT;

static VOID NarrowByOutcome(_Inout_ RULES_MATCH *Match, _In_ UINT32 Outcome) {
    if (RulesNeeds(Match, RulesOutcome)) {
        if (Outcome) {
            RulesNarrowByNumber(Match, RulesOutcome, Outcome);
        } else {
            RulesNarrowByNothing(Match, RulesOutcome);
        }
    }
}

static VOID NarrowByValueType(_In_ const SUBJECT *Subject, _Inout_ RULES_MATCH *Match) {
    if (RulesNeeds(Match, RulesValueType)) {
        if (Subject->Pre && Subject->Class->Body == NotifyBodySetValue) {
            RulesNarrowByNumber(Match, RulesValueType, ((const REG_SET_VALUE_KEY_INFORMATION *)Subject->Pre)->Type);
        } else {
            RulesNarrowByNothing(Match, RulesValueType);
        }
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID NarrowByProcess(_In_ const RULESET *Ruleset, _Inout_ RULES_MATCH *Match, _Inout_ DOUBT *Doubt) {
    const BOOLEAN id = RulesNeeds(Match, RulesProcessId);
    const BOOLEAN tree = RulesNeeds(Match, RulesTree);
    const BOOLEAN other = ProcessCacheIsNeeded(Match);
    IDENTITY_PROCESS process;
    UINT32 members;
    if (!id && !tree && !other) {
        return;
    }
    IdentityGetProcess(&process);
    if (id) {
        RulesNarrowByNumber(Match, RulesProcessId, process.Id);
    }
    if (tree && ProcessTreesFind(Ruleset->Trees, process.Key, &members)) {
        RulesNarrowByTrees(Match, members);
    } else if (tree) {
        RulesDoubt(Match, RulesTree);
        Doubt->NoMemory = TRUE;
    }
    if (other && !RulesIsIgnored(Match) && !ProcessCacheNarrow(Ruleset, Match, &process)) {
        Doubt->NoMemory = TRUE;
    }
}

static VOID NarrowByKnownKey(_In_ const SUBJECT *Subject, _Inout_ RULES_MATCH *Match) {
    if (Subject->HitsKnown) {
        RulesNarrowByHits(Match, RulesKey, &Subject->Hits);
    } else {
        RulesNarrowByTexts(Match, RulesKey, Subject->Parts, Subject->PartCount, Subject->OtherParts,
                           Subject->OtherPartCount);
    }
}

static VOID NarrowByDoubt(_Inout_ RULES_MATCH *Match, _In_ RULES_DIMENSION Dimension, _In_ LONG State,
                          _Inout_ DOUBT *Doubt) {
    if (State == FactNoMemory || State == FactFault) {
        RulesDoubt(Match, Dimension);
        Doubt->NoMemory |= State == FactNoMemory;
        Doubt->Fault |= State == FactFault;
    } else {
        RulesNarrowByNothing(Match, Dimension);
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID NarrowByKey(_Inout_ SUBJECT *Subject, _Inout_ RULES_MATCH *Match, _Inout_ DOUBT *Doubt) {
    SubjectFindKey(Subject);
    if (Subject->Key == FactKnown) {
        NarrowByKnownKey(Subject, Match);
    } else {
        NarrowByDoubt(Match, RulesKey, Subject->Key, Doubt);
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID NarrowByValueName(_Inout_ SUBJECT *Subject, _Inout_ RULES_MATCH *Match, _Inout_ DOUBT *Doubt) {
    SubjectFindValueName(Subject);
    if (Subject->Text.State == FactKnown) {
        const RULES_TEXT name = {.Units = Subject->Text.Units, .Count = Subject->Text.Count};
        RulesNarrowByTexts(Match, RulesValueName, &name, 1, NULL, 0);
    } else {
        NarrowByDoubt(Match, RulesValueName, Subject->Text.State, Doubt);
    }
}

// Narrows by a key that is remembered, which costs next to nothing. Returns TRUE if the class and the key alone say to
// ignore the notification, which is remembered, too.
_IRQL_requires_max_(DISPATCH_LEVEL)
static BOOLEAN IsIgnoredByRecall(_Inout_ SUBJECT *Subject, _Inout_ RULES_MATCH *Match, _In_ ULONG Number) {
    SubjectRecallKey(Subject);
    if (Subject->Key != FactKnown || !Subject->HitsKnown) {
        return FALSE;
    }
    NarrowByKnownKey(Subject, Match);
    const BOOLEAN ignored = RulesIsIgnored(Match);
    Subject->QuietClasses |= (UINT64)ignored << Number;
    return ignored;
}

static const VERDICT Ignore = {VerdictIgnore, CMB_RULES_NONE};

static VERDICT_KIND KindOfAction(_In_ UINT32 Action) {
    switch (Action) {
    case CMB_ACTION_NOTIFY:
        return VerdictNotify;
    case CMB_ACTION_ASK:
        return VerdictAsk;
    case CMB_ACTION_BLOCK:
        return VerdictBlock;
    case CMB_ACTION_BYPASS:
        return VerdictBypass;
    default:
        return VerdictIgnore;
    }
}

static VERDICT Conclude(_In_ const RULES_MATCH *Match, _In_ const DOUBT *Doubt) {
    RULES_VERDICT verdict;
    RulesDecide(Match, &verdict);
    if (!verdict.Doubtful) {
        return (VERDICT){KindOfAction(verdict.Action), verdict.Rule};
    }
    return (VERDICT){
        .Kind = Doubt->NoMemory || !Doubt->Fault ? VerdictNoMemory : VerdictCaptureFault,
        .Rule = RulesFindClosed(Match, ExGetPreviousMode() == KernelMode),
    };
}

_Use_decl_annotations_
VERDICT VerdictDecide(const RULESET *Ruleset, SUBJECT *Subject, ULONG Number, UINT32 Outcome) {
    DOUBT doubt = {0};
    RULES_MATCH match;
    if (!Ruleset->Rules) {
        return (VERDICT){VerdictNotify, CMB_RULES_NONE};
    }
    RulesBegin(&match, Ruleset->Rules, Number);
    if (RulesIsIgnored(&match)) {
        Subject->QuietClasses |= 1ULL << Number;
        return Ignore;
    }
    if (RulesNeeds(&match, RulesKey) && IsIgnoredByRecall(Subject, &match, Number)) {
        return Ignore;
    }
    // Then the key has narrowed the match already.
    const BOOLEAN recalled = Subject->Key == FactKnown && Subject->HitsKnown;
    NarrowByOutcome(&match, Outcome);
    NarrowByValueType(Subject, &match);
    if (RulesIsIgnored(&match)) {
        return Ignore;
    }
    NarrowByProcess(Ruleset, &match, &doubt);
    if (RulesIsIgnored(&match)) {
        return Ignore;
    }
    if (!recalled && RulesNeeds(&match, RulesKey)) {
        NarrowByKey(Subject, &match, &doubt);
        if (RulesIsIgnored(&match)) {
            return Ignore;
        }
    }
    if (RulesNeeds(&match, RulesValueName)) {
        NarrowByValueName(Subject, &match, &doubt);
    }
    return Conclude(&match, &doubt);
}

_Use_decl_annotations_
BOOLEAN VerdictIsQuiet(const RULESET *Ruleset, SUBJECT *Subject, UINT64 Classes) {
    if (!Ruleset->Rules || Classes & ~RulesGetUnmatched(Ruleset->Rules)) {
        return FALSE;
    }
    if (!RulesUses(Ruleset->Rules, RulesKey)) {
        return TRUE;
    }
    SubjectFindKey(Subject);
    return Subject->Key == FactAbsent || (Subject->Key == FactKnown && Subject->HitsKnown && !Subject->Hits.Count);
}

_Use_decl_annotations_
BOOLEAN VerdictCanWant(const RULESET *Ruleset, SUBJECT *Subject, ULONG Number, BOOLEAN ByAnybody) {
    DOUBT doubt = {0};
    RULES_MATCH match;
    if (!Ruleset->Rules) {
        return TRUE;
    }
    RulesBegin(&match, Ruleset->Rules, Number);
    if (RulesIsIgnored(&match)) {
        Subject->QuietClasses |= 1ULL << Number;
        return FALSE;
    }
    if (RulesNeeds(&match, RulesKey)) {
        SubjectFindKey(Subject);
        if (IsIgnoredByRecall(Subject, &match, Number)) {
            return FALSE;
        }
        NarrowByKey(Subject, &match, &doubt);
    }
    if (!ByAnybody && !RulesIsIgnored(&match)) {
        NarrowByProcess(Ruleset, &match, &doubt);
    }
    return !RulesIsIgnored(&match);
}
