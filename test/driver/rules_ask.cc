// SPDX-License-Identifier: MIT
//
// The driver's rules and the plain words of rules, asked about the same notifications.

#include "rules_builder.h"

#include <algorithm>

extern "C" {
#include "driver/decision.h"
}

namespace cmbridge::test {

std::u16string upcase(std::u16string_view text) {
    std::u16string upper(text);
    for (char16_t &unit : upper) {
        unit = RtlUpcaseUnicodeChar(unit);
    }
    return upper;
}

std::vector<std::u16string> splitPath(std::u16string_view path) {
    std::vector<std::u16string> components;
    std::u16string component;
    for (size_t i = 0; i <= path.size(); ++i) {
        if (i < path.size() && path[i] != u'\\') {
            component += path[i];
        } else if (!component.empty()) {
            components.push_back(std::move(component));
            component.clear();
        }
    }
    return components;
}

Sid makeSid(std::initializer_list<uint32_t> subAuthorities) {
    Sid sid = {1, static_cast<uint8_t>(subAuthorities.size()), 0, 0, 0, 0, 0, 5};
    for (uint32_t part : subAuthorities) {
        for (int shift = 0; shift < 32; shift += 8) {
            sid.push_back(static_cast<uint8_t>(part >> shift));
        }
    }
    return sid;
}

uint32_t hashText(std::u16string_view text) {
    uint32_t hash = 0x811C9DC5;
    for (char16_t unit : text) {
        hash = (hash ^ unit) * 0x01000193;
    }
    return hash;
}

namespace {

RULES_TEXT textOf(std::u16string_view text) {
    return {reinterpret_cast<const WCHAR *>(text.data()), static_cast<ULONG>(text.size())};
}

// Cut where a name would be joined to a root, so that parts are tried, too.
std::vector<RULES_TEXT> partsOf(std::u16string_view path) {
    const size_t cut = path.rfind(u'\\');
    if (cut == std::u16string_view::npos) {
        return {textOf(path)};
    }
    return {textOf(path.substr(0, cut)), textOf(path.substr(cut + 1))};
}

void narrowByNumber(RULES_MATCH &match, RULES_DIMENSION dimension, const std::optional<uint64_t> &value) {
    if (!RulesNeeds(&match, dimension)) {
        return;
    }
    if (value) {
        RulesNarrowByNumber(&match, dimension, *value);
    } else {
        RulesNarrowByNothing(&match, dimension);
    }
}

void narrowByText(RULES_MATCH &match, RULES_DIMENSION dimension, const std::optional<std::u16string> &text,
                  const std::optional<std::u16string> &other = std::nullopt) {
    if (!RulesNeeds(&match, dimension)) {
        return;
    }
    if (!text) {
        RulesNarrowByNothing(&match, dimension);
        return;
    }
    const bool whole = dimension == RulesValueName;
    const std::vector<RULES_TEXT> parts = whole ? std::vector{textOf(*text)} : partsOf(*text);
    const std::vector<RULES_TEXT> others = other ? partsOf(*other) : std::vector<RULES_TEXT>();
    RULES_HITS hits;
    RulesFind(match.Rules, dimension, parts.data(), static_cast<ULONG>(parts.size()), &hits);
    if (!other && hits.Count != RULES_HITS_MANY) {
        RulesNarrowByHits(&match, dimension, &hits);
    } else {
        RulesNarrowByTexts(&match, dimension, parts.data(), static_cast<ULONG>(parts.size()),
                           other ? others.data() : nullptr, static_cast<ULONG>(others.size()));
    }
}

} // namespace

RULES *createRules(const Program &program, RULES_ERROR *error, NTSTATUS *status) {
    RULES *rules = nullptr;
    RULES_ERROR ignored;
    const NTSTATUS result = RulesCreate(program.bytes(), program.size(), &rules, error ? error : &ignored);
    if (status) {
        *status = result;
    }
    return rules;
}

RULES_VERDICT decide(const RULES *rules, const TestFacts &facts) {
    RULES_MATCH match;
    RULES_VERDICT verdict;
    RulesBegin(&match, rules, facts.notifyClass);
    narrowByNumber(match, RulesOutcome, facts.outcome);
    narrowByNumber(match, RulesValueType, facts.valueType);
    narrowByNumber(match, RulesProcessId, facts.processId);
    narrowByNumber(match, RulesSessionId, facts.sessionId);
    narrowByNumber(match, RulesElevated, facts.elevated);
    if (RulesNeeds(&match, RulesUser)) {
        if (facts.user) {
            RulesNarrowByUser(&match, facts.user->data(), static_cast<ULONG>(facts.user->size()));
        } else {
            RulesNarrowByNothing(&match, RulesUser);
        }
    }
    if (RulesNeeds(&match, RulesTree)) {
        RulesNarrowByTrees(&match, facts.trees);
    }
    narrowByText(match, RulesImage, facts.image);
    narrowByText(match, RulesKey, facts.key, facts.otherKey);
    narrowByText(match, RulesValueName, facts.valueName);
    RulesDecide(&match, &verdict);
    return verdict;
}

// Tries every way to lay the pattern over the text.
static bool matchesUnits(std::u16string_view pattern, std::u16string_view text) {
    if (pattern.empty()) {
        return text.empty();
    }
    if (pattern[0] == u'*') {
        return matchesUnits(pattern.substr(1), text) || (!text.empty() && matchesUnits(pattern, text.substr(1)));
    }
    return !text.empty() && pattern[0] == text[0] && matchesUnits(pattern.substr(1), text.substr(1));
}

bool matchesName(std::u16string_view pattern, std::u16string_view name) {
    return matchesUnits(upcase(pattern), upcase(name));
}

static bool matchesComponents(const std::vector<std::u16string> &pattern, size_t p,
                              const std::vector<std::u16string> &path, size_t c) {
    if (p == pattern.size()) {
        return c == path.size();
    }
    if (pattern[p] == u"**") {
        return matchesComponents(pattern, p + 1, path, c) ||
               (c < path.size() && matchesComponents(pattern, p, path, c + 1));
    }
    return c < path.size() && matchesUnits(pattern[p], path[c]) && matchesComponents(pattern, p + 1, path, c + 1);
}

bool matchesPath(std::u16string_view pattern, std::u16string_view path) {
    return matchesComponents(splitPath(upcase(pattern)), 0, splitPath(upcase(path)), 0);
}

namespace {

template <typename T> bool has(const std::vector<T> &list, const std::optional<T> &value) {
    return list.empty() || (value && std::find(list.begin(), list.end(), *value) != list.end());
}

bool hasPath(const std::vector<std::u16string> &patterns, const std::optional<std::u16string> &path,
             const std::optional<std::u16string> &other = std::nullopt) {
    return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const std::u16string &pattern) {
               return (path && matchesPath(pattern, *path)) || (path && other && matchesPath(pattern, *other));
           });
}

} // namespace

