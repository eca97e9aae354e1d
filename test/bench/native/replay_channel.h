// SPDX-License-Identifier: MIT
//
// A channel that gives recorded batches again, as fast as they are taken, through the same receiver as a real one.

#ifndef CMBRIDGE_BENCH_REPLAY_CHANNEL_H
#define CMBRIDGE_BENCH_REPLAY_CHANNEL_H

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "native/receiver.h"

namespace cmbridge::bench {

struct Recording {
    std::vector<std::vector<std::byte>> batches;
    // By IOCTL code.
    std::map<uint32_t, std::vector<std::byte>> replies;
};

class ReplayChannel final : public Channel, private ReceiveTransport {
  public:
    explicit ReplayChannel(std::shared_ptr<const Recording> recording)
        : recording_(std::move(recording)), receiver_(*this) {}
    ~ReplayChannel() override { close(); }

    // All batches, so many times.
    void play(uint64_t times);

    // Answers what was asked before as it was answered then, and refuses the rest.
    ControlResult control(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output) override;
    ControlResult reply(std::span<const std::byte> input, std::span<std::byte> output) override;
    NtStatus startReceive(size_t receives, size_t bytes, std::shared_ptr<ReceiveSink> sink) override {
        return receiver_.start(receives, bytes, std::move(sink));
    }
    bool takeBatch(const std::function<void(std::span<const std::byte>)> &consume) override {
        return receiver_.takeBatch(consume);
    }
    bool acknowledge() override { return receiver_.acknowledge(); }
    void close() override { receiver_.stop(); }

  private:
    struct Request {
        size_t slot;
        std::span<std::byte> buffer;
    };

    NtStatus issue(size_t slot, std::span<std::byte> buffer) override;
    std::optional<Completion> wait(std::optional<std::chrono::milliseconds> timeout) override;
    void wake() override;
    void cancel() override;
    // On the reader thread, as the kernel copies into the caller's pages.
    Completion fill(const Request &request);

    const std::shared_ptr<const Recording> recording_;
    size_t next_ = 0; // reader thread only

    std::mutex lock_;
    std::condition_variable changed_;
    std::deque<Request> pended_; // guarded by lock_
    uint64_t left_ = 0;          // guarded by lock_
    bool woken_ = false;         // guarded by lock_
    bool cancelled_ = false;     // guarded by lock_

    Receiver receiver_;
};

} // namespace cmbridge::bench

#endif
