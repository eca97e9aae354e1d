// SPDX-License-Identifier: MIT
//
// Makes a record of a notification, and puts it into the queue of its session.

#ifndef CMBRIDGE_RECORD_H
#define CMBRIDGE_RECORD_H

#include "record/call.h"

// A notification and what is known about it. What is not known is NULL or 0.
typedef struct NOTIFICATION {
    const RECORDER *Recorder;
    const NOTIFY_CLASS *Class;
    ULONG Number;
    // The structure of the pre notification, in both phases; NULL if there is none.
    const NOTIFY_PRE *Pre;
    // NULL in pre.
    const REG_POST_OPERATION_INFORMATION *Post;
    NAME *KeyPath;
    const NAME *OtherPath;
    // Create and open: whichever of the two is the path as it was requested.
    const NAME *RequestedPath;
    UINT64 KeyObject;
    UINT64 PreSequence;
    UINT64 Duration;
    const CMB_BODY_CLOSE *Opener;
    const CALL_TRANSACTION *Transaction;
    const FACTS *Facts;
    // A copy of the value's name, if there is one already.
    const CAPTURE *ValueName;
    // What was decided, or the question.
    const CMB_DECIDED *Decided;
    // CMB_RECORD_PRE_UNKNOWN or 0; the other flags follow from the above.
    UINT32 Flags;
} NOTIFICATION;

// A record on its way from the notification to the queue. What is in the notification stays where it is until
// RecordFree.
typedef struct RECORD_DRAFT {
    const RECORDER *Recorder;
    // The sequence number, once it was sent.
    UINT64 Sequence;
    QUEUE_DRAFT Queued;
} RECORD_DRAFT;

// Reads everything that the record says, the caller's memory included, into memory of its own, and who the process is
// if the stream does not say so yet. Nobody waits for it meanwhile. FALSE if there is nothing to send: the registration
// is silent, or the notification was lost, which is counted, by the rate limit, unless it is decided about, or for lack
// of memory.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
_Success_(return != FALSE)
BOOLEAN RecordBuild(_In_ const NOTIFICATION *Notification, _Out_ RECORD_DRAFT *Draft);

// Writes the ticket of a question, which was not known when the record was built, into it.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RecordSetTicket(_Inout_ RECORD_DRAFT *Draft, _In_ UINT64 Ticket);

// Puts the record into the queue, complete, or counts it as lost. Touches no memory of the caller and waits for nothing
// but the queue's lock, so it may be called with a lock held that stands above that. Draft->Sequence is the number of
// the record unless it was lost. QueueProcessUnknown: nothing has happened. The stream described the process when the
// record was built, and does so no longer; the caller calls RecordDescribe without a lock, and sends again.
// The reader is not woken before RecordFree.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
QUEUE_RESULT RecordSend(_Inout_ RECORD_DRAFT *Draft);

// Adds to the draft who the current process is. If there is no memory for it the record does without.
_IRQL_requires_(PASSIVE_LEVEL)
VOID RecordDescribe(_Inout_ RECORD_DRAFT *Draft);

// Frees what RecordBuild has built, and wakes the reader if RecordSend was called. The caller holds no lock.
_IRQL_requires_max_(APC_LEVEL)
VOID RecordFree(_Inout_ RECORD_DRAFT *Draft);

// Does all of these in turn. Returns the sequence number of the record, 0 if it was lost.
_IRQL_requires_max_(APC_LEVEL)
UINT64 RecordRelay(_In_ const NOTIFICATION *Notification);

// Counts an undecided notification as lost.
_IRQL_requires_max_(APC_LEVEL)
VOID RecordLose(_In_ const RECORDER *Recorder, _In_ VERDICT Verdict);

#endif
