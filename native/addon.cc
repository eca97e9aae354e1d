// SPDX-License-Identifier: MIT

#include "native/addon.h"

#include <string>
#include <string_view>
#include <utility>

#include "native/native_error.h"
#include "native/promise_worker.h"

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
}

Napi::Value Addon::openChannel(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    if (info.Length() < 4 || !info[0].IsString() || !info[1].IsString() || !info[2].IsFunction() ||
        !info[3].IsFunction()) {
        Napi::TypeError::New(env, "openChannel(backend, deviceName, onBatch, onEnd)").ThrowAsJavaScriptException();
        return env.Undefined();
    }
    std::string backend = info[0].As<Napi::String>();
    if (backend != kBackend) {
        Napi::TypeError::New(env, "this addon has no backend '" + backend + "', only '" + kBackend + "'")
            .ThrowAsJavaScriptException();
        return env.Undefined();
    }
    auto parts = std::make_shared<ChannelParts>();
    parts->onBatch = Napi::Persistent(info[2].As<Napi::Function>());
    parts->onEnd = Napi::Persistent(info[3].As<Napi::Function>());
    if (kSimulator) {
        parts->beforeClose = [this] { return simulator_->channelCloses(); };
    }

    return PromiseWorker<OpenResult>::run(
        env, "cmbridge:open",
        [path = std::u16string(kDosDevices) + info[1].As<Napi::String>().Utf16Value()] { return open(path); },
        [this, parts](Napi::Env env, const Napi::Promise::Deferred &deferred, std::optional<OpenResult> &result) {
            if (!result) {
                return;
            }
            if (!result->channel) {
                deferred.Reject(nativeError(env, result->routine, result->status).Value());
                return;
            }
            parts->channel = std::move(result->channel);
            if (kSimulator) {
                simulator_->channelOpened();
            }
            Napi::Object object = createChannel(std::move(*parts));
            // Not made only while the environment goes down; the channel is closed with its last owner then.
            if (!object.IsEmpty()) {
                deferred.Resolve(object);
            }
        });
}

Napi::Object Addon::createChannel(ChannelParts parts) {
    channelParts_ = std::move(parts);
    Napi::Object object = channelConstructor_.New({});
    channelParts_.reset();
    return object;
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
