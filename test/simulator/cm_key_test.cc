// SPDX-License-Identifier: MIT

#include "cm_fixture.h"

using namespace cm_test;

namespace {

constexpr NTSTATUS kNotFound = STATUS_OBJECT_NAME_NOT_FOUND;
const std::vector<ULONG> kCreateOpen = {RegNtPreCreateKeyEx, RegNtPostCreateKeyEx, RegNtPreOpenKeyEx,
                                        RegNtPostOpenKeyEx};

class CmKey : public CmTest {};

struct NameCase {
    const char16_t *root; // nullptr: absolute
    const char16_t *name;
    NTSTATUS status;
    const char16_t *remaining; // nullptr: no notification
};

class CmKeyName : public CmTest, public ::testing::WithParamInterface<NameCase> {};

TEST_P(CmKeyName, IsParsedAsWindowsDoes) {
    auto [rootPath, name, status, remaining] = GetParam();
    Key root;
    if (rootPath != nullptr) {
        root = Key::open(rootPath);
        ASSERT_EQ(root.status, STATUS_SUCCESS);
    }
    std::u16string complete, rest;
    PVOID rootObject = nullptr;
    bool called = false;
    Filter filter('f', u"385100", nullptr, {RegNtPreOpenKeyEx}, [&](ULONG, void *information) {
        auto info = static_cast<REG_OPEN_KEY_INFORMATION_V1 *>(information);
        called = true;
        complete = text(info->CompleteName);
        rest = text(info->RemainingName);
        rootObject = info->RootObject;
        return STATUS_SUCCESS;
    });
    Key key = Key::open(name, KEY_READ, root.get());
    EXPECT_EQ(key.status, status);
    EXPECT_EQ(called, remaining != nullptr);
    if (called) {
        EXPECT_EQ(complete, name);
        EXPECT_EQ(rest, remaining);
        EXPECT_NE(rootObject, nullptr);
        if (rootPath != nullptr) {
            EXPECT_EQ(rootObject, root.object());
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    , CmKeyName,
    ::testing::Values(
        NameCase{nullptr, u"\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft", 0, u"MACHINE\\SOFTWARE\\Microsoft"},
        NameCase{nullptr, u"\\Registry\\machine\\software\\MICROSOFT", 0, u"machine\\software\\MICROSOFT"},
        NameCase{nullptr, u"\\REGISTRY", 0, u""}, NameCase{nullptr, u"\\REGISTRY\\", 0, u""},
        NameCase{nullptr, u"\\REGISTRY\\MACHINE\\\\SOFTWARE\\", 0, u"MACHINE\\\\SOFTWARE"},
        NameCase{nullptr, u"\\REGISTRY\\\\USER\\\\.DEFAULT\\\\", 0, u"USER\\\\.DEFAULT"},
        NameCase{nullptr, u"\\REGISTRY\\MACHINE\\Missing", kNotFound, u"MACHINE\\Missing"},
        NameCase{nullptr, u"\\REGISTRY\\MACHINE\\Missing\\Below", kNotFound, u"MACHINE\\Missing\\Below"},
        NameCase{nullptr, u"\\REGISTRYX", kNotFound, nullptr},
        NameCase{nullptr, u"\\Device\\Thing", STATUS_OBJECT_PATH_NOT_FOUND, nullptr},
        NameCase{nullptr, u"REGISTRY\\MACHINE", STATUS_OBJECT_PATH_SYNTAX_BAD, nullptr},
        NameCase{nullptr, u"", STATUS_OBJECT_PATH_SYNTAX_BAD, nullptr},
        NameCase{u"\\REGISTRY\\MACHINE", u"Software\\Microsoft", 0, u"Software\\Microsoft"},
        NameCase{u"\\REGISTRY\\MACHINE", u"Software\\\\Microsoft\\", 0, u"Software\\\\Microsoft"},
        NameCase{u"\\REGISTRY\\MACHINE", u"", 0, u""},
        NameCase{u"\\REGISTRY\\MACHINE", u"\\Software", STATUS_OBJECT_PATH_SYNTAX_BAD, nullptr}));

TEST_F(CmKey, HasTheHivesOfARealMachine) {
    for (auto path :
         {u"\\REGISTRY\\MACHINE\\SOFTWARE\\Classes", u"\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet\\Services",
          u"\\REGISTRY\\MACHINE\\SAM", u"\\REGISTRY\\MACHINE\\SECURITY", u"\\REGISTRY\\MACHINE\\HARDWARE",
          u"\\REGISTRY\\USER\\.DEFAULT\\Software", u"\\REGISTRY\\USER\\S-1-5-18\\Software",
          u"\\REGISTRY\\USER\\S-1-5-21-3623811015-3361044348-30300820-1013\\Software"}) {
        EXPECT_EQ(Key::open(path, READ_CONTROL).status, STATUS_SUCCESS);
    }
    for (auto path : {u"\\REGISTRY\\New", u"\\REGISTRY\\MACHINE\\New", u"\\REGISTRY\\USER\\New"}) {
        EXPECT_EQ(Key::create(path).status, STATUS_INVALID_PARAMETER);
    }
    Key software = Key::open(kSoftware);
    EXPECT_EQ(NtDeleteKey(software.get()), STATUS_CANNOT_DELETE);
}

TEST_F(CmKey, IsCreatedOnlyBelowAnExistingParent) {
    EXPECT_EQ(Key::create(u"\\REGISTRY\\MACHINE\\SOFTWARE\\A\\B").status, kNotFound);
    ULONG disposition = 0;
    Key key = Key::create(u"\\REGISTRY\\MACHINE\\SOFTWARE\\A", nullptr, 0, &disposition);
    EXPECT_EQ(disposition, ULONG{REG_CREATED_NEW_KEY});
    Key again = Key::create(u"\\REGISTRY\\MACHINE\\SOFTWARE\\a", nullptr, 0, &disposition);
    EXPECT_EQ(disposition, ULONG{REG_OPENED_EXISTING_KEY});
    EXPECT_EQ(Key::create(u"\\REGISTRY\\MACHINE\\SOFTWARE\\A\\B").status, STATUS_SUCCESS);
}

TEST_F(CmKey, NamesHaveAtMost255Characters) {
    Key software = Key::open(kSoftware);
    EXPECT_EQ(Key::create(std::u16string(255, u'x'), software.get()).status, STATUS_SUCCESS);
    EXPECT_EQ(Key::create(std::u16string(256, u'x'), software.get()).status, STATUS_INVALID_PARAMETER);
}

TEST_F(CmKey, NamesMayHoldNul) {
    Key parent = scratch();
    std::u16string_view withNul(u"a\0b", 3);
    Key key = Key::create(withNul, parent.get(), REG_OPTION_VOLATILE);
    ASSERT_EQ(key.status, STATUS_SUCCESS);
    EXPECT_EQ(Key::open(u"a", KEY_READ, parent.get()).status, kNotFound);
    EXPECT_EQ(Key::open(withNul, KEY_READ, parent.get()).status, STATUS_SUCCESS);
}

TEST_F(CmKey, AStableKeyCannotLiveBelowAVolatileOne) {
    Key parent = scratch();
    EXPECT_EQ(Key::create(u"Stable", parent.get()).status, STATUS_CHILD_MUST_BE_VOLATILE);
    EXPECT_EQ(Key::create(u"Volatile", parent.get(), REG_OPTION_VOLATILE).status, STATUS_SUCCESS);
}

TEST_F(CmKey, RefusesUnknownOptionsAndAttributes) {
    EXPECT_EQ(Key::create(u"\\REGISTRY\\MACHINE\\SOFTWARE\\A", nullptr, 0x40).status, STATUS_INVALID_PARAMETER);
    HANDLE handle;
    OBJECT_ATTRIBUTES attributes{};
    EXPECT_EQ(NtOpenKey(&handle, KEY_READ, &attributes), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(Key::open(kSoftware, 0).status, STATUS_ACCESS_DENIED);
}

TEST_F(CmKey, IsDeletedOnlyWithoutSubkeysAndThenAnswersKeyDeleted) {
    Key parent = scratch(), child = Key::create(u"Child", parent.get(), REG_OPTION_VOLATILE), same = scratch();
    EXPECT_EQ(NtDeleteKey(parent.get()), STATUS_CANNOT_DELETE);
    EXPECT_EQ(NtDeleteKey(child.get()), STATUS_SUCCESS);
    EXPECT_EQ(NtDeleteKey(child.get()), STATUS_KEY_DELETED);
    EXPECT_EQ(NtDeleteKey(parent.get()), STATUS_SUCCESS);
    ULONG value, length;
    UNICODE_STRING name = text(u"x");
    EXPECT_EQ(same.set(u"v", 1), STATUS_KEY_DELETED);
    EXPECT_EQ(same.remove(u"v"), STATUS_KEY_DELETED);
    EXPECT_EQ(same.query(u"v", &value), STATUS_KEY_DELETED);
    EXPECT_EQ(NtFlushKey(same.get()), STATUS_KEY_DELETED);
    EXPECT_EQ(NtRenameKey(same.get(), &name), STATUS_KEY_DELETED);
    EXPECT_EQ(NtEnumerateKey(same.get(), 0, KeyBasicInformation, &value, 0, &length), STATUS_KEY_DELETED);
    EXPECT_EQ(NtEnumerateValueKey(same.get(), 0, KeyValueBasicInformation, &value, 0, &length), STATUS_KEY_DELETED);
    EXPECT_EQ(NtQueryKey(same.get(), KeyNameInformation, &value, 0, &length), STATUS_KEY_DELETED);
    EXPECT_EQ(NtSetInformationKey(same.get(), KeySetHandleTagsInformation, &value, sizeof value), STATUS_KEY_DELETED);
    EXPECT_EQ(Key::create(u"Child", same.get(), REG_OPTION_VOLATILE).status, STATUS_KEY_DELETED);
    EXPECT_EQ(Key::open(u"\\REGISTRY\\MACHINE\\SOFTWARE\\CmTest").status, kNotFound);
}

TEST_F(CmKey, IsRenamedInPlace) {
    Key key = scratch(), taken = scratch(u"Taken");
    auto rename = [&](const Key &which, std::u16string_view to) {
        UNICODE_STRING name = text(to);
        return NtRenameKey(which.get(), &name);
    };
    EXPECT_EQ(rename(key, u""), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(rename(key, u"a\\b"), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(rename(key, std::u16string(256, u'x')), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(rename(key, u"TAKEN"), STATUS_CANNOT_DELETE);
    EXPECT_EQ(rename(Key::open(kSoftware), u"Other"), STATUS_ACCESS_DENIED);
    EXPECT_EQ(rename(key, u"Zoo"), STATUS_SUCCESS);
    EXPECT_EQ(Key::open(u"\\REGISTRY\\MACHINE\\SOFTWARE\\CmTest").status, kNotFound);
    EXPECT_EQ(Key::open(u"\\REGISTRY\\MACHINE\\SOFTWARE\\zoo").status, STATUS_SUCCESS);
}

TEST_F(CmKey, OperationsWithoutTheRightAreRefusedBeforeAnyCallback) {
    scratch();
    Key reader = Key::open(u"\\REGISTRY\\MACHINE\\SOFTWARE\\CmTest", KEY_NOTIFY);
    std::vector<ULONG> all(51);
    for (ULONG i = 0; i < all.size(); i++) {
        all[i] = i;
    }
    Filter filter('f', u"385100", &log_, all);
    UNICODE_STRING name = text(u"x");
    ULONG value = 0, length = 0;
    HANDLE h = reader.get();
    EXPECT_EQ(reader.set(u"v", 1), STATUS_ACCESS_DENIED);
    EXPECT_EQ(reader.remove(u"v"), STATUS_ACCESS_DENIED);
    EXPECT_EQ(reader.query(u"v", &value), STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtDeleteKey(h), STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtRenameKey(h, &name), STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtEnumerateKey(h, 0, KeyBasicInformation, &value, 0, &length), STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtEnumerateValueKey(h, 0, KeyValueBasicInformation, &value, 0, &length), STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtQueryKey(h, KeyBasicInformation, &value, 0, &length), STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtSetInformationKey(h, KeySetHandleTagsInformation, &value, 4), STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtQueryMultipleValueKey(h, nullptr, 0, &value, &length, nullptr), STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtSetInformationKey(h, KeySetHandleTagsInformation, &value, 8), STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(NtSetInformationKey(h, static_cast<KEY_SET_INFORMATION_CLASS>(99), &value, 4), STATUS_INVALID_INFO_CLASS);
    EXPECT_EQ(NtSetValueKey(reinterpret_cast<HANDLE>(0x7770), &name, 0, 0, nullptr, 0), STATUS_INVALID_HANDLE);
    EXPECT_TRUE(log_.take().empty());
    // The name can be had with any handle, and so can a flush.
    EXPECT_EQ(NtQueryKey(h, KeyNameInformation, &value, 0, &length), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(NtFlushKey(h), STATUS_SUCCESS);
    // Kernel callers are not held to the rights of the handle.
    EXPECT_EQ(ZwSetValueKey(h, &name, 0, REG_DWORD, &value, sizeof value), STATUS_SUCCESS);
}

TEST_F(CmKey, SurvivesLackOfMemoryAtEveryAllocation) {
    Key software = Key::open(kSoftware);
    Filter filter('f', u"385100", nullptr, kCreateOpen);
    bool done = false;
    for (ULONG nth = 1; !done; nth++) {
        ASSERT_LT(nth, 100u);
        CmFailAllocation(nth);
        Key key = Key::create(u"Hard", software.get(), 0, nullptr, u"Kind");
        done = key.status == STATUS_SUCCESS;
        if (!done) {
            EXPECT_EQ(key.status, STATUS_INSUFFICIENT_RESOURCES);
        }
        CmFailAllocation(0);
        EXPECT_EQ(statistics().KeyObjects, done ? 2u : 1u);
    }
}

} // namespace
