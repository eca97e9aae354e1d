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
    // Waits for a completion, unless they all go to Receiver::completed(); nothing after wake() or when `timeout` has
    // passed.
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
    // For a transport that learns of completions on other threads than the reader: what wait() returns must not come
    // here. Tells the sink on the calling thread.
    void completed(const ReceiveTransport::Completion &completion);
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

    // What the reader does next, and how long it waits then.
    struct Task {
        std::vector<size_t> issue;
        bool cancel = false;
        std::optional<NtStatus> end;
        bool leave = false;
        std::optional<std::chrono::milliseconds> timeout;
    };

    // Reader thread only.
    void run();
    Task nextTask();
    void issue(size_t slot);

    // With lock_ held.
    void wakeReaderIfNeeded();
    bool readerIsNeeded() const;
    std::vector<size_t> takeSlotsToIssue();
    std::optional<std::chrono::milliseconds> untilRetry() const;
    void record(const ReceiveTransport::Completion &completion);
    // Returns how many batches became ready.
    size_t collect();

    ReceiveTransport &transport_;
    std::shared_ptr<ReceiveSink> sink_;
    size_t bytes_ = 0;
    std::thread reader_;

    // What follows is guarded by lock_, except that buffers belong to the transport while their requests are issued,
    // and to who takes the batch from then to its acknowledgement.
    std::mutex lock_;
    std::vector<Slot> slots_;
    bool stopping_ = false;
    std::optional<NtStatus> end_;
    bool isEndTold_ = false;
    bool isCancelled_ = false;
    // The reader has been woken and has not looked since.
    bool isWoken_ = false;
    std::deque<size_t> issued_;
    size_t pended_ = 0;
    // Threads that call the sink.
    size_t telling_ = 0;
    std::deque<size_t> ready_;
    std::deque<size_t> taken_;
    // To be issued: those of batches that were acknowledged, and at first all.
    std::vector<size_t> acknowledged_;
    // Requests that the system had no memory for; all are issued again at `retryAt_`.
    std::vector<size_t> starved_;
    // The reader does not know yet until when to wait.
    bool starvedAnew_ = false;
    std::chrono::milliseconds backOff_{0};
    Clock::time_point retryAt_;
};

} // namespace cmbridge

#endif
