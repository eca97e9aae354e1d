// SPDX-License-Identifier: MIT

#include "rules_builder.h"

#include <algorithm>
#include <array>
#include <memory>
#include <set>

namespace cmbridge::test {

namespace {

using RuleSet = std::set<uint32_t>;

struct Node {
    std::map<std::u16string, std::unique_ptr<Node>> literals;
    std::map<std::u16string, std::unique_ptr<Node>> globs;
    std::unique_ptr<Node> any;
    std::unique_ptr<Node> deep;
    RuleSet end;
    RuleSet below;
    bool isDeep = false;
    uint32_t depth = 1;
    uint32_t number = 0;
};

Node *child(const Node &parent, std::unique_ptr<Node> &place) {
    if (!place) {
        place = std::make_unique<Node>();
        place->depth = parent.depth + 1;
    }
    return place.get();
}

void addPattern(Node *node, const std::vector<std::u16string> &components, uint32_t rule) {
    for (size_t i = 0; i < components.size(); ++i) {
        const std::u16string component = upcase(components[i]);
        if (component == u"**") {
            if (i + 1 == components.size()) {
                node->below.insert(rule);
                return;
            }
            node = child(*node, node->deep);
            node->isDeep = true;
        } else if (component == u"*") {
            node = child(*node, node->any);
        } else if (component.find(u'*') != std::u16string::npos) {
            node = child(*node, node->globs[component]);
        } else {
            node = child(*node, node->literals[component]);
        }
    }
    node->end.insert(rule);
}

class Writer {
  public:
    uint32_t addSet(const RuleSet &rules) {
        auto [place, isNew] = setNumbers_.try_emplace(rules, static_cast<uint32_t>(sets_.size()));
        if (isNew) {
            CMB_RULE_SET set{0, static_cast<UINT32>(words_.size()), 0};
            for (uint32_t rule : rules) {
                if (!(set.Summary >> (rule / 64) & 1)) {
                    set.Summary |= 1ULL << (rule / 64);
                    words_.push_back(0);
                }
                words_.back() |= 1ULL << (rule % 64);
            }
            sets_.push_back(set);
        }
        return place->second;
    }

    uint32_t addTree(Node &root) {
        // Parents before their children.
        std::vector<Node *> order = {&root};
        for (size_t i = 0; i < order.size(); ++i) {
            Node &node = *order[i];
            node.number = static_cast<uint32_t>(nodes_.size() + i);
            for (auto *children : {&node.literals, &node.globs}) {
                for (auto &[text, next] : *children) {
                    order.push_back(next.get());
                }
            }
            for (Node *next : {node.any.get(), node.deep.get()}) {
                if (next) {
                    order.push_back(next);
                }
            }
        }
        for (Node *node : order) {
            nodes_.push_back(describe(*node));
        }
        return root.number;
    }

    void addMembers(CMB_RULE_DIMENSION &dimension, const std::map<uint64_t, RuleSet> &members) {
        dimension.MemberFirst = static_cast<UINT32>(members_.size());
        dimension.MemberCount = static_cast<UINT32>(members.size());
        for (const auto &[value, rules] : members) {
            members_.push_back({value, addSet(rules), 0});
        }
    }

    uint64_t addSid(const Sid &sid) {
        const uint64_t value = bytes_.size() | static_cast<uint64_t>(sid.size()) << 32;
        bytes_.insert(bytes_.end(), sid.begin(), sid.end());
        return value;
    }

    Program write(CMB_RULES header, const std::vector<CMB_RULE> &rules, const std::array<UINT32, 64> &classes) {
        header.RuleCount = static_cast<UINT32>(rules.size());
        std::vector<uint64_t> words(sizeof(CMB_RULES) / 8);
        UINT32 classCount = 0;
        auto put = [&](UINT32 &offset, UINT32 &count, const auto &section) {
            const size_t bytes = section.size() * sizeof(section[0]);
            offset = static_cast<UINT32>(words.size() * 8);
            count = static_cast<UINT32>(section.size());
            words.resize(words.size() + (bytes + 7) / 8);
            if (bytes != 0) {
                std::memcpy(reinterpret_cast<uint8_t *>(words.data()) + offset, section.data(), bytes);
            }
        };
        put(header.RuleOffset, header.RuleCount, rules);
        put(header.ClassOffset, classCount, classes);
        put(header.NodeOffset, header.NodeCount, nodes_);
        put(header.EdgeOffset, header.EdgeCount, edges_);
        put(header.GlobOffset, header.GlobCount, globs_);
        put(header.TextOffset, header.TextCount, texts_);
        put(header.SetOffset, header.SetCount, sets_);
        put(header.WordOffset, header.WordCount, words_);
        put(header.MemberOffset, header.MemberCount, members_);
        put(header.UnitOffset, header.UnitCount, units_);
        put(header.ByteOffset, header.ByteCount, bytes_);
        header.Size = static_cast<UINT32>(words.size() * 8);
        header.Version = CMB_RULES_VERSION;
        header.HeaderSize = sizeof(CMB_RULES);
        std::memcpy(words.data(), &header, sizeof(header));
        return Program(std::move(words));
    }

