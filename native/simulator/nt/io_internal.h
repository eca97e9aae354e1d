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
    std::u16string name;
    Driver *driver = nullptr;
    bool deletePending = false;
    std::vector<unsigned char> security;
};

// One request of user mode, from its issue to its result. It outlives the IRP, which is freed on completion so that a
// sanitizer sees every later use. Guarded by Kernel::ioLock once the driver was called.
struct Request {
    PIRP irp = nullptr;
    PFILE_OBJECT file = nullptr;
    PKTHREAD thread = nullptr;
    ULONG code = 0;
    UCHAR major = 0;
    void *userOutput = nullptr;
    size_t outputLength = 0;
    void *systemBuffer = nullptr;
    PMDL mdl = nullptr;
    bool pendingMarked = false;
    bool completed = false;
    // While somebody cancels it the IRP's memory stays.
    int holds = 0;
    IO_STATUS_BLOCK result = {};
    // Told, without any lock, that the IRP was completed; empty when somebody waits.
    std::function<void(const std::shared_ptr<Request> &)> onCompleted;
};

// What a driver does with a name as user mode writes it. The handle is one of the current process.
NTSTATUS openDevice(std::u16string_view name, ACCESS_MASK desired, HANDLE *handle, PFILE_OBJECT *file);
// CLEANUP, and CLOSE unless requests still refer to it. Drops the reference that openDevice gave.
void closeDevice(HANDLE handle, PFILE_OBJECT file);

// A request for DeviceIoControl, not yet issued. A failure status means that no driver needs to be asked.
NTSTATUS buildControl(PFILE_OBJECT file, ACCESS_MASK access, ULONG code, const void *input, size_t inputLength,
                      void *output, size_t outputLength, std::shared_ptr<Request> *request);
std::shared_ptr<Request> buildSimple(PFILE_OBJECT file, UCHAR major);
// Calls the driver. onCompleted, or the waiter, learns of the completion.
void issue(const std::shared_ptr<Request> &request);
void waitCompleted(const std::shared_ptr<Request> &request);
// Copies out, frees buffers, drops references. In a thread of the requesting process, at PASSIVE_LEVEL, once.
IO_STATUS_BLOCK finish(const std::shared_ptr<Request> &request);
// IoCancelIrp of everything that is pended on the file.
void cancelFile(PFILE_OBJECT file);

NTSTATUS loadDriver(std::u16string_view service, DRIVER_INITIALIZE *entry);
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
