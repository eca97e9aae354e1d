// SPDX-License-Identifier: MIT
//
// Which rule decides: patterns, order, many rules, doubts.

#include "test/driver/rules/rules_fixture.h"

#include <algorithm>

namespace cmbridge::test {
namespace {

class RulesMatch : public DriverTest {
  protected:
    // Verdicts are asked for at APC_LEVEL, too.
    void run(const std::function<void()> &job) {
        actor_.run(job);
        actor_.thread().runAtIrql(APC_LEVEL, job);
    }

  private:
    Actor actor_;
};

TEST_F(RulesMatch, FindsLiterals) {
    run([] {
        Asked asked({{.keys = {u"\\REGISTRY\\MACHINE\\SOFTWARE\\\u00C4rger"}}, {.keys = {u"\\REGISTRY"}}});
        EXPECT_EQ(asked.key(u"\\registry\\machine\\Software\\\u00E4RGER"), 0u);
        EXPECT_EQ(asked.key(u"registry\\\\machine\\\\\\software\\\u00E4rger\\\\"), 0u);
        EXPECT_EQ(asked.key(u"\\REGISTRY"), 1u);
        EXPECT_EQ(asked.key(u"\\REGISTRY\\MACHINE\\SOFTWARE"), kNone);
        EXPECT_EQ(asked.key(u"\\REGISTRY\\MACHINE\\SOFTWARE\\\u00E4rgerl"), kNone);
        EXPECT_EQ(asked.key(u"\\REGISTRY\\MACHINE\\SOFTWARE\\\u00E4rger\\x"), kNone);
        EXPECT_EQ(asked.key(u""), kNone);
        EXPECT_EQ(asked.rule({}), kNone);
    });
}

TEST_F(RulesMatch, FindsWildcardsWithinAComponent) {
    run([] {
        Asked asked({{.keys = {u"a\\*\\c"}},
                     {.keys = {u"a\\pre*\\d"}},
                     {.keys = {u"a\\*fix\\e"}},
                     {.keys = {u"a\\pre*fix\\f"}},
                     {.keys = {u"a\\*aab*aab*\\g"}},
                     {.keys = {u"a\\x*y*x\\h"}}});
        EXPECT_EQ(asked.key(u"a\\anything\\c"), 0u);
        EXPECT_EQ(asked.key(u"a\\c"), kNone);
        EXPECT_EQ(asked.key(u"a\\x\\y\\c"), kNone);
        EXPECT_EQ(asked.key(u"a\\PREtty\\d"), 1u);
        EXPECT_EQ(asked.key(u"a\\pre\\d"), 1u);
        EXPECT_EQ(asked.key(u"a\\pr\\d"), kNone);
        EXPECT_EQ(asked.key(u"a\\suffix\\e"), 2u);
        EXPECT_EQ(asked.key(u"a\\fixe\\e"), kNone);
        EXPECT_EQ(asked.key(u"a\\prefix\\f"), 3u);
        // Start and end do not share units.
        EXPECT_EQ(asked.key(u"a\\prefi\\f"), kNone);
        // A border of the text is needed here: a a a b.
        EXPECT_EQ(asked.key(u"a\\aaabxaaab\\g"), 4u);
        EXPECT_EQ(asked.key(u"a\\aabaab\\g"), 4u);
        EXPECT_EQ(asked.key(u"a\\aaabaa\\g"), kNone);
        EXPECT_EQ(asked.key(u"a\\xyx\\h"), 5u);
        EXPECT_EQ(asked.key(u"a\\xx\\h"), kNone);
        EXPECT_EQ(asked.key(u"a\\xy\\h"), kNone);
    });
}

TEST_F(RulesMatch, FindsWildcardsOverComponents) {
    run([] {
        Asked asked({{.keys = {u"a\\**"}},
                     {.keys = {u"**\\Run"}},
                     {.keys = {u"b\\**\\c"}},
                     {.keys = {u"d\\**\\e\\**\\f"}},
                     {.keys = {u"g\\**\\h\\**"}},
                     {.keys = {u"**\\i\\*\\k"}}});
        EXPECT_EQ(asked.key(u"a"), 0u);
        EXPECT_EQ(asked.key(u"a\\b\\c\\d"), 0u);
        EXPECT_EQ(asked.key(u"run"), 1u);
        EXPECT_EQ(asked.key(u"x\\y\\RUN"), 1u);
        EXPECT_EQ(asked.key(u"x\\run\\y"), kNone);
        EXPECT_EQ(asked.key(u"x\\run\\run"), 1u);
        EXPECT_EQ(asked.key(u"b\\c"), 2u);
        EXPECT_EQ(asked.key(u"b\\c\\x\\c"), 2u);
        EXPECT_EQ(asked.key(u"b\\x\\y"), kNone);
        EXPECT_EQ(asked.key(u"d\\e\\f"), 3u);
        EXPECT_EQ(asked.key(u"d\\e\\f\\e"), kNone);
        EXPECT_EQ(asked.key(u"d\\x\\e\\e\\y\\f\\f"), 3u);
        EXPECT_EQ(asked.key(u"g\\h"), 4u);
        EXPECT_EQ(asked.key(u"g\\x\\h\\y\\z"), 4u);
        EXPECT_EQ(asked.key(u"g\\x"), kNone);
        EXPECT_EQ(asked.key(u"i\\i\\j\\k"), 5u);
        EXPECT_EQ(asked.key(u"i\\j\\k\\l"), kNone);
        Asked all({{.keys = {u"**"}}});
        EXPECT_EQ(all.key(u""), 0u);
        EXPECT_EQ(all.key(u"x\\y"), 0u);
        EXPECT_EQ(all.rule({}), kNone);
    });
}

TEST_F(RulesMatch, FindsValueNames) {
    run([] {
        Asked asked({{.valueNames = {u""}}, {.valueNames = {u"a\\b"}}, {.valueNames = {u"*\\c", u"x*"}}});
        EXPECT_EQ(asked.name(u""), 0u);
        // A name is one component, separators and all.
        EXPECT_EQ(asked.name(u"A\\B"), 1u);
        EXPECT_EQ(asked.name(u"a"), kNone);
        EXPECT_EQ(asked.name(u"y\\z\\C"), 2u);
        EXPECT_EQ(asked.name(u"X"), 2u);
        EXPECT_EQ(asked.name(u"\\"), kNone);
        EXPECT_EQ(asked.rule({}), kNone);
        Asked any({{.valueNames = {u"*"}}});
        EXPECT_EQ(any.name(u""), 0u);
        EXPECT_EQ(any.name(u"a\\b"), 0u);
        EXPECT_EQ(any.rule({}), kNone);
        // No part at all is the name of the default value, as an empty one is, wherever that points.
        for (ULONG count : {0, 1}) {
            const RULES_TEXT nothing = {nullptr, 0};
            RULES_HITS hits;
            RulesFind(asked.get(), RulesValueName, &nothing, count, &hits);
            EXPECT_EQ(hits.Count, 1u);
        }
    });
}

TEST_F(RulesMatch, LetsTheFirstRuleDecide) {
    run([] {
        Asked asked({{.action = CMB_ACTION_IGNORE, .keys = {u"a\\b\\**"}},
                     {.classes = 2, .keys = {u"a\\**"}},
                     {.action = CMB_ACTION_IGNORE, .keys = {u"a\\c"}, .processIds = {4}},
                     {.keys = {u"a\\*"}}},
                    CMB_ACTION_NOTIFY);
        EXPECT_EQ(asked.key(u"a\\b\\c"), 0u);
        EXPECT_EQ(asked.rule({.notifyClass = 1, .key = u"a\\c"}), 1u);
        EXPECT_EQ(asked.rule({.key = u"a\\c", .processId = 4}), 2u);
        EXPECT_EQ(asked.rule({.key = u"a\\c", .processId = 8}), 3u);
        EXPECT_EQ(asked.key(u"a\\c"), 3u);
        EXPECT_EQ(asked.key(u"a\\c\\d"), kNone);
        EXPECT_EQ(decide(asked.get(), {.key = u"a\\c\\d"}).Action, static_cast<UINT32>(CMB_ACTION_NOTIFY));
    });
}

TEST_F(RulesMatch, AsksEachCondition) {
    run([] {
        const Sid user = makeSid({21, 1, 2, 3, 1001}), other = makeSid({21, 1, 2, 4, 1001}), system = makeSid({18});
        Asked asked({{.images = {u"**\\evil*.exe"}},
                     {.valueTypes = {1, 7}},
                     {.outcomes = {CMB_OUTCOME_FAILURE}},
                     {.users = {user, system}},
                     {.processIds = {4, 8, 12, 16, 20}},
                     {.sessionIds = {0}},
                     {.elevated = {1}},
                     {.trees = {100, 200, 300}}});
        EXPECT_EQ(asked.rule({.image = u"\\Device\\HarddiskVolume3\\Evil2.EXE"}), 0u);
        EXPECT_EQ(asked.rule({.valueType = 7}), 1u);
        EXPECT_EQ(asked.rule({.valueType = 4}), kNone);
        EXPECT_EQ(asked.rule({.outcome = CMB_OUTCOME_FAILURE}), 2u);
        EXPECT_EQ(asked.rule({.outcome = CMB_OUTCOME_SUCCESS}), kNone);
        EXPECT_EQ(asked.rule({.user = user}), 3u);
        EXPECT_EQ(asked.rule({.user = system}), 3u);
        EXPECT_EQ(asked.rule({.user = other}), kNone);
        EXPECT_EQ(asked.rule({.user = Sid(user.begin(), user.end() - 4)}), kNone);
        for (uint64_t id = 0; id < 24; ++id) {
            EXPECT_EQ(asked.rule({.processId = id}), id % 4 == 0 && id > 0 ? 4u : kNone) << id;
        }
        EXPECT_EQ(asked.rule({.sessionId = 0}), 5u);
        EXPECT_EQ(asked.rule({.sessionId = 1}), kNone);
        EXPECT_EQ(asked.rule({.elevated = 1}), 6u);
        EXPECT_EQ(asked.rule({.elevated = 0}), kNone);
        EXPECT_EQ(asked.rule({.trees = 2}), 7u);
        EXPECT_EQ(asked.rule({.trees = 8}), kNone);
        EXPECT_EQ(asked.rule({}), kNone);
    });
}

TEST_F(RulesMatch, TakesEitherOfTwoPaths) {
    run([] {
        Asked asked({{.keys = {u"a\\b"}}, {.keys = {u"c\\**"}}});
        EXPECT_EQ(asked.rule({.key = u"x", .otherKey = u"a\\b"}), 0u);
        EXPECT_EQ(asked.rule({.key = u"a\\b", .otherKey = u"x"}), 0u);
        EXPECT_EQ(asked.rule({.key = u"c", .otherKey = u"a\\b"}), 0u);
        EXPECT_EQ(asked.rule({.key = u"x", .otherKey = u"c\\d"}), 1u);
        EXPECT_EQ(asked.rule({.key = u"x", .otherKey = u"y"}), kNone);
    });
}

// A path comes in parts, cut anywhere that a separator may stand.
TEST_F(RulesMatch, TakesPathsInParts) {
    run([] {
        Asked asked({{.keys = {u"a\\bc\\d"}}, {.keys = {u"**\\e\\f"}}});
        auto find = [&](const std::vector<std::u16string> &texts) {
            std::vector<RULES_TEXT> parts;
            for (const std::u16string &text : texts) {
                parts.push_back({reinterpret_cast<const WCHAR *>(text.data()), static_cast<ULONG>(text.size())});
            }
            RULES_MATCH match;
            RULES_VERDICT verdict;
            RulesBegin(&match, asked.get(), 0);
            RulesNarrowByTexts(&match, RulesKey, parts.data(), static_cast<ULONG>(parts.size()), nullptr, 0);
            RulesDecide(&match, &verdict);
            return verdict.Rule;
        };
        EXPECT_EQ(find({u"a", u"bc", u"d"}), 0u);
        EXPECT_EQ(find({u"\\a\\", u"\\bc\\d"}), 0u);
        EXPECT_EQ(find({u"", u"\\\\", u"a\\bc", u"", u"d", u"\\"}), 0u);
        EXPECT_EQ(find({u"a\\b", u"c\\d"}), kNone);
        EXPECT_EQ(find({u"x\\e", u"f"}), 1u);
        EXPECT_EQ(find({u"x\\e", u"\\"}), kNone);
        EXPECT_EQ(find({}), kNone);
    });
}

TEST_F(RulesMatch, KnowsManyRules) {
    run([] {
        for (uint32_t count : {63u, 64u, 65u, 128u, 1000u, 4096u}) {
            std::vector<TestRule> rules;
            for (uint32_t i = 0; i < count; ++i) {
                const std::string number = std::to_string(i);
                rules.push_back({.keys = {u"\\REGISTRY\\MACHINE\\Vendor" + std::u16string(number.begin(), number.end()),
                                          u"\\REGISTRY\\MACHINE\\All"},
                                 .processIds = {i}});
            }
            Asked asked(std::move(rules));
            for (uint32_t i = 0; i < count; i += 1 + count / 16) {
                const std::string number = std::to_string(i);
                const std::u16string text(number.begin(), number.end());
                EXPECT_EQ(asked.rule({.key = u"\\REGISTRY\\MACHINE\\vendor" + text, .processId = i}), i);
                EXPECT_EQ(asked.rule({.key = u"\\REGISTRY\\MACHINE\\all", .processId = i}), i);
                EXPECT_EQ(asked.rule({.key = u"\\REGISTRY\\MACHINE\\vendor" + text, .processId = i + 1}), kNone);
            }
            EXPECT_EQ(asked.rule({.key = u"\\REGISTRY\\MACHINE\\all", .processId = count}), kNone);
        }
    });
}

TEST_F(RulesMatch, SurvivesMoreHitsThanFit) {
    run([] {
        std::vector<TestRule> rules;
        for (int i = 0; i <= RULES_MAX_HITS; ++i) {
            rules.push_back({.keys = {u"**\\" + std::u16string(static_cast<size_t>(i), u'a') + u"*"}});
        }
        const std::u16string fits(RULES_MAX_HITS - 1, u'a'), beyond(RULES_MAX_HITS, u'a');
        Asked asked(rules);
        RULES_HITS hits;
        RULES_TEXT text = {reinterpret_cast<const WCHAR *>(fits.data()), static_cast<ULONG>(fits.size())};
        RulesFind(asked.get(), RulesKey, &text, 1, &hits);
        EXPECT_EQ(hits.Count, static_cast<ULONG>(RULES_MAX_HITS));
        text = {reinterpret_cast<const WCHAR *>(beyond.data()), static_cast<ULONG>(beyond.size())};
        RulesFind(asked.get(), RulesKey, &text, 1, &hits);
        EXPECT_EQ(hits.Count, RULES_HITS_MANY);
        // A set that is met at several places counts once.
        const std::u16string twice = u"b\\b\\b\\b\\b\\b\\b\\b\\b";
        Asked below({{.keys = {u"**\\b\\**"}}});
        text = {reinterpret_cast<const WCHAR *>(twice.data()), static_cast<ULONG>(twice.size())};
        RulesFind(below.get(), RulesKey, &text, 1, &hits);
        EXPECT_EQ(hits.Count, 1u);
        std::reverse(rules.begin(), rules.end());
        EXPECT_EQ(Asked(rules).key(u"x\\" + beyond), 0u);
        EXPECT_EQ(Asked(rules).key(u"x\\" + fits), 1u);
    });
}

TEST_F(RulesMatch, KnowsByTheLastNameWhatNoPatternEndsWith) {
    run([] {
        const auto canEnd = [](const std::vector<std::u16string> &patterns, std::u16string_view text) {
            std::vector<TestRule> rules(1);
            rules[0].keys = patterns;
            Asked asked(rules);
            const RULES_TEXT last = {reinterpret_cast<const WCHAR *>(text.data()), static_cast<ULONG>(text.size())};
            return RulesCanEndWith(asked.get(), &last) != FALSE;
        };
        EXPECT_TRUE(canEnd({u"A\\B", u"**\\Run"}, u"x\\rUN"));
        EXPECT_TRUE(canEnd({u"A\\B", u"**\\Run"}, u"B\\\\"));
        EXPECT_FALSE(canEnd({u"A\\B", u"**\\Run"}, u"Run\\x"));
        EXPECT_FALSE(canEnd({u"A\\*\\B"}, u"A"));
        // What no text says.
        EXPECT_TRUE(canEnd({u"A\\B"}, u""));
        EXPECT_TRUE(canEnd({u"A\\B"}, u"\\"));
        for (const char16_t *open : {u"A\\*", u"A\\**", u"A\\B*", u"**"}) {
            EXPECT_TRUE(canEnd({u"A\\B", open}, u"x"));
        }
    });
}

TEST_F(RulesMatch, AsksOnlyForWhatIsNeeded) {
    run([] {
        Asked asked({{.action = CMB_ACTION_IGNORE, .processIds = {4}},
                     {.classes = 1, .keys = {u"a"}, .valueTypes = {1}},
                     {.classes = 1, .images = {u"**\\x"}}});
        RULES_MATCH match;
        RulesBegin(&match, asked.get(), 0);
        EXPECT_TRUE(RulesNeeds(&match, RulesKey));
        EXPECT_TRUE(RulesNeeds(&match, RulesProcessId));
        EXPECT_FALSE(RulesNeeds(&match, RulesUser));
        EXPECT_FALSE(RulesIsIgnored(&match));
        RulesNarrowByNothing(&match, RulesValueType);
        // Only rule 1 asked for the key.
        EXPECT_FALSE(RulesNeeds(&match, RulesKey));
        EXPECT_TRUE(RulesNeeds(&match, RulesImage));
        EXPECT_FALSE(RulesIsIgnored(&match));
        RulesNarrowByNothing(&match, RulesImage);
        EXPECT_TRUE(RulesIsIgnored(&match));
        EXPECT_TRUE(RulesNeeds(&match, RulesProcessId));
        // Dimensions that nobody uses leave everything as it is.
        RulesNarrowByNothing(&match, RulesUser);
        RulesNarrowByNumber(&match, RulesSessionId, 1);
        RulesNarrowByUser(&match, nullptr, 0);
        RulesNarrowByTrees(&match, 0);
        EXPECT_TRUE(RulesNeeds(&match, RulesProcessId));
        // The first candidate is certain before the others are looked at.
        RulesBegin(&match, asked.get(), 0);
        RulesNarrowByNumber(&match, RulesProcessId, 4);
        EXPECT_TRUE(RulesIsIgnored(&match));
        RulesBegin(&match, asked.get(), 1);
        EXPECT_TRUE(RulesIsIgnored(&match));
        for (uint32_t none : {64u, 0xFFFFFFFFu}) {
            RulesBegin(&match, asked.get(), none);
            EXPECT_TRUE(RulesIsIgnored(&match));
        }
        Asked other({}, CMB_ACTION_NOTIFY);
        RulesBegin(&match, other.get(), 0);
        EXPECT_FALSE(RulesIsIgnored(&match));
    });
}

} // namespace
} // namespace cmbridge::test
