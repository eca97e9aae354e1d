// SPDX-License-Identifier: MIT
//
// The methods of NativeSimulator: processes, pool, fault injection. Ends the processes with the last channel.

#include "native/simulator_channel/simulator_session.h"

#include <utility>

#include "native/native_error.h"
#include "native/simulator_channel/js_values.h"
#include "native/simulator_channel/process_object.h"
#include "native/simulator_channel/thread_object.h"

namespace cmbridge {

std::unique_ptr<SimulatorBinding> createSimulatorBinding(Napi::Env env) {
    return std::make_unique<SimulatorSession>(env);
}

SimulatorSession::SimulatorSession(Napi::Env env)
    : processConstructor_(Napi::Persistent(ProcessObject::define(env, *this))),
      threadConstructor_(Napi::Persistent(ThreadObject::define(env, *this))) {}

Napi::Object SimulatorSession::createObject(Napi::Env env) {
    Napi::Object object = Napi::Object::New(env);
    auto method = [&](const char *name, auto function) { object.Set(name, Napi::Function::New(env, function, name)); };
    method("createProcess", [this](const Napi::CallbackInfo &info) { return createProcess(info); });
    method("systemProcess", [this](const Napi::CallbackInfo &info) { return systemProcess(info); });
    method("hostProcess", [this](const Napi::CallbackInfo &info) { return hostProcess(info); });
    method("poolUsage", [this](const Napi::CallbackInfo &info) -> Napi::Value {
        simulator::PoolUsage usage = machine(info.Env())->poolUsage();
        Napi::Object result = Napi::Object::New(info.Env());
        result.Set("blocks", static_cast<double>(usage.blocks));
        result.Set("bytes", static_cast<double>(usage.bytes));
        return result;
    });
    method("failAllocation", [this](const Napi::CallbackInfo &info) {
        machine(info.Env())->failAllocation(static_cast<uint64_t>(info[0].ToNumber().Int64Value()));
    });
    method("failEachStackOnce",
           [this](const Napi::CallbackInfo &info) { machine(info.Env())->failEachStackOnce(info[0].ToBoolean()); });
    method("failedAllocations", [this](const Napi::CallbackInfo &info) -> Napi::Value {
        return Napi::Number::New(info.Env(), static_cast<double>(machine(info.Env())->failedAllocations()));
    });
    return object;
}

std::shared_ptr<simulator::Machine> SimulatorSession::machine(Napi::Env env) const {
    if (channels_ == 0) {
        throw Napi::Error::New(env, "the simulator runs only while a simulator channel is open");
    }
    return simulator::Machine::shared();
}

Napi::Value SimulatorSession::createProcess(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    auto options = fromValue<simulator::ProcessOptions>(info[0]);
    std::shared_ptr<simulator::Machine> running = machine(env);
    simulator::Status status = 0;
    std::shared_ptr<simulator::Process> process = running->createProcess(options, &status);
    if (!process) {
        throw nativeError(env, "createProcess", status);
    }
    return keepProcess(env, std::move(running), std::move(process));
}

Napi::Value SimulatorSession::systemProcess(const Napi::CallbackInfo &info) {
    std::shared_ptr<simulator::Machine> running = machine(info.Env());
    std::shared_ptr<simulator::Process> process = running->systemProcess();
    return keepProcess(info.Env(), std::move(running), std::move(process));
}

Napi::Value SimulatorSession::hostProcess(const Napi::CallbackInfo &info) {
    std::shared_ptr<simulator::Machine> running = machine(info.Env());
    std::shared_ptr<simulator::Process> process = running->hostProcess();
    return keepProcess(info.Env(), std::move(running), std::move(process));
}

Napi::Object SimulatorSession::keepProcess(Napi::Env env, std::shared_ptr<simulator::Machine> machine,
                                           std::shared_ptr<simulator::Process> process) {
    if (!results_) {
        results_.emplace(env);
        // After the queue's own hook, hence before it in time: no thread posts to a queue that is gone.
        napi_add_env_cleanup_hook(env, environmentEnds, this);
    }
    std::erase_if(processes_, [](const std::shared_ptr<SimulatedProcess> &process) { return process->exited(); });
    newProcess_ = std::make_shared<SimulatedProcess>(std::move(machine), std::move(process));
    processes_.push_back(newProcess_);
    return processConstructor_.New({});
}

Napi::Object SimulatorSession::createThread(std::shared_ptr<SimulatedThread> thread) {
    newThread_ = std::move(thread);
    return threadConstructor_.New({});
}

std::function<void()> SimulatorSession::channelCloses() {
    return --channels_ == 0 ? endProcesses() : nullptr;
}

std::function<void()> SimulatorSession::endProcesses() {
    std::vector<std::function<void()>> exits;
    for (const std::shared_ptr<SimulatedProcess> &process : std::exchange(processes_, {})) {
        exits.push_back(process->exit());
    }
    return [exits = std::move(exits)]() mutable {
        for (std::function<void()> &exit : exits) {
            exit();
        }
    };
}

void SimulatorSession::environmentEnds(void *self) {
    static_cast<SimulatorSession *>(self)->endProcesses()();
}

} // namespace cmbridge
