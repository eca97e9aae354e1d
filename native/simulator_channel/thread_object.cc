// SPDX-License-Identifier: MIT

#include "native/simulator_channel/thread_object.h"

#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "native/promise_worker.h"
#include "native/simulator_channel/registry_calls.h"
#include "native/simulator_channel/simulator_session.h"

namespace cmbridge {
namespace {

struct Nothing {};

// What lib/ has checked; a wrong type still ends in a JavaScript exception, never in a wild read.
registry::Handle handleOf(const Napi::Value &value) {
    return static_cast<registry::Handle>(value.ToNumber().Int64Value());
}
uint32_t numberOf(const Napi::Value &value) {
    return value.ToNumber().Uint32Value();
}
std::u16string textOf(const Napi::Value &value) {
    return value.ToString().Utf16Value();
}

registry::Bytes bytesOf(const Napi::Value &value) {
    if (!value.IsTypedArray()) {
        Napi::TypeError::New(value.Env(), "data must be a Uint8Array").ThrowAsJavaScriptException();
        return {};
    }
    auto view = value.As<Napi::TypedArray>();
    const auto *first = static_cast<const std::byte *>(view.ArrayBuffer().Data()) + view.ByteOffset();
    return registry::Bytes(first, first + view.ByteLength());
}

std::vector<std::u16string> textsOf(const Napi::Value &value) {
    std::vector<std::u16string> texts;
    if (!value.IsArray()) {
        Napi::TypeError::New(value.Env(), "names must be an array").ThrowAsJavaScriptException();
        return texts;
    }
    auto array = value.As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); i++) {
        texts.push_back(textOf(array.Get(i)));
    }
    return texts;
}

Napi::Value toValue(Napi::Env env, NtStatus status) {
    return Napi::Number::New(env, static_cast<uint32_t>(status));
}

Napi::Value toValue(Napi::Env env, const registry::KeyResult &result) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("status", toValue(env, result.status));
    object.Set("handle", static_cast<double>(result.handle));
    object.Set("disposition", result.disposition);
    return object;
}

Napi::Value toValue(Napi::Env env, const registry::QueryResult &result) {
    Napi::Uint8Array data = Napi::Uint8Array::New(env, result.data.size());
    if (!result.data.empty() && !env.IsExceptionPending()) {
        std::memcpy(data.Data(), result.data.data(), result.data.size());
    }
    Napi::Object object = Napi::Object::New(env);
    object.Set("status", toValue(env, result.status));
    object.Set("data", data);
    object.Set("length", result.length);
    return object;
}

} // namespace

Napi::Function ThreadObject::define(Napi::Env env, SimulatorSession &session) {
    return DefineClass(
        env, "NativeThread",
        {InstanceMethod<&ThreadObject::createKey>("createKey"), InstanceMethod<&ThreadObject::openKey>("openKey"),
         InstanceMethod<&ThreadObject::closeKey>("closeKey"), InstanceMethod<&ThreadObject::setValue>("setValue"),
         InstanceMethod<&ThreadObject::deleteValue>("deleteValue"),
         InstanceMethod<&ThreadObject::deleteKey>("deleteKey"), InstanceMethod<&ThreadObject::renameKey>("renameKey"),
         InstanceMethod<&ThreadObject::flushKey>("flushKey"),
         InstanceMethod<&ThreadObject::setInformation>("setInformation"),
         InstanceMethod<&ThreadObject::queryKey>("queryKey"), InstanceMethod<&ThreadObject::queryValue>("queryValue"),
         InstanceMethod<&ThreadObject::enumerateKey>("enumerateKey"),
         InstanceMethod<&ThreadObject::enumerateValue>("enumerateValue"),
         InstanceMethod<&ThreadObject::queryMultipleValues>("queryMultipleValues"),
         InstanceMethod<&ThreadObject::queryObjectName>("queryObjectName"),
         InstanceMethod<&ThreadObject::injectNotification>("injectNotification"),
         InstanceMethod<&ThreadObject::close>("close")},
        &session);
}

ThreadObject::ThreadObject(const Napi::CallbackInfo &info)
    : ObjectWrap(info), session_(*static_cast<SimulatorSession *>(info.Data())), thread_(session_.takeThread()) {
    if (!thread_) {
        Napi::TypeError::New(info.Env(), "a thread is made by createThread()").ThrowAsJavaScriptException();
        return;
    }
    info.This().As<Napi::Object>().Set("processId", thread_->processId());
}

