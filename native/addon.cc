// SPDX-License-Identifier: MIT
//
// The addon's entry point and what it exports; openChannel(), which opens the backend that this build has.

#include "native/addon.h"

#include <string>
#include <string_view>
#include <utility>

#include "native/native_error.h"
#include "native/promise.h"

namespace cmbridge {
namespace {

#if defined(_WIN32)
constexpr const char *kBackend = "device";
constexpr bool kSimulator = false;
#else
constexpr const char *kBackend = "simulator";
constexpr bool kSimulator = true;
#endif

// Where the links to devices are that user mode may open.
constexpr std::u16string_view kDosDevices = u"\\??\\";

OpenResult open(const std::u16string &path) {
#if defined(_WIN32)
    return openDeviceChannel(path);
#else
    return openSimulatorChannel(path);
#endif
}

} // namespace

Addon::Addon(Napi::Env env, Napi::Object exports) : channelConstructor_(Napi::Persistent(ChannelObject::define(env))) {
    exports.Set("version", CMB_PACKAGE_VERSION);
    Napi::Array backends = Napi::Array::New(env, 1);
    backends.Set(0u, kBackend);
    exports.Set("backends", backends);
    exports.Set("openChannel", Napi::Function::New(
                                   env, [](const Napi::CallbackInfo &info) { return of(info.Env()).openChannel(info); },
                                   "openChannel"));
#if defined(CMB_SIMULATOR)
    simulator_ = createSimulatorBinding(env);
    exports.Set("simulator", simulator_->createObject(env));
#else
    exports.Set("simulator", env.Null());
#endif
#if defined(_WIN32)
    exports.Set("windows", createWindowsObject(env));
#else
    exports.Set("windows", env.Null());
#endif
}

Napi::Value Addon::openChannel(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    if (info.Length() < 4 || !info[0].IsString() || !info[1].IsString() || !info[2].IsFunction() ||
        !info[3].IsFunction()) {
        throw Napi::TypeError::New(env, "openChannel(backend, deviceName, onBatch, onEnd)");
    }
    std::string backend = info[0].As<Napi::String>();
    if (backend != kBackend) {
        throw Napi::TypeError::New(env, "this addon has no backend '" + backend + "', only '" + kBackend + "'");
    }
    auto parts = std::make_shared<ChannelParts>();
    parts->onBatch = Napi::Persistent(info[2].As<Napi::Function>());
    parts->onEnd = Napi::Persistent(info[3].As<Napi::Function>());
    if (kSimulator) {
        parts->beforeClose = [this] { return simulator_->channelCloses(); };
    }

    auto result = std::make_shared<OpenResult>();
    return settleOnPool(
        Napi::Promise::Deferred::New(env), "cmbridge:open",
        [result, path = std::u16string(kDosDevices) + info[1].As<Napi::String>().Utf16Value()] {
            *result = open(path);
        },
        [this, result, parts](Napi::Env env) -> Napi::Value {
            if (!result->channel) {
                throw nativeError(env, result->routine, result->status);
            }
            parts->channel = std::move(result->channel);
            Napi::Object channel = createChannel(std::move(*parts));
            // Not counted before it is there: only a channel object says that it closes.
            if (kSimulator) {
                simulator_->channelOpened();
            }
            return channel;
        });
}

Napi::Object Addon::createChannel(ChannelParts parts) {
    channelParts_ = std::move(parts);
    try {
        return channelConstructor_.New({});
    } catch (const Napi::Error &) {
        // If nobody has taken them, the channel closes here, with its last owner.
        channelParts_.reset();
        throw;
    }
}

std::optional<ChannelParts> Addon::takeChannelParts() {
    return std::exchange(channelParts_, std::nullopt);
}

} // namespace cmbridge

namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
    env.SetInstanceData(new cmbridge::Addon(env, exports));
    return exports;
}

} // namespace

NODE_API_MODULE(cmbridge, initialize)
