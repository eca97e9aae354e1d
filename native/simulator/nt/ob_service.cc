// SPDX-License-Identifier: MIT
//
// Services on handles of any type: security, duplicates.

#include "se_internal.h"

namespace nt {

static ACCESS_MASK rightsToQuery(SECURITY_INFORMATION information) {
    constexpr SECURITY_INFORMATION readable = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
                                              DACL_SECURITY_INFORMATION | LABEL_SECURITY_INFORMATION;
    return (information & readable ? READ_CONTROL : 0) |
           (information & SACL_SECURITY_INFORMATION ? ACCESS_SYSTEM_SECURITY : 0);
}

static ACCESS_MASK rightsToSet(SECURITY_INFORMATION information) {
    constexpr SECURITY_INFORMATION owned =
        OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | LABEL_SECURITY_INFORMATION;
    return (information & owned ? WRITE_OWNER : 0) | (information & DACL_SECURITY_INFORMATION ? WRITE_DAC : 0) |
           (information & SACL_SECURITY_INFORMATION ? ACCESS_SYSTEM_SECURITY : 0);
}

// Lists may be absent, which means something; an owner and a group may not.
static bool hasParts(PSECURITY_DESCRIPTOR descriptor, SECURITY_INFORMATION information) {
    DescriptorParts parts = partsOf(descriptor);
    return (!(information & OWNER_SECURITY_INFORMATION) || parts.owner != nullptr) &&
           (!(information & GROUP_SECURITY_INFORMATION) || parts.group != nullptr);
}

NTSTATUS captureUnnamed(POBJECT_ATTRIBUTES from, KPROCESSOR_MODE mode, ULONG *handleAttributes) {
    *handleAttributes = 0;
    if (from == nullptr) {
        return STATUS_SUCCESS;
    }
    OBJECT_ATTRIBUTES copy;
    if (!readCaller(&copy, from, sizeof copy, mode)) {
        return STATUS_ACCESS_VIOLATION;
    }
    if (copy.Length != sizeof copy || (copy.Attributes & ~OBJ_VALID_ATTRIBUTES) != 0) {
        return STATUS_INVALID_PARAMETER;
    }
    if (copy.ObjectName != nullptr || copy.RootDirectory != nullptr) {
        return STATUS_OBJECT_NAME_INVALID;
    }
    *handleAttributes = mode == UserMode ? copy.Attributes & ~static_cast<ULONG>(OBJ_KERNEL_HANDLE) : copy.Attributes;
    return STATUS_SUCCESS;
}

NTSTATUS giveHandle(PVOID object, ULONG attributes, ACCESS_MASK desired, PHANDLE result, KPROCESSOR_MODE mode) {
    const SIM_OBJECT_TYPE_INITIALIZER &type = ObGetObjectType(object)->info;
    ACCESS_MASK granted = desired;
    RtlMapGenericMask(&granted, &type.Mapping);
    HANDLE handle;
    NTSTATUS status =
        SimInsertHandle(object, attributes, granted & MAXIMUM_ALLOWED ? type.Mapping.GenericAll : granted, &handle);
    if (NT_SUCCESS(status) && !writeCaller(result, &handle, sizeof handle, mode)) {
        closeHandle(IoGetCurrentProcess(), handle, mode);
        status = STATUS_ACCESS_VIOLATION;
    }
    ObfDereferenceObject(object);
    return status;
}

static NTSTATUS referenceProcess(HANDLE handle, KPROCESSOR_MODE mode, PEPROCESS *process) {
    PVOID object;
    NTSTATUS status = ObReferenceObjectByHandle(handle, PROCESS_DUP_HANDLE, *PsProcessType, mode, &object, nullptr);
    *process = NT_SUCCESS(status) ? static_cast<PEPROCESS>(object) : nullptr;
    return status;
}

static NTSTATUS insertDuplicate(const Handle &from, PEPROCESS target, PHANDLE result, ACCESS_MASK desired,
                                ULONG attributes, ULONG options, KPROCESSOR_MODE mode) {
    Handle entry = {from.object, from.access,
                    options & DUPLICATE_SAME_ATTRIBUTES ? from.attributes : attributes & OBJ_VALID_ATTRIBUTES};
    if (mode == UserMode) {
        entry.attributes &= ~static_cast<ULONG>(OBJ_KERNEL_HANDLE);
    }
    if (!(options & DUPLICATE_SAME_ACCESS)) {
        const SIM_OBJECT_TYPE_INITIALIZER &type = ObGetObjectType(from.object)->info;
        RtlMapGenericMask(&desired, &type.Mapping);
        entry.access = desired & MAXIMUM_ALLOWED ? from.access : desired;
        // Windows would ask the object's descriptor for what the source does not have.
        if (mode == UserMode && (entry.access & ~from.access) != 0) {
            return STATUS_ACCESS_DENIED;
        }
    }
    HANDLE handle;
    NTSTATUS status = insertHandle(target, entry, &handle);
    if (NT_SUCCESS(status) && !writeCaller(result, &handle, sizeof handle, mode)) {
        closeHandle(target, handle, mode);
        status = STATUS_ACCESS_VIOLATION;
    }
    return status;
}

} // namespace nt

using namespace nt;

