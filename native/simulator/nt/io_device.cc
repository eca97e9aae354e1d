// SPDX-License-Identifier: MIT
//
// Devices, their names, and their security.

#include "io_internal.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace nt {

static constexpr std::u16string_view kDosPrefix = u"\\GLOBAL??\\";

// One spelling for the three ways to name the directory of DOS devices, in upper case.
static std::u16string canonical(std::u16string_view name) {
    std::u16string text = upcase(name);
    for (std::u16string_view prefix : {u"\\??\\", u"\\DOSDEVICES\\"}) {
        if (text.starts_with(prefix)) {
            return std::u16string(kDosPrefix) + text.substr(prefix.size());
        }
    }
    return text;
}

// Under ioLock. The longest name that is a device, followed by a separator or the end; the rest is the file's name, in
// the case in which it was written.
static PDEVICE_OBJECT resolve(Kernel &k, std::u16string_view name, std::u16string *rest) {
    std::u16string path = canonical(name);
    for (int hops = 0; hops < 16; ++hops) {
        size_t end = path.size();
        bool linked = false;
        while (end != std::u16string::npos && end != 0) {
            std::u16string head = path.substr(0, end);
            if (auto device = k.devices.find(head); device != k.devices.end()) {
                *rest = name.substr(name.size() - (path.size() - end));
                return device->second;
            }
            if (auto link = k.links.find(head); link != k.links.end()) {
                path = canonical(link->second) + path.substr(end);
                linked = true;
                break;
            }
            end = path.rfind(u'\\', end - 1);
        }
        if (!linked) {
            return nullptr;
        }
    }
    return nullptr;
}

// Under ioLock. With a reference, which is what an open file holds.
NTSTATUS referenceDevice(std::u16string_view name, PDEVICE_OBJECT *found, std::u16string *rest) {
    PDEVICE_OBJECT device = resolve(kernel(), name, rest);
    if (device == nullptr) {
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    if ((device->Flags & DO_DEVICE_INITIALIZING) || state(device).deletePending ||
        state(device).driver->unloadPending) {
        return STATUS_NO_SUCH_DEVICE;
    }
    if ((device->Flags & DO_EXCLUSIVE) && device->ReferenceCount != 0) {
        return STATUS_ACCESS_DENIED;
    }
    ++device->ReferenceCount;
    ObfReferenceObject(device);
    *found = device;
    return STATUS_SUCCESS;
}

static void deleteDeviceBody(PVOID object) {
    auto device = static_cast<PDEVICE_OBJECT>(object);
    std::free(device->DeviceExtension);
    delete static_cast<Device *>(device->Reserved);
}

static NTSTATUS setDeviceSecurity(PVOID object, SECURITY_INFORMATION, PSECURITY_DESCRIPTOR descriptor,
                                  KPROCESSOR_MODE) {
    auto device = static_cast<PDEVICE_OBJECT>(object);
    ULONG size = 0;
    RtlAbsoluteToSelfRelativeSD(descriptor, nullptr, &size);
    std::vector<unsigned char> copy(size);
    NTSTATUS status = RtlAbsoluteToSelfRelativeSD(descriptor, copy.data(), &size);
    if (NT_SUCCESS(status)) {
        std::lock_guard lock(kernel().ioLock);
        state(device).security = std::move(copy);
        device->SecurityDescriptor = state(device).security.data();
    }
    return status;
}

static NTSTATUS queryDeviceSecurity(PVOID object, SECURITY_INFORMATION information, PSECURITY_DESCRIPTOR to,
                                    PULONG length, KPROCESSOR_MODE) {
    std::vector<unsigned char> copy;
    {
        std::lock_guard lock(kernel().ioLock);
        copy = state(static_cast<PDEVICE_OBJECT>(object)).security;
    }
    PSECURITY_DESCRIPTOR descriptor = copy.empty() ? nullptr : copy.data();
    return SeQuerySecurityDescriptorInfo(&information, to, length, &descriptor);
}

static NTSTATUS queryDeviceName(PVOID object, POBJECT_NAME_INFORMATION to, ULONG length, PULONG returned,
                                KPROCESSOR_MODE mode) {
    return giveName(state(static_cast<PDEVICE_OBJECT>(object)).shownName, to, length, returned, mode);
}

static SIM_OBJECT_TYPE_INITIALIZER makeDeviceType() {
    SIM_OBJECT_TYPE_INITIALIZER info = {};
    info.Name = "Device";
    info.BodySize = sizeof(DEVICE_OBJECT);
    info.ValidAccess = FILE_ALL_ACCESS;
    info.Mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS};
    info.Delete = deleteDeviceBody;
    info.SetSecurity = setDeviceSecurity;
    info.QuerySecurity = queryDeviceSecurity;
    info.QueryName = queryDeviceName;
    return info;
}
const SIM_OBJECT_TYPE_INITIALIZER deviceTypeInitializer = makeDeviceType();

} // namespace nt

