// SPDX-License-Identifier: MIT
//
// Opens the control device and sends it requests; completed RECEIVEs come through a completion port.

#include "native/windows/device_channel.h"

#include <winternl.h>

#include <cstddef>
#include <exception>
#include <string>

#include "driver/protocol/protocol.h"

namespace cmbridge {
namespace {

static_assert(offsetof(OVERLAPPED, Internal) == offsetof(IO_STATUS_BLOCK, Status));
static_assert(sizeof(CMB_REPLY_REPLY) + CMB_MAX_REPLY_ENTRIES * sizeof(UINT32) <= kMaxReplyOutput);
static_assert(offsetof(OVERLAPPED, InternalHigh) == offsetof(IO_STATUS_BLOCK, Information));

IO_STATUS_BLOCK *statusBlock(OVERLAPPED *request) {
    return reinterpret_cast<IO_STATUS_BLOCK *>(request);
}

NtStatus lastError() {
    // HRESULT_FROM_WIN32's layout with NTSTATUS' severity and facility FACILITY_NTWIN32.
    return static_cast<NtStatus>(0xC0070000u | (GetLastError() & 0xFFFFu));
}

} // namespace

NtStatus DeviceChannel::open(std::u16string_view deviceName, const char **routine) {
    static_assert(sizeof(wchar_t) == sizeof(char16_t));
    std::u16string path(deviceName);
    *routine = "NtCreateFile";
    if (path.size() * sizeof(char16_t) > 0xFFFE) {
        return static_cast<NtStatus>(0xC0000106); // STATUS_NAME_TOO_LONG
    }
    UNICODE_STRING name;
    name.Buffer = reinterpret_cast<wchar_t *>(path.data());
    name.Length = static_cast<USHORT>(path.size() * sizeof(char16_t));
    name.MaximumLength = name.Length;
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, nullptr, nullptr);

    // No FILE_SYNCHRONOUS_IO_*: requests are pended while others run.
    IO_STATUS_BLOCK result = {};
    NtStatus status = NtCreateFile(file_.out(), GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE, &attributes, &result,
                                   nullptr, FILE_ATTRIBUTE_NORMAL, 0, FILE_OPEN, FILE_NON_DIRECTORY_FILE, nullptr, 0);
    if (!succeeded(status)) {
        *file_.out() = nullptr;
        return status;
    }
    *routine = "CreateIoCompletionPort";
    *port_.out() = CreateIoCompletionPort(file_.get(), nullptr, 0, 1);
    if (!port_) {
        return lastError();
    }
    *routine = "CreateEvent";
    *replied_.out() = CreateEventW(nullptr, TRUE, FALSE, nullptr);
    return replied_ ? kStatusSuccess : lastError();
}

// A request without a context sends no packet to the port; an event of its own tells when it is done.
ControlResult DeviceChannel::control(uint32_t code, std::span<const std::byte> input, std::span<std::byte> output) {
    UniqueHandle done(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    if (!done) {
        return {lastError(), 0};
    }
    return request(done.get(), code, input, output);
}

// The I/O manager clears the event before it passes the request on.
ControlResult DeviceChannel::reply(std::span<const std::byte> input, std::span<std::byte> output) {
    return request(replied_.get(), CMB_IOCTL_REPLY, input, output);
}

ControlResult DeviceChannel::request(HANDLE done, uint32_t code, std::span<const std::byte> input,
                                     std::span<std::byte> output) {
    IO_STATUS_BLOCK result = {};
    NtStatus status =
        NtDeviceIoControlFile(file_.get(), done, nullptr, nullptr, &result, code, const_cast<std::byte *>(input.data()),
                              static_cast<ULONG>(input.size()), output.data(), static_cast<ULONG>(output.size()));
    if (status == kStatusPending) {
        WaitForSingleObject(done, INFINITE);
        status = result.Status;
    }
    return {status, isError(status) ? 0 : static_cast<size_t>(result.Information)};
}

NtStatus DeviceChannel::startReceive(size_t receives, size_t bytes, std::shared_ptr<ReceiveSink> sink) {
    try {
        requests_.assign(receives, OVERLAPPED{});
    } catch (const std::exception &) {
        return kStatusNoMemory;
    }
    return receiver_.start(receives, bytes, std::move(sink));
}

void DeviceChannel::close() {
    receiver_.stop();
    file_.reset();
    port_.reset();
    replied_.reset();
}

NtStatus DeviceChannel::issue(size_t slot, std::span<std::byte> buffer) {
    OVERLAPPED *request = &requests_[slot];
    *request = {};
    return NtDeviceIoControlFile(file_.get(), nullptr, nullptr, request, statusBlock(request), CMB_IOCTL_RECEIVE,
                                 nullptr, 0, buffer.data(), static_cast<ULONG>(buffer.size()));
}

std::optional<ReceiveTransport::Completion> DeviceChannel::wait(std::optional<std::chrono::milliseconds> timeout) {
    DWORD bytes;
    ULONG_PTR key;
    OVERLAPPED *request = nullptr;
    // FALSE with a request means that the request failed; its status says how.
    GetQueuedCompletionStatus(port_.get(), &bytes, &key, &request,
                              timeout ? static_cast<DWORD>(timeout->count()) : INFINITE);
    if (request == nullptr) {
        return std::nullopt;
    }
    const IO_STATUS_BLOCK *result = statusBlock(request);
    return Completion{static_cast<size_t>(request - requests_.data()), static_cast<NtStatus>(result->Status),
                      static_cast<size_t>(result->Information)};
}

void DeviceChannel::wake() {
    // Nobody wakes the reader again before it has looked, so a moment without memory for the packet has to pass.
    while (!PostQueuedCompletionStatus(port_.get(), 0, 0, nullptr) &&
           (GetLastError() == ERROR_NO_SYSTEM_RESOURCES || GetLastError() == ERROR_NOT_ENOUGH_MEMORY)) {
        Sleep(1);
    }
}

// Only the RECEIVEs; a request that completed meanwhile is not found, which is well.
void DeviceChannel::cancel() {
    for (OVERLAPPED &request : requests_) {
        CancelIoEx(file_.get(), &request);
    }
}

OpenResult openDeviceChannel(std::u16string_view deviceName) {
    auto channel = std::make_unique<DeviceChannel>();
    OpenResult result{};
    result.status = channel->open(deviceName, &result.routine);
    if (succeeded(result.status)) {
        result.channel = std::move(channel);
    }
    return result;
}

} // namespace cmbridge
