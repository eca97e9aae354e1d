// SPDX-License-Identifier: MIT
//
// Rules that block where it cannot be found out whether they are meant: nothing passes them because of that.

#include "test/driver/fixture/ruleset_fixture.h"

namespace cmbridge::test {
namespace {

constexpr uint64_t kSet = bit(RegNtPreSetValueKey) | bit(RegNtPostSetValueKey);

class BlockingRule : public RulesetTest {
  protected:
    NTSTATUS setValue(Actor &actor, HANDLE key) {
        NTSTATUS status = STATUS_UNSUCCESSFUL;
        actor.run([&] {
            std::u16string name = u"v";
            UNICODE_STRING value = unicode(name);
            uint32_t data = 1;
            status = NtSetValueKey(key, &value, 0, REG_DWORD, &data, sizeof(data));
        });
        return status;
    }
    TestRule below(TestRule rule) const {
        rule.keys = {key(u"\\**")};
        return rule;
    }
};

// A key may lie deeper than a path can say.
TEST_F(BlockingRule, BlocksWhereAPathIsTooLong) {
    Client client;
    Actor actor;
    std::vector<HANDLE> keys = {actor.create(path())};
    for (size_t units = path().size(); units <= 0x7FFF; units += 251) {
        keys.push_back(actor.create(std::u16string(250, u'x'), keys.back()));
    }
    add(client, {below(blockRule(bit(RegNtPreSetValueKey)))}, CMB_ACTION_IGNORE, kSet);
    const HANDLE last = keys.back(), before = keys[keys.size() - 2];
    EXPECT_EQ(setValue(actor, before), STATUS_ACCESS_DENIED);
    EXPECT_EQ(setValue(actor, last), STATUS_ACCESS_DENIED);
    // The second by a rule of which it is not certain that it is meant.
    const CMB_STATISTICS_REPLY statistics = client.statistics();
    EXPECT_EQ(statistics.Decisions.Blocked, 2u);
    EXPECT_EQ(statistics.Decisions.UnaskedError, 1u);
    EXPECT_EQ(statistics.Lost, 1u);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 3u);
    EXPECT_EQ(records.back().decided().By, CMB_DECIDED_BY_ERROR);
    EXPECT_EQ(records.back().decided().Rule, 0u);
    while (!keys.empty()) {
        actor.deleteKey(keys.back());
        actor.close(keys.back());
        keys.pop_back();
    }
}

TEST_F(BlockingRule, BlocksWithoutMemoryForThePath) {
    Client client;
    Actor actor;
    HANDLE mine = actor.create(path()), sub = actor.create(u"Sub", mine), other = actor.create(path() + u"Other");
    struct Case {
        std::vector<TestRule> rules;
        NTSTATUS expected;
    };
    constexpr uint64_t kPre = bit(RegNtPreSetValueKey);
    const Case cases[] = {
        {{below(blockRule(kPre))}, STATUS_ACCESS_DENIED},
        {{below(askRule(kPre, CMB_RULE_FAIL_CLOSED))}, STATUS_ACCESS_DENIED},
        {{below({.action = CMB_ACTION_IGNORE}), blockRule(kPre)}, STATUS_ACCESS_DENIED},
        // What is let through when nobody answers is let through now, too.
        {{below(askRule(kPre))}, STATUS_SUCCESS},
        {{below(bypassRule(kPre))}, STATUS_SUCCESS},
        {{below({})}, STATUS_SUCCESS},
        // It is certain what decides.
        {{{.action = CMB_ACTION_IGNORE}, below(blockRule(kPre))}, STATUS_SUCCESS},
        // A rehearsal lets everything through.
        {{below(blockRule(kPre, CMB_RULE_DRY_RUN))}, STATUS_SUCCESS},
    };
    for (const Case &each : cases) {
        const int64_t cookie = add(client, each.rules, CMB_ACTION_IGNORE, kSet);
        for (NTSTATUS failure : {STATUS_INSUFFICIENT_RESOURCES, STATUS_NAME_TOO_LONG}) {
            for (HANDLE key : {sub, other}) {
                CmFailNameLookups(1, failure);
                EXPECT_EQ(setValue(actor, key), each.expected);
                CmFailNameLookups(0, STATUS_SUCCESS);
            }
        }
        EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    }
    client.drain();
    for (HANDLE key : {other, sub, mine}) {
        actor.close(key);
    }
}

// What comes from kernel mode is only blocked by rules that say so, in doubt as ever.
TEST_F(BlockingRule, BlocksTheKernelOnlyOnRequest) {
    Client client;
    Actor actor;
    HANDLE mine = actor.create(path()), sub = actor.create(u"Sub", mine);
    const auto fromKernel = [&](uint32_t flags) {
        NTSTATUS status = STATUS_UNSUCCESSFUL;
        const int64_t cookie =
            add(client, {below(blockRule(bit(RegNtPreSetValueKey), flags))}, CMB_ACTION_IGNORE, kSet);
        CmFailNameLookups(1, STATUS_INSUFFICIENT_RESOURCES);
        actor.run([&] {
            std::u16string name = u"v";
            UNICODE_STRING value = unicode(name);
            uint32_t data = 1;
            status = ZwSetValueKey(sub, &value, 0, REG_DWORD, &data, sizeof(data));
        });
        CmFailNameLookups(0, STATUS_SUCCESS);
        EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
        return status;
    };
    EXPECT_EQ(fromKernel(0), STATUS_SUCCESS);
    EXPECT_EQ(fromKernel(CMB_RULE_KERNEL_MODE), STATUS_ACCESS_DENIED);
    client.drain();
    actor.close(sub);
    actor.close(mine);
}

} // namespace
} // namespace cmbridge::test
