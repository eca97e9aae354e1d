// SPDX-License-Identifier: MIT
//
// What a transport must do. It knows no JavaScript; the JavaScript side knows no transport.

#ifndef CMBRIDGE_NATIVE_CHANNEL_H
#define CMBRIDGE_NATIVE_CHANNEL_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "native/nt_status.h"

namespace cmbridge {

// What reply() may need for its output.
inline constexpr size_t kMaxReplyOutput = 8192;

struct ControlResult {
    NtStatus status;
    size_t information;
};

// Called on any thread, perhaps on the one whose registry operation filled the batch, and by several at once. Must not
// block: that operation, or the RECEIVE requests behind this one, would wait.
class ReceiveSink {
  public:
    virtual ~ReceiveSink() = default;
    // A batch can be taken.
    virtual void batchReady() = 0;
    // After the last batchReady(): no more batches will come, because a RECEIVE failed with this status. At most once.
    virtual void ended(NtStatus status) = 0;
};

// One open handle of the control device. All members but close() may be called from any thread while the channel is
// open.
class Channel {
  public:
    virtual ~Channel() = default;

    // One request, waited for. REGISTER and UNREGISTER may take as long as the configuration manager holds its callback
    // lock or has a notification of the registration in flight, so never call this on a thread that must stay
    // responsive.
    virtual ControlResult control(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output) = 0;

    // One REPLY. It waits for nobody, so it may be sent on any thread but by one at a time; the operations that it
    // decides about go on before it returns.
    virtual ControlResult reply(std::span<const std::byte> input, std::span<std::byte> output) = 0;

    // Once per channel. Keeps `receives` requests of `bytes` each pended, as far as acknowledge() allows.
    virtual NtStatus startReceive(size_t receives, size_t bytes, std::shared_ptr<ReceiveSink> sink) = 0;
    // Hands the oldest ready batch to `consume` and keeps its request back until acknowledge(). False: there is none.
    virtual bool takeBatch(const std::function<void(std::span<const std::byte>)> &consume) = 0;
    // Lets the request of the batch that was taken first go to the driver again. False: no taken batch is left.
    virtual bool acknowledge() = 0;

    // Cancels what is pended, waits for it and for the reader thread, closes the handle. Idempotent; no control() may
    // be in flight. The sink is not called any more once it returns.
    virtual void close() = 0;
};

struct OpenResult {
    NtStatus status;
    // Which call gave the status, for the error message.
    const char *routine;
    std::unique_ptr<Channel> channel;
};

// The name as the object manager takes it: \??\CmBridge.
OpenResult openDeviceChannel(std::u16string_view name);
OpenResult openSimulatorChannel(std::u16string_view name);

} // namespace cmbridge

#endif
