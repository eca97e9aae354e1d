// SPDX-License-Identifier: MIT
//
// What asking costs: texts and programs made to be dear, and many rules of which none matches.

#include "test/driver/rules/rules_fixture.h"

#include <chrono>
#include <ctime>

namespace cmbridge::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// Everything takes ten times as long.
constexpr size_t kUnits = 8192;
#else
// As long as a UNICODE_STRING can be.
constexpr size_t kUnits = 32767;
#endif
// Several times what it takes without optimization.
constexpr double kLimit = 4;

class RulesWork : public DriverTest {
  protected:
    void run(const std::function<void()> &job) { actor_.run(job); }

    // Seconds of this thread to find what the text is in; the machine may be busy.
    static double measure(const Asked &asked, RULES_DIMENSION dimension, const std::u16string &text) {
        const RULES_TEXT part = {reinterpret_cast<const WCHAR *>(text.data()), static_cast<ULONG>(text.size())};
        RULES_HITS hits;
        const double start = now();
        RulesFind(asked.get(), dimension, &part, 1, &hits);
        const double time = now() - start;
        EXPECT_EQ(hits.Count, 0u);
        return time;
    }
    static double now() {
        timespec time;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
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
        EXPECT_LT(measure(asked, RulesKey, repeat(u"\\a", kUnits)), kLimit);
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
        Asked asked(std::move(rules));
        path += repeat(u"\\a", kUnits - path.size());
        EXPECT_LT(measure(asked, RulesKey, path), kLimit);
    });
}

TEST_F(RulesWork, IsBoundedForManyGlobs) {
    run([] {
        // Each text all but occurs everywhere.
        std::vector<TestRule> rules(4000);
        for (size_t i = 0; i < rules.size(); ++i) {
            rules[i].valueNames = {u"*aaaaaaaaaaaaaaab" + decimal(static_cast<size_t>(i)) + u"*"};
        }
        Asked asked(std::move(rules));
        const std::u16string name = u"b0123456789" + repeat(u"a", kUnits - 11);
        EXPECT_LT(measure(asked, RulesValueName, name), kLimit);
    });
}

TEST_F(RulesWork, IsRefusedBeyondTheLimit) {
    run([] {
        auto refusal = [](const std::vector<TestRule> &rules) {
            RULES_ERROR error{};
            RULES *compiled = createRules(buildProgram(rules), &error);
            RulesRelease(compiled);
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

// What matches nothing costs about the same against a thousand rules as against one.
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
            double least = 1e9;
            for (int run = 0; run < 15; ++run) {
                const auto start = std::chrono::steady_clock::now();
                for (int i = 0; i < 2000; ++i) {
                    RULES_MATCH match;
                    RULES_VERDICT verdict;
                    RulesBegin(&match, asked.get(), 0);
                    RulesNarrowByTexts(&match, RulesKey, &text, 1, nullptr, 0);
                    RulesDecide(&match, &verdict);
                }
                const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
                least = std::min(least, time.count() / 2000);
            }
            return least;
        };
        const double single = perEvent(one), thousand = perEvent(many);
        RecordProperty("one", std::to_string(single));
        RecordProperty("thousand", std::to_string(thousand));
        printf("[          ] %.0f ns against one rule, %.0f ns against a thousand\n", single, thousand);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        // The requirement is 1.3; the rest is for machines that do other things at the same time.
        EXPECT_LT(thousand, 2 * single);
#endif
    });
}

} // namespace
} // namespace cmbridge::test
