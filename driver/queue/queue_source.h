// SPDX-License-Identifier: MIT
//
// What the parts of the queue know of its sources; only queue*.c include it.

#ifndef CMBRIDGE_QUEUE_SOURCE_H
#define CMBRIDGE_QUEUE_SOURCE_H

#include "queue/queue.h"

#define GAP_SLOT_SIZE RING_SLOT_SIZE(GAP_RECORD_SIZE)
// The owner of gap and process records, which are no source's.
#define NO_OWNER 0

// QueueFits takes at most so many sizes.
#define QUEUE_MAX_FITS 3

// Whether records of these sizes fit, one after the other; a size of 0 is no record. Decided: they may take what is set
// apart for records of decisions.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Requires_lock_held_(Queue->Lock)
_Must_inspect_result_
BOOLEAN QueueFits(_In_ const QUEUE *Queue, _In_reads_(Count) const ULONG *Sizes,
                  _In_range_(1, QUEUE_MAX_FITS) ULONG Count, _In_ BOOLEAN Decided);

// NULL for NO_OWNER and for padding. The source may have another user by now.
_Requires_lock_held_(Queue->Lock)
QUEUE_SOURCE *SourceOf(_Inout_ QUEUE *Queue, _In_ UINT32 Owner);

// Gives a number to a notification that is lost, and counts it. Due: an idle consumer is to be told at once.
_Requires_lock_held_(Queue->Lock)
VOID SourceLose(_Inout_ QUEUE *Queue, _Inout_ QUEUE_SOURCE *Source, _In_ UINT32 Cause, _In_ INT64 Time,
                _In_ BOOLEAN Due);

// Writes the gap of the source, which has one, into the ring, which has room for it.
_Requires_lock_held_(Queue->Lock)
VOID SourceTellGap(_Inout_ QUEUE *Queue, _Inout_ QUEUE_SOURCE *Source);

// Writes the gaps of all sources, as far as there is room.
_Requires_lock_held_(Queue->Lock)
VOID SourceTellGaps(_Inout_ QUEUE *Queue);

#endif
