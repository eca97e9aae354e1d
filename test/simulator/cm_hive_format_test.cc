// SPDX-License-Identifier: MIT

#include "cm_fixture.h"
#include "cm_hive_tree.h"

#include <random>

using namespace cm_test;

namespace {

class CmHiveFormat : public CmTest {
  protected:
    HiveTree tree_;
};

// Every feature of the format in one hive.
void fill(HiveTree &tree, CM_NODE root) {
    tree.secure(root, 18);
    CM_NODE plain = tree.key(root, u"Plain", u"Some class");
    tree.secure(plain, 19);
    plain->UserFlags = 5;
    tree.value(plain, u"", REG_SZ, std::string("d\0e\0f\0\0\0", 8));
    tree.value(plain, u"Number", REG_DWORD, std::string("\1\2\3\4", 4));
    tree.value(plain, u"Short", REG_BINARY, std::string("\xFF\xEE\xDD", 3));
    tree.value(plain, u"Empty", REG_NONE, "");
    tree.value(plain, u"Gr\u00F6\u00DFe", REG_BINARY, std::string(100, 'g'));
    tree.value(plain, u"\u4E2D\u6587", 0x12345678, std::string(16344, 'x'));
    tree.value(plain, u"Two segments", REG_BINARY, std::string(16345, 'y'));
    tree.value(plain, u"Many segments", REG_BINARY, std::string(70000, 'z'));
    tree.key(root, u"\u041A\u043B\u044E\u0447", u"\u4E2D");
    tree.key(root, std::u16string_view(u"nul\0inside", 10));
    tree.key(root, std::u16string(255, u'n'));
    CM_NODE deep = root;
    for (int i = 0; i < 40; i++) {
        deep = tree.key(deep, u"Deep");
    }
    CM_NODE many = tree.key(root, u"Many");
    for (int i = 0; i < 1100; i++) {
        std::string digits = std::to_string(i);
        tree.key(many, u"Key" + std::u16string(digits.begin(), digits.end()));
    }
}

TEST_F(CmHiveFormat, WhatIsWrittenIsReadAgain) {
    CM_NODE root = tree_.root();
    fill(tree_, root);
    std::string before = tree_.describe(root);
    EXPECT_GT(before.size(), 100000u);
    for (ULONG minor : {3u, 5u}) {
        std::vector<UCHAR> file = tree_.write(root, nullptr, minor);
        EXPECT_EQ(file.size() % 4096, 0u);
        CM_NODE again = nullptr;
        ASSERT_EQ(tree_.read(file, &again), STATUS_SUCCESS);
        EXPECT_EQ(tree_.describe(again), before) << "minor version " << minor;
        // The same keys give the same bytes, apart from the time in the header and its sum.
        std::vector<UCHAR> second = tree_.write(again, nullptr, minor);
        ASSERT_EQ(second.size(), file.size());
        EXPECT_TRUE(std::equal(second.begin() + 4096, second.end(), file.begin() + 4096));
        CmpFreeTree(again);
    }
}

TEST_F(CmHiveFormat, VolatileKeysAreNotWritten) {
    CM_NODE root = tree_.root();
    tree_.key(root, u"Stays");
    CM_NODE gone = tree_.key(root, u"Goes", {}, REG_OPTION_VOLATILE);
    tree_.value(gone, u"v", REG_DWORD, "1234");
    CM_NODE again = nullptr;
    ASSERT_EQ(tree_.read(tree_.write(root), &again), STATUS_SUCCESS);
    EXPECT_EQ(again->Children.Count, 1u);
    CmpFreeTree(again);
}

TEST_F(CmHiveFormat, OfTwoTreesTheHigherCounts) {
    CM_NODE high = tree_.root(u"High"), low = tree_.root(u"Low");
    tree_.value(high, u"Both", REG_SZ, "high");
    tree_.value(low, u"BOTH", REG_DWORD, "lowy");
    tree_.value(low, u"Only low", REG_SZ, "low");
    tree_.value(tree_.key(tree_.key(high, u"b"), u"x"), u"v", REG_SZ, "high");
    tree_.key(high, u"d");
    tree_.key(low, u"a");
    tree_.value(tree_.key(tree_.key(low, u"B"), u"Y"), u"v", REG_SZ, "low");
    tree_.key(low, u"c");
    tree_.key(low, u"e");
    CM_NODE merged = nullptr;
    ASSERT_EQ(tree_.read(tree_.write(high, low), &merged), STATUS_SUCCESS);
    EXPECT_EQ(tree_.outline(merged), "[Both:1=high][Only low:1=low]{a}{b{x[v:1=high]}{Y[v:1=low]}}{c}{d}{e}");
    CmpFreeTree(merged);
}

struct Damage {
    const char *what;
    size_t offset;
    std::vector<UCHAR> bytes;
    NTSTATUS status;
    bool sum; // the header's sum is put right afterwards
};

class CmHiveDamage : public CmHiveFormat, public ::testing::WithParamInterface<Damage> {};

TEST_P(CmHiveDamage, IsToldByStatus) {
    CM_NODE root = tree_.root();
    tree_.value(tree_.key(root, u"Key"), u"Value", REG_BINARY, "12345678");
    std::vector<UCHAR> file = tree_.write(root);
    const Damage &damage = GetParam();
    std::copy(damage.bytes.begin(), damage.bytes.end(), file.begin() + static_cast<long>(damage.offset));
    if (damage.sum) {
        HiveTree::fixSum(file);
    }
    CM_NODE again = nullptr;
    EXPECT_EQ(tree_.read(file, &again), damage.status);
    EXPECT_EQ(again != nullptr, NT_SUCCESS(damage.status));
    if (again != nullptr) {
        CmpFreeTree(again);
    }
}

constexpr NTSTATUS kCorrupt = STATUS_REGISTRY_CORRUPT, kForeign = STATUS_NOT_REGISTRY_FILE;

// The bins begin at 4096; the first cell of a bin at 32, and that is the root's.
INSTANTIATE_TEST_SUITE_P(
    , CmHiveDamage,
    ::testing::Values(
        Damage{"nothing", 0, {'r'}, STATUS_SUCCESS, true}, Damage{"signature", 0, {'R'}, kForeign, true},
        Damage{"sum", 508, {0x5A, 0xA5}, kCorrupt, false}, Damage{"sequence", 4, {9}, STATUS_REGISTRY_RECOVERED, true},
        Damage{"major version", 20, {2}, kForeign, true}, Damage{"minor version 1", 24, {1}, kForeign, true},
        Damage{"minor version 6", 24, {6}, STATUS_SUCCESS, true}, Damage{"minor version 7", 24, {7}, kForeign, true},
        Damage{"a log", 28, {1}, kForeign, true}, Damage{"format", 32, {0}, kForeign, true},
        Damage{"root cell is none", 36, {0xFF, 0xFF, 0xFF, 0xFF}, kCorrupt, true},
        Damage{"root cell is a value", 36, {0x80}, kCorrupt, true}, Damage{"no bins", 40, {0, 0}, kCorrupt, true},
        Damage{"bins beyond the end", 40, {0, 0x20}, kCorrupt, true},
        Damage{"bins of odd size", 40, {1}, kCorrupt, true}, Damage{"bin signature", 4096, {'H'}, kCorrupt, true},
        Damage{"bin offset", 4100, {1}, kCorrupt, true}, Damage{"bin of size 0", 4104, {0, 0}, kCorrupt, true},
        Damage{"bin too large", 4104, {0, 0x20}, kCorrupt, true},
        Damage{"cell of size 0", 4128, {0, 0, 0, 0}, kCorrupt, true},
        Damage{"cell of odd size", 4128, {0xFB}, kCorrupt, true},
        Damage{"cell of the least size", 4128, {0, 0, 0, 0x80}, kCorrupt, true},
        Damage{"free root", 4128, {0x58, 0, 0, 0}, kCorrupt, true},
        Damage{"key signature", 4132, {'v'}, kCorrupt, true},
        Damage{"too many subkeys", 4132 + 20, {2}, kCorrupt, true},
        Damage{"subkeys not counted", 4132 + 20, {0}, STATUS_SUCCESS, true},
        Damage{"volatile subkeys", 4132 + 24, {7}, STATUS_SUCCESS, true},
        Damage{"volatile list", 4132 + 32, {0x20, 0, 0, 0}, STATUS_SUCCESS, true},
        Damage{"list of the key itself", 4132 + 28, {0x20, 0, 0, 0}, kCorrupt, true},
        Damage{"values without list", 4132 + 36, {1}, kCorrupt, true},
        Damage{"security outside", 4132 + 44, {0, 0, 0, 0x40}, kCorrupt, true},
        Damage{"name longer than the cell", 4132 + 72, {0xFF, 0}, kCorrupt, true},
        Damage{"class outside", 4132 + 48, {0x77, 0, 0, 0}, STATUS_SUCCESS, true}),
    [](const auto &info) {
        std::string name = info.param.what;
        std::replace(name.begin(), name.end(), ' ', '_');
        return name;
    });

TEST_F(CmHiveFormat, ATruncatedFileIsNeverRead) {
    CM_NODE root = tree_.root();
    fill(tree_, root);
    std::vector<UCHAR> file = tree_.write(root);
    for (size_t length : {size_t{0}, size_t{1}, size_t{511}, size_t{4095}, size_t{4096}, file.size() - 1}) {
        CM_NODE again = nullptr;
        NTSTATUS status = tree_.read({file.begin(), file.begin() + static_cast<long>(length)}, &again);
        EXPECT_EQ(status, length < 4096 ? kForeign : kCorrupt) << length;
        EXPECT_EQ(again, nullptr);
    }
}

TEST_F(CmHiveFormat, KeysNestedTooDeeplyAreRefused) {
    CM_NODE root = tree_.root(), deep = root;
    for (ULONG i = 1; i < CM_MAX_KEY_DEPTH; i++) {
        deep = tree_.looseKey(deep, u"d");
    }
    CM_NODE again = nullptr;
    ASSERT_EQ(tree_.read(tree_.write(root), &again), STATUS_SUCCESS);
    CmpFreeTree(again);
    tree_.looseKey(deep, u"d");
    EXPECT_EQ(tree_.read(tree_.write(root), &again), kCorrupt);
}

TEST_F(CmHiveFormat, LackOfMemoryIsReportedAndLeavesNothing) {
    CM_NODE root = tree_.root();
    CM_NODE key = tree_.key(root, u"Key", u"Class");
    tree_.value(key, u"Large", REG_BINARY, std::string(40000, 'l'));
    tree_.value(key, u"Small", REG_BINARY, "s");
    std::vector<UCHAR> file = tree_.write(root);
    ULONG blocks = statistics().Blocks;
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
    ULONG nth = 1;
    for (; status != STATUS_SUCCESS; nth++) {
        ASSERT_LT(nth, 100u);
        CM_NODE again = nullptr;
        CmFailAllocation(nth);
        status = tree_.read(file, &again);
        CmFailAllocation(0);
        ASSERT_TRUE(status == STATUS_SUCCESS || status == STATUS_INSUFFICIENT_RESOURCES) << status;
        if (again != nullptr) {
            CmpFreeTree(again);
        }
        EXPECT_EQ(statistics().Blocks, blocks);
    }
    EXPECT_GT(nth, 10u);
    status = STATUS_INSUFFICIENT_RESOURCES;
    for (nth = 1; status != STATUS_SUCCESS; nth++) {
        ASSERT_LT(nth, 100u);
        PVOID bytes = nullptr;
        ULONG length = 0;
        CmFailAllocation(nth);
        status = CmpWriteHive(root, nullptr, 5, &bytes, &length);
        CmFailAllocation(0);
        ASSERT_TRUE(status == STATUS_SUCCESS || status == STATUS_INSUFFICIENT_RESOURCES) << status;
        CmStoreFree(bytes);
        EXPECT_EQ(statistics().Blocks, blocks);
    }
    EXPECT_GT(nth, 4u);
}

// A mutation that has a chance to get past the first checks: mostly of words that look like what the format uses, and
// rarely of data or of what is unused.
void mutate(std::vector<UCHAR> &file, std::mt19937 &random) {
    auto pick = [&](size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(random); };
    auto pickWord = [&] {
        size_t at = 0;
        for (int tries = 0; tries < 8; tries++) {
            at = pick(file.size() / 4) * 4;
            if (file[at] != file[at + 1] || file[at + 1] != file[at + 2]) {
                break;
            }
        }
        return at;
    };
    static const ULONG interesting[] = {0,          1,          2,          7,          8,
                                        0x20,       0xFFFF,     0x10000,    0x7FFFFFFF, 0x80000000,
                                        0x80000004, 0xFFFFFFF8, 0xFFFFFFFF, 0x80000005, 0xFFFF0000,
                                        0x7FFFFFF8, 0x00001000, 0x0FFFFFFF, 0xFFFFF000, 0x40000000};
    switch (pick(6)) {
    case 0:
        file[pickWord() + pick(4)] = static_cast<UCHAR>(pick(256));
        break;
    case 1: {
        ULONG value = interesting[pick(std::size(interesting))];
        memcpy(&file[pickWord()], &value, sizeof value);
        break;
    }
    case 2: { // a reference to some other place
        ULONG value = static_cast<ULONG>(pick(file.size() / 8) * 8);
        memcpy(&file[pickWord()], &value, sizeof value);
        break;
    }
    case 3: // a reference taken from elsewhere
        memcpy(&file[pickWord()], &file[pickWord()], sizeof(ULONG));
        break;
    case 4:
        file[pickWord() + pick(4)] ^= static_cast<UCHAR>(1u << pick(8));
        break;
    default: {
        size_t length = std::min<size_t>(64, file.size()), from = pick(file.size() - length + 1),
               to = pick(file.size() - length + 1);
        memmove(&file[to], &file[from], length);
        break;
    }
    }
}

TEST_F(CmHiveFormat, SurvivesMutatedFiles) {
    CM_NODE small = tree_.root(u"Small"), large = tree_.root(u"Large");
    tree_.value(tree_.key(small, u"Key", u"Class"), u"Value", REG_BINARY, "12345678");
    tree_.secure(small, 18);
    tree_.secure(static_cast<CM_NODE>(small->Children.Items[0]), 19);
    tree_.value(tree_.key(small, u"Other"), u"Big", REG_BINARY, std::string(20000, 'b'));
    fill(tree_, large);
    const std::vector<UCHAR> seeds[] = {tree_.write(small), tree_.write(small, nullptr, 3), tree_.write(large)};
    ULONG blocks = statistics().Blocks;
    std::mt19937 random(20240607);
    std::map<NTSTATUS, int> seen;
    for (int i = 0; i < 5000; i++) {
        // The large one costs more and is left to one in 64.
        std::vector<UCHAR> file = seeds[i % 64 == 0 ? 2 : i % 2];
        for (int n = 1 << i % 4; n > 0; n--) {
            mutate(file, random);
        }
        if (i % 16 != 0) {
            HiveTree::fixSum(file);
        }
        CM_NODE read = nullptr;
        NTSTATUS status = tree_.read(file, &read);
        seen[status]++;
        ASSERT_EQ(read != nullptr, NT_SUCCESS(status));
        if (read != nullptr) {
            // What was accepted is whole: it can be written, and reads as the same again.
            CM_NODE again = nullptr;
            ASSERT_EQ(tree_.read(tree_.write(read), &again), STATUS_SUCCESS) << i;
            ASSERT_EQ(tree_.describe(again), tree_.describe(read)) << i;
            CmpFreeTree(again);
            CmpFreeTree(read);
        }
        ASSERT_EQ(statistics().Blocks, blocks) << i;
    }
    EXPECT_GT(seen[STATUS_SUCCESS], 500);
    EXPECT_GT(seen[kCorrupt], 500);
    EXPECT_GT(seen[kForeign], 1);
    for (auto [status, count] : seen) {
        EXPECT_TRUE(status == STATUS_SUCCESS || status == STATUS_REGISTRY_RECOVERED || status == kCorrupt ||
                    status == kForeign)
            << std::hex << status << " " << std::dec << count;
    }
}

} // namespace
