// SPDX-License-Identifier: MIT
//
// Who may open and create keys.

#include "cm_descriptor.h"
#include "nt/ob_internal.h"

using namespace cm_test;

namespace {

class CmAccess : public CmTest {
  protected:
    // As a program with the token, from user mode.
    void as(const simulator::TokenOptions &token, const std::function<void()> &job) {
        auto process = machine_->createProcess({.imagePath = u"\\Device\\HarddiskVolume1\\a.exe", .token = token});
        process->createThread()->run(job);
    }
    // What an open or create got.
    ACCESS_MASK granted(const std::function<Key()> &make) {
        ACCESS_MASK access = 0;
        Filter filter(
            'f', u"385100", nullptr, {RegNtPostOpenKeyEx, RegNtPostCreateKeyEx}, [&](ULONG, void *information) {
                access = static_cast<REG_OPEN_KEY_INFORMATION_V1 *>(post(information)->PreInformation)->GrantedAccess;
                return STATUS_SUCCESS;
            });
        Key key = make();
        EXPECT_EQ(key.status, STATUS_SUCCESS);
        return access;
    }
};

TEST_F(CmAccess, UsersReadTheMachineAndAdministratorsChangeIt) {
    EXPECT_EQ(tryOpen(kSoftware, KEY_ALL_ACCESS), STATUS_SUCCESS);
    as(kLimited, [&] {
        EXPECT_EQ(tryOpen(kSoftware, KEY_READ), STATUS_SUCCESS);
        EXPECT_EQ(tryOpen(kSoftware, GENERIC_READ), STATUS_SUCCESS);
        EXPECT_EQ(tryOpen(kSoftware, KEY_SET_VALUE), STATUS_ACCESS_DENIED);
        EXPECT_EQ(tryOpen(kSoftware, GENERIC_WRITE), STATUS_ACCESS_DENIED);
        EXPECT_EQ(Key::create(kScratch).status, STATUS_ACCESS_DENIED);
        EXPECT_EQ(Key::createAs(kSoftware, {.access = KEY_READ}).status, STATUS_SUCCESS); // exists
    });
}

TEST_F(CmAccess, SecretsAreTheSystems) {
    const auto path = u"\\REGISTRY\\MACHINE\\SECURITY";
    EXPECT_EQ(tryOpen(path, KEY_READ), STATUS_ACCESS_DENIED);
    EXPECT_EQ(tryOpen(path, READ_CONTROL), STATUS_SUCCESS);
    as(kSystem, [&] { EXPECT_EQ(tryOpen(path, KEY_ALL_ACCESS), STATUS_SUCCESS); });
}

TEST_F(CmAccess, AUsersHiveIsTheUsers) {
    const auto path = u"\\REGISTRY\\USER\\S-1-5-21-3623811015-3361044348-30300820-1013\\Software";
    as(kLimited, [&] {
        EXPECT_EQ(tryOpen(path, KEY_ALL_ACCESS), STATUS_SUCCESS);
        EXPECT_EQ(Key::create(u"Own", Key::open(path).get(), REG_OPTION_VOLATILE).remove(), STATUS_SUCCESS);
    });
    as(kOther, [&] { EXPECT_EQ(tryOpen(path, KEY_READ), STATUS_ACCESS_DENIED); });
}

TEST_F(CmAccess, AsMuchAsAllowedIsGranted) {
    as(kLimited, [&] {
        EXPECT_EQ(granted([] { return Key::open(kSoftware, MAXIMUM_ALLOWED); }), ACCESS_MASK{KEY_READ});
        EXPECT_EQ(granted([] { return Key::open(kSoftware, GENERIC_EXECUTE); }), ACCESS_MASK{KEY_READ});
        EXPECT_EQ(tryOpen(kSoftware, MAXIMUM_ALLOWED | KEY_SET_VALUE), STATUS_ACCESS_DENIED);
    });
    EXPECT_EQ(granted([] { return Key::open(kSoftware, MAXIMUM_ALLOWED); }), ACCESS_MASK{KEY_ALL_ACCESS});
    EXPECT_EQ(granted([] { return Key::createAs(kScratch, {.access = MAXIMUM_ALLOWED}); }),
              ACCESS_MASK{KEY_ALL_ACCESS});
    EXPECT_EQ(granted([] { return Key::createAs(kScratch, {.access = KEY_SET_VALUE}); }), ACCESS_MASK{KEY_SET_VALUE});
    EXPECT_EQ(Key::open(kScratch).remove(), STATUS_SUCCESS);
    // A handle without rights is none.
    EXPECT_EQ(tryOpen(kSoftware, 0), STATUS_ACCESS_DENIED);
    EXPECT_EQ(Key::createAs(kScratch, {.access = 0}).status, STATUS_ACCESS_DENIED);
    EXPECT_EQ(tryOpen(kScratch, KEY_READ), STATUS_OBJECT_NAME_NOT_FOUND);
}

TEST_F(CmAccess, ADenialIsSeenInPost) {
    Filter filter('f', u"385100", &log_,
                  {RegNtPreOpenKeyEx, RegNtPostOpenKeyEx, RegNtPreCreateKeyEx, RegNtPostCreateKeyEx},
                  [](ULONG notifyClass, void *information) {
                      if (isPost(notifyClass)) {
                          EXPECT_EQ(post(information)->Object, nullptr);
                      }
                      return STATUS_SUCCESS;
                  });
    as(kLimited, [&] {
        tryOpen(kSoftware, KEY_SET_VALUE);
        Key::create(kScratch);
    });
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'f', RegNtPreOpenKeyEx, 0},
                                              {'f', RegNtPostOpenKeyEx, STATUS_ACCESS_DENIED},
                                              {'f', RegNtPreCreateKeyEx, 0},
                                              {'f', RegNtPostCreateKeyEx, STATUS_ACCESS_DENIED}}));
}

