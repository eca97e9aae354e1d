// SPDX-License-Identifier: MIT
//
// How long it takes a thread to have JavaScript called and to be woken when the callback has returned: what any way of
// asking a program costs at least.

#ifndef CMBRIDGE_BENCH_ROUND_TRIPS_H
#define CMBRIDGE_BENCH_ROUND_TRIPS_H

#include <napi.h>

namespace cmbridge::bench {

// roundTrips(count, callback): Promise<Float64Array>, nanoseconds each.
Napi::Value roundTrips(const Napi::CallbackInfo &info);

} // namespace cmbridge::bench

#endif
