// SPDX-License-Identifier: MIT

#include "ask_fixture.h"

#include <chrono>

namespace cmbridge::test {

static Program programOf(const TestRule &rule, const Action &action) {
    TestRule conditions = rule;
    conditions.action = action.action;
    Program program = buildProgram({conditions});
    program.rule(0).Flags = action.flags;
    program.rule(0).Status = action.status;
    program.rule(0).Deadline = action.deadline;
    return program;
}

int64_t AskTest::add(Client &client, const TestRule &rule, const Action &action, const Registered &how) {
    const Program program = programOf(rule, action);
    CMB_REGISTER_REQUEST request{};
    CMB_REGISTER_REPLY reply{};
    const size_t altitude = how.altitude.size() * sizeof(char16_t);
    const size_t offset = (sizeof(request) + altitude + 7) & ~size_t{7};
    Bytes input(offset + program.size());
    request.Header = {static_cast<UINT32>(input.size()), CMB_STRUCTURE_VERSION, 0};
    request.ClassMask = how.mask;
    request.MaxDataBytes = 4096;
    request.AltitudeSize = static_cast<UINT16>(altitude);
    request.Options = how.options;
    request.ProgramSize = program.size();
    request.RateLimit = how.rate;
    request.RateBurst = how.rate;
    request.BreakerMisses = how.misses;
    request.BreakerCoolDown = how.coolDown;
    std::memcpy(input.data(), &request, sizeof(request));
    std::memcpy(input.data() + sizeof(request), how.altitude.data(), altitude);
    std::memcpy(input.data() + offset, program.bytes(), program.size());
    auto result = client.file().control(CMB_IOCTL_REGISTER, input, std::as_writable_bytes(std::span(&reply, 1)));
    EXPECT_EQ(result.status, STATUS_SUCCESS);
    EXPECT_EQ(reply.Status, STATUS_SUCCESS) << reply.Reason << " at " << reply.Offset;
    return reply.Cookie;
}

CMB_SET_RULES_REPLY AskTest::setRule(Client &client, int64_t cookie, TestRule rule, const Action &action) {
    const Program program = programOf(rule, action);
    CMB_SET_RULES_REPLY reply = RulesetTest::trySet(client, cookie, bytesOfProgram(program));
    EXPECT_EQ(reply.Status, STATUS_SUCCESS) << reply.Reason << " at " << reply.Offset;
    return reply;
}

Bytes AskTest::encode(const std::vector<Answer> &answers) {
    Bytes input(sizeof(CMB_REPLY_REQUEST));
    for (const Answer &answer : answers) {
        CMB_REPLY_ENTRY entry{};
        const size_t size = (sizeof(entry) + answer.data.size() + 7) & ~size_t{7};
        entry.Size = static_cast<UINT32>(size);
        entry.Decision = answer.decision;
        entry.Flags = answer.flags;
        entry.Ticket = answer.ticket;
        entry.Status = answer.status;
        entry.Type = answer.type;
        entry.ResultLength = answer.resultLength;
        if (!answer.data.empty()) {
            const auto bytes = static_cast<UINT32>(answer.data.size());
            entry.Data = {sizeof(entry), bytes, bytes, CMB_SPAN_PRESENT};
        }
        const size_t offset = input.size();
        input.resize(offset + size);
        std::memcpy(input.data() + offset, &entry, sizeof(entry));
        std::copy(answer.data.begin(), answer.data.end(),
                  input.begin() + static_cast<ptrdiff_t>(offset + sizeof(entry)));
    }
    CMB_REPLY_REQUEST request{};
    request.Header = {static_cast<UINT32>(input.size()), CMB_STRUCTURE_VERSION, 0};
    request.Count = static_cast<UINT32>(answers.size());
    std::memcpy(input.data(), &request, sizeof(request));
    return input;
}

std::vector<UINT32> AskTest::reply(Client &client, const std::vector<Answer> &answers) {
    const size_t size = (sizeof(CMB_REPLY_REPLY) + answers.size() * sizeof(UINT32) + 7) & ~size_t{7};
    Bytes output(size);
    auto result = client.file().control(CMB_IOCTL_REPLY, encode(answers), output);
    EXPECT_EQ(result.status, STATUS_SUCCESS);
    EXPECT_EQ(result.information, size);
    CMB_REPLY_REPLY header{};
    std::memcpy(&header, output.data(), sizeof(header));
    EXPECT_EQ(header.Header.Size, size);
    EXPECT_EQ(header.Header.Version, CMB_STRUCTURE_VERSION);
    EXPECT_EQ(header.Header.Flags, 0u);
    EXPECT_EQ(header.Count, answers.size());
    EXPECT_EQ(header.Reserved, 0u);
    std::vector<UINT32> results((size - sizeof(header)) / sizeof(UINT32));
    if (!results.empty()) {
        std::memcpy(results.data(), output.data() + sizeof(header), size - sizeof(header));
    }
    EXPECT_TRUE(results.size() == answers.size() || results.back() == 0);
    results.resize(answers.size());
    return results;
}

Record AskTest::question(Client &client) {
    std::vector<Record> records = client.receive();
    EXPECT_EQ(records.size(), 1u);
    EXPECT_TRUE(records.at(0).isDecided());
    EXPECT_TRUE(records[0].decided().Flags & CMB_DECIDED_HELD);
    return records[0];
}

std::future<NTSTATUS> AskTest::start(Actor &actor, std::function<NTSTATUS()> operation) {
    auto promise = std::make_shared<std::promise<NTSTATUS>>();
    actor.post([promise, operation = std::move(operation)] { promise->set_value(operation()); });
    return promise->get_future();
}

std::future<NTSTATUS> AskTest::startSet(Actor &actor, HANDLE key, std::u16string name) {
    return start(actor, [key, name = std::move(name)]() mutable {
        ULONG data = 1;
        UNICODE_STRING value = unicode(name);
        return NtSetValueKey(key, &value, 0, REG_DWORD, &data, sizeof(data));
    });
}

bool AskTest::exists(Actor &actor, HANDLE key, std::u16string name) {
    NTSTATUS status = STATUS_SUCCESS;
    actor.run([&] {
        KEY_VALUE_BASIC_INFORMATION information;
        ULONG size = 0;
        UNICODE_STRING value = unicode(name);
        status = NtQueryValueKey(key, &value, KeyValueBasicInformation, &information, sizeof(information), &size);
    });
    return status != STATUS_OBJECT_NAME_NOT_FOUND;
}

CMB_DECISION_STATISTICS AskTest::decisions(Client &client, uint32_t scope, int64_t cookie) {
    const CMB_DECISION_STATISTICS decisions = client.statistics(scope, cookie).Decisions;
    EXPECT_EQ(decisions.Asked, decisions.Answered + decisions.TimedOut + decisions.Released + decisions.Held);
    EXPECT_GE(decisions.HeldPeak, decisions.Held);
    return decisions;
}

} // namespace cmbridge::test
