// SPDX-License-Identifier: MIT
//
// Calls the program on the JavaScript thread: onBatch with a copy of each batch, onEnd with the status.

#include "native/delivery.h"

#include <cstring>
#include <new>
#include <utility>

namespace cmbridge {
namespace {

// A callback that throws is an uncaught exception of the program, as in an event listener. While the environment goes
// down the call itself is refused, and there is nobody to tell.
void call(Napi::Env env, const Napi::FunctionReference &function, napi_value argument) {
    napi_value result;
    if (napi_call_function(env, env.Undefined(), function.Value(), 1, &argument, &result) == napi_ok) {
        return;
    }
    bool pending = false;
    napi_value exception;
    if (napi_is_exception_pending(env, &pending) == napi_ok && pending &&
        napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
        napi_fatal_exception(env, exception);
    }
}

} // namespace

std::shared_ptr<Delivery> Delivery::create(Napi::Env env, Channel &channel, Napi::Function onBatch,
                                           Napi::Function onEnd) {
    std::shared_ptr<Delivery> delivery(new Delivery(channel));
    delivery->onBatch_ = Napi::Persistent(onBatch);
    delivery->onEnd_ = Napi::Persistent(onEnd);
    // Calls that were queued when the function is released still reach callJavaScript, so the function holds its
    // context. The queue needs no bound of its own: the channel has at most one call per RECEIVE under way.
    auto context = std::make_unique<std::shared_ptr<Delivery>>(delivery);
    delivery->function_ = Function::New(
        env, nullptr, Napi::Object(), "cmbridge:batch", 0, 1, delivery.get(),
        [](Napi::Env, std::shared_ptr<Delivery> *held, Delivery *) {
            (*held)->onBatch_.Reset();
            (*held)->onEnd_.Reset();
            delete held;
        },
        context.get());
    context.release();
    return delivery;
}

void Delivery::batchReady() {
    function_.NonBlockingCall(nullptr);
}

void Delivery::ended(NtStatus status) {
    End *end = new End{status};
    if (function_.NonBlockingCall(end) != napi_ok) {
        delete end;
    }
}

void Delivery::callJavaScript(Napi::Env env, Napi::Function, Delivery *delivery, End *end) {
    std::unique_ptr<End> held(end);
    // No environment: the function is being torn down with calls still queued.
    if (static_cast<napi_env>(env) == nullptr || delivery->channel_ == nullptr) {
        return;
    }
    if (held) {
        delivery->callEnd(env, held->status);
    } else {
        delivery->callBatch(env);
    }
}

void Delivery::callBatch(Napi::Env env) {
    napi_value buffer = nullptr;
    bool taken = channel_->takeBatch([&](std::span<const std::byte> batch) {
        // Copied, so that the request can go back to the driver while the program keeps the bytes as long as it likes.
        void *data;
        if (napi_create_arraybuffer(env, batch.size(), &data, &buffer) != napi_ok) {
            buffer = nullptr;
        } else if (!batch.empty()) {
            std::memcpy(data, batch.data(), batch.size());
        }
    });
    if (buffer != nullptr) {
        call(env, onBatch_, buffer);
    } else if (taken) {
        // Records that the driver counts as delivered are gone: the program must not go on as if it had seen them.
        callEnd(env, kStatusNoMemory);
    }
}

void Delivery::callEnd(Napi::Env env, NtStatus status) {
    napi_value number;
    if (napi_create_uint32(env, static_cast<uint32_t>(status), &number) == napi_ok) {
        call(env, onEnd_, number);
    }
}

} // namespace cmbridge
