// SPDX-License-Identifier: MIT
//
// The parts of the callback; callback*.c only.

#ifndef CMBRIDGE_CALLBACK_PHASES_H
#define CMBRIDGE_CALLBACK_PHASES_H

#include "decide/ask.h"
#include "session/registration.h"

// The classes that come when a key object is closed and dies.
#define CLEAN_UP CLASS_BIT(RegNtCallbackObjectContextCleanup)
#define CLOSE (CLASS_BIT(RegNtPreKeyHandleClose) | CLASS_BIT(RegNtPostKeyHandleClose) | CLEAN_UP)

// Returns what the configuration manager is to be told.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS CallbackPre(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ ULONG Number,
                     _Inout_ VOID *Pre);

// Likewise. State is what pre has stored.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS CallbackPost(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ ULONG Number,
                      _Inout_ REG_POST_OPERATION_INFORMATION *Post, _In_ const CALL_STATE *State);

// In place of the post notification of an operation that ended in pre, with Status. Object is the key object that the
// caller gets; NULL: none. Class is that of pre.
_IRQL_requires_max_(APC_LEVEL)
VOID CallbackEnded(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ VOID *Pre,
                   _In_ const CALL *Call, _In_ RULESET *Ruleset, _In_ NTSTATUS Status, _In_opt_ VOID *Object);

// callback_decided.c: pre of an operation that AskIsDecided. Relays what is to be relayed and stores what is to be done
// in post. Returns likewise.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS CallbackDecidedPre(_In_ REGISTRATION *Registration, _In_ const SUBJECT *Subject, _In_ RULESET *Ruleset,
                            _In_ VERDICT Verdict, _In_ ULONG Number, _In_ VERDICT OnSuccess, _In_ VERDICT OnFailure);

// Whether what is opened is to be looked at in post whatever pre says.
_IRQL_requires_max_(APC_LEVEL)
BOOLEAN CallbackIsOpenWanted(_In_ const REGISTRATION *Registration, _In_ const RULESET *Ruleset,
                             _In_ const NOTIFY_CLASS *Class);

// How an operation would have ended by the decision, as far as that is known without trying.
NTSTATUS CallbackRehearse(_In_ const DECISION *Decision);

VOID CallbackSetCall(_Inout_ NOTIFICATION *Notification, _In_ const CALL *Call);

// Ignored if the registration is not for the class at all.
_IRQL_requires_max_(APC_LEVEL)
VERDICT CallbackDecide(_In_ const REGISTRATION *Registration, _In_ const RULESET *Ruleset, _Inout_ SUBJECT *Subject,
                       _In_ ULONG Number, _In_ UINT32 Outcome);

// Likewise.
_IRQL_requires_max_(APC_LEVEL)
BOOLEAN CallbackCanWant(_In_ const REGISTRATION *Registration, _In_ const RULESET *Ruleset, _Inout_ SUBJECT *Subject,
                        _In_ ULONG Number, _In_ BOOLEAN ByAnybody);

// Likewise, any of what comes when a key object is closed and dies.
_IRQL_requires_max_(APC_LEVEL)
BOOLEAN CallbackCanWantClose(_In_ const REGISTRATION *Registration, _In_ const RULESET *Ruleset,
                             _Inout_ SUBJECT *Subject, _In_ BOOLEAN ByAnybody);

// Whether there is a record to be made; what is undecided is counted as lost.
_IRQL_requires_max_(APC_LEVEL)
BOOLEAN CallbackIsRelayed(_In_ const REGISTRATION *Registration, _In_ VERDICT Verdict);

#endif
