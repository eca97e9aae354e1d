// SPDX-License-Identifier: MIT
//
// Forged rule programs: header, sections, sets and members. Each is refused with its reason and the place of what is
// wrong.

#include "test/driver/rules/rules_verify_fixture.h"

namespace cmbridge::test {
namespace {

using RulesVerify = RulesVerifyTest;

TEST_F(RulesVerify, TakesARichProgram) {
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
        RulesFree(other);
        RulesFree(nullptr);
        expectHarmless(rules, "rich");
    });
    expectAccepted(buildProgram({}), "no rules");
    expectAccepted(buildProgram({{.keys = {u"**"}}}), "one rule");
}

TEST_F(RulesVerify, RefusesAForgedHeader) {
    expectRefused(CMB_RULES_REASON_SIZE, "size", [](Program &p) { return p.header().Size += 8, &p.header().Size; });
    expectRefused(CMB_RULES_REASON_VERSION, "version",
                  [](Program &p) { return ++p.header().Version, &p.header().Version; });
    expectRefused(CMB_RULES_REASON_VERSION, "header size",
                  [](Program &p) { return p.header().HeaderSize -= 8, &p.header().HeaderSize; });
    expectRefused(CMB_RULES_REASON_RESERVED, "reserved",
                  [](Program &p) { return p.header().Reserved = 1, &p.header().Reserved; });
    expectRefused(CMB_RULES_REASON_COUNT, "rules",
                  [](Program &p) { return p.header().RuleCount = CMB_MAX_RULES + 1, &p.header().RuleCount; });
    for (UINT32 action : {CMB_ACTION_ASK, CMB_ACTION_BLOCK, CMB_ACTION_BYPASS, 5, -1}) {
        expectRefused(CMB_RULES_REASON_ACTION, "otherwise",
                      [=](Program &p) { return p.header().Otherwise = action, &p.header().Otherwise; });
    }
}

TEST_F(RulesVerify, RefusesForgedSections) {
    using Member = UINT32 CMB_RULES::*;
    constexpr Member kCounts[] = {&CMB_RULES::RuleCount, &CMB_RULES::NodeCount, &CMB_RULES::TextCount,
                                  &CMB_RULES::SetCount,  &CMB_RULES::WordCount, &CMB_RULES::MemberCount,
                                  &CMB_RULES::UnitCount, &CMB_RULES::ByteCount};
    for (const Member count : kCounts) {
        for (UINT32 many : {0x7FFFFFFFu, 0x80000000u, 0x08000000u, 0xFFFFFFFFu}) {
            // More rules than there may be are refused before that.
            const UINT32 reason = count == &CMB_RULES::RuleCount ? CMB_RULES_REASON_COUNT : CMB_RULES_REASON_BOUNDS;
            expectRefused(reason, "count", [count, many](Program &p) {
                p.header().*count = many;
                return &(p.header().*count);
            });
        }
    }
    // Sections end where the program does.
    expectRefused(CMB_RULES_REASON_BOUNDS, "something behind them", [](Program &p) {
        p.header().ByteCount -= 8;
        return &p.header().Size;
    });
}

TEST_F(RulesVerify, RefusesForgedSetsAndClasses) {
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
                  [](Program &p) { return p.word(0) |= 1ULL << p.header().RuleCount, &p.word(0); });
    // A class that has no bit is ignored, whatever its rules say.
    Program program = buildProgram(richRules());
    program.header().ClassMask = 0;
    expectAccepted(program, "no classes");
}

TEST_F(RulesVerify, RefusesForgedMembers) {
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

TEST_F(RulesVerify, RefusesForgedUsers) {
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

} // namespace
} // namespace cmbridge::test
