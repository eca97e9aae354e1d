// SPDX-License-Identifier: MIT
//
// NtCreateFile and NtOpenFile: the arguments.

#include "io_internal.h"

namespace nt {

static NTSTATUS relativeName(HANDLE root, std::u16string_view name, std::u16string *full) {
    PVOID object;
    NTSTATUS status = ObReferenceObjectByHandle(root, 0, *IoFileObjectType, ExGetPreviousMode(), &object, nullptr);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    *full = openedName(static_cast<PFILE_OBJECT>(object));
    ObfDereferenceObject(object);
    if (name.starts_with(u'\\')) {
        return STATUS_OBJECT_NAME_INVALID;
    }
    if (!name.empty()) {
        *full += full->ends_with(u'\\') ? u"" : u"\\";
        *full += name;
    }
    return full->size() < UNICODE_STRING_MAX_CHARS ? STATUS_SUCCESS : STATUS_OBJECT_NAME_INVALID;
}

static NTSTATUS captureName(POBJECT_ATTRIBUTES from, KPROCESSOR_MODE mode, FileOpening *opening) {
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING name = {};
    if (from == nullptr) {
        return STATUS_INVALID_PARAMETER;
    }
    if (!readCaller(&attributes, from, sizeof attributes, mode)) {
        return STATUS_ACCESS_VIOLATION;
    }
    if (attributes.Length != sizeof attributes || (attributes.Attributes & ~OBJ_VALID_ATTRIBUTES) != 0) {
        return STATUS_INVALID_PARAMETER;
    }
    if (attributes.ObjectName != nullptr && !readCaller(&name, attributes.ObjectName, sizeof name, mode)) {
        return STATUS_ACCESS_VIOLATION;
    }
    if (name.Length % sizeof(WCHAR) != 0) {
        return STATUS_OBJECT_NAME_INVALID;
    }
    std::u16string text(name.Length / sizeof(WCHAR), u'\0');
    if (!readCaller(text.data(), name.Buffer, name.Length, mode)) {
        return STATUS_ACCESS_VIOLATION;
    }
    opening->handleAttributes = attributes.Attributes;
    if (mode == UserMode) {
        opening->handleAttributes &= ~static_cast<ULONG>(OBJ_KERNEL_HANDLE);
    }
    if (attributes.RootDirectory != nullptr) {
        return relativeName(attributes.RootDirectory, text, &opening->name);
    }
    if (!text.starts_with(u'\\')) {
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    }
    opening->name = std::move(text);
    return STATUS_SUCCESS;
}

static bool validOptions(const FileOpening &opening) {
    constexpr ULONG synchronous = FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT;
    constexpr ULONG kind = FILE_DIRECTORY_FILE | FILE_NON_DIRECTORY_FILE;
    auto none = [&](ULONG all) { return (opening.options & all) != all; };
    ACCESS_MASK desired = opening.desired;
    // Each generic right contains SYNCHRONIZE, one of them DELETE.
    bool waits =
        (desired & (SYNCHRONIZE | MAXIMUM_ALLOWED | GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL)) != 0;
    bool deletes = (desired & (DELETE | MAXIMUM_ALLOWED | GENERIC_ALL)) != 0;
    return opening.disposition <= FILE_MAXIMUM_DISPOSITION && (opening.share & ~FILE_SHARE_VALID_FLAGS) == 0 &&
           (opening.options & ~FILE_VALID_OPTION_FLAGS) == 0 && none(synchronous) && none(kind) &&
           (!(opening.options & synchronous) || waits) && (!(opening.options & FILE_DELETE_ON_CLOSE) || deletes);
}

} // namespace nt

using namespace nt;

extern "C" {

NTSTATUS NtCreateFile(PHANDLE result, ACCESS_MASK desired, POBJECT_ATTRIBUTES object, PIO_STATUS_BLOCK io,
                      PLARGE_INTEGER, ULONG attributes, ULONG share, ULONG disposition, ULONG options, PVOID extended,
                      ULONG extendedLength) {
    requireIrql(PASSIVE_LEVEL, "NtCreateFile");
    KPROCESSOR_MODE mode = ExGetPreviousMode();
    FileOpening opening = {
        .desired = desired, .disposition = disposition, .options = options, .attributes = attributes, .share = share};
    if (!validOptions(opening)) {
        return STATUS_INVALID_PARAMETER;
    }
    if (extended != nullptr || extendedLength != 0) {
        return STATUS_EAS_NOT_SUPPORTED;
    }
    HANDLE handle = nullptr;
    IO_STATUS_BLOCK block = {};
    if (!writeCaller(result, &handle, sizeof handle, mode) || !writeCaller(io, &block, sizeof block, mode)) {
        return STATUS_ACCESS_VIOLATION;
    }
    NTSTATUS status = captureName(object, mode, &opening);
    PFILE_OBJECT file = nullptr;
    if (NT_SUCCESS(status)) {
        status = openFile(opening, &handle, &file, &block.Information);
    }
    block.Status = status;
    bool told = writeCaller(io, &block, sizeof block, mode);
    if (NT_SUCCESS(status)) {
        ObfDereferenceObject(file);
        if (!told || !writeCaller(result, &handle, sizeof handle, mode)) {
            closeHandle(IoGetCurrentProcess(), handle, mode);
            status = STATUS_ACCESS_VIOLATION;
        }
    }
    return status;
}

NTSTATUS NtOpenFile(PHANDLE handle, ACCESS_MASK desired, POBJECT_ATTRIBUTES object, PIO_STATUS_BLOCK io, ULONG share,
                    ULONG options) {
    return NtCreateFile(handle, desired, object, io, nullptr, 0, share, FILE_OPEN, options, nullptr, 0);
}

NTSTATUS ZwCreateFile(PHANDLE handle, ACCESS_MASK desired, POBJECT_ATTRIBUTES object, PIO_STATUS_BLOCK io,
                      PLARGE_INTEGER size, ULONG attributes, ULONG share, ULONG disposition, ULONG options,
                      PVOID extended, ULONG extendedLength) {
    KernelCall kernelCall;
    return NtCreateFile(handle, desired, object, io, size, attributes, share, disposition, options, extended,
                        extendedLength);
}

NTSTATUS ZwOpenFile(PHANDLE handle, ACCESS_MASK desired, POBJECT_ATTRIBUTES object, PIO_STATUS_BLOCK io, ULONG share,
                    ULONG options) {
    KernelCall kernelCall;
    return NtOpenFile(handle, desired, object, io, share, options);
}

} // extern "C"
