// SPDX-License-Identifier: MIT
//
// Makes the error: its message and its `ntStatus`.

#include "native/native_error.h"

#include <cstdio>

namespace cmbridge {

Napi::Error nativeError(Napi::Env env, const char *routine, NtStatus status) {
    char message[128];
    std::snprintf(message, sizeof(message), "%s failed with NTSTATUS 0x%08X", routine, static_cast<uint32_t>(status));
    Napi::Error error = Napi::Error::New(env, message);
    error.Set("ntStatus", Napi::Number::New(env, static_cast<uint32_t>(status)));
    return error;
}

} // namespace cmbridge
