// SPDX-License-Identifier: MIT
//
// What the program, or a rule in its place, wants done about an operation: whether it suits, and carrying it out.

#ifndef CMBRIDGE_DECISION_H
#define CMBRIDGE_DECISION_H

#include "record/call.h"

typedef struct DECISION {
    // CMB_DECISION_*, but not CMB_DECISION_DEFAULT.
    UINT16 Kind;
    // CMB_REPLY_*
    UINT16 Flags;
    NTSTATUS Status;
    UINT32 Type;
    UINT32 ResultLength;
    // Owned; NULL if there are no data.
    VOID *Data;
    ULONG DataSize;
} DECISION;

// What a decision has to suit and what carrying it out needs to know. It is noted when the question is put, for who
// answers does so on another thread.
typedef struct DECISION_SUBJECT {
    const NOTIFY_CLASS *Class;
    // The class of the notification.
    ULONG Number;
    // In post: how the operation has ended so far.
    NTSTATUS Status;
    // Queries: the size of the caller's buffer.
    ULONG OutputSize;
    // Query multiple: the number of its entries.
    ULONG Entries;
    // Load: the caller wants a handle, so that the operation cannot be bypassed. Of other classes NOTIFY_FITS_OUTPUT
    // says that they have an output.
    BOOLEAN NeedsOutput;
    // In post: CMB_REPLY_UNDO is possible.
    BOOLEAN CanUndo;
    // Borrowed from the call: what was there before. NULL if that is not known.
    const FACTS *Facts;
} DECISION_SUBJECT;

// decision_rules.c: Post is NULL in pre. Call is what pre has noted, NULL if that is not known, and has to outlive the
// subject.
_IRQL_requires_max_(APC_LEVEL)
VOID DecisionDescribe(_Out_ DECISION_SUBJECT *Subject, _In_ const NOTIFY_CLASS *Class, _In_ ULONG Number,
                      _In_ const NOTIFY_PRE *Pre, _In_opt_ const REG_POST_OPERATION_INFORMATION *Post,
                      _In_opt_ const CALL *Call);

// decision_check.c: returns CMB_REPLY_ACCEPTED, or why the decision does not suit. Reads nothing but its arguments and
// what they borrow, so that a lock may be held.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
UINT32 DecisionCheck(_In_ const DECISION *Decision, _In_ const DECISION_SUBJECT *Subject);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID DecisionFree(_Inout_ DECISION *Decision);

// decision_carry.c and its parts (decision_output.c, decision_redirect.c, decision_undo.c) carry out a decision that
// was checked, and never one of a dry run. They are called on the thread of the operation, inside of the callback.
// Cookie is that of the registration whose callback it is.

typedef struct DECISION_RESULT {
    // What the callback returns to the configuration manager.
    NTSTATUS Return;
    // How the operation ends for the caller because of the decision. STATUS_SUCCESS for CMB_DECISION_ALLOW says
    // nothing.
    NTSTATUS Status;
    // The driver has tried to do something, and Status is the error of that.
    BOOLEAN Failed;
    // Redirect: the key object that the caller gets, not referenced, for as long as the callback runs. Otherwise NULL.
    VOID *Object;
} DECISION_RESULT;

// In pre. The operation ends here unless NT_SUCCESS(Result->Return).
_IRQL_requires_max_(APC_LEVEL)
VOID DecisionCarryPre(_In_ const DECISION *Decision, _In_ LARGE_INTEGER *Cookie, _In_ const DECISION_SUBJECT *Subject,
                      _Inout_ VOID *Pre, _Out_ DECISION_RESULT *Result);

// In post. Changes Post->ReturnStatus, Post->Object and the outputs of the operation where the decision says so.
_IRQL_requires_max_(APC_LEVEL)
VOID DecisionCarryPost(_In_ const DECISION *Decision, _In_ LARGE_INTEGER *Cookie, _In_ const DECISION_SUBJECT *Subject,
                       _Inout_ REG_POST_OPERATION_INFORMATION *Post, _Out_ DECISION_RESULT *Result);

#endif
