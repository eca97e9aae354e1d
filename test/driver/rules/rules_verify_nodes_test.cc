// SPDX-License-Identifier: MIT
//
// Forged rule programs: nodes and texts.

#include "test/driver/rules/rules_verify_fixture.h"

#include <random>
#include <set>
#include <unordered_map>

namespace cmbridge::test {
namespace {

UINT32 findLiteral(Program &p, std::u16string_view text) {
    for (UINT32 i = 0; i < p.header().NodeCount; ++i) {
        if (p.node(i).Kind == CMB_RULE_NODE_LITERAL && p.literal(i) == text) {
            return i;
        }
    }
    ADD_FAILURE() << "no such literal";
    return 0;
}

UINT32 findKind(Program &p, UINT16 kind) {
    for (UINT32 i = 0; i < p.header().NodeCount; ++i) {
        if (p.node(i).Kind == kind) {
            return i;
        }
    }
    ADD_FAILURE() << "no such node";
    return 0;
}

CMB_RULE_NODE &machineOf(Program &p) {
    return p.node(findLiteral(p, u"MACHINE"));
}

using RulesVerifyNodes = RulesVerifyTest;

TEST_F(RulesVerifyNodes, RefusesForgedRoots) {
    auto root = [](Program &p) -> CMB_RULE_NODE & { return p.node(p.header().Key.Root); };
    expectRefused(CMB_RULES_REASON_NODE, "depth of a root", [&](Program &p) { return root(p).Depth = 2, &root(p); });
    expectRefused(CMB_RULES_REASON_NODE, "kind of a root",
                  [&](Program &p) { return root(p).Kind = CMB_RULE_NODE_ANY, &root(p); });
    expectRefused(CMB_RULES_REASON_NODE, "a root below something",
                  [&](Program &p) { return root(p).Flags = CMB_RULE_NODE_BELOW, &root(p); });
    expectRefused(CMB_RULES_REASON_BOUNDS, "two roots in one", [](Program &p) {
        p.header().Image.Root = p.header().Key.Root;
        return &p.header().Image.Root;
    });
    expectRefused(CMB_RULES_REASON_BOUNDS, "no root", [](Program &p) {
        p.header().ValueName.Root = p.header().NodeCount;
        return &p.header().ValueName.Root;
    });
    expectRefused(CMB_RULES_REASON_NODE, "nodes of no tree", [](Program &p) {
        p.header().Image.Root = CMB_RULES_NONE;
        return &p.header().NodeCount;
    });
}

TEST_F(RulesVerifyNodes, RefusesForgedNodes) {
    auto root = [](Program &p) -> CMB_RULE_NODE & { return p.node(p.header().Key.Root); };
    expectRefused(CMB_RULES_REASON_RESERVED, "flags",
                  [](Program &p) { return machineOf(p).Flags |= 8, &machineOf(p).Flags; });
    expectRefused(CMB_RULES_REASON_RESERVED, "flags of a glob",
                  [](Program &p) { return machineOf(p).Flags |= CMB_RULE_GLOB_END, &machineOf(p).Flags; });
    expectRefused(CMB_RULES_REASON_BOUNDS, "end",
                  [&](Program &p) { return root(p).EndSet = p.header().SetCount, &root(p).EndSet; });
    expectRefused(CMB_RULES_REASON_BOUNDS, "below",
                  [&](Program &p) { return root(p).BelowSet = 0x80000000, &root(p).BelowSet; });
    expectRefused(CMB_RULES_REASON_NODE, "depth of a child",
                  [](Program &p) { return ++machineOf(p).Depth, &machineOf(p).Depth; });
    expectRefused(CMB_RULES_REASON_NODE, "below something that stays", [](Program &p) {
        machineOf(p).Flags |= CMB_RULE_NODE_BELOW;
        return &machineOf(p).Flags;
    });
    expectRefused(CMB_RULES_REASON_NODE, "not below it", [](Program &p) {
        CMB_RULE_NODE &run = p.node(findLiteral(p, u"RUN"));
        run.Flags = 0;
        return &run.Flags;
    });
    expectRefused(CMB_RULES_REASON_NODE, "number of one that is not nested",
                  [&](Program &p) { return root(p).Nested = 0, &root(p).Nested; });
    expectRefused(CMB_RULES_REASON_NODE, "number of one that is nested", [](Program &p) {
        for (UINT32 i = 0;; ++i) {
            if (p.node(i).Nested == 0) {
                p.node(i).Nested = 1;
                return &p.node(i).Nested;
            }
        }
    });
    // Depth, at the limit and beyond it.
    std::u16string deepest;
    for (int i = 1; i < CMB_MAX_RULES_DEPTH; ++i) {
        deepest += u"\\a";
    }
    expectAccepted(buildProgram({{.keys = {deepest}}}), "deepest");
    expectRefused(buildProgram({{.keys = {deepest + u"\\a"}}}), CMB_RULES_REASON_NODE, "too deep",
                  [](Program &p) { return &p.node(p.header().NodeCount - 1).Depth; });
}

TEST_F(RulesVerifyNodes, RefusesForgedChildren) {
    auto root = [](Program &p) -> CMB_RULE_NODE & { return p.node(p.header().Key.Root); };
    for (UINT32 first : {0u, 1u, 3u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
        expectRefused(CMB_RULES_REASON_BOUNDS, "children elsewhere",
                      [&](Program &p) { return machineOf(p).ChildFirst = first, &machineOf(p).ChildFirst; });
    }
    for (UINT32 count : {0x7FFFFFFFu, 0xFFFFFFFFu}) {
        expectRefused(CMB_RULES_REASON_BOUNDS, "too many children",
                      [&](Program &p) { return machineOf(p).ChildCount = count, &machineOf(p).ChildFirst; });
    }
    expectRefused(CMB_RULES_REASON_BOUNDS, "children of another", [&](Program &p) {
        machineOf(p).ChildFirst = root(p).ChildFirst;
        return &machineOf(p).ChildFirst;
    });
    expectRefused(CMB_RULES_REASON_NODE, "one literal more",
                  [&](Program &p) { return ++root(p).LiteralCount, &root(p).LiteralCount; });
    expectRefused(CMB_RULES_REASON_NODE, "one literal less",
                  [&](Program &p) { return --root(p).LiteralCount, &root(p).LiteralCount; });
    for (UINT16 kind : {CMB_RULE_NODE_ROOT, CMB_RULE_NODE_LITERAL + 1, 0xFFFF}) {
        expectRefused(CMB_RULES_REASON_NODE, "no kind of a child", [&](Program &p) {
            CMB_RULE_NODE &child = p.node(root(p).ChildFirst);
            child.Kind = kind;
            return &child.Kind;
        });
    }
    expectRefused(CMB_RULES_REASON_NODE, "a kind before another", [&](Program &p) {
        CMB_RULE_NODE &last = p.node(root(p).ChildFirst + root(p).ChildCount - 1);
        last.Kind = CMB_RULE_NODE_DEEP;
        return &last.Kind;
    });
    expectRefused(CMB_RULES_REASON_NODE, "two that stay", [](Program &p) {
        CMB_RULE_NODE &second = p.node(p.header().ValueName.Root + 2);
        p.node(p.header().ValueName.Root + 1).Kind = second.Kind = CMB_RULE_NODE_DEEP;
        return &second.Kind;
    });
}

// Texts whose hashes are the same in the bits of the mask.
std::vector<std::u16string> twins(size_t wanted, UINT32 mask) {
    std::mt19937 random(7);
    std::unordered_map<UINT32, std::set<std::u16string>> byHash;
    for (;;) {
        std::u16string text;
        for (int i = 0; i < 9; ++i) {
            text += static_cast<char16_t>(u'A' + random() % 26);
        }
        auto &group = byHash[hashText(text) & mask];
        group.insert(text);
        if (group.size() == wanted) {
            return {group.begin(), group.end()};
        }
    }
}

TEST_F(RulesVerifyNodes, RefusesLiteralsThatCannotBeFound) {
    const Program program = buildProgram({{.valueNames = {u"A", u"B", u"C"}}});
    auto root = [](Program &p) { return &p.node(p.header().ValueName.Root); };
    auto nameUnit = [](Program &p, UINT32 i) -> char16_t & {
        return p.unit(p.text(p.node(p.header().ValueName.Root + 1 + i).TextFirst).UnitFirst);
    };
    expectAccepted(program, "in their order");
    expectRefused(program, CMB_RULES_REASON_HASH, "out of their order", [&](Program &p) {
        std::swap(nameUnit(p, 0), nameUnit(p, 1));
        return root(p);
    });
    expectRefused(program, CMB_RULES_REASON_HASH, "three of the same hash", [&](Program &p) {
        nameUnit(p, 1) = nameUnit(p, 2) = nameUnit(p, 0);
        return root(p);
    });
}

TEST_F(RulesVerifyNodes, FindsBothOfTwoEqualHashes) {
    const std::vector<std::u16string> same = twins(2, 0xFFFFFFFF);
    ASSERT_EQ(same.size(), 2u);
    const Program program = buildProgram({{.valueNames = {same[0]}}, {.valueNames = {same[1]}}});
    run([&] {
        RULES *rules = createRules(program);
        ASSERT_NE(rules, nullptr);
        TestFacts facts;
        facts.valueName = same[0];
        EXPECT_EQ(decide(rules, facts).Rule, 0u);
        facts.valueName = same[1];
        EXPECT_EQ(decide(rules, facts).Rule, 1u);
        RulesFree(rules);
    });
}

TEST_F(RulesVerifyNodes, RefusesForgedGlobs) {
    auto glob = [](Program &p) -> CMB_RULE_NODE & { return p.node(findKind(p, CMB_RULE_NODE_GLOB)); };
    expectRefused(CMB_RULES_REASON_GLOB, "no text",
                  [&](Program &p) { return glob(p).TextCount = 0, &glob(p).TextCount; });
    expectRefused(CMB_RULES_REASON_GLOB, "a literal", [&](Program &p) {
        glob(p).TextCount = 1;
        glob(p).Flags |= CMB_RULE_GLOB_START | CMB_RULE_GLOB_END;
        return &glob(p).Flags;
    });
    expectRefused(CMB_RULES_REASON_BOUNDS, "text of another",
                  [&](Program &p) { return --glob(p).TextFirst, &glob(p).TextFirst; });
    expectRefused(CMB_RULES_REASON_BOUNDS, "texts",
                  [&](Program &p) { return glob(p).TextCount = 0xFFFFFFFF, &glob(p).TextFirst; });
    expectRefused(CMB_RULES_REASON_GLOB, "empty text", [&](Program &p) {
        CMB_RULE_TEXT &text = p.text(glob(p).TextFirst);
        text.UnitCount = 0;
        return &text.UnitCount;
    });
}

TEST_F(RulesVerifyNodes, RefusesForgedTexts) {
    for (UINT32 count : {0u, 2u}) {
        expectRefused(CMB_RULES_REASON_GLOB, "a literal of another number of texts",
                      [=](Program &p) { return machineOf(p).TextCount = count, &machineOf(p).TextCount; });
    }
    expectRefused(CMB_RULES_REASON_GLOB, "text of a root", [](Program &p) {
        p.node(p.header().Key.Root).TextCount = 1;
        return &p.node(p.header().Key.Root).TextCount;
    });
    for (UINT32 first : {0u, 0xFFFFFFFCu}) {
        expectRefused(CMB_RULES_REASON_BOUNDS, "units elsewhere",
                      [=](Program &p) { return p.text(1).UnitFirst = first, &p.text(1).UnitFirst; });
    }
    expectRefused(CMB_RULES_REASON_BOUNDS, "too many units",
                  [](Program &p) { return p.text(1).UnitCount = 0xFFFFFFFF, &p.text(1).UnitFirst; });
    for (char16_t unit : {u'a', u'z', u'\u00E9', u'\u0451', u'\u10D0', u'\uFF41'}) {
        expectRefused(CMB_RULES_REASON_TEXT, "lower case", [=](Program &p) { return p.unit(3) = unit, &p.unit(3); });
    }
    Program program = buildProgram({{.valueNames = {u"\u00DF\u0131\xD800\u0000["}}});
    expectAccepted(program, "neither case");
    const std::u16string longest(CMB_MAX_RULES_TEXT_UNITS, u'A');
    expectAccepted(buildProgram({{.valueNames = {longest, longest + u"*B"}}}), "longest");
    expectRefused(buildProgram({{.valueNames = {longest + u"A"}}}), CMB_RULES_REASON_COUNT, "too long",
                  [](Program &p) { return &p.text(0).UnitCount; });
}

} // namespace
} // namespace cmbridge::test
