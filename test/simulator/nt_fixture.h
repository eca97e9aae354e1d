// SPDX-License-Identifier: MIT

#ifndef TEST_SIMULATOR_NT_FIXTURE_H
#define TEST_SIMULATOR_NT_FIXTURE_H

#include "nt/ob_internal.h"
#include "nt_sample.h"
#include "simulator.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>
#include <vector>

// The kernel's names of macros that gtest uses, too, stay apart: only EXPECT_* and ASSERT_* of gtest are used here.
class NtTest : public testing::Test {
  protected:
    NtTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
    std::shared_ptr<simulator::Machine> machine = simulator::Machine::shared();
};

class SampleTest : public NtTest {
  protected:
    SampleTest() { Sample = {}; }

    void load() { ASSERT_EQ(machine->loadDriver(u"Sample", SampleEntry), STATUS_SUCCESS); }
    void unload() { ASSERT_EQ(machine->unloadDriver(u"Sample"), STATUS_SUCCESS); }

    std::unique_ptr<simulator::File> open() {
        std::unique_ptr<simulator::File> file;
        EXPECT_EQ(machine->openFile(u"\\??\\Sample", &file), STATUS_SUCCESS);
        return file;
    }
};

// One asynchronous request and its result.
class Pending {
  public:
    explicit Pending(size_t output = 16) : output_(output) {}

    void start(simulator::File &file, uint32_t code) { file.controlAsync(code, {}, output(), completion()); }

    void startDirect(simulator::File &file, uint32_t code) { file.controlDirect(code, {}, output(), completion()); }

    simulator::IoResult wait() {
        std::unique_lock lock(lock_);
        done_.wait(lock, [this] { return calls_ != 0; });
        return result_;
    }

    int calls() {
        std::lock_guard lock(lock_);
        return calls_;
    }

    std::vector<unsigned char> output_;
    KIRQL irql_ = HIGH_LEVEL;
    uintptr_t process_ = 0;
    std::thread::id thread_;

  private:
    std::span<std::byte> output() { return std::as_writable_bytes(std::span(output_)); }

    simulator::File::Completion completion() {
        return [this](simulator::IoResult result) {
            std::lock_guard lock(lock_);
            result_ = result;
            ++calls_;
            irql_ = KeGetCurrentIrql();
            process_ = reinterpret_cast<uintptr_t>(PsGetCurrentProcessId());
            thread_ = std::this_thread::get_id();
            done_.notify_all();
        };
    }

    std::mutex lock_;
    std::condition_variable done_;
    simulator::IoResult result_ = {};
    int calls_ = 0;
};

template <typename T, size_t N> std::span<const std::byte> in(const std::array<T, N> &data) {
    return std::as_bytes(std::span(data));
}
template <typename T, size_t N> std::span<std::byte> out(std::array<T, N> &data) {
    return std::as_writable_bytes(std::span(data));
}

#endif
