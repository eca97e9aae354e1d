// SPDX-License-Identifier: MIT
//
// The parts of the callback; callback*.c only.

#ifndef CMBRIDGE_CALLBACK_PHASES_H
#define CMBRIDGE_CALLBACK_PHASES_H

#include "record.h"

_IRQL_requires_max_(APC_LEVEL)
VOID CallbackPre(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ ULONG Number, _Inout_ VOID *Pre);

// State is what pre has stored.
_IRQL_requires_max_(APC_LEVEL)
VOID CallbackPost(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ ULONG Number,
                  _In_ const REG_POST_OPERATION_INFORMATION *Post, _In_ const CALL_STATE *State);

VOID CallbackSetCall(_Inout_ NOTIFICATION *Notification, _In_ const CALL *Call);

// Ignored if the registration is not for the class at all.
_IRQL_requires_max_(APC_LEVEL)
VERDICT CallbackDecide(_In_ const RULESET *Ruleset, _Inout_ SUBJECT *Subject, _In_ ULONG Number, _In_ UINT32 Outcome);

// Likewise.
_IRQL_requires_max_(APC_LEVEL)
BOOLEAN CallbackCanWant(_In_ const RULESET *Ruleset, _Inout_ SUBJECT *Subject, _In_ ULONG Number,
                        _In_ BOOLEAN ByAnybody);

// Whether there is a record to be made; what is undecided is counted as lost.
_IRQL_requires_max_(APC_LEVEL)
BOOLEAN CallbackIsRelayed(_In_ const REGISTRATION *Registration, _In_ VERDICT Verdict);

#endif