TEST_F(CmAccess, KernelModeIsCheckedOnlyOnRequest) {
    std::vector<KPROCESSOR_MODE> modes;
    Filter filter('f', u"385100", nullptr, {RegNtPreOpenKeyEx}, [&](ULONG, void *information) {
        modes.push_back(static_cast<REG_OPEN_KEY_INFORMATION_V1 *>(information)->CheckAccessMode);
        return STATUS_SUCCESS;
    });
    as(kLimited, [&] {
        UNICODE_STRING name = text(kSoftware);
        OBJECT_ATTRIBUTES attributes;
        HANDLE handle = nullptr;
        InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, nullptr, nullptr);
        EXPECT_EQ(ZwOpenKey(&handle, KEY_ALL_ACCESS, &attributes), STATUS_SUCCESS);
        ZwClose(handle);
        attributes.Attributes |= OBJ_FORCE_ACCESS_CHECK;
        EXPECT_EQ(ZwOpenKey(&handle, KEY_ALL_ACCESS, &attributes), STATUS_ACCESS_DENIED);
        tryOpen(kSoftware, KEY_READ);
    });
    EXPECT_EQ(modes, (std::vector<KPROCESSOR_MODE>{KernelMode, UserMode, UserMode}));
}

TEST_F(CmAccess, TheThreadsIdentityCounts) {
    auto process = machine_->createProcess({.imagePath = u"\\Device\\HarddiskVolume1\\service.exe", .token = kSystem});
    auto thread = process->createThread();
    ASSERT_EQ(thread->impersonate(kLimited, 2), STATUS_SUCCESS);
    thread->run([] { EXPECT_EQ(tryOpen(kSoftware, KEY_SET_VALUE), STATUS_ACCESS_DENIED); });
    thread->revert();
    thread->run([] { EXPECT_EQ(tryOpen(kSoftware, KEY_SET_VALUE), STATUS_SUCCESS); });
}

TEST_F(CmAccess, PrivilegesOpenForBackupAndRestore) {
    EXPECT_EQ(granted([] { return Key::openAs(kSoftware, {.access = 0, .options = REG_OPTION_BACKUP_RESTORE}); }),
              ACCESS_MASK{ACCESS_SYSTEM_SECURITY | DELETE | KEY_READ | KEY_WRITE});
    as(kLimited, [&] {
        EXPECT_EQ(Key::openAs(kSoftware, {.access = KEY_READ, .options = REG_OPTION_BACKUP_RESTORE}).status,
                  STATUS_ACCESS_DENIED);
        EXPECT_EQ(Key::createAs(kScratch, {.options = REG_OPTION_BACKUP_RESTORE}).status, STATUS_ACCESS_DENIED);
        EXPECT_EQ(tryOpen(kScratch, KEY_READ), STATUS_OBJECT_NAME_NOT_FOUND);
        EXPECT_EQ(tryOpen(kSoftware, ACCESS_SYSTEM_SECURITY), STATUS_PRIVILEGE_NOT_HELD);
    });
    EXPECT_EQ(tryOpen(kSoftware, ACCESS_SYSTEM_SECURITY), STATUS_SUCCESS);
}

