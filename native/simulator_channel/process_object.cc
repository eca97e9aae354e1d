// SPDX-License-Identifier: MIT

#include "native/simulator_channel/process_object.h"

#include <string>
#include <utility>
#include <vector>

#include "native/native_error.h"
#include "native/promise_worker.h"
#include "native/simulator_channel/simulator_session.h"

namespace cmbridge {
namespace {

struct Nothing {};

Napi::Object toObject(Napi::Env env, const LoadResult &load) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("operations", static_cast<double>(load.operations));
    object.Set("failures", static_cast<double>(load.failures));
    object.Set("nanoseconds", Napi::BigInt::New(env, load.nanoseconds));
    return object;
}

Napi::Value throwExited(Napi::Env env) {
    Napi::Error::New(env, "the simulated process has exited").ThrowAsJavaScriptException();
    return env.Undefined();
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
        Napi::TypeError::New(info.Env(), "a process is made by createProcess()").ThrowAsJavaScriptException();
        return;
    }
    info.This().As<Napi::Object>().Set("id", process_->id());
}

Napi::Value ProcessObject::createThread(const Napi::CallbackInfo &info) {
    std::shared_ptr<SimulatedThread> thread = process_->createThread();
    return thread ? session_.createThread(std::move(thread)) : throwExited(info.Env());
}

Napi::Value ProcessObject::load(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    std::u16string path = info[0].ToString().Utf16Value();
    uint32_t threads = info[1].ToNumber().Uint32Value();
    int64_t operations = info[2].ToNumber().Int64Value();
    std::string kind = info[3].ToString().Utf8Value();
    if (env.IsExceptionPending()) {
        return env.Undefined();
    }
    if (threads == 0 || operations < 0 || (kind != "set" && kind != "query")) {
        Napi::TypeError::New(env, "load(path, threads, operations, 'set' | 'query')").ThrowAsJavaScriptException();
        return env.Undefined();
    }

    struct Pending {
        Napi::Promise::Deferred deferred;
        std::vector<std::shared_ptr<SimulatedThread>> threads;
    };
    auto pending = std::make_shared<Pending>(Pending{Napi::Promise::Deferred::New(env), {}});
    ResultQueue &results = session_.results();
    pending->threads = process_->load(
        std::move(path), threads, static_cast<uint64_t>(operations), kind == "query",
        [pending, &results](LoadResult load) {
            results.post([pending, load](Napi::Env env) {
                // They are done, or in their last lines.
                for (const std::shared_ptr<SimulatedThread> &thread : std::exchange(pending->threads, {})) {
                    thread->end()();
                }
                if (succeeded(load.status)) {
                    pending->deferred.Resolve(toObject(env, load));
                } else {
                    pending->deferred.Reject(nativeError(env, "NtCreateKey", load.status).Value());
                }
            });
        });
    if (pending->threads.empty()) {
        return throwExited(env);
    }
    results.expect(env);
    return pending->deferred.Promise();
}

Napi::Value ProcessObject::exit(const Napi::CallbackInfo &info) {
    return PromiseWorker<Nothing>::run(
        info.Env(), "cmbridge:exit",
        [exit = process_->exit()]() mutable {
            exit();
            return Nothing();
        },
        [](Napi::Env env, const Napi::Promise::Deferred &deferred, std::optional<Nothing> &) {
            deferred.Resolve(env.Undefined());
        });
}

} // namespace cmbridge
