// SPDX-License-Identifier: MIT
//
// The driver of the host's files.

#include "fs_internal.h"

#include <cerrno>
#include <fcntl.h>
#include <new>
#include <sys/stat.h>
#include <unistd.h>

namespace nt {

namespace {

NTSTATUS done(PIRP irp, NTSTATUS status, ULONG_PTR information = 0) {
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IofCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

struct Creation {
    ACCESS_MASK access;
    ULONG disposition;
    ULONG options;
    ULONG share;
    ULONG attributes;
};

bool writes(ACCESS_MASK access) {
    return (access & (FILE_WRITE_DATA | FILE_APPEND_DATA)) != 0;
}

int openFlags(ACCESS_MASK access, bool directory) {
    bool reads = (access & (FILE_READ_DATA | FILE_EXECUTE)) != 0;
    int mode = directory                 ? O_RDONLY | O_DIRECTORY
               : writes(access) && reads ? O_RDWR
               : writes(access)          ? O_WRONLY
               : reads                   ? O_RDONLY
                                         : O_PATH;
    return mode | O_CLOEXEC;
}

NTSTATUS makeNew(const Creation &creation, HostFile &file, ULONG_PTR *information) {
    mode_t mode = creation.attributes & FILE_ATTRIBUTE_READONLY ? 0444 : 0666;
    if (creation.options & FILE_DIRECTORY_FILE) {
        if (mkdir(file.path.c_str(), 0777) != 0) {
            return statusOf(errno);
        }
        file.descriptor = open(file.path.c_str(), openFlags(creation.access, true));
    } else {
        int flags = openFlags(creation.access, false);
        // A path alone cannot be created.
        flags = flags & O_PATH ? O_RDONLY | O_CLOEXEC : flags;
        file.descriptor = open(file.path.c_str(), flags | O_CREAT | O_EXCL, mode);
    }
    *information = FILE_CREATED;
    file.directory = (creation.options & FILE_DIRECTORY_FILE) != 0;
    return file.descriptor >= 0 ? STATUS_SUCCESS : statusOf(errno);
}

// What the file must not be for this request.
NTSTATUS checkExisting(const Creation &creation, const struct stat &facts, ULONG_PTR *information) {
    bool directory = S_ISDIR(facts.st_mode);
    if (creation.disposition == FILE_CREATE) {
        *information = FILE_EXISTS;
        return STATUS_OBJECT_NAME_COLLISION;
    }
    // Pipes and devices of the host would block, or worse.
    if (!directory && !S_ISREG(facts.st_mode)) {
        return STATUS_ACCESS_DENIED;
    }
    if (directory && (creation.options & FILE_NON_DIRECTORY_FILE)) {
        return STATUS_FILE_IS_A_DIRECTORY;
    }
    if (!directory && (creation.options & FILE_DIRECTORY_FILE)) {
        return STATUS_NOT_A_DIRECTORY;
    }
    bool replaces = creation.disposition != FILE_OPEN && creation.disposition != FILE_OPEN_IF;
    return directory && replaces ? STATUS_OBJECT_NAME_COLLISION : STATUS_SUCCESS;
}

// With fsLock() held, from the look at the directory to the count of the open.
NTSTATUS openHostFile(const Creation &creation, std::u16string_view name, HostFile &file, ULONG_PTR *information) {
    HostPath found;
    NTSTATUS status = findHostPath(name, &found);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    file.path = found.path;
    file.name = found.name;
    bool made = !found.exists;
    bool truncate = false;
    struct stat facts;
    if (made) {
        if (creation.disposition == FILE_OPEN || creation.disposition == FILE_OVERWRITE) {
            *information = FILE_DOES_NOT_EXIST;
            return STATUS_OBJECT_NAME_NOT_FOUND;
        }
        status = makeNew(creation, file, information);
    } else if (stat(file.path.c_str(), &facts) != 0) {
        status = statusOf(errno);
    } else {
        status = checkExisting(creation, facts, information);
        if (NT_SUCCESS(status)) {
            file.directory = S_ISDIR(facts.st_mode);
            file.descriptor = open(file.path.c_str(), openFlags(creation.access, file.directory));
            status = file.descriptor >= 0 ? STATUS_SUCCESS : statusOf(errno);
            truncate = creation.disposition != FILE_OPEN && creation.disposition != FILE_OPEN_IF;
            *information = !truncate                                ? FILE_OPENED
                           : creation.disposition == FILE_SUPERSEDE ? FILE_SUPERSEDED
                                                                    : FILE_OVERWRITTEN;
        }
    }
    if (NT_SUCCESS(status) && fstat(file.descriptor, &facts) != 0) {
        status = statusOf(errno);
    }
    if (NT_SUCCESS(status)) {
        // Who overwrites writes, whatever else it may do.
        file.access = creation.access | (truncate ? FILE_WRITE_DATA : 0);
        file.share = creation.share;
        status = acquireNode(facts.st_dev, facts.st_ino, file);
    }
    if (NT_SUCCESS(status) && truncate && ::truncate(file.path.c_str(), 0) != 0) {
        status = statusOf(errno);
        releaseNode(file);
    }
    if (!NT_SUCCESS(status) && file.descriptor >= 0) {
        close(file.descriptor);
    }
    return status;
}

NTSTATUS create(PDEVICE_OBJECT, PIRP irp) {
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    const auto &parameters = stack->Parameters.Create;
    Creation creation = {parameters.SecurityContext->DesiredAccess, parameters.Options >> 24,
                         parameters.Options & FILE_VALID_OPTION_FLAGS, parameters.ShareAccess,
                         parameters.FileAttributes};
    auto file = std::make_unique<HostFile>();
    ULONG_PTR information = 0;
    NTSTATUS status;
    {
        std::lock_guard lock(fsLock());
        status = openHostFile(creation, view(&stack->FileObject->FileName), *file, &information);
    }
    if (NT_SUCCESS(status)) {
        file->deleteOnClose = (creation.options & FILE_DELETE_ON_CLOSE) != 0;
        stack->FileObject->FsContext = file.release();
    }
    return done(irp, status, information);
}

// The last handle is closed: sharing ends, and a file that is to be deleted goes with the last of all.
NTSTATUS cleanup(PDEVICE_OBJECT, PIRP irp) {
    HostFile &file = hostFile(IoGetCurrentIrpStackLocation(irp)->FileObject);
    {
        std::lock_guard lock(fsLock());
        file.node->deletePending |= file.deleteOnClose;
        bool removed = file.node->deletePending && file.node->opens == 1;
        if (removed) {
            file.directory ? rmdir(file.path.c_str()) : unlink(file.path.c_str());
        }
        releaseNode(file);
    }
    return done(irp, STATUS_SUCCESS);
}

NTSTATUS closeFile(PDEVICE_OBJECT, PIRP irp) {
    PFILE_OBJECT object = IoGetCurrentIrpStackLocation(irp)->FileObject;
    std::unique_ptr<HostFile> file(&hostFile(object));
    object->FsContext = nullptr;
    close(file->descriptor);
    return done(irp, STATUS_SUCCESS);
}

// Other files have no position, and requests at the same time.
void moveTo(PFILE_OBJECT file, LONGLONG offset) {
    if (file->Flags & FO_SYNCHRONOUS_IO) {
        file->CurrentByteOffset.QuadPart = offset;
    }
}

NTSTATUS read(PDEVICE_OBJECT, PIRP irp) {
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    HostFile &file = hostFile(stack->FileObject);
    const auto &parameters = stack->Parameters.Read;
    if (file.directory) {
        return done(irp, STATUS_INVALID_DEVICE_REQUEST);
    }
    auto buffer = static_cast<char *>(irp->AssociatedIrp.SystemBuffer);
    size_t total = 0;
    while (total < parameters.Length) {
        ssize_t count = pread(file.descriptor, buffer + total, parameters.Length - total,
                              parameters.ByteOffset.QuadPart + static_cast<off_t>(total));
        if (count < 0 && errno != EINTR) {
            return done(irp, statusOf(errno));
        }
        if (count == 0) {
            break;
        }
        total += count > 0 ? static_cast<size_t>(count) : 0;
    }
    if (total == 0 && parameters.Length != 0) {
        return done(irp, STATUS_END_OF_FILE);
    }
    moveTo(stack->FileObject, parameters.ByteOffset.QuadPart + static_cast<LONGLONG>(total));
    return done(irp, STATUS_SUCCESS, total);
}

NTSTATUS write(PDEVICE_OBJECT, PIRP irp) {
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    HostFile &file = hostFile(stack->FileObject);
    const auto &parameters = stack->Parameters.Write;
    if (file.directory) {
        return done(irp, STATUS_INVALID_DEVICE_REQUEST);
    }
    // Between the look at the end and the write nobody else appends.
    std::lock_guard lock(fsLock());
    LONGLONG offset = parameters.ByteOffset.QuadPart;
    struct stat facts;
    if (offset < 0 && fstat(file.descriptor, &facts) != 0) {
        return done(irp, statusOf(errno));
    }
    offset = offset < 0 ? facts.st_size : offset;
    auto buffer = static_cast<const char *>(irp->AssociatedIrp.SystemBuffer);
    size_t total = 0;
    while (total < parameters.Length) {
        ssize_t count =
            pwrite(file.descriptor, buffer + total, parameters.Length - total, offset + static_cast<off_t>(total));
        if (count < 0 && errno != EINTR) {
            return done(irp, statusOf(errno));
        }
        total += count > 0 ? static_cast<size_t>(count) : 0;
    }
    moveTo(stack->FileObject, offset + static_cast<LONGLONG>(total));
    return done(irp, STATUS_SUCCESS, total);
}

NTSTATUS flush(PDEVICE_OBJECT, PIRP irp) {
    HostFile &file = hostFile(IoGetCurrentIrpStackLocation(irp)->FileObject);
    return done(irp, fsync(file.descriptor) == 0 ? STATUS_SUCCESS : statusOf(errno));
}

NTSTATUS query(PDEVICE_OBJECT, PIRP irp) {
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    ULONG_PTR used = 0;
    NTSTATUS status = queryHostFile(hostFile(stack->FileObject), stack->Parameters.QueryFile.FileInformationClass,
                                    irp->AssociatedIrp.SystemBuffer, stack->Parameters.QueryFile.Length, &used);
    return done(irp, status, used);
}

NTSTATUS set(PDEVICE_OBJECT, PIRP irp) {
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    return done(irp, setHostFile(hostFile(stack->FileObject), stack->Parameters.SetFile.FileInformationClass,
                                 irp->AssociatedIrp.SystemBuffer, stack->Parameters.SetFile.Length));
}

NTSTATUS refuse(PDEVICE_OBJECT, PIRP irp) {
    return done(irp, STATUS_INVALID_DEVICE_REQUEST);
}

UNICODE_STRING unicode(std::u16string_view text) {
    auto bytes = static_cast<USHORT>(text.size() * sizeof(WCHAR));
    return {bytes, bytes, const_cast<PWCH>(text.data())};
}

constexpr std::u16string_view kDrive = u"\\??\\Z:";

} // namespace

void createHostVolume() {
    auto driver = new Driver;
    driver->object.DriverExtension = &driver->extension;
    for (PDRIVER_DISPATCH &routine : driver->object.MajorFunction) {
        routine = refuse;
    }
    driver->object.MajorFunction[IRP_MJ_CREATE] = create;
    driver->object.MajorFunction[IRP_MJ_CLEANUP] = cleanup;
    driver->object.MajorFunction[IRP_MJ_CLOSE] = closeFile;
    driver->object.MajorFunction[IRP_MJ_READ] = read;
    driver->object.MajorFunction[IRP_MJ_WRITE] = write;
    driver->object.MajorFunction[IRP_MJ_FLUSH_BUFFERS] = flush;
    driver->object.MajorFunction[IRP_MJ_QUERY_INFORMATION] = query;
    driver->object.MajorFunction[IRP_MJ_SET_INFORMATION] = set;
    UNICODE_STRING name = unicode(u"\\Device\\HarddiskVolume26"), drive = unicode(kDrive);
    PDEVICE_OBJECT device;
    IoCreateDevice(&driver->object, 0, &name, FILE_DEVICE_DISK, 0, FALSE, &device);
    IoCreateSymbolicLink(&drive, &name);
    device->Flags = (device->Flags & ~static_cast<ULONG>(DO_DEVICE_INITIALIZING)) | DO_BUFFERED_IO;
    kernel().hostVolume = device;
}

void deleteHostVolume() {
    PDEVICE_OBJECT device = kernel().hostVolume;
    Driver *driver = state(device).driver;
    if (device->ReferenceCount != 0) {
        bugCheck(DRIVER_VERIFIER_IOMANAGER_VIOLATION, static_cast<ULONG_PTR>(device->ReferenceCount), 0, 0, 0,
                 "%d file(s) are still open when the machine halts.", device->ReferenceCount);
    }
    UNICODE_STRING drive = unicode(kDrive);
    IoDeleteSymbolicLink(&drive);
    IoDeleteDevice(device);
    delete driver;
}

} // namespace nt
