// SPDX-License-Identifier: MIT

#include "native/simulator_channel/registry_calls.h"

#include <ntifs.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "cm/cm.h"

namespace cmbridge::registry {
namespace {

// A user-mode string as a program passes it: not terminated, its memory is the caller's.
class Name {
  public:
    explicit Name(std::u16string &text)
        : tooLong_(text.size() > kMaxUnits), value_{bytes(text), bytes(text), text.data()} {}
    bool tooLong() const { return tooLong_; }
    UNICODE_STRING *get() { return &value_; }

  private:
    static constexpr size_t kMaxUnits = 0xFFFE / sizeof(char16_t);
    static USHORT bytes(const std::u16string &text) {
        return static_cast<USHORT>(std::min(text.size(), kMaxUnits) * sizeof(char16_t));
    }

    bool tooLong_;
    UNICODE_STRING value_;
};

HANDLE asHandle(Handle handle) {
    return reinterpret_cast<HANDLE>(static_cast<uintptr_t>(handle));
}

OBJECT_ATTRIBUTES attributesOf(Handle root, Name &name) {
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, name.get(), OBJ_CASE_INSENSITIVE, asHandle(root), nullptr);
    return attributes;
}

KeyResult keyResult(NTSTATUS status, HANDLE handle, ULONG disposition) {
    if (!NT_SUCCESS(status)) {
        return {status, 0, 0};
    }
    return {status, static_cast<Handle>(reinterpret_cast<uintptr_t>(handle)), disposition};
}

// A service fills the buffer on success, or fills all of it and says that there is more.
template <typename Service> QueryResult query(uint32_t length, Service service) {
    QueryResult result;
    result.data.resize(length);
    ULONG needed = 0;
    result.status = service(result.data.data(), length, &needed);
    result.length = needed;
    if (NT_SUCCESS(result.status)) {
        result.data.resize(std::min(needed, length));
    } else if (result.status != STATUS_BUFFER_OVERFLOW) {
        result.data.clear();
    }
    return result;
}

} // namespace

KeyResult createKey(Handle root, std::u16string path, uint32_t access, uint32_t options,
                    std::optional<std::u16string> className) {
    std::u16string classText = className.value_or(u"");
    Name name(path), keyClass(classText);
    if (name.tooLong() || keyClass.tooLong()) {
        return {STATUS_NAME_TOO_LONG, 0, 0};
    }
    OBJECT_ATTRIBUTES attributes = attributesOf(root, name);
    HANDLE handle = nullptr;
    ULONG disposition = 0;
    NTSTATUS status =
        NtCreateKey(&handle, access, &attributes, 0, className ? keyClass.get() : nullptr, options, &disposition);
    return keyResult(status, handle, disposition);
}

KeyResult openKey(Handle root, std::u16string path, uint32_t access, uint32_t options) {
    Name name(path);
    if (name.tooLong()) {
        return {STATUS_NAME_TOO_LONG, 0, 0};
    }
    OBJECT_ATTRIBUTES attributes = attributesOf(root, name);
    HANDLE handle = nullptr;
    NTSTATUS status = NtOpenKeyEx(&handle, access, &attributes, options);
    return keyResult(status, handle, 0);
}

NtStatus closeKey(Handle key) {
    return NtClose(asHandle(key));
}

NtStatus setValue(Handle key, std::u16string name, uint32_t type, Bytes data) {
    Name value(name);
    return value.tooLong()
               ? STATUS_NAME_TOO_LONG
               : NtSetValueKey(asHandle(key), value.get(), 0, type, data.data(), static_cast<ULONG>(data.size()));
}

NtStatus deleteValue(Handle key, std::u16string name) {
    Name value(name);
    return value.tooLong() ? STATUS_NAME_TOO_LONG : NtDeleteValueKey(asHandle(key), value.get());
}

NtStatus deleteKey(Handle key) {
    return NtDeleteKey(asHandle(key));
}

