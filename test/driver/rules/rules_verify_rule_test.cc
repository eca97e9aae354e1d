// SPDX-License-Identifier: MIT
//
// What a rule of a program may say, by its action and by the classes that it is meant for.

#include "test/driver/rules/rules_verify_fixture.h"

extern "C" {
#include "driver/decide/decision.h"
}

namespace cmbridge::test {
namespace {

using RulesVerifyRule = RulesVerifyTest;

constexpr uint64_t kSet = bit(RegNtPreSetValueKey);

TestRule with(TestRule rule, uint32_t flags, int32_t status, uint32_t deadline) {
    rule.flags = flags;
    rule.status = status;
    rule.deadline = deadline;
    return rule;
}

TEST_F(RulesVerifyRule, RefusesActionsThatCannotBe) {
    for (UINT32 action : {5u, 6u, 0x80000000u, 0xFFFFFFFFu}) {
        expectRefused(CMB_RULES_REASON_ACTION, "action",
                      [=](Program &p) { return p.rule(3).Action = action, &p.rule(3).Action; });
    }
    const TestRule ignored = {.action = CMB_ACTION_IGNORE}, told = {.action = CMB_ACTION_NOTIFY};
    const TestRule ask = askRule(kSet), block = blockRule(kSet), bypass = bypassRule(kSet);
    constexpr int32_t kDenied = STATUS_ACCESS_DENIED, kBypass = STATUS_CALLBACK_BYPASS;
    constexpr uint32_t kClosed = CMB_RULE_FAIL_CLOSED, kDry = CMB_RULE_DRY_RUN, kKernel = CMB_RULE_KERNEL_MODE;
    for (const TestRule &rule : {
             ignored,
             told,
             ask,
             with(ask, kClosed, kDenied, CMB_MIN_DEADLINE),
             with(ask, kDry, 0, CMB_MAX_DEADLINE),
             with(ask, kClosed | kDry, STATUS_UNSUCCESSFUL, 1000),
             block,
             with(block, kDry | kKernel, STATUS_KEY_DELETED, 0),
             bypass,
             with(bypass, kDry | kKernel, 0, 0),
         }) {
        expectAccepted(buildProgram({rule}), "a rule as it should be");
    }
    const auto refused = [&](const TestRule &rule, UINT32 offset) {
        expectRefused(buildProgram({{}, rule}), CMB_RULES_REASON_RULE, "a rule that is not as it should be",
                      [=](Program &p) { return reinterpret_cast<const uint8_t *>(&p.rule(1)) + offset; });
    };
    constexpr UINT32 kFlags = offsetof(CMB_RULE, Flags), kStatus = offsetof(CMB_RULE, Status),
                     kDeadline = offsetof(CMB_RULE, Deadline);
    for (const TestRule &rule : {ignored, told}) {
        for (uint32_t flag : {kClosed, kDry, kKernel, 8u}) {
            refused(with(rule, flag, 0, 0), kFlags);
        }
        refused(with(rule, 0, kDenied, 0), kStatus);
        refused(with(rule, 0, 0, 500), kDeadline);
    }
    refused(with(ask, kKernel, 0, 500), kFlags);
    refused(with(block, kClosed, kDenied, 0), kFlags);
    refused(with(bypass, kClosed, 0, 0), kFlags);
    for (const TestRule &rule : {ask, block, bypass}) {
        for (uint32_t flag : {8u, 0x80000000u}) {
            refused(with(rule, flag, rule.status, rule.deadline), kFlags);
        }
    }
    for (int32_t status : {kBypass, STATUS_SUCCESS, 1, 0x40000000, STATUS_BUFFER_OVERFLOW}) {
        refused(with(block, 0, status, 0), kStatus);
        refused(with(ask, kClosed, status, 500), kStatus);
    }
    refused(with(ask, 0, kDenied, 500), kStatus);
    refused(with(bypass, 0, kDenied, 0), kStatus);
    for (uint32_t deadline : {0u, CMB_MIN_DEADLINE - 1u, CMB_MAX_DEADLINE + 1u, 0xFFFFFFFFu}) {
        refused(with(ask, 0, 0, deadline), kDeadline);
    }
    refused(with(block, 0, kDenied, 500), kDeadline);
    refused(with(bypass, 0, 0, 500), kDeadline);
}

// A rule is only meant for classes that its action can do something about.
TEST_F(RulesVerifyRule, RefusesActionsThatDoNotSuitTheirClasses) {
    uint64_t fits[CMB_ACTION_BYPASS + 1] = {};
    for (uint32_t action : {CMB_ACTION_ASK, CMB_ACTION_BLOCK, CMB_ACTION_BYPASS}) {
        TestRule rule = action == CMB_ACTION_ASK     ? askRule(0)
                        : action == CMB_ACTION_BLOCK ? blockRule(0)
                                                     : bypassRule(0);
        for (uint32_t notifyClass = 0; notifyClass <= CMB_MAX_NOTIFY_CLASS; ++notifyClass) {
            rule.classes = bit(notifyClass) | kSet;
            const Program program = buildProgram({{}, rule});
            if (NotifyClassTakesAction(notifyClass, action)) {
                fits[action] |= bit(notifyClass);
                expectAccepted(program, "a class that suits");
            } else {
                expectRefused(program, CMB_RULES_REASON_ACTION, "a class that does not suit",
                              [](Program &p) { return &p.rule(1).Action; });
            }
        }
        // The rule may be anywhere in the set of the class.
        std::vector<TestRule> many(200, rule);
        for (TestRule &each : many) {
            each.classes = fits[action];
        }
        expectAccepted(buildProgram(many), "many");
        for (uint32_t last : {0u, 63u, 64u, 199u}) {
            many[last].classes |= bit(RegNtPreKeyHandleClose);
            expectRefused(buildProgram(many), CMB_RULES_REASON_ACTION, "one of many",
                          [=](Program &p) { return &p.rule(last).Action; });
            many[last].classes = fits[action];
        }
    }
    const uint64_t never = bit(RegNtPreKeyHandleClose) | bit(RegNtPostKeyHandleClose) |
                           bit(RegNtCallbackObjectContextCleanup) | bit(RegNtPreCreateKey) | bit(RegNtPostOpenKey);
    EXPECT_EQ((fits[CMB_ACTION_ASK] | fits[CMB_ACTION_BLOCK] | fits[CMB_ACTION_BYPASS]) & never, 0u);
    EXPECT_EQ(fits[CMB_ACTION_BLOCK] & ~fits[CMB_ACTION_ASK], bit(RegNtPreQueryKeyName));
    EXPECT_EQ(fits[CMB_ACTION_BYPASS] & ~fits[CMB_ACTION_BLOCK], 0u);
    EXPECT_EQ(fits[CMB_ACTION_BYPASS] & (bit(RegNtPreCreateKeyEx) | bit(RegNtPreQueryValueKey)), 0u);
    EXPECT_NE(fits[CMB_ACTION_ASK] & bit(RegNtPostQueryValueKey), 0u);
    EXPECT_EQ(fits[CMB_ACTION_BLOCK] & bit(RegNtPostSetValueKey), 0u);
}

} // namespace
} // namespace cmbridge::test
