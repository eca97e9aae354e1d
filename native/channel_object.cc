// SPDX-License-Identifier: MIT
//
// The methods of a channel: controls on the pool, replies on the JavaScript thread, close after the last control.

#include "native/channel_object.h"

#include <algorithm>
#include <string>
#include <utility>

#include "native/addon.h"
#include "native/native_error.h"
#include "native/promise.h"

namespace cmbridge {
namespace {

// More than any request of the protocol needs; lib/ checks what it asks for.
constexpr uint32_t kMaxControlOutput = 16 * 1024 * 1024;

struct Finished {
    ControlResult result;
    std::vector<std::byte> output;
};

Napi::Uint8Array copyBytes(Napi::Env env, const std::byte *bytes, size_t size) {
    Napi::Uint8Array array = Napi::Uint8Array::New(env, size);
    std::copy_n(bytes, size, reinterpret_cast<std::byte *>(array.Data()));
    return array;
}

} // namespace

// Node-API checks the receiver of each method against this class, so a method never sees an object of another one.
Napi::Function ChannelObject::define(Napi::Env env) {
    return DefineClass(
        env, "NativeChannel",
        {InstanceMethod<&ChannelObject::control>("control"), InstanceMethod<&ChannelObject::reply>("reply"),
         InstanceMethod<&ChannelObject::startReceive>("startReceive"),
         InstanceMethod<&ChannelObject::acknowledge>("acknowledge"), InstanceMethod<&ChannelObject::ref>("ref"),
         InstanceMethod<&ChannelObject::unref>("unref"), InstanceMethod<&ChannelObject::close>("close")});
}

ChannelObject::ChannelObject(const Napi::CallbackInfo &info) : ObjectWrap(info) {
    Napi::Env env = info.Env();
    std::optional<ChannelParts> parts = Addon::of(env).takeChannelParts();
    if (!parts) {
        throw Napi::TypeError::New(env, "a channel is made by openChannel()");
    }
    channel_ = std::move(parts->channel);
    beforeClose_ = std::move(parts->beforeClose);
    delivery_ = Delivery::create(env, *channel_, parts->onBatch.Value(), parts->onEnd.Value());
    // An open channel is not collected: its batches still go to the callbacks. It may be refused, so it comes before
    // the hook, which would outlive the object then.
    Ref();
    // Hooks run last in, first out: ours comes before the one by which the thread-safe function takes itself down, so
    // the reader thread is gone when that happens.
    napi_add_env_cleanup_hook(env, environmentEnds, this);
    state_ = State::open;
}

Napi::Value ChannelObject::control(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    if (info.Length() < 3 || !info[0].IsNumber() || !info[1].IsTypedArray() || !info[2].IsNumber()) {
        throw Napi::TypeError::New(env, "control(code, input, outputLength)");
    }
    uint32_t code = info[0].As<Napi::Number>();
    uint32_t outputLength = info[2].As<Napi::Number>();
    if (outputLength > kMaxControlOutput) {
        throw Napi::RangeError::New(env, "outputLength");
    }
    auto deferred = Napi::Promise::Deferred::New(env);
    if (state_ != State::open) {
        deferred.Reject(nativeError(env, "DeviceIoControl", kStatusFileClosed).Value());
        return deferred.Promise();
    }
    auto view = info[1].As<Napi::TypedArray>();
    // Copied: JavaScript may change or detach its bytes while the request is under way.
    const auto *first = static_cast<const std::byte *>(view.ArrayBuffer().Data()) + view.ByteOffset();
    std::vector<std::byte> input(first, first + view.ByteLength());
    auto finished = std::make_shared<Finished>();

    Napi::Promise promise = settleOnPool(
        deferred, "cmbridge:control",
        [channel = channel_, code, input = std::move(input), outputLength, finished] {
            finished->output.resize(outputLength);
            finished->result = channel->control(code, input, finished->output);
        },
        [finished](Napi::Env env) -> Napi::Value {
            const auto &[result, output] = *finished;
            if (!succeeded(result.status)) {
                throw nativeError(env, "DeviceIoControl", result.status);
            }
            return copyBytes(env, output.data(), std::min(result.information, output.size()));
        },
        [this] { controlSettled(); });
    // Only now, for controlSettled() takes both back: it comes on a later turn of the event loop, and not at all if the
    // call above threw.
    controls_++;
    Ref();
    return promise;
}

// On the JavaScript thread: a trip to the pool and back takes longer than the threads that are held should wait.
Napi::Value ChannelObject::reply(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsTypedArray()) {
        throw Napi::TypeError::New(env, "reply(input)");
    }
    if (state_ != State::open) {
        throw nativeError(env, "DeviceIoControl", kStatusFileClosed);
    }
    auto view = info[0].As<Napi::TypedArray>();
    const auto *first = static_cast<const std::byte *>(view.ArrayBuffer().Data()) + view.ByteOffset();
    ControlResult result = channel_->reply({first, view.ByteLength()}, replyOutput_);
    if (!succeeded(result.status)) {
        throw nativeError(env, "DeviceIoControl", result.status);
    }
    return copyBytes(env, replyOutput_.data(), std::min(result.information, replyOutput_.size()));
}

