// SPDX-License-Identifier: MIT
//
// Puts a notification into the queue of its session.

#ifndef CMBRIDGE_RECORD_H
#define CMBRIDGE_RECORD_H

#include "names.h"
#include "registration.h"

typedef struct NOTIFICATION {
    REGISTRATION *Registration;
    const NOTIFY_CLASS *Class;
    ULONG Number;
    // The structure of the pre notification, in both phases; NULL if there is none.
    const VOID *Pre;
    // NULL in pre.
    const REG_POST_OPERATION_INFORMATION *Post;
    UINT64 PreSequence;
    // CMB_RECORD_PRE_UNKNOWN or 0; the rest follows from the above.
    UINT32 Flags;
    PATH Path;
} NOTIFICATION;

// Returns the sequence number of the record, 0 if it was lost.
_IRQL_requires_max_(APC_LEVEL)
UINT64 RecordRelay(_Inout_ NOTIFICATION *Notification);

#endif
