// SPDX-License-Identifier: MIT

#include "cm_fixture.h"

using namespace cm_test;

namespace {

class CmNames : public CmTest {
  protected:
    NTSTATUS look(const Key &key, std::u16string *name, ULONG_PTR *id = nullptr) {
        PCUNICODE_STRING found = nullptr;
        NTSTATUS status =
            CmCallbackGetKeyObjectIDEx(&filter_.cookie, key.object(), id, name == nullptr ? nullptr : &found, 0);
        if (NT_SUCCESS(status) && name != nullptr) {
            *name = text(found);
            CmCallbackReleaseKeyObjectIDEx(found);
        }
        return status;
    }
    NTSTATUS rename(const Key &key, std::u16string_view to) {
        UNICODE_STRING name = text(to);
        return NtRenameKey(key.get(), &name);
    }

    Filter filter_{'f', u"385100", nullptr, {}};
};
using CmNamesDeath = CmNames;

TEST_F(CmNames, AreFullAndInTheCaseOfTheKey) {
    scratch(u"CaSe");
    Key key = Key::open(u"\\registry\\machine\\software\\case");
    std::u16string name;
    ASSERT_EQ(look(key, &name), STATUS_SUCCESS);
    EXPECT_EQ(name, u"\\REGISTRY\\MACHINE\\SOFTWARE\\CaSe");
    EXPECT_EQ(statistics().KeyNames, 0u);
}

TEST_F(CmNames, RenameChangesTheNameOfTheKeyAndItsDescendantsButNoId) {
    Key key = scratch(), child = Key::create(u"Child", key.get(), REG_OPTION_VOLATILE);
    ULONG_PTR before = 0, after = 0;
    std::u16string name;
    PCUNICODE_STRING cached = nullptr;
    ASSERT_EQ(CmCallbackGetKeyObjectID(&filter_.cookie, child.object(), &before, &cached), STATUS_SUCCESS);
    ASSERT_EQ(rename(key, u"Renamed"), STATUS_SUCCESS);
    ASSERT_EQ(look(child, &name, &after), STATUS_SUCCESS);
    EXPECT_EQ(name, u"\\REGISTRY\\MACHINE\\SOFTWARE\\Renamed\\Child");
    EXPECT_EQ(before, after);
    // The older routine goes on giving what it gave first.
    ASSERT_EQ(CmCallbackGetKeyObjectID(&filter_.cookie, child.object(), nullptr, &cached), STATUS_SUCCESS);
    EXPECT_EQ(text(cached), u"\\REGISTRY\\MACHINE\\SOFTWARE\\CmTest\\Child");
}

TEST_F(CmNames, TheIdIsThatOfTheKeyNotOfTheObject) {
    Key first = scratch(), second = scratch(), other = scratch(u"Other");
    ULONG_PTR one = 0, two = 0, three = 0;
    ASSERT_EQ(look(first, nullptr, &one), STATUS_SUCCESS);
    ASSERT_EQ(look(second, nullptr, &two), STATUS_SUCCESS);
    ASSERT_EQ(look(other, nullptr, &three), STATUS_SUCCESS);
    EXPECT_NE(first.object(), second.object());
    EXPECT_EQ(one, two);
    EXPECT_NE(one, three);
}

TEST_F(CmNames, OfADeletedKeyAreGone) {
    Key key = scratch();
    ASSERT_EQ(NtDeleteKey(key.get()), STATUS_SUCCESS);
    std::u16string name;
    EXPECT_EQ(look(key, &name), STATUS_KEY_DELETED);
    PCUNICODE_STRING cached = nullptr;
    EXPECT_EQ(CmCallbackGetKeyObjectID(&filter_.cookie, key.object(), nullptr, &cached), STATUS_KEY_DELETED);
    // A new key of that name is another key.
    Key again = scratch();
    EXPECT_EQ(look(again, &name), STATUS_SUCCESS);
}

TEST_F(CmNames, CanBeMadeToFail) {
    Key key = scratch();
    std::u16string name;
    CmFailNameLookups(2, STATUS_INSUFFICIENT_RESOURCES);
    EXPECT_EQ(look(key, &name), STATUS_INSUFFICIENT_RESOURCES);
    EXPECT_EQ(look(key, &name), STATUS_INSUFFICIENT_RESOURCES);
    EXPECT_EQ(look(key, &name), STATUS_SUCCESS);
}

TEST_F(CmNames, ReportLackOfMemory) {
    Key key = scratch();
    std::u16string name;
    CmFailAllocation(1);
    EXPECT_EQ(look(key, &name), STATUS_INSUFFICIENT_RESOURCES);
    EXPECT_EQ(look(key, &name), STATUS_SUCCESS);
    PCUNICODE_STRING cached = nullptr;
    for (ULONG nth : {1, 2}) {
        CmFailAllocation(nth);
        EXPECT_EQ(CmCallbackGetKeyObjectID(&filter_.cookie, key.object(), nullptr, &cached),
                  STATUS_INSUFFICIENT_RESOURCES);
    }
    EXPECT_EQ(CmCallbackGetKeyObjectID(&filter_.cookie, key.object(), nullptr, &cached), STATUS_SUCCESS);
}

TEST_F(CmNames, CheckTheirArguments) {
    Key key = scratch();
    PCUNICODE_STRING name = nullptr;
    EXPECT_EQ(CmCallbackGetKeyObjectIDEx(&filter_.cookie, key.object(), nullptr, &name, 1), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(CmCallbackGetKeyObjectIDEx(nullptr, key.object(), nullptr, &name, 0), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(CmCallbackGetKeyObjectIDEx(&filter_.cookie, nullptr, nullptr, &name, 0), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(CmCallbackGetKeyObjectIDEx(&filter_.cookie, key.object(), nullptr, nullptr, 0), STATUS_SUCCESS);
}

TEST_F(CmNames, MayBeAskedForInPreClose) {
    Key key = scratch();
    std::u16string seen;
    Filter *self = nullptr;
    Filter closer('c', u"385000", nullptr, {RegNtPreKeyHandleClose}, [&](ULONG, void *information) {
        PCUNICODE_STRING name;
        if (NT_SUCCESS(CmCallbackGetKeyObjectIDEx(&self->cookie,
                                                  static_cast<REG_KEY_HANDLE_CLOSE_INFORMATION *>(information)->Object,
                                                  nullptr, &name, 0))) {
            seen = text(name);
            CmCallbackReleaseKeyObjectIDEx(name);
        }
        return STATUS_SUCCESS;
    });
    self = &closer;
    key.close();
    EXPECT_EQ(seen, u"\\REGISTRY\\MACHINE\\SOFTWARE\\CmTest");
}

TEST_F(CmNames, HaveNoTransaction) {
    Key key = scratch();
    EXPECT_EQ(CmGetBoundTransaction(&filter_.cookie, key.object()), nullptr);
}

TEST_F(CmNamesDeath, AnUnknownCookieIsReported) {
    Key key = scratch();
    LARGE_INTEGER foreign{};
    EXPECT_DEATH(CmCallbackGetKeyObjectIDEx(&foreign, key.object(), nullptr, nullptr, 0),
                 "STOP: 0x000000C4 \\(0xC3000002");
}

TEST_F(CmNamesDeath, ANameReleasedTwiceIsReported) {
    Key key = scratch();
    PCUNICODE_STRING name = nullptr;
    ASSERT_EQ(CmCallbackGetKeyObjectIDEx(&filter_.cookie, key.object(), nullptr, &name, 0), STATUS_SUCCESS);
    CmCallbackReleaseKeyObjectIDEx(name);
    EXPECT_DEATH(CmCallbackReleaseKeyObjectIDEx(name), "STOP: 0x000000C4 \\(0xC3000007");
}

TEST_F(CmNamesDeath, AChangedNameIsReported) {
    Key key = scratch();
    EXPECT_DEATH(
        {
            PCUNICODE_STRING name = nullptr;
            CmCallbackGetKeyObjectIDEx(&filter_.cookie, key.object(), nullptr, &name, 0);
            name->Buffer[1] = u'x';
            CmCallbackReleaseKeyObjectIDEx(name);
        },
        "STOP: 0x000000C4 \\(0xC300000C");
}

TEST_F(CmNamesDeath, ANameThatIsNotReleasedIsReportedAtShutdown) {
    EXPECT_DEATH(
        {
            Key key = Key::open(kSoftware);
            PCUNICODE_STRING name = nullptr;
            CmCallbackGetKeyObjectIDEx(&filter_.cookie, key.object(), nullptr, &name, 0);
            key.close();
            filter_.stop();
            machine_.reset();
        },
        "STOP: 0x000000C4 \\(0xC3000008");
}

TEST_F(CmNamesDeath, ARegistrationThatIsLeftIsReportedAtShutdown) {
    EXPECT_DEATH(machine_.reset(), "STOP: 0x000000C4 \\(0xC300000A");
}

} // namespace
