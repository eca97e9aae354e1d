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
NTSTATUS DecisionWriteOutput(_In_ const DECISION *Decision, _In_ const DECISION_SUBJECT *Subject, _In_ const VOID *Pre);

// The following functions make calls of their own, which only filters of lower altitude see, with handles that no
// process can see or close.

// decision_open.c: opens a handle to an object that a notification is about, which the caller closes. What is done
// through it belongs to the same transaction.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS DecisionOpenObject(_In_ VOID *Object, _In_opt_ POBJECT_TYPE Type, _In_ ACCESS_MASK Access,
                            _Out_ HANDLE *Handle);

// decision_open.c: Zw routines trust their arguments, so a string of the caller's must be a copy. The caller frees
// Copy->Buffer.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS DecisionCopyString(_Out_ UNICODE_STRING *Copy, _In_opt_ const UNICODE_STRING *UnsafeString);

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
