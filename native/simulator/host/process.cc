// SPDX-License-Identifier: MIT
//
// Processes and threads as the host holds them: tokens, impersonation, jobs that a thread runs one after the other.

#include "machine.h"

#include "nt/se_internal.h"
#include "schedule/schedule.h"

namespace simulator {

PACCESS_TOKEN makeToken(const TokenOptions &options, TOKEN_TYPE type, SECURITY_IMPERSONATION_LEVEL level) {
    return nt::createToken({.user = options.userSid,
                            .integrity = options.integrityLevel,
                            .elevated = options.elevated,
                            .session = options.sessionId},
                           type, level);
}

Status impersonate(const TokenOptions &options, int level) {
    if (level < SecurityAnonymous || level > SecurityDelegation) {
        return STATUS_BAD_IMPERSONATION_LEVEL;
    }
    auto wanted = static_cast<SECURITY_IMPERSONATION_LEVEL>(level);
    PACCESS_TOKEN token = makeToken(options, TokenImpersonation, wanted);
    if (token == nullptr) {
        return STATUS_INVALID_SID;
    }
    Status status = PsImpersonateClient(PsGetCurrentThread(), token, FALSE, FALSE, wanted);
    ObfDereferenceObject(token);
    return status;
}

void revertToSelf() {
    PsRevertToSelf();
}

ProcessImpl::ProcessImpl(std::shared_ptr<Machine> machine, PEPROCESS process, bool exits)
    : machine_(std::move(machine)), process_(process), exits_(exits) {}

ProcessImpl::~ProcessImpl() {
    if (exits_) {
        nt::exitProcess(process_);
    }
}

uint32_t ProcessImpl::id() const {
    return static_cast<uint32_t>(process_->id);
}
uint64_t ProcessImpl::startKey() const {
    return process_->startKey;
}
int64_t ProcessImpl::createTime() const {
    return process_->createTime.QuadPart;
}
std::u16string ProcessImpl::imagePath() const {
    return process_->facts.image;
}

std::shared_ptr<Thread> ProcessImpl::createThread() {
    auto impl = std::make_unique<Thread::Impl>();
    impl->machine = machine_;
    impl->process = process_;
    Thread::Impl *raw = impl.get();
    std::shared_ptr<Thread> thread(new Thread(std::move(impl)));
    // Last: it throws if there is no room for one more thread, and then the destructor of what was made cleans up.
    raw->thread = schedule::start("Thread", [raw] { raw->loop(); });
    return thread;
}

void Thread::Impl::loop() {
    nt::enterThread(nt::createThread(process, PsIsSystemProcess(process)));
    std::unique_lock guard(lock);
    for (;;) {
        schedule::await(changed, guard, "a job", [this] { return stop || !jobs.empty(); });
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

Thread::Thread(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
    ObfReferenceObject(impl_->process);
}

Thread::~Thread() {
    {
        std::lock_guard guard(impl_->lock);
        impl_->stop = true;
    }
    impl_->changed.notify_all();
    // Not if it could not be started.
    if (impl_->thread.joinable()) {
        schedule::join(impl_->thread);
    }
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
    schedule::await(done, guard, "a job that another thread does", [&] { return finished; });
}

void Thread::runAtIrql(uint8_t irql, const std::function<void()> &job) {
    run([&] {
        KIRQL old = KfRaiseIrql(irql);
        job();
        KeLowerIrql(old);
    });
}

void Thread::runWithStack(size_t bytes, const std::function<void()> &job) {
    run([&] {
        SimSetRemainingStack(bytes);
        job();
        SimSetRemainingStack(MAXULONG_PTR);
    });
}

Status Thread::impersonate(const TokenOptions &token, int level) {
    Status status = STATUS_SUCCESS;
    run([&] { status = simulator::impersonate(token, level); });
    return status;
}

void Thread::revert() {
    run([] { revertToSelf(); });
}

} // namespace simulator
