// SPDX-License-Identifier: MIT
//
// Who may open a key, and its descriptor.

#include <cstring>

#include "cm_fixture.h"
#include "nt/ob_internal.h"

using namespace cm_test;

namespace {

const std::u16string kScratch = std::u16string(kSoftware) + u"\\CmTest";
const simulator::TokenOptions kLimited = {};
const simulator::TokenOptions kOther = {.userSid = "S-1-5-21-3623811015-3361044348-30300820-1014"};
const simulator::TokenOptions kSystem = {.userSid = "S-1-5-18", .integrityLevel = 0x4000, .elevated = true};

struct Grant {
    PSID sid;
    ACCESS_MASK access;
};

// An absolute descriptor with a list of these.
class Descriptor {
  public:
    explicit Descriptor(std::initializer_list<Grant> grants) {
        RtlCreateSecurityDescriptor(&head_, SECURITY_DESCRIPTOR_REVISION);
        auto acl = reinterpret_cast<PACL>(acl_);
        RtlCreateAcl(acl, sizeof acl_, ACL_REVISION);
        for (auto &grant : grants) {
            EXPECT_EQ(RtlAddAccessAllowedAceEx(acl, ACL_REVISION, CONTAINER_INHERIT_ACE, grant.access, grant.sid),
                      STATUS_SUCCESS);
        }
        RtlSetDaclSecurityDescriptor(&head_, TRUE, acl, FALSE);
    }
    PSECURITY_DESCRIPTOR get() { return &head_; }

  private:
    SECURITY_DESCRIPTOR head_;
    alignas(ACL) UCHAR acl_[256];
};

class CmSecurity : public CmTest {
  protected:
    // As a program with the token, from user mode.
    void as(const simulator::TokenOptions &token, const std::function<void()> &job) {
        auto process = machine_->createProcess({.imagePath = u"\\Device\\HarddiskVolume1\\a.exe", .token = token});
        process->createThread()->run(job);
    }
    static NTSTATUS tryOpen(std::u16string_view path, ACCESS_MASK access) { return Key::open(path, access).status; }
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
    NTSTATUS query(const Key &key, SECURITY_INFORMATION information, ULONG length) {
        return NtQuerySecurityObject(key.get(), information, buffer_, length, &needed_);
    }
    // The list of the descriptor that was queried last.
    PACL list() {
        BOOLEAN present = FALSE, defaulted;
        PACL acl = nullptr;
        RtlGetDaclSecurityDescriptor(buffer_, &present, &acl, &defaulted);
        return present ? acl : nullptr;
    }

