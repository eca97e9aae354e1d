// SPDX-License-Identifier: MIT
//
// Has a sink called on a thread of its own: for those that do their work where they are told of a batch, which may be
// the thread whose registry operation filled it.

#ifndef CMBRIDGE_BENCH_SINK_THREAD_H
#define CMBRIDGE_BENCH_SINK_THREAD_H

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "native/channel.h"

namespace cmbridge::bench {

class SinkThread final : public ReceiveSink {
  public:
    explicit SinkThread(std::shared_ptr<ReceiveSink> sink) : sink_(std::move(sink)), thread_(&SinkThread::run, this) {}
    ~SinkThread() override { stop(); }

    void batchReady() override;
    void ended(NtStatus) override {}
    // The sink is not called any more once it returns. Idempotent.
    void stop();

  private:
    void run();

    const std::shared_ptr<ReceiveSink> sink_;
    std::mutex lock_;
    std::condition_variable changed_;
    size_t batches_ = 0;   // guarded by lock_
    bool stopped_ = false; // guarded by lock_
    std::thread thread_;
};

} // namespace cmbridge::bench

#endif
