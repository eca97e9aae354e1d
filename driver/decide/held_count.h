// SPDX-License-Identifier: MIT
//
// What was asked and decided, in numbers: of a session and of its registrations.

#ifndef CMBRIDGE_HELD_COUNT_H
#define CMBRIDGE_HELD_COUNT_H

#include "decide/held.h"

// Adds to a counter of the session, and of the asker if that is known.
#define HELD_COUNT(Table, Asker, Field, Number)                                                                        \
    HeldCountAt((Table), (Asker), FIELD_OFFSET(CMB_DECISION_STATISTICS, Field), (Number))
_Requires_lock_held_(Table->Lock)
VOID HeldCountAt(_Inout_ HELD_TABLE *Table, _Inout_opt_ ASKER *Asker, _In_ LONG Offset, _In_ INT64 Number);

// Counts so many more that are held now.
_Requires_lock_held_(Table->Lock)
VOID HeldCountHeld(_Inout_ HELD_TABLE *Table, _Inout_ ASKER *Asker, _In_ INT64 Number);

// Counts what was decided. Asked: the operation was held for that.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID HeldCount(_Inout_ ASKER *Asker, _In_ const CMB_DECIDED *Decided, _In_ BOOLEAN Asked, _In_ BOOLEAN Failed);

// Adds up. The peak of a sum is the highest of the peaks.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID HeldAddCounters(_Inout_ CMB_DECISION_STATISTICS *Sum, _In_ const CMB_DECISION_STATISTICS *Counters);

#endif
