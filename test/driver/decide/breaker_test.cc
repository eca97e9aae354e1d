// SPDX-License-Identifier: MIT
//
// Programs that do not answer are not asked for a while.

#include "test/driver/fixture/ask_fixture.h"

#include <thread>

extern "C" {
#include "driver/decide/breaker.h"
}

namespace cmbridge::test {
namespace {

constexpr uint64_t kCoolDown = 200 * CLOCK_UNITS_PER_MILLISECOND;

class BreakerState : public testing::Test {
  protected:
    void SetUp() override { BreakerInitialize(&breaker_, 3, 200); }
    bool admit() { return BreakerAdmit(&breaker_, now_) != FALSE; }
    bool miss() { return BreakerMiss(&breaker_, breaker_.Round, now_) != FALSE; }
    void open() {
        while (!miss()) {
        }
    }
    std::vector<CMB_BODY_BREAKER> told() {
        std::vector<CMB_BODY_BREAKER> bodies;
        while (breaker_.UntoldCount != 0) {
            bodies.push_back(breaker_.Untold[0]);
            BreakerTold(&breaker_);
        }
        return bodies;
    }

    std::shared_ptr<simulator::Machine> machine_ = simulator::Machine::shared();
    BREAKER breaker_{};
    uint64_t now_ = 1000 * CLOCK_UNITS_PER_SECOND;
};

TEST_F(BreakerState, HasDefaults) {
    BreakerInitialize(&breaker_, 0, 0);
    EXPECT_EQ(breaker_.Limit, static_cast<UINT32>(CMB_DEFAULT_BREAKER_MISSES));
    EXPECT_EQ(breaker_.CoolDown, static_cast<UINT32>(CMB_DEFAULT_BREAKER_COOL_DOWN));
}

TEST_F(BreakerState, OpensAfterMissesInARow) {
    EXPECT_FALSE(miss());
    EXPECT_FALSE(miss());
    BreakerAnswer(&breaker_);
    EXPECT_FALSE(miss());
    EXPECT_FALSE(miss());
    EXPECT_TRUE(admit());
    EXPECT_TRUE(miss());
    // More of them change nothing.
    EXPECT_FALSE(miss());
    const auto bodies = told();
    ASSERT_EQ(bodies.size(), 1u);
    EXPECT_EQ(bodies[0].State, static_cast<UINT32>(CMB_BREAKER_OPEN));
    EXPECT_EQ(bodies[0].Misses, 3u);
    EXPECT_EQ(bodies[0].CoolDown, 200u);
    EXPECT_EQ(bodies[0].Unasked, 0u);
}

TEST_F(BreakerState, AllowsAQuestionAfterCoolingDown) {
    open();
    told();
    now_ += kCoolDown - 1;
    EXPECT_FALSE(admit());
    now_ -= 2 * kCoolDown;
    EXPECT_FALSE(admit());
    now_ += 2 * kCoolDown + 1;
    EXPECT_TRUE(admit());
    const auto bodies = told();
    ASSERT_EQ(bodies.size(), 1u);
    EXPECT_EQ(bodies[0].State, static_cast<UINT32>(CMB_BREAKER_CLOSED));
    EXPECT_EQ(bodies[0].Misses, 3u);
    EXPECT_EQ(bodies[0].Unasked, 2u);
}

TEST_F(BreakerState, OpensAgainByOneMissUntilAnAnswer) {
    open();
    now_ += kCoolDown;
    EXPECT_TRUE(admit());
    EXPECT_TRUE(miss());
    EXPECT_FALSE(admit());
    now_ += kCoolDown;
    EXPECT_TRUE(admit());
    BreakerAnswer(&breaker_);
    EXPECT_FALSE(miss());
    EXPECT_FALSE(miss());
    EXPECT_TRUE(miss());
}

// Of questions that were put before it opened, the deadlines come when it is closed again.
TEST_F(BreakerState, DoesNotCountMissesOfOldQuestions) {
    const UINT32 old = breaker_.Round;
    open();
    now_ += kCoolDown;
    EXPECT_TRUE(admit());
    EXPECT_FALSE(BreakerMiss(&breaker_, old, now_));
    EXPECT_TRUE(admit());
    EXPECT_TRUE(miss());
}

// Whoever is told late is told how it is now, and of everyone who was not asked.
TEST_F(BreakerState, CountsChangesThatWereNotTold) {
    open();
    EXPECT_FALSE(admit());
    now_ += kCoolDown;
    EXPECT_TRUE(admit());
    EXPECT_TRUE(miss());
    EXPECT_FALSE(admit());
    EXPECT_FALSE(admit());
    now_ += kCoolDown;
    EXPECT_TRUE(admit());
    auto bodies = told();
    ASSERT_EQ(bodies.size(), 2u);
    EXPECT_EQ(bodies[0].State, static_cast<UINT32>(CMB_BREAKER_OPEN));
    EXPECT_EQ(bodies[1].State, static_cast<UINT32>(CMB_BREAKER_CLOSED));
    EXPECT_EQ(bodies[1].Unasked, 3u);
    // The same with the closing one first.
    EXPECT_TRUE(miss());
    told();
    EXPECT_FALSE(admit());
    now_ += kCoolDown;
    EXPECT_TRUE(admit());
    EXPECT_TRUE(miss());
    EXPECT_FALSE(admit());
    now_ += kCoolDown;
    EXPECT_TRUE(admit());
    bodies = told();
    ASSERT_EQ(bodies.size(), 1u);
    EXPECT_EQ(bodies[0].State, static_cast<UINT32>(CMB_BREAKER_CLOSED));
    EXPECT_EQ(bodies[0].Unasked, 2u);
}

using Breaker = AskTest;

TEST_F(Breaker, OpensAndClosesAgain) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    // Long enough for what is to come before its end.
    constexpr uint32_t kLong = 700;
    Action action = kAskClosed;
    action.deadline = CMB_MIN_DEADLINE;
    const int64_t cookie = add(client, setting(), action, {.misses = 2, .coolDown = kLong});
    EXPECT_EQ(trySet(actor, key), STATUS_ACCESS_DENIED);
    EXPECT_EQ(trySet(actor, key), STATUS_ACCESS_DENIED);
    // Not asked, not held: at once.
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(trySet(actor, key), STATUS_ACCESS_DENIED);
    }
    unsigned byBreaker = 0;
    for (const Record &record : client.drain()) {
        byBreaker += record.decided().By == CMB_DECIDED_BY_BREAKER;
    }
    EXPECT_EQ(byBreaker, 3u);
    ASSERT_EQ(client.breakers().size(), 1u);
    EXPECT_EQ(client.breakers()[0]->Cookie, cookie);
    EXPECT_EQ(client.breakers()[0].body<CMB_BODY_BREAKER>().State, static_cast<UINT32>(CMB_BREAKER_OPEN));
    std::this_thread::sleep_for(std::chrono::milliseconds(kLong + 5));
    action.deadline = 5000;
    setRule(client, cookie, setting(), action);
    auto set = startSet(actor, key);
    EXPECT_EQ(replyOne(client, allow(question(client))), static_cast<UINT32>(CMB_REPLY_ACCEPTED));
    EXPECT_EQ(set.get(), STATUS_SUCCESS);
    client.drain();
    ASSERT_EQ(client.breakers().size(), 2u);
    const auto &closed = client.breakers()[1].body<CMB_BODY_BREAKER>();
    EXPECT_EQ(closed.State, static_cast<UINT32>(CMB_BREAKER_CLOSED));
    EXPECT_EQ(closed.Unasked, 3u);
    const CMB_DECISION_STATISTICS counters = decisions(client, CMB_SCOPE_REGISTRATION, cookie);
    EXPECT_EQ(counters.BreakerTrips, 1u);
    EXPECT_EQ(counters.UnaskedBreaker, 3u);
    EXPECT_EQ(counters.TimedOut, 2u);
    // They are no notifications.
    const CMB_STATISTICS_REPLY statistics = client.statistics(CMB_SCOPE_REGISTRATION, cookie);
    EXPECT_EQ(statistics.Recorded, statistics.Delivered);
    actor.close(key);
}

