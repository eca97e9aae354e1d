// SPDX-License-Identifier: MIT
//
// Rule programs that are cut off or changed anywhere: refused, or they do no harm.

#include "test/driver/rules/rules_verify_fixture.h"

#include <random>

namespace cmbridge::test {
namespace {

using ForgedProgram = RulesVerifyTest;

TEST_F(ForgedProgram, OfEveryLengthIsRefused) {
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

TEST_F(ForgedProgram, WithAnyFieldChangedDoesNoHarm) {
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
                    RulesFree(rules);
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
TEST_F(ForgedProgram, ChangedAtRandomDoesNoHarm) {
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
                RulesFree(rules);
            }
        }
        EXPECT_GT(accepted, 100u);
    });
}

TEST_F(ForgedProgram, SurvivesTheFailureOfEachAllocation) {
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
                RulesFree(rules);
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
