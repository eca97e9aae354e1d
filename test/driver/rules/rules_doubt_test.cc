// SPDX-License-Identifier: MIT
//
// What is decided when a condition could not be asked.

#include "test/driver/rules/rules_fixture.h"

namespace cmbridge::test {
namespace {

class Doubt : public DriverTest {
  protected:
    struct Answer {
        RULES_VERDICT verdict;
        UINT32 closed;
        UINT32 closedToKernel;
    };
    // About a set value of process 4, of which the dimensions cannot be asked.
    Answer ask(const std::vector<TestRule> &rules, uint32_t otherwise,
               std::initializer_list<RULES_DIMENSION> dimensions) {
        Answer answer{};
        actor_.run([&] {
            Asked asked(rules, otherwise);
            RULES_MATCH match;
            RulesBegin(&match, asked.get(), RegNtPreSetValueKey);
            RulesNarrowByNumber(&match, RulesProcessId, 4);
            for (RULES_DIMENSION dimension : dimensions) {
                RulesDoubt(&match, dimension);
            }
            RulesDecide(&match, &answer.verdict);
            answer.closed = RulesFindClosed(&match, FALSE);
            answer.closedToKernel = RulesFindClosed(&match, TRUE);
        });
        return answer;
    }
    bool isDoubtful(const std::vector<TestRule> &rules, uint32_t otherwise,
                    std::initializer_list<RULES_DIMENSION> dimensions = {RulesKey}) {
        return ask(rules, otherwise, dimensions).verdict.Doubtful;
    }
    void expectClosed(const std::vector<TestRule> &rules, UINT32 closed, UINT32 closedToKernel,
                      uint32_t otherwise = CMB_ACTION_IGNORE) {
        const Answer answer = ask(rules, otherwise, {RulesKey});
        EXPECT_TRUE(answer.verdict.Doubtful);
        EXPECT_EQ(answer.closed, closed);
        EXPECT_EQ(answer.closedToKernel, closedToKernel);
    }
    static TestRule onKey(TestRule rule) {
        rule.keys = {u"a"};
        return rule;
    }

