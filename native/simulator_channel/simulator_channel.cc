// SPDX-License-Identifier: MIT
//
// Loads the driver into the machine, opens its control device, and passes requests on to that.

#include "native/simulator_channel/simulator_channel.h"

#include <utility>

#include "driver/protocol/protocol.h"

// The driver's entry, linked into the addon; inside the simulator a driver is its entry routine.
extern "C" simulator::Status DriverEntry(_DRIVER_OBJECT *driver, _UNICODE_STRING *registryPath);

namespace cmbridge {
namespace {

constexpr std::u16string_view kServiceName = u"cmbridge";

static_assert(sizeof(CMB_REPLY_REPLY) + CMB_MAX_REPLY_ENTRIES * sizeof(UINT32) <= kMaxReplyOutput);

} // namespace

NtStatus LoadedDriver::load(std::shared_ptr<simulator::Machine> machine) {
    NtStatus status = machine->loadDriver(kServiceName, DriverEntry);
    if (succeeded(status)) {
        machine_ = std::move(machine);
    }
    return status;
}

void LoadedDriver::unload() {
    if (std::shared_ptr<simulator::Machine> machine = std::exchange(machine_, nullptr)) {
        machine->unloadDriver(kServiceName);
    }
}

NtStatus SimulatorChannel::open(std::u16string_view deviceName, const char **routine) {
    *routine = "DriverEntry";
    NtStatus status = driver_.load(simulator::Machine::shared());
    if (!succeeded(status)) {
        return status;
    }
    *routine = "NtCreateFile";
    return driver_.machine()->openFile(deviceName, &file_);
}

ControlResult SimulatorChannel::control(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output) {
    simulator::IoResult result = file_->control(code, input, output);
    return {result.status, isError(result.status) ? 0 : static_cast<size_t>(result.information)};
}

ControlResult SimulatorChannel::reply(std::span<const std::byte> input, std::span<std::byte> output) {
    return control(CMB_IOCTL_REPLY, input, output);
}

void SimulatorChannel::close() {
    receiver_.stop();
    file_.reset();
    driver_.unload();
}

NtStatus SimulatorChannel::issue(size_t slot, std::span<std::byte> buffer) {
    // The result comes through the completion in every case, a refusal too.
    file_->controlDirect(CMB_IOCTL_RECEIVE, {}, buffer, [this, slot](simulator::IoResult result) {
        receiver_.completed({slot, result.status, static_cast<size_t>(result.information)});
    });
    return kStatusPending;
}

// Completions come on the threads that cause them: one switch of threads less between a question and its answer.
std::optional<ReceiveTransport::Completion> SimulatorChannel::wait(std::optional<std::chrono::milliseconds> timeout) {
    std::unique_lock guard(lock_);
    auto woken = [this] { return woken_; };
    if (!timeout) {
        changed_.wait(guard, woken);
    } else {
        changed_.wait_for(guard, *timeout, woken);
    }
    woken_ = false;
    return std::nullopt;
}

void SimulatorChannel::wake() {
    // Notified under the lock: the reader may let the channel go as soon as it is free.
    std::lock_guard guard(lock_);
    woken_ = true;
    changed_.notify_one();
}

void SimulatorChannel::cancel() {
    file_->cancel();
}

OpenResult openSimulatorChannel(std::u16string_view deviceName) {
    auto channel = std::make_unique<SimulatorChannel>();
    OpenResult result{};
    result.status = channel->open(deviceName, &result.routine);
    if (succeeded(result.status)) {
        result.channel = std::move(channel);
    }
    return result;
}

} // namespace cmbridge
