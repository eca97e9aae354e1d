// SPDX-License-Identifier: MIT
//
// File objects: CREATE, CLEANUP when the last handle goes, CLOSE when the last reference goes, requests included.

#include "io_internal.h"

#include <cstdlib>

namespace nt {

NTSTATUS referenceDevice(std::u16string_view name, PDEVICE_OBJECT *found, std::u16string *rest);

namespace {
// Behind FILE_OBJECT.Reserved.
struct OpenFile {
    std::u16string name;
    bool opened = false;
};
OpenFile &extra(PFILE_OBJECT file) {
    return *static_cast<OpenFile *>(file->Reserved);
}
} // namespace

static NTSTATUS sendAndWait(PFILE_OBJECT file, UCHAR major, PIO_SECURITY_CONTEXT security) {
    // The I/O manager speaks here, not the caller of the service.
    KPROCESSOR_MODE mode = currentThread()->previousMode;
    std::shared_ptr<Request> request = buildSimple(file, major);
    if (security != nullptr) {
        auto &create = request->irp->Tail.Overlay.CurrentStackLocation->Parameters.Create;
        create.SecurityContext = security;
        create.Options = 1u << 24;
        create.ShareAccess = 7;
    }
    issue(request);
    waitCompleted(request);
    SimSetPreviousMode(mode);
    return finish(request).Status;
}

static void closeFile(PEPROCESS, PVOID object, ACCESS_MASK, ULONG handles) {
    auto file = static_cast<PFILE_OBJECT>(object);
    if (handles != 0) {
        return;
    }
    // A process that exits has its requests cancelled; for CloseHandle drivers do that in their CLEANUP.
    if (IoGetCurrentProcess()->exiting) {
        cancelFile(file);
    }
    sendAndWait(file, IRP_MJ_CLEANUP, nullptr);
}

static void deleteFileBody(PVOID object) {
    auto file = static_cast<PFILE_OBJECT>(object);
    if (extra(file).opened) {
        sendAndWait(file, IRP_MJ_CLOSE, nullptr);
    }
    PDEVICE_OBJECT device = file->DeviceObject;
    delete &extra(file);
    releaseDevice(device);
}

static SIM_OBJECT_TYPE_INITIALIZER makeFileType() {
    SIM_OBJECT_TYPE_INITIALIZER info = {};
    info.Name = "File";
    info.BodySize = sizeof(FILE_OBJECT);
    info.ValidAccess = FILE_ALL_ACCESS;
    info.Mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS};
    info.Delete = deleteFileBody;
    info.Close = closeFile;
    return info;
}
const SIM_OBJECT_TYPE_INITIALIZER fileTypeInitializer = makeFileType();

NTSTATUS openDevice(std::u16string_view name, ACCESS_MASK desired, HANDLE *handle, PFILE_OBJECT *result) {
    requireIrql(PASSIVE_LEVEL, "NtCreateFile");
    Kernel &k = kernel();
    PDEVICE_OBJECT device = nullptr;
    std::u16string rest;
    std::vector<unsigned char> security;
    {
        std::lock_guard lock(k.ioLock);
        NTSTATUS status = referenceDevice(name, &device, &rest);
        if (!NT_SUCCESS(status)) {
            return status;
        }
        // Without the characteristic only the device itself is protected, not the names below it.
        if (rest.empty() || (device->Characteristics & FILE_DEVICE_SECURE_OPEN)) {
            security = state(device).security;
        }
    }
    ACCESS_MASK granted = desired;
    RtlMapGenericMask(&granted, &fileTypeInitializer.Mapping);
    if (!security.empty()) {
        SECURITY_SUBJECT_CONTEXT subject;
        GENERIC_MAPPING mapping = fileTypeInitializer.Mapping;
        NTSTATUS status;
        SeCaptureSubjectContext(&subject);
        bool may = SeAccessCheck(security.data(), &subject, FALSE, desired, 0, nullptr, &mapping,
                                 currentThread()->previousMode, &granted, &status);
        SeReleaseSubjectContext(&subject);
        if (!may) {
            releaseDevice(device);
            return status;
        }
    }
    auto file = static_cast<PFILE_OBJECT>(SimCreateObject(*IoFileObjectType));
    auto open = new OpenFile;
    open->name = rest;
    file->Type = 5;
    file->Size = sizeof(FILE_OBJECT);
    file->DeviceObject = device;
    file->ReadAccess = (granted & FILE_READ_DATA) != 0;
    file->WriteAccess = (granted & FILE_WRITE_DATA) != 0;
    auto bytes = static_cast<USHORT>(open->name.size() * sizeof(WCHAR));
    file->FileName = {bytes, bytes, open->name.data()};
    file->Reserved = open;
    KeInitializeEvent(&file->Event, NotificationEvent, FALSE);

    IO_SECURITY_CONTEXT context = {nullptr, nullptr, granted, 1u << 24};
    NTSTATUS status = sendAndWait(file, IRP_MJ_CREATE, &context);
    if (NT_SUCCESS(status)) {
        open->opened = true;
        status = SimInsertHandle(file, 0, granted, handle);
    }
    if (!NT_SUCCESS(status)) {
        ObfDereferenceObject(file);
        return status;
    }
    *result = file;
    return status;
}

void closeDevice(HANDLE handle, PFILE_OBJECT file) {
    // The process may have exited and closed it.
    closeHandle(IoGetCurrentProcess(), handle, UserMode);
    ObfDereferenceObject(file);
}

} // namespace nt
