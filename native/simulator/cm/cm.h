// SPDX-License-Identifier: MIT
//
// The configuration manager as its host sees it: start, stop, options, diagnostics. What drivers call
// (CmRegisterCallbackEx and the rest) is declared by the NT headers.

#ifndef CM_CM_H
#define CM_CM_H

#include "compat.h"
#include "store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _CM_OPTIONS {
    // Misuse that a real system lets pass, or hangs or crashes on later, is a bug check at once.
    BOOLEAN Strict;
    // What a post callback leaves in ReturnStatus reaches the caller even if it did not return STATUS_CALLBACK_BYPASS.
    // Seen on real systems; documentation says otherwise.
    BOOLEAN ObservedReturnStatus;
    // 0: create and open are reported with the structures of version 0, otherwise version 1.
    UCHAR CreateVersion;
    // 0: REG_LOAD_KEY_INFORMATION, 2: REG_LOAD_KEY_INFORMATION_V2.
    UCHAR LoadVersion;
    // Windows 7 and older: of a user-mode caller, the text of Class, ValueName (delete, query), NewName and KeyName,
    // Data of set value and BufferLength of query multiple are its own memory, probed but not captured. It can change
    // or go away between what callbacks see and what the operation reads.
    BOOLEAN RawInputs;
} CM_OPTIONS, *PCM_OPTIONS;

// What strict mode found; first parameter of bug check CM_VIOLATION_BUGCHECK. The number is the one that Driver
// Verifier uses; the subcodes lie outside its range.
#define CM_VIOLATION_BUGCHECK 0x000000C4ul

typedef enum _CM_VIOLATION {
    CmViolationIrql = 0xC3000001,             // IRQL, highest allowed
    CmViolationUnknownCookie = 0xC3000002,    // cookie
    CmViolationBadObject = 0xC3000003,        // object
    CmViolationUnregisterInside = 0xC3000004, // cookie, callback: would wait for itself
    CmViolationReturnStatus = 0xC3000005,     // callback, Status, ReturnStatus: written without STATUS_CALLBACK_BYPASS
    CmViolationResultObject = 0xC3000006,     // status, object: create or open answered with a wrong or missing object
    CmViolationNameNotOurs = 0xC3000007,      // name: released twice, or never given out
    CmViolationNamesLeaked = 0xC3000008,      // count
    CmViolationContextsLeaked = 0xC3000009,   // count
    CmViolationRegistrationsLeaked = 0xC300000A, // count
    CmViolationObjectsLeaked = 0xC300000B,       // count
    CmViolationNameModified = 0xC300000C,        // name: a string of CmCallbackGetKeyObjectID or ...Ex was changed
} CM_VIOLATION;

typedef struct _CM_STATISTICS {
    ULONG Registrations;
    ULONG KeyObjects; // live, without the permanent one of \REGISTRY
    ULONG Keys;       // keys that some object refers to, and their ancestors
    ULONG ObjectContexts;
    ULONG KeyNames;        // from CmCallbackGetKeyObjectIDEx, not yet released
    ULONG Operations;      // between their first pre and their last post
    ULONG64 Notifications; // delivered since start
    ULONG Blocks;          // of memory, of the store too
} CM_STATISTICS, *PCM_STATISTICS;

// Options NULL: strict, documented, newest structures. The store is the caller's
// and must outlive the system.
_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS CmInitSystem(PCM_STORE Store, const CM_OPTIONS *Options);
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID CmShutdownSystem(VOID);

_IRQL_requires_max_(PASSIVE_LEVEL)
VOID CmGetOptions(PCM_OPTIONS Options);
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID CmSetOptions(const CM_OPTIONS *Options);
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID CmGetStatistics(PCM_STATISTICS Statistics);

// Raises a notification that no operation caused. A pre or post class raises the pair: pre from the top, then, to those
// that are owed one, post with OperationStatus; the result is what a caller of the operation would have got. Class 40
// detaches and reports the contexts of the object; if it has none, every callback is called once, with no context.
// 10-13 and numbers this system does not know are single calls whose results are ignored. Object: a key object that the
// caller has a reference on.
_IRQL_requires_max_(APC_LEVEL)
_IRQL_requires_same_
NTSTATUS CmInjectNotification(PVOID Object, ULONG NotifyClass, NTSTATUS OperationStatus);
// With the caller's name wherever the structure has that of a value or of a key, or with any if Name is NULL.
_IRQL_requires_max_(APC_LEVEL)
_IRQL_requires_same_
NTSTATUS CmInjectNamedNotification(PVOID Object, ULONG NotifyClass, PCUNICODE_STRING Name, NTSTATUS OperationStatus);

// The next Count name lookups (CmCallbackGetKeyObjectID and ...Ex) fail with Status.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID CmFailNameLookups(ULONG Count, NTSTATUS Status);
// The Nth-next allocation of the configuration manager for itself fails, once; 0 switches off.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID CmFailAllocation(ULONG Nth);

#ifdef __cplusplus
}
#endif

#endif