using namespace nt;

extern "C" {

NTSTATUS IoCreateDevice(PDRIVER_OBJECT driver, ULONG extensionSize, PUNICODE_STRING name, DEVICE_TYPE type,
                        ULONG characteristics, BOOLEAN exclusive, PDEVICE_OBJECT *result) {
    requireIrql(APC_LEVEL, "IoCreateDevice");
    Kernel &k = kernel();
    *result = nullptr;
    auto device = static_cast<PDEVICE_OBJECT>(SimCreateObject(*IoDeviceObjectType));
    auto extra = new (std::nothrow) Device;
    PVOID extension = extensionSize != 0 ? std::calloc(1, extensionSize) : nullptr;
    if (device == nullptr || extra == nullptr || (extensionSize != 0 && extension == nullptr)) {
        throw std::bad_alloc();
    }
    extra->driver = CONTAINING_RECORD(driver, Driver, object);
    device->Type = 3;
    device->Size = static_cast<USHORT>(sizeof(DEVICE_OBJECT));
    device->DriverObject = driver;
    device->Flags = DO_DEVICE_INITIALIZING | (exclusive ? DO_EXCLUSIVE : 0);
    device->Characteristics = characteristics;
    device->DeviceExtension = extension;
    device->DeviceType = type;
    device->StackSize = 1;
    device->Reserved = extra;
    bool collision = false;
    {
        std::lock_guard lock(k.ioLock);
        if (name != nullptr) {
            extra->shownName = view(name);
            extra->name = canonical(extra->shownName);
            collision = !k.devices.emplace(extra->name, device).second;
        }
        if (!collision) {
            device->NextDevice = driver->DeviceObject;
            driver->DeviceObject = device;
        }
    }
    if (collision) {
        ObfDereferenceObject(device);
        return STATUS_OBJECT_NAME_COLLISION;
    }
    *result = device;
    return STATUS_SUCCESS;
}

VOID IoDeleteDevice(PDEVICE_OBJECT device) {
    requireIrql(APC_LEVEL, "IoDeleteDevice");
    Kernel &k = kernel();
    {
        std::lock_guard lock(k.ioLock);
        if (state(device).deletePending) {
            bugCheck(DRIVER_VERIFIER_IOMANAGER_VIOLATION, 0x4, reinterpret_cast<ULONG_PTR>(device), 0, 0,
                     "IoDeleteDevice for a device that was deleted already.");
        }
        state(device).deletePending = true;
        k.devices.erase(state(device).name);
        PDEVICE_OBJECT *link = &device->DriverObject->DeviceObject;
        while (*link != device) {
            link = &(*link)->NextDevice;
        }
        *link = device->NextDevice;
    }
    // Open files keep the object until they close.
    ObfDereferenceObject(device);
}

NTSTATUS IoCreateSymbolicLink(PUNICODE_STRING link, PUNICODE_STRING target) {
    requireIrql(PASSIVE_LEVEL, "IoCreateSymbolicLink");
    std::lock_guard lock(kernel().ioLock);
    bool created = kernel().links.emplace(canonical(view(link)), std::u16string(view(target))).second;
    return created ? STATUS_SUCCESS : STATUS_OBJECT_NAME_COLLISION;
}

NTSTATUS IoDeleteSymbolicLink(PUNICODE_STRING link) {
    requireIrql(PASSIVE_LEVEL, "IoDeleteSymbolicLink");
    std::lock_guard lock(kernel().ioLock);
    return kernel().links.erase(canonical(view(link))) != 0 ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}

} // extern "C"
