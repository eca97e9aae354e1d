// SPDX-License-Identifier: MIT
//
// What the parts of carrying a decision out know of each other; only decision*.c include it.

#ifndef CMBRIDGE_DECISION_PARTS_H
#define CMBRIDGE_DECISION_PARTS_H

#include "decide/decision.h"

// decision_output.c: gives the caller of a query the output of the decision. STATUS_ACCESS_VIOLATION if it cannot be
// written.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS DecisionWriteOutput(_In_ const DECISION *Decision, _In_ const DECISION_SUBJECT *Subject,
                             _In_ const NOTIFY_PRE *Pre);

// The following functions make calls of their own.

// decision_undo.c: writes a value of the key that a notification is about, or deletes it if Data is NULL. The caller's
// handle has the right to do that: the configuration manager has looked before it called.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS DecisionWriteValue(_In_ VOID *Object, _In_opt_ const UNICODE_STRING *UnsafeName, _In_ UINT32 TitleIndex,
                            _In_ UINT32 Type, _In_reads_bytes_opt_(Size) const VOID *Data, _In_ ULONG Size);

// decision_redirect.c: opens or creates the decision's path in place of the one that was asked for, with the rights of
// the caller, and puts it where the operation has its result. Object is that key object, whose reference is the
// configuration manager's.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS DecisionRedirect(_In_ const DECISION *Decision, _In_ LARGE_INTEGER *Cookie, _In_ BOOLEAN IsCreate,
                          _Inout_ REG_CREATE_KEY_INFORMATION_V1 *Create, _Outptr_result_maybenull_ VOID **Object);

// decision_undo.c: takes back what the operation has done. The caller has looked at Subject->CanUndo.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS DecisionUndo(_In_ LARGE_INTEGER *Cookie, _In_ const DECISION_SUBJECT *Subject,
                      _In_ const REG_POST_OPERATION_INFORMATION *Post);

#endif
