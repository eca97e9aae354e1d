// SPDX-License-Identifier: MIT

#include <cstring>

#include "cm_fixture.h"
#include "nt/ob_internal.h"

using namespace cm_test;

namespace {

class CmValue : public CmTest {
  protected:
    NTSTATUS setData(const Key &key, std::u16string_view name, ULONG type, std::string_view data) {
        UNICODE_STRING string = text(name);
        return NtSetValueKey(key.get(), &string, 0, type, const_cast<char *>(data.data()),
                             static_cast<ULONG>(data.size()));
    }
    NTSTATUS query(const Key &key, std::u16string_view name, KEY_VALUE_INFORMATION_CLASS informationClass,
                   ULONG length) {
        UNICODE_STRING string = text(name);
        std::memset(buffer_, 0xCC, sizeof buffer_);
        return NtQueryValueKey(key.get(), &string, informationClass, buffer_, length, &resultLength_);
    }
    template <typename T> T *answer() { return reinterpret_cast<T *>(buffer_); }

    alignas(8) unsigned char buffer_[512];
    ULONG resultLength_ = 0;
};

struct ValueLayout {
    KEY_VALUE_INFORMATION_CLASS informationClass;
    ULONG fixed, full;
};

class CmValueLayout : public CmValue, public ::testing::WithParamInterface<ValueLayout> {};

TEST_P(CmValueLayout, FollowsTheBufferProtocol) {
    auto [informationClass, fixed, full] = GetParam();
    Key key = scratch();
    ASSERT_EQ(setData(key, u"Name", REG_BINARY, "12345"), STATUS_SUCCESS);
    EXPECT_EQ(query(key, u"NAME", informationClass, fixed - 1), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(resultLength_, full);
    EXPECT_EQ(buffer_[0], 0xCC);
    EXPECT_EQ(query(key, u"NAME", informationClass, fixed), STATUS_BUFFER_OVERFLOW);
    EXPECT_EQ(resultLength_, full);
    EXPECT_EQ(buffer_[fixed], 0xCC);
    EXPECT_EQ(query(key, u"NAME", informationClass, full - 1), STATUS_BUFFER_OVERFLOW);
    EXPECT_EQ(buffer_[full - 1], 0xCC);
    EXPECT_EQ(query(key, u"NAME", informationClass, full), STATUS_SUCCESS);
    EXPECT_EQ(buffer_[full], 0xCC);
    ULONG byIndex = 0;
    EXPECT_EQ(NtEnumerateValueKey(key.get(), 0, informationClass, buffer_, full, &byIndex), STATUS_SUCCESS);
    EXPECT_EQ(byIndex, full);
}

INSTANTIATE_TEST_SUITE_P(, CmValueLayout,
                         ::testing::Values(ValueLayout{KeyValueBasicInformation, 12, 20},
                                           ValueLayout{KeyValueFullInformation, 20, 33},
                                           ValueLayout{KeyValuePartialInformation, 12, 17},
                                           ValueLayout{KeyValueFullInformationAlign64, 20, 37},
                                           ValueLayout{KeyValuePartialInformationAlign64, 8, 13}));

TEST_F(CmValue, HasTheDocumentedFields) {
    Key key = scratch();
    ASSERT_EQ(setData(key, u"Name", REG_BINARY, "12345"), STATUS_SUCCESS);
    ASSERT_EQ(query(key, u"name", KeyValueFullInformation, sizeof buffer_), STATUS_SUCCESS);
    auto full = answer<KEY_VALUE_FULL_INFORMATION>();
    EXPECT_EQ(full->Type, ULONG{REG_BINARY});
    EXPECT_EQ(full->NameLength, 8u);
    EXPECT_EQ(std::u16string(full->Name, 4), u"Name");
    EXPECT_EQ(full->DataOffset, 28u);
    EXPECT_EQ(full->DataLength, 5u);
    EXPECT_EQ(std::memcmp(buffer_ + 28, "12345", 5), 0);
    ASSERT_EQ(setData(key, u"Name", REG_NONE, ""), STATUS_SUCCESS);
    ASSERT_EQ(query(key, u"name", KeyValueFullInformation, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_EQ(full->DataLength, 0u);
    EXPECT_EQ(full->DataOffset, 0xFFFFFFFFu);
    EXPECT_EQ(resultLength_, 28u);
}

TEST_F(CmValue, KeepsTheCaseOfTheFirstWriterAndAnyType) {
    Key key = scratch();
    ASSERT_EQ(setData(key, u"MiXed", 0xFFFF1234, "a"), STATUS_SUCCESS);
    ASSERT_EQ(setData(key, u"MIXED", 0xFFFF1234, "b"), STATUS_SUCCESS);
    ASSERT_EQ(query(key, u"mixed", KeyValueFullInformation, sizeof buffer_), STATUS_SUCCESS);
    auto full = answer<KEY_VALUE_FULL_INFORMATION>();
    EXPECT_EQ(std::u16string(full->Name, 5), u"MiXed");
    EXPECT_EQ(full->Type, 0xFFFF1234u);
    EXPECT_EQ(buffer_[full->DataOffset], 'b');
}

TEST_F(CmValue, NamesAreCheckedAndTrailingNulsDropped) {
    Key key = scratch();
    std::u16string seen;
    Filter filter('f', u"385100", nullptr, {RegNtPreSetValueKey}, [&](ULONG, void *information) {
        seen = text(static_cast<REG_SET_VALUE_KEY_INFORMATION *>(information)->ValueName);
        return STATUS_SUCCESS;
    });
    EXPECT_EQ(key.set(std::u16string(16383, u'n'), 1), STATUS_SUCCESS);
    seen = u"untouched";
    EXPECT_EQ(key.set(std::u16string(16384, u'n'), 1), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(seen, u"untouched");
    EXPECT_EQ(key.set(std::u16string_view(u"a\0b\0\0", 5), 1), STATUS_SUCCESS);
    EXPECT_EQ(seen, std::u16string(u"a\0b", 3));
    UNICODE_STRING odd = {3, 4, const_cast<PWCH>(u"ab")};
    EXPECT_EQ(NtDeleteValueKey(key.get(), &odd), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(key.set(u"", 9), STATUS_SUCCESS);
    EXPECT_EQ(seen, u"");
    ULONG value = 0;
    EXPECT_EQ(NtSetValueKey(key.get(), nullptr, 0, REG_NONE, nullptr, 0), STATUS_SUCCESS);
    EXPECT_EQ(key.query(u"", &value), STATUS_SUCCESS);
}

TEST_F(CmValue, IsSetFromACapturedCopy) {
    Key key = scratch();
    ULONG data = 1;
    PVOID shown = nullptr;
    Filter filter('f', u"385100", nullptr, {RegNtPreSetValueKey}, [&](ULONG, void *information) {
        auto info = static_cast<REG_SET_VALUE_KEY_INFORMATION *>(information);
        shown = info->Data;
        data = 99;          // what the program does meanwhile no longer matters
        info->DataSize = 1; // and what the filter writes is not read back
        info->Type = REG_SZ;
        return STATUS_SUCCESS;
    });
    UNICODE_STRING name = text(u"v");
    ASSERT_EQ(NtSetValueKey(key.get(), &name, 0, REG_DWORD, &data, sizeof data), STATUS_SUCCESS);
    EXPECT_NE(shown, &data);
    ULONG value = 0;
    EXPECT_EQ(key.query(u"v", &value), STATUS_SUCCESS);
    EXPECT_EQ(value, 1u);
}

TEST_F(CmValue, OutputBuffersAreTheRawPointersOfTheCallerAndFullInPost) {
    Key key = scratch();
    ASSERT_EQ(key.set(u"v", 7), STATUS_SUCCESS);
    PVOID shown = nullptr;
    Filter filter('f', u"385100", nullptr, {RegNtPostQueryValueKey}, [&](ULONG, void *information) {
        auto info = static_cast<REG_QUERY_VALUE_KEY_INFORMATION *>(post(information)->PreInformation);
        shown = info->KeyValueInformation;
        auto partial = static_cast<KEY_VALUE_PARTIAL_INFORMATION *>(info->KeyValueInformation);
        EXPECT_EQ(partial->Data[0], 7);
        partial->Data[0] = 8;
        return STATUS_SUCCESS;
    });
    ASSERT_EQ(query(key, u"v", KeyValuePartialInformation, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_EQ(shown, buffer_);
    EXPECT_EQ(answer<KEY_VALUE_PARTIAL_INFORMATION>()->Data[0], 8);
}

TEST_F(CmValue, MemoryOfTheCallerThatIsGoneIsAnAccessViolation) {
    Key key = scratch();
    ASSERT_EQ(key.set(u"v", 7), STATUS_SUCCESS);
    alignas(8) static unsigned char user[64];
    SimRegisterUserRange(user, sizeof user);
    SimSetUserRangeAccess(user, FALSE, FALSE);
    Filter filter('f', u"385100", &log_, {RegNtPreSetValueKey});
    UNICODE_STRING name = text(u"v");
    EXPECT_EQ(NtSetValueKey(key.get(), &name, 0, REG_BINARY, user, 4), STATUS_ACCESS_VIOLATION);
    EXPECT_EQ(NtSetValueKey(key.get(), reinterpret_cast<PUNICODE_STRING>(user), 0, REG_BINARY, &name, 4),
              STATUS_ACCESS_VIOLATION);
    EXPECT_TRUE(log_.take().empty());
    ULONG length;
    EXPECT_EQ(NtQueryValueKey(key.get(), &name, KeyValuePartialInformation, user, sizeof user, &length),
              STATUS_ACCESS_VIOLATION);
    SimUnregisterUserRange(user);
}

TEST_F(CmValue, MemoryThatVanishesBetweenPreAndAnswerIsAnAccessViolationInPost) {
    Key key = scratch();
    ASSERT_EQ(key.set(u"v", 7), STATUS_SUCCESS);
    alignas(8) static unsigned char user[64];
    SimRegisterUserRange(user, sizeof user);
    Filter filter('f', u"385100", &log_, {RegNtPreQueryValueKey, RegNtPostQueryValueKey}, [&](ULONG, void *) {
        SimSetUserRangeAccess(user, FALSE, FALSE);
        return STATUS_SUCCESS;
    });
    UNICODE_STRING name = text(u"v");
    ULONG length;
    EXPECT_EQ(NtQueryValueKey(key.get(), &name, KeyValuePartialInformation, user, sizeof user, &length),
              STATUS_ACCESS_VIOLATION);
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'f', RegNtPreQueryValueKey, 0},
                                              {'f', RegNtPostQueryValueKey, STATUS_ACCESS_VIOLATION}}));
    SimUnregisterUserRange(user);
}

TEST_F(CmValue, EnumerationEndsWithAPostOfNoMoreEntries) {
    Key key = scratch();
    key.set(u"b", 1);
    key.set(u"a", 2);
    Filter filter('f', u"385100", &log_, {RegNtPostEnumerateValueKey});
    std::u16string names;
    NTSTATUS status = STATUS_SUCCESS;
    for (ULONG i = 0; status == STATUS_SUCCESS; i++) {
        status = NtEnumerateValueKey(key.get(), i, KeyValueBasicInformation, buffer_, sizeof buffer_, &resultLength_);
        if (status == STATUS_SUCCESS) {
            names += answer<KEY_VALUE_BASIC_INFORMATION>()->Name[0];
        }
    }
    EXPECT_EQ(status, STATUS_NO_MORE_ENTRIES);
    EXPECT_EQ(names, u"ba");
    EXPECT_EQ(log_.take().back(), (Call{'f', RegNtPostEnumerateValueKey, STATUS_NO_MORE_ENTRIES}));
}

TEST_F(CmValue, UnknownInformationClassesAreRefusedBeforeCallbacks) {
    Key key = scratch();
    Filter filter('f', u"385100", &log_,
                  {RegNtPreQueryValueKey, RegNtPreEnumerateValueKey, RegNtPreQueryKey, RegNtPreEnumerateKey});
    EXPECT_EQ(query(key, u"v", static_cast<KEY_VALUE_INFORMATION_CLASS>(5), 100), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(NtQueryKey(key.get(), static_cast<KEY_INFORMATION_CLASS>(10), buffer_, 100, &resultLength_),
              STATUS_INVALID_PARAMETER);
    EXPECT_EQ(NtEnumerateKey(key.get(), 0, KeyNameInformation, buffer_, 100, &resultLength_), STATUS_INVALID_PARAMETER);
    EXPECT_TRUE(log_.take().empty());
}

TEST_F(CmValue, SeveralAreQueriedAtOnce) {
    Key key = scratch();
    ASSERT_EQ(setData(key, u"one", REG_SZ, "abc"), STATUS_SUCCESS);
    ASSERT_EQ(setData(key, u"two", REG_BINARY, "defgh"), STATUS_SUCCESS);
    UNICODE_STRING one = text(u"one"), two = text(u"TWO"), none = text(u"none");
    KEY_VALUE_ENTRY entries[2] = {{&one, 0, 0, 0}, {&two, 0, 0, 0}};
    ULONG length = sizeof buffer_, required = 0;
    EXPECT_EQ(NtQueryMultipleValueKey(key.get(), entries, 2, buffer_, &length, &required), STATUS_SUCCESS);
    EXPECT_EQ(length, 9u);
    EXPECT_EQ(required, 9u);
    EXPECT_EQ(entries[0].ValueName, &one);
    EXPECT_EQ(entries[0].Type, ULONG{REG_SZ});
    EXPECT_EQ(entries[1].DataOffset, 4u);
    EXPECT_EQ(entries[1].DataLength, 5u);
    EXPECT_EQ(std::memcmp(buffer_ + 4, "defgh", 5), 0);
    length = 4;
    EXPECT_EQ(NtQueryMultipleValueKey(key.get(), entries, 2, buffer_, &length, &required), STATUS_BUFFER_OVERFLOW);
    EXPECT_EQ(length, 3u);
    EXPECT_EQ(required, 9u);
    entries[1].ValueName = &none;
    length = sizeof buffer_;
    EXPECT_EQ(NtQueryMultipleValueKey(key.get(), entries, 2, buffer_, &length, nullptr), STATUS_OBJECT_NAME_NOT_FOUND);
}

TEST_F(CmValue, SurvivesLackOfMemoryAtEveryAllocation) {
    Key key = scratch();
    Filter filter('f', u"385100", nullptr, {});
    bool done = false;
    for (ULONG nth = 1; !done; nth++) {
        ASSERT_LT(nth, 100u);
        CmFailAllocation(nth);
        NTSTATUS status = key.set(u"v", 1);
        if (status == STATUS_SUCCESS) {
            status = query(key, u"v", KeyValueFullInformation, sizeof buffer_);
        }
        done = status == STATUS_SUCCESS;
        EXPECT_TRUE(done || status == STATUS_INSUFFICIENT_RESOURCES);
    }
    CmFailAllocation(0);
}

} // namespace