Expected decideNaively(const std::vector<TestRule> &rules, uint32_t otherwise, const TestFacts &facts,
                       const std::vector<uint64_t> &treeProcesses) {
    for (uint32_t i = 0; i < rules.size(); ++i) {
        const TestRule &rule = rules[i];
        const bool inName = rule.valueNames.empty() ||
                            (facts.valueName && std::any_of(rule.valueNames.begin(), rule.valueNames.end(),
                                                            [&](const std::u16string &pattern) {
                                                                return matchesName(pattern, *facts.valueName);
                                                            }));
        bool inTree = rule.trees.empty();
        for (size_t tree = 0; tree < treeProcesses.size(); ++tree) {
            inTree = inTree || ((facts.trees >> tree & 1) && has(rule.trees, std::optional(treeProcesses[tree])));
        }
        if ((rule.classes >> facts.notifyClass & 1) && inName && inTree && has(rule.valueTypes, facts.valueType) &&
            has(rule.outcomes, facts.outcome) && has(rule.users, facts.user) && has(rule.processIds, facts.processId) &&
            has(rule.sessionIds, facts.sessionId) && has(rule.elevated, facts.elevated) &&
            hasPath(rule.images, facts.image) && hasPath(rule.keys, facts.key, facts.otherKey)) {
            return {rule.action, i};
        }
    }
    return {otherwise, CMB_RULES_NONE};
}