  private:
    // Equal texts share their units.
    uint32_t addUnits(std::u16string_view text) {
        auto [place, isNew] = unitsOf_.try_emplace(std::u16string(text), static_cast<uint32_t>(units_.size()));
        if (isNew) {
            units_ += text;
        }
        return place->second;
    }

    CMB_RULE_NODE describe(const Node &node) {
        auto numberOf = [](const std::unique_ptr<Node> &next) { return next ? next->number : CMB_RULES_NONE; };
        CMB_RULE_NODE entry{};
        entry.EdgeFirst = static_cast<UINT32>(edges_.size());
        entry.EdgeCount = addEdges(node);
        entry.GlobFirst = static_cast<UINT32>(globs_.size());
        entry.GlobCount = static_cast<UINT32>(node.globs.size());
        for (const auto &[component, next] : node.globs) {
            addGlob(component, next->number);
        }
        entry.AnyChild = numberOf(node.any);
        entry.DeepChild = numberOf(node.deep);
        entry.EndSet = node.end.empty() ? CMB_RULES_NONE : addSet(node.end);
        entry.BelowSet = node.below.empty() ? CMB_RULES_NONE : addSet(node.below);
        entry.Flags = node.isDeep ? CMB_RULE_NODE_DEEP : 0;
        entry.Depth = node.depth;
        return entry;
    }

    UINT32 addEdges(const Node &node) {
        if (node.literals.empty()) {
            return 0;
        }
        UINT32 count = 2;
        while (count < node.literals.size() * 2) {
            count *= 2;
        }
        std::vector<CMB_RULE_EDGE> table(count, CMB_RULE_EDGE{0, CMB_RULES_NONE, 0, 0});
        for (const auto &[text, next] : node.literals) {
            UINT32 place = hashText(text) % count;
            while (table[place].Child != CMB_RULES_NONE) {
                place = (place + 1) % count;
            }
            table[place] = {hashText(text), next->number, addUnits(text), static_cast<UINT32>(text.size())};
        }
        edges_.insert(edges_.end(), table.begin(), table.end());
        return count;
    }

    void addGlob(std::u16string_view component, UINT32 number) {
        CMB_RULE_GLOB glob{static_cast<UINT32>(texts_.size()), 0, 0, number};
        if (component.front() != u'*') {
            glob.Flags |= CMB_RULE_GLOB_START;
        }
        if (component.back() != u'*') {
            glob.Flags |= CMB_RULE_GLOB_END;
        }
        for (size_t start = 0; start <= component.size();) {
            const size_t end = std::min(component.find(u'*', start), component.size());
            if (end > start) {
                const std::u16string_view text = component.substr(start, end - start);
                texts_.push_back({addUnits(text), static_cast<UINT32>(text.size())});
                ++glob.TextCount;
            }
            start = end + 1;
        }
        globs_.push_back(glob);
    }

