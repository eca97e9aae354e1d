// SPDX-License-Identifier: MIT
//
// The key paths that the stream of a session has named up to its end, so that a record can refer to one.

#ifndef CMBRIDGE_QUEUE_PATHS_H
#define CMBRIDGE_QUEUE_PATHS_H

#include "base/names.h"

typedef struct QUEUE_PATH {
    // Referenced; NULL if the slot was never used.
    NAME *Name;
    UINT32 Serial;
} QUEUE_PATH;

typedef struct QUEUE_PATHS {
    // An owned array of CMB_PATH_SLOTS.
    QUEUE_PATH *Slots;
    UINT32 LastSerial;
} QUEUE_PATHS;

_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
NTSTATUS PathsInitialize(_Inout_ QUEUE_PATHS *Paths);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID PathsUninitialize(_Inout_ QUEUE_PATHS *Paths);

// Returns whether the path is one to keep: it is whole, and no longer than CMB_MAX_KEPT_PATH_BYTES.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN PathsMayKeep(_In_opt_ const NAME *Name);

// The slot in which a path that may be kept is, or would be.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG PathsSlotOf(_In_ const NAME *Name);

// Returns whether the slot has that path, byte for byte. The queue's lock is held, as for PathsPut.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN PathsHas(_In_ const QUEUE_PATHS *Paths, _In_ ULONG Slot, _In_ const NAME *Name);

// Puts the path, which the next record names, into the slot and references it. Returns the former path, which the
// caller releases.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
NAME *PathsPut(_Inout_ QUEUE_PATHS *Paths, _In_ ULONG Slot, _In_ NAME *Name);

#endif
