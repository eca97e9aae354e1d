// SPDX-License-Identifier: MIT
//
// What a driver does with an IRP: stack locations, pending, cancellation, completion; and the rules that it must keep.

#include "io_internal.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace nt {

// So many completed IRPs are remembered by address, to tell a second completion from a wild pointer.
constexpr size_t kRemembered = 256;

// Under ioLock.
static void freeIrp(Kernel &k, Request &request) {
    std::memset(static_cast<void *>(request.irp), 0xDD, sizeof(IRP));
#if defined(__SANITIZE_ADDRESS__)
    constexpr bool freeAtOnce = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    constexpr bool freeAtOnce = true;
#else
    constexpr bool freeAtOnce = false;
#endif
#else
    constexpr bool freeAtOnce = false;
#endif
    if (freeAtOnce) {
        std::free(request.irp);
    } else {
        // The address must not come back at once, or a stale pointer would look like a new request.
        k.completedIrps.push_back(request.irp);
        if (k.completedIrps.size() > kRemembered) {
            std::free(k.completedIrps.front());
            k.completedIrps.pop_front();
        }
    }
    request.irp = nullptr;
}

std::shared_ptr<Request> findRequest(PIRP irp, const char *routine) {
    Kernel &k = kernel();
    std::lock_guard lock(k.ioLock);
    auto found = k.liveIrps.find(irp);
    if (found == k.liveIrps.end()) {
        bugCheck(MULTIPLE_IRP_COMPLETE_REQUESTS, reinterpret_cast<ULONG_PTR>(irp), 0, 0, 0,
                 "%s: %p is an IRP that was completed already, or none.", routine, static_cast<void *>(irp));
    }
    return found->second;
}

void cancelFile(PFILE_OBJECT file) {
    Kernel &k = kernel();
    std::vector<std::shared_ptr<Request>> held;
    {
        std::lock_guard lock(k.ioLock);
        for (auto &[irp, request] : k.liveIrps) {
            if (request->file == file) {
                ++request->holds;
                held.push_back(request);
            }
        }
    }
    // Addresses differ from run to run.
    std::sort(held.begin(), held.end(), [](const auto &a, const auto &b) { return a->number < b->number; });
    for (auto &request : held) {
        IoCancelIrp(request->irp);
        std::lock_guard lock(k.ioLock);
        if (--request->holds == 0 && request->completed) {
            freeIrp(k, *request);
        }
    }
}

// Under ioLock, once per IRP.
static void complete(Kernel &k, const std::shared_ptr<Request> &request) {
    request->result = request->irp->IoStatus;
    request->completed = true;
    k.liveIrps.erase(request->irp);
    if (request->holds == 0) {
        freeIrp(k, *request);
    }
    k.ioChanged.notify_all();
}

} // namespace nt

using namespace nt;