    std::map<RuleSet, uint32_t> setNumbers_;
    std::vector<CMB_RULE_NODE> nodes_;
    std::vector<CMB_RULE_EDGE> edges_;
    std::vector<CMB_RULE_GLOB> globs_;
    std::vector<CMB_RULE_TEXT> texts_;
    std::vector<CMB_RULE_SET> sets_;
    std::vector<uint64_t> words_;
    std::vector<CMB_RULE_MEMBER> members_;
    std::u16string units_;
    std::map<std::u16string, uint32_t> unitsOf_;
    std::vector<uint8_t> bytes_;
};

constexpr CMB_RULE_DIMENSION kUnused = {CMB_RULES_NONE, CMB_RULES_NONE, 0, 0};

// The rules without the condition, or nothing if no rule has it.
template <typename List>
std::optional<RuleSet> without(const std::vector<TestRule> &rules, const List TestRule::*condition) {
    RuleSet any;
    for (uint32_t i = 0; i < rules.size(); ++i) {
        if ((rules[i].*condition).empty()) {
            any.insert(i);
        }
    }
    return any.size() == rules.size() ? std::nullopt : std::optional(any);
}

CMB_RULE_DIMENSION describeTexts(Writer &writer, const std::vector<TestRule> &rules,
                                 std::vector<std::u16string> TestRule::*condition, bool isPath) {
    const auto any = without(rules, condition);
    if (!any) {
        return kUnused;
    }
    Node root;
    for (uint32_t i = 0; i < rules.size(); ++i) {
        for (const std::u16string &pattern : rules[i].*condition) {
            addPattern(&root, isPath ? splitPath(pattern) : std::vector{pattern}, i);
        }
    }
    const UINT32 set = writer.addSet(*any);
    return {set, writer.addTree(root), 0, 0};
}

CMB_RULE_DIMENSION describeNumbers(Writer &writer, const std::vector<TestRule> &rules,
                                   std::vector<uint64_t> TestRule::*condition) {
    const auto any = without(rules, condition);
    if (!any) {
        return kUnused;
    }
    std::map<uint64_t, RuleSet> members;
    for (uint32_t i = 0; i < rules.size(); ++i) {
        for (uint64_t value : rules[i].*condition) {
            members[value].insert(i);
        }
    }
    CMB_RULE_DIMENSION dimension = {writer.addSet(*any), CMB_RULES_NONE, 0, 0};
    writer.addMembers(dimension, members);
    return dimension;
}

CMB_RULE_DIMENSION describeUsers(Writer &writer, const std::vector<TestRule> &rules) {
    const auto any = without(rules, &TestRule::users);
    if (!any) {
        return kUnused;
    }
    std::map<Sid, RuleSet> users;
    for (uint32_t i = 0; i < rules.size(); ++i) {
        for (const Sid &user : rules[i].users) {
            users[user].insert(i);
        }
    }
    std::map<uint64_t, RuleSet> members;
    for (const auto &[sid, set] : users) {
        members[writer.addSid(sid)] = set;
    }
    CMB_RULE_DIMENSION dimension = {writer.addSet(*any), CMB_RULES_NONE, 0, 0};
    writer.addMembers(dimension, members);
    return dimension;
}

} // namespace

Program buildProgram(const std::vector<TestRule> &rules, uint32_t otherwise) {
    Writer writer;
    CMB_RULES header{};
    header.Otherwise = otherwise;
    std::vector<CMB_RULE> entries;
    for (const TestRule &rule : rules) {
        entries.push_back({rule.action, rule.flags, rule.status, rule.deadline});
        header.ClassMask |= rule.action == CMB_ACTION_IGNORE ? 0 : rule.classes;
    }
    header.ClassMask |= otherwise == CMB_ACTION_IGNORE ? 0 : ~0ULL;
    std::array<UINT32, 64> classes;
    for (uint32_t number = 0; number < classes.size(); ++number) {
        RuleSet set;
        for (uint32_t i = 0; i < rules.size(); ++i) {
            if (rules[i].classes >> number & 1) {
                set.insert(i);
            }
        }
        classes[number] = set.empty() ? CMB_RULES_NONE : writer.addSet(set);
    }
    header.Key = describeTexts(writer, rules, &TestRule::keys, true);
    header.ValueName = describeTexts(writer, rules, &TestRule::valueNames, false);
    header.ValueType = describeNumbers(writer, rules, &TestRule::valueTypes);
    header.Outcome = describeNumbers(writer, rules, &TestRule::outcomes);
    header.Image = describeTexts(writer, rules, &TestRule::images, true);
    header.User = describeUsers(writer, rules);
    header.ProcessId = describeNumbers(writer, rules, &TestRule::processIds);
    header.SessionId = describeNumbers(writer, rules, &TestRule::sessionIds);
    header.Elevated = describeNumbers(writer, rules, &TestRule::elevated);
    header.Tree = describeNumbers(writer, rules, &TestRule::trees);
    return writer.write(header, entries, classes);
}

} // namespace cmbridge::test
