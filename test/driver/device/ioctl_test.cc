// SPDX-License-Identifier: MIT
//
// Requests that are well-formed, too short, too long, forged or out of order.

#include "test/driver/fixture/fixture.h"

namespace cmbridge::test {
namespace {

using simulator::IoResult;

class Ioctl : public DriverTest {
  protected:
    // Sends `input` with room for `outputSize` bytes and expects that nothing is written if it is refused.
    static IoResult send(simulator::File &file, uint32_t code, std::span<const std::byte> input,
                         size_t outputSize = 4096) {
        output_.assign(outputSize / 8 + 1, 0xA5A5A5A5A5A5A5A5);
        IoResult result = file.control(code, input, std::as_writable_bytes(std::span(output_)).first(outputSize));
        if (result.status != STATUS_SUCCESS) {
            EXPECT_EQ(result.information, 0u);
        }
        return result;
    }
    static NTSTATUS status(simulator::File &file, uint32_t code, std::span<const std::byte> input,
                           size_t outputSize = 4096) {
        return send(file, code, input, outputSize).status;
    }
    template <typename T> static T reply() {
        T value;
        std::memcpy(&value, output_.data(), sizeof(value));
        return value;
    }
    static CMB_HELLO_REQUEST hello() {
        CMB_HELLO_REQUEST request{};
        request.Header = {sizeof(request), CMB_STRUCTURE_VERSION, 0};
        request.ProtocolMajor = CMB_PROTOCOL_MAJOR;
        return request;
    }
    struct Registration {
        CMB_REGISTER_REQUEST request;
        char16_t altitude[8];
    };
    static Registration registration() {
        Registration value{
            {{sizeof(CMB_REGISTER_REQUEST) + 12, CMB_STRUCTURE_VERSION, 0}, kAllClasses, 0, 12, 0, 0, 0, 0, 0, 0, 0},
            u"385100"};
        return value;
    }
    static std::span<const std::byte> exact(const Registration &value) {
        return bytesOf(value).first(sizeof(CMB_REGISTER_REQUEST) + 12);
    }

