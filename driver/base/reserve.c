// SPDX-License-Identifier: MIT
//
// The list of blocks, and the work item that fills it.

#include "base/reserve.h"
#include "base/memory.h"

static IO_WORKITEM_ROUTINE RefillReserve;

_Use_decl_annotations_
NTSTATUS ReserveInitialize(RESERVE *Reserve, ULONG BlockSize, DEVICE_OBJECT *Device) {
    NT_ASSERT(BlockSize >= sizeof(SINGLE_LIST_ENTRY));
    RtlZeroMemory(Reserve, sizeof(*Reserve));
    KeInitializeSpinLock(&Reserve->Lock);
    KeInitializeEvent(&Reserve->Idle, NotificationEvent, TRUE);
    Reserve->BlockSize = BlockSize;
    Reserve->Worker = IoAllocateWorkItem(Device);
    return Reserve->Worker ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

// FALSE if the reserve is full; the block is still the caller's then.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
static BOOLEAN PutBlock(_Inout_ RESERVE *Reserve, _In_ VOID *Block) {
    KIRQL irql;
    KeAcquireSpinLock(&Reserve->Lock, &irql);
    const BOOLEAN room = Reserve->Started && Reserve->Count < RESERVE_BLOCKS;
    if (room) {
        PushEntryList(&Reserve->Blocks, Block);
        ++Reserve->Count;
    }
    KeReleaseSpinLock(&Reserve->Lock, irql);
    return room;
}

_Use_decl_annotations_
VOID ReserveFill(RESERVE *Reserve) {
    BOOLEAN room = TRUE;
    KIRQL irql;
    KeAcquireSpinLock(&Reserve->Lock, &irql);
    Reserve->Started = TRUE;
    KeReleaseSpinLock(&Reserve->Lock, irql);
    while (room) {
        VOID *block = MemoryAllocate(Reserve->BlockSize);
        room = block && PutBlock(Reserve, block);
        if (!room) {
            MemoryFree(block);
        }
    }
}

_Use_decl_annotations_
VOID ReserveUninitialize(RESERVE *Reserve) {
    SINGLE_LIST_ENTRY *block;
    KIRQL irql;
    KeWaitForSingleObject(&Reserve->Idle, Executive, KernelMode, FALSE, NULL);
    // The work item signals with the lock held and does not touch the reserve once it has released it, so after the
    // lock was held here it is done.
    KeAcquireSpinLock(&Reserve->Lock, &irql);
    KeReleaseSpinLock(&Reserve->Lock, irql);
    IoFreeWorkItem(Reserve->Worker);
    Reserve->Worker = NULL;
    while ((block = PopEntryList(&Reserve->Blocks)) != NULL) {
        MemoryFree(block);
    }
    Reserve->Count = 0;
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID NTAPI RefillReserve(PDEVICE_OBJECT Device, PVOID Context) {
    RESERVE *reserve = Context;
    KIRQL irql;
    UNREFERENCED_PARAMETER(Device);
    ReserveFill(reserve);
    KeAcquireSpinLock(&reserve->Lock, &irql);
    reserve->Refilling = FALSE;
    KeSetEvent(&reserve->Idle, IO_NO_INCREMENT, FALSE);
    KeReleaseSpinLock(&reserve->Lock, irql);
}

_Use_decl_annotations_
VOID *ReserveTake(RESERVE *Reserve) {
    KIRQL irql;
    KeAcquireSpinLock(&Reserve->Lock, &irql);
    SINGLE_LIST_ENTRY *block = PopEntryList(&Reserve->Blocks);
    Reserve->Count -= block != NULL;
    const BOOLEAN low = Reserve->Started && Reserve->Count < RESERVE_LOW && !Reserve->Refilling;
    if (low) {
        Reserve->Refilling = TRUE;
        KeClearEvent(&Reserve->Idle);
    }
    KeReleaseSpinLock(&Reserve->Lock, irql);
    if (low) {
        IoQueueWorkItem(Reserve->Worker, RefillReserve, DelayedWorkQueue, Reserve);
    }
    if (block) {
        RtlZeroMemory(block, Reserve->BlockSize);
    }
    return block;
}

_Use_decl_annotations_
VOID ReserveGive(RESERVE *Reserve, VOID *Block) {
    if (!PutBlock(Reserve, Block)) {
        MemoryFree(Block);
    }
}
