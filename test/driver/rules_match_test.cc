// SPDX-License-Identifier: MIT
//
// Which rule decides: patterns, order, many rules, doubts, and bounded work for texts made to be dear.

#include "fixture.h"
#include "rules_builder.h"

#include <chrono>
#include <random>

namespace cmbridge::test {
namespace {

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
    ~Asked() { RulesRelease(compiled_); }
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

class RulesMatchTest : public DriverTest {
  protected:
    // Verdicts are asked for at APC_LEVEL, too.
    void run(const std::function<void()> &job) {
        actor_.run(job);
        actor_.thread().runAtIrql(APC_LEVEL, job);
    }

  private:
    Actor actor_;
};

TEST_F(RulesMatchTest, Literals) {
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

TEST_F(RulesMatchTest, WildcardsWithinAComponent) {
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

TEST_F(RulesMatchTest, WildcardsOverComponents) {
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

TEST_F(RulesMatchTest, ValueNames) {
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

TEST_F(RulesMatchTest, OrderDecides) {
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

TEST_F(RulesMatchTest, EachCondition) {
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

TEST_F(RulesMatchTest, EitherOfTwoPaths) {
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
TEST_F(RulesMatchTest, Parts) {
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

TEST_F(RulesMatchTest, ManyRules) {
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

TEST_F(RulesMatchTest, MoreHitsThanFit) {
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

TEST_F(RulesMatchTest, Doubts) {
    run([] {
        auto doubt = [](const std::vector<TestRule> &rules, uint32_t otherwise,
                        std::initializer_list<RULES_DIMENSION> dimensions, bool narrowed = false) {
            Asked asked(rules, otherwise);
            RULES_MATCH match;
            RULES_VERDICT verdict;
            RulesBegin(&match, asked.get(), 0);
            if (narrowed) {
                RulesNarrowByNumber(&match, RulesProcessId, 4);
            }
            for (RULES_DIMENSION dimension : dimensions) {
                RulesDoubt(&match, dimension);
            }
            RulesDecide(&match, &verdict);
            return verdict;
        };
        const TestRule key = {.keys = {u"a"}}, all = {}, ignored = {.action = CMB_ACTION_IGNORE, .keys = {u"a"}},
                       ignoreAll = {.action = CMB_ACTION_IGNORE}, id = {.processIds = {8}};
        // The rule may match or not, and that makes a difference.
        EXPECT_TRUE(doubt({key}, CMB_ACTION_IGNORE, {RulesKey}).Doubtful);
        EXPECT_TRUE(doubt({ignored, all}, CMB_ACTION_IGNORE, {RulesKey}).Doubtful);
        EXPECT_TRUE(doubt({ignored}, CMB_ACTION_NOTIFY, {RulesKey}).Doubtful);
        EXPECT_TRUE(doubt({ignored, key, ignoreAll}, CMB_ACTION_IGNORE, {RulesKey}).Doubtful);
        // It makes none.
        RULES_VERDICT verdict = doubt({key}, CMB_ACTION_NOTIFY, {RulesKey});
        EXPECT_FALSE(verdict.Doubtful);
        EXPECT_EQ(verdict.Action, static_cast<UINT32>(CMB_ACTION_NOTIFY));
        verdict = doubt({ignored, ignoreAll, all}, CMB_ACTION_NOTIFY, {RulesKey});
        EXPECT_FALSE(verdict.Doubtful);
        EXPECT_EQ(verdict.Action, static_cast<UINT32>(CMB_ACTION_IGNORE));
        // A rule without the condition decides before.
        verdict = doubt({all, ignored}, CMB_ACTION_IGNORE, {RulesKey, RulesImage});
        EXPECT_FALSE(verdict.Doubtful);
        EXPECT_EQ(verdict.Rule, 0u);
        // The rule in doubt is out for another reason.
        verdict = doubt({id, ignoreAll}, CMB_ACTION_IGNORE, {RulesKey}, true);
        EXPECT_FALSE(verdict.Doubtful);
        EXPECT_EQ(verdict.Rule, 1u);
        TestRule both = key;
        both.processIds = {8};
        EXPECT_FALSE(doubt({both}, CMB_ACTION_IGNORE, {RulesKey}, true).Doubtful);
        both.processIds = {4};
        EXPECT_TRUE(doubt({both}, CMB_ACTION_IGNORE, {RulesKey}, true).Doubtful);
    });
}

TEST_F(RulesMatchTest, NeedsAndIgnores) {
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

std::u16string pick(std::mt19937 &random, std::initializer_list<const char16_t *> from) {
    return from.begin()[random() % from.size()];
}

std::u16string randomPattern(std::mt19937 &random) {
    std::u16string pattern;
    for (uint32_t left = 1 + random() % 5; left > 0; --left) {
        pattern += u"\\" + pick(random, {u"a", u"b", u"ab", u"\u00E9", u"*", u"**", u"**", u"a*", u"*b", u"*a*",
                                         u"b*a*b", u"a*a", u"*ab*ab", u"aab"});
    }
    return pattern;
}

std::u16string randomPath(std::mt19937 &random) {
    std::u16string path;
    for (uint32_t left = random() % 8; left > 0; --left) {
        path += pick(random, {u"\\", u"\\\\"}) +
                pick(random, {u"a", u"B", u"Ab", u"\u00C9", u"aab", u"abab", u"baab", u"aabaabab", u"x"});
    }
    return path;
}

template <typename T> std::vector<T> randomList(std::mt19937 &random, std::initializer_list<T> from, uint32_t odds) {
    std::vector<T> list;
    if (random() % odds == 0) {
        for (uint32_t left = 1 + random() % 3; left > 0; --left) {
            list.push_back(from.begin()[random() % from.size()]);
        }
    }
    return list;
}

TEST_F(RulesMatchTest, AgreesWithPlainWords) {
    run([] {
        std::mt19937 random(20);
        const std::initializer_list<Sid> users = {makeSid({18}), makeSid({21, 1, 2, 3, 500}),
                                                  makeSid({21, 1, 2, 3, 501})};
        for (int round = 0; round < 150; ++round) {
            std::vector<TestRule> rules(1 + random() % (round % 10 == 0 ? 200 : 12));
            for (TestRule &rule : rules) {
                rule.action = random() % 2 ? CMB_ACTION_NOTIFY : CMB_ACTION_IGNORE;
                rule.classes = random() % 2 ? 3 : 1 + random() % 3;
                for (uint32_t left = random() % 4; left > 0; --left) {
                    rule.keys.push_back(randomPattern(random));
                }
                if (random() % 4 == 0) {
                    rule.images.push_back(randomPattern(random));
                }
                if (random() % 3 == 0) {
                    rule.valueNames = {pick(random, {u"", u"*", u"a", u"*b*", u"a\\*", u"ab*"})};
                }
                rule.valueTypes = randomList<uint64_t>(random, {0, 1, 2, 3}, 4);
                rule.outcomes = randomList<uint64_t>(random, {CMB_OUTCOME_SUCCESS, CMB_OUTCOME_FAILURE}, 5);
                rule.users = randomList<Sid>(random, users, 5);
                rule.processIds = randomList<uint64_t>(random, {4, 8, 12}, 6);
                rule.sessionIds = randomList<uint64_t>(random, {0, 1}, 6);
                rule.elevated = randomList<uint64_t>(random, {0, 1}, 6);
                rule.trees = randomList<uint64_t>(random, {100, 104, 108}, 6);
            }
            Asked asked(rules, random() % 2 ? CMB_ACTION_NOTIFY : CMB_ACTION_IGNORE);
            for (int notification = 0; notification < 40; ++notification) {
                TestFacts facts{.notifyClass = static_cast<uint32_t>(random() % 2), .key = randomPath(random)};
                auto maybe = [&](auto &fact, auto value) {
                    if (random() % 4 != 0) {
                        fact = value;
                    }
                };
                maybe(facts.image, randomPath(random));
                maybe(facts.valueName, pick(random, {u"", u"a", u"AB", u"xby", u"a\\b"}));
                maybe(facts.valueType, random() % 4);
                maybe(facts.outcome, 1 + random() % 2);
                maybe(facts.user, users.begin()[random() % users.size()]);
                maybe(facts.processId, 4 * (random() % 4));
                maybe(facts.sessionId, random() % 2);
                maybe(facts.elevated, random() % 2);
                facts.trees = static_cast<uint32_t>(random() % 8);
                if (random() % 4 == 0) {
                    facts.otherKey = randomPath(random);
                }
                asked.rule(facts);
                if (HasFailure()) {
                    FAIL() << "round " << round << ", notification " << notification;
                }
            }
        }
    });
}

// The dearest that a program of the greatest allowed work can meet: texts as long as a UNICODE_STRING can be.
class RulesWorkTest : public RulesMatchTest {
  protected:
    // The least of three, for the machine may be busy.
    static double measure(const Asked &asked, const TestFacts &facts) {
        double least = 1e9;
        for (int i = 0; i < 3; ++i) {
            const auto start = std::chrono::steady_clock::now();
            decide(asked.get(), facts);
            least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        }
        return least;
    }
    static std::u16string repeat(std::u16string_view unit, size_t units) {
        std::u16string text;
        while (text.size() + unit.size() <= units) {
            text += unit;
        }
        return text;
    }
    static constexpr size_t kUnits = 32767;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    static constexpr double kLimit = 20;
#else
    static constexpr double kLimit = 3;
#endif
};

TEST_F(RulesWorkTest, NestedWildcards) {
    run([] {
        // Tried naively this takes time in the sixtieth power of the length.
        std::u16string pattern;
        for (int i = 0; i < 30; ++i) {
            pattern += u"\\**\\a";
        }
        Asked asked({{.keys = {pattern + u"\\b"}}});
        EXPECT_LT(measure(asked, {.key = repeat(u"\\a", kUnits)}), kLimit);
        EXPECT_EQ(decide(asked.get(), {.key = repeat(u"\\a", kUnits)}).Rule, kNone);
        EXPECT_EQ(decide(asked.get(), {.key = repeat(u"\\a", kUnits - 10) + u"\\b"}).Rule, 0u);
    });
}

TEST_F(RulesWorkTest, ManyPlacesToGoOn) {
    run([] {
        // As many nodes that stay below another one as may be, all reached by one path.
        std::vector<TestRule> rules(1300);
        std::u16string path;
        for (size_t i = 0; i < rules.size(); ++i) {
            const std::string number = std::to_string(i);
            const std::u16string name(number.begin(), number.end());
            rules[i].keys = {u"**\\" + name + u"\\**\\a\\b"};
            path += u"\\" + name;
        }
        Asked asked(std::move(rules));
        path += repeat(u"\\a", kUnits - path.size());
        EXPECT_EQ(decide(asked.get(), {.key = path}).Rule, kNone);
        EXPECT_LT(measure(asked, {.key = path}), kLimit);
    });
}

TEST_F(RulesWorkTest, ManyGlobs) {
    run([] {
        // Each text all but occurs everywhere.
        std::vector<TestRule> rules(4000);
        for (size_t i = 0; i < rules.size(); ++i) {
            const std::string number = std::to_string(i);
            rules[i].valueNames = {u"*aaaaaaaaaaaaaaab" + std::u16string(number.begin(), number.end()) + u"*"};
        }
        Asked asked(std::move(rules));
        const std::u16string name = u"b0123456789" + repeat(u"a", kUnits - 11);
        EXPECT_EQ(decide(asked.get(), {.valueName = name}).Rule, kNone);
        EXPECT_LT(measure(asked, {.valueName = name}), kLimit);
    });
}

TEST_F(RulesWorkTest, BeyondTheLimit) {
    Actor actor;
    actor.run([] {
        auto refusal = [](const std::vector<TestRule> &rules) {
            RULES_ERROR error{};
            RULES *compiled = createRules(buildProgram(rules), &error);
            RulesRelease(compiled);
            return compiled ? 0 : error.Reason;
        };
        // Names and names of images are trees of their own.
        for (auto condition : {&TestRule::keys, &TestRule::valueNames, &TestRule::images}) {
            std::vector<TestRule> rules;
            TestRule rule;
            for (int i = 0; i < CMB_MAX_RULES_WORK / 2 + 1; ++i) {
                const std::string number = std::to_string(i);
                (rule.*condition).push_back(u"x*" + std::u16string(number.begin(), number.end()));
            }
            EXPECT_EQ(refusal({rule}), static_cast<UINT32>(CMB_RULES_REASON_COUNT));
            (rule.*condition).resize(CMB_MAX_RULES_WORK / 2 - 1);
            EXPECT_EQ(refusal({rule}), 0u);
        }
        // Literals exclude each other, however many there are.
        TestRule literals, nested;
        for (int i = 0; i < 20000; ++i) {
            const std::string number = std::to_string(i);
            const std::u16string name(number.begin(), number.end());
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
TEST_F(RulesWorkTest, ThousandRulesCostWhatOneCosts) {
    Actor actor;
    actor.run([] {
        auto rulesOf = [](int count) {
            std::vector<TestRule> rules;
            for (int i = 0; i < count; ++i) {
                const std::string number = std::to_string(i);
                const std::u16string name(number.begin(), number.end());
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
