// SPDX-License-Identifier: MIT
//
// The records of one session: a ring of bounded size with many producers and one consumer, and the account of what was
// lost.

#ifndef CMBRIDGE_QUEUE_H
#define CMBRIDGE_QUEUE_H

#include "queue/queue_gap.h"
#include "queue/queue_merge.h"
#include "queue/queue_paths.h"
#include "queue/rate.h"
#include "queue/ring.h"

// There are places for all registrations, and for as many that are gone and whose last gap is still to be told.
#define QUEUE_SOURCES (2 * CMB_MAX_REGISTRATIONS)

typedef struct QUEUE_COUNTERS {
    // This is at every moment the sum of Recorded, Coalesced and the four kinds of loss.
    UINT64 Callbacks;
    UINT64 Recorded;
    UINT64 Coalesced;
    UINT64 Delivered;
    UINT64 LostQueueFull;
    UINT64 LostNoMemory;
    UINT64 LostCaptureFault;
    UINT64 LostRateLimit;
    UINT64 PathFailures;
    UINT64 CaptureFaults;
} QUEUE_COUNTERS;

_IRQL_requires_max_(DISPATCH_LEVEL)
static inline UINT64 QueueCountLost(_In_ const QUEUE_COUNTERS *Counters) {
    return Counters->LostQueueFull + Counters->LostNoMemory + Counters->LostCaptureFault + Counters->LostRateLimit;
}

typedef enum QUEUE_SOURCE_STATE {
    QueueSourceFree,
    QueueSourceOpen,
    // The registration is gone, and its last gap is pending.
    QueueSourceClosed,
} QUEUE_SOURCE_STATE;

typedef struct QUEUE_SOURCE {
    QUEUE_SOURCE_STATE State;
    // Tells the records of this user of the place from those of others. Modulo QUEUE_SOURCES it is the place.
    UINT32 Owner;
    INT64 Cookie;
    QUEUE_COUNTERS Counters;
    // The source is linked here while its gap is pending.
    LIST_ENTRY GapLink;
    QUEUE_GAP Gap;
    // The gap is pending, and an idle consumer is to be told of it at once.
    BOOLEAN GapDue;
    // ClockNow() when a gap of this source was last told.
    UINT64 GapTold;
    // These two do not change while the source is open; what they hold does, under the queue's lock.
    RATE Rate;
    QUEUE_MERGE *Merge;
} QUEUE_SOURCE;

// Tells the reader that there may be something to read. Called without the queue's lock, by whatever thread has made it
// so; the session of the queue does not go away meanwhile.
_IRQL_requires_max_(APC_LEVEL)
_Function_class_(QUEUE_WAKE)
typedef VOID QUEUE_WAKE(_Inout_ VOID *Context);

typedef struct QUEUE {
    KSPIN_LOCK Lock;
    // These two are set once, by QueueInitialize.
    QUEUE_WAKE *Wake;
    VOID *WakeContext;
    // This does not change once the session is ready.
    ULONG RecordLimit;

    _Guarded_by_(Lock) RING Ring;
    _Guarded_by_(Lock) BOOLEAN Stopped;
    _Guarded_by_(Lock) ULONG Records;
    _Guarded_by_(Lock) ULONG RecordsPeak;
    _Guarded_by_(Lock) UINT64 LastSequence;
    // The sources with a pending gap, in the order of their first losses, and how many of these gaps are due.
    _Guarded_by_(Lock) LIST_ENTRY Gaps;
    _Guarded_by_(Lock) ULONG GapsDue;
    // PsGetProcessStartKey of the processes whom the stream has described up to its end, by slot; 0 is nobody.
    _Guarded_by_(Lock) UINT64 Processes[CMB_PROCESS_SLOTS];
    _Guarded_by_(Lock) QUEUE_PATHS Paths;
    _Guarded_by_(Lock) QUEUE_COUNTERS Counters;
    _Guarded_by_(Lock) ULONG OpenSources;
    _Guarded_by_(Lock) QUEUE_SOURCE Sources[QUEUE_SOURCES];
} QUEUE;

// Every function of the queue that makes something readable wakes the reader when it has released the lock, but for
// two: QueueBegin leaves it to QueueCommit when it has begun a draft, even if it has told a gap before the draft, and
// QueueTellBreaker to its caller, which holds a lock of its own, under which nobody can be woken.
_IRQL_requires_max_(APC_LEVEL)
static inline VOID QueueWake(_In_ const QUEUE *Queue) {
    Queue->Wake(Queue->WakeContext);
}

typedef struct QUEUE_REQUEST {
    ULONG Source;
    // A multiple of 8 from sizeof(CMB_RECORD) on; with PathSize at most CMB_MAX_RECORD_BYTES.
    ULONG RecordSize;
    // The bytes that KeyPath takes at the end of the record, unless the stream knows the path.
    ULONG PathSize;
    NAME *KeyPath;
    INT64 Time;
    // The process that acts. With key 0 the stream need not describe it.
    UINT64 ProcessKey;
    ULONG ProcessSlot;
    // The size of the record that describes the process, a multiple of 8; 0 if the caller has none at hand.
    ULONG ProcessSize;
    // The description is to be repeated before the next record of the process.
    BOOLEAN Repeat;
} QUEUE_REQUEST;

