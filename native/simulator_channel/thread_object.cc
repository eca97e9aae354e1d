// SPDX-License-Identifier: MIT
//
// The methods of NativeThread. Most post a system service to the simulated thread and return a promise of its result.

#include "native/simulator_channel/thread_object.h"

#include <optional>
#include <string>
#include <utility>

#include "native/promise.h"
#include "native/simulator_channel/js_values.h"
#include "native/simulator_channel/registry_calls.h"
#include "native/simulator_channel/simulator_session.h"

namespace cmbridge {

Napi::Function ThreadObject::define(Napi::Env env, SimulatorSession &session) {
    using T = ThreadObject;
    return DefineClass(env, "NativeThread",
                       {InstanceMethod<&T::createKey>("createKey"),
                        InstanceMethod<&T::openKey>("openKey"),
                        InstanceMethod<&T::service<registry::closeHandle>>("closeKey"),
                        InstanceMethod<&T::service<registry::duplicateHandle>>("duplicateHandle"),
                        InstanceMethod<&T::service<registry::setValue>>("setValue"),
                        InstanceMethod<&T::service<registry::deleteValue>>("deleteValue"),
                        InstanceMethod<&T::service<registry::deleteKey>>("deleteKey"),
                        InstanceMethod<&T::service<registry::renameKey>>("renameKey"),
                        InstanceMethod<&T::service<registry::flushKey>>("flushKey"),
                        InstanceMethod<&T::service<registry::setInformation>>("setInformation"),
                        InstanceMethod<&T::service<registry::queryKey>>("queryKey"),
                        InstanceMethod<&T::service<registry::queryValue>>("queryValue"),
                        InstanceMethod<&T::service<registry::enumerateKey>>("enumerateKey"),
                        InstanceMethod<&T::service<registry::enumerateValue>>("enumerateValue"),
                        InstanceMethod<&T::service<registry::queryMultipleValues>>("queryMultipleValues"),
                        InstanceMethod<&T::service<registry::queryObjectName>>("queryObjectName"),
                        InstanceMethod<&T::service<registry::querySecurity>>("querySecurity"),
                        InstanceMethod<&T::service<registry::setSecurity>>("setSecurity"),
                        InstanceMethod<&T::service<registry::loadKey>>("loadKey"),
                        InstanceMethod<&T::service<registry::unloadKey>>("unloadKey"),
                        InstanceMethod<&T::service<registry::saveKey>>("saveKey"),
                        InstanceMethod<&T::service<registry::saveMergedKeys>>("saveMergedKeys"),
                        InstanceMethod<&T::service<registry::restoreKey>>("restoreKey"),
                        InstanceMethod<&T::service<registry::replaceKey>>("replaceKey"),
                        InstanceMethod<&T::service<registry::createTransaction>>("createTransaction"),
                        InstanceMethod<&T::service<registry::commitTransaction>>("commitTransaction"),
                        InstanceMethod<&T::service<registry::rollbackTransaction>>("rollbackTransaction"),
                        InstanceMethod<&T::impersonate>("impersonate"),
                        InstanceMethod<&T::revertToSelf>("revertToSelf"),
                        InstanceMethod<&T::setCaller>("setCaller"),
                        InstanceMethod<&T::service<registry::injectNotification>>("injectNotification"),
                        InstanceMethod<&T::close>("close")},
                       &session);
}

ThreadObject::ThreadObject(const Napi::CallbackInfo &info)
    : ObjectWrap(info), session_(*static_cast<SimulatorSession *>(info.Data())), thread_(session_.takeThread()) {
    if (!thread_) {
        throw Napi::TypeError::New(info.Env(), "a thread is made by createThread()");
    }
    info.This().As<Napi::Object>().Set("processId", thread_->processId());
}

template <typename Job> Napi::Value ThreadObject::post(Napi::Env env, Job job) {
    auto deferred = Napi::Promise::Deferred::New(env);
    ResultQueue &results = session_.results();
    bool posted = thread_->post([&results, deferred, job = std::move(job)]() mutable {
        results.post(deferred, [result = job()](Napi::Env env) { return toValue(env, result); });
    });
    if (posted) {
        results.expect(env);
    } else {
        deferred.Reject(Napi::Error::New(env, "the simulated thread has ended").Value());
    }
    return deferred.Promise();
}

template <typename Routine, typename... Arguments>
Napi::Value ThreadObject::callService(Napi::Env env, Routine routine, std::tuple<Arguments...> arguments) {
    return post(env, [caller = thread_->caller(), routine, arguments = std::move(arguments)]() mutable {
        AsCaller scope(*caller);
        return std::apply(routine, std::move(arguments));
    });
}

template <typename Result, typename... Parameters>
Napi::Value ThreadObject::callService(const Napi::CallbackInfo &info, Result (*routine)(Parameters...)) {
    auto arguments = [&]<size_t... Index>(std::index_sequence<Index...>) {
        return std::tuple<Parameters...>{fromValue<Parameters>(info[Index])...};
    }
    (std::index_sequence_for<Parameters...>());
    return callService(info.Env(), routine, std::move(arguments));
}

template <auto Routine> Napi::Value ThreadObject::service(const Napi::CallbackInfo &info) {
    return callService(info, Routine);
}

Napi::Value ThreadObject::createKey(const Napi::CallbackInfo &info) {
    registry::CreateKey request;
    fromValue(info[0], request.root);
    fromValue(info[1], request.path);
    fromValue(info[2], request.access);
    fromValue(info[3], request.options);
    fromValue(info[4], request.className);
    fromValue(info[5], request.attributes);
    fromValue(info[6], request.transaction);
    fromValue(info[7], request.securityDescriptor);
    return callService(info.Env(), registry::createKey, std::tuple(std::move(request)));
}

Napi::Value ThreadObject::openKey(const Napi::CallbackInfo &info) {
    registry::OpenKey request;
    fromValue(info[0], request.root);
    fromValue(info[1], request.path);
    fromValue(info[2], request.access);
    fromValue(info[3], request.options);
    fromValue(info[4], request.attributes);
    fromValue(info[5], request.transaction);
    return callService(info.Env(), registry::openKey, std::tuple(std::move(request)));
}

Napi::Value ThreadObject::impersonate(const Napi::CallbackInfo &info) {
    return post(info.Env(),
                [token = fromValue<simulator::TokenOptions>(info[0]),
                 level = static_cast<int>(fromValue<uint32_t>(info[1]))]() -> NtStatus {
                    return simulator::impersonate(token, level);
                });
}

Napi::Value ThreadObject::revertToSelf(const Napi::CallbackInfo &info) {
    return post(info.Env(), []() -> NtStatus {
        simulator::revertToSelf();
        return 0;
    });
}

Napi::Value ThreadObject::setCaller(const Napi::CallbackInfo &info) {
    Caller caller{.kernelMode = info[0].ToBoolean(), .irql = static_cast<uint8_t>(fromValue<uint32_t>(info[1]))};
    if (caller.irql > 1) {
        throw Napi::TypeError::New(info.Env(), "setCaller(kernelMode, 0 | 1)");
    }
    return post(info.Env(), [thread = thread_->caller(), caller]() -> NtStatus {
        *thread = caller;
        return 0;
    });
}

Napi::Value ThreadObject::close(const Napi::CallbackInfo &info) {
    auto deferred = Napi::Promise::Deferred::New(info.Env());
    return settleOnPool(deferred, "cmbridge:end-thread", thread_->end(), [](Napi::Env env) { return env.Undefined(); });
}

} // namespace cmbridge
