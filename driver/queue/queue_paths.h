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
    // CMB_PATH_SLOTS of them.
    QUEUE_PATH *Slots;
    UINT32 LastSerial;
} QUEUE_PATHS;

_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
NTSTATUS PathsInitialize(_Inout_ QUEUE_PATHS *Paths);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID PathsUninitialize(_Inout_ QUEUE_PATHS *Paths);

// Only whole paths of moderate length are kept.
BOOLEAN PathsMayKeep(_In_opt_ const NAME *Name);

// Where a path that may be kept is, or would be.
ULONG PathsSlotOf(_In_ const NAME *Name);

// Whether the slot has that path: every byte of it.
BOOLEAN PathsHas(_In_ const QUEUE_PATHS *Paths, _In_ ULONG Slot, _In_ const NAME *Name);

// Puts the path, which the record names that comes next, into the slot. Returns what was there, which the caller
// releases.
_Must_inspect_result_
NAME *PathsPut(_Inout_ QUEUE_PATHS *Paths, _In_ ULONG Slot, _In_ NAME *Name);

#endif
