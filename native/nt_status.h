// SPDX-License-Identifier: MIT
//
// The few status values that the addon itself gives or looks for; all others pass through unread.

#ifndef CMBRIDGE_NATIVE_NT_STATUS_H
#define CMBRIDGE_NATIVE_NT_STATUS_H

#include <cstdint>

namespace cmbridge {

using NtStatus = int32_t;

inline constexpr NtStatus kStatusSuccess = 0;
inline constexpr NtStatus kStatusPending = 0x00000103;
inline constexpr NtStatus kStatusNoMemory = static_cast<NtStatus>(0xC0000017);
inline constexpr NtStatus kStatusInsufficientResources = static_cast<NtStatus>(0xC000009A);
inline constexpr NtStatus kStatusFileClosed = static_cast<NtStatus>(0xC0000128);

// NT_SUCCESS and NT_ERROR.
constexpr bool succeeded(NtStatus status) {
    return status >= 0;
}
constexpr bool isError(NtStatus status) {
    return static_cast<uint32_t>(status) >= 0xC0000000u;
}

} // namespace cmbridge

#endif
