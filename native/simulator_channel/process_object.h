// SPDX-License-Identifier: MIT
//
// NativeProcess of lib/native/native.ts.

#ifndef CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_PROCESS_OBJECT_H
#define CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_PROCESS_OBJECT_H

#include <napi.h>

#include <memory>

#include "native/simulator_channel/simulated_process.h"

namespace cmbridge {

class SimulatorSession;

class ProcessObject final : public Napi::ObjectWrap<ProcessObject> {
  public:
    static Napi::Function define(Napi::Env env, SimulatorSession &session);
    explicit ProcessObject(const Napi::CallbackInfo &info);

  private:
    Napi::Value createThread(const Napi::CallbackInfo &info);
    Napi::Value load(const Napi::CallbackInfo &info);
    Napi::Value exit(const Napi::CallbackInfo &info);

    SimulatorSession &session_;
    std::shared_ptr<SimulatedProcess> process_;
};

} // namespace cmbridge

#endif
