// SPDX-License-Identifier: MIT
//
// The records of one session: a ring of bounded size with many producers and one consumer, and the account of what was
// lost.

#ifndef CMBRIDGE_QUEUE_H
#define CMBRIDGE_QUEUE_H

#include "queue/queue_gap.h"
#include "queue/queue_paths.h"
#include "queue/rate.h"
#include "queue/ring.h"

// A record of at most so many bytes is copied into the ring, with the lock held; one that is larger stays where it is.
#define QUEUE_COPY_BYTES 4096

// There are places for all registrations, and for as many that are gone and whose last gap is still to be told.
#define QUEUE_SOURCES (2 * CMB_MAX_REGISTRATIONS)

typedef struct QUEUE_COUNTERS {
    // This is at every moment the sum of Recorded and the four kinds of loss.
    UINT64 Callbacks;
    UINT64 Recorded;
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
    RATE Rate;
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
    // What all records may take, and how much more those of decisions may. These do not change once the session is
    // ready.
    ULONG ByteLimit;
    ULONG RecordLimit;
    ULONG SpareBytes;
    ULONG SpareRecords;

    // Records, or the places of those that stay in blocks of their own.
    _Guarded_by_(Lock) RING Ring;
    // The bytes of such blocks.
    _Guarded_by_(Lock) ULONG BlockBytes;
    _Guarded_by_(Lock) ULONG BytesPeak;
    // Written with the lock held, and read without it by QueueIsStopped.
    volatile LONG Stopped;
    _Guarded_by_(Lock) ULONG Records;
    _Guarded_by_(Lock) ULONG RecordsPeak;
    _Guarded_by_(Lock) UINT64 LastSequence;
    // The sources with a pending gap, in the order of their first losses, and how many of these gaps are due.
    _Guarded_by_(Lock) LIST_ENTRY Gaps;
    _Guarded_by_(Lock) ULONG GapsDue;
    // PsGetProcessStartKey of the processes whom the stream has described up to its end, by slot; 0 is nobody.
    // Written with the lock held, and read without it by QueueKnowsProcess.
    volatile LONG64 Processes[CMB_PROCESS_SLOTS];
    _Guarded_by_(Lock) QUEUE_PATHS Paths;
    _Guarded_by_(Lock) QUEUE_COUNTERS Counters;
    _Guarded_by_(Lock) ULONG OpenSources;
    _Guarded_by_(Lock) QUEUE_SOURCE Sources[QUEUE_SOURCES];
} QUEUE;

// Every function of the queue that makes something readable wakes the reader when it has released the lock, but for
// QueueSend and QueueTellBreaker, which are called with a lock held: under that nobody can be woken, and the caller
// does it afterwards.
_IRQL_requires_max_(APC_LEVEL)
static inline VOID QueueWake(_In_ const QUEUE *Queue) {
    Queue->Wake(Queue->WakeContext);
}

// How much the queue holds.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Requires_lock_held_(Queue->Lock)
static inline ULONG QueueBytes(_In_ const QUEUE *Queue) {
    return Queue->Ring.Used + Queue->BlockBytes;
}

typedef enum QUEUE_RESULT {
    // The notification was lost and counted, or the queue is stopped.
    QueueLost,
    // There is room, but the stream has to describe the process first. Nothing has happened.
    QueueProcessUnknown,
    QueueSent,
} QUEUE_RESULT;

// What a producer has built, and what settles its place in the stream.
typedef struct QUEUE_DRAFT {
    ULONG Source;
    // Owned, from MemoryAllocate, at most CMB_MAX_RECORD_BYTES; complete but for Sequence, PathSlot and PathSerial.
    // NULL once the queue has taken it over.
    CMB_RECORD *Record;
    // The last PathSize bytes of the record are this path; they are left out if the stream knows it. NULL: there is no
    // path, or none that is to be kept.
    NAME *KeyPath;
    ULONG PathSize;
    // Reads of the caller's memory that faulted.
    ULONG CaptureFaults;
    // It is a question, or tells what was decided: it may take what is set apart for these.
    BOOLEAN Decided;
    // The stream has to describe the process that the record names before it.
    BOOLEAN NeedsProcess;
    // The description, owned as Record is; NULL if there is none at hand.
    CMB_RECORD *Process;
    // The description is to be repeated before the next record of the process.
    BOOLEAN Repeat;
    // The path that has lost its place to this one; the producer gives the reference back.
    NAME *FormerPath;
} QUEUE_DRAFT;

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID QueueInitialize(_Out_ QUEUE *Queue, _In_ QUEUE_WAKE *Wake, _In_ __drv_aliasesMem VOID *WakeContext);

// The queue is stopped, or has no source yet. Frees what QueueAllocate has allocated; what stays is for statistics and
// for callbacks of registrations that are kept, which look first whether the queue is stopped.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID QueueUninitialize(_Inout_ QUEUE *Queue);

// Allocates the ring and the table of paths. The queue takes no records before. Bytes and Records are what all records
// may take.
_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS QueueAllocate(_Inout_ QUEUE *Queue, _In_ ULONG Bytes, _In_ ULONG Records);

// From now on nothing is recorded or counted.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID QueueStop(_Inout_ QUEUE *Queue);

// Nothing is recorded any more. FALSE: that may have changed when the caller looks at the answer.
_IRQL_requires_max_(DISPATCH_LEVEL)
static inline BOOLEAN QueueIsStopped(_In_ const QUEUE *Queue) {
    return ReadAcquire(&Queue->Stopped) != FALSE;
}

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

// Whether the stream describes the process up to its end. That may have changed when the caller looks at the answer.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN QueueKnowsProcess(_In_ const QUEUE *Queue, _In_range_(0, CMB_PROCESS_SLOTS - 1) ULONG Slot, _In_ UINT64 Key);

// Gives the notification its number and puts its record into the queue, complete, or counts it as lost. A consumer that
// reads in order always knows the process and the path that a notification refers to: whose description and which path
// a slot has is decided together with the order of the records. Does not wake the reader.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
QUEUE_RESULT QueueSend(_Inout_ QUEUE *Queue, _Inout_ QUEUE_DRAFT *Draft, _Inout_ UINT64 *Sequence);

// queue_batch.c

// Whether QueueTakeBatch would find something that is worth a batch.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Requires_lock_held_(Queue->Lock)
BOOLEAN QueueHasBatch(_In_ const QUEUE *Queue);

// Whether the oldest record, if there is one, fits into a batch of Size.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Requires_lock_held_(Queue->Lock)
BOOLEAN QueueStartsWithin(_In_ const QUEUE *Queue, _In_ ULONG Size);

// Moves as many whole records as fit, oldest first, behind a CMB_BATCH, and returns the bytes written. The caller sees
// to it that there is one call at a time, and that the oldest record fits.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Ret_range_(sizeof(CMB_BATCH), Size)
ULONG
QueueTakeBatch(_Inout_ QUEUE *Queue, _Out_writes_bytes_to_(Size, return ) VOID *Output,
               _In_range_(sizeof(CMB_BATCH), CMB_MAX_RECEIVE_BYTES) ULONG Size);

#endif
