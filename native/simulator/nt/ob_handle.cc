// SPDX-License-Identifier: MIT
//
// Handle tables of processes, that of the kernel among them; references by handle; names of objects.

#include "kernel.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace nt {

LONG_PTR addHandle(PVOID object);
LONG_PTR removeHandle(PVOID object);

// Kernel handles are recognised by their value, as on Windows; they live in the System process's table.
constexpr ULONG_PTR kKernelHandle = 0xFFFFFFFF80000000u;

static bool isKernelHandle(HANDLE handle) {
    auto value = reinterpret_cast<ULONG_PTR>(handle);
    return (value & kKernelHandle) == kKernelHandle && value < static_cast<ULONG_PTR>(-16);
}

// The object comes with a reference.
static bool find(PEPROCESS process, HANDLE handle, Handle *found) {
    if (process == nullptr) {
        return false;
    }
    std::lock_guard lock(process->handleLock);
    auto entry = process->handles.find(reinterpret_cast<ULONG_PTR>(handle) & ~ULONG_PTR{3});
    if (entry == process->handles.end()) {
        return false;
    }
    *found = entry->second;
    ObfReferenceObject(found->object);
    return true;
}

NTSTATUS closeHandle(PEPROCESS process, HANDLE handle, KPROCESSOR_MODE mode) {
    if (isKernelHandle(handle)) {
        process = kernel().systemProcess;
        if (mode != KernelMode) {
            return STATUS_INVALID_HANDLE;
        }
    }
    Handle closed;
    {
        std::unique_lock lock(process->handleLock);
        auto entry = process->handles.find(reinterpret_cast<ULONG_PTR>(handle) & ~ULONG_PTR{3});
        if (entry == process->handles.end()) {
            lock.unlock();
            if (mode == KernelMode && isKernelHandle(handle)) {
                bugCheck(INVALID_KERNEL_HANDLE, reinterpret_cast<ULONG_PTR>(handle), 0, 0, 0,
                         "A kernel handle is closed that is not open.");
            }
            return STATUS_INVALID_HANDLE;
        }
        closed = entry->second;
        process->handles.erase(entry);
    }
    POBJECT_TYPE type = ObGetObjectType(closed.object);
    LONG_PTR left = removeHandle(closed.object);
    if (type->info.Close != nullptr) {
        type->info.Close(process, closed.object, closed.access, static_cast<ULONG>(left));
    }
    ObfDereferenceObject(closed.object);
    return STATUS_SUCCESS;
}

// In the order in which they were opened. Closing one may open others.
void closeAllHandles(PEPROCESS process) {
    std::vector<ULONG_PTR> open;
    do {
        open.clear();
        {
            std::lock_guard lock(process->handleLock);
            for (const auto &[value, entry] : process->handles) {
                open.push_back(value);
            }
        }
        std::sort(open.begin(), open.end());
        for (ULONG_PTR value : open) {
            closeHandle(process, reinterpret_cast<HANDLE>(value), UserMode);
        }
    } while (!open.empty());
}

size_t kernelHandles(bool exemptToo) {
    size_t count = 0;
    std::lock_guard lock(kernel().systemProcess->handleLock);
    for (const auto &[value, entry] : kernel().systemProcess->handles) {
        count += exemptToo || !entry.exempt;
    }
    return count;
}

NTSTATUS insertHandle(PEPROCESS process, const Handle &entry, HANDLE *handle) {
    bool kernelHandle = (entry.attributes & OBJ_KERNEL_HANDLE) != 0;
    process = kernelHandle ? kernel().systemProcess : process;
    ULONG_PTR value;
    {
        std::lock_guard lock(process->handleLock);
        if (process->exiting) {
            return STATUS_PROCESS_IS_TERMINATING;
        }
        value = process->nextHandle;
        process->nextHandle += 4;
        value |= kernelHandle ? kKernelHandle : 0;
        process->handles.emplace(value, entry);
        ObfReferenceObject(entry.object);
        addHandle(entry.object);
    }
    *handle = reinterpret_cast<HANDLE>(value);
    return STATUS_SUCCESS;
}

