// SPDX-License-Identifier: MIT
//
// Forged rule programs: nodes, hash tables, globs and texts.

#include "test/driver/rules/rules_verify_fixture.h"

#include <random>
#include <set>
#include <unordered_map>

namespace cmbridge::test {
namespace {

UINT32 findEdge(Program &p, std::u16string_view text) {
    for (UINT32 i = 0; i < p.header().EdgeCount; ++i) {
        const CMB_RULE_EDGE &edge = p.edge(i);
        if (edge.Child != CMB_RULES_NONE && std::u16string_view(&p.unit(edge.UnitFirst), edge.UnitCount) == text) {
            return i;
        }
    }
    ADD_FAILURE() << "no such edge";
    return 0;
}

using RulesVerifyNodes = RulesVerifyTest;

TEST_F(RulesVerifyNodes, RefusesForgedNodes) {
    auto root = [](Program &p) -> CMB_RULE_NODE & { return p.node(p.header().Key.Root); };
    expectRefused(CMB_RULES_REASON_NODE, "depth of a root", [&](Program &p) {
        root(p).Depth = 2;
        return &p.header().Key.Root;
    });
    expectRefused(CMB_RULES_REASON_NODE, "two roots in one", [&](Program &p) {
        p.header().Image.Root = p.header().Key.Root;
        return &p.header().Image.Root;
    });
    expectRefused(CMB_RULES_REASON_BOUNDS, "no root", [&](Program &p) {
        p.header().ValueName.Root = p.header().NodeCount;
        return &p.header().ValueName.Root;
    });
    expectRefused(CMB_RULES_REASON_RESERVED, "flags", [&](Program &p) { return root(p).Flags = 2, &root(p).Flags; });
    expectRefused(CMB_RULES_REASON_BOUNDS, "end",
                  [&](Program &p) { return root(p).EndSet = p.header().SetCount, &root(p).EndSet; });
    expectRefused(CMB_RULES_REASON_BOUNDS, "below",
                  [&](Program &p) { return root(p).BelowSet = 0x80000000, &root(p).BelowSet; });
    expectRefused(CMB_RULES_REASON_BOUNDS, "child", [&](Program &p) {
        root(p).AnyChild = p.header().NodeCount;
        return &root(p).AnyChild;
    });
    expectRefused(CMB_RULES_REASON_NODE, "itself", [&](Program &p) {
        root(p).AnyChild = p.header().Key.Root;
        return &root(p).AnyChild;
    });
    expectRefused(CMB_RULES_REASON_NODE, "two parents", [&](Program &p) {
        root(p).AnyChild = root(p).DeepChild;
        return &root(p).DeepChild;
    });
    expectRefused(CMB_RULES_REASON_NODE, "cycle", [](Program &p) {
        const UINT32 machine = p.edge(findEdge(p, u"MACHINE")).Child;
        p.node(machine).DeepChild = 0;
        return &p.node(machine).DeepChild;
    });
    expectRefused(CMB_RULES_REASON_NODE, "depth of a child", [](Program &p) {
        CMB_RULE_EDGE &edge = p.edge(findEdge(p, u"MACHINE"));
        ++p.node(edge.Child).Depth;
        return &edge.Child;
    });
    expectRefused(CMB_RULES_REASON_NODE, "not deep", [&](Program &p) {
        p.node(root(p).DeepChild).Flags = 0;
        return &root(p).DeepChild;
    });
    expectRefused(CMB_RULES_REASON_NODE, "no parent", [&](Program &p) {
        const UINT32 child = root(p).DeepChild;
        root(p).DeepChild = CMB_RULES_NONE;
        return &p.node(child);
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

TEST_F(RulesVerifyNodes, RefusesForgedEdges) {
    auto machine = [](Program &p) -> CMB_RULE_EDGE & { return p.edge(findEdge(p, u"MACHINE")); };
    auto parent = [](Program &p) -> CMB_RULE_NODE & { return p.node(p.edge(findEdge(p, u"REGISTRY")).Child); };
    expectRefused(CMB_RULES_REASON_EDGE, "hash", [&](Program &p) { return ++machine(p).Hash, &machine(p).Hash; });
    expectRefused(CMB_RULES_REASON_BOUNDS, "units", [&](Program &p) {
        CMB_RULE_EDGE &edge = machine(p);
        edge.UnitFirst = p.header().UnitCount - edge.UnitCount + 1;
        return &edge.UnitFirst;
    });
    expectRefused(CMB_RULES_REASON_BOUNDS, "units beyond 32 bits", [&](Program &p) {
        CMB_RULE_EDGE &edge = machine(p);
        edge.UnitFirst = 0xFFFFFFFC;
        return &edge.UnitFirst;
    });
    expectRefused(CMB_RULES_REASON_EDGE, "size of a table",
                  [&](Program &p) { return parent(p).EdgeCount = 3, &parent(p).EdgeCount; });
    expectRefused(CMB_RULES_REASON_BOUNDS, "place of a table",
                  [&](Program &p) { return parent(p).EdgeFirst = 0xFFFFFFFF, &parent(p).EdgeFirst; });
    expectRefused(CMB_RULES_REASON_BOUNDS, "end of a table",
                  [&](Program &p) { return parent(p).EdgeCount = 0x80000000, &parent(p).EdgeFirst; });
    expectRefused(CMB_RULES_REASON_EDGE, "shared table", [&](Program &p) {
        CMB_RULE_NODE &node = p.node(machine(p).Child);
        node.EdgeFirst = parent(p).EdgeFirst;
        return &node.EdgeFirst;
    });
    expectRefused(CMB_RULES_REASON_EDGE, "something in an empty entry", [&](Program &p) {
        for (UINT32 i = 0;; ++i) {
            if (p.edge(i).Child == CMB_RULES_NONE) {
                p.edge(i).UnitCount = 1;
                return &p.edge(i);
            }
        }
    });
    expectRefused(CMB_RULES_REASON_BOUNDS, "child",
                  [&](Program &p) { return machine(p).Child = 0xFFFFFFFE, &machine(p).Child; });
}

// Tables of one node, made by hand: entries of the root of value names, whose children are leaves.
Program handTable(const std::vector<std::u16string> &literals, const std::vector<UINT32> &places, UINT32 count) {
    std::vector<std::u16string> names(literals);
    Program program = buildProgram({{.valueNames = names}});
    if (count > program.header().EdgeCount) {
        ADD_FAILURE() << "there are " << program.header().EdgeCount << " entries";
        return program;
    }
    CMB_RULE_NODE &root = program.node(program.header().ValueName.Root);
    std::vector<CMB_RULE_EDGE> found;
    for (const std::u16string &literal : literals) {
        found.push_back(program.edge(findEdge(program, literal)));
    }
    for (UINT32 i = 0; i < program.header().EdgeCount; ++i) {
        program.edge(i) = {0, CMB_RULES_NONE, 0, 0};
    }
    for (size_t i = 0; i < found.size(); ++i) {
        program.edge(root.EdgeFirst + places[i]) = found[i];
    }
    root.EdgeCount = count;
    return program;
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

TEST_F(RulesVerifyNodes, RefusesForgedHashTables) {
    const std::vector<std::u16string> same = twins(3, 0x7FFF);
    const UINT32 home = hashText(same[0]) % 4;
    auto at = [&](UINT32 distance) { return (home + distance) % 4; };
    auto refused = [&](const Program &program, UINT32 place, const char *what) {
        expectRefused(program, CMB_RULES_REASON_EDGE, what, [=](Program &p) { return &p.edge(place); });
    };
    expectAccepted(handTable({same[0], same[1]}, {at(0), at(1)}, 4), "one behind the other");
    expectAccepted(handTable({same[0], same[1]}, {at(1), at(0)}, 4), "the other way round");
    refused(handTable({same[0], same[1]}, {at(0), at(2)}, 4), at(2), "a hole before");
    refused(handTable({same[0], same[1]}, {at(1), at(2)}, 4), std::min(at(1), at(2)), "not reached");
    expectRefused(handTable({same[0], same[1]}, {0, 1}, 2), CMB_RULES_REASON_EDGE, "no empty entry",
                  [](Program &p) { return &p.node(p.header().ValueName.Root).EdgeCount; });
    // The same text twice: the second would never be found.
    Program doubled = handTable({same[0], same[1]}, {at(0), at(1)}, 4);
    doubled.edge(at(1)).UnitFirst = doubled.edge(at(0)).UnitFirst;
    doubled.edge(at(1)).Hash = doubled.edge(at(0)).Hash;
    refused(doubled, at(1), "the same text twice");
    // All of one hash, modulo any size of table.
    std::vector<std::u16string> crowd = twins(CMB_MAX_RULES_PROBES + 1, 0xFF);
    auto inRow = [&](UINT32 count) {
        std::vector<UINT32> places;
        for (UINT32 i = 0; i < crowd.size(); ++i) {
            places.push_back((hashText(crowd[0]) + i) % count);
        }
        return places;
    };
    refused(handTable(crowd, inRow(256), 256), inRow(256).back(), "too far from its place");
    crowd.pop_back();
    expectAccepted(handTable(crowd, inRow(128), 128), "as far as may be");
}

TEST_F(RulesVerifyNodes, RefusesTooManyEqualHashes) {
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
        RulesRelease(rules);
    });
}

TEST_F(RulesVerifyNodes, RefusesForgedGlobs) {
    expectRefused(CMB_RULES_REASON_GLOB, "flags", [](Program &p) { return p.glob(0).Flags |= 4, &p.glob(0).Flags; });
    expectRefused(CMB_RULES_REASON_GLOB, "no text",
                  [](Program &p) { return p.glob(0).TextCount = 0, &p.glob(0).TextCount; });
    expectRefused(CMB_RULES_REASON_GLOB, "a literal", [](Program &p) {
        p.glob(0).TextCount = 1;
        p.glob(0).Flags = CMB_RULE_GLOB_START | CMB_RULE_GLOB_END;
        return &p.glob(0).Flags;
    });
    expectRefused(CMB_RULES_REASON_GLOB, "text of another", [](Program &p) {
        p.glob(1).TextFirst = p.glob(0).TextFirst;
        return &p.glob(1).TextFirst;
    });
    expectRefused(CMB_RULES_REASON_BOUNDS, "texts",
                  [](Program &p) { return p.glob(1).TextCount = 0xFFFFFFFF, &p.glob(1).TextFirst; });
    expectRefused(CMB_RULES_REASON_GLOB, "empty text",
                  [](Program &p) { return p.text(0).UnitCount = 0, &p.text(0).UnitCount; });
    expectRefused(CMB_RULES_REASON_BOUNDS, "units",
                  [](Program &p) { return p.text(1).UnitFirst = p.header().UnitCount, &p.text(1).UnitFirst; });
    expectRefused(CMB_RULES_REASON_NODE, "child", [](Program &p) { return p.glob(0).Child = 0, &p.glob(0).Child; });
    expectRefused(CMB_RULES_REASON_BOUNDS, "globs", [](Program &p) {
        CMB_RULE_NODE &root = p.node(p.header().ValueName.Root);
        root.GlobCount = 0xFFFFFFFF;
        return &root.GlobFirst;
    });
    expectRefused(CMB_RULES_REASON_GLOB, "globs of another", [](Program &p) {
        CMB_RULE_NODE &root = p.node(p.header().ValueName.Root);
        root.GlobFirst = 0;
        return &root.GlobFirst;
    });
}

TEST_F(RulesVerifyNodes, RefusesForgedTexts) {
    for (char16_t unit : {u'a', u'z', u'\u00E9', u'\u0451', u'\u10D0', u'\uFF41'}) {
        expectRefused(CMB_RULES_REASON_TEXT, "lower case", [=](Program &p) { return p.unit(3) = unit, &p.unit(3); });
    }
    Program program = buildProgram({{.valueNames = {u"\u00DF\u0131\xD800\u0000["}}});
    expectAccepted(program, "neither case");
    const std::u16string longest(CMB_MAX_RULES_TEXT_UNITS, u'A');
    expectAccepted(buildProgram({{.valueNames = {longest, longest + u"*B"}}}), "longest");
    expectRefused(buildProgram({{.valueNames = {longest + u"A"}}}), CMB_RULES_REASON_COUNT, "too long",
                  [&](Program &p) { return &p.edge(hashText(longest + u"A") % 2).UnitCount; });
}

} // namespace
} // namespace cmbridge::test
