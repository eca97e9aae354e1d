// SPDX-License-Identifier: MIT

#include "test/bench/native/sink_thread.h"

namespace cmbridge::bench {

void SinkThread::batchReady() {
    std::lock_guard guard(lock_);
    batches_++;
    changed_.notify_one();
}

void SinkThread::stop() {
    if (!thread_.joinable()) {
        return;
    }
    {
        std::lock_guard guard(lock_);
        stopped_ = true;
        changed_.notify_one();
    }
    thread_.join();
}

void SinkThread::run() {
    std::unique_lock guard(lock_);
    while (true) {
        changed_.wait(guard, [this] { return stopped_ || batches_ > 0; });
        if (stopped_) {
            return;
        }
        batches_--;
        guard.unlock();
        sink_->batchReady();
        guard.lock();
    }
}

} // namespace cmbridge::bench