NTSTATUS referenceHandle(PEPROCESS process, HANDLE handle, KPROCESSOR_MODE mode, Handle *found) {
    auto value = reinterpret_cast<LONG_PTR>(handle);
    if (value == -1 || value == -2) {
        *found = {value == -1 ? static_cast<PVOID>(IoGetCurrentProcess()) : static_cast<PVOID>(currentThread()),
                  0x1FFFFF, 0};
        ObfReferenceObject(found->object);
        return STATUS_SUCCESS;
    }
    if (isKernelHandle(handle)) {
        process = mode == KernelMode ? kernel().systemProcess : nullptr;
    }
    return find(process, handle, found) ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

NTSTATUS giveName(std::u16string_view name, POBJECT_NAME_INFORMATION to, ULONG length, PULONG returned,
                  KPROCESSOR_MODE mode) {
    if (name.size() > UNICODE_STRING_MAX_CHARS - 1) {
        return STATUS_NAME_TOO_LONG;
    }
    auto bytes = static_cast<USHORT>(name.size() * sizeof(WCHAR));
    // An object without a name has no string, not even an empty one.
    auto needed = static_cast<ULONG>(sizeof *to + (bytes != 0 ? bytes + sizeof(WCHAR) : 0));
    if (returned != nullptr && !writeCaller(returned, &needed, sizeof needed, mode)) {
        return STATUS_ACCESS_VIOLATION;
    }
    if (length < needed) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    std::vector<UCHAR> answer(needed);
    if (bytes != 0) {
        OBJECT_NAME_INFORMATION header = {
            {bytes, static_cast<USHORT>(bytes + sizeof(WCHAR)), reinterpret_cast<PWCH>(to + 1)}};
        std::memcpy(answer.data(), &header, sizeof header);
        std::memcpy(answer.data() + sizeof header, name.data(), bytes);
    }
    return writeCaller(to, answer.data(), needed, mode) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

static NTSTATUS queryObjectName(HANDLE handle, PVOID info, ULONG length, PULONG returned, KPROCESSOR_MODE mode) {
    PVOID object;
    NTSTATUS status = ObReferenceObjectByHandle(handle, 0, nullptr, mode, &object, nullptr);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    auto query = ObGetObjectType(object)->info.QueryName;
    auto to = static_cast<POBJECT_NAME_INFORMATION>(info);
    status = query != nullptr ? query(object, to, length, returned, mode) : giveName({}, to, length, returned, mode);
    ObfDereferenceObject(object);
    return status;
}

} // namespace nt

using namespace nt;

extern "C" {

NTSTATUS SimInsertHandle(PVOID object, ULONG attributes, ACCESS_MASK access, PHANDLE handle) {
    requireIrql(APC_LEVEL, "Handle creation");
    return insertHandle(IoGetCurrentProcess(), {object, access, attributes}, handle);
}

VOID SimExemptHandle(HANDLE handle) {
    std::lock_guard lock(kernel().systemProcess->handleLock);
    auto entry = kernel().systemProcess->handles.find(reinterpret_cast<ULONG_PTR>(handle));
    if (entry == kernel().systemProcess->handles.end()) {
        bugCheck(INVALID_KERNEL_HANDLE, reinterpret_cast<ULONG_PTR>(handle), 0, 0, 0,
                 "SimExemptHandle: %p is no open kernel handle.", handle);
    }
    entry->second.exempt = true;
}

NTSTATUS ObReferenceObjectByHandle(HANDLE handle, ACCESS_MASK desired, POBJECT_TYPE type, KPROCESSOR_MODE mode,
                                   PVOID *object, POBJECT_HANDLE_INFORMATION info) {
    requirePassive("ObReferenceObjectByHandle");
    *object = nullptr;
    Handle found;
    NTSTATUS status = referenceHandle(IoGetCurrentProcess(), handle, mode, &found);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (type != nullptr && ObGetObjectType(found.object) != type) {
        status = STATUS_OBJECT_TYPE_MISMATCH;
    } else if (mode != KernelMode && (desired & ~found.access) != 0) {
        status = STATUS_ACCESS_DENIED;
    }
    if (!NT_SUCCESS(status)) {
        ObfDereferenceObject(found.object);
        return status;
    }
    if (info != nullptr) {
        *info = {found.attributes & (OBJ_INHERIT | OBJ_PERMANENT), found.access};
    }
    *object = found.object;
    return STATUS_SUCCESS;
}

NTSTATUS ObOpenObjectByPointer(PVOID object, ULONG attributes, PVOID, ACCESS_MASK desired, POBJECT_TYPE type,
                               KPROCESSOR_MODE mode, PHANDLE handle) {
    requirePassive("ObOpenObjectByPointer");
    NTSTATUS status = ObReferenceObjectByPointer(object, 0, type, mode);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    const SIM_OBJECT_TYPE_INITIALIZER &info = ObGetObjectType(object)->info;
    ACCESS_MASK granted = desired;
    RtlMapGenericMask(&granted, &info.Mapping);
    if (granted & MAXIMUM_ALLOWED) {
        granted = (granted & ~MAXIMUM_ALLOWED) | info.Mapping.GenericAll;
    }
    if (info.Open != nullptr) {
        status = info.Open(IoGetCurrentProcess(), object, granted);
    }
    if (NT_SUCCESS(status)) {
        status = SimInsertHandle(object, attributes, granted, handle);
    }
    ObfDereferenceObject(object);
    return status;
}

NTSTATUS ObCloseHandle(HANDLE handle, KPROCESSOR_MODE mode) {
    requirePassive("ZwClose");
    return closeHandle(IoGetCurrentProcess(), handle, mode);
}

NTSTATUS NtClose(HANDLE handle) {
    return ObCloseHandle(handle, ExGetPreviousMode());
}
NTSTATUS ZwClose(HANDLE handle) {
    return ObCloseHandle(handle, KernelMode);
}

NTSTATUS ZwWaitForSingleObject(HANDLE handle, BOOLEAN alertable, PLARGE_INTEGER timeout) {
    PVOID object;
    NTSTATUS status = ObReferenceObjectByHandle(handle, SYNCHRONIZE, nullptr, KernelMode, &object, nullptr);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = ObGetObjectType(object)->info.Waitable
                 ? KeWaitForSingleObject(object, UserRequest, KernelMode, alertable, timeout)
                 : STATUS_OBJECT_TYPE_MISMATCH;
    ObfDereferenceObject(object);
    return status;
}

NTSTATUS NtQueryObject(HANDLE handle, OBJECT_INFORMATION_CLASS type, PVOID info, ULONG length, PULONG returned) {
    requirePassive("NtQueryObject");
    if (type != ObjectNameInformation) {
        return STATUS_INVALID_INFO_CLASS;
    }
    return queryObjectName(handle, info, length, returned, ExGetPreviousMode());
}

NTSTATUS ZwQueryObject(HANDLE handle, OBJECT_INFORMATION_CLASS type, PVOID info, ULONG length, PULONG returned) {
    KPROCESSOR_MODE mode = SimSetPreviousMode(KernelMode);
    NTSTATUS status = NtQueryObject(handle, type, info, length, returned);
    SimSetPreviousMode(mode);
    return status;
}

} // extern "C"
