// SPDX-License-Identifier: MIT
//
// The life of an IRP: issue, stack locations, pending, cancellation, completion; and the rules that a driver must keep.

#include "io_internal.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

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

static PIO_STACK_LOCATION stack(PIRP irp) {
    return reinterpret_cast<PIO_STACK_LOCATION>(irp + 1);
}

static std::shared_ptr<Request> build(PFILE_OBJECT file, UCHAR major) {
    PDEVICE_OBJECT device = file->DeviceObject;
    auto locations = static_cast<size_t>(device->StackSize);
    auto irp = static_cast<PIRP>(std::calloc(1, sizeof(IRP) + locations * sizeof(IO_STACK_LOCATION)));
    if (irp == nullptr) {
        throw std::bad_alloc();
    }
    PKTHREAD thread = currentThread();
    irp->Type = 6;
    irp->Size = static_cast<USHORT>(sizeof(IRP) + locations * sizeof(IO_STACK_LOCATION));
    irp->StackCount = static_cast<CHAR>(locations);
    irp->CurrentLocation = static_cast<CHAR>(locations);
    irp->RequestorMode = thread->previousMode;
    irp->Tail.Overlay.Thread = reinterpret_cast<PETHREAD>(thread);
    irp->Tail.Overlay.OriginalFileObject = file;
    irp->Tail.Overlay.CurrentStackLocation = stack(irp) + locations - 1;
    irp->Tail.Overlay.CurrentStackLocation->MajorFunction = major;
    irp->Tail.Overlay.CurrentStackLocation->DeviceObject = device;
    irp->Tail.Overlay.CurrentStackLocation->FileObject = file;
    auto request = std::make_shared<Request>();
    request->irp = irp;
    request->file = file;
    request->major = major;
    request->thread = thread;
    ObfReferenceObject(thread);
    return request;
}

std::shared_ptr<Request> buildSimple(PFILE_OBJECT file, UCHAR major) {
    return build(file, major);
}

NTSTATUS buildControl(PFILE_OBJECT file, ACCESS_MASK access, ULONG code, const void *input, size_t inputLength,
                      void *output, size_t outputLength, std::shared_ptr<Request> *result) {
    // The code's access bits are FILE_READ_DATA and FILE_WRITE_DATA by value.
    ACCESS_MASK needed = (code >> 14) & (FILE_READ_DATA | FILE_WRITE_DATA);
    if ((needed & ~access) != 0) {
        return STATUS_ACCESS_DENIED;
    }
    ULONG method = METHOD_FROM_CTL_CODE(code);
    if (!(method == METHOD_NEITHER || userMemoryAllows(input, inputLength, false)) ||
        !(method == METHOD_NEITHER || method == METHOD_IN_DIRECT || userMemoryAllows(output, outputLength, true)) ||
        !(method != METHOD_IN_DIRECT || userMemoryAllows(output, outputLength, false))) {
        return STATUS_ACCESS_VIOLATION;
    }
    std::shared_ptr<Request> request = build(file, IRP_MJ_DEVICE_CONTROL);
    // Dropped when the request is finished: CLOSE comes after the last request.
    ObfReferenceObject(file);
    PIRP irp = request->irp;
    PIO_STACK_LOCATION location = irp->Tail.Overlay.CurrentStackLocation;
    auto &parameters = location->Parameters.DeviceIoControl;
    parameters.IoControlCode = code;
    parameters.InputBufferLength = static_cast<ULONG>(inputLength);
    parameters.OutputBufferLength = static_cast<ULONG>(outputLength);
    request->code = code;
    request->userOutput = output;
    request->outputLength = outputLength;
    if (method == METHOD_NEITHER) {
        parameters.Type3InputBuffer = const_cast<void *>(input);
        irp->UserBuffer = output;
        *result = std::move(request);
        return STATUS_SUCCESS;
    }
    size_t size = method == METHOD_BUFFERED ? std::max(inputLength, outputLength) : inputLength;
    if (size != 0) {
        request->systemBuffer = std::malloc(size);
        if (request->systemBuffer == nullptr) {
            throw std::bad_alloc();
        }
        // What lies behind the input is not zeroed on Windows either: a driver that returns it leaks pool.
        std::memset(request->systemBuffer, 0xB5, size);
        if (inputLength != 0) {
            std::memcpy(request->systemBuffer, input, inputLength);
        }
        irp->AssociatedIrp.SystemBuffer = request->systemBuffer;
    }
    if (method == METHOD_BUFFERED) {
        irp->UserBuffer = output;
    } else if (outputLength != 0) {
        auto mdl = static_cast<PMDL>(std::calloc(1, sizeof(MDL)));
        if (mdl == nullptr) {
            throw std::bad_alloc();
        }
        mdl->Size = sizeof(MDL);
        mdl->StartVa = PAGE_ALIGN(output);
        mdl->ByteOffset = BYTE_OFFSET(output);
        mdl->ByteCount = static_cast<ULONG>(outputLength);
        mdl->MdlFlags = MDL_PAGES_LOCKED | (method == METHOD_OUT_DIRECT ? MDL_WRITE_OPERATION : 0);
        mdl->Process = request->thread->process;
        request->mdl = irp->MdlAddress = mdl;
    }
    *result = std::move(request);
    return STATUS_SUCCESS;
}

