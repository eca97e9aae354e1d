// SPDX-License-Identifier: MIT
//
// The methods of NativeProcess: threads, exit, and loads, whose options are read here from JavaScript's.

#include "native/simulator_channel/process_object.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "native/native_error.h"
#include "native/promise.h"
#include "native/simulator_channel/simulator_session.h"

namespace cmbridge {
namespace {

Napi::Object toObject(Napi::Env env, const LoadResult &load) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("operations", static_cast<double>(load.operations));
    object.Set("failures", static_cast<double>(load.failures));
    object.Set("nanoseconds", Napi::BigInt::New(env, load.nanoseconds));
    return object;
}

std::optional<LoadKind> loadKind(const std::string &name) {
    static constexpr std::array<std::pair<std::string_view, LoadKind>, 5> kinds = {{{"set", LoadKind::Set},
                                                                                    {"query", LoadKind::Query},
                                                                                    {"open", LoadKind::Open},
                                                                                    {"churn", LoadKind::Churn},
                                                                                    {"notify", LoadKind::Notify}}};
    for (const auto &[known, kind] : kinds) {
        if (name == known) {
            return kind;
        }
    }
    return std::nullopt;
}

uint32_t number(const Napi::Object &object, const char *name, uint32_t fallback) {
    Napi::Value value = object.Get(name);
    return value.IsUndefined() ? fallback : value.ToNumber().Uint32Value();
}

LoadRequest loadRequest(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    Napi::Object shape = info[4].IsObject() ? info[4].As<Napi::Object>() : Napi::Object::New(env);
    std::optional<LoadKind> kind = loadKind(info[3].ToString().Utf8Value());
    int64_t operations = info[2].ToNumber().Int64Value();
    LoadRequest request = {
        .path = info[0].ToString().Utf16Value(),
        .kind = kind.value_or(LoadKind::Set),
        .threads = info[1].ToNumber().Uint32Value(),
        .operations = static_cast<uint64_t>(operations),
        .keys = number(shape, "keys", 1),
        .depth = number(shape, "depth", 0),
        .valueNames = number(shape, "valueNames", 1),
        .notifyClass = number(shape, "notifyClass", 0),
        .perSecond = number(shape, "perSecond", 0),
    };
    if (!kind || request.threads == 0 || operations < 0 || request.keys == 0 || request.valueNames == 0) {
        throw Napi::TypeError::New(env, "load(path, threads, operations, 'set' | 'query' | 'open' | 'churn' | "
                                        "'notify', { keys, depth, valueNames, notifyClass, perSecond })");
    }
    return request;
}

Napi::Error exitedError(Napi::Env env) {
    return Napi::Error::New(env, "the simulated process has exited");
}

} // namespace

Napi::Function ProcessObject::define(Napi::Env env, SimulatorSession &session) {
    return DefineClass(env, "NativeProcess",
                       {InstanceMethod<&ProcessObject::createThread>("createThread"),
                        InstanceMethod<&ProcessObject::load>("load"), InstanceMethod<&ProcessObject::exit>("exit")},
                       &session);
}

ProcessObject::ProcessObject(const Napi::CallbackInfo &info)
    : ObjectWrap(info), session_(*static_cast<SimulatorSession *>(info.Data())), process_(session_.takeProcess()) {
    if (!process_) {
        throw Napi::TypeError::New(info.Env(), "a process is made by createProcess()");
    }
    info.This().As<Napi::Object>().Set("id", process_->id());
}

Napi::Value ProcessObject::createThread(const Napi::CallbackInfo &info) {
    std::shared_ptr<SimulatedThread> thread = process_->createThread();
    if (!thread) {
        throw exitedError(info.Env());
    }
    return session_.createThread(std::move(thread));
}

Napi::Value ProcessObject::load(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    LoadRequest request = loadRequest(info);

    struct Pending {
        Napi::Promise::Deferred deferred;
        std::vector<std::shared_ptr<SimulatedThread>> threads;
    };
    auto pending = std::make_shared<Pending>(Pending{Napi::Promise::Deferred::New(env), {}});
    ResultQueue &results = session_.results();
    pending->threads = process_->load(std::move(request), [pending, &results](LoadResult load) {
        results.post(pending->deferred, [pending, load](Napi::Env env) {
            // They are done, or in their last lines.
            for (const std::shared_ptr<SimulatedThread> &thread : std::exchange(pending->threads, {})) {
                thread->end()();
            }
            if (!succeeded(load.status)) {
                throw nativeError(env, "NtCreateKey", load.status);
            }
            return toObject(env, load);
        });
    });
    if (pending->threads.empty()) {
        throw exitedError(env);
    }
    results.expect(env);
    return pending->deferred.Promise();
}

Napi::Value ProcessObject::exit(const Napi::CallbackInfo &info) {
    auto deferred = Napi::Promise::Deferred::New(info.Env());
    return settleOnPool(deferred, "cmbridge:exit", process_->exit(), [](Napi::Env env) { return env.Undefined(); });
}

} // namespace cmbridge
