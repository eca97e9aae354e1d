// SPDX-License-Identifier: MIT
//
// Finds out about a process what rules ask, and remembers it by the start key of the process.

#include "verdict/process_cache.h"
#include "base/memory.h"

// What does not change as long as the process lives. A primary token can be replaced, but not once the process runs.
typedef struct PROCESS_TRAITS {
    RULES_HITS Image;
    TOKEN_FACTS Token;
    // The process has an image.
    BOOLEAN ImageKnown;
    // It could not be found out for want of memory.
    BOOLEAN ImageDoubtful;
    BOOLEAN TokenDoubtful;
} PROCESS_TRAITS;

typedef struct PROCESS_SLOT {
    KSPIN_LOCK Lock;
    // PsGetProcessStartKey; 0 if the slot is free.
    _Guarded_by_(Lock) UINT64 Key;
    _Guarded_by_(Lock) PROCESS_TRAITS Traits;
} PROCESS_SLOT;

struct PROCESS_CACHE {
    PROCESS_SLOT Slots[PROCESS_CACHE_SLOTS];
};

C_ASSERT(CMB_PROCESS_SLOTS % PROCESS_CACHE_SLOTS == 0);

_Use_decl_annotations_
PROCESS_CACHE *ProcessCacheCreate(VOID) {
    PROCESS_CACHE *cache = MemoryAllocate(sizeof(*cache));
    for (ULONG i = 0; cache && i < PROCESS_CACHE_SLOTS; ++i) {
        KeInitializeSpinLock(&cache->Slots[i].Lock);
    }
    return cache;
}

_Use_decl_annotations_
VOID ProcessCacheFree(PROCESS_CACHE *Cache) {
    MemoryFree(Cache);
}

