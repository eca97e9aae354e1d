// SPDX-License-Identifier: MIT
//
// Loading and unloading of drivers, and what must not be left behind.

#include "io_internal.h"

namespace nt {

static NTSTATUS invalidRequest(PDEVICE_OBJECT, PIRP irp) {
    irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
    irp->IoStatus.Information = 0;
    IofCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_INVALID_DEVICE_REQUEST;
}

static UNICODE_STRING unicode(std::u16string &text) {
    auto bytes = static_cast<USHORT>(text.size() * sizeof(WCHAR));
    return {bytes, bytes, text.data()};
}

// With driverLock held.
static void unloadNow(Driver *driver) {
    PDRIVER_UNLOAD routine = driver->object.DriverUnload;
    {
        BorrowedThread thread(kernel().systemProcess, true);
        SIM_CALL_STATE before;
        SimEnterDriver(&before);
        routine(&driver->object);
        SimLeaveDriver(&before, "DriverUnload", reinterpret_cast<PVOID>(routine));
    }
    if (driver->object.DeviceObject != nullptr) {
        bugCheck(DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS, reinterpret_cast<ULONG_PTR>(&driver->object), 0,
                 0, 0, "DriverUnload left a device object behind.");
    }
    Kernel &k = kernel();
    bool last;
    {
        std::lock_guard lock(k.ioLock);
        k.drivers.erase(driver->service);
        last = k.drivers.empty();
    }
    if (last) {
        // A work item keeps its device object, and with that the driver's code, until its routine has returned.
        awaitWorkers();
        reapThreads(false);
        if (size_t running = runningSystemThreads(); running != 0) {
            bugCheck(DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS, running, 1, 0, 0,
                     "%zu system thread(s) still run in an unloaded driver.", running);
        }
        checkPoolLeaks(false);
        if (size_t left = processRoutines(); left != 0) {
            bugCheck(DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS, left, 2, 0, 0,
                     "Drivers left %zu process notify routine(s) behind.", left);
        }
        if (size_t left = kernelHandles(false); left != 0) {
            bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x62, left, 0, 0, "Drivers left %zu kernel handle(s) open.",
                     left);
        }
    }
}

static bool inUse(Kernel &k, Driver *driver) {
    std::lock_guard lock(k.ioLock);
    for (PDEVICE_OBJECT device = driver->object.DeviceObject; device != nullptr; device = device->NextDevice) {
        if (device->ReferenceCount != 0) {
            return true;
        }
    }
    return false;
}

void releaseDevice(PDEVICE_OBJECT device) {
    Kernel &k = kernel();
    std::lock_guard serial(k.driverLock);
    Driver *driver = state(device).driver;
    bool deleted;
    {
        std::lock_guard lock(k.ioLock);
        --device->ReferenceCount;
        deleted = state(device).deletePending;
    }
    ObfDereferenceObject(device);
    if (!deleted && driver->unloadPending && !inUse(k, driver)) {
        unloadNow(driver);
    }
}

NTSTATUS loadDriver(std::u16string_view service, DRIVER_INITIALIZE *entry, USHORT dllCharacteristics) {
    Kernel &k = kernel();
    std::lock_guard serial(k.driverLock);
    std::u16string key = upcase(service);
    Driver *driver = nullptr;
    {
        std::lock_guard lock(k.ioLock);
        if (auto found = k.drivers.find(key); found != k.drivers.end()) {
            if (found->second->unloadPending) {
                return STATUS_IMAGE_ALREADY_LOADED;
            }
            ++found->second->loads;
            return STATUS_SUCCESS;
        }
        driver = k.drivers.emplace(key, std::make_shared<Driver>()).first->second.get();
    }
    driver->service = key;
    driver->name = u"\\Driver\\" + std::u16string(service);
    driver->registryPath = u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\" + std::u16string(service);
    driver->loads = 1;
    DRIVER_OBJECT &object = driver->object;
    object.Type = 4;
    object.Size = sizeof object;
    object.DriverExtension = &driver->extension;
    object.DriverName = unicode(driver->name);
    object.DriverInit = entry;
    // IMAGE_DLLCHARACTERISTICS_WDM_DRIVER
    if ((dllCharacteristics & 0x2000) == 0) {
        object.Flags |= DRVO_LEGACY_DRIVER;
    }
    driver->extension.DriverObject = &object;
    for (PDRIVER_DISPATCH &routine : object.MajorFunction) {
        routine = invalidRequest;
    }
    UNICODE_STRING path = unicode(driver->registryPath);
    NTSTATUS status;
    {
        BorrowedThread thread(k.systemProcess, true);
        SIM_CALL_STATE before;
        SimEnterDriver(&before);
        status = entry(&object, &path);
        SimLeaveDriver(&before, "DriverEntry", reinterpret_cast<PVOID>(entry));
    }
    std::unique_lock lock(k.ioLock);
    if (NT_SUCCESS(status)) {
        for (PDEVICE_OBJECT device = object.DeviceObject; device != nullptr; device = device->NextDevice) {
            device->Flags &= ~static_cast<ULONG>(DO_DEVICE_INITIALIZING);
        }
        return status;
    }
    if (object.DeviceObject != nullptr) {
        bugCheck(DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS, reinterpret_cast<ULONG_PTR>(&object),
                 static_cast<ULONG>(status), 0, 0, "DriverEntry failed with 0x%08X but left a device object behind.",
                 static_cast<ULONG>(status));
    }
    k.drivers.erase(key);
    bool last = k.drivers.empty();
    lock.unlock();
    if (last) {
        checkPoolLeaks(false);
    }
    return status;
}

// Those of Plug and Play end with their devices and not with a service. That NtUnloadDriver refuses them is documented;
// that the bit alone makes a driver one of them is what others report.
static bool isLegacy(const DRIVER_OBJECT &driver) {
    return (driver.Flags & DRVO_LEGACY_DRIVER) != 0 && driver.DriverExtension->AddDevice == nullptr;
}

NTSTATUS unloadDriver(std::u16string_view service) {
    Kernel &k = kernel();
    std::lock_guard serial(k.driverLock);
    Driver *driver;
    {
        std::lock_guard lock(k.ioLock);
        auto found = k.drivers.find(upcase(service));
        if (found == k.drivers.end() || found->second->unloadPending) {
            return STATUS_OBJECT_NAME_NOT_FOUND;
        }
        driver = found->second.get();
        if (driver->loads > 1) {
            --driver->loads;
            return STATUS_SUCCESS;
        }
        if (driver->object.DriverUnload == nullptr || !isLegacy(driver->object)) {
            return STATUS_INVALID_DEVICE_REQUEST;
        }
        driver->unloadPending = true;
    }
    if (!inUse(k, driver)) {
        unloadNow(driver);
    }
    return STATUS_SUCCESS;
}

void checkDrivers() {
    Kernel &k = kernel();
    std::lock_guard lock(k.ioLock);
    // The volume of the host's files has one of each.
    size_t devices = k.devices.size() - 1, links = k.links.size() - 1;
    if (!k.drivers.empty() || devices != 0 || links != 0) {
        bugCheck(DRIVER_VERIFIER_IOMANAGER_VIOLATION, k.drivers.size(), devices, links, 0,
                 "The machine halts with %zu driver(s), %zu device name(s) and %zu symbolic link(s) left.",
                 k.drivers.size(), devices, links);
    }
}

} // namespace nt
