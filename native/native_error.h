// SPDX-License-Identifier: MIT
//
// The JavaScript error for an NT call that failed.

#ifndef CMBRIDGE_NATIVE_NATIVE_ERROR_H
#define CMBRIDGE_NATIVE_NATIVE_ERROR_H

#include <napi.h>

#include "native/nt_status.h"

namespace cmbridge {

// An Error whose `ntStatus` is the status as an unsigned number; the message names the routine that gave it.
Napi::Error nativeError(Napi::Env env, const char *routine, NtStatus status);

} // namespace cmbridge

#endif
