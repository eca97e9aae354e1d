// SPDX-License-Identifier: MIT
//
// What the parts of the callback know of each other; only callback*.c include it.

#ifndef CMBRIDGE_CALLBACK_PHASES_H
#define CMBRIDGE_CALLBACK_PHASES_H

#include "decide/ask.h"
#include "key/key_object.h"
#include "record/record.h"
#include "session/registration.h"
#include "verdict/verdict.h"

// The classes that come when a key object is closed and dies.
#define CLEAN_UP CLASS_BIT(RegNtCallbackObjectContextCleanup)
#define CLOSE (CLASS_BIT(RegNtPreKeyHandleClose) | CLASS_BIT(RegNtPostKeyHandleClose) | CLEAN_UP)

// callback_pre.c: returns what the configuration manager is to be told.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS CallbackPre(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ ULONG Number,
                     _Inout_ VOID *Pre);

// callback_post.c: returns what the configuration manager is to be told. State is what pre has stored.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS CallbackPost(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ ULONG Number,
                      _Inout_ REG_POST_OPERATION_INFORMATION *Post, _In_ const CALL_STATE *State);

// callback_post.c: in place of the post notification of an operation that ended in pre, with Status. Object is the key
// object that the caller gets; NULL: none. Class is that of pre.
_IRQL_requires_max_(APC_LEVEL)
VOID CallbackEnded(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ VOID *Pre,
                   _In_ const CALL *Call, _In_ RULESET *Ruleset, _In_ NTSTATUS Status, _In_opt_ VOID *Object);

// callback_decided.c: pre of an operation that AskIsDecided. Relays what is to be relayed and stores what is to be done
// in post. Returns what the configuration manager is to be told.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS CallbackDecidedPre(_In_ REGISTRATION *Registration, _In_ const SUBJECT *Subject, _In_ RULESET *Ruleset,
                            _In_ VERDICT Verdict, _In_ ULONG Number, _In_ VERDICT OnSuccess, _In_ VERDICT OnFailure);

// callback_wanted.c: the post notification is to be ignored, unless it tells of a key that was opened and that rules
// may want to know of.
_IRQL_requires_max_(APC_LEVEL)
VOID CallbackIgnore(_In_ const REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _Inout_ VOID *Pre);

// callback_wanted.c: how an operation would have ended by the decision, as far as that is known without trying.
_IRQL_requires_max_(APC_LEVEL)
NTSTATUS CallbackRehearse(_In_ const DECISION *Decision);

// callback_wanted.c: puts what pre knew into the notification, which borrows from Call.
_IRQL_requires_max_(APC_LEVEL)
VOID CallbackSetCall(_Inout_ NOTIFICATION *Notification, _In_ const CALL *Call);

// callback_wanted.c: the verdict about the notification, which is ignored if the registration is not for the class at
// all.
_IRQL_requires_max_(APC_LEVEL)
VERDICT CallbackDecide(_In_ const REGISTRATION *Registration, _In_ const RULESET *Ruleset, _Inout_ SUBJECT *Subject,
                       _In_ ULONG Number, _In_ UINT32 Outcome);

// callback_wanted.c: what VerdictCanWant says; FALSE if the registration is not for the class at all.
_IRQL_requires_max_(APC_LEVEL)
BOOLEAN CallbackCanWant(_In_ const REGISTRATION *Registration, _In_ const RULESET *Ruleset, _Inout_ SUBJECT *Subject,
                        _In_ ULONG Number, _In_ BOOLEAN ByAnybody);

// callback_wanted.c: whether it can want any of what comes when a key object is closed and dies, whoever closes it.
_IRQL_requires_max_(APC_LEVEL)
BOOLEAN CallbackCanWantClose(_In_ const REGISTRATION *Registration, _In_ const RULESET *Ruleset,
                             _Inout_ SUBJECT *Subject);

// callback_wanted.c: whether there is a record to be made. What is undecided is counted as lost.
_IRQL_requires_max_(APC_LEVEL)
BOOLEAN CallbackIsRelayed(_In_ const REGISTRATION *Registration, _In_ VERDICT Verdict);

#endif
