// SPDX-License-Identifier: MIT
//
// NativeChannel of lib/native/native.ts.

#ifndef CMBRIDGE_NATIVE_CHANNEL_OBJECT_H
#define CMBRIDGE_NATIVE_CHANNEL_OBJECT_H

#include <napi.h>

#include <array>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "native/channel.h"
#include "native/delivery.h"

namespace cmbridge {

// What a channel object is made from; Addon hands it to the constructor, which JavaScript cannot call.
struct ChannelParts {
    std::shared_ptr<Channel> channel;
    Napi::FunctionReference onBatch;
    Napi::FunctionReference onEnd;
    // Called once on the JavaScript thread when the channel starts to close. What it returns runs before the close, off
    // that thread (or on it while the environment is torn down).
    std::function<std::function<void()>()> beforeClose;
};

class ChannelObject final : public Napi::ObjectWrap<ChannelObject> {
  public:
    static Napi::Function define(Napi::Env env);
    explicit ChannelObject(const Napi::CallbackInfo &info);

  private:
    Napi::Value control(const Napi::CallbackInfo &info);
    Napi::Value reply(const Napi::CallbackInfo &info);
    void startReceive(const Napi::CallbackInfo &info);
    void acknowledge(const Napi::CallbackInfo &info);
    void ref(const Napi::CallbackInfo &info);
    void unref(const Napi::CallbackInfo &info);
    Napi::Value close(const Napi::CallbackInfo &info);

    void controlSettled();
    void startClose();
    void closed(const std::exception_ptr &failure);
    static void environmentEnds(void *self);

    enum class State { open, closing, closed };

    State state_ = State::closed;
    bool receiving_ = false;
    // Requests that the pool has not finished; closing waits for them.
    size_t controls_ = 0;
    std::shared_ptr<Channel> channel_;
    std::shared_ptr<Delivery> delivery_;
    std::function<std::function<void()>()> beforeClose_;
    std::vector<Napi::Promise::Deferred> closers_;
    std::array<std::byte, kMaxReplyOutput> replyOutput_;
};

} // namespace cmbridge

#endif
