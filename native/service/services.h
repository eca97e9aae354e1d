// SPDX-License-Identifier: MIT
//
// The service control manager: one kernel-mode service, asked about, made, changed, started, stopped, deleted.

#ifndef CMBRIDGE_NATIVE_SERVICE_SERVICES_H
#define CMBRIDGE_NATIVE_SERVICE_SERVICES_H

#include <napi.h>

namespace cmbridge {

// NativeServices of lib/native/native.ts. All of it is done on libuv's pool, for the service control manager may be
// busy.
Napi::Object createServicesObject(Napi::Env env);

} // namespace cmbridge

#endif
