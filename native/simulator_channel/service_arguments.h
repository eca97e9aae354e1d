// SPDX-License-Identifier: MIT
//
// Arguments of system services as a program passes them.

#ifndef CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_SERVICE_ARGUMENTS_H
#define CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_SERVICE_ARGUMENTS_H

#include <ntifs.h>

#include <algorithm>
#include <string>

#include "native/simulator_channel/registry_calls.h"

namespace cmbridge::registry {

inline HANDLE asHandle(Handle handle) {
    return reinterpret_cast<HANDLE>(static_cast<uintptr_t>(handle));
}

inline Handle fromHandle(HANDLE handle) {
    return static_cast<Handle>(reinterpret_cast<uintptr_t>(handle));
}

// A user-mode string: not terminated, its memory is the caller's.
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

// A service is not told how long a descriptor is: one that points beyond its bytes would make it read what lies there.
inline bool isDescriptor(Bytes &bytes) {
    return RtlValidRelativeSecurityDescriptor(bytes.data(), static_cast<ULONG>(bytes.size()), 0) != FALSE;
}

inline OBJECT_ATTRIBUTES objectAttributes(Handle root, Name &name, uint32_t attributes = kCaseInsensitive,
                                          PVOID securityDescriptor = nullptr) {
    OBJECT_ATTRIBUTES result;
    InitializeObjectAttributes(&result, name.get(), attributes, asHandle(root), securityDescriptor);
    return result;
}

} // namespace cmbridge::registry

#endif