extern "C" {

PIO_STACK_LOCATION IoGetCurrentIrpStackLocation(PIRP irp) {
    findRequest(irp, "IoGetCurrentIrpStackLocation");
    return irp->Tail.Overlay.CurrentStackLocation;
}

PIO_STACK_LOCATION IoGetNextIrpStackLocation(PIRP irp) {
    findRequest(irp, "IoGetNextIrpStackLocation");
    return irp->Tail.Overlay.CurrentStackLocation - 1;
}

VOID IoMarkIrpPending(PIRP irp) {
    auto request = findRequest(irp, "IoMarkIrpPending");
    irp->Tail.Overlay.CurrentStackLocation->Control |= SL_PENDING_RETURNED;
    std::lock_guard lock(kernel().ioLock);
    request->pendingMarked = true;
}

VOID IoSkipCurrentIrpStackLocation(PIRP irp) {
    findRequest(irp, "IoSkipCurrentIrpStackLocation");
    ++irp->CurrentLocation;
    ++irp->Tail.Overlay.CurrentStackLocation;
}

VOID IoCopyCurrentIrpStackLocationToNext(PIRP irp) {
    PIO_STACK_LOCATION current = IoGetCurrentIrpStackLocation(irp);
    current[-1] = *current;
    current[-1].CompletionRoutine = nullptr;
    current[-1].Control = 0;
}

VOID IoSetCompletionRoutine(PIRP irp, PIO_COMPLETION_ROUTINE routine, PVOID context, BOOLEAN success, BOOLEAN error,
                            BOOLEAN cancel) {
    PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
    next->CompletionRoutine = routine;
    next->Context = context;
    next->Control = static_cast<UCHAR>((success ? SL_INVOKE_ON_SUCCESS : 0) | (error ? SL_INVOKE_ON_ERROR : 0) |
                                       (cancel ? SL_INVOKE_ON_CANCEL : 0));
}

NTSTATUS IofCallDriver(PDEVICE_OBJECT device, PIRP irp) {
    requireIrql(DISPATCH_LEVEL, "IoCallDriver");
    auto request = findRequest(irp, "IoCallDriver");
    if (--irp->CurrentLocation <= 0) {
        bugCheck(NO_MORE_IRP_STACK_LOCATIONS, reinterpret_cast<ULONG_PTR>(irp), 0, 0, 0,
                 "IoCallDriver, but the IRP has no stack location left.");
    }
    PIO_STACK_LOCATION location = --irp->Tail.Overlay.CurrentStackLocation;
    location->DeviceObject = device;
    return device->DriverObject->MajorFunction[location->MajorFunction](device, irp);
}

VOID IofCompleteRequest(PIRP irp, CCHAR) {
    requireIrql(DISPATCH_LEVEL, "IoCompleteRequest");
    point("the completion of a request", irp);
    auto request = findRequest(irp, "IoCompleteRequest");
    auto address = reinterpret_cast<ULONG_PTR>(irp);
    if (irp->IoStatus.Status == STATUS_PENDING) {
        bugCheck(DRIVER_VERIFIER_IOMANAGER_VIOLATION, 0x6, address, 0, 0, "An IRP is completed with STATUS_PENDING.");
    }
    if (PDRIVER_CANCEL cancel = __atomic_load_n(&irp->CancelRoutine, __ATOMIC_ACQUIRE); cancel != nullptr) {
        bugCheck(CANCEL_STATE_IN_COMPLETED_IRP, address, reinterpret_cast<ULONG_PTR>(cancel), 0, 0,
                 "An IRP is completed that still has a cancel routine.");
    }
    // Completion routines of the drivers above; a location's routine was set by the driver over it.
    while (irp->CurrentLocation < irp->StackCount) {
        PIO_STACK_LOCATION location = irp->Tail.Overlay.CurrentStackLocation;
        irp->PendingReturned = (location->Control & SL_PENDING_RETURNED) != 0;
        ++irp->CurrentLocation;
        ++irp->Tail.Overlay.CurrentStackLocation;
        UCHAR when = NT_SUCCESS(irp->IoStatus.Status) ? SL_INVOKE_ON_SUCCESS : SL_INVOKE_ON_ERROR;
        bool wanted =
            (location->Control & when) != 0 || (irp->Cancel && (location->Control & SL_INVOKE_ON_CANCEL) != 0);
        if (location->CompletionRoutine != nullptr && wanted) {
            PDEVICE_OBJECT device = irp->Tail.Overlay.CurrentStackLocation->DeviceObject;
            if (location->CompletionRoutine(device, irp, location->Context) == STATUS_MORE_PROCESSING_REQUIRED) {
                return;
            }
        } else if (irp->PendingReturned) {
            IoMarkIrpPending(irp);
        }
    }
    bool second;
    {
        std::lock_guard lock(kernel().ioLock);
        second = request->completed;
        if (!second) {
            complete(kernel(), request);
        }
    }
    if (second) {
        bugCheck(MULTIPLE_IRP_COMPLETE_REQUESTS, address, 0, 0, 0, "An IRP is completed by two threads.");
    }
    if (request->onCompleted) {
        request->onCompleted(request);
    }
}

PDRIVER_CANCEL IoSetCancelRoutine(PIRP irp, PDRIVER_CANCEL routine) {
    point("a cancel routine", irp);
    return __atomic_exchange_n(&irp->CancelRoutine, routine, __ATOMIC_SEQ_CST);
}

BOOLEAN IoCancelIrp(PIRP irp) {
    KIRQL irql;
    SIM_CALL_STATE before;
    SimEnterDriver(&before);
    IoAcquireCancelSpinLock(&irql);
    point("a request that is cancelled", irp);
    __atomic_store_n(&irp->Cancel, static_cast<BOOLEAN>(TRUE), __ATOMIC_SEQ_CST);
    PDRIVER_CANCEL routine = IoSetCancelRoutine(irp, nullptr);
    if (routine == nullptr) {
        IoReleaseCancelSpinLock(irql);
        return FALSE;
    }
    irp->CancelIrql = irql;
    routine(irp->Tail.Overlay.CurrentStackLocation->DeviceObject, irp);
    // The routine must release the cancel spin lock.
    SimLeaveDriver(&before, "A cancel routine", reinterpret_cast<PVOID>(routine));
    return TRUE;
}

ULONG IoGetRequestorProcessId(PIRP irp) {
    return static_cast<ULONG>(findRequest(irp, "IoGetRequestorProcessId")->thread->process->id);
}

PEPROCESS IoGetRequestorProcess(PIRP irp) {
    return findRequest(irp, "IoGetRequestorProcess")->thread->process;
}

} // extern "C"
