// SPDX-License-Identifier: MIT
//
// Work items, each on a system thread of its own: a worker pool's limits are not part of the contract.

#include "io_internal.h"

struct _IO_WORKITEM {
    PDEVICE_OBJECT device;
    PIO_WORKITEM_ROUTINE routine;
    PVOID context;
    std::atomic<bool> queued{false};
};

static VOID run(PVOID context) {
    // The routine may free the item, and a freed item may be anything.
    auto item = static_cast<PIO_WORKITEM>(context);
    PDEVICE_OBJECT device = item->device;
    PIO_WORKITEM_ROUTINE routine = item->routine;
    PVOID argument = item->context;
    item->queued = false;
    SIM_CALL_STATE before;
    SimEnterDriver(&before);
    routine(device, argument);
    SimLeaveDriver(&before, "A work item", reinterpret_cast<PVOID>(routine));
    ObfDereferenceObject(device);
}

extern "C" {

PIO_WORKITEM IoAllocateWorkItem(PDEVICE_OBJECT device) {
    nt::requireIrql(DISPATCH_LEVEL, "IoAllocateWorkItem");
    if (nt::failHere()) {
        return nullptr;
    }
    auto item = new _IO_WORKITEM;
    item->device = device;
    return item;
}

VOID IoFreeWorkItem(PIO_WORKITEM item) {
    if (item->queued) {
        nt::bugCheck(DRIVER_VERIFIER_IOMANAGER_VIOLATION, 0x10, reinterpret_cast<ULONG_PTR>(item), 0, 0,
                     "A work item is freed while it is queued.");
    }
    delete item;
}

VOID IoQueueWorkItem(PIO_WORKITEM item, PIO_WORKITEM_ROUTINE routine, WORK_QUEUE_TYPE, PVOID context) {
    nt::requireIrql(DISPATCH_LEVEL, "IoQueueWorkItem");
    nt::point("a work item", item);
    if (item->queued.exchange(true)) {
        nt::bugCheck(0x96, reinterpret_cast<ULONG_PTR>(item), 0, 0, 0, "A work item is queued that is queued already.");
    }
    item->routine = routine;
    item->context = context;
    ObfReferenceObject(item->device);
    nt::startWorker(run, item);
}

} // extern "C"
