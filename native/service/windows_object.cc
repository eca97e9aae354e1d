// SPDX-License-Identifier: MIT
//
// What the addon exports as `windows`.

#include "native/addon.h"
#include "native/service/machine.h"
#include "native/service/services.h"

namespace cmbridge {

Napi::Object createWindowsObject(Napi::Env env) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("services", createServicesObject(env));
    addMachineFunctions(object);
    addRegistryFunctions(object);
    addCertificateFunctions(object);
    return object;
}

} // namespace cmbridge