    alignas(8) UCHAR buffer_[1024];
    ULONG needed_ = 0;
};

TEST_F(CmSecurity, UsersReadTheMachineAndAdministratorsChangeIt) {
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

TEST_F(CmSecurity, SecretsAreTheSystems) {
    const auto path = u"\\REGISTRY\\MACHINE\\SECURITY";
    EXPECT_EQ(tryOpen(path, KEY_READ), STATUS_ACCESS_DENIED);
    EXPECT_EQ(tryOpen(path, READ_CONTROL), STATUS_SUCCESS);
    as(kSystem, [&] { EXPECT_EQ(tryOpen(path, KEY_ALL_ACCESS), STATUS_SUCCESS); });
}

TEST_F(CmSecurity, AUsersHiveIsTheUsers) {
    const auto path = u"\\REGISTRY\\USER\\S-1-5-21-3623811015-3361044348-30300820-1013\\Software";
    as(kLimited, [&] {
        EXPECT_EQ(tryOpen(path, KEY_ALL_ACCESS), STATUS_SUCCESS);
        EXPECT_EQ(Key::create(u"Own", Key::open(path).get(), REG_OPTION_VOLATILE).remove(), STATUS_SUCCESS);
    });
    as(kOther, [&] { EXPECT_EQ(tryOpen(path, KEY_READ), STATUS_ACCESS_DENIED); });
}

TEST_F(CmSecurity, AsMuchAsAllowedIsGranted) {
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

TEST_F(CmSecurity, ADenialIsSeenInPost) {
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

TEST_F(CmSecurity, KernelModeIsCheckedOnlyOnRequest) {
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

TEST_F(CmSecurity, TheThreadsIdentityCounts) {
    auto process = machine_->createProcess({.imagePath = u"\\Device\\HarddiskVolume1\\service.exe", .token = kSystem});
    auto thread = process->createThread();
    ASSERT_EQ(thread->impersonate(kLimited, 2), STATUS_SUCCESS);
    thread->run([] { EXPECT_EQ(tryOpen(kSoftware, KEY_SET_VALUE), STATUS_ACCESS_DENIED); });
    thread->revert();
    thread->run([] { EXPECT_EQ(tryOpen(kSoftware, KEY_SET_VALUE), STATUS_SUCCESS); });
}

TEST_F(CmSecurity, PrivilegesOpenForBackupAndRestore) {
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

TEST_F(CmSecurity, ANewKeyInherits) {
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

TEST_F(CmSecurity, ANewKeyHasTheDescriptorThatItsCreatorGives) {
    Descriptor closed({{SeExports->SeLocalSystemSid, KEY_ALL_ACCESS}});
    Key key = Key::createAs(kScratch, {.options = REG_OPTION_VOLATILE, .descriptor = closed.get()});
    ASSERT_EQ(key.status, STATUS_SUCCESS); // the creator has what it asked for
    EXPECT_EQ(tryOpen(kScratch, KEY_READ), STATUS_ACCESS_DENIED);
    EXPECT_EQ(tryOpen(kScratch, WRITE_DAC), STATUS_SUCCESS); // it owns the key
    as(kSystem, [&] { EXPECT_EQ(tryOpen(kScratch, KEY_ALL_ACCESS), STATUS_SUCCESS); });
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
}

TEST_F(CmSecurity, TheDescriptorOfACreateIsCapturedForCallbacks) {
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

TEST_F(CmSecurity, ABadDescriptorIsRefusedBeforeCallbacks) {
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

TEST_F(CmSecurity, ALinkNeedsARightOfItsOwn) {
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

TEST_F(CmSecurity, IsQueriedInParts) {
    Key key = scratch();
    const SECURITY_INFORMATION all =
        OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    EXPECT_EQ(query(key, all, 0), STATUS_BUFFER_TOO_SMALL);
    ULONG whole = needed_;
    EXPECT_GT(whole, sizeof(SECURITY_DESCRIPTOR_RELATIVE));
    std::memset(buffer_, 0xCC, sizeof buffer_);
    EXPECT_EQ(query(key, all, whole - 1), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(needed_, whole);
    EXPECT_EQ(buffer_[0], 0xCC);
    ASSERT_EQ(query(key, all, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_EQ(needed_, whole);
    EXPECT_EQ(buffer_[whole], 0xCC);
    EXPECT_TRUE(RtlValidSecurityDescriptor(buffer_));
    ASSERT_NE(list(), nullptr);
    EXPECT_GT(list()->AceCount, 2u);
    ASSERT_EQ(query(key, OWNER_SECURITY_INFORMATION, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_LT(needed_, whole);
    EXPECT_EQ(list(), nullptr);
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
    EXPECT_EQ(query(key, all, sizeof buffer_), STATUS_KEY_DELETED);
}

TEST_F(CmSecurity, AQueryIsReportedWithTheBufferOfTheCaller) {
    Key key = scratch();
    REG_QUERY_KEY_SECURITY_INFORMATION seen{};
    SECURITY_INFORMATION asked = 0;
    ULONG room = 0, used = 0;
    Filter filter('f', u"385100", &log_, {RegNtPreQueryKeySecurity, RegNtPostQueryKeySecurity},
                  [&](ULONG notifyClass, void *information) {
                      if (notifyClass == RegNtPreQueryKeySecurity) {
                          seen = *static_cast<REG_QUERY_KEY_SECURITY_INFORMATION *>(information);
                          asked = *seen.SecurityInformation;
                          room = *seen.Length;
                      } else {
                          EXPECT_EQ(post(information)->Object, seen.Object);
                          used = *seen.Length;
                      }
                      return STATUS_SUCCESS;
                  });
    EXPECT_EQ(query(key, DACL_SECURITY_INFORMATION, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_EQ(query(key, DACL_SECURITY_INFORMATION, 8), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'f', RegNtPreQueryKeySecurity, 0},
                                              {'f', RegNtPostQueryKeySecurity, 0},
                                              {'f', RegNtPreQueryKeySecurity, 0},
                                              {'f', RegNtPostQueryKeySecurity, STATUS_BUFFER_TOO_SMALL}}));
    EXPECT_EQ(seen.Object, key.object());
    EXPECT_EQ(seen.SecurityDescriptor, static_cast<PVOID>(buffer_));
    EXPECT_EQ(asked, SECURITY_INFORMATION{DACL_SECURITY_INFORMATION});
    EXPECT_EQ(room, 8u);
    EXPECT_EQ(used, needed_);
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
}

TEST_F(CmSecurity, AFilterCanAnswerAQueryItself) {
    Key key = scratch();
    Filter filter('f', u"385100", nullptr, {RegNtPreQueryKeySecurity}, [&](ULONG, void *information) {
        auto info = static_cast<REG_QUERY_KEY_SECURITY_INFORMATION *>(information);
        RtlZeroMemory(info->SecurityDescriptor, sizeof(SECURITY_DESCRIPTOR_RELATIVE));
        *info->Length = sizeof(SECURITY_DESCRIPTOR_RELATIVE);
        return STATUS_CALLBACK_BYPASS;
    });
    EXPECT_EQ(query(key, DACL_SECURITY_INFORMATION, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_EQ(needed_, sizeof(SECURITY_DESCRIPTOR_RELATIVE));
    filter.stop();
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
}

TEST_F(CmSecurity, SettingItIsReportedAndDecidesLaterOpens) {
    Key key = scratch();
    Descriptor closed({{SeExports->SeLocalSystemSid, KEY_ALL_ACCESS}});
    SECURITY_INFORMATION asked = 0;
    bool captured = false;
    Filter filter('f', u"385100", &log_, {RegNtPreSetKeySecurity, RegNtPostSetKeySecurity},
                  [&](ULONG notifyClass, void *information) {
                      if (notifyClass == RegNtPreSetKeySecurity) {
                          auto info = static_cast<REG_SET_KEY_SECURITY_INFORMATION *>(information);
                          EXPECT_EQ(info->Object, key.object());
                          asked = *info->SecurityInformation;
                          captured = info->SecurityDescriptor != closed.get() &&
                                     RtlValidSecurityDescriptor(info->SecurityDescriptor);
                      }
                      return STATUS_SUCCESS;
                  });
    EXPECT_EQ(NtSetSecurityObject(key.get(), DACL_SECURITY_INFORMATION, closed.get()), STATUS_SUCCESS);
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'f', RegNtPreSetKeySecurity, 0}, {'f', RegNtPostSetKeySecurity, 0}}));
    EXPECT_EQ(asked, SECURITY_INFORMATION{DACL_SECURITY_INFORMATION});
    EXPECT_TRUE(captured);
    EXPECT_EQ(tryOpen(kScratch, KEY_READ), STATUS_ACCESS_DENIED);
    // The handle keeps its rights; the owner stays.
    EXPECT_EQ(key.set(u"v", 1), STATUS_SUCCESS);
    ASSERT_EQ(query(key, DACL_SECURITY_INFORMATION | OWNER_SECURITY_INFORMATION, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_EQ(list()->AceCount, 1u);
    PSID owner = nullptr;
    BOOLEAN defaulted;
    RtlGetOwnerSecurityDescriptor(buffer_, &owner, &defaulted);
    EXPECT_NE(owner, nullptr);
    filter.stop();
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
    EXPECT_EQ(NtSetSecurityObject(key.get(), DACL_SECURITY_INFORMATION, closed.get()), STATUS_KEY_DELETED);
}

TEST_F(CmSecurity, ABlockedChangeChangesNothing) {
    Key key = scratch();
    Descriptor closed({{SeExports->SeLocalSystemSid, KEY_ALL_ACCESS}});
    Filter filter('f', u"385100", nullptr, {RegNtPreSetKeySecurity},
                  [](ULONG, void *) { return STATUS_ACCESS_DENIED; });
    EXPECT_EQ(NtSetSecurityObject(key.get(), DACL_SECURITY_INFORMATION, closed.get()), STATUS_ACCESS_DENIED);
    EXPECT_EQ(tryOpen(kScratch, KEY_READ), STATUS_SUCCESS);
    filter.stop();
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
}

TEST_F(CmSecurity, EachPartNeedsItsRight) {
    Key key = scratch();
    Descriptor given({{SeExports->SeWorldSid, KEY_ALL_ACCESS}});
    Filter filter('f', u"385100", &log_, {RegNtPreQueryKeySecurity, RegNtPreSetKeySecurity});
    Key reader = Key::open(kScratch, KEY_QUERY_VALUE);
    EXPECT_EQ(query(reader, DACL_SECURITY_INFORMATION, sizeof buffer_), STATUS_ACCESS_DENIED);
    EXPECT_EQ(query(key, SACL_SECURITY_INFORMATION, sizeof buffer_), STATUS_ACCESS_DENIED);
    Key controller = Key::open(kScratch, READ_CONTROL);
    EXPECT_EQ(NtSetSecurityObject(controller.get(), DACL_SECURITY_INFORMATION, given.get()), STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtSetSecurityObject(controller.get(), OWNER_SECURITY_INFORMATION, given.get()), STATUS_ACCESS_DENIED);
    EXPECT_TRUE(log_.take().empty()); // refused before callbacks
    Key auditor = Key::open(kScratch, ACCESS_SYSTEM_SECURITY);
    EXPECT_EQ(query(auditor, SACL_SECURITY_INFORMATION, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_EQ(query(controller, DACL_SECURITY_INFORMATION, sizeof buffer_), STATUS_SUCCESS);
    filter.stop();
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
}

TEST_F(CmSecurity, EveryOperationSurvivesLackOfMemoryAtEveryAllocation) {
    Descriptor given({{SeExports->SeWorldSid, KEY_ALL_ACCESS}});
    Key key, parent = scratch(u"Parent");
    const std::vector<std::function<NTSTATUS()>> operations = {
        [&] {
            key = Key::createAs(kScratch, {.options = REG_OPTION_VOLATILE, .descriptor = given.get()});
            return key.status;
        },
        [&] { return query(key, DACL_SECURITY_INFORMATION, sizeof buffer_); },
        [&] { return NtSetSecurityObject(key.get(), DACL_SECURITY_INFORMATION, given.get()); },
        [&] { return tryOpen(kScratch, KEY_READ); },
    };
    for (size_t i = 0; i < operations.size(); i++) {
        NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
        for (ULONG nth = 1; status == STATUS_INSUFFICIENT_RESOURCES; nth++) {
            ASSERT_LT(nth, 50u);
            CmFailAllocation(nth);
            status = operations[i]();
            CmFailAllocation(0);
            if (i == 0 && status != STATUS_SUCCESS) {
                ASSERT_EQ(tryOpen(kScratch, KEY_READ), STATUS_OBJECT_NAME_NOT_FOUND) << nth;
            }
        }
        EXPECT_EQ(status, STATUS_SUCCESS) << "operation " << i;
    }
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
    EXPECT_EQ(parent.remove(), STATUS_SUCCESS);
}

} // namespace
