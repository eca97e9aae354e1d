// SPDX-License-Identifier: MIT
//
// The control device of the driver as it runs inside the simulator.

#ifndef CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_SIMULATOR_CHANNEL_H
#define CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_SIMULATOR_CHANNEL_H

#include <condition_variable>
#include <mutex>

#include "native/receiver.h"
#include "native/simulator/simulator.h"

namespace cmbridge {

// The driver stays loaded while one of these lives. Loads are counted, so channels do not care for one another.
class LoadedDriver {
  public:
    LoadedDriver() = default;
    ~LoadedDriver() { unload(); }
    LoadedDriver(const LoadedDriver &) = delete;
    LoadedDriver &operator=(const LoadedDriver &) = delete;

    NtStatus load(std::shared_ptr<simulator::Machine> machine);
    void unload();
    simulator::Machine *machine() const { return machine_.get(); }

  private:
    std::shared_ptr<simulator::Machine> machine_;
};

class SimulatorChannel final : public Channel, private ReceiveTransport {
  public:
    SimulatorChannel() : receiver_(*this) {}
    ~SimulatorChannel() override { close(); }

    NtStatus open(std::u16string_view deviceName, const char **routine);

    ControlResult control(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output) override;
    ControlResult reply(std::span<const std::byte> input, std::span<std::byte> output) override;
    NtStatus startReceive(size_t receives, size_t bytes, std::shared_ptr<ReceiveSink> sink) override {
        return receiver_.start(receives, bytes, std::move(sink));
    }
    bool takeBatch(const std::function<void(std::span<const std::byte>)> &consume) override {
        return receiver_.takeBatch(consume);
    }
    bool acknowledge() override { return receiver_.acknowledge(); }
    void close() override;

  private:
    NtStatus issue(size_t slot, std::span<std::byte> buffer) override;
    std::optional<Completion> wait(std::optional<std::chrono::milliseconds> timeout) override;
    void wake() override;
    void cancel() override;

    LoadedDriver driver_;
    std::unique_ptr<simulator::File> file_;

    std::mutex lock_;
    std::condition_variable changed_;
    bool woken_ = false; // guarded by lock_

    Receiver receiver_;
};

} // namespace cmbridge

#endif