NtStatus renameKey(Handle key, std::u16string newName) {
    Name name(newName);
    return name.tooLong() ? STATUS_NAME_TOO_LONG : NtRenameKey(asHandle(key), name.get());
}

NtStatus flushKey(Handle key) {
    return NtFlushKey(asHandle(key));
}

NtStatus setInformation(Handle key, uint32_t informationClass, Bytes data) {
    return NtSetInformationKey(asHandle(key), static_cast<KEY_SET_INFORMATION_CLASS>(informationClass), data.data(),
                               static_cast<ULONG>(data.size()));
}

QueryResult queryKey(Handle key, uint32_t informationClass, uint32_t length) {
    return query(length, [&](void *buffer, ULONG size, ULONG *needed) {
        return NtQueryKey(asHandle(key), static_cast<KEY_INFORMATION_CLASS>(informationClass), buffer, size, needed);
    });
}

QueryResult queryValue(Handle key, std::u16string name, uint32_t informationClass, uint32_t length) {
    Name value(name);
    if (value.tooLong()) {
        return {STATUS_NAME_TOO_LONG, {}, 0};
    }
    return query(length, [&](void *buffer, ULONG size, ULONG *needed) {
        return NtQueryValueKey(asHandle(key), value.get(), static_cast<KEY_VALUE_INFORMATION_CLASS>(informationClass),
                               buffer, size, needed);
    });
}

QueryResult enumerateKey(Handle key, uint32_t index, uint32_t informationClass, uint32_t length) {
    return query(length, [&](void *buffer, ULONG size, ULONG *needed) {
        return NtEnumerateKey(asHandle(key), index, static_cast<KEY_INFORMATION_CLASS>(informationClass), buffer, size,
                              needed);
    });
}

QueryResult enumerateValue(Handle key, uint32_t index, uint32_t informationClass, uint32_t length) {
    return query(length, [&](void *buffer, ULONG size, ULONG *needed) {
        return NtEnumerateValueKey(asHandle(key), index, static_cast<KEY_VALUE_INFORMATION_CLASS>(informationClass),
                                   buffer, size, needed);
    });
}

QueryResult queryMultipleValues(Handle key, std::vector<std::u16string> names, uint32_t length) {
    std::vector<UNICODE_STRING> strings;
    strings.reserve(names.size());
    std::vector<KEY_VALUE_ENTRY> entries;
    entries.reserve(names.size());
    for (std::u16string &text : names) {
        Name name(text);
        if (name.tooLong()) {
            return {STATUS_NAME_TOO_LONG, {}, 0};
        }
        strings.push_back(*name.get());
        entries.push_back({&strings.back(), 0, 0, 0});
    }
    return query(length, [&](void *buffer, ULONG size, ULONG *needed) {
        ULONG used = size;
        return NtQueryMultipleValueKey(asHandle(key), entries.data(), static_cast<ULONG>(entries.size()), buffer, &used,
                                       needed);
    });
}

QueryResult queryObjectName(Handle key, uint32_t length) {
    QueryResult result = query(length, [&](void *buffer, ULONG size, ULONG *needed) {
        return NtQueryObject(asHandle(key), ObjectNameInformation, buffer, size, needed);
    });
    // The string points into a buffer that is gone when the caller reads it.
    constexpr size_t pointer = offsetof(UNICODE_STRING, Buffer);
    if (result.data.size() >= sizeof(UNICODE_STRING)) {
        std::memset(result.data.data() + pointer, 0, sizeof(UNICODE_STRING) - pointer);
    }
    return result;
}

NtStatus injectNotification(Handle key, uint32_t notifyClass) {
    void *object = nullptr;
    NTSTATUS status = ObReferenceObjectByHandle(asHandle(key), 0, *CmKeyObjectType, UserMode, &object, nullptr);
    if (NT_SUCCESS(status)) {
        status = CmInjectNotification(object, notifyClass, STATUS_SUCCESS);
        ObDereferenceObject(object);
    }
    return status;
}

} // namespace cmbridge::registry
