// SPDX-License-Identifier: MIT
//
// NativeThread of lib/native.ts.

#ifndef CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_THREAD_OBJECT_H
#define CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_THREAD_OBJECT_H

#include <napi.h>

#include <memory>

#include "native/simulator_channel/simulated_process.h"

namespace cmbridge {

class SimulatorSession;

class ThreadObject final : public Napi::ObjectWrap<ThreadObject> {
  public:
    static Napi::Function define(Napi::Env env, SimulatorSession &session);
    explicit ThreadObject(const Napi::CallbackInfo &info);

  private:
    Napi::Value createKey(const Napi::CallbackInfo &info);
    Napi::Value openKey(const Napi::CallbackInfo &info);
    Napi::Value closeKey(const Napi::CallbackInfo &info);
    Napi::Value setValue(const Napi::CallbackInfo &info);
    Napi::Value deleteValue(const Napi::CallbackInfo &info);
    Napi::Value deleteKey(const Napi::CallbackInfo &info);
    Napi::Value renameKey(const Napi::CallbackInfo &info);
    Napi::Value flushKey(const Napi::CallbackInfo &info);
    Napi::Value setInformation(const Napi::CallbackInfo &info);
    Napi::Value queryKey(const Napi::CallbackInfo &info);
    Napi::Value queryValue(const Napi::CallbackInfo &info);
    Napi::Value enumerateKey(const Napi::CallbackInfo &info);
    Napi::Value enumerateValue(const Napi::CallbackInfo &info);
    Napi::Value queryMultipleValues(const Napi::CallbackInfo &info);
    Napi::Value queryObjectName(const Napi::CallbackInfo &info);
    Napi::Value injectNotification(const Napi::CallbackInfo &info);
    Napi::Value close(const Napi::CallbackInfo &info);

    // Runs a registry routine on the simulated thread; its result settles the promise.
    template <typename Routine, typename... Arguments>
    Napi::Value call(Napi::Env env, Routine routine, Arguments... arguments);

    SimulatorSession &session_;
    std::shared_ptr<SimulatedThread> thread_;
};

} // namespace cmbridge

#endif