TEST_F(CmAccess, ANewKeyInherits) {
    Descriptor open({{SeExports->SeWorldSid, KEY_ALL_ACCESS}});
    Key parent = Key::createAs(kScratch, {.options = REG_OPTION_VOLATILE, .descriptor = open.get()});
    ASSERT_EQ(parent.status, STATUS_SUCCESS);
    as(kLimited, [&] {
        Key child = Key::create(kScratch + u"\\Child", nullptr, REG_OPTION_VOLATILE);
        ASSERT_EQ(child.status, STATUS_SUCCESS);
        EXPECT_EQ(Key::open(kScratch + u"\\Child").set(u"v", 1), STATUS_SUCCESS);
        EXPECT_EQ(child.remove(), STATUS_SUCCESS);
    });
    EXPECT_EQ(parent.remove(), STATUS_SUCCESS);
}

TEST_F(CmAccess, ANewKeyHasTheDescriptorThatItsCreatorGives) {
    Descriptor closed({{SeExports->SeLocalSystemSid, KEY_ALL_ACCESS}});
    Key key = Key::createAs(kScratch, {.options = REG_OPTION_VOLATILE, .descriptor = closed.get()});
    ASSERT_EQ(key.status, STATUS_SUCCESS); // the creator has what it asked for
    EXPECT_EQ(tryOpen(kScratch, KEY_READ), STATUS_ACCESS_DENIED);
    EXPECT_EQ(tryOpen(kScratch, WRITE_DAC), STATUS_SUCCESS); // it owns the key
    as(kSystem, [&] { EXPECT_EQ(tryOpen(kScratch, KEY_ALL_ACCESS), STATUS_SUCCESS); });
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
}

TEST_F(CmAccess, TheDescriptorOfACreateIsCapturedForCallbacks) {
    Descriptor given({{SeExports->SeWorldSid, KEY_READ}});
    PVOID seen = nullptr;
    bool valid = false;
    Filter filter('f', u"385100", nullptr, {RegNtPreCreateKeyEx}, [&](ULONG, void *information) {
        seen = static_cast<REG_CREATE_KEY_INFORMATION_V1 *>(information)->SecurityDescriptor;
        valid = RtlValidSecurityDescriptor(seen) &&
                (static_cast<PISECURITY_DESCRIPTOR>(seen)->Control & SE_SELF_RELATIVE) != 0;
        return STATUS_SUCCESS;
    });
    Key key = Key::createAs(kScratch, {.options = REG_OPTION_VOLATILE, .descriptor = given.get()});
    EXPECT_NE(seen, nullptr);
    EXPECT_NE(seen, given.get());
    EXPECT_TRUE(valid);
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
    Key::open(kSoftware);
    Key::create(kScratch, nullptr, REG_OPTION_VOLATILE).remove();
    EXPECT_EQ(seen, nullptr);
}

TEST_F(CmAccess, ABadDescriptorIsRefusedBeforeCallbacks) {
    Filter filter('f', u"385100", &log_, {RegNtPreCreateKeyEx});
    alignas(8) static UCHAR gone[64];
    SimRegisterUserRange(gone, sizeof gone);
    SimSetUserRangeAccess(gone, FALSE, FALSE);
    EXPECT_EQ(Key::createAs(kScratch, {.descriptor = gone}).status, STATUS_ACCESS_VIOLATION);
    SimUnregisterUserRange(gone);
    SECURITY_DESCRIPTOR wrong = {};
    wrong.Revision = 7;
    EXPECT_FALSE(NT_SUCCESS(Key::createAs(kScratch, {.descriptor = &wrong}).status));
    EXPECT_TRUE(log_.take().empty());
}

TEST_F(CmAccess, ALinkNeedsARightOfItsOwn) {
    Descriptor given({{SeExports->SeWorldSid, KEY_READ | KEY_WRITE | DELETE}});
    Key parent = Key::createAs(kScratch, {.options = REG_OPTION_VOLATILE, .descriptor = given.get()});
    as(kLimited, [&] {
        Key child = Key::createAs(kScratch + u"\\Key", {.access = DELETE, .options = REG_OPTION_VOLATILE});
        EXPECT_EQ(child.status, STATUS_SUCCESS);
        EXPECT_EQ(child.remove(), STATUS_SUCCESS);
        EXPECT_EQ(Key::createAs(kScratch + u"\\Link",
                                {.access = DELETE, .options = REG_OPTION_VOLATILE | REG_OPTION_CREATE_LINK})
                      .status,
                  STATUS_ACCESS_DENIED);
    });
    EXPECT_EQ(parent.remove(), STATUS_SUCCESS);
}

} // namespace