static std::string problemOf(const RULES *rules, const RULES_VERDICT &verdict, uint32_t notifyClass) {
    if (verdict.Rule == CMB_RULES_NONE) {
        return verdict.Action > CMB_ACTION_NOTIFY ? "decided by no rule" : "";
    }
    if (verdict.Rule >= CMB_MAX_RULES || RulesGetRule(rules, verdict.Rule)->Action != verdict.Action) {
        return "a rule that does not exist";
    }
    if (verdict.Action > CMB_ACTION_BYPASS ||
        (verdict.Action > CMB_ACTION_NOTIFY && !DecisionActionFits(verdict.Action, notifyClass))) {
        return "an action that was not accepted";
    }
    return "";
}

static bool isClosed(const CMB_RULE &rule, bool kernelMode) {
    if (rule.Status >= 0 || rule.Status == STATUS_CALLBACK_BYPASS) {
        return false;
    }
    return rule.Action == CMB_ACTION_BLOCK
               ? !kernelMode || rule.Flags & CMB_RULE_KERNEL_MODE
               : rule.Action == CMB_ACTION_ASK && !kernelMode && rule.Flags & CMB_RULE_FAIL_CLOSED;
}

std::string exercise(const RULES *rules, std::u16string_view text) {
    TestFacts facts;
    facts.key = facts.image = facts.valueName = std::u16string(text);
    facts.otherKey = std::u16string(text.substr(text.size() / 2));
    facts.user = makeSid({21, 1, 2, 3, 1001});
    uint64_t number = 0;
    for (char16_t unit : text) {
        number = number * 31 + unit;
    }
    facts.outcome = 1 + number % 2;
    facts.elevated = number % 2;
    facts.valueType = facts.processId = facts.sessionId = number % 12;
    facts.trees = static_cast<uint32_t>(number);
    for (uint32_t notifyClass = 0; notifyClass < 66; ++notifyClass) {
        facts.notifyClass = notifyClass;
        const RULES_VERDICT verdict = decide(rules, facts);
        if (verdict.Doubtful) {
            return "in doubt although everything was known";
        }
        if (std::string problem = problemOf(rules, verdict, notifyClass); !problem.empty()) {
            return problem;
        }
        RULES_MATCH match;
        RULES_VERDICT doubtful;
        RulesBegin(&match, rules, notifyClass);
        const bool ignored = RulesIsIgnored(&match);
        if (ignored && verdict.Action != CMB_ACTION_IGNORE) {
            return "said to be ignored, but it is not";
        }
        for (int dimension = 0; dimension < RulesDimensionCount; ++dimension) {
            RulesDoubt(&match, static_cast<RULES_DIMENSION>(dimension));
        }
        RulesDecide(&match, &doubtful);
        const bool matters = verdict.Action > CMB_ACTION_NOTIFY;
        if (!doubtful.Doubtful && (doubtful.Action != verdict.Action || (matters && doubtful.Rule != verdict.Rule))) {
            return "without doubt, but wrong";
        }
        for (BOOLEAN kernelMode : {FALSE, TRUE}) {
            const UINT32 closed = RulesFindClosed(&match, kernelMode);
            if (closed == CMB_RULES_NONE && !kernelMode && verdict.Action == CMB_ACTION_BLOCK) {
                return "open, although what decides is closed";
            }
            if (closed != CMB_RULES_NONE && !isClosed(*RulesGetRule(rules, closed), kernelMode)) {
                return "closed by a rule that is not";
            }
        }
    }
    return {};
}

} // namespace cmbridge::test