void issue(const std::shared_ptr<Request> &request) {
    requireIrql(PASSIVE_LEVEL, "A request of user mode");
    Kernel &k = kernel();
    PIRP irp = request->irp;
    PDEVICE_OBJECT device = irp->Tail.Overlay.CurrentStackLocation->DeviceObject;
    PDRIVER_DISPATCH dispatch = device->DriverObject->MajorFunction[request->major];
    {
        std::lock_guard lock(k.ioLock);
        k.liveIrps.emplace(irp, request);
    }
    KPROCESSOR_MODE mode = currentThread()->previousMode;
    SIM_CALL_STATE before;
    SimEnterDriver(&before);
    NTSTATUS status = dispatch(device, irp);
    SimLeaveDriver(&before, "A dispatch routine", reinterpret_cast<PVOID>(dispatch));
    SimSetPreviousMode(mode);
    std::lock_guard lock(k.ioLock);
    auto where = reinterpret_cast<ULONG_PTR>(dispatch);
    if (status == STATUS_PENDING && !request->pendingMarked) {
        bugCheck(DRIVER_VERIFIER_IOMANAGER_VIOLATION, 0x20E, where, static_cast<ULONG>(status), request->code,
                 "A dispatch routine (major 0x%02x) returned STATUS_PENDING but did not call IoMarkIrpPending.",
                 request->major);
    }
    if (status != STATUS_PENDING && request->pendingMarked) {
        bugCheck(DRIVER_VERIFIER_IOMANAGER_VIOLATION, 0x20D, where, static_cast<ULONG>(status), request->code,
                 "A dispatch routine (major 0x%02x) marked the IRP pending but returned 0x%08X.", request->major,
                 static_cast<ULONG>(status));
    }
    if (status != STATUS_PENDING && !request->completed) {
        bugCheck(DRIVER_VERIFIER_IOMANAGER_VIOLATION, 0x20F, where, static_cast<ULONG>(status), request->code,
                 "A dispatch routine (major 0x%02x) returned 0x%08X but did not complete the IRP.", request->major,
                 static_cast<ULONG>(status));
    }
    if (status != STATUS_PENDING && status != request->result.Status) {
        bugCheck(DRIVER_VERIFIER_IOMANAGER_VIOLATION, 0x20E, where, static_cast<ULONG>(status),
                 static_cast<ULONG>(request->result.Status),
                 "A dispatch routine (major 0x%02x) returned 0x%08X but completed the IRP with 0x%08X.", request->major,
                 static_cast<ULONG>(status), static_cast<ULONG>(request->result.Status));
    }
}

void waitCompleted(const std::shared_ptr<Request> &request) {
    Kernel &k = kernel();
    std::unique_lock lock(k.ioLock);
    k.ioChanged.wait(lock, [&] { return request->completed; });
}

IO_STATUS_BLOCK finish(const std::shared_ptr<Request> &request) {
    IO_STATUS_BLOCK result = request->result;
    bool buffered = request->major == IRP_MJ_DEVICE_CONTROL && METHOD_FROM_CTL_CODE(request->code) == METHOD_BUFFERED;
    if (request->major == IRP_MJ_DEVICE_CONTROL && !NT_ERROR(result.Status) &&
        METHOD_FROM_CTL_CODE(request->code) != METHOD_NEITHER && result.Information > request->outputLength) {
        bugCheck(DRIVER_VERIFIER_IOMANAGER_VIOLATION, 0x21E, request->code, result.Information, request->outputLength,
                 "IOCTL 0x%08X was completed with %zu bytes of information for an output buffer of %zu.", request->code,
                 static_cast<size_t>(result.Information), request->outputLength);
    }
    if (buffered && !NT_ERROR(result.Status) && result.Information != 0) {
        if (userMemoryAllows(request->userOutput, result.Information, true)) {
            std::memcpy(request->userOutput, request->systemBuffer, result.Information);
        } else {
            result.Status = STATUS_ACCESS_VIOLATION;
            result.Information = 0;
        }
    }
    std::free(request->systemBuffer);
    std::free(request->mdl);
    request->systemBuffer = nullptr;
    request->mdl = nullptr;
    ObfDereferenceObject(request->thread);
    if (request->major == IRP_MJ_DEVICE_CONTROL) {
        ObfDereferenceObject(request->file);
    }
    return result;
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
    return __atomic_exchange_n(&irp->CancelRoutine, routine, __ATOMIC_SEQ_CST);
}

BOOLEAN IoCancelIrp(PIRP irp) {
    KIRQL irql;
    SIM_CALL_STATE before;
    SimEnterDriver(&before);
    IoAcquireCancelSpinLock(&irql);
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
