// SPDX-License-Identifier: MIT
//
// The I/O manager between its files and the host: drivers, files as user mode holds them, requests.

#ifndef SIMULATOR_NT_IO_INTERNAL_H
#define SIMULATOR_NT_IO_INTERNAL_H

#include "kernel.h"

namespace nt {

struct Driver {
    DRIVER_OBJECT object = {};
    DRIVER_EXTENSION extension = {};
    std::u16string service;
    std::u16string name;
    std::u16string registryPath;
    int loads = 0;
    // Unloading waits for the last handle; meanwhile nothing can be opened.
    bool unloadPending = false;
};

// Behind DEVICE_OBJECT.Reserved.
struct Device {
    // In upper case, as it is looked up, and as it was given.
    std::u16string name;
    std::u16string shownName;
    Driver *driver = nullptr;
    bool deletePending = false;
    std::vector<unsigned char> security;
};

// One request of user mode, from its issue to its result. It outlives the IRP, which is freed on completion so that a
// sanitizer sees every later use. Guarded by Kernel::ioLock once the driver was called.
struct Request {
    PIRP irp = nullptr;
    // In the order in which requests were made.
    uint64_t number = 0;
    PFILE_OBJECT file = nullptr;
    PKTHREAD thread = nullptr;
    ULONG code = 0;
    UCHAR major = 0;
    void *userOutput = nullptr;
    size_t outputLength = 0;
    void *systemBuffer = nullptr;
    PMDL mdl = nullptr;
    // What the driver leaves in the system buffer is the caller's answer.
    bool copiesBack = false;
    // The driver may not claim more than the caller has room for.
    bool limited = false;
    bool pendingMarked = false;
    bool completed = false;
    // While somebody cancels it the IRP's memory stays.
    int holds = 0;
    IO_STATUS_BLOCK result = {};
    // Told, without any lock, that the IRP was completed; empty when somebody waits.
    std::function<void(const std::shared_ptr<Request> &)> onCompleted;
};

struct FileOpening {
    std::u16string name = {};
    ACCESS_MASK desired = 0;
    ULONG disposition = FILE_OPEN;
    ULONG options = 0;
    ULONG attributes = 0;
    ULONG share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    ULONG handleAttributes = 0;
};
// NtCreateFile behind its arguments: the file comes with a reference beside the handle's.
NTSTATUS openFile(const FileOpening &opening, HANDLE *handle, PFILE_OBJECT *file, ULONG_PTR *information);
// One request after the other on files opened for synchronous I/O.
std::mutex &fileLock(PFILE_OBJECT file);
// \Device\X\name, as the file was opened.
std::u16string openedName(PFILE_OBJECT file);
NTSTATUS referenceDevice(std::u16string_view name, PDEVICE_OBJECT *found, std::u16string *rest);
// The volume of the host's files, and its end.
void createHostVolume();
void deleteHostVolume();

// What a driver does with a name as user mode writes it. The handle is one of the current process.
NTSTATUS openDevice(std::u16string_view name, ACCESS_MASK desired, HANDLE *handle, PFILE_OBJECT *file);
// CLEANUP, and CLOSE unless requests still refer to it. Drops the reference that openDevice gave.
void closeDevice(HANDLE handle, PFILE_OBJECT file);

// A request for DeviceIoControl, not yet issued. A failure status means that no driver needs to be asked.
NTSTATUS buildControl(PFILE_OBJECT file, ACCESS_MASK access, ULONG code, const void *input, size_t inputLength,
                      void *output, size_t outputLength, std::shared_ptr<Request> *request);
std::shared_ptr<Request> buildSimple(PFILE_OBJECT file, UCHAR major);
// A read or write request, with the buffer as the device wants it.
NTSTATUS buildTransfer(PFILE_OBJECT file, UCHAR major, void *buffer, ULONG length, LARGE_INTEGER offset,
                       std::shared_ptr<Request> *request);
// Query or set. The information is always buffered.
NTSTATUS buildInformation(PFILE_OBJECT file, UCHAR major, void *information, ULONG length, ULONG type,
                          std::shared_ptr<Request> *request);
IO_STATUS_BLOCK issueAndWait(const std::shared_ptr<Request> &request);
// Calls the driver. onCompleted, or the waiter, learns of the completion.
void issue(const std::shared_ptr<Request> &request);
void waitCompleted(const std::shared_ptr<Request> &request);
// Both of the next, in a thread of the requesting process, at PASSIVE_LEVEL, once.
IO_STATUS_BLOCK finish(const std::shared_ptr<Request> &request);
// Copies out and frees buffers. If there is nothing to copy, in any thread and at any IRQL.
IO_STATUS_BLOCK takeResult(const std::shared_ptr<Request> &request);
// Drops references, perhaps the last to the file. At PASSIVE_LEVEL.
void release(const std::shared_ptr<Request> &request);
// IoCancelIrp of everything that is pended on the file.
void cancelFile(PFILE_OBJECT file);

NTSTATUS loadDriver(std::u16string_view service, DRIVER_INITIALIZE *entry, USHORT dllCharacteristics);
NTSTATUS unloadDriver(std::u16string_view service);
// Bug check if a driver is loaded or a device or link is left.
void checkDrivers();
void releaseDevice(PDEVICE_OBJECT device);

inline Device &state(PDEVICE_OBJECT device) {
    return *static_cast<Device *>(device->Reserved);
}
std::shared_ptr<Request> findRequest(PIRP irp, const char *routine);

} // namespace nt

#endif
