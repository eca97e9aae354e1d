// SPDX-License-Identifier: MIT
//
// Operations on keys and values: the fields that record_test.cc does not look at.

#include "test/driver/fixture/body_fixture.h"

namespace cmbridge::test {
namespace {

using KeyBody = BodyTest;

TEST_F(KeyBody, TellsOfACreate) {
    UserMemory<8> disposition;
    std::u16string name = u"Name", className = u"Class";
    UNICODE_STRING nameString = unicode(name), classString = unicode(className);
    listen(RegNtPreCreateKeyEx, RegNtPostCreateKeyEx);
    raise<REG_CREATE_KEY_INFORMATION_V1>(
        RegNtPreCreateKeyEx, RegNtPostCreateKeyEx, STATUS_SUCCESS,
        [&](REG_CREATE_KEY_INFORMATION_V1 &create) {
            create.CompleteName = create.RemainingName = &nameString;
            create.Class = &classString;
            create.Options = REG_OPTION_VOLATILE | REG_OPTION_BACKUP_RESTORE;
            create.DesiredAccess = KEY_READ | KEY_CREATE_SUB_KEY;
            create.Attributes = OBJ_CASE_INSENSITIVE | OBJ_FORCE_ACCESS_CHECK;
            create.Wow64Flags = KEY_WOW64_32KEY;
            create.CheckAccessMode = UserMode;
            create.Disposition = disposition.at<ULONG>();
        },
        [&](REG_CREATE_KEY_INFORMATION_V1 &create) {
            create.GrantedAccess = KEY_READ;
            *create.Disposition = REG_CREATED_NEW_KEY;
        });
    const auto [pre, post] = pair();
    for (const Record &record : {pre, post}) {
        const auto &body = record.body<CMB_BODY_CREATE>();
        EXPECT_EQ(record.text(body.RequestedName), u"Name");
        EXPECT_EQ(record.text(body.ClassName), u"Class");
        EXPECT_EQ(body.SecurityDescriptor.Flags, 0u);
        EXPECT_EQ(body.Options, static_cast<UINT32>(REG_OPTION_VOLATILE | REG_OPTION_BACKUP_RESTORE));
        EXPECT_EQ(body.DesiredAccess, static_cast<UINT32>(KEY_READ | KEY_CREATE_SUB_KEY));
        EXPECT_EQ(body.Attributes, static_cast<UINT32>(OBJ_CASE_INSENSITIVE | OBJ_FORCE_ACCESS_CHECK));
        EXPECT_EQ(body.Wow64Flags, static_cast<UINT32>(KEY_WOW64_32KEY));
        EXPECT_EQ(body.CheckAccessMode, static_cast<UINT32>(UserMode));
        EXPECT_EQ(body.StructureVersion, 1u);
    }
    EXPECT_EQ(pre.body<CMB_BODY_CREATE>().GrantedAccess, 0u);
    EXPECT_EQ(pre.body<CMB_BODY_CREATE>().Disposition, 0u);
    EXPECT_EQ(post.body<CMB_BODY_CREATE>().GrantedAccess, static_cast<UINT32>(KEY_READ));
    EXPECT_EQ(post.body<CMB_BODY_CREATE>().Disposition, static_cast<UINT32>(REG_CREATED_NEW_KEY));
}

TEST_F(KeyBody, SurvivesADispositionThatVanishes) {
    UserMemory<8> disposition;
    listen(RegNtPreCreateKeyEx, RegNtPostCreateKeyEx);
    raise<REG_CREATE_KEY_INFORMATION_V1>(
        RegNtPreCreateKeyEx, RegNtPostCreateKeyEx, STATUS_SUCCESS,
        [&](REG_CREATE_KEY_INFORMATION_V1 &create) { create.Disposition = disposition.at<ULONG>(); },
        [&](REG_CREATE_KEY_INFORMATION_V1 &) { disposition.vanish(); });
    const auto [pre, post] = pair();
    EXPECT_EQ(post.body<CMB_BODY_CREATE>().Disposition, 0u);
    EXPECT_EQ(post.body<CMB_BODY_CREATE>().GrantedAccess, static_cast<UINT32>(KEY_READ));
    EXPECT_EQ(client().statistics().CaptureFaults, 1u);
}

TEST_F(KeyBody, BoundsTheClassName) {
    std::u16string className(CMB_MAX_CLASS_NAME_BYTES, u'c');
    UNICODE_STRING classString = unicode(className);
    listen(RegNtPreCreateKeyEx, RegNtPostCreateKeyEx);
    raise<REG_CREATE_KEY_INFORMATION_V1>(RegNtPreCreateKeyEx, RegNtPostCreateKeyEx, STATUS_ACCESS_DENIED,
                                         [&](REG_CREATE_KEY_INFORMATION_V1 &create) { create.Class = &classString; });
    const Record record = pair()[0];
    const auto &span = record.body<CMB_BODY_CREATE>().ClassName;
    EXPECT_EQ(span.Size, static_cast<UINT32>(CMB_MAX_CLASS_NAME_BYTES));
    EXPECT_EQ(span.FullSize, 2u * CMB_MAX_CLASS_NAME_BYTES);
    EXPECT_TRUE(span.Flags & CMB_SPAN_TRUNCATED);
}

TEST_F(KeyBody, TellsOfSetInformation) {
    LARGE_INTEGER time = {.QuadPart = 0x0123456789ABCDEF};
    listen(RegNtPreSetInformationKey, RegNtPostSetInformationKey);
    actor().run(
        [&] { EXPECT_EQ(NtSetInformationKey(key(), KeyWriteTimeInformation, &time, sizeof(time)), STATUS_SUCCESS); });
    const auto [pre, post] = pair();
    for (const Record &record : {pre, post}) {
        const auto &body = record.body<CMB_BODY_SET_INFORMATION>();
        EXPECT_EQ(body.InformationClass, static_cast<UINT32>(KeyWriteTimeInformation));
        const auto bytes = bytesOf(time);
        EXPECT_EQ(record.data(body.Information), Bytes(bytes.begin(), bytes.end()));
    }
}

TEST_F(KeyBody, TellsOfSetInformationOfAnyClassAndLength) {
    UserMemory<64> memory;
    listen(RegNtPreSetInformationKey, RegNtPostSetInformationKey, 16);
    const auto with = [&](ULONG number, PVOID bytes, ULONG length) {
        raise<REG_SET_INFORMATION_KEY_INFORMATION>(
            RegNtPreSetInformationKey, RegNtPostSetInformationKey, STATUS_INVALID_PARAMETER,
            [&](REG_SET_INFORMATION_KEY_INFORMATION &set) {
                set.KeySetInformationClass = static_cast<KEY_SET_INFORMATION_CLASS>(number);
                set.KeySetInformation = bytes;
                set.KeySetInformationLength = length;
            });
        return pair()[0];
    };
    Record record = with(0x7FFFFFFF, memory.at(), 64);
    EXPECT_EQ(record.body<CMB_BODY_SET_INFORMATION>().InformationClass, 0x7FFFFFFFu);
    EXPECT_EQ(record.body<CMB_BODY_SET_INFORMATION>().Information.FullSize, 64u);
    EXPECT_EQ(record.data(record.body<CMB_BODY_SET_INFORMATION>().Information), Bytes(16, std::byte{0xAA}));
    record = with(0, nullptr, 0);
    EXPECT_EQ(record.body<CMB_BODY_SET_INFORMATION>().Information.Flags, static_cast<UINT32>(CMB_SPAN_PRESENT));
    EXPECT_EQ(client().statistics().CaptureFaults, 0u);
    record = with(0, nullptr, 0xFFFFFFFF);
    EXPECT_EQ(record.body<CMB_BODY_SET_INFORMATION>().Information.Flags, kFault);
    EXPECT_EQ(record.body<CMB_BODY_SET_INFORMATION>().Information.FullSize, 0xFFFFFFFF);
    memory.vanish();
    record = with(0, memory.at(), 8);
    EXPECT_EQ(record.body<CMB_BODY_SET_INFORMATION>().Information.Flags, kFault);
    EXPECT_EQ(client().statistics().CaptureFaults, 4u);
}

TEST_F(KeyBody, SurvivesANewNameThatVanishes) {
    UserMemory<16> name;
    listen(RegNtPreRenameKey, RegNtPostRenameKey);
    raise<REG_RENAME_KEY_INFORMATION>(RegNtPreRenameKey, RegNtPostRenameKey, STATUS_ACCESS_DENIED,
                                      [&](REG_RENAME_KEY_INFORMATION &rename) {
                                          name.vanish();
                                          rename.NewName = name.at<UNICODE_STRING>();
                                      });
    const auto [pre, post] = pair();
    EXPECT_EQ(pre.body<CMB_BODY_RENAME>().NewName.Flags, kFault);
    EXPECT_EQ(post.body<CMB_BODY_RENAME>().NewName.Flags, kFault);
    EXPECT_EQ(client().statistics().CaptureFaults, 2u);
}

TEST_F(KeyBody, SurvivesAValueOfTwoGigabytes) {
    UserMemory<16> memory;
    listen(RegNtPreSetValueKey, RegNtPostSetValueKey, 16);
    raise<REG_SET_VALUE_KEY_INFORMATION>(RegNtPreSetValueKey, RegNtPostSetValueKey, STATUS_ACCESS_DENIED,
                                         [&](REG_SET_VALUE_KEY_INFORMATION &set) {
                                             set.ValueName = nullptr;
                                             set.Data = memory.at();
                                             set.DataSize = 0x80000000;
                                             set.Type = 0xFFFFFFFF;
                                             set.TitleIndex = 9;
                                         });
    const auto [pre, post] = pair();
    const auto &body = pre.body<CMB_BODY_SET_VALUE>();
    EXPECT_EQ(body.ValueName.Flags, 0u);
    EXPECT_EQ(pre.data(body.Data), Bytes(16, std::byte{0xAA}));
    EXPECT_EQ(body.Data.FullSize, 0x80000000u);
    EXPECT_EQ(body.Type, 0xFFFFFFFFu);
    EXPECT_EQ(body.TitleIndex, 9u);
    // Not asked for.
    EXPECT_EQ(body.Old.Flags, 0u);
}

// Another process than the one that opened the key object closes it for good, and the object's context comes back.
TEST_F(KeyBody, TellsTheOpenerInACleanUp) {
    client().add(u"385100", bit(RegNtCallbackObjectContextCleanup));
    Actor opener, closer;
    HANDLE opened = opener.openKey(path());
    PVOID object = nullptr;
    opener.run([&] {
        ASSERT_EQ(ObReferenceObjectByHandle(opened, 0, nullptr, KernelMode, &object, nullptr), STATUS_SUCCESS);
    });
    opener.close(opened);
    closer.run([&] { ObDereferenceObject(object); });
    const std::vector<Record> records = client().drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].body<CMB_BODY_CLOSE>().OpenerProcessId, opener.processId());
    EXPECT_EQ(records[0]->ProcessId, closer.processId());
}

} // namespace
} // namespace cmbridge::test
