// SPDX-License-Identifier: MIT

#ifndef CMBRIDGE_TEST_DRIVER_RULES_VERIFY_FIXTURE_H
#define CMBRIDGE_TEST_DRIVER_RULES_VERIFY_FIXTURE_H

#include "test/driver/rules/rules_fixture.h"

namespace cmbridge::test {

// Something of everything.
inline std::vector<TestRule> richRules() {
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
        askRule(bit(RegNtPreSetValueKey) | bit(RegNtPostQueryValueKey), CMB_RULE_FAIL_CLOSED),
        blockRule(bit(RegNtPreDeleteKey) | bit(RegNtPreSetValueKey), CMB_RULE_KERNEL_MODE),
        bypassRule(bit(RegNtPreSetValueKey), CMB_RULE_DRY_RUN),
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
        RulesFree(rules);
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

} // namespace cmbridge::test

#endif
