// SPDX-License-Identifier: MIT
//
// File objects: CREATE, CLEANUP when the last handle goes, CLOSE when the last reference goes, requests included.

#include "io_internal.h"

#include <cstdlib>

namespace nt {

namespace {
// Behind FILE_OBJECT.Reserved.
struct OpenFile {
    std::u16string name;
    bool opened = false;
    std::mutex serial;
};
OpenFile &extra(PFILE_OBJECT file) {
    return *static_cast<OpenFile *>(file->Reserved);
}
} // namespace

std::mutex &fileLock(PFILE_OBJECT file) {
    return extra(file).serial;
}

std::u16string openedName(PFILE_OBJECT file) {
    return state(file->DeviceObject).shownName + extra(file).name;
}

static IO_STATUS_BLOCK sendAndWait(const std::shared_ptr<Request> &request) {
    // The I/O manager speaks here, not the caller of the service.
    KPROCESSOR_MODE mode = currentThread()->previousMode;
    IO_STATUS_BLOCK result = issueAndWait(request);
    SimSetPreviousMode(mode);
    return result;
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
    sendAndWait(buildSimple(file, IRP_MJ_CLEANUP));
}

static void deleteFileBody(PVOID object) {
    auto file = static_cast<PFILE_OBJECT>(object);
    if (extra(file).opened) {
        sendAndWait(buildSimple(file, IRP_MJ_CLOSE));
    }
    PDEVICE_OBJECT device = file->DeviceObject;
    delete &extra(file);
    releaseDevice(device);
}

// The file system knows under which name the file is now; other drivers do not know such questions.
static std::u16string currentName(PFILE_OBJECT file) {
    struct {
        FILE_NAME_INFORMATION information;
        WCHAR rest[UNICODE_STRING_MAX_CHARS];
    } name;
    KernelCall kernelCall;
    std::shared_ptr<Request> request;
    NTSTATUS status =
        buildInformation(file, IRP_MJ_QUERY_INFORMATION, &name, sizeof name, FileNameInformation, &request);
    if (!NT_SUCCESS(status) || !NT_SUCCESS(sendAndWait(request).Status)) {
        return openedName(file);
    }
    std::u16string_view text(name.information.FileName, name.information.FileNameLength / sizeof(WCHAR));
    return state(file->DeviceObject).shownName + std::u16string(text);
}

static NTSTATUS queryFileName(PVOID object, POBJECT_NAME_INFORMATION to, ULONG length, PULONG returned,
                              KPROCESSOR_MODE mode) {
    return giveName(currentName(static_cast<PFILE_OBJECT>(object)), to, length, returned, mode);
}

static SIM_OBJECT_TYPE_INITIALIZER makeFileType() {
    SIM_OBJECT_TYPE_INITIALIZER info = {};
    info.Name = "File";
    info.BodySize = sizeof(FILE_OBJECT);
    info.ValidAccess = FILE_ALL_ACCESS;
    info.Mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS};
    info.Delete = deleteFileBody;
    info.Close = closeFile;
    info.QueryName = queryFileName;
    return info;
}
const SIM_OBJECT_TYPE_INITIALIZER fileTypeInitializer = makeFileType();

// What the device itself grants, before its driver is asked.
static NTSTATUS checkDevice(const std::vector<unsigned char> &security, ACCESS_MASK desired, ACCESS_MASK *granted) {
    GENERIC_MAPPING mapping = fileTypeInitializer.Mapping;
    if (security.empty()) {
        *granted = desired & MAXIMUM_ALLOWED ? GENERIC_ALL : desired;
        RtlMapGenericMask(granted, &mapping);
        return STATUS_SUCCESS;
    }
    SECURITY_SUBJECT_CONTEXT subject;
    NTSTATUS status;
    SeCaptureSubjectContext(&subject);
    SeAccessCheck(const_cast<unsigned char *>(security.data()), &subject, FALSE, desired, 0, nullptr, &mapping,
                  currentThread()->previousMode, granted, &status);
    SeReleaseSubjectContext(&subject);
    return status;
}

