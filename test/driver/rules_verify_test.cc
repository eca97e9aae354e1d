// SPDX-License-Identifier: MIT
//
// Forged rule programs: each is refused with its reason and the place of what is wrong, or does no harm.

#include "fixture.h"
#include "rules_builder.h"

#include <random>
#include <set>
#include <unordered_map>

namespace cmbridge::test {
namespace {

// Something of everything.
std::vector<TestRule> richRules() {
    const Sid user = makeSid({21, 1, 2, 3, 1001}), system = makeSid({18});
    return {
        {.action = CMB_ACTION_IGNORE, .keys = {u"\\REGISTRY\\MACHINE\\SYSTEM\\**"}},
        {.classes = 0x3, .keys = {u"**\\Run", u"\\REGISTRY\\USER\\S-1-*\\Software\\*pol*cies*\\x"}},
        {.keys = {u"\\REGISTRY\\MACHINE\\**\\Gr\u00FC\u00DFe\\**\\End", u"\\REGISTRY\\*\\a*b"}},
        {.valueNames = {u"", u"*name", u"Debugger", u"x*y*z"}, .valueTypes = {1, 3, 4}},
        {.valueTypes = {4, 7}, .outcomes = {CMB_OUTCOME_FAILURE}},
        {.images = {u"**\\*.exe", u"\\Device\\HarddiskVolume1\\**"}, .users = {user, system}},
        {.processIds = {4, 8, 1000}, .sessionIds = {0, 1}, .elevated = {1}},
        {.action = CMB_ACTION_IGNORE, .trees = {4, 700, 900}},
    };
}

const char *const kTexts[] = {
    "\\REGISTRY\\MACHINE\\SYSTEM\\Select",
    "\\REGISTRY\\USER\\S-1-5-21\\Software\\some policies\\X",
    "\\REGISTRY\\MACHINE\\a\\GR\\End\\b\\End",
    "debugger",
    "",
    "a\\a\\a\\a\\a\\a\\a\\a\\a\\a\\a\\a\\a\\a\\a\\a\\a\\a\\a\\a\\run",
};

class RulesVerifyTest : public DriverTest {
  protected:
    void run(const std::function<void()> &job) { actor_.run(job); }

    // Expects success and that all questions have an answer.
    void expectHarmless(RULES *rules, const char *what) {
        for (const char *text : kTexts) {
            const std::string problem = exercise(rules, std::u16string(text, text + std::strlen(text)));
            EXPECT_EQ(problem, "") << what;
        }
        RulesRelease(rules);
    }

    using Forge = std::function<const void *(Program &)>;
    // Forge returns the member that is to be found wrong.
    void expectRefused(UINT32 reason, const char *what, const Forge &forge) {
        expectRefused(buildProgram(richRules()), reason, what, forge);
    }
    void expectRefused(Program program, UINT32 reason, const char *what, const Forge &forge) {
        const UINT32 offset = program.offsetOf(forge(program));
        run([&] {
            RULES_ERROR error{};
            NTSTATUS status = STATUS_SUCCESS;
            EXPECT_EQ(createRules(program, &error, &status), nullptr) << what;
            EXPECT_EQ(status, STATUS_BAD_DATA) << what;
            EXPECT_EQ(error.Reason, reason) << what;
            EXPECT_EQ(error.Offset, offset) << what;
        });
        EXPECT_EQ(machine().poolUsage().blocks, blocks_) << what;
    }
    void expectAccepted(const Program &program, const char *what) {
        run([&] {
            RULES_ERROR error{};
            RULES *rules = createRules(program, &error);
            ASSERT_NE(rules, nullptr) << what << ": reason " << error.Reason << " at " << error.Offset;
            expectHarmless(rules, what);
        });
    }

    void SetUp() override {
        DriverTest::SetUp();
        blocks_ = machine().poolUsage().blocks;
    }

