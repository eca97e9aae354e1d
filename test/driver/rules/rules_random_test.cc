// SPDX-License-Identifier: MIT
//
// Random rules and notifications: the driver's verdict is that of the plain words of the rules.

#include "test/driver/rules/rules_fixture.h"

#include <random>

namespace cmbridge::test {
namespace {

class RandomRules : public DriverTest {
  protected:
    void run(const std::function<void()> &job) { actor_.run(job); }

  private:
    Actor actor_;
};

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

// The classes of these rules are such that can be decided in any way.
TestRule randomAction(std::mt19937 &random) {
    static_assert(RegNtPreDeleteKey == 0 && RegNtPreSetValueKey == 1);
    switch (random() % 7) {
    case 0:
        return askRule(0);
    case 1:
        return blockRule(0);
    case 2:
        return bypassRule(0);
    case 3:
    case 4:
        return {.action = CMB_ACTION_IGNORE};
    default:
        return {.action = CMB_ACTION_NOTIFY};
    }
}

TEST_F(RandomRules, DecideAsTheirPlainWordsSay) {
    run([] {
        std::mt19937 random(20);
        const std::initializer_list<Sid> users = {makeSid({18}), makeSid({21, 1, 2, 3, 500}),
                                                  makeSid({21, 1, 2, 3, 501})};
        for (int round = 0; round < 150; ++round) {
            std::vector<TestRule> rules(1 + random() % (round % 10 == 0 ? 200 : 12));
            for (TestRule &rule : rules) {
                rule = randomAction(random);
                rule.classes = random() % 2 ? 3 : 1 + random() % 3;
                for (uint32_t left = random() % 4; left > 0; --left) {
                    rule.keys.push_back(randomPattern(random) +
                                        (round % 3 == 0 ? u"\\" + pick(random, {u"a", u"b", u"ab"}) : u""));
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

} // namespace
} // namespace cmbridge::test