_Use_decl_annotations_
BOOLEAN ProcessCacheIsNeeded(const RULES_MATCH *Match) {
    return RulesNeeds(Match, RulesImage) || RulesNeeds(Match, RulesUser) || RulesNeeds(Match, RulesSessionId) ||
           RulesNeeds(Match, RulesElevated);
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static BOOLEAN FindTraits(_Inout_ PROCESS_SLOT *Slot, _In_ UINT64 Key, _Out_ PROCESS_TRAITS *Traits) {
    KIRQL irql;
    KeAcquireSpinLock(&Slot->Lock, &irql);
    const BOOLEAN found = Slot->Key == Key;
    if (found) {
        *Traits = Slot->Traits;
    }
    KeReleaseSpinLock(&Slot->Lock, irql);
    return found;
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID KeepTraits(_Inout_ PROCESS_SLOT *Slot, _In_ UINT64 Key, _In_ const PROCESS_TRAITS *Traits) {
    KIRQL irql;
    KeAcquireSpinLock(&Slot->Lock, &irql);
    Slot->Key = Key;
    Slot->Traits = *Traits;
    KeReleaseSpinLock(&Slot->Lock, irql);
}

static RULES_TEXT TextOfPath(_In_ const UNICODE_STRING *Path) {
    return (RULES_TEXT){.Units = Path->Buffer, .Count = Path->Length / sizeof(WCHAR)};
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID FindOut(_In_ const RULES *Rules, _In_ PEPROCESS Process, _Out_ PROCESS_TRAITS *Traits) {
    RtlZeroMemory(Traits, sizeof(*Traits));
    if (RulesUses(Rules, RulesImage)) {
        UNICODE_STRING *path;
        Traits->ImageDoubtful = !IdentityGetImage(Process, &path);
        if (path) {
            const RULES_TEXT text = TextOfPath(path);
            Traits->ImageKnown = TRUE;
            RulesFind(Rules, RulesImage, &text, 1, &Traits->Image);
            ExFreePoolWithTag(path, 0);
        }
    }
    if (RulesUses(Rules, RulesUser) || RulesUses(Rules, RulesSessionId) || RulesUses(Rules, RulesElevated)) {
        const PACCESS_TOKEN token = PsReferencePrimaryToken(Process);
        if (token) {
            Traits->TokenDoubtful = !IdentityReadToken(&Traits->Token, token);
            PsDereferencePrimaryToken(token);
        }
    }
}

// A path that finds more than can be remembered is looked up each time.
_IRQL_requires_(PASSIVE_LEVEL)
static BOOLEAN NarrowByLongImage(_Inout_ RULES_MATCH *Match, _In_ PEPROCESS Process) {
    UNICODE_STRING *path;
    const BOOLEAN complete = IdentityGetImage(Process, &path);
    if (path) {
        const RULES_TEXT text = TextOfPath(path);
        RulesNarrowByTexts(Match, RulesImage, &text, 1, NULL, 0);
        ExFreePoolWithTag(path, 0);
        return TRUE;
    }
    if (!complete) {
        RulesDoubt(Match, RulesImage);
        return FALSE;
    }
    RulesNarrowByNothing(Match, RulesImage);
    return TRUE;
}

_IRQL_requires_(PASSIVE_LEVEL)
static BOOLEAN NarrowByImage(_Inout_ RULES_MATCH *Match, _In_ const PROCESS_TRAITS *Traits, _In_ PEPROCESS Process) {
    if (Traits->ImageDoubtful) {
        RulesDoubt(Match, RulesImage);
        return FALSE;
    }
    if (!Traits->ImageKnown) {
        RulesNarrowByNothing(Match, RulesImage);
    } else if (Traits->Image.Count == RULES_HITS_MANY) {
        return NarrowByLongImage(Match, Process);
    } else {
        RulesNarrowByHits(Match, RulesImage, &Traits->Image);
    }
    return TRUE;
}

static BOOLEAN NarrowBySid(_Inout_ RULES_MATCH *Match, _In_ const TOKEN_FACTS *Token, _In_ BOOLEAN Doubtful) {
    if (Token->SidSize) {
        RulesNarrowByUser(Match, Token->Sid, Token->SidSize);
    } else if (Doubtful) {
        RulesDoubt(Match, RulesUser);
        return FALSE;
    } else {
        RulesNarrowByNothing(Match, RulesUser);
    }
    return TRUE;
}

// Not inlined, for it needs stack, and rules rarely ask for whom the thread acts.
_IRQL_requires_(PASSIVE_LEVEL)
static DECLSPEC_NOINLINE BOOLEAN NarrowByUser(_Inout_ RULES_MATCH *Match, _In_ const PROCESS_TRAITS *Traits) {
    TOKEN_FACTS client;
    UINT32 level;
    BOOLEAN complete;
    if (!IdentityReadClient(&client, &level, &complete)) {
        return NarrowBySid(Match, &Traits->Token, Traits->TokenDoubtful);
    }
    return NarrowBySid(Match, &client, !complete);
}

static VOID NarrowBySession(_Inout_ RULES_MATCH *Match, _In_ const TOKEN_FACTS *Token) {
    if (Token->Token.Flags & CMB_TOKEN_SESSION) {
        RulesNarrowByNumber(Match, RulesSessionId, Token->Token.SessionId);
    } else {
        RulesNarrowByNothing(Match, RulesSessionId);
    }
}

static BOOLEAN NarrowByElevation(_Inout_ RULES_MATCH *Match, _In_ const PROCESS_TRAITS *Traits) {
    if (Traits->Token.Token.Flags & CMB_TOKEN_ELEVATION) {
        RulesNarrowByNumber(Match, RulesElevated, (Traits->Token.Token.Flags & CMB_TOKEN_ELEVATED) != 0);
    } else if (Traits->TokenDoubtful) {
        RulesDoubt(Match, RulesElevated);
        return FALSE;
    } else {
        RulesNarrowByNothing(Match, RulesElevated);
    }
    return TRUE;
}

static VOID NarrowByNothing(_Inout_ RULES_MATCH *Match) {
    RulesNarrowByNothing(Match, RulesImage);
    RulesNarrowByNothing(Match, RulesUser);
    RulesNarrowByNothing(Match, RulesSessionId);
    RulesNarrowByNothing(Match, RulesElevated);
}

_Use_decl_annotations_
BOOLEAN ProcessCacheNarrow(const RULESET *Ruleset, RULES_MATCH *Match, const IDENTITY_PROCESS *Process) {
    PROCESS_SLOT *slot = &Ruleset->Processes->Slots[Process->Key % PROCESS_CACHE_SLOTS];
    PROCESS_TRAITS traits;
    BOOLEAN certain = TRUE;
    // The result does not depend on whether somebody has asked before.
    if (KeAreAllApcsDisabled()) {
        NarrowByNothing(Match);
        return TRUE;
    }
    if (!FindTraits(slot, Process->Key, &traits)) {
        FindOut(Ruleset->Rules, Process->Object, &traits);
        if (!traits.ImageDoubtful && !traits.TokenDoubtful) {
            KeepTraits(slot, Process->Key, &traits);
        }
    }
    if (RulesNeeds(Match, RulesSessionId)) {
        NarrowBySession(Match, &traits.Token);
    }
    if (RulesNeeds(Match, RulesElevated)) {
        certain &= NarrowByElevation(Match, &traits);
    }
    if (RulesNeeds(Match, RulesImage)) {
        certain &= NarrowByImage(Match, &traits, Process->Object);
    }
    if (RulesNeeds(Match, RulesUser)) {
        certain &= NarrowByUser(Match, &traits);
    }
    return certain;
}
