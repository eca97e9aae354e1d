// SPDX-License-Identifier: MIT
//
// Answers that come at once, slowly, about when the deadline passes, and never.

#include "test/driver/fixture/ask_fixture.h"

#include <thread>

namespace cmbridge::test {
namespace {

using HeldDeadline = AskTest;

// In milliseconds; long enough that each question is put before it has passed.
constexpr uint32_t kDeadline = 50;
constexpr auto kAccepted = static_cast<UINT32>(CMB_REPLY_ACCEPTED);

// An answer that was accepted is what happens, and one that was not is not, however close the deadline is.
TEST_F(HeldDeadline, DecidesWhereAnswersComeAtTheSameTime) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    Action action = kAsk;
    action.deadline = kDeadline;
    // The breaker is to stay out of it.
    add(client, setting(), action, {.misses = CMB_MAX_BREAKER_MISSES});
    unsigned accepted = 0;
    for (int i = 0; i < 60; ++i) {
        auto set = startSet(actor, key);
        // On a busy machine its end may have come along.
        std::vector<Record> records = client.receive();
        const Record asked = records.at(0);
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(kDeadline * 1000 - 900);
        while (std::chrono::steady_clock::now() < deadline + std::chrono::microseconds(i * 20)) {
        }
        const UINT32 result = replyOne(client, block(asked));
        EXPECT_EQ(set.get(), result == kAccepted ? STATUS_ACCESS_DENIED : STATUS_SUCCESS);
        EXPECT_TRUE(result == kAccepted || result == CMB_REPLY_EXPIRED) << result;
        for (Record &record : client.drain()) {
            records.push_back(std::move(record));
        }
        ASSERT_EQ(records.size(), 2u);
        EXPECT_EQ(records[1].decided().By, result == kAccepted ? CMB_DECIDED_BY_CALLBACK : CMB_DECIDED_BY_TIMEOUT);
        accepted += result == kAccepted;
    }
    EXPECT_EQ(decisions(client).Answered, accepted);
    EXPECT_EQ(decisions(client).TimedOut, 60u - accepted);
    actor.close(key);
}

// Some answers come at once, some a little later, some after the deadline.
TEST_F(HeldDeadline, LetsAnswersInTimeDecide) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    Action action = kAskClosed;
    action.deadline = kDeadline;
    add(client, setting(), action, {.misses = CMB_MAX_BREAKER_MISSES});
    for (int i = 0; i < 60; ++i) {
        auto set = startSet(actor, key);
        const Record asked = client.receive().at(0);
        if (i % 6 == 4) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        UINT16 by = CMB_DECIDED_BY_CALLBACK;
        if (i % 6 == 5) {
            by = CMB_DECIDED_BY_TIMEOUT;
            EXPECT_EQ(set.get(), STATUS_ACCESS_DENIED);
        } else if (replyOne(client, allow(asked)) == kAccepted) {
            EXPECT_EQ(set.get(), STATUS_SUCCESS);
        } else {
            by = CMB_DECIDED_BY_TIMEOUT;
        }
        EXPECT_EQ(client.receive().at(0).decided().By, by);
    }
    EXPECT_GE(decisions(client).TimedOut, 10u);
    EXPECT_GT(decisions(client).Answered, 0u);
    actor.close(key);
}

} // namespace
} // namespace cmbridge::test
