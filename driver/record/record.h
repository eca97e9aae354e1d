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
    const VOID *Pre;
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

// Relays a notification. Returns the sequence number of the record that stands for it, 0 if it was lost.
_IRQL_requires_max_(APC_LEVEL)
UINT64 RecordRelay(_In_ const NOTIFICATION *Notification);

// Counts an undecided notification as lost.
_IRQL_requires_max_(APC_LEVEL)
VOID RecordLose(_In_ const RECORDER *Recorder, _In_ VERDICT Verdict);

#endif
