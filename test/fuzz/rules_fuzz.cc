// SPDX-License-Identifier: MIT
//
// libFuzzer: a forged rule program, and a text to ask it about. A program is refused with a reason and a place inside
// it, or everything may be asked of it.

#include "test/driver/fixture/rules_builder.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

extern "C" {
#include "driver/base/upcase.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);
}

namespace {

[[noreturn]] void fail(const char *what) {
    std::fprintf(stderr, "%s\n", what);
    std::abort();
}

// The text follows the program, of which the first member says how long it is.
size_t programSize(const uint8_t *data, size_t size) {
    uint32_t stated = 0;
    if (size >= sizeof(stated)) {
        std::memcpy(&stated, data, sizeof(stated));
    }
    return stated <= size ? stated : size;
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int *, char ***) {
    return UpcaseInitialize() == STATUS_SUCCESS ? 0 : 1;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize, unsigned seed) {
    size = LLVMFuzzerMutate(data, size, maxSize);
    const size_t length = programSize(data, size) / 8 * 8;
    if (seed % 4 != 0 && length >= sizeof(CMB_RULES)) {
        const auto stated = static_cast<uint32_t>(length);
        std::memcpy(data, &stated, sizeof(stated));
    }
    return size;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const size_t length = programSize(data, size);
    // Of its own, so that the sanitizer sees who reads beyond it.
    const std::vector<uint8_t> bytes(data, data + length);
    std::u16string text((size - length) / 2, u'\0');
    std::memcpy(text.data(), data + length, text.size() * 2);
    RULES *rules = nullptr;
    RULES_ERROR error{};
    const NTSTATUS status = RulesCreate(bytes.data(), static_cast<ULONG>(length), &rules, &error);
    if (status == STATUS_BAD_DATA) {
        if (error.Reason == 0 || error.Reason > CMB_RULES_REASON_RULE || (error.Offset > 0 && error.Offset >= length)) {
            fail("refused without a reason or a place");
        }
        return 0;
    }
    if (status != STATUS_SUCCESS) {
        fail("neither accepted nor refused");
    }
    const std::string problem = cmbridge::test::exercise(rules, text);
    if (!problem.empty()) {
        fail(problem.c_str());
    }
    RulesFree(rules);
    return 0;
}
