// SPDX-License-Identifier: MIT

#include "test/bench/native/bench_channel.h"

#include <string>
#include <utility>

#include "native/native_error.h"

namespace cmbridge::bench {
namespace {

std::vector<std::byte> copyOf(Napi::Value bytes) {
    auto array = bytes.As<Napi::Uint8Array>();
    const auto *first = reinterpret_cast<const std::byte *>(array.Data());
    return {first, first + array.ByteLength()};
}

// { batches: Uint8Array[], replies: [code, Uint8Array][] }
std::shared_ptr<Recording> recordingOf(Napi::Object object) {
    auto recording = std::make_shared<Recording>();
    auto batches = object.Get("batches").As<Napi::Array>();
    for (uint32_t i = 0; i < batches.Length(); i++) {
        recording->batches.push_back(copyOf(batches.Get(i)));
    }
    auto replies = object.Get("replies").As<Napi::Array>();
    for (uint32_t i = 0; i < replies.Length(); i++) {
        auto pair = replies.Get(i).As<Napi::Array>();
        recording->replies[pair.Get(0u).As<Napi::Number>().Uint32Value()] = copyOf(pair.Get(1u));
    }
    return recording;
}

} // namespace

Napi::Function BenchChannel::define(Napi::Env env, SimulatorBinding &simulator) {
    using T = BenchChannel;
    return DefineClass(env, "BenchChannel",
                       {InstanceMethod<&T::control>("control"), InstanceMethod<&T::startReceive>("startReceive"),
                        InstanceMethod<&T::acknowledge>("acknowledge"), InstanceMethod<&T::play>("play"),
                        InstanceMethod<&T::nothing>("ref"), InstanceMethod<&T::nothing>("unref"),
                        InstanceMethod<&T::close>("close")},
                       &simulator);
}

BenchChannel::BenchChannel(const Napi::CallbackInfo &info)
    : ObjectWrap(info), simulator_(*static_cast<SimulatorBinding *>(info.Data())) {
    Napi::Env env = info.Env();
    openChannel(env, info[0]);
    if (!openSink(env, info[1].ToString(), info[2])) {
        throw Napi::TypeError::New(env, "new Channel(recording, 'batches' | 'events' | 'json', target)");
    }
    Ref();
}

void BenchChannel::openChannel(Napi::Env env, Napi::Value recording) {
    if (recording.IsObject()) {
        auto replay = std::make_unique<ReplayChannel>(recordingOf(recording.As<Napi::Object>()));
        replay_ = replay.get();
        channel_ = std::move(replay);
        return;
    }
    OpenResult result = openSimulatorChannel(u"\\??\\CmBridge");
    if (!result.channel) {
        throw nativeError(env, result.routine, result.status);
    }
    channel_ = std::move(result.channel);
    simulator_.channelOpened();
}

bool BenchChannel::openSink(Napi::Env env, const std::string &delivery, Napi::Value target) {
    if (delivery == "batches" && target.IsFunction()) {
        auto onEnd = Napi::Function::New(env, [](const Napi::CallbackInfo &) {});
        batches_ = Delivery::create(env, *channel_, target.As<Napi::Function>(), onEnd);
    } else if (delivery == "events" && target.IsFunction()) {
        events_ = EventDelivery::create(env, *channel_, target.As<Napi::Function>());
    } else if (delivery == "json" && target.IsNumber()) {
        lines_ = std::make_shared<JsonLines>(*channel_, target.As<Napi::Number>().Int32Value());
    } else {
        return false;
    }
    return true;
}

// On the JavaScript thread: what is asked here does not wait for JavaScript.
Napi::Value BenchChannel::control(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    auto deferred = Napi::Promise::Deferred::New(env);
    std::vector<std::byte> input = copyOf(info[1]);
    std::vector<std::byte> output(info[2].As<Napi::Number>().Uint32Value());
    ControlResult result = channel_->control(info[0].As<Napi::Number>().Uint32Value(), input, output);
    if (isError(result.status)) {
        deferred.Reject(nativeError(env, "DeviceIoControl", result.status).Value());
        return deferred.Promise();
    }
    Napi::Uint8Array bytes = Napi::Uint8Array::New(env, result.information);
    std::memcpy(bytes.Data(), output.data(), result.information);
    deferred.Resolve(bytes);
    return deferred.Promise();
}

void BenchChannel::startReceive(const Napi::CallbackInfo &info) {
    std::shared_ptr<ReceiveSink> sink = batches_;
    if (events_) {
        sink = events_;
    } else if (lines_) {
        sink = lines_;
    }
    // A recording is read on a thread of its own as it is.
    if (!batches_ && replay_ == nullptr) {
        thread_ = std::make_shared<SinkThread>(std::move(sink));
        sink = thread_;
    }
    NtStatus status = channel_->startReceive(info[0].As<Napi::Number>().Uint32Value(),
                                             info[1].As<Napi::Number>().Uint32Value(), std::move(sink));
    if (!succeeded(status)) {
        throw nativeError(info.Env(), "startReceive", status);
    }
}

void BenchChannel::acknowledge(const Napi::CallbackInfo &) {
    if (channel_) {
        channel_->acknowledge();
    }
}

void BenchChannel::play(const Napi::CallbackInfo &info) {
    if (replay_ == nullptr) {
        throw Napi::TypeError::New(info.Env(), "play(): there is no recording");
    }
    replay_->play(static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value()));
}

Napi::Value BenchChannel::close(const Napi::CallbackInfo &info) {
    auto deferred = Napi::Promise::Deferred::New(info.Env());
    deferred.Resolve(info.Env().Undefined());
    if (!channel_) {
        return deferred.Promise();
    }
    if (batches_) {
        batches_->disconnect();
    }
    if (events_) {
        events_->release();
    }
    if (replay_ == nullptr) {
        if (std::function<void()> before = simulator_.channelCloses()) {
            before();
        }
    }
    channel_->close();
    if (thread_) {
        thread_->stop();
    }
    if (batches_) {
        batches_->release();
    }
    channel_.reset();
    replay_ = nullptr;
    Unref();
    return deferred.Promise();
}

} // namespace cmbridge::bench
