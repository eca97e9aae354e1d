// SPDX-License-Identifier: MIT
//
// Services that answer in a buffer of the caller: keys, values, names, security. The buffer may be hostile.

#include <cstring>
#include <utility>

#include "native/simulator_channel/service_arguments.h"
#include "native/simulator_channel/user_buffers.h"

namespace cmbridge::registry {
namespace {

std::span<std::byte> bytesOf(ULONG &number) {
    return std::as_writable_bytes(std::span(&number, 1));
}

// A service fills the buffer on success, or fills all of it and says that there is more.
template <typename Service> QueryResult query(uint32_t length, std::optional<Hostility> hostility, Service service) {
    QueryResult result;
    result.data.resize(length);
    ULONG needed = 0;
    // In and out: the room that there is, the bytes that were used.
    ULONG used = length;
    {
        UserBuffers buffers(hostility, {std::span(result.data), bytesOf(needed), bytesOf(used)});
        result.status = service(result.data.data(), &used, &needed);
        result.touches = buffers.touches();
    }
    result.length = needed;
    if (NT_SUCCESS(result.status)) {
        result.data.resize(std::min(needed, length));
    } else if (result.status != STATUS_BUFFER_OVERFLOW) {
        result.data.clear();
    }
    return result;
}

QueryResult nameTooLong() {
    return {.status = STATUS_NAME_TOO_LONG, .data = {}, .length = 0, .touches = {}};
}

} // namespace

QueryResult queryKey(Handle key, uint32_t informationClass, uint32_t length, std::optional<Hostility> hostility) {
    return query(length, hostility, [&](void *buffer, ULONG *, ULONG *needed) {
        return NtQueryKey(asHandle(key), static_cast<KEY_INFORMATION_CLASS>(informationClass), buffer, length, needed);
    });
}

QueryResult queryValue(Handle key, std::u16string name, uint32_t informationClass, uint32_t length,
                       std::optional<Hostility> hostility) {
    Name value(name);
    if (value.tooLong()) {
        return nameTooLong();
    }
    return query(length, hostility, [&](void *buffer, ULONG *, ULONG *needed) {
        return NtQueryValueKey(asHandle(key), value.get(), static_cast<KEY_VALUE_INFORMATION_CLASS>(informationClass),
                               buffer, length, needed);
    });
}

QueryResult enumerateKey(Handle key, uint32_t index, uint32_t informationClass, uint32_t length,
                         std::optional<Hostility> hostility) {
    return query(length, hostility, [&](void *buffer, ULONG *, ULONG *needed) {
        return NtEnumerateKey(asHandle(key), index, static_cast<KEY_INFORMATION_CLASS>(informationClass), buffer,
                              length, needed);
    });
}

QueryResult enumerateValue(Handle key, uint32_t index, uint32_t informationClass, uint32_t length,
                           std::optional<Hostility> hostility) {
    return query(length, hostility, [&](void *buffer, ULONG *, ULONG *needed) {
        return NtEnumerateValueKey(asHandle(key), index, static_cast<KEY_VALUE_INFORMATION_CLASS>(informationClass),
                                   buffer, length, needed);
    });
}

QueryResult queryMultipleValues(Handle key, std::vector<std::u16string> names, uint32_t length,
                                std::optional<Hostility> hostility) {
    std::vector<UNICODE_STRING> strings;
    strings.reserve(names.size());
    std::vector<KEY_VALUE_ENTRY> entries;
    entries.reserve(names.size());
    for (std::u16string &text : names) {
        Name name(text);
        if (name.tooLong()) {
            return nameTooLong();
        }
        strings.push_back(*name.get());
        entries.push_back({&strings.back(), 0, 0, 0});
    }
    return query(length, hostility, [&](void *buffer, ULONG *used, ULONG *needed) {
        return NtQueryMultipleValueKey(asHandle(key), entries.data(), static_cast<ULONG>(entries.size()), buffer, used,
                                       needed);
    });
}

QueryResult queryObjectName(Handle key, uint32_t length, std::optional<Hostility> hostility) {
    QueryResult result = query(length, hostility, [&](void *buffer, ULONG *, ULONG *needed) {
        return NtQueryObject(asHandle(key), ObjectNameInformation, buffer, length, needed);
    });
    // The string points into a buffer that is gone when the caller reads it.
    constexpr size_t pointer = offsetof(UNICODE_STRING, Buffer);
    if (result.data.size() >= sizeof(UNICODE_STRING)) {
        std::memset(result.data.data() + pointer, 0, sizeof(UNICODE_STRING) - pointer);
    }
    return result;
}

QueryResult querySecurity(Handle key, uint32_t information, uint32_t length, std::optional<Hostility> hostility) {
    return query(length, hostility, [&](void *buffer, ULONG *, ULONG *needed) {
        return NtQuerySecurityObject(asHandle(key), information, buffer, length, needed);
    });
}

} // namespace cmbridge::registry
