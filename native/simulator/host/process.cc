// SPDX-License-Identifier: MIT

#include "machine.h"

namespace simulator {

ProcessImpl::ProcessImpl(std::shared_ptr<Machine> machine, PEPROCESS process, bool host)
    : machine_(std::move(machine)), process_(process), host_(host) {}

ProcessImpl::~ProcessImpl() {
    if (!host_) {
        nt::exitProcess(process_);
    }
}

uint32_t ProcessImpl::id() const {
    return static_cast<uint32_t>(process_->id);
}
std::u16string ProcessImpl::imagePath() const {
    return process_->image;
}

std::shared_ptr<Thread> ProcessImpl::createThread() {
    auto impl = std::make_unique<Thread::Impl>();
    impl->machine = machine_;
    impl->process = process_;
    ObfReferenceObject(process_);
    Thread::Impl *raw = impl.get();
    impl->thread = std::thread([raw] { raw->loop(); });
    return std::shared_ptr<Thread>(new Thread(std::move(impl)));
}

void Thread::Impl::loop() {
    nt::enterThread(nt::createThread(process, false));
    std::unique_lock guard(lock);
    for (;;) {
        changed.wait(guard, [this] { return stop || !jobs.empty(); });
        if (jobs.empty()) {
            break;
        }
        std::function<void()> job = std::move(jobs.front());
        jobs.pop_front();
        guard.unlock();
        job();
        job = nullptr;
        guard.lock();
    }
    guard.unlock();
    nt::leaveThread();
}

Thread::Thread(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Thread::~Thread() {
    {
        std::lock_guard guard(impl_->lock);
        impl_->stop = true;
    }
    impl_->changed.notify_all();
    impl_->thread.join();
    ObfDereferenceObject(impl_->process);
}

void Thread::post(std::function<void()> job) {
    {
        std::lock_guard guard(impl_->lock);
        impl_->jobs.push_back(std::move(job));
    }
    impl_->changed.notify_all();
}

void Thread::run(const std::function<void()> &job) {
    std::mutex lock;
    std::condition_variable done;
    bool finished = false;
    post([&] {
        job();
        // Notified under the lock: the waiter's frame ends as soon as it can have it.
        std::lock_guard guard(lock);
        finished = true;
        done.notify_one();
    });
    std::unique_lock guard(lock);
    done.wait(guard, [&] { return finished; });
}

} // namespace simulator
