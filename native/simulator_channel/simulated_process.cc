// SPDX-License-Identifier: MIT

#include "native/simulator_channel/simulated_process.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <utility>

#include "native/simulator_channel/registry_calls.h"

namespace cmbridge {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kKeyAllAccess = 0x000F003F;
constexpr const char16_t *kValueName = u"value";
constexpr uint32_t kRegDword = 4;
constexpr uint32_t kKeyValuePartialInformation = 2;

// What the threads of one load share. Each adds its share when it is done; the last one tells the total.
class Load {
  public:
    Load(std::u16string path, size_t threads, uint64_t operations, bool query,
         std::shared_ptr<const std::atomic<bool>> stop, std::function<void(LoadResult)> done)
        : path_(std::move(path)), stop_(std::move(stop)), operations_(operations), query_(query), running_(threads),
          done_(std::move(done)) {}

    void run(size_t index) {
        LoadResult share;
        Clock::time_point begin = Clock::now();
        registry::KeyResult key = createKey(index);
        share.status = key.status;
        if (succeeded(key.status)) {
            if (query_) {
                registry::setValue(key.handle, kValueName, kRegDword, registry::Bytes(sizeof(uint32_t)));
            }
            // What was made above is not measured.
            begin = Clock::now();
            for (; share.operations < operations_ && !*stop_; share.operations++) {
                if (!succeeded(operate(key.handle, share.operations))) {
                    share.failures++;
                }
            }
        }
        add(share, begin, Clock::now());
        if (key.handle != 0) {
            registry::closeHandle(key.handle);
        }
        if (std::function<void(LoadResult)> done = finish()) {
            done(total_);
        }
    }

  private:
    registry::KeyResult createKey(size_t index) {
        registry::KeyResult parent = registry::createKey({.path = path_, .access = kKeyAllAccess});
        if (!succeeded(parent.status)) {
            return parent;
        }
        std::string digits = std::to_string(index);
        registry::KeyResult key = registry::createKey(
            {.root = parent.handle, .path = std::u16string(digits.begin(), digits.end()), .access = kKeyAllAccess});
        registry::closeHandle(parent.handle);
        return key;
    }

    NtStatus operate(registry::Handle key, uint64_t counter) {
        if (query_) {
            return registry::queryValue(key, kValueName, kKeyValuePartialInformation, 64).status;
        }
        registry::Bytes data(sizeof(uint32_t));
        for (size_t i = 0; i < data.size(); i++) {
            data[i] = static_cast<std::byte>(counter >> (8 * i));
        }
        return registry::setValue(key, kValueName, kRegDword, std::move(data));
    }

    void add(const LoadResult &share, Clock::time_point begin, Clock::time_point end) {
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
    std::function<void(LoadResult)> finish() {
        std::lock_guard guard(lock_);
        return --running_ == 0 ? std::move(done_) : nullptr;
    }

    const std::u16string path_;
    const std::shared_ptr<const std::atomic<bool>> stop_;
    const uint64_t operations_;
    const bool query_;
    std::mutex lock_;
    size_t running_;                                     // guarded by lock_
    LoadResult total_;                                   // guarded by lock_
    Clock::time_point begin_ = Clock::time_point::max(); // guarded by lock_
    Clock::time_point end_ = Clock::time_point::min();   // guarded by lock_
    std::function<void(LoadResult)> done_;               // guarded by lock_
};

} // namespace

bool SimulatedThread::post(std::function<void()> job) {
    if (!thread_) {
        return false;
    }
    thread_->post(std::move(job));
    return true;
}

std::function<void()> SimulatedThread::end() {
    return [thread = std::exchange(thread_, nullptr)]() mutable {
        if (thread) {
            thread->run([] {});
            thread.reset();
        }
    };
}

std::shared_ptr<SimulatedThread> SimulatedProcess::createThread() {
    if (!process_) {
        return nullptr;
    }
    std::erase_if(threads_, [](const std::shared_ptr<SimulatedThread> &thread) { return thread->ended(); });
    auto thread = std::make_shared<SimulatedThread>(id_, process_->createThread());
    threads_.push_back(thread);
    return thread;
}

std::vector<std::shared_ptr<SimulatedThread>> SimulatedProcess::load(std::u16string path, size_t threads,
                                                                     uint64_t operations, bool query,
                                                                     std::function<void(LoadResult)> done) {
    if (!process_) {
        return {};
    }
    auto load = std::make_shared<Load>(std::move(path), threads, operations, query, stopLoads_, std::move(done));
    std::vector<std::shared_ptr<SimulatedThread>> started;
    for (size_t i = 0; i < threads; i++) {
        started.push_back(createThread());
        started.back()->post([load, i] { load->run(i); });
    }
    return started;
}

std::function<void()> SimulatedProcess::exit() {
    *stopLoads_ = true;
    std::vector<std::function<void()>> ends;
    for (const std::shared_ptr<SimulatedThread> &thread : std::exchange(threads_, {})) {
        ends.push_back(thread->end());
    }
    return [ends = std::move(ends), process = std::exchange(process_, nullptr),
            machine = std::exchange(machine_, nullptr)]() mutable {
        for (std::function<void()> &end : ends) {
            end();
        }
        process.reset();
        machine.reset();
    };
}

} // namespace cmbridge
