// SPDX-License-Identifier: MIT

#include <cstring>

#include "cm_fixture.h"

using namespace cm_test;

namespace {

class CmQuery : public CmTest {
  protected:
    NTSTATUS query(const Key &key, KEY_INFORMATION_CLASS informationClass, ULONG length) {
        std::memset(buffer_, 0xCC, sizeof buffer_);
        return NtQueryKey(key.get(), informationClass, buffer_, length, &resultLength_);
    }
    template <typename T> T *answer() { return reinterpret_cast<T *>(buffer_); }
    LONGLONG writeTime(const Key &key) {
        EXPECT_EQ(query(key, KeyBasicInformation, sizeof buffer_), STATUS_SUCCESS);
        return answer<KEY_BASIC_INFORMATION>()->LastWriteTime.QuadPart;
    }
    // "Named", with the class "Kind".
    Key named() {
        Key parent = scratch();
        return Key::create(u"Named", parent.get(), REG_OPTION_VOLATILE, nullptr, u"Kind");
    }

    alignas(8) unsigned char buffer_[512];
    ULONG resultLength_ = 0;
};

struct KeyLayout {
    KEY_INFORMATION_CLASS informationClass;
    ULONG fixed, full;
};

class CmKeyLayout : public CmQuery, public ::testing::WithParamInterface<KeyLayout> {};

TEST_P(CmKeyLayout, FollowsTheBufferProtocol) {
    auto [informationClass, fixed, full] = GetParam();
    Key key = named();
    EXPECT_EQ(query(key, informationClass, fixed - 1), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(resultLength_, full);
    EXPECT_EQ(buffer_[0], 0xCC);
    if (fixed < full) {
        EXPECT_EQ(query(key, informationClass, full - 1), STATUS_BUFFER_OVERFLOW);
        EXPECT_EQ(resultLength_, full);
        EXPECT_EQ(buffer_[full - 1], 0xCC);
    }
    EXPECT_EQ(query(key, informationClass, full), STATUS_SUCCESS);
    EXPECT_EQ(resultLength_, full);
    EXPECT_EQ(buffer_[full], 0xCC);
}

INSTANTIATE_TEST_SUITE_P(
    , CmKeyLayout,
    ::testing::Values(KeyLayout{KeyBasicInformation, 16, 26}, KeyLayout{KeyNodeInformation, 24, 44},
                      KeyLayout{KeyFullInformation, 44, 52}, KeyLayout{KeyNameInformation, 4, 4 + 2 * 39},
                      KeyLayout{KeyCachedInformation, 40, 40}, KeyLayout{KeyFlagsInformation, 12, 12},
                      KeyLayout{KeyVirtualizationInformation, 4, 4}, KeyLayout{KeyHandleTagsInformation, 4, 4}));

TEST_F(CmQuery, HasTheDocumentedFields) {
    Key key = named();
    ASSERT_EQ(query(key, KeyNodeInformation, sizeof buffer_), STATUS_SUCCESS);
    auto node = answer<KEY_NODE_INFORMATION>();
    EXPECT_EQ(std::u16string(node->Name, node->NameLength / 2), u"Named");
    EXPECT_EQ(node->ClassOffset, 36u);
    EXPECT_EQ(node->ClassLength, 8u);
    EXPECT_EQ(std::memcmp(buffer_ + 36, u"Kind", 8), 0);
    ASSERT_EQ(query(key, KeyNameInformation, sizeof buffer_), STATUS_SUCCESS);
    auto name = answer<KEY_NAME_INFORMATION>();
    EXPECT_EQ(std::u16string(name->Name, name->NameLength / 2), u"\\REGISTRY\\MACHINE\\SOFTWARE\\CmTest\\Named");
    ASSERT_EQ(query(scratch(), KeyFullInformation, sizeof buffer_), STATUS_SUCCESS);
    auto full = answer<KEY_FULL_INFORMATION>();
    EXPECT_EQ(full->ClassOffset, 0xFFFFFFFFu);
    EXPECT_EQ(full->SubKeys, 1u);
    EXPECT_EQ(full->MaxNameLen, 10u);
    EXPECT_EQ(full->MaxClassLen, 8u);
}

TEST_F(CmQuery, CountsValues) {
    Key key = scratch();
    key.set(u"long name", 1);
    UNICODE_STRING name = text(u"v");
    NtSetValueKey(key.get(), &name, 0, REG_BINARY, buffer_, 100);
    ASSERT_EQ(query(key, KeyCachedInformation, sizeof buffer_), STATUS_SUCCESS);
    auto cached = answer<KEY_CACHED_INFORMATION>();
    EXPECT_EQ(cached->Values, 2u);
    EXPECT_EQ(cached->MaxValueNameLen, 18u);
    EXPECT_EQ(cached->MaxValueDataLen, 100u);
    EXPECT_EQ(cached->NameLength, 12u);
    key.remove(u"v");
    key.remove(u"long name");
    ASSERT_EQ(query(key, KeyCachedInformation, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_EQ(cached->Values, 0u);
    EXPECT_EQ(cached->MaxValueDataLen, 0u);
}

TEST_F(CmQuery, EnumeratesSubkeysInOrderOfNameAndEndsWithNoMoreEntries) {
    Key parent = scratch();
    for (auto name : {u"delta", u"Alpha", u"charlie", u"BRAVO"}) {
        Key::create(name, parent.get(), REG_OPTION_VOLATILE);
    }
    Filter filter('f', u"385100", &log_, {RegNtPostEnumerateKey});
    std::u16string names;
    NTSTATUS status = STATUS_SUCCESS;
    for (ULONG i = 0; status == STATUS_SUCCESS; i++) {
        status = NtEnumerateKey(parent.get(), i, KeyBasicInformation, buffer_, sizeof buffer_, &resultLength_);
        if (status == STATUS_SUCCESS) {
            auto basic = answer<KEY_BASIC_INFORMATION>();
            names += std::u16string(basic->Name, basic->NameLength / 2) + u' ';
        }
    }
    EXPECT_EQ(status, STATUS_NO_MORE_ENTRIES);
    EXPECT_EQ(names, u"Alpha BRAVO charlie delta ");
    EXPECT_EQ(log_.take().back(), (Call{'f', RegNtPostEnumerateKey, STATUS_NO_MORE_ENTRIES}));
}

TEST_F(CmQuery, ATooSmallBufferIsSeenInPost) {
    Key key = named();
    Filter filter('f', u"385100", &log_, {RegNtPostQueryKey});
    query(key, KeyFullInformation, 4);
    query(key, KeyFullInformation, 45);
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'f', RegNtPostQueryKey, STATUS_BUFFER_TOO_SMALL},
                                              {'f', RegNtPostQueryKey, STATUS_BUFFER_OVERFLOW}}));
}

