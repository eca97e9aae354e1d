// SPDX-License-Identifier: MIT
//
// The control device of the driver. NT calls rather than Win32 ones where a status comes back, so that it arrives
// unchanged.

#ifndef CMBRIDGE_NATIVE_WINDOWS_DEVICE_CHANNEL_H
#define CMBRIDGE_NATIVE_WINDOWS_DEVICE_CHANNEL_H

#include <windows.h>

#include <optional>
#include <vector>

#include "native/receiver.h"

namespace cmbridge {

class UniqueHandle {
  public:
    explicit UniqueHandle(HANDLE handle = nullptr) : handle_(handle) {}
    ~UniqueHandle() { reset(); }
    UniqueHandle(const UniqueHandle &) = delete;
    UniqueHandle &operator=(const UniqueHandle &) = delete;

    HANDLE get() const { return handle_; }
    HANDLE *out() { return &handle_; }
    explicit operator bool() const { return handle_ != nullptr; }
    void reset() {
        if (handle_ != nullptr) {
            CloseHandle(handle_);
            handle_ = nullptr;
        }
    }

  private:
    HANDLE handle_;
};

class DeviceChannel final : public Channel, private ReceiveTransport {
  public:
    DeviceChannel() : receiver_(*this) {}
    ~DeviceChannel() override { close(); }

    // On failure `routine` says which call gave the status.
    NtStatus open(std::u16string_view deviceName, const char **routine);

    ControlResult control(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output) override;
    ControlResult reply(std::span<const std::byte> input, std::span<std::byte> output) override;
    NtStatus startReceive(size_t receives, size_t bytes, std::shared_ptr<ReceiveSink> sink) override;
    bool takeBatch(const std::function<void(std::span<const std::byte>)> &consume) override {
        return receiver_.takeBatch(consume);
    }
    bool acknowledge() override { return receiver_.acknowledge(); }
    void close() override;

  private:
    ControlResult request(HANDLE done, uint32_t code, std::span<const std::byte> input, std::span<std::byte> output);
    NtStatus issue(size_t slot, std::span<std::byte> buffer) override;
    std::optional<Completion> wait(std::optional<std::chrono::milliseconds> timeout) override;
    void wake() override;
    void cancel() override;

    UniqueHandle file_;
    UniqueHandle port_;
    // Of reply(), for which making an event each time would take as long as the request itself.
    UniqueHandle replied_;
    // One per RECEIVE; the kernel writes into it until the request completes. Its first two members are an
    // IO_STATUS_BLOCK.
    std::vector<OVERLAPPED> requests_;
    Receiver receiver_;
};

} // namespace cmbridge

#endif
