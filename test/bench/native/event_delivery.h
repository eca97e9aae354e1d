// SPDX-License-Identifier: MIT
//
// The usual way to bring events into JavaScript, to be compared with: one call of a thread-safe function per event,
// which makes an object of it by Node-API and calls a function with it.

#ifndef CMBRIDGE_BENCH_EVENT_DELIVERY_H
#define CMBRIDGE_BENCH_EVENT_DELIVERY_H

#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <unordered_map>

#include "native/channel.h"
#include "test/bench/native/stream_state.h"

namespace cmbridge::bench {

class EventDelivery final : public ReceiveSink {
  public:
    // The channel must outlive it.
    static std::shared_ptr<EventDelivery> create(Napi::Env env, Channel &channel, Napi::Function onEvent);

    void batchReady() override;
    void ended(NtStatus) override {}
    // On the JavaScript thread: nobody waits for room any more, and nothing is called.
    void release();

  private:
    using Record = std::unique_ptr<std::byte[]>;
    static void callJavaScript(Napi::Env env, Napi::Function onEvent, EventDelivery *delivery, std::byte *record);
    using Function = Napi::TypedThreadSafeFunction<EventDelivery, std::byte, callJavaScript>;

    explicit EventDelivery(Channel &channel) : channel_(channel) {}
    // On the thread of the sink: until JavaScript has dealt with half of what is queued.
    void waitForRoom();
    void taken();
    void deliver(Napi::Env env, Napi::Function onEvent, const CMB_RECORD *record);

    Channel &channel_;
    Function function_;
    std::atomic<size_t> queued_ = 0;
    std::mutex lock_;
    std::condition_variable room_;
    bool released_ = false;                                         // guarded by lock_
    StreamState state_;                                             // JavaScript thread only
    std::unordered_map<uint64_t, Napi::ObjectReference> processes_; // JavaScript thread only, by start key
};

} // namespace cmbridge::bench

#endif
