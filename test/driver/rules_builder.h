// SPDX-License-Identifier: MIT
//
// Makes rule programs (protocol_rules.h) for the driver's tests, and asks the driver's rules about notifications. It
// needs neither a machine nor gtest.

#ifndef CMBRIDGE_TEST_DRIVER_RULES_BUILDER_H
#define CMBRIDGE_TEST_DRIVER_RULES_BUILDER_H

#include <ntifs.h>

#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

extern "C" {
#include "driver/rules.h"
}

namespace cmbridge::test {

using Sid = std::vector<uint8_t>;

// A condition is a list of alternatives; an empty list is no condition.
struct TestRule {
    uint32_t action = CMB_ACTION_NOTIFY;
    uint64_t classes = ~0ULL;
    // Components separated by \, with * in them; ** alone is any number of components.
    std::vector<std::u16string> keys{};
    // One component each, with *.
    std::vector<std::u16string> valueNames{};
    std::vector<std::u16string> images{};
    std::vector<uint64_t> valueTypes{};
    std::vector<uint64_t> outcomes{};
    std::vector<Sid> users{};
    std::vector<uint64_t> processIds{};
    std::vector<uint64_t> sessionIds{};
    std::vector<uint64_t> elevated{};
    std::vector<uint64_t> trees{};
    // CMB_RULE
    uint32_t flags = 0;
    int32_t status = 0;
    uint32_t deadline = 0;
};

// Rules that decide, about what all classes in classes can have decided.
inline TestRule askRule(uint64_t classes, uint32_t flags = 0) {
    return {.action = CMB_ACTION_ASK,
            .classes = classes,
            .flags = flags,
            .status = flags & CMB_RULE_FAIL_CLOSED ? STATUS_ACCESS_DENIED : STATUS_SUCCESS,
            .deadline = 500};
}
inline TestRule blockRule(uint64_t classes, uint32_t flags = 0) {
    return {.action = CMB_ACTION_BLOCK, .classes = classes, .flags = flags, .status = STATUS_ACCESS_DENIED};
}
inline TestRule bypassRule(uint64_t classes, uint32_t flags = 0) {
    return {.action = CMB_ACTION_BYPASS, .classes = classes, .flags = flags};
}

// What a notification is about; what is not there, or not known, is std::nullopt.
struct TestFacts {
    uint32_t notifyClass = 0;
    std::optional<std::u16string> key{};
    // A second path, either of which may match.
    std::optional<std::u16string> otherKey{};
    std::optional<std::u16string> valueName{};
    std::optional<std::u16string> image{};
    std::optional<uint64_t> valueType{};
    std::optional<uint64_t> outcome{};
    std::optional<Sid> user{};
    std::optional<uint64_t> processId{};
    std::optional<uint64_t> sessionId{};
    std::optional<uint64_t> elevated{};
    // Bit n: RulesGetTreeProcess(n).
    uint32_t trees = 0;
};

std::u16string upcase(std::u16string_view text);
std::vector<std::u16string> splitPath(std::u16string_view path);
Sid makeSid(std::initializer_list<uint32_t> subAuthorities);

// The bytes of a program, whose members tests may change.
class Program {
  public:
    Program() = default;
    explicit Program(std::vector<uint64_t> words) : words_(std::move(words)) {}

    uint32_t size() const { return static_cast<uint32_t>(words_.size() * 8); }
    const uint8_t *bytes() const { return reinterpret_cast<const uint8_t *>(words_.data()); }
    uint8_t *bytes() { return reinterpret_cast<uint8_t *>(words_.data()); }
    CMB_RULES &header() { return *at<CMB_RULES>(0); }
    CMB_RULE &rule(uint32_t i) { return at<CMB_RULE>(header().RuleOffset)[i]; }
    UINT32 &classSet(uint32_t i) { return at<UINT32>(header().ClassOffset)[i]; }
    CMB_RULE_NODE &node(uint32_t i) { return at<CMB_RULE_NODE>(header().NodeOffset)[i]; }
    CMB_RULE_EDGE &edge(uint32_t i) { return at<CMB_RULE_EDGE>(header().EdgeOffset)[i]; }
    CMB_RULE_GLOB &glob(uint32_t i) { return at<CMB_RULE_GLOB>(header().GlobOffset)[i]; }
    CMB_RULE_TEXT &text(uint32_t i) { return at<CMB_RULE_TEXT>(header().TextOffset)[i]; }
    CMB_RULE_SET &set(uint32_t i) { return at<CMB_RULE_SET>(header().SetOffset)[i]; }
    UINT64 &word(uint32_t i) { return at<UINT64>(header().WordOffset)[i]; }
    CMB_RULE_MEMBER &member(uint32_t i) { return at<CMB_RULE_MEMBER>(header().MemberOffset)[i]; }
    char16_t &unit(uint32_t i) { return at<char16_t>(header().UnitOffset)[i]; }
    uint8_t &byte(uint32_t i) { return at<uint8_t>(header().ByteOffset)[i]; }
    uint32_t offsetOf(const void *member) const {
        return static_cast<uint32_t>(static_cast<const uint8_t *>(member) - bytes());
    }

  private:
    template <typename T> T *at(uint32_t offset) { return reinterpret_cast<T *>(bytes() + offset); }

    std::vector<uint64_t> words_;
};

// 32 bits, one step for each unit.
uint32_t hashText(std::u16string_view text);

Program buildProgram(const std::vector<TestRule> &rules, uint32_t otherwise = CMB_ACTION_IGNORE);

// NULL and the error, if the program is refused or memory is short.
RULES *createRules(const Program &program, RULES_ERROR *error = nullptr, NTSTATUS *status = nullptr);

// As a callback would ask: each dimension that matters, cheap ones first.
RULES_VERDICT decide(const RULES *rules, const TestFacts &facts);

// What decides by the words of the rules, without any program.
struct Expected {
    uint32_t action;
    uint32_t rule;
};
Expected decideNaively(const std::vector<TestRule> &rules, uint32_t otherwise, const TestFacts &facts,
                       const std::vector<uint64_t> &treeProcesses);

bool matchesPath(std::u16string_view pattern, std::u16string_view path);
bool matchesName(std::u16string_view pattern, std::u16string_view name);

// Asks accepted rules, whatever they are, about everything that can be made of the text; what the answers must always
// be like is checked. Returns what is wrong, or nothing.
std::string exercise(const RULES *rules, std::u16string_view text);

} // namespace cmbridge::test

#endif