    static inline std::vector<uint64_t> output_;
};

TEST_F(Ioctl, HelloReportsLimits) {
    auto file = Client::open();
    CMB_HELLO_REQUEST request = hello();
    IoResult result = send(*file, CMB_IOCTL_HELLO, bytesOf(request));
    EXPECT_EQ(result.status, STATUS_SUCCESS);
    EXPECT_EQ(result.information, sizeof(CMB_HELLO_REPLY));
    auto limits = reply<CMB_HELLO_REPLY>();
    EXPECT_EQ(limits.Header.Size, sizeof(limits));
    EXPECT_EQ(limits.Header.Version, CMB_STRUCTURE_VERSION);
    EXPECT_EQ(limits.Status, STATUS_SUCCESS);
    EXPECT_EQ(limits.ProtocolMajor, CMB_PROTOCOL_MAJOR);
    EXPECT_EQ(limits.CallbackMajor, 1u);
    EXPECT_EQ(limits.CallbackMinor, 1u);
    EXPECT_EQ(limits.Capabilities, static_cast<UINT32>(CMB_CAPABILITY_SET_RULES | CMB_CAPABILITY_REPLY));
    EXPECT_EQ(limits.MaxHeld, static_cast<UINT32>(CMB_DEFAULT_HELD));
    EXPECT_EQ(limits.PathSlots, static_cast<UINT32>(CMB_PATH_SLOTS));
    EXPECT_EQ(limits.MaxRulesBytes, static_cast<UINT32>(CMB_MAX_RULES_BYTES));
    EXPECT_EQ(limits.ControlSet, 1u);
    EXPECT_EQ(limits.ProcessSlots, static_cast<UINT32>(CMB_PROCESS_SLOTS));
    EXPECT_EQ(limits.MaxRegistrations, static_cast<UINT32>(CMB_MAX_REGISTRATIONS));
    EXPECT_EQ(limits.QueueBytes, static_cast<UINT32>(CMB_DEFAULT_QUEUE_BYTES));
    EXPECT_EQ(limits.QueueRecords, static_cast<UINT32>(CMB_DEFAULT_QUEUE_RECORDS));
    // What is behind the reply stays as it was.
    EXPECT_EQ(output_[sizeof(limits) / 8], 0xA5A5A5A5A5A5A5A5);
}

TEST_F(Ioctl, HelloComesFirstAndOnce) {
    auto file = Client::open();
    const Registration registration = Ioctl::registration();
    CMB_UNREGISTER_REQUEST unregister{{sizeof(unregister), 1, 0}, 1};
    CMB_STATISTICS_REQUEST statistics{{sizeof(statistics), 1, 0}, CMB_SCOPE_DRIVER, 0, 0};
    EXPECT_EQ(status(*file, CMB_IOCTL_REGISTER, exact(registration)), STATUS_INVALID_DEVICE_STATE);
    EXPECT_EQ(status(*file, CMB_IOCTL_UNREGISTER, bytesOf(unregister)), STATUS_INVALID_DEVICE_STATE);
    EXPECT_EQ(status(*file, CMB_IOCTL_STATISTICS, bytesOf(statistics)), STATUS_INVALID_DEVICE_STATE);
    EXPECT_EQ(status(*file, CMB_IOCTL_RECEIVE, {}, CMB_MIN_RECEIVE_BYTES), STATUS_INVALID_DEVICE_STATE);
    EXPECT_EQ(status(*file, CMB_IOCTL_REPLY, {}), STATUS_INVALID_DEVICE_STATE);
    CMB_HELLO_REQUEST request = hello();
    EXPECT_EQ(status(*file, CMB_IOCTL_HELLO, bytesOf(request)), STATUS_SUCCESS);
    EXPECT_EQ(status(*file, CMB_IOCTL_HELLO, bytesOf(request)), STATUS_INVALID_DEVICE_STATE);
    EXPECT_EQ(status(*file, CMB_IOCTL_STATISTICS, bytesOf(statistics)), STATUS_SUCCESS);
}

TEST_F(Ioctl, HelloOfAnotherMajorVersionIsAnswered) {
    auto file = Client::open();
    // A later structure: longer, of another revision, with flags and fields that mean nothing here.
    std::vector<uint64_t> later(5, ~0ULL);
    CMB_HELLO_REQUEST request = hello();
    request.Header = {40, 7, 3};
    request.ProtocolMajor = CMB_PROTOCOL_MAJOR + 1;
    request.MaxHeld = 9;
    std::memcpy(later.data(), &request, sizeof(request));
    EXPECT_EQ(status(*file, CMB_IOCTL_HELLO, std::as_bytes(std::span(later))), STATUS_SUCCESS);
    EXPECT_EQ(reply<CMB_HELLO_REPLY>().Status, STATUS_REVISION_MISMATCH);
    EXPECT_EQ(reply<CMB_HELLO_REPLY>().ProtocolMajor, CMB_PROTOCOL_MAJOR);
    EXPECT_EQ(reply<CMB_HELLO_REPLY>().QueueBytes, 0u);
    // The session is not ready, but may still become so.
    EXPECT_EQ(status(*file, CMB_IOCTL_RECEIVE, {}, CMB_MIN_RECEIVE_BYTES), STATUS_INVALID_DEVICE_STATE);
    request = hello();
    EXPECT_EQ(status(*file, CMB_IOCTL_HELLO, bytesOf(request)), STATUS_SUCCESS);
    EXPECT_EQ(reply<CMB_HELLO_REPLY>().Status, STATUS_SUCCESS);
}

TEST_F(Ioctl, HelloIsRefusedWhenForged) {
    auto file = Client::open();
    auto refused = [&](auto change) {
        CMB_HELLO_REQUEST request = hello();
        change(request);
        return status(*file, CMB_IOCTL_HELLO, bytesOf(request));
    };
    EXPECT_EQ(refused([](auto &r) { r.Header.Version = 0; }), STATUS_REVISION_MISMATCH);
    EXPECT_EQ(refused([](auto &r) { r.Header.Version = 2; }), STATUS_REVISION_MISMATCH);
    EXPECT_EQ(refused([](auto &r) { r.Header.Size = 0; }), STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(refused([](auto &r) { r.Header.Size = ~0u; }), STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(refused([](auto &r) { r.Header.Flags = 0x8000; }), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(refused([](auto &r) { r.MaxHeld = CMB_MAX_HELD + 1; }), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(refused([](auto &r) { r.QueueBytes = CMB_MIN_QUEUE_BYTES - 1; }), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(refused([](auto &r) { r.QueueBytes = CMB_MAX_QUEUE_BYTES + 1; }), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(refused([](auto &r) { r.QueueRecords = CMB_MAX_QUEUE_RECORDS + 1; }), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(refused([](auto &r) { r.MaxHeld = CMB_MAX_HELD + 1; }), STATUS_INVALID_PARAMETER);
    CMB_HELLO_REQUEST request = hello();
    for (size_t size = 0; size < sizeof(request); ++size) {
        EXPECT_EQ(status(*file, CMB_IOCTL_HELLO, bytesOf(request).first(size)), STATUS_INFO_LENGTH_MISMATCH) << size;
    }
    for (size_t size = 0; size < sizeof(CMB_HELLO_REPLY); ++size) {
        EXPECT_EQ(status(*file, CMB_IOCTL_HELLO, bytesOf(request), size), STATUS_BUFFER_TOO_SMALL) << size;
    }
    std::array<CMB_HELLO_REQUEST, 2> twice{request, request};
    EXPECT_EQ(status(*file, CMB_IOCTL_HELLO, bytesOf(twice)), STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(status(*file, CMB_IOCTL_HELLO, bytesOf(request), sizeof(CMB_HELLO_REPLY)), STATUS_SUCCESS);
}

TEST_F(Ioctl, RegisterIsRefusedWhenForged) {
    Client client;
    auto refused = [&](auto change) {
        Registration value = registration();
        change(value.request);
        return status(client.file(), CMB_IOCTL_REGISTER, exact(value));
    };
    EXPECT_EQ(refused([](auto &r) { r.Header.Version = 2; }), STATUS_REVISION_MISMATCH);
    EXPECT_EQ(refused([](auto &r) { r.Header.Size += 2; }), STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(refused([](auto &r) { r.Header.Size = sizeof(r); }), STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(refused([](auto &r) { r.AltitudeSize = 14; }), STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(refused([](auto &r) { r.AltitudeSize = 10; }), STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(refused([](auto &r) { r.AltitudeSize = 0xFFFF; }), STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(refused([](auto &r) { r.Header.Flags = 1; }), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(refused([](auto &r) { r.Reserved = 1; }), STATUS_INVALID_PARAMETER);
    // A rate without a burst, a burst without a rate, too much of either.
    for (auto [rate, burst] : {std::pair{1u, 0u}, {0u, 1u}, {CMB_MAX_RATE + 1u, 1u}, {1u, CMB_MAX_RATE + 1u}}) {
        EXPECT_EQ(refused([=](auto &r) { r.RateLimit = rate, r.RateBurst = burst; }), STATUS_INVALID_PARAMETER);
    }
    const UINT32 known =
        CMB_REGISTER_OLD_VALUES | CMB_REGISTER_DRY_RUN | CMB_REGISTER_EXEMPT_CHILDREN | CMB_REGISTER_PERSIST;
    for (unsigned option = 0; option < 32; ++option) {
        if (!(known >> option & 1)) {
            EXPECT_EQ(refused([=](auto &r) { r.Options = 1u << option; }), STATUS_INVALID_PARAMETER) << option;
        }
    }
    for (UINT32 coolDown : {1u, CMB_MIN_BREAKER_COOL_DOWN - 1u, CMB_MAX_BREAKER_COOL_DOWN + 1u}) {
        EXPECT_EQ(refused([=](auto &r) { r.BreakerCoolDown = coolDown; }), STATUS_INVALID_PARAMETER) << coolDown;
    }
    EXPECT_EQ(refused([](auto &r) { r.BreakerMisses = CMB_MAX_BREAKER_MISSES + 1; }), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(refused([](auto &r) { r.ClassMask = 0; }), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(refused([](auto &r) { r.MaxDataBytes = CMB_MAX_DATA_BYTES + 1; }), STATUS_INVALID_PARAMETER);
    Registration value = registration();
    for (size_t size = 0; size < exact(value).size(); ++size) {
        EXPECT_EQ(status(client.file(), CMB_IOCTL_REGISTER, exact(value).first(size)), STATUS_INFO_LENGTH_MISMATCH);
    }
    // Half a character.
    value.request.AltitudeSize = 11;
    value.request.Header.Size -= 1;
    EXPECT_EQ(status(client.file(), CMB_IOCTL_REGISTER, exact(value).first(sizeof(CMB_REGISTER_REQUEST) + 11)),
              STATUS_INVALID_PARAMETER);
    Bytes large(sizeof(CMB_REGISTER_REQUEST) + CMB_MAX_ALTITUDE_BYTES + 2 + CMB_MAX_RULES_BYTES + 8);
    EXPECT_EQ(status(client.file(), CMB_IOCTL_REGISTER, large), STATUS_INFO_LENGTH_MISMATCH);
    value = registration();
    EXPECT_EQ(status(client.file(), CMB_IOCTL_REGISTER, exact(value), sizeof(CMB_REGISTER_REPLY) - 1),
              STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(client.statistics().Registrations, 0u);
    EXPECT_EQ(status(client.file(), CMB_IOCTL_REGISTER, exact(value), sizeof(CMB_REGISTER_REPLY)), STATUS_SUCCESS);
    EXPECT_EQ(client.statistics().Registrations, 1u);
}

TEST_F(Ioctl, UnregisterAndStatisticsAreRefusedWhenForged) {
    Client client;
    const int64_t cookie = client.add(u"385100");
    CMB_UNREGISTER_REQUEST unregister{{sizeof(unregister), CMB_STRUCTURE_VERSION, 0}, cookie};
    for (size_t size = 0; size < sizeof(unregister); ++size) {
        EXPECT_EQ(status(client.file(), CMB_IOCTL_UNREGISTER, bytesOf(unregister).first(size)),
                  STATUS_INFO_LENGTH_MISMATCH);
    }
    unregister.Header.Flags = 1;
    EXPECT_EQ(status(client.file(), CMB_IOCTL_UNREGISTER, bytesOf(unregister)), STATUS_INVALID_PARAMETER);
    unregister.Header = {sizeof(unregister), 0, 0};
    EXPECT_EQ(status(client.file(), CMB_IOCTL_UNREGISTER, bytesOf(unregister)), STATUS_REVISION_MISMATCH);

    CMB_STATISTICS_REQUEST statistics{{sizeof(statistics), CMB_STRUCTURE_VERSION, 0}, CMB_SCOPE_SESSION, 0, 0};
    auto refused = [&](auto change) {
        CMB_STATISTICS_REQUEST request = statistics;
        change(request);
        return status(client.file(), CMB_IOCTL_STATISTICS, bytesOf(request));
    };
    EXPECT_EQ(refused([](auto &r) { r.Scope = 0; }), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(refused([](auto &r) { r.Scope = 4; }), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(refused([](auto &r) { r.Reserved = 1; }), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(refused([&](auto &r) { r.Cookie = cookie; }), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(refused([](auto &r) { r.Scope = CMB_SCOPE_REGISTRATION; }), STATUS_NOT_FOUND);
    EXPECT_EQ(refused([](auto &r) { r.Header.Version = 9; }), STATUS_REVISION_MISMATCH);
    EXPECT_EQ(status(client.file(), CMB_IOCTL_STATISTICS, bytesOf(statistics), sizeof(CMB_STATISTICS_REPLY) - 1),
              STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, cookie).Callbacks, 0u);
}

TEST_F(Ioctl, ReceiveIsRefusedWhenForged) {
    Client client;
    EXPECT_EQ(status(client.file(), CMB_IOCTL_RECEIVE, {}, CMB_MIN_RECEIVE_BYTES - 8), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(status(client.file(), CMB_IOCTL_RECEIVE, {}, 0), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(status(client.file(), CMB_IOCTL_RECEIVE, {}, CMB_MAX_RECEIVE_BYTES + 8), STATUS_INVALID_BUFFER_SIZE);
    EXPECT_EQ(status(client.file(), CMB_IOCTL_RECEIVE, pattern(8), CMB_MIN_RECEIVE_BYTES), STATUS_INFO_LENGTH_MISMATCH);
}

TEST_F(Ioctl, UnknownCodesAreRefused) {
    Client client;
    // The right number with another transfer method, access or device type is another code.
    for (uint32_t code : {0u, ~0u, CMB_IOCTL_HELLO + 1u, CMB_IOCTL_HELLO & ~0xC000u, CMB_IOCTL_RECEIVE & ~3u,
                          CMB_IOCTL_SET_RULES + 4u, CMB_IOCTL_STATISTICS ^ 0x10000u}) {
        EXPECT_EQ(status(client.file(), code, pattern(64)), STATUS_INVALID_DEVICE_REQUEST) << std::hex << code;
    }
}

} // namespace
} // namespace cmbridge::test
