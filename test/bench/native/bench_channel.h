// SPDX-License-Identifier: MIT
//
// A channel as benchmarks open it: to the simulator of this addon or to a recording, with the delivery that is
// measured.

#ifndef CMBRIDGE_BENCH_BENCH_CHANNEL_H
#define CMBRIDGE_BENCH_BENCH_CHANNEL_H

#include <napi.h>

#include "native/addon.h"
#include "native/delivery.h"
#include "test/bench/native/event_delivery.h"
#include "test/bench/native/json_lines.h"
#include "test/bench/native/replay_channel.h"
#include "test/bench/native/sink_thread.h"

namespace cmbridge::bench {

// new Channel(recording | null, 'batches' | 'events' | 'json', function | descriptor): NativeChannel of
// lib/native/native.ts, and play(times) where there is a recording.
class BenchChannel final : public Napi::ObjectWrap<BenchChannel> {
  public:
    static Napi::Function define(Napi::Env env, SimulatorBinding &simulator);
    explicit BenchChannel(const Napi::CallbackInfo &info);

  private:
    Napi::Value control(const Napi::CallbackInfo &info);
    void startReceive(const Napi::CallbackInfo &info);
    void acknowledge(const Napi::CallbackInfo &info);
    void play(const Napi::CallbackInfo &info);
    void nothing(const Napi::CallbackInfo &) {}
    Napi::Value close(const Napi::CallbackInfo &info);

    void openChannel(Napi::Env env, Napi::Value recording);
    bool openSink(Napi::Env env, const std::string &delivery, Napi::Value target);

    SimulatorBinding &simulator_;
    std::unique_ptr<Channel> channel_;
    ReplayChannel *replay_ = nullptr;
    std::shared_ptr<Delivery> batches_;
    std::shared_ptr<EventDelivery> events_;
    std::shared_ptr<JsonLines> lines_;
    std::shared_ptr<SinkThread> thread_;
};

} // namespace cmbridge::bench

#endif