void ChannelObject::startReceive(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    if (info.Length() < 2 || !info[0].IsNumber() || !info[1].IsNumber()) {
        throw Napi::TypeError::New(env, "startReceive(receives, bytes)");
    }
    if (state_ != State::open) {
        throw nativeError(env, "startReceive", kStatusFileClosed);
    }
    if (receiving_) {
        throw Napi::Error::New(env, "startReceive was called before");
    }
    NtStatus status = channel_->startReceive(info[0].As<Napi::Number>().Uint32Value(),
                                             info[1].As<Napi::Number>().Uint32Value(), delivery_);
    if (!succeeded(status)) {
        throw nativeError(env, "startReceive", status);
    }
    receiving_ = true;
}

void ChannelObject::acknowledge(const Napi::CallbackInfo &info) {
    if (state_ == State::open && !channel_->acknowledge()) {
        throw Napi::Error::New(info.Env(), "acknowledge() without a batch");
    }
}

void ChannelObject::ref(const Napi::CallbackInfo &info) {
    if (state_ == State::open) {
        delivery_->ref(info.Env());
    }
}

void ChannelObject::unref(const Napi::CallbackInfo &info) {
    if (state_ == State::open) {
        delivery_->unref(info.Env());
    }
}

Napi::Value ChannelObject::close(const Napi::CallbackInfo &info) {
    auto deferred = Napi::Promise::Deferred::New(info.Env());
    if (state_ == State::closed) {
        deferred.Resolve(info.Env().Undefined());
        return deferred.Promise();
    }
    closers_.push_back(deferred);
    if (state_ == State::open) {
        state_ = State::closing;
        delivery_->disconnect();
        // Not begun before the last request is done: a close that waited for it on the pool could take the very thread
        // that the request needs.
        if (controls_ == 0) {
            startClose();
        }
    }
    return deferred.Promise();
}

void ChannelObject::controlSettled() {
    controls_--;
    if (state_ == State::closing && controls_ == 0) {
        startClose();
    }
    Unref();
}

void ChannelObject::startClose() {
    try {
        std::function<void()> before = beforeClose_ ? beforeClose_() : nullptr;
        runOnPool(
            Env(), "cmbridge:close",
            [channel = channel_, before = std::move(before)] {
                if (before) {
                    before();
                }
                channel->close();
            },
            [this](const std::exception_ptr &failure) { closed(failure); });
    } catch (...) {
        closed(std::current_exception());
    }
}

// A channel whose close failed is closed too: nothing can be done with it any more.
void ChannelObject::closed(const std::exception_ptr &failure) {
    napi_remove_env_cleanup_hook(Env(), environmentEnds, this);
    state_ = State::closed;
    channel_.reset();
    delivery_->release();
    delivery_.reset();
    for (const Napi::Promise::Deferred &closer : std::exchange(closers_, {})) {
        settle(closer, [&failure](Napi::Env env) {
            if (failure) {
                std::rethrow_exception(failure);
            }
            return env.Undefined();
        });
    }
    Unref();
}

// The worker ends, or the main thread's event loop has run dry. Node has waited for what was on the pool, so no request
// is in flight. process.exit() on the main thread does not come here: the process ends with its threads and handles as
// they are.
void ChannelObject::environmentEnds(void *self) {
    auto *channel = static_cast<ChannelObject *>(self);
    bool closing = channel->state_ == State::closing;
    channel->state_ = State::closed;
    channel->delivery_->disconnect();
    std::function<void()> before = !closing && channel->beforeClose_ ? channel->beforeClose_() : nullptr;
    if (before) {
        before();
    }
    channel->channel_->close();
}

} // namespace cmbridge
