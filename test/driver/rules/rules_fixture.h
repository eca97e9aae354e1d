// SPDX-License-Identifier: MIT
//
// Rules to ask, in the loaded driver.

#ifndef CMBRIDGE_TEST_DRIVER_RULES_FIXTURE_H
#define CMBRIDGE_TEST_DRIVER_RULES_FIXTURE_H

#include "test/driver/fixture/fixture.h"
#include "test/driver/fixture/rules_builder.h"

namespace cmbridge::test {

constexpr uint32_t kNone = CMB_RULES_NONE;

// The rules of a program while it is in use.
class Asked {
  public:
    explicit Asked(std::vector<TestRule> rules, uint32_t otherwise = CMB_ACTION_IGNORE)
        : rules_(std::move(rules)), otherwise_(otherwise) {
        RULES_ERROR error{};
        compiled_ = createRules(buildProgram(rules_, otherwise_), &error);
        EXPECT_NE(compiled_, nullptr) << "reason " << error.Reason << " at " << error.Offset;
        for (ULONG i = 0; compiled_ && i < RulesGetTreeCount(compiled_); ++i) {
            trees_.push_back(RulesGetTreeProcess(compiled_, i));
        }
    }
    ~Asked() { RulesFree(compiled_); }
    Asked(const Asked &) = delete;
    Asked &operator=(const Asked &) = delete;

    const RULES *get() const { return compiled_; }
    // The rule that decides; the plain words of the rules must say the same.
    uint32_t rule(const TestFacts &facts) const {
        const RULES_VERDICT verdict = decide(compiled_, facts);
        const Expected expected = decideNaively(rules_, otherwise_, facts, trees_);
        EXPECT_EQ(verdict.Rule, expected.rule);
        EXPECT_EQ(verdict.Action, expected.action);
        EXPECT_FALSE(verdict.Doubtful);
        return verdict.Rule;
    }
    uint32_t key(std::u16string path) const { return rule({.key = std::move(path)}); }
    uint32_t name(std::u16string name) const { return rule({.valueName = std::move(name)}); }

  private:
    std::vector<TestRule> rules_;
    uint32_t otherwise_;
    std::vector<uint64_t> trees_;
    RULES *compiled_ = nullptr;
};

inline std::u16string decimal(size_t number) {
    const std::string digits = std::to_string(number);
    return {digits.begin(), digits.end()};
}

} // namespace cmbridge::test

#endif
