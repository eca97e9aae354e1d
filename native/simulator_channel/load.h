// SPDX-License-Identifier: MIT
//
// Registry operations as fast as they go, or at a rate, for benchmarks and for tests under load.

#ifndef CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_LOAD_H
#define CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_LOAD_H

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "native/nt_status.h"

namespace cmbridge {

enum class LoadKind {
    Set,
    Query,
    Open,  // and close
    Churn, // a new key with a value below, deleted and closed
    Notify // of notifyClass, both phases; nothing is operated on
};

struct LoadRequest {
    // Each thread has a key of its own right below.
    std::u16string path;
    LoadKind kind = LoadKind::Set;
    size_t threads = 1;
    // Of each thread, as all that follows.
    uint64_t operations = 0;
    // Taken in turn. One that is alone and not deep is the thread's own.
    uint64_t keys = 1;
    // So many components lie between each of the keys and the name that tells it from the others.
    uint32_t depth = 0;
    // Of each key, taken in turn.
    uint32_t valueNames = 1;
    uint32_t notifyClass = 0;
    // At most so many operations per second; 0: as fast as they go.
    uint32_t perSecond = 0;
};

struct LoadResult {
    NtStatus status = 0; // of making the keys
    uint64_t operations = 0;
    uint64_t failures = 0;
    uint64_t nanoseconds = 0;
};

// What the threads of one load share. They begin together; the last one tells the total.
class Load {
  public:
    Load(LoadRequest request, std::shared_ptr<const std::atomic<bool>> stop, std::function<void(LoadResult)> done)
        : request_(std::move(request)), stop_(std::move(stop)), start_(static_cast<std::ptrdiff_t>(request_.threads)),
          running_(request_.threads), done_(std::move(done)) {}

    // Once on each of the threads.
    void run(size_t index);

  private:
    using Clock = std::chrono::steady_clock;

    void add(const LoadResult &share, Clock::time_point begin, Clock::time_point end);
    std::function<void(LoadResult)> finish();

    const LoadRequest request_;
    const std::shared_ptr<const std::atomic<bool>> stop_;
    std::barrier<> start_;
    std::mutex lock_;
    size_t running_;                                     // guarded by lock_
    LoadResult total_;                                   // guarded by lock_
    Clock::time_point begin_ = Clock::time_point::max(); // guarded by lock_
    Clock::time_point end_ = Clock::time_point::min();   // guarded by lock_
    std::function<void(LoadResult)> done_;               // guarded by lock_
};

} // namespace cmbridge

#endif