static PFILE_OBJECT makeFile(PDEVICE_OBJECT device, std::u16string name, ACCESS_MASK granted,
                             const FileOpening &opening) {
    auto file = static_cast<PFILE_OBJECT>(SimCreateObject(*IoFileObjectType));
    auto open = new OpenFile;
    open->name = std::move(name);
    file->Type = 5;
    file->Size = sizeof(FILE_OBJECT);
    file->DeviceObject = device;
    file->ReadAccess = (granted & FILE_READ_DATA) != 0;
    file->WriteAccess = (granted & (FILE_WRITE_DATA | FILE_APPEND_DATA)) != 0;
    file->DeleteAccess = (granted & DELETE) != 0;
    bool synchronous = opening.options & (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT);
    file->Flags = synchronous ? FO_SYNCHRONOUS_IO : 0;
    auto bytes = static_cast<USHORT>(open->name.size() * sizeof(WCHAR));
    file->FileName = {bytes, bytes, open->name.data()};
    file->Reserved = open;
    KeInitializeEvent(&file->Event, NotificationEvent, FALSE);
    return file;
}

NTSTATUS openFile(const FileOpening &opening, HANDLE *handle, PFILE_OBJECT *result, ULONG_PTR *information) {
    requireIrql(PASSIVE_LEVEL, "NtCreateFile");
    Kernel &k = kernel();
    PDEVICE_OBJECT device = nullptr;
    std::u16string rest;
    std::vector<unsigned char> security;
    {
        std::lock_guard lock(k.ioLock);
        NTSTATUS status = referenceDevice(opening.name, &device, &rest);
        if (!NT_SUCCESS(status)) {
            return status;
        }
        // Without the characteristic only the device itself is protected, not the names below it.
        if (rest.empty() || (device->Characteristics & FILE_DEVICE_SECURE_OPEN)) {
            security = state(device).security;
        }
    }
    ACCESS_MASK granted;
    NTSTATUS status = checkDevice(security, opening.desired, &granted);
    if (!NT_SUCCESS(status)) {
        releaseDevice(device);
        return status;
    }
    PFILE_OBJECT file = makeFile(device, std::move(rest), granted, opening);
    std::shared_ptr<Request> request = buildSimple(file, IRP_MJ_CREATE);
    IO_SECURITY_CONTEXT context = {nullptr, nullptr, granted, opening.disposition << 24 | opening.options};
    auto &create = request->irp->Tail.Overlay.CurrentStackLocation->Parameters.Create;
    create.SecurityContext = &context;
    create.Options = context.FullCreateOptions;
    create.FileAttributes = static_cast<USHORT>(opening.attributes);
    create.ShareAccess = static_cast<USHORT>(opening.share);
    IO_STATUS_BLOCK created = sendAndWait(request);
    status = created.Status;
    *information = created.Information;
    if (NT_SUCCESS(status)) {
        extra(file).opened = true;
        status = SimInsertHandle(file, opening.handleAttributes, granted, handle);
        if (!NT_SUCCESS(status)) {
            sendAndWait(buildSimple(file, IRP_MJ_CLEANUP));
        }
    }
    if (!NT_SUCCESS(status)) {
        ObfDereferenceObject(file);
        return status;
    }
    *result = file;
    return status;
}

NTSTATUS openDevice(std::u16string_view name, ACCESS_MASK desired, HANDLE *handle, PFILE_OBJECT *file) {
    ULONG_PTR information;
    return openFile({.name = std::u16string(name), .desired = desired}, handle, file, &information);
}

void closeDevice(HANDLE handle, PFILE_OBJECT file) {
    // The process may have exited and closed it.
    closeHandle(IoGetCurrentProcess(), handle, UserMode);
    ObfDereferenceObject(file);
}

} // namespace nt
