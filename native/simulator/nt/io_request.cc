// SPDX-License-Identifier: MIT
//
// The I/O manager's side of a request: buffers by transfer method, the call of the driver, the result.

#include "io_internal.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace nt {

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
    static std::atomic<uint64_t> requests{0};
    request->irp = irp;
    request->number = ++requests;
    request->file = file;
    request->major = major;
    request->thread = thread;
    ObfReferenceObject(thread);
    return request;
}

std::shared_ptr<Request> buildSimple(PFILE_OBJECT file, UCHAR major) {
    return build(file, major);
}

static void addSystemBuffer(Request &request, size_t size, const void *input, size_t inputLength) {
    if (size == 0) {
        return;
    }
    request.systemBuffer = std::malloc(size);
    if (request.systemBuffer == nullptr) {
        throw std::bad_alloc();
    }
    // What lies behind the input is not zeroed on Windows either: a driver that returns it leaks pool.
    std::memset(request.systemBuffer, 0xB5, size);
    if (inputLength != 0) {
        std::memcpy(request.systemBuffer, input, inputLength);
    }
    request.irp->AssociatedIrp.SystemBuffer = request.systemBuffer;
}

static void addMdl(Request &request, void *buffer, size_t length, bool write) {
    auto mdl = static_cast<PMDL>(std::calloc(1, sizeof(MDL)));
    if (mdl == nullptr) {
        throw std::bad_alloc();
    }
    mdl->Size = sizeof(MDL);
    mdl->StartVa = PAGE_ALIGN(buffer);
    mdl->ByteOffset = BYTE_OFFSET(buffer);
    mdl->ByteCount = static_cast<ULONG>(length);
    mdl->MdlFlags = MDL_PAGES_LOCKED | (write ? MDL_WRITE_OPERATION : 0);
    mdl->Process = request.thread->process;
    request.mdl = request.irp->MdlAddress = mdl;
}

static bool mayTouch(const void *buffer, size_t length, bool write) {
    return length == 0 || (userMemoryAllows(buffer, length, write) &&
                           (currentThread()->previousMode == KernelMode || !isPoolAddress(buffer)));
}

NTSTATUS buildTransfer(PFILE_OBJECT file, UCHAR major, void *buffer, ULONG length, LARGE_INTEGER offset,
                       std::shared_ptr<Request> *result) {
    bool read = major == IRP_MJ_READ;
    if (!mayTouch(buffer, length, read)) {
        return STATUS_ACCESS_VIOLATION;
    }
    std::shared_ptr<Request> request = build(file, major);
    // Read and Write have the same layout.
    auto &parameters = request->irp->Tail.Overlay.CurrentStackLocation->Parameters.Read;
    parameters.Length = length;
    parameters.ByteOffset = offset;
    request->irp->UserBuffer = buffer;
    request->userOutput = buffer;
    request->outputLength = length;
    request->limited = true;
    if (file->DeviceObject->Flags & DO_BUFFERED_IO) {
        addSystemBuffer(*request, length, buffer, read ? 0 : length);
        request->copiesBack = read;
    } else if ((file->DeviceObject->Flags & DO_DIRECT_IO) && length != 0) {
        addMdl(*request, buffer, length, read);
    }
    *result = std::move(request);
    return STATUS_SUCCESS;
}

NTSTATUS buildInformation(PFILE_OBJECT file, UCHAR major, void *information, ULONG length, ULONG type,
                          std::shared_ptr<Request> *result) {
    bool query = major == IRP_MJ_QUERY_INFORMATION;
    if (!mayTouch(information, length, query)) {
        return STATUS_ACCESS_VIOLATION;
    }
    std::shared_ptr<Request> request = build(file, major);
    // QueryFile and SetFile begin alike.
    auto &parameters = request->irp->Tail.Overlay.CurrentStackLocation->Parameters.QueryFile;
    parameters.Length = length;
    parameters.FileInformationClass = type;
    request->irp->UserBuffer = information;
    request->userOutput = information;
    request->outputLength = length;
    request->limited = query;
    request->copiesBack = query;
    addSystemBuffer(*request, length, information, query ? 0 : length);
    *result = std::move(request);
    return STATUS_SUCCESS;
}

IO_STATUS_BLOCK issueAndWait(const std::shared_ptr<Request> &request) {
    issue(request);
    waitCompleted(request);
    return finish(request);
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
    request->limited = true;
    addSystemBuffer(*request, method == METHOD_BUFFERED ? std::max(inputLength, outputLength) : inputLength, input,
                    inputLength);
    if (method == METHOD_BUFFERED) {
        irp->UserBuffer = output;
        request->copiesBack = true;
    } else if (outputLength != 0) {
        addMdl(*request, output, outputLength, method == METHOD_OUT_DIRECT);
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
    schedule::await(k.ioChanged, lock, "the completion of a request", [&] { return request->completed; });
}

IO_STATUS_BLOCK takeResult(const std::shared_ptr<Request> &request) {
    IO_STATUS_BLOCK result = request->result;
    if (request->limited && !NT_ERROR(result.Status) && result.Information > request->outputLength) {
        bugCheck(DRIVER_VERIFIER_IOMANAGER_VIOLATION, 0x21E, request->code, result.Information, request->outputLength,
                 "A request (major 0x%02x, IOCTL 0x%08X) was completed with %zu bytes of information for an output "
                 "buffer of %zu.",
                 request->major, request->code, static_cast<size_t>(result.Information), request->outputLength);
    }
    if (request->copiesBack && !NT_ERROR(result.Status) && result.Information != 0) {
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
    return result;
}

void release(const std::shared_ptr<Request> &request) {
    ObfDereferenceObject(request->thread);
    if (request->major == IRP_MJ_DEVICE_CONTROL) {
        ObfDereferenceObject(request->file);
    }
}

IO_STATUS_BLOCK finish(const std::shared_ptr<Request> &request) {
    IO_STATUS_BLOCK result = takeResult(request);
    release(request);
    return result;
}

} // namespace nt
