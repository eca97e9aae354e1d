// SPDX-License-Identifier: MIT
//
// One thread's part in a load, and the sum over all threads.

#include "native/simulator_channel/load.h"

#include <algorithm>
#include <utility>

#include "native/simulator_channel/load_keys.h"

namespace cmbridge {

void Load::run(size_t index) {
    LoadResult share;
    {
        LoadKeys keys(request_, *stop_);
        share.status = keys.prepare(index);
        // What was made above is not measured.
        start_.arrive_and_wait();
        Clock::time_point begin = Clock::now();
        if (succeeded(share.status)) {
            keys.operate(&share);
        }
        add(share, begin, Clock::now());
    }
    if (std::function<void(LoadResult)> done = finish()) {
        done(total_);
    }
}

void Load::add(const LoadResult &share, Clock::time_point begin, Clock::time_point end) {
    std::lock_guard guard(lock_);
    if (!succeeded(share.status)) {
        total_.status = share.status;
    }
    total_.operations += share.operations;
    total_.failures += share.failures;
    begin_ = std::min(begin_, begin);
    end_ = std::max(end_, end);
    total_.nanoseconds =
        static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(end_ - begin_).count());
}

// For the last thread: whom to tell.
std::function<void(LoadResult)> Load::finish() {
    std::lock_guard guard(lock_);
    return --running_ == 0 ? std::move(done_) : nullptr;
}

} // namespace cmbridge
