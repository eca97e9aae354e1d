// SPDX-License-Identifier: MIT
//
// The records of one session: a ring of bounded size with many producers and one consumer, and the account of what was
// lost.

#ifndef CMBRIDGE_QUEUE_H
#define CMBRIDGE_QUEUE_H

#include "compat.h"
#include "protocol.h"

// One per registration; see QueueOpenSource.
#define QUEUE_SOURCES CMB_MAX_REGISTRATIONS

typedef struct QUEUE_COUNTERS {
    // Recorded + LostQueueFull at every moment.
    UINT64 Callbacks;
    UINT64 Recorded;
    UINT64 Delivered;
    UINT64 LostQueueFull;
    UINT64 PathFailures;
    UINT64 CaptureFaults;
} QUEUE_COUNTERS;

typedef struct QUEUE_SOURCE {
    // Tells the records of this user of the place from those of earlier ones.
    UINT32 Serial;
    QUEUE_COUNTERS Counters;
} QUEUE_SOURCE;

// Numbers that were lost since the last record that found room. Loss is decided where numbers are given, so they are
// contiguous.
typedef struct QUEUE_GAP {
    // 0 if nothing is missing.
    UINT64 First;
    UINT64 Last;
    INT64 Time;
    UINT32 Causes;
} QUEUE_GAP;

typedef struct QUEUE_SLOT {
    // Of the slot, this header included.
    UINT32 Size;
    UINT32 Source;
    UINT32 Serial;
    // QUEUE_SLOT_STATE; written once with release by the producer, read with acquire by the consumer.
    volatile LONG State;
} QUEUE_SLOT;

typedef struct QUEUE {
    KSPIN_LOCK Lock;
    // These three do not change once the session is ready.
    UCHAR *Ring;
    ULONG Capacity;
    ULONG RecordLimit;

    _Guarded_by_(Lock) BOOLEAN Stopped;
    _Guarded_by_(Lock) ULONG Head;
    _Guarded_by_(Lock) ULONG Tail;
    _Guarded_by_(Lock) ULONG Used;
    _Guarded_by_(Lock) ULONG UsedPeak;
    _Guarded_by_(Lock) ULONG Records;
    _Guarded_by_(Lock) ULONG RecordsPeak;
    _Guarded_by_(Lock) UINT32 LastSerial;
    _Guarded_by_(Lock) UINT64 LastSequence;
    _Guarded_by_(Lock) QUEUE_GAP Gap;
    // PsGetProcessStartKey of the processes whom the stream has described up to Tail, by slot; 0 is nobody.
    _Guarded_by_(Lock) UINT64 Processes[CMB_PROCESS_SLOTS];
    _Guarded_by_(Lock) QUEUE_COUNTERS Counters;
    _Guarded_by_(Lock) QUEUE_SOURCE Sources[QUEUE_SOURCES];
} QUEUE;

typedef struct QUEUE_REQUEST {
    ULONG Source;
    // sizeof(CMB_RECORD) .. CMB_MAX_RECORD_BYTES
    ULONG RecordSize;
    INT64 Time;
    // Who does it. Key 0: the stream need not describe the process.
    UINT64 ProcessKey;
    ULONG ProcessSlot;
    // Of the record that describes the process, like RecordSize; 0 if the caller has none at hand.
    ULONG ProcessSize;
    // The description is to be repeated before the next record of the process.
    BOOLEAN Repeat;
} QUEUE_REQUEST;

typedef enum QUEUE_RESULT {
    // Lost and counted, or the queue is stopped.
    QueueLost,
    // There is room, but the stream has to describe the process first. Nothing has happened.
    QueueProcessUnknown,
    QueueReserved,
} QUEUE_RESULT;

// Room for records that only their producer touches, until they are committed. They are zeroed; Size, HeaderSize, Kind,
// Sequence and Time are filled in.
typedef struct QUEUE_RESERVATION {
    QUEUE_SLOT *Slot;
    CMB_RECORD *Record;
    // Right before it; NULL if the stream knows the process already.
    QUEUE_SLOT *ProcessSlot;
    CMB_RECORD *Process;
} QUEUE_RESERVATION;

VOID QueueInitialize(_Out_ QUEUE *Queue);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID QueueUninitialize(_Inout_ QUEUE *Queue);

// Gives the queue its ring. The queue takes no records before.
_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS QueueAllocate(_Inout_ QUEUE *Queue, _In_ ULONG Bytes, _In_ ULONG Records);

// From now on nothing is recorded or counted.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID QueueStop(_Inout_ QUEUE *Queue);

// Counters from 0 for a new user of place Source.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID QueueOpenSource(_Inout_ QUEUE *Queue, _In_range_(0, QUEUE_SOURCES - 1) ULONG Source);

// Gives the notification its number. A consumer that reads in order always knows the process that a notification is of:
// whose description a slot has is decided together with the order of the records.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
QUEUE_RESULT QueueReserve(_Inout_ QUEUE *Queue, _In_ const QUEUE_REQUEST *Request,
                          _Out_ QUEUE_RESERVATION *Reservation);

// Hands what was reserved to the consumer. Call ReceiverPump next, or it may lie there.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID QueueCommit(_Inout_ QUEUE *Queue, _In_ const QUEUE_RESERVATION *Reservation, _In_ ULONG CaptureFaults);

// Whether QueueTakeBatch would find something.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Requires_lock_held_(Queue->Lock)
BOOLEAN QueueHasBatch(_In_ const QUEUE *Queue);

// Moves as many whole records as fit, oldest first, behind a CMB_BATCH. One caller at a time. Returns the bytes
// written.
_IRQL_requires_max_(APC_LEVEL)
_Ret_range_(sizeof(CMB_BATCH), Size)
ULONG
QueueTakeBatch(_Inout_ QUEUE *Queue, _Out_writes_bytes_to_(Size, return ) VOID *Output,
               _In_range_(CMB_MIN_RECEIVE_BYTES, CMB_MAX_RECEIVE_BYTES) ULONG Size);

#endif
