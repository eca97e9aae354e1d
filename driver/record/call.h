// SPDX-License-Identifier: MIT
//
// One operation, from its pre to its post notification: what post needs and only pre can find out.

#ifndef CMBRIDGE_CALL_H
#define CMBRIDGE_CALL_H

#include "queue/queue.h"
#include "record/facts.h"
#include "verdict/verdict.h"

// What a registration records with: its place in a queue, and what it wants of the facts.
typedef struct RECORDER {
    KEY_FILTER *Filter;
    QUEUE *Queue;
    // The place in Queue->Sources.
    ULONG Source;
    // CMB_REGISTER_OLD_VALUES
    BOOLEAN OldValues;
    ULONG MaxDataBytes;
} RECORDER;

typedef struct CALL_TRANSACTION {
    BOOLEAN Present;
    GUID Id;
} CALL_TRANSACTION;

// The copy that CallKeep makes takes over what the call owns.
typedef struct CALL {
    // ClockNow() when the pre callback began.
    UINT64 Start;
    // The number of the pre notification's record; 0 if it was not relayed, or lost.
    UINT64 PreSequence;
    UINT64 KeyObject;
    // The path of the key that is meant; NULL if it is not known. Referenced.
    NAME *KeyPath;
    // Save merged: the path of the other key. Referenced.
    NAME *OtherPath;
    // Who has opened the key object; zeroed if that is not known.
    CMB_BODY_CLOSE Opener;
    CALL_TRANSACTION Transaction;
    FACTS Facts;
    // Referenced once the call is kept: what was in force in pre is in force in post.
    RULESET *Ruleset;
    // The verdicts about the post notification.
    VERDICT OnSuccess;
    VERDICT OnFailure;
    // What was decided about the operation; NULL if nothing was. Owned once the call is kept.
    const CMB_DECIDED *Decided;
} CALL;

// Finds out what there is to know about an operation whose pre notification is Pre. What Subject has found out is not
// asked again.
_IRQL_requires_max_(APC_LEVEL)
VOID CallBegin(_Out_ CALL *Call, _In_ const RECORDER *Recorder, _In_ const NOTIFY_CLASS *Class, _In_ VOID *Pre,
               _In_ const SUBJECT *Subject);

// Stores the call where the post notification finds it, with a reference to Ruleset. FALSE if there is no memory for
// it.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
BOOLEAN CallKeep(_In_ const CALL *Call, _In_ RULESET *Ruleset, _In_ const NOTIFY_CLASS *Class, _Inout_ VOID *Pre);

// These store what takes no memory. CallDefer: Ruleset, to which it keeps a reference, is to decide about the post
// notification. CallIgnore: that is to be ignored. CallIgnoreUnlessOpened: it is to be ignored unless a key was opened;
// pre knew nothing of that key, so what is in force by then decides.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID CallDefer(_In_ RULESET *Ruleset, _In_ const NOTIFY_CLASS *Class, _Inout_ VOID *Pre);
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID CallIgnore(_In_ const NOTIFY_CLASS *Class, _Inout_ VOID *Pre);
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID CallIgnoreUnlessOpened(_In_ const NOTIFY_CLASS *Class, _Inout_ VOID *Pre);

// What was stored. At most one of them is set.
typedef struct CALL_STATE {
    CALL *Call;
    RULESET *Ruleset;
    BOOLEAN OnlyOpened;
    BOOLEAN Ignored;
} CALL_STATE;

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID CallRecall(_In_opt_ VOID *CallContext, _Out_ CALL_STATE *State);

// Frees what a call owns that is not kept.
_IRQL_requires_max_(APC_LEVEL)
VOID CallEnd(_Inout_ CALL *Call);

// Frees what CallRecall has found, and gives its references back.
_IRQL_requires_max_(APC_LEVEL)
VOID CallForget(_In_ const CALL_STATE *State);

#endif
