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
    UINT32 ask() {
        EXPECT_TRUE(admit());
        return BreakerAsk(&breaker_);
    }
    bool miss(bool fair = true) { return BreakerMiss(&breaker_, breaker_.Round, fair, now_) != FALSE; }
    void answer() { BreakerAnswer(&breaker_, breaker_.Round); }
    void open() {
        while (!miss()) {
        }
        breaker_.ToldOpen = TRUE;
    }
    bool isUntold() const { return BreakerIsUntold(&breaker_) != FALSE; }

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
    answer();
    EXPECT_FALSE(miss());
    EXPECT_FALSE(miss());
    EXPECT_TRUE(admit());
    EXPECT_FALSE(isUntold());
    EXPECT_TRUE(miss());
    // More of them change nothing.
    EXPECT_FALSE(miss());
    EXPECT_TRUE(isUntold());
    EXPECT_EQ(breaker_.State, BreakerOpen);
    EXPECT_EQ(breaker_.MissesOpened, 3u);
}

TEST_F(BreakerState, AdmitsOneQuestionAfterCoolingDown) {
    open();
    now_ += kCoolDown - 1;
    EXPECT_FALSE(admit());
    now_ -= 2 * kCoolDown;
    EXPECT_FALSE(admit());
    now_ += 2 * kCoolDown + 1;
    // Who is admitted may find no room for the question.
    EXPECT_TRUE(admit());
    ask();
    EXPECT_FALSE(admit());
    EXPECT_EQ(breaker_.Unasked, 3u);
    answer();
    EXPECT_TRUE(admit());
    EXPECT_EQ(breaker_.State, BreakerClosed);
}

TEST_F(BreakerState, CoolsDownAgainAfterAMissOnTrial) {
    open();
    now_ += kCoolDown;
    ask();
    // It was open all the time.
    EXPECT_FALSE(miss());
    EXPECT_FALSE(admit());
    EXPECT_EQ(breaker_.MissesOpened, 4u);
    now_ += kCoolDown;
    ask();
    answer();
    EXPECT_FALSE(miss());
    EXPECT_FALSE(miss());
    EXPECT_TRUE(miss());
}

// Otherwise the answer would close it, and the program would never know.
TEST_F(BreakerState, PutsNothingOnTrialBeforeItsOpeningIsTold) {
    open();
    breaker_.ToldOpen = FALSE;
    now_ += kCoolDown;
    EXPECT_FALSE(admit());
    EXPECT_TRUE(isUntold());
    breaker_.ToldOpen = TRUE;
    ask();
    answer();
    EXPECT_TRUE(isUntold());
}

// Of questions that were put before it opened, the ends come when it is on trial, or closed again.
TEST_F(BreakerState, DoesNotCountOldQuestions) {
    const UINT32 old = breaker_.Round;
    open();
    now_ += kCoolDown;
    const UINT32 trial = ask();
    EXPECT_FALSE(BreakerMiss(&breaker_, old, TRUE, now_));
    BreakerAnswer(&breaker_, old);
    EXPECT_EQ(breaker_.State, BreakerTrial);
    BreakerAnswer(&breaker_, trial);
    EXPECT_FALSE(miss());
    EXPECT_FALSE(miss());
    BreakerAnswer(&breaker_, old);
    EXPECT_TRUE(miss());
}

// A thread that was slow itself has left the program no time. It opens nothing, and ends no trial.
TEST_F(BreakerState, DoesNotCountUnfairMisses) {
    for (int i = 0; i < 10; ++i) {
        EXPECT_FALSE(miss(false));
    }
    EXPECT_TRUE(admit());
    open();
    now_ += kCoolDown;
    ask();
    EXPECT_FALSE(miss(false));
    EXPECT_EQ(breaker_.MissesOpened, 3u);
    ask();
    answer();
    EXPECT_EQ(breaker_.State, BreakerClosed);
}

using Breaker = AskTest;

TEST_F(Breaker, OpensAndClosesAgain) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    // Long enough for what is to come before its end.
    constexpr uint32_t kLong = 700;
    Action action = kAskClosed;
    action.deadline = kMissed;
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

// All others have their defaults meanwhile.
TEST_F(Breaker, AdmitsOneQuestionOnTrial) {
    Client client;
    std::vector<std::unique_ptr<Actor>> actors;
    std::vector<HANDLE> keys;
    for (int i = 0; i < 8; ++i) {
        actors.push_back(std::make_unique<Actor>());
        keys.push_back(actors.back()->create(path()));
    }
    Action action = kAskClosed;
    action.deadline = kMissed;
    const int64_t cookie = add(client, setting(), action, {.misses = 1, .coolDown = CMB_MIN_BREAKER_COOL_DOWN});
    EXPECT_EQ(trySet(*actors[0], keys[0]), STATUS_ACCESS_DENIED);
    action.deadline = 5000;
    setRule(client, cookie, setting(), action);
    std::this_thread::sleep_for(std::chrono::milliseconds(CMB_MIN_BREAKER_COOL_DOWN + 5));
    client.drain();
    auto trial = startSet(*actors[0], keys[0]);
    const Record asked = question(client);
    for (int i = 1; i < 8; ++i) {
        EXPECT_EQ(trySet(*actors[i], keys[i]), STATUS_ACCESS_DENIED);
    }
    EXPECT_EQ(decisions(client).Held, 1u);
    EXPECT_EQ(decisions(client).UnaskedBreaker, 7u);
    EXPECT_EQ(client.breakers().size(), 1u);
    EXPECT_EQ(replyOne(client, allow(asked)), static_cast<UINT32>(CMB_REPLY_ACCEPTED));
    EXPECT_EQ(trial.get(), STATUS_SUCCESS);
    client.drain();
    ASSERT_EQ(client.breakers().size(), 2u);
    EXPECT_EQ(client.breakers()[1].body<CMB_BODY_BREAKER>().State, static_cast<UINT32>(CMB_BREAKER_CLOSED));
    EXPECT_EQ(client.breakers()[1].body<CMB_BODY_BREAKER>().Unasked, 7u);
    // Everybody is asked again.
    std::vector<std::future<NTSTATUS>> sets;
    for (int i = 0; i < 8; ++i) {
        sets.push_back(startSet(*actors[i], keys[i]));
    }
    while (decisions(client).Held != 8) {
        std::this_thread::yield();
    }
    EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    for (int i = 0; i < 8; ++i) {
        EXPECT_EQ(sets[i].get(), STATUS_ACCESS_DENIED);
        actors[i]->close(keys[i]);
    }
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
