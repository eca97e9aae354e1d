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

// For what is not known: Doubtful if that is for want of memory, and not because there is no such thing. Returns
// whether the match is certain, as the following functions do.
static BOOLEAN NarrowByUnknown(_Inout_ RULES_MATCH *Match, _In_ RULES_DIMENSION Dimension, _In_ BOOLEAN Doubtful) {
    if (Doubtful) {
        RulesDoubt(Match, Dimension);
    } else {
        RulesNarrowByNothing(Match, Dimension);
    }
    return !Doubtful;
}

// A path that finds more than can be remembered is looked up each time.
_IRQL_requires_(PASSIVE_LEVEL)
static BOOLEAN NarrowByLongImage(_Inout_ RULES_MATCH *Match, _In_ PEPROCESS Process) {
    UNICODE_STRING *path;
    const BOOLEAN complete = IdentityGetImage(Process, &path);
    if (!path) {
        return NarrowByUnknown(Match, RulesImage, !complete);
    }
    const RULES_TEXT text = TextOfPath(path);
    RulesNarrowByTexts(Match, RulesImage, &text, 1, NULL, 0);
    ExFreePoolWithTag(path, 0);
    return TRUE;
}

_IRQL_requires_(PASSIVE_LEVEL)
static BOOLEAN NarrowByImage(_Inout_ RULES_MATCH *Match, _In_ const PROCESS_TRAITS *Traits, _In_ PEPROCESS Process) {
    if (!Traits->ImageKnown) {
        return NarrowByUnknown(Match, RulesImage, Traits->ImageDoubtful);
    }
    if (Traits->Image.Count == RULES_HITS_MANY) {
        return NarrowByLongImage(Match, Process);
    }
    RulesNarrowByHits(Match, RulesImage, &Traits->Image);
    return TRUE;
}

static BOOLEAN NarrowBySid(_Inout_ RULES_MATCH *Match, _In_ const TOKEN_FACTS *Token, _In_ BOOLEAN Doubtful) {
    if (!Token->SidSize) {
        return NarrowByUnknown(Match, RulesUser, Doubtful);
    }
    RulesNarrowByUser(Match, Token->Sid, Token->SidSize);
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

// Known is CMB_TOKEN_SESSION or CMB_TOKEN_ELEVATION.
static BOOLEAN NarrowByToken(_Inout_ RULES_MATCH *Match, _In_ RULES_DIMENSION Dimension, _In_ UINT32 Flags,
                             _In_ UINT32 Known, _In_ UINT64 Value, _In_ BOOLEAN Doubtful) {
    if (!(Flags & Known)) {
        return NarrowByUnknown(Match, Dimension, Doubtful);
    }
    RulesNarrowByNumber(Match, Dimension, Value);
    return TRUE;
}

_Use_decl_annotations_
BOOLEAN ProcessCacheNarrow(const RULESET *Ruleset, RULES_MATCH *Match, const IDENTITY_PROCESS *Process) {
    PROCESS_SLOT *slot = &Ruleset->Processes->Slots[Process->Key % PROCESS_CACHE_SLOTS];
    PROCESS_TRAITS traits;
    const CMB_TOKEN *token = &traits.Token.Token;
    BOOLEAN certain = TRUE;
    // The result does not depend on whether somebody has asked before.
    if (KeAreAllApcsDisabled()) {
        RulesNarrowByNothing(Match, RulesImage);
        RulesNarrowByNothing(Match, RulesUser);
        RulesNarrowByNothing(Match, RulesSessionId);
        RulesNarrowByNothing(Match, RulesElevated);
        return TRUE;
    }
    if (!FindTraits(slot, Process->Key, &traits)) {
        FindOut(Ruleset->Rules, Process->Object, &traits);
        if (!traits.ImageDoubtful && !traits.TokenDoubtful) {
            KeepTraits(slot, Process->Key, &traits);
        }
    }
    if (RulesNeeds(Match, RulesSessionId)) {
        // What is asked for it takes no memory.
        certain &= NarrowByToken(Match, RulesSessionId, token->Flags, CMB_TOKEN_SESSION, token->SessionId, FALSE);
    }
    if (RulesNeeds(Match, RulesElevated)) {
        certain &= NarrowByToken(Match, RulesElevated, token->Flags, CMB_TOKEN_ELEVATION,
                                 (token->Flags & CMB_TOKEN_ELEVATED) != 0, traits.TokenDoubtful);
    }
    if (RulesNeeds(Match, RulesImage)) {
        certain &= NarrowByImage(Match, &traits, Process->Object);
    }
    if (RulesNeeds(Match, RulesUser)) {
        certain &= NarrowByUser(Match, &traits);
    }
    return certain;
}
