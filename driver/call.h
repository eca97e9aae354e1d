// SPDX-License-Identifier: MIT
//
// One operation, from its pre to its post notification: what post needs and only pre can find out.

#ifndef CMBRIDGE_CALL_H
#define CMBRIDGE_CALL_H

#include "facts.h"
#include "key_object.h"

typedef struct CALL_TRANSACTION {
    BOOLEAN Present;
    GUID Id;
} CALL_TRANSACTION;

// By value: copying it moves what it owns.
typedef struct CALL {
    // KeQueryPerformanceCounter when the pre callback began.
    LONGLONG Start;
    // 0 if the pre notification was not relayed, or lost.
    UINT64 PreSequence;
    UINT64 KeyObject;
    // The key that is meant, NULL if it is not known.
    NAME *KeyPath;
    // Save merged: the other key.
    NAME *OtherPath;
    // Zeroed if it is not known.
    CMB_BODY_CLOSE Opener;
    CALL_TRANSACTION Transaction;
    FACTS Facts;
} CALL;

// Finds out what there is to know about an operation whose pre notification is Pre.
_IRQL_requires_max_(APC_LEVEL)
VOID CallBegin(_Out_ CALL *Call, _Inout_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ VOID *Pre);

// The key object of a pre close is about to die: the last time that its path can be had.
_IRQL_requires_max_(APC_LEVEL)
VOID CallCloseObject(_Inout_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ VOID *Pre);

// Stores the call where the post notification finds it. FALSE if there is no memory for it.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
BOOLEAN CallKeep(_In_ const CALL *Call, _In_ const NOTIFY_CLASS *Class, _Inout_ VOID *Pre);

// Nanoseconds since CallBegin.
_IRQL_requires_max_(HIGH_LEVEL)
UINT64 CallGetDuration(_In_ const CALL *Call);

// Frees what the call owns.
_IRQL_requires_max_(APC_LEVEL)
VOID CallEnd(_Inout_ CALL *Call);

// CallEnd for one that was kept; also frees the call itself.
_IRQL_requires_max_(APC_LEVEL)
VOID CallFree(_In_opt_ _Post_ptr_invalid_ CALL *Call);

#endif
