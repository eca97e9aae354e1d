// SPDX-License-Identifier: MIT
//
// Rules over the IOCTL: a session whose registrations have rule programs.

#ifndef CMBRIDGE_TEST_DRIVER_RULESET_FIXTURE_H
#define CMBRIDGE_TEST_DRIVER_RULESET_FIXTURE_H

#include "fixture.h"
#include "rules_builder.h"

#include <algorithm>

extern "C" {
#include "driver/memory.h"
}

namespace cmbridge::test {

class RulesetTest : public DriverTest {
  protected:
    static CMB_REGISTER_REPLY tryRegister(Client &client, std::u16string_view altitude,
                                          std::span<const uint8_t> program, uint64_t mask = kAllClasses,
                                          uint32_t options = 0) {
        CMB_REGISTER_REQUEST request{};
        CMB_REGISTER_REPLY reply{};
        const size_t altitudeSize = altitude.size() * sizeof(char16_t);
        const size_t offset = (sizeof(request) + altitudeSize + 7) & ~size_t{7};
        Bytes input(program.empty() ? sizeof(request) + altitudeSize : offset + program.size());
        request.Header = {static_cast<UINT32>(input.size()), CMB_STRUCTURE_VERSION, 0};
        request.ClassMask = mask;
        request.MaxDataBytes = 4096;
        request.Options = options;
        request.AltitudeSize = static_cast<UINT16>(altitudeSize);
        request.ProgramSize = static_cast<UINT32>(program.size());
        std::memcpy(input.data(), &request, sizeof(request));
        std::memcpy(input.data() + sizeof(request), altitude.data(), altitudeSize);
        if (!program.empty()) {
            std::memcpy(input.data() + offset, program.data(), program.size());
        }
        auto result = client.file().control(CMB_IOCTL_REGISTER, input, std::as_writable_bytes(std::span(&reply, 1)));
        EXPECT_EQ(result.status, STATUS_SUCCESS);
        return reply;
    }
    static std::span<const uint8_t> bytesOfProgram(const Program &program) { return {program.bytes(), program.size()}; }

    static int64_t add(Client &client, const std::vector<TestRule> &rules, uint32_t otherwise = CMB_ACTION_IGNORE,
                       uint64_t mask = kAllClasses, std::u16string_view altitude = u"1", uint32_t options = 0) {
        Program program = buildProgram(rules, otherwise);
        CMB_REGISTER_REPLY reply = tryRegister(client, altitude, bytesOfProgram(program), mask, options);
        EXPECT_EQ(reply.Status, STATUS_SUCCESS) << reply.Reason << " at " << reply.Offset;
        return reply.Cookie;
    }

    static CMB_SET_RULES_REPLY trySet(Client &client, int64_t cookie, std::span<const uint8_t> program) {
        CMB_SET_RULES_REQUEST request{};
        CMB_SET_RULES_REPLY reply{};
        Bytes input(sizeof(request) + program.size());
        request.Header = {static_cast<UINT32>(input.size()), CMB_STRUCTURE_VERSION, 0};
        request.Cookie = cookie;
        request.ProgramSize = static_cast<UINT32>(program.size());
        std::memcpy(input.data(), &request, sizeof(request));
        if (!program.empty()) {
            std::memcpy(input.data() + sizeof(request), program.data(), program.size());
        }
        auto result = client.file().control(CMB_IOCTL_SET_RULES, input, std::as_writable_bytes(std::span(&reply, 1)));
        EXPECT_EQ(result.status, STATUS_SUCCESS);
        EXPECT_EQ(result.information, sizeof(reply));
        EXPECT_EQ(reply.Header.Size, sizeof(reply));
        return reply;
    }
    static CMB_SET_RULES_REPLY setRules(Client &client, int64_t cookie, const std::vector<TestRule> &rules,
                                        uint32_t otherwise = CMB_ACTION_IGNORE) {
        Program program = buildProgram(rules, otherwise);
        CMB_SET_RULES_REPLY reply = trySet(client, cookie, bytesOfProgram(program));
        EXPECT_EQ(reply.Status, STATUS_SUCCESS) << reply.Reason << " at " << reply.Offset;
        return reply;
    }

    static void set(Actor &actor, HANDLE key, std::u16string name = u"v", uint32_t type = REG_BINARY) {
        actor.setValue(key, std::move(name), type, pattern(4));
    }
    // How many of the records that came are of the class.
    static size_t countOf(const std::vector<Record> &records, unsigned notifyClass) {
        return static_cast<size_t>(std::count_if(records.begin(), records.end(), [=](const Record &record) {
            return !record.isGap() && record->NotifyClass == notifyClass;
        }));
    }
    // What rules are matched against: without the separator at the start.
    std::u16string key(std::u16string_view tail = u"") const { return path().substr(1) + std::u16string(tail); }
    static uint64_t allocations() {
        MEMORY_USAGE usage;
        MemoryQuery(&usage);
        return usage.Allocations;
    }
};

} // namespace cmbridge::test

#endif
