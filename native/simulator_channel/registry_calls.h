// SPDX-License-Identifier: MIT
//
// The registry system services as a thread of a simulated process calls them, without the NT headers' names.

#ifndef CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_REGISTRY_CALLS_H
#define CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_REGISTRY_CALLS_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "native/nt_status.h"

namespace cmbridge::registry {

using Handle = uint64_t;
using Bytes = std::vector<std::byte>;

struct KeyResult {
    NtStatus status = 0;
    Handle handle = 0;
    uint32_t disposition = 0;
};

struct QueryResult {
    NtStatus status = 0;
    // What the kernel wrote.
    Bytes data;
    // ResultLength.
    uint32_t length = 0;
};

// Only on a thread of a simulated process. Strings longer than a UNICODE_STRING can hold give STATUS_NAME_TOO_LONG.
KeyResult createKey(Handle root, std::u16string path, uint32_t access, uint32_t options,
                    std::optional<std::u16string> className);
KeyResult openKey(Handle root, std::u16string path, uint32_t access, uint32_t options);
NtStatus closeKey(Handle key);
NtStatus setValue(Handle key, std::u16string name, uint32_t type, Bytes data);
NtStatus deleteValue(Handle key, std::u16string name);
NtStatus deleteKey(Handle key);
NtStatus renameKey(Handle key, std::u16string newName);
NtStatus flushKey(Handle key);
NtStatus setInformation(Handle key, uint32_t informationClass, Bytes data);
QueryResult queryKey(Handle key, uint32_t informationClass, uint32_t length);
QueryResult queryValue(Handle key, std::u16string name, uint32_t informationClass, uint32_t length);
QueryResult enumerateKey(Handle key, uint32_t index, uint32_t informationClass, uint32_t length);
QueryResult enumerateValue(Handle key, uint32_t index, uint32_t informationClass, uint32_t length);
QueryResult queryMultipleValues(Handle key, std::vector<std::u16string> names, uint32_t length);
QueryResult queryObjectName(Handle key, uint32_t length);
// Tells the registrations of a notification class that no service above causes.
NtStatus injectNotification(Handle key, uint32_t notifyClass);

} // namespace cmbridge::registry

#endif
