// SPDX-License-Identifier: MIT
//
// Rate limits: the bucket by itself, and what a registration with one records, loses and tells.

#include "test/driver/fixture/fixture.h"

#include <chrono>
#include <future>

extern "C" {
#include "driver/queue/rate.h"
}

namespace cmbridge::test {
namespace {

constexpr UINT64 kSecond = CLOCK_UNITS_PER_SECOND;

unsigned take(RATE &rate, UINT64 now, unsigned attempts) {
    unsigned taken = 0;
    while (attempts--) {
        taken += RateTake(&rate, now);
    }
    return taken;
}

TEST(Rate, TakesABurstAndThenTheRate) {
    RATE rate;
    RateInitialize(&rate, 100, 7, 5);
    EXPECT_EQ(take(rate, 5, 20), 7u);
    // A token per 100,000 ticks, and none a tick before.
    EXPECT_EQ(take(rate, 5 + 99'999, 3), 0u);
    EXPECT_EQ(take(rate, 5 + 100'000, 3), 1u);
    EXPECT_EQ(take(rate, 5 + 350'000, 3), 2u);
    EXPECT_EQ(take(rate, 5 + 399'999, 3), 0u);
    EXPECT_EQ(take(rate, 5 + 400'000, 3), 1u);
    // However long the pause was.
    EXPECT_EQ(take(rate, ~0ULL, 20), 7u);
}

// Ticks that bring a fraction of a token each are not lost.
TEST(Rate, RoundsNothingAway) {
    RATE rate;
    RateInitialize(&rate, 3, 2, 0);
    unsigned taken = 0;
    for (UINT64 now = 0; now <= 10 * kSecond; now += 8) {
        taken += RateTake(&rate, now);
    }
    EXPECT_EQ(taken, 2u + 30u);
}

TEST(Rate, KnowsTheExtremes) {
    RATE rate;
    RateInitialize(&rate, CMB_MAX_RATE, CMB_MAX_RATE, 0);
    EXPECT_EQ(rate.Burst / kSecond, static_cast<UINT64>(CMB_MAX_RATE));
    EXPECT_TRUE(RateTake(&rate, ~0ULL));
    RateInitialize(&rate, 1, CMB_MAX_RATE, 0);
    EXPECT_EQ(take(rate, 0, 1000), 1000u);
    // One tick of the clock brings a hundred tokens, of which the bucket keeps one.
    RateInitialize(&rate, CMB_MAX_RATE, 1, 0);
    EXPECT_EQ(take(rate, 0, 3), 1u);
    EXPECT_EQ(take(rate, 1, 3), 1u);
}

TEST(Rate, TakesAClockThatGoesBackForOneThatStands) {
    RATE rate;
    RateInitialize(&rate, 10, 1, kSecond);
    EXPECT_EQ(take(rate, kSecond, 2), 1u);
    EXPECT_EQ(take(rate, 0, 2), 0u);
    EXPECT_EQ(take(rate, kSecond, 2), 0u);
    EXPECT_EQ(take(rate, kSecond + kSecond / 10, 2), 1u);
}

class RateLimit : public DriverTest {
  protected:
    static CMB_BODY_GAP sum(const std::vector<Record> &records, int64_t cookie) {
        CMB_BODY_GAP sum{};
        for (const Record &record : records) {
            if (record.isGap() && record->Cookie == cookie) {
                sum.Count += record.count();
                sum.RateLimit += record.body<CMB_BODY_GAP>().RateLimit;
                sum.QueueFull += record.body<CMB_BODY_GAP>().QueueFull;
            }
        }
        return sum;
    }
};

TEST_F(RateLimit, CostsOnlyItsOwnRegistration) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    // Less than one more in the time that the test takes.
    const int64_t limited = client.addLimited(u"2", bit(RegNtPreSetValueKey), 1, 5);
    const int64_t other = client.add(u"1", bit(RegNtPreSetValueKey));
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 200; ++i) {
        actor.setValue(key, u"v", REG_BINARY, pattern(8));
    }
    const auto refilled = static_cast<uint64_t>((std::chrono::steady_clock::now() - start) / std::chrono::seconds(1));
    std::vector<Record> records = client.drain();
    CMB_STATISTICS_REPLY statistics = client.statistics(CMB_SCOPE_REGISTRATION, limited);
    EXPECT_EQ(statistics.Callbacks, 200u);
    EXPECT_GE(statistics.Recorded, 5u);
    EXPECT_LE(statistics.Recorded, 6u + refilled);
    EXPECT_EQ(statistics.LostRateLimit, 200 - statistics.Recorded);
    EXPECT_EQ(statistics.Lost, statistics.LostRateLimit);
    EXPECT_EQ(sum(records, limited).Count, statistics.Lost);
    EXPECT_EQ(sum(records, limited).RateLimit, statistics.Lost);
    EXPECT_EQ(sum(records, other).Count, 0u);
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, other).Recorded, 200u);
    EXPECT_EQ(client.statistics().LostRateLimit, statistics.Lost);
    EXPECT_EQ(client.statistics(CMB_SCOPE_DRIVER).LostRateLimit, statistics.Lost);
    client.close();
    // What closed sessions lost stays counted.
    EXPECT_EQ(Client().statistics(CMB_SCOPE_DRIVER).LostRateLimit, statistics.Lost);
    actor.close(key);
}

// The first loss is told at once. What follows waits for something else, or for the end of the registration.
TEST_F(RateLimit, DoesNotWakeAnIdleConsumerForEachLoss) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    const int64_t cookie = client.addLimited(u"2", bit(RegNtPreSetValueKey), 1, 1);
    const auto start = std::chrono::steady_clock::now();
    actor.setValue(key, u"v", REG_BINARY, pattern(8));
    actor.setValue(key, u"v", REG_BINARY, pattern(8));
    std::vector<Record> records = client.drain();
    const uint64_t told = sum(records, cookie).Count;
    std::vector<uint64_t> output(CMB_MIN_RECEIVE_BYTES / 8);
    std::promise<NTSTATUS> completed;
    std::future<NTSTATUS> status = completed.get_future();
    client.file().controlAsync(CMB_IOCTL_RECEIVE, {}, std::as_writable_bytes(std::span(output)),
                               [&](simulator::IoResult result) { completed.set_value(result.status); });
    for (int i = 0; i < 100; ++i) {
        actor.setValue(key, u"v", REG_BINARY, pattern(8));
    }
    const bool slow = std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(900);
    client.file().cancel();
    const bool woken = status.get() == STATUS_SUCCESS;
    EXPECT_TRUE(slow || (told == 1 && !woken));
    const uint64_t lost = client.statistics().Lost;
    EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    // A machine that is so slow that a second passed has told more, to the request whose batch nobody reads.
    if (!woken) {
        records = client.drain();
        EXPECT_EQ(sum(records, cookie).Count + told, lost);
        EXPECT_EQ(client.accounted(), client.statistics().LastSequence);
    }
    actor.close(key);
}

TEST_F(RateLimit, LetsEventsFlowAgain) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    const int64_t cookie = client.addLimited(u"2", bit(RegNtPreSetValueKey), 50, 2);
    uint64_t records = 0;
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(300)) {
        actor.setValue(key, u"v", REG_BINARY, pattern(8));
    }
    const auto elapsed = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    for (const Record &record : client.drain()) {
        records += !record.isGap();
    }
    EXPECT_GT(records, 2u) << "none but the burst";
    EXPECT_LE(records, 3u + static_cast<uint64_t>(elapsed / std::chrono::milliseconds(20)));
    actor.close(key);
}

} // namespace
} // namespace cmbridge::test