TEST_F(CmQuery, ABypassingFilterAnswersInsteadOfTheKey) {
    Key key = named();
    Filter filter('f', u"385100", nullptr, {RegNtPreQueryKey}, [](ULONG, void *information) {
        auto info = static_cast<REG_QUERY_KEY_INFORMATION *>(information);
        *static_cast<ULONG *>(info->KeyInformation) = 0x55;
        *info->ResultLength = 4;
        return STATUS_CALLBACK_BYPASS;
    });
    EXPECT_EQ(query(key, KeyHandleTagsInformation, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_EQ(*answer<ULONG>(), 0x55u);
    EXPECT_EQ(resultLength_, 4u);
}

TEST_F(CmQuery, TheWriteTimeFollowsChangesAndCanBeSet) {
    Key key = scratch();
    LARGE_INTEGER early;
    early.QuadPart = 116444736000000000;
    auto reset = [&] {
        ASSERT_EQ(NtSetInformationKey(key.get(), KeyWriteTimeInformation, &early, sizeof early), STATUS_SUCCESS);
        ASSERT_EQ(writeTime(key), early.QuadPart);
    };
    reset();
    key.set(u"v", 1);
    EXPECT_GT(writeTime(key), early.QuadPart);
    reset();
    key.remove(u"v");
    EXPECT_GT(writeTime(key), early.QuadPart);
    reset();
    Key child = Key::create(u"Child", key.get(), REG_OPTION_VOLATILE);
    EXPECT_GT(writeTime(key), early.QuadPart);
    reset();
    NtDeleteKey(child.get());
    EXPECT_GT(writeTime(key), early.QuadPart);
    reset();
    ULONG value;
    key.query(u"v", &value);
    EXPECT_EQ(writeTime(key), early.QuadPart);
}

TEST_F(CmQuery, HandleTagsAreKept) {
    Key key = scratch();
    ULONG tags = 0x21;
    ASSERT_EQ(NtSetInformationKey(key.get(), KeySetHandleTagsInformation, &tags, sizeof tags), STATUS_SUCCESS);
    ASSERT_EQ(query(key, KeyHandleTagsInformation, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_EQ(*answer<ULONG>(), 0x21u);
}

// Each allocation of each call fails once; the call says so, changes nothing, and works when it is made again.
TEST_F(CmQuery, EveryOperationSurvivesLackOfMemoryAtEveryAllocation) {
    Key key = named(), parent = scratch();
    ASSERT_EQ(key.set(u"v", 1), STATUS_SUCCESS);
    UNICODE_STRING value = text(u"v"), newName = text(u"Other");
    KEY_VALUE_ENTRY entry = {&value, 0, 0, 0};
    ULONG room = sizeof buffer_;
    const std::vector<std::function<NTSTATUS()>> operations = {
        [&] { return query(key, KeyBasicInformation, sizeof buffer_); },
        [&] { return query(key, KeyNodeInformation, sizeof buffer_); },
        [&] { return query(key, KeyFullInformation, sizeof buffer_); },
        [&] { return query(key, KeyNameInformation, sizeof buffer_); },
        [&] { return query(key, KeyCachedInformation, sizeof buffer_); },
        [&] { return NtEnumerateKey(parent.get(), 0, KeyNodeInformation, buffer_, sizeof buffer_, &resultLength_); },
        [&] {
            return NtEnumerateValueKey(key.get(), 0, KeyValueFullInformation, buffer_, sizeof buffer_, &resultLength_);
        },
        [&] {
            room = sizeof buffer_;
            return NtQueryMultipleValueKey(key.get(), &entry, 1, buffer_, &room, nullptr);
        },
        [&] { return NtQueryObject(key.get(), ObjectNameInformation, buffer_, sizeof buffer_, &resultLength_); },
        [&] { return NtRenameKey(key.get(), &newName); },
        [&] { return key.remove(u"v"); },
        [&] { return NtDeleteKey(key.get()); },
    };
    for (size_t i = 0; i < operations.size(); i++) {
        NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
        for (ULONG nth = 1; status == STATUS_INSUFFICIENT_RESOURCES; nth++) {
            ASSERT_LT(nth, 50u);
            CmFailAllocation(nth);
            status = operations[i]();
            CmFailAllocation(0);
        }
        EXPECT_EQ(status, STATUS_SUCCESS) << "operation " << i;
    }
}

} // namespace
