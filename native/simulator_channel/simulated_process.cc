// SPDX-License-Identifier: MIT
//
// Starts threads and loads of a simulated process, and ends them with it.

#include "native/simulator_channel/simulated_process.h"

#include <utility>

namespace cmbridge {

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

std::vector<std::shared_ptr<SimulatedThread>> SimulatedProcess::load(LoadRequest request,
                                                                     std::function<void(LoadResult)> done) {
    if (!process_) {
        return {};
    }
    size_t threads = request.threads;
    auto load = std::make_shared<Load>(std::move(request), stopLoads_, std::move(done));
    std::vector<std::shared_ptr<SimulatedThread>> started;
    for (size_t i = 0; i < threads; i++) {
        started.push_back(createThread());
    }
    // Not before all are there, for each waits for the others: if one cannot be made, none has begun.
    for (size_t i = 0; i < threads; i++) {
        started[i]->post([load, i] { load->run(i); });
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
