// SPDX-License-Identifier: MIT
//
// What one environment (the main thread or a worker thread) has of the addon. There is no state beside it.

#ifndef CMBRIDGE_NATIVE_ADDON_H
#define CMBRIDGE_NATIVE_ADDON_H

#include <napi.h>

#include <functional>
#include <memory>
#include <optional>

#include "native/channel_object.h"

namespace cmbridge {

// What the simulator adds to an environment.
class SimulatorBinding {
  public:
    virtual ~SimulatorBinding() = default;
    // NativeSimulator of lib/native/native.ts.
    virtual Napi::Object createObject(Napi::Env env) = 0;
    virtual void channelOpened() = 0;
    // Before a simulator channel closes; what it returns may block.
    virtual std::function<void()> channelCloses() = 0;
};

class Addon {
  public:
    Addon(Napi::Env env, Napi::Object exports);
    static Addon &of(Napi::Env env) { return *env.GetInstanceData<Addon>(); }

    Napi::Object createChannel(ChannelParts parts);
    // For the constructor of ChannelObject; nothing if JavaScript called it.
    std::optional<ChannelParts> takeChannelParts();

  private:
    Napi::Value openChannel(const Napi::CallbackInfo &info);

    Napi::FunctionReference channelConstructor_;
    std::optional<ChannelParts> channelParts_;
    std::unique_ptr<SimulatorBinding> simulator_;
};

#if defined(CMB_SIMULATOR)
std::unique_ptr<SimulatorBinding> createSimulatorBinding(Napi::Env env);
#endif
#if defined(_WIN32)
// NativeWindows of lib/native/native.ts.
Napi::Object createWindowsObject(Napi::Env env);
#endif

} // namespace cmbridge

#endif
