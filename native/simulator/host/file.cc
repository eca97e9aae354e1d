// SPDX-License-Identifier: MIT
//
// Requests from outside to an open device: waited for, or completed on a worker thread or where the driver does it.

#include "machine.h"

#include "schedule/schedule.h"

#include <chrono>
#include <cstdio>
#include <optional>
#include <stdexcept>

namespace simulator {

namespace {

// Windows gives a driver five minutes to complete the requests that a dying thread had cancelled; nobody wants to wait
// so long for a test to fail.
constexpr auto kCancelPatience = std::chrono::seconds(2);
constexpr auto kCleanupPatience = std::chrono::seconds(30);

} // namespace

File::File(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
File::~File() {
    impl_->close();
}

IoResult File::control(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output) {
    return impl_->control(code, input, output);
}

void File::controlAsync(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output, Completion done) {
    impl_->controlAsync(code, input, output, std::move(done));
}

void File::controlDirect(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output,
                         Completion done) {
    impl_->controlDirect(code, input, output, std::move(done));
}

void File::cancel() {
    nt::cancelFile(impl_->file);
}

IoResult File::Impl::control(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output) {
    // Handles belong to a process: a call from outside is made by a thread of it.
    std::optional<nt::BorrowedThread> borrowed;
    if (IoGetCurrentProcess() != process) {
        borrowed.emplace(process, false);
    }
    std::shared_ptr<nt::Request> request;
    NTSTATUS status =
        nt::buildControl(file, access, code, input.data(), input.size(), output.data(), output.size(), &request);
    if (!NT_SUCCESS(status)) {
        return {status, 0};
    }
    nt::issue(request);
    nt::waitCompleted(request);
    IO_STATUS_BLOCK result = nt::finish(request);
    return {result.Status, result.Information};
}

void File::Impl::controlAsync(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output,
                              Completion done) {
    startWorker();
    std::optional<nt::BorrowedThread> borrowed;
    if (IoGetCurrentProcess() != process) {
        borrowed.emplace(process, false);
    }
    std::shared_ptr<nt::Request> request;
    NTSTATUS status =
        nt::buildControl(file, access, code, input.data(), input.size(), output.data(), output.size(), &request);
    auto push = [queue = queue](Completed completed) {
        std::lock_guard guard(queue->lock);
        queue->ready.push_back(std::move(completed));
        queue->changed.notify_all();
    };
    {
        std::lock_guard guard(queue->lock);
        ++queue->outstanding;
    }
    if (!NT_SUCCESS(status)) {
        push({nullptr, {status, 0}, std::move(done)});
        return;
    }
    request->onCompleted = [push, done = std::move(done)](const std::shared_ptr<nt::Request> &completed) {
        push({completed, {}, done});
    };
    nt::issue(request);
}

void File::Impl::controlDirect(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output,
                               Completion done) {
    if (METHOD_FROM_CTL_CODE(code) == METHOD_BUFFERED) {
        throw std::invalid_argument("The output of a buffered request is copied in its own process.");
    }
    std::optional<nt::BorrowedThread> borrowed;
    if (IoGetCurrentProcess() != process) {
        borrowed.emplace(process, false);
    }
    releaseDone();
    std::shared_ptr<nt::Request> request;
    NTSTATUS status =
        nt::buildControl(file, access, code, input.data(), input.size(), output.data(), output.size(), &request);
    if (!NT_SUCCESS(status)) {
        done({status, 0});
        return;
    }
    {
        std::lock_guard guard(queue->lock);
        ++queue->outstanding;
    }
    request->onCompleted = [queue = queue, done = std::move(done)](const std::shared_ptr<nt::Request> &completed) {
        IO_STATUS_BLOCK block = nt::takeResult(completed);
        done({block.Status, block.Information});
        std::lock_guard guard(queue->lock);
        queue->done.push_back(completed);
        --queue->outstanding;
        queue->changed.notify_all();
    };
    nt::issue(request);
}

// The thread that completes a request may be at DISPATCH_LEVEL, and the last reference to a file calls the driver.
void File::Impl::releaseDone() {
    std::vector<std::shared_ptr<nt::Request>> done;
    {
        std::lock_guard guard(queue->lock);
        done.swap(queue->done);
    }
    for (const auto &request : done) {
        nt::release(request);
    }
}

void File::Impl::startWorker() {
    std::lock_guard guard(startLock);
    if (worker.joinable()) {
        return;
    }
    worker = schedule::start("Completions", [queue = queue, process = process] {
        nt::enterThread(nt::createThread(process, false));
        std::unique_lock lock(queue->lock);
        for (;;) {
            schedule::await(queue->changed, lock, "a completion", [&] { return queue->stop || !queue->ready.empty(); });
            if (queue->ready.empty()) {
                break;
            }
            Completed completed = std::move(queue->ready.front());
            queue->ready.pop_front();
            lock.unlock();
            IoResult result = completed.early;
            if (completed.request) {
                IO_STATUS_BLOCK block = nt::finish(completed.request);
                result = {block.Status, block.Information};
            }
            completed.done(result);
            // What the callback holds may be the last thing that keeps something else alive.
            completed = {};
            lock.lock();
            --queue->outstanding;
            queue->changed.notify_all();
        }
        lock.unlock();
        nt::leaveThread();
    });
}

void File::Impl::close() {
    if (worker.get_id() == std::this_thread::get_id()) {
        nt::bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, reinterpret_cast<ULONG_PTR>(file), 0, 0, 0,
                     "A File is destroyed inside one of its own completions.");
    }
    auto drained = [&] { return queue->outstanding == 0; };
    auto wait = [&](auto patience) {
        if (schedule::active()) {
            schedule::block("requests of a file that is closed", queue.get(), drained);
            return true;
        }
        std::unique_lock lock(queue->lock);
        return queue->changed.wait_for(lock, patience, drained);
    };
    std::optional<nt::BorrowedThread> borrowed;
    if (IoGetCurrentProcess() != process) {
        borrowed.emplace(process, false);
    }
    nt::cancelFile(file);
    bool complete = wait(kCancelPatience);
    if (!complete) {
        fprintf(stderr, "A driver keeps cancelled requests; its CLEANUP routine gets a chance.\n");
    }
    // CLEANUP comes with the handle, CLOSE with the last request.
    nt::closeDevice(handle, file);
    if (!complete && !wait(kCleanupPatience)) {
        nt::bugCheck(DRIVER_VERIFIER_IOMANAGER_VIOLATION, reinterpret_cast<ULONG_PTR>(file), 0, 0, 0,
                     "A driver completes requests neither when they are cancelled nor in CLEANUP.");
    }
    releaseDone();
    {
        std::lock_guard lock(queue->lock);
        queue->stop = true;
        queue->changed.notify_all();
    }
    if (worker.joinable()) {
        schedule::join(worker);
    }
}

File::Impl::~Impl() {
    if (machine) {
        ObfDereferenceObject(process);
    }
}

} // namespace simulator
