// SPDX-License-Identifier: MIT
//
// The RECEIVE requests of one session: an inverted call. Requests wait here for records, and records wait in the queue
// for requests.

#ifndef CMBRIDGE_RECEIVE_H
#define CMBRIDGE_RECEIVE_H

#include "queue/queue.h"

typedef struct RECEIVER {
    IO_CSQ Csq;
    QUEUE *Queue;
    _Guarded_by_(Queue->Lock) LIST_ENTRY Pended;
    // Written with the queue's lock held, read without it by ReceiverWake.
    volatile LONG PendedCount;
    _Guarded_by_(Queue->Lock) BOOLEAN Stopped;
    // A thread is the pump, which moves records into requests; it must look again before it leaves.
    _Guarded_by_(Queue->Lock) BOOLEAN Pumping;
    _Guarded_by_(Queue->Lock) BOOLEAN PumpAgain;
    // The thread of the session, referenced; NULL before ReceiverStart. Whoever has set Pumping, leaves it set and
    // signals Work, makes it the pump.
    VOID *Thread;
    KEVENT Work;
    volatile LONG Ending;
} RECEIVER;

_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
NTSTATUS ReceiverInitialize(_Out_ RECEIVER *Receiver, _In_ __drv_aliasesMem QUEUE *Queue);

// Creates the thread that delivers what callers leave. No request may be pended before.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS ReceiverStart(_Inout_ RECEIVER *Receiver);

// The caller knows that nobody uses the receiver any more. Waits for its thread.
_IRQL_requires_(PASSIVE_LEVEL)
VOID ReceiverUninitialize(_Inout_ RECEIVER *Receiver);

// Takes no more requests and completes those that wait with STATUS_CANCELLED.
_IRQL_requires_max_(APC_LEVEL)
VOID ReceiverStop(_Inout_ RECEIVER *Receiver);

// STATUS_PENDING: the request is no longer the caller's and may be complete already. Any other status: the caller
// completes it.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS ReceiverPend(_Inout_ RECEIVER *Receiver, _Inout_ IRP *Irp);

// Context is the RECEIVER. Completes one request at most, with a small batch, if there is something to read for it; the
// session's thread completes the others, so that no caller pays for the traffic of all.
QUEUE_WAKE ReceiverWake;

#endif