// Ordinary records that fill the queue leave room for what was decided, and for the breaker.
TEST_F(Breaker, IsToldThoughOthersFillTheQueue) {
    Client client(CMB_MIN_QUEUE_BYTES);
    Actor actor, other;
    HANDLE key = actor.create(path());
    HANDLE filling = other.create(path() + u"Other");
    Action action = kAsk;
    action.deadline = 1500;
    const int64_t cookie = add(client, setting(), action, {.misses = 1});
    client.add(u"1", bit(RegNtPreFlushKey));
    auto set = startSet(actor, key);
    question(client);
    // These records are smaller than that of a breaker.
    while (client.statistics().LostQueueFull == 0) {
        other.run([&] { EXPECT_EQ(NtFlushKey(filling), STATUS_SUCCESS); });
    }
    EXPECT_EQ(set.wait_for(std::chrono::milliseconds(0)), std::future_status::timeout);
    EXPECT_EQ(set.get(), STATUS_SUCCESS);
    EXPECT_EQ(decisions(client).BreakerTrips, 1u);
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, cookie).LostQueueFull, 0u);
    client.drain();
    EXPECT_EQ(client.breakers().size(), 1u);
    EXPECT_EQ(trySet(actor, key), STATUS_SUCCESS);
    EXPECT_EQ(client.drain().at(0).decided().By, CMB_DECIDED_BY_BREAKER);
    EXPECT_EQ(client.breakers().size(), 1u);
    other.close(filling);
    actor.close(key);
}

} // namespace
} // namespace cmbridge::test