  private:
    Actor actor_;
    uint64_t blocks_ = 0;
};

TEST_F(RulesVerifyTest, RichProgramIsAccepted) {
    const Program program = buildProgram(richRules());
    run([&] {
        RULES_ERROR error{};
        RULES *rules = createRules(program, &error);
        ASSERT_NE(rules, nullptr) << error.Reason << " at " << error.Offset;
        Program copy = program;
        EXPECT_EQ(RulesGetClassMask(rules), copy.header().ClassMask);
        EXPECT_EQ(RulesGetTreeCount(rules), 3u);
        EXPECT_EQ(RulesGetTreeProcess(rules, 0), 4u);
        EXPECT_EQ(RulesGetTreeProcess(rules, 2), 900u);
        for (int dimension = 0; dimension < RulesDimensionCount; ++dimension) {
            EXPECT_TRUE(RulesUses(rules, static_cast<RULES_DIMENSION>(dimension))) << dimension;
        }
        RULES *other = createRules(program);
        EXPECT_NE(RulesGetSerial(rules), 0u);
        EXPECT_NE(RulesGetSerial(rules), RulesGetSerial(other));
        EXPECT_EQ(RulesReference(other), other);
        RulesRelease(other);
        EXPECT_EQ(RulesGetTreeCount(other), 3u);
        RulesRelease(other);
        RulesRelease(nullptr);
        expectHarmless(rules, "rich");
    });
    expectAccepted(buildProgram({}), "no rules");
    expectAccepted(buildProgram({{.keys = {u"**"}}}), "one rule");
}

TEST_F(RulesVerifyTest, Header) {
    expectRefused(CMB_RULES_REASON_SIZE, "size", [](Program &p) { return p.header().Size += 8, &p.header().Size; });
    expectRefused(CMB_RULES_REASON_VERSION, "version",
                  [](Program &p) { return ++p.header().Version, &p.header().Version; });
    expectRefused(CMB_RULES_REASON_VERSION, "header size",
                  [](Program &p) { return p.header().HeaderSize -= 8, &p.header().HeaderSize; });
    expectRefused(CMB_RULES_REASON_RESERVED, "reserved",
                  [](Program &p) { return p.header().Reserved = 1, &p.header().Reserved; });
    expectRefused(CMB_RULES_REASON_RESERVED, "reserved2",
                  [](Program &p) { return p.header().Reserved2 = 1, &p.header().Reserved2; });
    expectRefused(CMB_RULES_REASON_COUNT, "rules",
                  [](Program &p) { return p.header().RuleCount = CMB_MAX_RULES + 1, &p.header().RuleCount; });
    for (UINT32 action : {CMB_ACTION_ASK, CMB_ACTION_BLOCK, CMB_ACTION_BYPASS, 5, -1}) {
        expectRefused(CMB_RULES_REASON_ACTION, "otherwise",
                      [=](Program &p) { return p.header().Otherwise = action, &p.header().Otherwise; });
        expectRefused(CMB_RULES_REASON_ACTION, "action",
                      [=](Program &p) { return p.rule(3).Action = action, &p.rule(3).Action; });
    }
    expectRefused(CMB_RULES_REASON_RESERVED, "flags", [](Program &p) { return p.rule(1).Flags = 1, &p.rule(1).Flags; });
    expectRefused(CMB_RULES_REASON_RESERVED, "status",
                  [](Program &p) { return p.rule(1).Status = -1, &p.rule(1).Status; });
    expectRefused(CMB_RULES_REASON_RESERVED, "rule",
                  [](Program &p) { return p.rule(7).Reserved = 1, &p.rule(7).Reserved; });
}

TEST_F(RulesVerifyTest, Sections) {
    using Member = UINT32 CMB_RULES::*;
    constexpr std::pair<Member, Member> kSections[] = {
        {&CMB_RULES::RuleOffset, &CMB_RULES::RuleCount},    {&CMB_RULES::NodeOffset, &CMB_RULES::NodeCount},
        {&CMB_RULES::EdgeOffset, &CMB_RULES::EdgeCount},    {&CMB_RULES::GlobOffset, &CMB_RULES::GlobCount},
        {&CMB_RULES::TextOffset, &CMB_RULES::TextCount},    {&CMB_RULES::SetOffset, &CMB_RULES::SetCount},
        {&CMB_RULES::WordOffset, &CMB_RULES::WordCount},    {&CMB_RULES::MemberOffset, &CMB_RULES::MemberCount},
        {&CMB_RULES::UnitOffset, &CMB_RULES::UnitCount},    {&CMB_RULES::ByteOffset, &CMB_RULES::ByteCount},
        {&CMB_RULES::ClassOffset, &CMB_RULES::ClassOffset},
    };
    for (const auto &[offset, count] : kSections) {
        auto member = [offset = offset](Program &p, UINT32 value) {
            UINT32 *place = &(p.header().*offset);
            *place = value;
            return place;
        };
        expectRefused(CMB_RULES_REASON_BOUNDS, "not aligned",
                      [&, offset = offset](Program &p) { return member(p, p.header().*offset + 4); });
        expectRefused(CMB_RULES_REASON_BOUNDS, "in the header",
                      [&](Program &p) { return member(p, sizeof(CMB_RULES) - 8); });
        expectRefused(CMB_RULES_REASON_BOUNDS, "behind the end",
                      [&](Program &p) { return member(p, p.header().Size + 8); });
        expectRefused(CMB_RULES_REASON_BOUNDS, "over the end", [&](Program &p) { return member(p, p.header().Size); });
        expectRefused(CMB_RULES_REASON_BOUNDS, "beyond 32 bits", [&](Program &p) { return member(p, 0xFFFFFFF8); });
        if (offset == count || offset == &CMB_RULES::RuleOffset) {
            continue;
        }
        for (UINT32 many : {0x7FFFFFFFu, 0x80000000u, 0x08000000u, 0xFFFFFFFFu}) {
            expectRefused(CMB_RULES_REASON_BOUNDS, "count", [offset = offset, count = count, many](Program &p) {
                p.header().*count = many;
                return &(p.header().*offset);
            });
        }
    }
}

TEST_F(RulesVerifyTest, SetsAndClasses) {
    expectRefused(CMB_RULES_REASON_BOUNDS, "class", [](Program &p) {
        p.classSet(63) = p.header().SetCount;
        return &p.classSet(63);
    });
    expectRefused(CMB_RULES_REASON_RESERVED, "reserved",
                  [](Program &p) { return p.set(1).Reserved = 1, &p.set(1).Reserved; });
    expectRefused(CMB_RULES_REASON_BOUNDS, "first word", [](Program &p) {
        p.set(1).WordFirst = p.header().WordCount;
        return &p.set(1).WordFirst;
    });
    expectRefused(CMB_RULES_REASON_BOUNDS, "first word beyond", [](Program &p) {
        p.set(1).WordFirst = 0xFFFFFFFF;
        return &p.set(1).WordFirst;
    });
    expectRefused(CMB_RULES_REASON_BOUNDS, "too many words", [](Program &p) {
        p.set(0).Summary = ~0ULL;
        return &p.set(0).WordFirst;
    });
    expectRefused(CMB_RULES_REASON_SET, "rules that do not exist", [](Program &p) {
        p.set(0).Summary = 2;
        return &p.set(0).Summary;
    });
    expectRefused(CMB_RULES_REASON_SET, "empty word", [](Program &p) { return p.word(0) = 0, &p.word(0); });
    expectRefused(CMB_RULES_REASON_SET, "rule beyond the last",
                  [](Program &p) { return p.word(0) |= 1ULL << 8, &p.word(0); });
    // A class that has no bit is ignored, whatever its rules say.
    Program program = buildProgram(richRules());
    program.header().ClassMask = 0;
    expectAccepted(program, "no classes");
}

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

TEST_F(RulesVerifyTest, Nodes) {
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

TEST_F(RulesVerifyTest, Edges) {
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

TEST_F(RulesVerifyTest, HashTables) {
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

TEST_F(RulesVerifyTest, EqualHashes) {
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

TEST_F(RulesVerifyTest, Globs) {
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

TEST_F(RulesVerifyTest, Texts) {
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

TEST_F(RulesVerifyTest, Members) {
    auto member = [](Program &p, const CMB_RULE_DIMENSION &which, UINT32 i) -> CMB_RULE_MEMBER & {
        return p.member(which.MemberFirst + i);
    };
    expectRefused(CMB_RULES_REASON_MEMBER, "order", [&](Program &p) {
        member(p, p.header().ValueType, 1).Value = 1;
        return &member(p, p.header().ValueType, 1).Value;
    });
    expectRefused(CMB_RULES_REASON_MEMBER, "number", [&](Program &p) {
        member(p, p.header().ProcessId, 2).Value = 1ULL << 32;
        return &member(p, p.header().ProcessId, 2).Value;
    });
    expectRefused(CMB_RULES_REASON_MEMBER, "outcome", [&](Program &p) {
        member(p, p.header().Outcome, 0).Value = 3;
        return &member(p, p.header().Outcome, 0).Value;
    });
    expectRefused(CMB_RULES_REASON_MEMBER, "elevated", [&](Program &p) {
        member(p, p.header().Elevated, 0).Value = 2;
        return &member(p, p.header().Elevated, 0).Value;
    });
    expectRefused(CMB_RULES_REASON_BOUNDS, "set", [&](Program &p) {
        member(p, p.header().SessionId, 0).Set = CMB_RULES_NONE;
        return &member(p, p.header().SessionId, 0).Set;
    });
    expectRefused(CMB_RULES_REASON_RESERVED, "reserved", [&](Program &p) {
        member(p, p.header().SessionId, 1).Reserved = 1;
        return &member(p, p.header().SessionId, 1).Reserved;
    });
    expectRefused(CMB_RULES_REASON_BOUNDS, "range", [&](Program &p) {
        p.header().ProcessId.MemberCount = 0xFFFFFFFF;
        return &p.header().ProcessId.MemberFirst;
    });
    expectRefused(CMB_RULES_REASON_BOUNDS, "any", [&](Program &p) {
        p.header().Elevated.Any = p.header().SetCount;
        return &p.header().Elevated.Any;
    });
    expectRefused(CMB_RULES_REASON_MEMBER, "members of a text", [&](Program &p) {
        p.header().Key.MemberCount = 1;
        return &p.header().Key.MemberCount;
    });
    expectRefused(CMB_RULES_REASON_NODE, "root of a number", [&](Program &p) {
        p.header().Tree.Root = 0;
        return &p.header().Tree.Root;
    });
    TestRule trees;
    for (uint64_t id = 1; id <= CMB_MAX_RULES_TREES; ++id) {
        trees.trees.push_back(id * 4);
    }
    expectAccepted(buildProgram({trees}), "as many trees as may be");
    trees.trees.push_back(4000);
    expectRefused(buildProgram({trees}), CMB_RULES_REASON_COUNT, "too many trees",
                  [](Program &p) { return &p.header().Tree.MemberCount; });
}

TEST_F(RulesVerifyTest, Users) {
    auto refused = [&](const char *what, const std::function<void(Program &, UINT64 &)> &forge) {
        expectRefused(CMB_RULES_REASON_MEMBER, what, [&](Program &p) {
            UINT64 &value = p.member(p.header().User.MemberFirst).Value;
            forge(p, value);
            return &value;
        });
    };
    refused("revision", [](Program &p, UINT64 &value) { p.byte(static_cast<UINT32>(value)) = 2; });
    refused("count", [](Program &p, UINT64 &value) { ++p.byte(static_cast<UINT32>(value) + 1); });
    refused("too short", [](Program &, UINT64 &value) { value = 7ULL << 32; });
    refused("beyond", [](Program &p, UINT64 &value) { value = 12ULL << 32 | (p.header().ByteCount - 11); });
    refused("offset", [](Program &, UINT64 &value) { value |= 0xFFFFFFFF; });
    refused("size", [](Program &, UINT64 &value) { value |= 0xFFFFFFFFULL << 32; });
}

TEST_F(RulesVerifyTest, EveryLength) {
    const Program program = buildProgram(richRules());
    run([&] {
        for (uint32_t size = 0; size < program.size(); ++size) {
            // Of its own, so that a sanitizer sees who reads beyond it.
            std::vector<uint8_t> copy(program.bytes(), program.bytes() + size);
            RULES *rules = nullptr;
            RULES_ERROR error{};
            EXPECT_EQ(RulesCreate(copy.data(), size, &rules, &error), STATUS_BAD_DATA) << size;
            EXPECT_EQ(error.Reason, static_cast<UINT32>(CMB_RULES_REASON_SIZE)) << size;
            if (size >= sizeof(CMB_RULES)) {
                std::memcpy(copy.data(), &size, sizeof(size));
                EXPECT_EQ(RulesCreate(copy.data(), size, &rules, &error), STATUS_BAD_DATA) << size;
                EXPECT_EQ(error.Reason, static_cast<UINT32>(size % 8 ? CMB_RULES_REASON_SIZE : CMB_RULES_REASON_BOUNDS))
                    << size;
            }
        }
        RULES *rules = nullptr;
        RULES_ERROR error{};
        std::vector<uint8_t> huge(CMB_MAX_RULES_BYTES + 8);
        EXPECT_EQ(RulesCreate(huge.data(), CMB_MAX_RULES_BYTES + 8, &rules, &error), STATUS_BAD_DATA);
        EXPECT_EQ(error.Reason, static_cast<UINT32>(CMB_RULES_REASON_SIZE));
    });
}

TEST_F(RulesVerifyTest, EveryFieldChanged) {
    const Program program = buildProgram(richRules());
    run([&] {
        uint32_t accepted = 0, refused = 0;
        for (uint32_t offset = 0; offset < program.size(); offset += 4) {
            UINT32 old;
            std::memcpy(&old, program.bytes() + offset, sizeof(old));
            for (UINT32 value : {0u, 1u, 2u, old + 1, old - 1, old ^ 0x20, old << 1, 0x7FFFFFFFu, 0x80000000u,
                                 0xFFFFFFF8u, 0xFFFFFFFFu}) {
                if (value == old) {
                    continue;
                }
                Program changed = program;
                std::memcpy(changed.bytes() + offset, &value, sizeof(value));
                RULES_ERROR error{};
                if (RULES *rules = createRules(changed, &error)) {
                    ++accepted;
                    const std::string problem = exercise(rules, u"\\REGISTRY\\MACHINE\\x\\Run\\end");
                    EXPECT_EQ(problem, "") << offset << " " << value;
                    RulesRelease(rules);
                } else {
                    ++refused;
                    EXPECT_NE(error.Reason, 0u) << offset;
                    EXPECT_LT(error.Offset, program.size()) << offset;
                }
            }
        }
        EXPECT_GT(refused, accepted);
        EXPECT_GT(accepted, 0u);
    });
}

// Without coverage, but the same everywhere; test/fuzz goes farther.
TEST_F(RulesVerifyTest, RandomChanges) {
    const Program program = buildProgram(richRules());
    std::mt19937 random(4);
    run([&] {
        uint32_t accepted = 0;
        for (int round = 0; round < 20000; ++round) {
            Program changed = program;
            for (uint32_t changes = 1 + random() % 3; changes > 0; --changes) {
                // Small numbers are indexes and counts that may be right.
                const UINT32 value = random() % 2 ? random() % 64 : random();
                std::memcpy(changed.bytes() + 4 * (random() % (program.size() / 4)), &value, sizeof(value));
            }
            if (RULES *rules = createRules(changed)) {
                ++accepted;
                EXPECT_EQ(exercise(rules, u"\\REGISTRY\\USER\\S-1-5-18\\Software\\policies\\x"), "");
                RulesRelease(rules);
            }
        }
        EXPECT_GT(accepted, 100u);
    });
}

TEST_F(RulesVerifyTest, EveryAllocationFails) {
    const Program program = buildProgram(richRules());
    run([&] {
        const simulator::PoolUsage before = machine().poolUsage();
        for (uint64_t nth = 1;; ++nth) {
            ASSERT_LT(nth, 10u);
            machine().failAllocation(nth);
            RULES_ERROR error{};
            NTSTATUS status = STATUS_SUCCESS;
            RULES *rules = createRules(program, &error, &status);
            machine().failAllocation(0);
            if (rules) {
                EXPECT_EQ(nth, 4u);
                RulesRelease(rules);
                break;
            }
            EXPECT_EQ(status, STATUS_INSUFFICIENT_RESOURCES);
            EXPECT_EQ(error.Reason, 0u);
            EXPECT_EQ(machine().poolUsage().bytes, before.bytes);
        }
        EXPECT_EQ(machine().poolUsage().bytes, before.bytes);
    });
}

} // namespace
} // namespace cmbridge::test
