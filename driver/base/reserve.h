// SPDX-License-Identifier: MIT
//
// Blocks of one size that are there before they are needed, so that whoever must not allocate can have one. Blocks that
// come back go to others; a work item replaces those that stay away.

#ifndef CMBRIDGE_RESERVE_H
#define CMBRIDGE_RESERVE_H

#include "base/compat.h"

// The reserve holds at most RESERVE_BLOCKS. Taking one queues the work item if fewer than RESERVE_LOW are left.
#define RESERVE_BLOCKS 128
#define RESERVE_LOW 64

typedef struct RESERVE {
    KSPIN_LOCK Lock;
    PIO_WORKITEM Worker;
    ULONG BlockSize;
    _Guarded_by_(Lock) SINGLE_LIST_ENTRY Blocks;
    _Guarded_by_(Lock) ULONG Count;
    // ReserveFill was called: before that the reserve gives and takes nothing.
    _Guarded_by_(Lock) BOOLEAN Started;
    // The work item is queued or at work.
    _Guarded_by_(Lock) BOOLEAN Refilling;
    // Signalled while the work item is neither queued nor at work.
    KEVENT Idle;
} RESERVE;

// The work item belongs to Device, which must outlive the reserve. Until ReserveFill the reserve is empty and stays so.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
NTSTATUS ReserveInitialize(_Out_ RESERVE *Reserve, _In_ ULONG BlockSize, _In_ DEVICE_OBJECT *Device);

// Waits for the work item. The caller sees to it that nobody uses the reserve any more.
_IRQL_requires_(PASSIVE_LEVEL)
VOID ReserveUninitialize(_Inout_ RESERVE *Reserve);

// Allocates what the reserve lacks, as far as there is memory. The work item tries again when a block is taken.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ReserveFill(_Inout_ RESERVE *Reserve);

// Takes a zeroed block, to be freed by ReserveGive or MemoryFree; NULL if there is none.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
VOID *ReserveTake(_Inout_ RESERVE *Reserve);

// Frees a block of this size, wherever it came from, or keeps it for the next ReserveTake.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ReserveGive(_Inout_ RESERVE *Reserve, _In_ _Post_ptr_invalid_ VOID *Block);

#endif