typedef enum QUEUE_RESULT {
    // The notification was lost and counted, or the queue is stopped.
    QueueLost,
    // There is room, but the stream has to describe the process first. Nothing has happened.
    QueueProcessUnknown,
    QueueBegun,
} QUEUE_RESULT;

// Room for records that only their producer touches, until it commits them. Their headers are zeroed but for Size,
// HeaderSize, Kind, Sequence, Time, PathSlot and PathSerial. What follows a header is not zeroed, except in Process.
typedef struct QUEUE_DRAFT {
    ULONG Source;
    RING_SLOT *Slot;
    UINT64 Start;
    CMB_RECORD *Record;
    // The record has no room for the path; the stream knows it.
    BOOLEAN PathKept;
    // The process is described right before the record. NULL if the stream knows it already.
    RING_SLOT *ProcessSlot;
    CMB_RECORD *Process;
} QUEUE_DRAFT;

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID QueueInitialize(_Out_ QUEUE *Queue, _In_ QUEUE_WAKE *Wake, _In_ __drv_aliasesMem VOID *WakeContext);

// The queue is stopped and has no open source; statistics may still be read. Frees what QueueAllocate has allocated.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID QueueUninitialize(_Inout_ QUEUE *Queue);

// Allocates the ring and the table of paths. The queue takes no records before.
_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS QueueAllocate(_Inout_ QUEUE *Queue, _In_ ULONG Bytes, _In_ ULONG Records);

// From now on nothing is recorded or counted.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID QueueStop(_Inout_ QUEUE *Queue);

// queue_source.c

// Takes the options of CMB_REGISTER_REQUEST. STATUS_QUOTA_EXCEEDED: CMB_MAX_REGISTRATIONS are open, or that many are
// closed and their last gaps wait for the consumer.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
NTSTATUS QueueOpenSource(_Inout_ QUEUE *Queue, _In_ const CMB_REGISTER_REQUEST *Options, _Out_ ULONG *Source);

// Sets what gap records name the source by. The caller does so before anything of the source can be lost.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID QueueNameSource(_Inout_ QUEUE *Queue, _In_range_(0, QUEUE_SOURCES - 1) ULONG Source, _In_ INT64 Cookie);

// The caller knows that nobody uses the source any more. Its gap, if there is one, becomes due.
_IRQL_requires_max_(APC_LEVEL)
VOID QueueCloseSource(_Inout_ QUEUE *Queue, _In_range_(0, QUEUE_SOURCES - 1) ULONG Source,
                      _Out_ QUEUE_COUNTERS *Counters);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID QueueGetCounters(_Inout_ QUEUE *Queue, _In_range_(0, QUEUE_SOURCES - 1) ULONG Source,
                      _Out_ QUEUE_COUNTERS *Counters);

// Gives a notification its number and counts it as lost. Cause is one of CMB_GAP_*.
_IRQL_requires_max_(APC_LEVEL)
VOID QueueLose(_Inout_ QUEUE *Queue, _In_range_(0, QUEUE_SOURCES - 1) ULONG Source, _In_ UINT32 Cause, _In_ INT64 Time);

// Returns whether the rate limit lets a notification through. If not, it was counted as lost.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
BOOLEAN QueueAdmit(_Inout_ QUEUE *Queue, _In_range_(0, QUEUE_SOURCES - 1) ULONG Source, _In_ INT64 Time);

// Writes a record that is no notification and has no number. FALSE if there is no room. May be called with a lock held,
// and does not wake the reader: the caller calls QueueWake without the lock.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
BOOLEAN QueueTellBreaker(_Inout_ QUEUE *Queue, _In_ INT64 Cookie, _In_ const CMB_BODY_BREAKER *Body, _In_ INT64 Time);

// queue.c

// Gives the notification its number. A consumer that reads in order always knows the process and the path that a
// notification refers to: whose description and which path a slot has is decided together with the order of the
// records. What was begun must be committed.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
QUEUE_RESULT QueueBegin(_Inout_ QUEUE *Queue, _In_ const QUEUE_REQUEST *Request, _Out_ QUEUE_DRAFT *Draft);

// Hands the draft to the consumer. Merge: the record is a read, complete, of a source that coalesces. Returns the
// number of the record that stands for the notification, which is another's if that one counts it.
_IRQL_requires_max_(APC_LEVEL)
UINT64 QueueCommit(_Inout_ QUEUE *Queue, _In_ const QUEUE_DRAFT *Draft, _In_ ULONG CaptureFaults, _In_ BOOLEAN Merge);

// queue_batch.c

// Whether QueueTakeBatch would find something that is worth a batch.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Requires_lock_held_(Queue->Lock)
BOOLEAN QueueHasBatch(_In_ const QUEUE *Queue);

// Moves as many whole records as fit, oldest first, behind a CMB_BATCH, and returns the bytes written. The caller sees
// to it that there is one call at a time.
_IRQL_requires_max_(APC_LEVEL)
_Ret_range_(sizeof(CMB_BATCH), Size)
ULONG
QueueTakeBatch(_Inout_ QUEUE *Queue, _Out_writes_bytes_to_(Size, return ) VOID *Output,
               _In_range_(CMB_MIN_RECEIVE_BYTES, CMB_MAX_RECEIVE_BYTES) ULONG Size);

#endif
