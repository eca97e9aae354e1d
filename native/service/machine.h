// SPDX-License-Identifier: MIT
//
// Facts of this machine, its registry and its certificates.

#ifndef CMBRIDGE_NATIVE_SERVICE_MACHINE_H
#define CMBRIDGE_NATIVE_SERVICE_MACHINE_H

#include <napi.h>

namespace cmbridge {

// Each sets its functions of NativeWindows of lib/native/native.ts. They ask this machine alone and return at once.
void addMachineFunctions(Napi::Object object);
void addRegistryFunctions(Napi::Object object);
void addCertificateFunctions(Napi::Object object);

} // namespace cmbridge

#endif
