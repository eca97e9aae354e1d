// SPDX-License-Identifier: MIT
//
// What asking costs: texts and programs made to be dear, and many rules of which none matches.

#include "test/driver/fixture/steps.h"
#include "test/driver/rules/rules_fixture.h"

namespace cmbridge::test {
namespace {

// A quarter of what a UNICODE_STRING can hold: the work is linear in it.
constexpr size_t kUnits = 8192;
// About twice what a node takes with a component, and a glob with a unit of it.
constexpr uint64_t kStepsForNode = 200;
constexpr uint64_t kStepsForUnit = 25;

class RulesWork : public DriverTest {
  protected:
    void run(const std::function<void()> &job) { actor_.run(job); }

    // Steps of finding what the text is in, which is nothing.
    static uint64_t measure(const Asked &asked, RULES_DIMENSION dimension, const std::u16string &text) {
        const RULES_TEXT part = {reinterpret_cast<const WCHAR *>(text.data()), static_cast<ULONG>(text.size())};
        RULES_HITS hits;
        const uint64_t steps = countSteps([&] { RulesFind(asked.get(), dimension, &part, 1, &hits); });
        EXPECT_EQ(hits.Count, 0u);
        return steps;
    }
    static std::u16string repeat(std::u16string_view unit, size_t units) {
        std::u16string text;
        while (text.size() + unit.size() <= units) {
            text += unit;
        }
        return text;
    }

  private:
    Actor actor_;
};

TEST_F(RulesWork, IsBoundedForNestedWildcards) {
    run([] {
        // Tried naively this takes time in the sixtieth power of the length.
        std::u16string pattern;
        for (int i = 0; i < 30; ++i) {
            pattern += u"\\**\\a";
        }
        Asked asked({{.keys = {pattern + u"\\b"}}});
        // Each wildcard, and each name behind one, is tried with each component once.
        EXPECT_LT(measure(asked, RulesKey, repeat(u"\\a", kUnits)), kStepsForNode * 60 * kUnits / 2);
        EXPECT_EQ(decide(asked.get(), {.key = repeat(u"\\a", kUnits - 10) + u"\\b"}).Rule, 0u);
    });
}

TEST_F(RulesWork, IsBoundedForManyPlacesToGoOn) {
    run([] {
        // As many nodes that stay below another one as may be, all reached by one path.
        std::vector<TestRule> rules(1300);
        std::u16string path;
        for (size_t i = 0; i < rules.size(); ++i) {
            const std::u16string name = decimal(static_cast<size_t>(i));
            rules[i].keys = {u"**\\" + name + u"\\**\\a\\b"};
            path += u"\\" + name;
        }
        const uint64_t places = rules.size();
        Asked asked(std::move(rules));
        path += repeat(u"\\a", kUnits - path.size());
        EXPECT_LT(measure(asked, RulesKey, path), kStepsForNode * places * kUnits / 2);
    });
}

TEST_F(RulesWork, IsBoundedForManyGlobs) {
    run([] {
        // Each text all but occurs everywhere.
        std::vector<TestRule> rules(4000);
        for (size_t i = 0; i < rules.size(); ++i) {
            rules[i].valueNames = {u"*aaaaaaaaaaaaaaab" + decimal(static_cast<size_t>(i)) + u"*"};
        }
        const uint64_t globs = rules.size();
        Asked asked(std::move(rules));
        const std::u16string name = u"b0123456789" + repeat(u"a", kUnits - 11);
        EXPECT_LT(measure(asked, RulesValueName, name), kStepsForUnit * globs * kUnits);
    });
}

TEST_F(RulesWork, IsRefusedBeyondTheLimit) {
    run([] {
        auto refusal = [](const std::vector<TestRule> &rules) {
            RULES_ERROR error{};
            RULES *compiled = createRules(buildProgram(rules), &error);
            RulesFree(compiled);
            return compiled ? 0 : error.Reason;
        };
        // Names and names of images are trees of their own.
        for (auto condition : {&TestRule::keys, &TestRule::valueNames, &TestRule::images}) {
            TestRule rule;
            for (int i = 0; i < CMB_MAX_RULES_WORK / 2 + 1; ++i) {
                (rule.*condition).push_back(u"x*" + decimal(static_cast<size_t>(i)));
            }
            EXPECT_EQ(refusal({rule}), static_cast<UINT32>(CMB_RULES_REASON_COUNT));
            (rule.*condition).resize(CMB_MAX_RULES_WORK / 2 - 1);
            EXPECT_EQ(refusal({rule}), 0u);
        }
        // Literals exclude each other, however many there are.
        TestRule literals, nested;
        for (int i = 0; i < 15000; ++i) {
            const std::u16string name = decimal(static_cast<size_t>(i));
            literals.keys.push_back(u"\\REGISTRY\\MACHINE\\" + name + u"\\**\\x");
            if (i <= CMB_MAX_RULES_NESTED) {
                nested.keys.push_back(u"\\" + name + u"\\**\\x\\**\\y");
            }
        }
        EXPECT_EQ(refusal({literals}), 0u);
        EXPECT_EQ(refusal({nested}), static_cast<UINT32>(CMB_RULES_REASON_COUNT));
        nested.keys.pop_back();
        EXPECT_EQ(refusal({nested}), 0u);
    });
}

// What matches nothing takes about as many steps against a thousand rules as against one.
TEST_F(RulesWork, OfAThousandRulesIsThatOfOne) {
    run([] {
        auto rulesOf = [](int count) {
            std::vector<TestRule> rules;
            for (int i = 0; i < count; ++i) {
                const std::u16string name = decimal(static_cast<size_t>(i));
                rules.push_back({.keys = {i % 5 == 4 ? u"\\REGISTRY\\MACHINE\\SOFTWARE\\Family*" + name
                                                     : u"\\REGISTRY\\MACHINE\\SOFTWARE\\Vendor" + name + u"\\**"}});
            }
            return rules;
        };
        Asked one(rulesOf(1)), many(rulesOf(1000));
        const std::u16string path = u"\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Tcpip";
        const RULES_TEXT text = {reinterpret_cast<const WCHAR *>(path.data()), static_cast<ULONG>(path.size())};
        auto perEvent = [&](const Asked &asked) {
            return countSteps([&] {
                RULES_MATCH match;
                RULES_VERDICT verdict;
                RulesBegin(&match, asked.get(), 0);
                RulesNarrowByTexts(&match, RulesKey, &text, 1, nullptr, 0);
                RulesDecide(&match, &verdict);
            });
        };
        const uint64_t single = perEvent(one), thousand = perEvent(many);
        EXPECT_GT(single, 0u);
        EXPECT_LT(static_cast<double>(thousand), 1.3 * static_cast<double>(single));
    });
}

} // namespace
} // namespace cmbridge::test
