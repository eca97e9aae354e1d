// SPDX-License-Identifier: MIT
//
// What rules find out about processes is remembered, and is right where it cannot be.

#include "test/driver/fixture/ruleset_fixture.h"

namespace cmbridge::test {
namespace {

using ProcessCache = RulesetTest;

constexpr uint64_t kSet = bit(RegNtPreSetValueKey);

TEST_F(ProcessCache, IsRightAboutAnImageThatMorePatternsHitThanItHolds) {
    Client client;
    Actor one(simulator::ProcessOptions{.imagePath = u"\\Device\\X\\one.exe"});
    Actor two(simulator::ProcessOptions{.imagePath = u"\\Device\\X\\two.exe"});
    HANDLE first = one.create(path()), second = two.openKey(path());
    // A rule for each pattern, so that each hit is a set of its own.
    std::vector<TestRule> rules;
    for (const char16_t *pattern : {u"**\\o*", u"**\\on*", u"**\\one*", u"**\\one.*", u"**\\*e.exe", u"**\\*ne.exe",
                                    u"**\\*one.exe", u"**\\o*.exe", u"**\\o*e.exe"}) {
        rules.push_back({.images = {pattern}});
    }
    ASSERT_GT(rules.size(), static_cast<size_t>(RULES_MAX_HITS));
    add(client, rules, CMB_ACTION_IGNORE, kSet);
    for (int i = 0; i < 2; ++i) {
        set(one, first);
        EXPECT_EQ(client.drain().size(), 1u);
        set(two, second);
        EXPECT_EQ(client.drain().size(), 0u);
    }
    one.close(first);
    two.close(second);
}

TEST_F(ProcessCache, LosesANotificationThatItHasNoMemoryToJudge) {
    Client client;
    client.allowUndescribed();
    add(client, {{.images = {u"**\\one.exe"}, .elevated = {1}}}, CMB_ACTION_IGNORE, kSet);
    for (uint64_t nth = 1;; ++nth) {
        ASSERT_LT(nth, 100u);
        // One that nothing is remembered of.
        Actor actor(simulator::ProcessOptions{.imagePath = u"\\Device\\X\\one.exe"});
        HANDLE key = actor.create(path());
        const uint64_t lost = client.statistics().LostNoMemory;
        const uint64_t before = machine().failedAllocations();
        machine().failAllocation(nth);
        set(actor, key);
        const bool reached = machine().failedAllocations() != before;
        machine().failAllocation(0);
        EXPECT_EQ(countOf(client.drain(), RegNtPreSetValueKey) + client.statistics().LostNoMemory - lost, 1u) << nth;
        // It is not remembered that there was no memory.
        set(actor, key);
        EXPECT_EQ(countOf(client.drain(), RegNtPreSetValueKey), 1u) << nth;
        actor.close(key);
        if (!reached) {
            EXPECT_GT(nth, 1u);
            break;
        }
    }
}

} // namespace
} // namespace cmbridge::test
