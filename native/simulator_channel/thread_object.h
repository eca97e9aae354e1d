// SPDX-License-Identifier: MIT
//
// NativeThread of lib/native/native.ts.

#ifndef CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_THREAD_OBJECT_H
#define CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_THREAD_OBJECT_H

#include <napi.h>

#include <memory>
#include <tuple>

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
    Napi::Value impersonate(const Napi::CallbackInfo &info);
    Napi::Value revertToSelf(const Napi::CallbackInfo &info);
    Napi::Value setCaller(const Napi::CallbackInfo &info);
    Napi::Value close(const Napi::CallbackInfo &info);

    // A method that is nothing but one of registry_calls.h, with the same parameters.
    template <auto Routine> Napi::Value service(const Napi::CallbackInfo &info);
    template <typename Result, typename... Parameters>
    Napi::Value callService(const Napi::CallbackInfo &info, Result (*routine)(Parameters...));
    // Runs it on the simulated thread, as the caller that setCaller() has chosen; its result settles the promise.
    template <typename Routine, typename... Arguments>
    Napi::Value callService(Napi::Env env, Routine routine, std::tuple<Arguments...> arguments);
    template <typename Job> Napi::Value post(Napi::Env env, Job job);

    SimulatorSession &session_;
    std::shared_ptr<SimulatedThread> thread_;
};

} // namespace cmbridge

#endif
