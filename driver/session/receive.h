// SPDX-License-Identifier: MIT
//
// The RECEIVE requests of one session: an inverted call. Requests wait here for records, and records wait in the queue
// for requests.

#ifndef CMBRIDGE_RECEIVE_H
#define CMBRIDGE_RECEIVE_H

#include "queue/queue.h"
#include "session/users.h"

typedef struct RECEIVER {
    IO_CSQ Csq;
    QUEUE *Queue;
    // The users of the session; the work item is one while it is queued or runs.
    USERS *Users;
    _Guarded_by_(Queue->Lock) LIST_ENTRY Pended;
    // Written with the queue's lock held, read without it by ReceiverWake.
    volatile LONG PendedCount;
    _Guarded_by_(Queue->Lock) BOOLEAN Stopped;
    // Queued by the thread that has set Pumping and leaves it set.
    PIO_WORKITEM Worker;
    // A thread is the pump, which moves records into requests; it must look again before it leaves.
    _Guarded_by_(Queue->Lock) BOOLEAN Pumping;
    _Guarded_by_(Queue->Lock) BOOLEAN PumpAgain;
} RECEIVER;

_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS ReceiverInitialize(_Out_ RECEIVER *Receiver, _In_ __drv_aliasesMem QUEUE *Queue,
                            _In_ __drv_aliasesMem USERS *Users, _In_ DEVICE_OBJECT *Device);

// The caller knows that nobody uses the receiver any more.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ReceiverUninitialize(_Inout_ RECEIVER *Receiver);

// Takes no more requests and completes those that wait with STATUS_CANCELLED.
_IRQL_requires_max_(APC_LEVEL)
VOID ReceiverStop(_Inout_ RECEIVER *Receiver);

// STATUS_PENDING: the request is no longer the caller's and may be complete already. Any other status: the caller
// completes it.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS ReceiverPend(_Inout_ RECEIVER *Receiver, _Inout_ IRP *Irp);

// Context is the RECEIVER. Completes one request at most if there is something to read for it; a worker thread
// completes the others, so that no caller pays for the traffic of all.
QUEUE_WAKE ReceiverWake;

#endif
