// SPDX-License-Identifier: MIT
//
// NativeSimulator of lib/native/native.ts, and what one environment holds of the simulator. The machine runs while a
// channel is open: the processes of the environment end with its last channel.

#ifndef CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_SIMULATOR_SESSION_H
#define CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_SIMULATOR_SESSION_H

#include <memory>
#include <optional>
#include <vector>

#include "native/addon.h"
#include "native/simulator_channel/result_queue.h"
#include "native/simulator_channel/simulated_process.h"

namespace cmbridge {

class SimulatorSession final : public SimulatorBinding {
  public:
    explicit SimulatorSession(Napi::Env env);

    Napi::Object createObject(Napi::Env env) override;
    void channelOpened() override { channels_++; }
    std::function<void()> channelCloses() override;

    // For the constructors of ProcessObject and ThreadObject; nothing if JavaScript called them.
    std::shared_ptr<SimulatedProcess> takeProcess() { return std::exchange(newProcess_, nullptr); }
    std::shared_ptr<SimulatedThread> takeThread() { return std::exchange(newThread_, nullptr); }
    Napi::Object createThread(std::shared_ptr<SimulatedThread> thread);
    ResultQueue &results() { return *results_; }

  private:
    Napi::Value createProcess(const Napi::CallbackInfo &info);
    Napi::Value systemProcess(const Napi::CallbackInfo &info);
    Napi::Value hostProcess(const Napi::CallbackInfo &info);
    Napi::Object keepProcess(Napi::Env env, std::shared_ptr<simulator::Machine> machine,
                             std::shared_ptr<simulator::Process> process);
    // Throws if no channel is open.
    std::shared_ptr<simulator::Machine> machine(Napi::Env env) const;
    std::function<void()> endProcesses();
    static void environmentEnds(void *self);

    size_t channels_ = 0;
    std::optional<ResultQueue> results_;
    std::vector<std::shared_ptr<SimulatedProcess>> processes_;
    Napi::FunctionReference processConstructor_;
    Napi::FunctionReference threadConstructor_;
    std::shared_ptr<SimulatedProcess> newProcess_;
    std::shared_ptr<SimulatedThread> newThread_;
};

} // namespace cmbridge

#endif
