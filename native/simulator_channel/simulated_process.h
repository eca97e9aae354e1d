// SPDX-License-Identifier: MIT
//
// A simulated process and its threads as one environment holds them. JavaScript objects come and go; these stay until
// exit().

#ifndef CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_SIMULATED_PROCESS_H
#define CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_SIMULATED_PROCESS_H

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "native/simulator/simulator.h"
#include "native/simulator_channel/caller.h"
#include "native/simulator_channel/load.h"

namespace cmbridge {

// All members on the JavaScript thread.
class SimulatedThread {
  public:
    SimulatedThread(uint32_t processId, std::shared_ptr<simulator::Thread> thread)
        : processId_(processId), thread_(std::move(thread)) {}

    uint32_t processId() const { return processId_; }
    bool ended() const { return !thread_; }
    std::shared_ptr<Caller> caller() const { return caller_; }
    // False: the thread has ended.
    bool post(std::function<void()> job);
    // The thread takes no more jobs. What it returns waits for those that it has, on whatever thread.
    std::function<void()> end();

  private:
    const uint32_t processId_;
    std::shared_ptr<simulator::Thread> thread_;
    const std::shared_ptr<Caller> caller_ = std::make_shared<Caller>();
};

class SimulatedProcess {
  public:
    SimulatedProcess(std::shared_ptr<simulator::Machine> machine, std::shared_ptr<simulator::Process> process)
        : machine_(std::move(machine)), process_(std::move(process)), id_(process_->id()) {}

    uint32_t id() const { return id_; }
    bool exited() const { return !process_; }
    // Nothing: the process has exited.
    std::shared_ptr<SimulatedThread> createThread();
    // On new threads. `done` is called on the one that finishes last. Returns the threads, which the caller ends; none:
    // the process has exited.
    std::vector<std::shared_ptr<SimulatedThread>> load(LoadRequest request, std::function<void(LoadResult)> done);
    // Loads stop early. What it returns waits for the threads and closes the process, on whatever thread.
    std::function<void()> exit();

  private:
    std::shared_ptr<simulator::Machine> machine_;
    std::shared_ptr<simulator::Process> process_;
    const uint32_t id_;
    std::vector<std::shared_ptr<SimulatedThread>> threads_;
    // An exit does not wait for the rest of a load.
    std::shared_ptr<std::atomic<bool>> stopLoads_ = std::make_shared<std::atomic<bool>>(false);
};

} // namespace cmbridge

#endif
