// SPDX-License-Identifier: MIT
//
// Blocks of one size that are there before they are needed, so that whoever must not allocate can have one. Blocks that
// come back go to others; a work item replaces those that stay away.

#ifndef CMBRIDGE_RESERVE_H
#define CMBRIDGE_RESERVE_H

#include "base/compat.h"

// At most this many wait; when fewer than the second number do, the work item is queued.
#define RESERVE_BLOCKS 128
#define RESERVE_LOW 64

typedef struct RESERVE {
    KSPIN_LOCK Lock;
    PIO_WORKITEM Worker;
    ULONG BlockSize;
    _Guarded_by_(Lock) SINGLE_LIST_ENTRY Blocks;
    _Guarded_by_(Lock) ULONG Count;
    // It was filled once.
    _Guarded_by_(Lock) BOOLEAN Started;
    // The work item is queued or at work.
    _Guarded_by_(Lock) BOOLEAN Refilling;
    // Signalled while it is not.
    KEVENT Idle;
} RESERVE;

// Until it is filled for the first time the reserve has nothing to give and takes nothing back.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
NTSTATUS ReserveInitialize(_Out_ RESERVE *Reserve, _In_ ULONG BlockSize, _In_ DEVICE_OBJECT *Device);

// Nobody uses the reserve any more.
_IRQL_requires_(PASSIVE_LEVEL)
VOID ReserveUninitialize(_Inout_ RESERVE *Reserve);

// As far as memory reaches; what is missing is tried again later.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ReserveFill(_Inout_ RESERVE *Reserve);

// A zeroed block as from MemoryAllocate, NULL if there is none.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
VOID *ReserveTake(_Inout_ RESERVE *Reserve);

// Instead of MemoryFree, for a block of the size of this reserve wherever it came from.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ReserveGive(_Inout_ RESERVE *Reserve, _In_ _Post_ptr_invalid_ VOID *Block);

#endif