template <typename Routine, typename... Arguments>
Napi::Value ThreadObject::call(Napi::Env env, Routine routine, Arguments... arguments) {
    if (env.IsExceptionPending()) {
        return env.Undefined();
    }
    auto deferred = Napi::Promise::Deferred::New(env);
    ResultQueue &results = session_.results();
    bool posted = thread_->post([&results, deferred, routine, ... arguments = std::move(arguments)]() mutable {
        auto result = routine(std::move(arguments)...);
        results.post([deferred, result = std::move(result)](Napi::Env env) { deferred.Resolve(toValue(env, result)); });
    });
    if (posted) {
        results.expect(env);
    } else {
        deferred.Reject(Napi::Error::New(env, "the simulated thread has ended").Value());
    }
    return deferred.Promise();
}

Napi::Value ThreadObject::createKey(const Napi::CallbackInfo &info) {
    std::optional<std::u16string> className;
    if (!info[4].IsNull() && !info[4].IsUndefined()) {
        className = textOf(info[4]);
    }
    return call(info.Env(), registry::createKey, handleOf(info[0]), textOf(info[1]), numberOf(info[2]),
                numberOf(info[3]), std::move(className));
}

Napi::Value ThreadObject::openKey(const Napi::CallbackInfo &info) {
    return call(info.Env(), registry::openKey, handleOf(info[0]), textOf(info[1]), numberOf(info[2]),
                numberOf(info[3]));
}

Napi::Value ThreadObject::closeKey(const Napi::CallbackInfo &info) {
    return call(info.Env(), registry::closeKey, handleOf(info[0]));
}

Napi::Value ThreadObject::setValue(const Napi::CallbackInfo &info) {
    return call(info.Env(), registry::setValue, handleOf(info[0]), textOf(info[1]), numberOf(info[2]),
                bytesOf(info[3]));
}

Napi::Value ThreadObject::deleteValue(const Napi::CallbackInfo &info) {
    return call(info.Env(), registry::deleteValue, handleOf(info[0]), textOf(info[1]));
}

Napi::Value ThreadObject::deleteKey(const Napi::CallbackInfo &info) {
    return call(info.Env(), registry::deleteKey, handleOf(info[0]));
}

Napi::Value ThreadObject::renameKey(const Napi::CallbackInfo &info) {
    return call(info.Env(), registry::renameKey, handleOf(info[0]), textOf(info[1]));
}

Napi::Value ThreadObject::flushKey(const Napi::CallbackInfo &info) {
    return call(info.Env(), registry::flushKey, handleOf(info[0]));
}

Napi::Value ThreadObject::setInformation(const Napi::CallbackInfo &info) {
    return call(info.Env(), registry::setInformation, handleOf(info[0]), numberOf(info[1]), bytesOf(info[2]));
}

Napi::Value ThreadObject::queryKey(const Napi::CallbackInfo &info) {
    return call(info.Env(), registry::queryKey, handleOf(info[0]), numberOf(info[1]), numberOf(info[2]));
}

Napi::Value ThreadObject::queryValue(const Napi::CallbackInfo &info) {
    return call(info.Env(), registry::queryValue, handleOf(info[0]), textOf(info[1]), numberOf(info[2]),
                numberOf(info[3]));
}

Napi::Value ThreadObject::enumerateKey(const Napi::CallbackInfo &info) {
    return call(info.Env(), registry::enumerateKey, handleOf(info[0]), numberOf(info[1]), numberOf(info[2]),
                numberOf(info[3]));
}

Napi::Value ThreadObject::enumerateValue(const Napi::CallbackInfo &info) {
    return call(info.Env(), registry::enumerateValue, handleOf(info[0]), numberOf(info[1]), numberOf(info[2]),
                numberOf(info[3]));
}

Napi::Value ThreadObject::queryMultipleValues(const Napi::CallbackInfo &info) {
    return call(info.Env(), registry::queryMultipleValues, handleOf(info[0]), textsOf(info[1]), numberOf(info[2]));
}

Napi::Value ThreadObject::queryObjectName(const Napi::CallbackInfo &info) {
    return call(info.Env(), registry::queryObjectName, handleOf(info[0]), numberOf(info[1]));
}

Napi::Value ThreadObject::injectNotification(const Napi::CallbackInfo &info) {
    return call(info.Env(), registry::injectNotification, handleOf(info[0]), numberOf(info[1]));
}

Napi::Value ThreadObject::close(const Napi::CallbackInfo &info) {
    return PromiseWorker<Nothing>::run(
        info.Env(), "cmbridge:end-thread",
        [end = thread_->end()]() mutable {
            end();
            return Nothing();
        },
        [](Napi::Env env, const Napi::Promise::Deferred &deferred, std::optional<Nothing> &) {
            deferred.Resolve(env.Undefined());
        });
}

} // namespace cmbridge
