// SPDX-License-Identifier: MIT
//
// Key paths. A path is described first, without a copy, and written where it is wanted once its size is known.

#ifndef CMBRIDGE_NAMES_H
#define CMBRIDGE_NAMES_H

#include "capture.h"
#include "notify_class.h"

typedef struct PATH {
    // Owned; from CmCallbackGetKeyObjectIDEx.
    PCUNICODE_STRING Name;
    // The path is Base, then, if there is a tail, a separator between the two and the tail.
    const VOID *Base;
    ULONG BaseSize;
    BOOLEAN Separator;
    const volatile VOID *UnsafeTail;
    ULONG TailSize;
    // At most CMB_MAX_PATH_BYTES.
    ULONG Size;
    ULONG FullSize;
    // CMB_RECORD_PATH_RESOLVED, CMB_RECORD_PATH_UNAVAILABLE or 0.
    UINT32 Flags;
    // A name of the caller's that belongs to the path could not be read.
    BOOLEAN Fault;
} PATH;

VOID PathSetUnavailable(_Out_ PATH *Path);

// The path is a copy that somebody else owns and that outlives Path.
VOID PathSetBytes(_Out_ PATH *Path, _In_reads_bytes_(Size) const VOID *Bytes, _In_ ULONG Size, _In_ ULONG FullSize,
                  _In_ UINT32 Flags);

// The configuration manager's own name of a live key object.
_IRQL_requires_max_(APC_LEVEL)
VOID PathOfObject(_Out_ PATH *Path, _In_ PLARGE_INTEGER Cookie, _In_opt_ VOID *Object);

// The key that an operation asks for, from the structure of its pre notification.
_IRQL_requires_max_(APC_LEVEL)
VOID PathOfPre(_Out_ PATH *Path, _In_ PLARGE_INTEGER Cookie, _In_ const NOTIFY_CLASS *Class, _In_ const VOID *Pre);

// Writes Path->Size bytes. FALSE if the caller's part could not be read; Path is unavailable from then on.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
BOOLEAN PathWrite(_Inout_ PATH *Path, _Out_writes_bytes_all_(Path->Size) VOID *Destination);

_IRQL_requires_max_(APC_LEVEL)
VOID PathRelease(_Inout_ PATH *Path);

#endif
