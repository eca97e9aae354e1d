// SPDX-License-Identifier: MIT
//
// The counters of what was asked and decided.

#include "decide/held_count.h"

_Use_decl_annotations_
VOID HeldCountAt(HELD_TABLE *Table, ASKER *Asker, LONG Offset, INT64 Number) {
    *(UINT64 *)((UCHAR *)&Table->Counters + Offset) += (UINT64)Number;
    if (Asker) {
        *(UINT64 *)((UCHAR *)&Asker->Counters + Offset) += (UINT64)Number;
    }
}

_Use_decl_annotations_
VOID HeldCountHeld(HELD_TABLE *Table, ASKER *Asker, INT64 Number) {
    HELD_COUNT(Table, Asker, Held, Number);
    Table->Counters.HeldPeak = max(Table->Counters.HeldPeak, Table->Counters.Held);
    Asker->Counters.HeldPeak = max(Asker->Counters.HeldPeak, Asker->Counters.Held);
}

// The counter of what was decided without a question; -1 if there is none.
static LONG UnaskedAt(_In_ UINT16 By) {
    switch (By) {
    case CMB_DECIDED_BY_BREAKER:
        return FIELD_OFFSET(CMB_DECISION_STATISTICS, UnaskedBreaker);
    case CMB_DECIDED_BY_LIMIT:
        return FIELD_OFFSET(CMB_DECISION_STATISTICS, UnaskedLimit);
    case CMB_DECIDED_BY_EXEMPTION:
        return FIELD_OFFSET(CMB_DECISION_STATISTICS, UnaskedExemption);
    case CMB_DECIDED_BY_ERROR:
        return FIELD_OFFSET(CMB_DECISION_STATISTICS, UnaskedError);
    default:
        return -1;
    }
}

// The counters of the kinds stand in the order of their numbers.
C_ASSERT(FIELD_OFFSET(CMB_DECISION_STATISTICS, Overridden) ==
         FIELD_OFFSET(CMB_DECISION_STATISTICS, Allowed) +
             (CMB_DECISION_OVERRIDE - CMB_DECISION_ALLOW) * sizeof(UINT64));

static LONG KindAt(_In_ UINT16 Kind) {
    return (LONG)(FIELD_OFFSET(CMB_DECISION_STATISTICS, Allowed) + (Kind - CMB_DECISION_ALLOW) * sizeof(UINT64));
}

static ULONG BucketOfLatency(_In_ UINT64 Nanoseconds) {
    ULONG bucket = 0;
    for (UINT64 limit = 1000; Nanoseconds >= limit && bucket < CMB_LATENCY_BUCKETS - 1; limit *= 2) {
        ++bucket;
    }
    return bucket;
}

_Use_decl_annotations_
VOID HeldCount(ASKER *Asker, const CMB_DECIDED *Decided, BOOLEAN Asked, BOOLEAN Failed) {
    HELD_TABLE *table = Asker->Table;
    const LONG unasked = Asked ? -1 : UnaskedAt(Decided->By);
    const ULONG bucket = BucketOfLatency(Decided->Latency);
    KIRQL irql;
    KeAcquireSpinLock(&table->Lock, &irql);
    HeldCountAt(table, Asker, KindAt(Decided->Decision), 1);
    if (unasked >= 0) {
        HeldCountAt(table, Asker, unasked, 1);
    }
    if (Decided->Flags & CMB_DECIDED_DRY_RUN) {
        HELD_COUNT(table, Asker, DryRun, 1);
    }
    if (Failed) {
        HELD_COUNT(table, Asker, Failed, 1);
    }
    if (Asked) {
        HeldCountAt(table, Asker, (LONG)(FIELD_OFFSET(CMB_DECISION_STATISTICS, Latency) + bucket * sizeof(UINT64)), 1);
    }
    KeReleaseSpinLock(&table->Lock, irql);
}

// The structure consists of counters alone.
C_ASSERT(sizeof(CMB_DECISION_STATISTICS) % sizeof(UINT64) == 0);

_Use_decl_annotations_
VOID HeldAddCounters(CMB_DECISION_STATISTICS *Sum, const CMB_DECISION_STATISTICS *Counters) {
    const UINT64 peak = max(Sum->HeldPeak, Counters->HeldPeak);
    for (ULONG i = 0; i < sizeof(*Sum) / sizeof(UINT64); ++i) {
        ((UINT64 *)Sum)[i] += ((const UINT64 *)Counters)[i];
    }
    Sum->HeldPeak = peak;
}
