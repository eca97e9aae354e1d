// SPDX-License-Identifier: MIT
//
// The system services that a thread of a simulated process calls, without the NT headers' names.

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

struct HandleResult {
    NtStatus status = 0;
    Handle handle = 0;
};

struct KeyResult {
    NtStatus status = 0;
    Handle handle = 0;
    uint32_t disposition = 0;
};

// What another thread of the program does to the buffers of a query while the kernel uses them.
struct Hostility {
    enum class Kind { Vanish, Change } kind;
    // So many touches of the kernel pass first.
    uint32_t after;
};

struct QueryResult {
    NtStatus status = 0;
    // What the kernel wrote.
    Bytes data;
    // ResultLength.
    uint32_t length = 0;
    // Of a hostile call: how often the kernel touched the buffers.
    std::optional<uint32_t> touches;
};

inline constexpr uint32_t kCaseInsensitive = 0x40; // OBJ_CASE_INSENSITIVE

struct CreateKey {
    Handle root = 0;
    std::u16string path = {};
    uint32_t access = 0;
    uint32_t options = 0;
    uint32_t attributes = kCaseInsensitive;
    // 0: none.
    Handle transaction = 0;
    std::optional<std::u16string> className = {};
    // Self-relative.
    std::optional<Bytes> securityDescriptor = {};
};

struct OpenKey {
    Handle root = 0;
    std::u16string path = {};
    uint32_t access = 0;
    uint32_t options = 0;
    uint32_t attributes = kCaseInsensitive;
    Handle transaction = 0;
};

// Only on a thread of a simulated process. Strings longer than a UNICODE_STRING can hold give STATUS_NAME_TOO_LONG.
KeyResult createKey(CreateKey request);
KeyResult openKey(OpenKey request);
NtStatus setValue(Handle key, std::u16string name, uint32_t type, Bytes data);
NtStatus deleteValue(Handle key, std::u16string name);
NtStatus deleteKey(Handle key);
NtStatus renameKey(Handle key, std::u16string newName);
NtStatus flushKey(Handle key);
NtStatus setInformation(Handle key, uint32_t informationClass, Bytes data);

QueryResult queryKey(Handle key, uint32_t informationClass, uint32_t length, std::optional<Hostility> hostility = {});
QueryResult queryValue(Handle key, std::u16string name, uint32_t informationClass, uint32_t length,
                       std::optional<Hostility> hostility = {});
QueryResult enumerateKey(Handle key, uint32_t index, uint32_t informationClass, uint32_t length,
                         std::optional<Hostility> hostility = {});
QueryResult enumerateValue(Handle key, uint32_t index, uint32_t informationClass, uint32_t length,
                           std::optional<Hostility> hostility = {});
QueryResult queryMultipleValues(Handle key, std::vector<std::u16string> names, uint32_t length,
                                std::optional<Hostility> hostility = {});
QueryResult queryObjectName(Handle key, uint32_t length, std::optional<Hostility> hostility = {});
QueryResult querySecurity(Handle key, uint32_t information, uint32_t length, std::optional<Hostility> hostility = {});

NtStatus closeHandle(Handle handle);
HandleResult duplicateHandle(Handle handle);
NtStatus setSecurity(Handle key, uint32_t information, Bytes descriptor);
// Tells the registrations of a notification class that no service above causes.
NtStatus injectNotification(Handle key, uint32_t notifyClass, NtStatus status);

HandleResult createTransaction();
NtStatus commitTransaction(Handle transaction);
NtStatus rollbackTransaction(Handle transaction);

// `file` is an NT path, which these open themselves where the service takes a handle.
HandleResult loadKey(Handle root, std::u16string path, std::u16string file, uint32_t flags, uint32_t access);
NtStatus unloadKey(Handle root, std::u16string path, uint32_t flags);
NtStatus saveKey(Handle key, std::u16string file, uint32_t format);
NtStatus saveMergedKeys(Handle high, Handle low, std::u16string file);
NtStatus restoreKey(Handle key, std::u16string file, uint32_t flags);
NtStatus replaceKey(std::u16string newFile, Handle key, std::u16string oldFile);

} // namespace cmbridge::registry

#endif
