// SPDX-License-Identifier: MIT
//
// Sessions whose rules ask, and programs that answer.

#ifndef CMBRIDGE_TEST_DRIVER_ASK_FIXTURE_H
#define CMBRIDGE_TEST_DRIVER_ASK_FIXTURE_H

#include "ruleset_fixture.h"

#include <future>

namespace cmbridge::test {

// What a rule says besides its conditions.
struct Action {
    uint32_t action = CMB_ACTION_ASK;
    uint32_t flags = 0;
    NTSTATUS status = 0;
    uint32_t deadline = 5000;
};
constexpr Action kAsk{};
constexpr Action kAskClosed{.flags = CMB_RULE_FAIL_CLOSED, .status = STATUS_ACCESS_DENIED};
constexpr Action kBlock{.action = CMB_ACTION_BLOCK, .status = STATUS_ACCESS_DENIED, .deadline = 0};
constexpr Action kBypass{.action = CMB_ACTION_BYPASS, .deadline = 0};

struct Registered {
    std::u16string_view altitude = u"385100";
    uint64_t mask = kAllClasses;
    uint32_t options = 0;
    uint32_t misses = 0;
    uint32_t coolDown = 0;
    uint32_t rate = 0;
};

struct Answer {
    uint64_t ticket;
    uint16_t decision = CMB_DECISION_ALLOW;
    NTSTATUS status = 0;
    uint16_t flags = 0;
    uint32_t type = 0;
    uint32_t resultLength = 0;
    Bytes data{};
};

class AskTest : public RulesetTest {
  protected:
    static constexpr uint64_t kSet = bit(RegNtPreSetValueKey);
    static constexpr uint64_t kPostSet = bit(RegNtPostSetValueKey);

    static int64_t add(Client &client, const TestRule &rule, const Action &action, const Registered &how = {});
    static CMB_SET_RULES_REPLY setRule(Client &client, int64_t cookie, TestRule rule, const Action &action);
    // Setting values of the test's key.
    TestRule setting(uint64_t classes = kSet) const { return {.classes = classes, .keys = {key()}}; }

    // The request that carries the answers.
    static Bytes encode(const std::vector<Answer> &answers);
    static std::vector<UINT32> reply(Client &client, const std::vector<Answer> &answers);
    static UINT32 replyOne(Client &client, const Answer &answer) { return reply(client, {answer}).at(0); }

    // The next record, which must be a question.
    static Record question(Client &client);
    static Answer allow(const Record &question) { return {.ticket = question.decided().Ticket}; }
    static Answer block(const Record &question, NTSTATUS status = STATUS_ACCESS_DENIED) {
        return {.ticket = question.decided().Ticket, .decision = CMB_DECISION_BLOCK, .status = status};
    }

    // On the actor's thread, which may be held.
    static std::future<NTSTATUS> start(Actor &actor, std::function<NTSTATUS()> operation);
    static std::future<NTSTATUS> startSet(Actor &actor, HANDLE key, std::u16string name = u"v");
    static NTSTATUS trySet(Actor &actor, HANDLE key, std::u16string name = u"v") {
        return startSet(actor, key, std::move(name)).get();
    }
    static bool exists(Actor &actor, HANDLE key, std::u16string name = u"v");
    static CMB_DECISION_STATISTICS decisions(Client &client, uint32_t scope = CMB_SCOPE_SESSION, int64_t cookie = 0);
};

} // namespace cmbridge::test

#endif
