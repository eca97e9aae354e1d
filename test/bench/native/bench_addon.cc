// SPDX-License-Identifier: MIT
//
// What benchmarks need of native code and the package does not: an addon of its own, with a simulator and a driver of
// its own.

#include <napi.h>

#include "test/bench/native/bench_channel.h"
#include "test/bench/native/round_trips.h"

namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
    auto *simulator = cmbridge::createSimulatorBinding(env).release();
    env.SetInstanceData(simulator);
    exports.Set("Channel", cmbridge::bench::BenchChannel::define(env, *simulator));
    exports.Set("roundTrips", Napi::Function::New(env, cmbridge::bench::roundTrips, "roundTrips"));
    exports.Set("simulator", simulator->createObject(env));
    return exports;
}

} // namespace

NODE_API_MODULE(cmbridge_bench, initialize)