extern "C" {

NTSTATUS NtCreateEvent(PHANDLE result, ACCESS_MASK desired, POBJECT_ATTRIBUTES object, EVENT_TYPE type,
                       BOOLEAN signalled) {
    requireIrql(PASSIVE_LEVEL, "NtCreateEvent");
    KPROCESSOR_MODE mode = ExGetPreviousMode();
    ULONG attributes;
    NTSTATUS status = captureUnnamed(object, mode, &attributes);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (type != NotificationEvent && type != SynchronizationEvent) {
        return STATUS_INVALID_PARAMETER;
    }
    PVOID event = SimCreateObject(*ExEventObjectType);
    KeInitializeEvent(static_cast<PKEVENT>(event), type, signalled);
    return giveHandle(event, attributes, desired, result, mode);
}

NTSTATUS ZwCreateEvent(PHANDLE result, ACCESS_MASK desired, POBJECT_ATTRIBUTES object, EVENT_TYPE type,
                       BOOLEAN signalled) {
    KernelCall kernelCall;
    return NtCreateEvent(result, desired, object, type, signalled);
}

NTSTATUS NtSetSecurityObject(HANDLE handle, SECURITY_INFORMATION information, PSECURITY_DESCRIPTOR descriptor) {
    requirePassive("NtSetSecurityObject");
    KPROCESSOR_MODE mode = ExGetPreviousMode();
    if (descriptor == nullptr) {
        return STATUS_ACCESS_VIOLATION;
    }
    PVOID object;
    OBJECT_HANDLE_INFORMATION info;
    ACCESS_MASK needed = rightsToSet(information);
    NTSTATUS status = ObReferenceObjectByHandle(handle, needed, nullptr, mode, &object, &info);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    PSECURITY_DESCRIPTOR captured = nullptr;
    auto set = ObGetObjectType(object)->info.SetSecurity;
    if ((needed & ~info.GrantedAccess) != 0) {
        // Windows lets kernel mode pass. A driver whose handle lacks the right has opened it for something else.
        status = STATUS_ACCESS_DENIED;
    } else if (set == nullptr) {
        status = STATUS_NOT_SUPPORTED;
    } else {
        status = SeCaptureSecurityDescriptor(descriptor, mode, PagedPool, TRUE, &captured);
    }
    if (NT_SUCCESS(status) && !hasParts(captured, information)) {
        status = STATUS_INVALID_SECURITY_DESCR;
    }
    if (NT_SUCCESS(status)) {
        status = set(object, information, captured, mode);
    }
    SeReleaseSecurityDescriptor(captured, mode, TRUE);
    ObfDereferenceObject(object);
    return status;
}

NTSTATUS ZwSetSecurityObject(HANDLE handle, SECURITY_INFORMATION information, PSECURITY_DESCRIPTOR descriptor) {
    KernelCall kernelCall;
    return NtSetSecurityObject(handle, information, descriptor);
}

NTSTATUS NtQuerySecurityObject(HANDLE handle, SECURITY_INFORMATION information, PSECURITY_DESCRIPTOR descriptor,
                               ULONG length, PULONG lengthNeeded) {
    requirePassive("NtQuerySecurityObject");
    KPROCESSOR_MODE mode = ExGetPreviousMode();
    ULONG needed = 0;
    if (!writeCaller(lengthNeeded, &needed, sizeof needed, mode)) {
        return STATUS_ACCESS_VIOLATION;
    }
    PVOID object;
    NTSTATUS status = ObReferenceObjectByHandle(handle, rightsToQuery(information), nullptr, mode, &object, nullptr);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    needed = length;
    auto query = ObGetObjectType(object)->info.QuerySecurity;
    status = query != nullptr ? query(object, information, descriptor, &needed, mode) : STATUS_NOT_SUPPORTED;
    ObfDereferenceObject(object);
    if ((NT_SUCCESS(status) || status == STATUS_BUFFER_TOO_SMALL) &&
        !writeCaller(lengthNeeded, &needed, sizeof needed, mode)) {
        status = STATUS_ACCESS_VIOLATION;
    }
    return status;
}

NTSTATUS ZwQuerySecurityObject(HANDLE handle, SECURITY_INFORMATION information, PSECURITY_DESCRIPTOR descriptor,
                               ULONG length, PULONG lengthNeeded) {
    KernelCall kernelCall;
    return NtQuerySecurityObject(handle, information, descriptor, length, lengthNeeded);
}

NTSTATUS NtDuplicateObject(HANDLE sourceProcess, HANDLE sourceHandle, HANDLE targetProcess, PHANDLE targetHandle,
                           ACCESS_MASK desired, ULONG attributes, ULONG options) {
    requirePassive("NtDuplicateObject");
    KPROCESSOR_MODE mode = ExGetPreviousMode();
    PEPROCESS source, target = nullptr;
    NTSTATUS status = referenceProcess(sourceProcess, mode, &source);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    Handle from = {};
    status = referenceHandle(source, sourceHandle, mode, &from);
    // Without a target the source is merely closed.
    if (NT_SUCCESS(status) && (targetProcess != nullptr || !(options & DUPLICATE_CLOSE_SOURCE))) {
        status = referenceProcess(targetProcess, mode, &target);
        if (NT_SUCCESS(status)) {
            status = insertDuplicate(from, target, targetHandle, desired, attributes, options, mode);
        }
    }
    if (from.object != nullptr && (options & DUPLICATE_CLOSE_SOURCE)) {
        closeHandle(source, sourceHandle, mode);
    }
    for (PVOID object : {from.object, static_cast<PVOID>(target), static_cast<PVOID>(source)}) {
        if (object != nullptr) {
            ObfDereferenceObject(object);
        }
    }
    return status;
}

NTSTATUS ZwDuplicateObject(HANDLE sourceProcess, HANDLE sourceHandle, HANDLE targetProcess, PHANDLE targetHandle,
                           ACCESS_MASK desired, ULONG attributes, ULONG options) {
    KernelCall kernelCall;
    return NtDuplicateObject(sourceProcess, sourceHandle, targetProcess, targetHandle, desired, attributes, options);
}

} // extern "C"
