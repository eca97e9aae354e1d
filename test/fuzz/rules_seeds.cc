// SPDX-License-Identifier: MIT
//
// Writes programs and texts for rules_fuzz to begin with: rules_seeds FOLDER.

#include "test/driver/fixture/rules_builder.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace {

using cmbridge::test::makeSid;
using cmbridge::test::TestRule;

const std::vector<std::vector<TestRule>> kPrograms = {
    {},
    {{.keys = {u"\\A\\b\\c"}}},
    {{.keys = {u"**\\Run", u"a\\**"}}, {.action = CMB_ACTION_IGNORE, .classes = 6, .keys = {u"a\\**\\b\\**\\c\\*"}}},
    {{.keys = {u"x\\a*b*c\\*d\\e*"}}, {.valueNames = {u"", u"*name*", u"a"}}},
    {{.valueTypes = {1, 4}, .outcomes = {2}}, {.processIds = {4, 8}, .sessionIds = {0}, .elevated = {1}}},
    {{.users = {makeSid({18}), makeSid({21, 1, 2, 3, 1001})}}, {.images = {u"**\\*.exe"}, .trees = {4, 8, 100}}},
    {cmbridge::test::askRule(0x3, CMB_RULE_FAIL_CLOSED), cmbridge::test::blockRule(0x3, CMB_RULE_KERNEL_MODE),
     cmbridge::test::bypassRule(0x3, CMB_RULE_DRY_RUN)},
    std::vector<TestRule>(130, TestRule{.keys = {u"a\\*", u"b"}, .processIds = {4}}),
};

const std::u16string kTexts[] = {u"", u"\\A\\B\\C", u"a\\b\\x\\b\\c\\run", u"x\\aabbcc\\d\\eee", u"some name.EXE"};

} // namespace

int main(int count, char **arguments) {
    if (count != 2) {
        std::fprintf(stderr, "usage: rules_seeds FOLDER\n");
        return 2;
    }
    const std::filesystem::path folder(arguments[1]);
    std::filesystem::create_directories(folder);
    int number = 0;
    for (const auto &rules : kPrograms) {
        for (uint32_t otherwise : {CMB_ACTION_IGNORE, CMB_ACTION_NOTIFY}) {
            const auto program = cmbridge::test::buildProgram(rules, otherwise);
            for (const std::u16string &text : kTexts) {
                std::ofstream file(folder / ("seed" + std::to_string(++number)), std::ios::binary);
                file.write(reinterpret_cast<const char *>(program.bytes()), program.size());
                file.write(reinterpret_cast<const char *>(text.data()), static_cast<std::streamsize>(text.size() * 2));
                if (!file) {
                    std::fprintf(stderr, "cannot write to %s\n", arguments[1]);
                    return 1;
                }
            }
        }
    }
    return 0;
}