  private:
    Actor actor_;
};

constexpr uint64_t kSet = bit(RegNtPreSetValueKey);
const TestRule kAll = {}, kIgnoreAll = {.action = CMB_ACTION_IGNORE}, kKey = {.keys = {u"a"}},
               kIgnored = {.action = CMB_ACTION_IGNORE, .keys = {u"a"}}, kOther = {.processIds = {8}};

TEST_F(Doubt, MakesAVerdictUncertain) {
    EXPECT_TRUE(isDoubtful({kKey}, CMB_ACTION_IGNORE));
    EXPECT_TRUE(isDoubtful({kIgnored, kAll}, CMB_ACTION_IGNORE));
    EXPECT_TRUE(isDoubtful({kIgnored}, CMB_ACTION_NOTIFY));
    EXPECT_TRUE(isDoubtful({kIgnored, kKey, kIgnoreAll}, CMB_ACTION_IGNORE));
    TestRule both = kKey;
    both.processIds = {4};
    EXPECT_TRUE(isDoubtful({both}, CMB_ACTION_IGNORE));
}

TEST_F(Doubt, IsForgottenWhereItMakesNoDifference) {
    RULES_VERDICT verdict = ask({kKey}, CMB_ACTION_NOTIFY, {RulesKey}).verdict;
    EXPECT_FALSE(verdict.Doubtful);
    EXPECT_EQ(verdict.Action, static_cast<UINT32>(CMB_ACTION_NOTIFY));
    verdict = ask({kIgnored, kIgnoreAll, kAll}, CMB_ACTION_NOTIFY, {RulesKey}).verdict;
    EXPECT_FALSE(verdict.Doubtful);
    EXPECT_EQ(verdict.Action, static_cast<UINT32>(CMB_ACTION_IGNORE));
    // A rule without the condition decides before.
    verdict = ask({kAll, kIgnored}, CMB_ACTION_IGNORE, {RulesKey, RulesImage}).verdict;
    EXPECT_FALSE(verdict.Doubtful);
    EXPECT_EQ(verdict.Rule, 0u);
    // The rule in doubt is out for another reason.
    verdict = ask({kOther, kIgnoreAll}, CMB_ACTION_IGNORE, {RulesKey}).verdict;
    EXPECT_FALSE(verdict.Doubtful);
    EXPECT_EQ(verdict.Rule, 1u);
    TestRule both = kKey;
    both.processIds = {8};
    EXPECT_FALSE(isDoubtful({both}, CMB_ACTION_IGNORE));
}

// Which rule decides is told, and its deadline, status and flags are used: two that do the same are not the same.
TEST_F(Doubt, BetweenRulesIsUncertain) {
    for (const TestRule &rule : {askRule(kSet), blockRule(kSet), bypassRule(kSet)}) {
        EXPECT_TRUE(isDoubtful({onKey(rule), rule}, CMB_ACTION_IGNORE));
        EXPECT_TRUE(isDoubtful({onKey(rule)}, CMB_ACTION_NOTIFY));
        EXPECT_TRUE(isDoubtful({kKey, rule}, CMB_ACTION_NOTIFY));
        RULES_VERDICT verdict = ask({rule, onKey(rule)}, CMB_ACTION_IGNORE, {RulesKey}).verdict;
        EXPECT_FALSE(verdict.Doubtful);
        EXPECT_EQ(verdict.Rule, 0u);
        EXPECT_EQ(verdict.Action, rule.action);
    }
}

TEST_F(Doubt, FailsClosedWhereARuleMightBlock) {
    constexpr uint32_t kClosed = CMB_RULE_FAIL_CLOSED, kDry = CMB_RULE_DRY_RUN, kKernel = CMB_RULE_KERNEL_MODE;
    // Nothing that could decide is closed.
    expectClosed({kKey}, kNone, kNone);
    expectClosed({onKey(bypassRule(kSet, kKernel)), kAll}, kNone, kNone);
    expectClosed({onKey(askRule(kSet)), kAll}, kNone, kNone);
    // Something is.
    expectClosed({onKey(blockRule(kSet))}, 0, kNone);
    expectClosed({onKey(blockRule(kSet, kKernel))}, 0, 0);
    expectClosed({onKey(askRule(kSet, kClosed))}, 0, kNone);
    expectClosed({kIgnored, onKey(bypassRule(kSet)), blockRule(kSet)}, 2, kNone);
    expectClosed({kIgnored}, kNone, kNone, CMB_ACTION_NOTIFY);
    // What comes behind the first that is certain does not decide.
    expectClosed({kKey, kIgnoreAll, blockRule(kSet)}, kNone, kNone);
    expectClosed({kKey, bypassRule(kSet), onKey(blockRule(kSet))}, kNone, kNone);
    // Nor does what is out for another reason.
    TestRule block = onKey(blockRule(kSet));
    block.processIds = {8};
    expectClosed({kKey, block}, kNone, kNone);
    // The first of those that weigh the same; what needs no question, and is no rehearsal, weighs more.
    expectClosed({onKey(blockRule(kSet)), blockRule(kSet)}, 0, kNone);
    expectClosed({onKey(askRule(kSet, kClosed)), blockRule(kSet)}, 1, kNone);
    expectClosed({onKey(blockRule(kSet, kDry)), askRule(kSet, kClosed)}, 1, kNone);
    expectClosed({onKey(askRule(kSet, kClosed | kDry)), blockRule(kSet, kDry)}, 1, kNone);
    expectClosed({onKey(blockRule(kSet, kDry | kKernel)), onKey(blockRule(kSet)), onKey(blockRule(kSet, kKernel))}, 1,
                 2);
    // Beyond one word of a set.
    std::vector<TestRule> many(100, kIgnored);
    many.push_back(onKey(blockRule(kSet)));
    expectClosed(many, 100, kNone);
}

} // namespace
} // namespace cmbridge::test
