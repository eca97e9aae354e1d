// SPDX-License-Identifier: MIT
//
// Services that load, unload, save, restore and replace hives; opens the file for those that take a handle.

#include "native/simulator_channel/service_arguments.h"

namespace cmbridge::registry {
namespace {

// A file as programs open it for a service that takes a handle; closed with the object.
class OpenFile {
  public:
    OpenFile(std::u16string &path, ACCESS_MASK access, ULONG share, ULONG disposition) {
        Name name(path);
        if (name.tooLong()) {
            status_ = STATUS_NAME_TOO_LONG;
            return;
        }
        OBJECT_ATTRIBUTES attributes = objectAttributes(0, name);
        IO_STATUS_BLOCK result = {};
        status_ = NtCreateFile(&handle_, access | SYNCHRONIZE, &attributes, &result, nullptr, FILE_ATTRIBUTE_NORMAL,
                               share, disposition, FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, nullptr, 0);
    }
    ~OpenFile() {
        if (NT_SUCCESS(status_)) {
            NtClose(handle_);
        }
    }
    OpenFile(const OpenFile &) = delete;
    OpenFile &operator=(const OpenFile &) = delete;

    // What the service answers, or why the file could not be opened.
    template <typename Service> NtStatus with(Service service) {
        return NT_SUCCESS(status_) ? service(handle_) : status_;
    }

  private:
    NTSTATUS status_;
    HANDLE handle_ = nullptr;
};

// As RegSaveKey: the file must not be there.
OpenFile newFile(std::u16string &path) {
    return OpenFile(path, GENERIC_READ | GENERIC_WRITE, 0, FILE_CREATE);
}

} // namespace

HandleResult loadKey(Handle root, std::u16string path, std::u16string file, uint32_t flags, uint32_t access) {
    Name name(path), source(file);
    if (name.tooLong() || source.tooLong()) {
        return {STATUS_NAME_TOO_LONG, 0};
    }
    OBJECT_ATTRIBUTES target = objectAttributes(root, name), sourceFile = objectAttributes(0, source);
    HANDLE handle = nullptr;
    bool application = (flags & REG_APP_HIVE) != 0;
    NTSTATUS status = NtLoadKeyEx(&target, &sourceFile, flags, nullptr, nullptr, application ? access : 0,
                                  application ? &handle : nullptr, nullptr);
    return NT_SUCCESS(status) ? HandleResult{status, fromHandle(handle)} : HandleResult{status, 0};
}

NtStatus unloadKey(Handle root, std::u16string path, uint32_t flags) {
    Name name(path);
    if (name.tooLong()) {
        return STATUS_NAME_TOO_LONG;
    }
    OBJECT_ATTRIBUTES target = objectAttributes(root, name);
    return NtUnloadKey2(&target, flags);
}

NtStatus saveKey(Handle key, std::u16string file, uint32_t format) {
    return newFile(file).with([&](HANDLE handle) { return NtSaveKeyEx(asHandle(key), handle, format); });
}

NtStatus saveMergedKeys(Handle high, Handle low, std::u16string file) {
    return newFile(file).with([&](HANDLE handle) { return NtSaveMergedKeys(asHandle(high), asHandle(low), handle); });
}

NtStatus restoreKey(Handle key, std::u16string file, uint32_t flags) {
    OpenFile source(file, GENERIC_READ, FILE_SHARE_READ, FILE_OPEN);
    return source.with([&](HANDLE handle) { return NtRestoreKey(asHandle(key), handle, flags); });
}

NtStatus replaceKey(std::u16string newFile, Handle key, std::u16string oldFile) {
    Name newName(newFile), oldName(oldFile);
    if (newName.tooLong() || oldName.tooLong()) {
        return STATUS_NAME_TOO_LONG;
    }
    OBJECT_ATTRIBUTES from = objectAttributes(0, newName), to = objectAttributes(0, oldName);
    return NtReplaceKey(&from, asHandle(key), &to);
}

} // namespace cmbridge::registry
