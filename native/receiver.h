// SPDX-License-Identifier: MIT
//
// Keeps RECEIVE requests pended from one reader thread, puts the batches in the driver's order and holds back the
// requests of batches that were not acknowledged.

#ifndef CMBRIDGE_NATIVE_RECEIVER_H
#define CMBRIDGE_NATIVE_RECEIVER_H

#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "native/channel.h"

namespace cmbridge {

// How a transport issues requests and learns of their completion. Only wake() is called from other threads than the
// reader.
class ReceiveTransport {
  public:
    struct Completion {
        size_t slot;
        NtStatus status;
        size_t information;
    };

    virtual ~ReceiveTransport() = default;
    // An error status means that no completion will follow; anything else that one will.
    virtual NtStatus issue(size_t slot, std::span<std::byte> buffer) = 0;
    // Waits for a completion; nothing after wake() or when `timeout` has passed.
    virtual std::optional<Completion> wait(std::optional<std::chrono::milliseconds> timeout) = 0;
    virtual void wake() = 0;
    // Cancels every request that was issued and has not completed; their completions still come.
    virtual void cancel() = 0;
};

class Receiver {
  public:
    // The transport must outlive the receiver.
    explicit Receiver(ReceiveTransport &transport) : transport_(transport) {}
    ~Receiver() { stop(); }
    Receiver(const Receiver &) = delete;
    Receiver &operator=(const Receiver &) = delete;

    NtStatus start(size_t receives, size_t bytes, std::shared_ptr<ReceiveSink> sink);
    bool takeBatch(const std::function<void(std::span<const std::byte>)> &consume);
    bool acknowledge();
    // Returns when every request has completed and the reader thread is gone. Idempotent.
    void stop();

  private:
    struct Slot {
        std::unique_ptr<std::byte[]> buffer;
        bool completed = false;
        NtStatus status = kStatusSuccess;
        size_t information = 0;
    };

    using Clock = std::chrono::steady_clock;

    void run();
    void issue(size_t slot);
    void issueAgain(std::vector<size_t> slots);
    void complete(const ReceiveTransport::Completion &completion);
    std::optional<std::chrono::milliseconds> untilRetry() const;
    void deliver();

    ReceiveTransport &transport_;
    std::shared_ptr<ReceiveSink> sink_;
    size_t bytes_ = 0;
    std::thread reader_;

    // Reader thread only.
    size_t pended_ = 0;
    bool ended_ = false;
    std::deque<size_t> issued_;
    // Requests that the system had no memory for; all are issued again at `retryAt_`.
    std::vector<size_t> starved_;
    std::chrono::milliseconds backOff_{0};
    Clock::time_point retryAt_;

    // The reader owns a slot from its acknowledgement until it becomes ready.
    std::vector<Slot> slots_;

    std::mutex lock_;
    bool stopping_ = false;            // guarded by lock_
    std::deque<size_t> ready_;         // guarded by lock_
    std::deque<size_t> taken_;         // guarded by lock_
    std::vector<size_t> acknowledged_; // guarded by lock_
};

} // namespace cmbridge

#endif
