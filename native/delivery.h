// SPDX-License-Identifier: MIT
//
// The way of a batch to JavaScript: one thread-safe function, one call per batch.

#ifndef CMBRIDGE_NATIVE_DELIVERY_H
#define CMBRIDGE_NATIVE_DELIVERY_H

#include <napi.h>

#include <memory>

#include "native/channel.h"

namespace cmbridge {

class Delivery final : public ReceiveSink {
  public:
    // On the JavaScript thread. The channel must live until disconnect().
    static std::shared_ptr<Delivery> create(Napi::Env env, Channel &channel, Napi::Function onBatch,
                                            Napi::Function onEnd);

    // On the JavaScript thread: no callback is called from here on. Batches that wait are dropped with the channel.
    void disconnect() { channel_ = nullptr; }
    // On the JavaScript thread, when no thread calls the sink any more.
    void release() { function_.Release(); }
    void ref(Napi::Env env) { function_.Ref(env); }
    void unref(Napi::Env env) { function_.Unref(env); }

    void batchReady() override;
    void ended(NtStatus status) override;

  private:
    struct End {
        NtStatus status;
    };
    static void callJavaScript(Napi::Env env, Napi::Function none, Delivery *delivery, End *end);
    using Function = Napi::TypedThreadSafeFunction<Delivery, End, callJavaScript>;

    explicit Delivery(Channel &channel) : channel_(&channel) {}
    void callBatch(Napi::Env env);
    void callEnd(Napi::Env env, NtStatus status);

    Channel *channel_; // JavaScript thread only
    Napi::FunctionReference onBatch_;
    Napi::FunctionReference onEnd_;
    Function function_;
};

} // namespace cmbridge

#endif
