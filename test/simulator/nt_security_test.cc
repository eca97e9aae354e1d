// SPDX-License-Identifier: MIT

#include "nt_fixture.h"

#include <set>
#include <sys/mman.h>

namespace {

constexpr GENERIC_MAPPING kMapping = {KEY_READ, KEY_WRITE, KEY_EXECUTE, KEY_ALL_ACCESS};

struct Sid {
    explicit Sid(UCHAR authority, std::initializer_list<ULONG> parts) {
        SID_IDENTIFIER_AUTHORITY id = {{0, 0, 0, 0, 0, authority}};
        RtlInitializeSid(bytes, &id, static_cast<UCHAR>(parts.size()));
        ULONG i = 0;
        for (ULONG part : parts) {
            *RtlSubAuthoritySid(bytes, i++) = part;
        }
    }
    operator PSID() const { return const_cast<UCHAR *>(bytes); }
    alignas(4) UCHAR bytes[SECURITY_MAX_SID_SIZE] = {};
};

const Sid kEveryone(1, {0}), kAdministrators(5, {32, 544}), kUsers(5, {32, 545}), kSystem(5, {18});
const Sid kUser(5, {21, 3623811015, 3361044348, 30300820, 1013}), kStranger(5, {21, 1, 2, 3, 4});
const Sid kCreatorOwner(3, {0}), kOwnerRights(3, {4});

class Acl {
  public:
    Acl &allow(PSID sid, ACCESS_MASK mask, ULONG flags = 0) {
        EXPECT_EQ(RtlAddAccessAllowedAceEx(get(), ACL_REVISION, flags, mask, sid), STATUS_SUCCESS);
        return *this;
    }
    Acl &deny(PSID sid, ACCESS_MASK mask, ULONG flags = 0) {
        EXPECT_EQ(RtlAddAccessDeniedAceEx(get(), ACL_REVISION, flags, mask, sid), STATUS_SUCCESS);
        return *this;
    }
    Acl &label(ULONG level, ACCESS_MASK policy) {
        const Sid sid(16, {level});
        alignas(4) UCHAR bytes[8 + 12] = {};
        auto ace = reinterpret_cast<PSYSTEM_MANDATORY_LABEL_ACE>(bytes);
        ace->Header = {SYSTEM_MANDATORY_LABEL_ACE_TYPE, 0, sizeof bytes};
        ace->Mask = policy;
        std::memcpy(&ace->SidStart, sid.bytes, 12);
        EXPECT_EQ(RtlAddAce(get(), ACL_REVISION, MAXULONG, bytes, sizeof bytes), STATUS_SUCCESS);
        return *this;
    }
    PACL get() { return reinterpret_cast<PACL>(bytes_); }

    Acl() { RtlCreateAcl(get(), sizeof bytes_, ACL_REVISION); }

  private:
    alignas(8) UCHAR bytes_[512];
};

// An absolute descriptor; lists must live as long.
class Descriptor {
  public:
    Descriptor() { RtlCreateSecurityDescriptor(&value_, SECURITY_DESCRIPTOR_REVISION); }
    Descriptor &owner(PSID sid) {
        RtlSetOwnerSecurityDescriptor(&value_, sid, FALSE);
        return *this;
    }
    Descriptor &group(PSID sid) {
        RtlSetGroupSecurityDescriptor(&value_, sid, FALSE);
        return *this;
    }
    Descriptor &dacl(PACL list) {
        RtlSetDaclSecurityDescriptor(&value_, TRUE, list, FALSE);
        return *this;
    }
    Descriptor &sacl(PACL list) {
        RtlSetSaclSecurityDescriptor(&value_, TRUE, list, FALSE);
        return *this;
    }
    PSECURITY_DESCRIPTOR get() { return &value_; }
    SECURITY_DESCRIPTOR value_;
};

class SecurityTest : public NtTest {
  protected:
    SecurityTest()
        : elevated(machine->createProcess({.imagePath = u"elevated.exe"})),
          limited(machine->createProcess({.imagePath = u"limited.exe", .token = simulator::TokenOptions()})),
          low(machine->createProcess({.imagePath = u"low.exe", .token = {.integrityLevel = 0x1000}})) {}

    struct Result {
        NTSTATUS status;
        ACCESS_MASK granted;
        bool operator==(const Result &) const = default;
        friend std::ostream &operator<<(std::ostream &out, const Result &result) {
            return out << std::hex << static_cast<ULONG>(result.status) << " " << result.granted;
        }
    };
    static constexpr Result kDenied = {STATUS_ACCESS_DENIED, 0};
    static Result granted(ACCESS_MASK access) { return {STATUS_SUCCESS, access}; }

    static Result checkHere(PSECURITY_DESCRIPTOR descriptor, ACCESS_MASK desired, KPROCESSOR_MODE mode = UserMode,
                            ACCESS_MASK previous = 0) {
        SECURITY_SUBJECT_CONTEXT subject;
        GENERIC_MAPPING mapping = kMapping;
        PPRIVILEGE_SET privileges = nullptr;
        Result result = {STATUS_SUCCESS, 0};
        SeCaptureSubjectContext(&subject);
        BOOLEAN ok = SeAccessCheck(descriptor, &subject, FALSE, desired, previous, &privileges, &mapping, mode,
                                   &result.granted, &result.status);
        SeReleaseSubjectContext(&subject);
        EXPECT_EQ(ok != FALSE, NT_SUCCESS(result.status));
        bool used = (result.granted & ~previous & ACCESS_SYSTEM_SECURITY) != 0 && mode == UserMode;
        EXPECT_TRUE(!used || (privileges != nullptr && privileges->Privilege[0].Luid.LowPart == SE_SECURITY_PRIVILEGE));
        SeFreePrivileges(privileges);
        return result;
    }
    Result check(const std::shared_ptr<simulator::Process> &who, Descriptor &descriptor, ACCESS_MASK desired) {
        Result result;
        who->createThread()->run([&] { result = checkHere(descriptor.get(), desired); });
        return result;
    }

    std::shared_ptr<simulator::Process> elevated, limited, low;
};

TEST_F(SecurityTest, ListsGrantWhatTheySay) {
    Descriptor nothing, everything, empty;
    Acl none;
    empty.dacl(none.get());
    everything.dacl(nullptr);
    EXPECT_EQ(check(limited, nothing, GENERIC_READ), granted(KEY_READ));
    EXPECT_EQ(check(limited, everything, MAXIMUM_ALLOWED), granted(KEY_ALL_ACCESS));
    EXPECT_EQ(check(elevated, empty, KEY_QUERY_VALUE), kDenied);
    EXPECT_EQ(check(elevated, empty, MAXIMUM_ALLOWED), kDenied);
    EXPECT_EQ(check(elevated, nothing, 0), kDenied);

    Acl list;
    list.allow(kAdministrators, GENERIC_ALL).allow(kUsers, GENERIC_READ);
    Descriptor usual;
    usual.owner(kSystem).dacl(list.get());
    EXPECT_EQ(check(elevated, usual, GENERIC_ALL), granted(KEY_ALL_ACCESS));
    EXPECT_EQ(check(limited, usual, KEY_QUERY_VALUE), granted(KEY_QUERY_VALUE));
    EXPECT_EQ(check(limited, usual, KEY_SET_VALUE), kDenied);
    EXPECT_EQ(check(limited, usual, MAXIMUM_ALLOWED), granted(KEY_READ));
    EXPECT_EQ(check(limited, usual, MAXIMUM_ALLOWED | KEY_SET_VALUE), kDenied);
}

TEST_F(SecurityTest, TheFirstEntryThatMattersDecides) {
    Acl denyFirst, allowFirst, denyGroup, inheritOnly;
    denyFirst.deny(kUser, KEY_SET_VALUE).allow(kEveryone, KEY_ALL_ACCESS);
    allowFirst.allow(kEveryone, KEY_ALL_ACCESS).deny(kUser, KEY_SET_VALUE);
    Descriptor first, second, third, fourth;
    EXPECT_EQ(check(limited, first.dacl(denyFirst.get()), KEY_SET_VALUE), kDenied);
    EXPECT_EQ(check(limited, first, KEY_QUERY_VALUE), granted(KEY_QUERY_VALUE));
    EXPECT_EQ(check(limited, first, MAXIMUM_ALLOWED), granted(KEY_ALL_ACCESS & ~KEY_SET_VALUE));
    EXPECT_EQ(check(limited, second.dacl(allowFirst.get()), KEY_SET_VALUE), granted(KEY_SET_VALUE));
    // Administrators who are not elevated are still refused as such.
    denyGroup.deny(kAdministrators, KEY_SET_VALUE).allow(kEveryone, KEY_ALL_ACCESS);
    EXPECT_EQ(check(limited, third.dacl(denyGroup.get()), KEY_SET_VALUE), kDenied);
    inheritOnly.allow(kEveryone, KEY_ALL_ACCESS, CONTAINER_INHERIT_ACE | INHERIT_ONLY_ACE);
    EXPECT_EQ(check(limited, fourth.dacl(inheritOnly.get()), KEY_QUERY_VALUE), kDenied);
}

TEST_F(SecurityTest, OwnersMayReadAndChangeTheList) {
    Acl none, restricted;
    Descriptor owned, foreign, limitedOwner;
    owned.owner(kUser).dacl(none.get());
    foreign.owner(kStranger).dacl(none.get());
    EXPECT_EQ(check(limited, owned, READ_CONTROL | WRITE_DAC), granted(READ_CONTROL | WRITE_DAC));
    EXPECT_EQ(check(limited, owned, KEY_QUERY_VALUE), kDenied);
    EXPECT_EQ(check(limited, owned, MAXIMUM_ALLOWED), granted(READ_CONTROL | WRITE_DAC));
    EXPECT_EQ(check(limited, foreign, READ_CONTROL), kDenied);
    // An entry for owners replaces what they have by themselves.
    restricted.allow(kOwnerRights, KEY_QUERY_VALUE);
    limitedOwner.owner(kUser).dacl(restricted.get());
    EXPECT_EQ(check(limited, limitedOwner, WRITE_DAC), kDenied);
    EXPECT_EQ(check(limited, limitedOwner, KEY_QUERY_VALUE), granted(KEY_QUERY_VALUE));
}

TEST_F(SecurityTest, PrivilegesGrantWhatNoListDoes) {
    Acl list;
    list.allow(kEveryone, KEY_READ);
    Descriptor descriptor;
    descriptor.owner(kSystem).dacl(list.get());
    EXPECT_EQ(check(elevated, descriptor, ACCESS_SYSTEM_SECURITY | KEY_QUERY_VALUE),
              granted(ACCESS_SYSTEM_SECURITY | KEY_QUERY_VALUE));
    EXPECT_EQ(check(limited, descriptor, ACCESS_SYSTEM_SECURITY), (Result{STATUS_PRIVILEGE_NOT_HELD, 0}));
    EXPECT_EQ(check(elevated, descriptor, WRITE_OWNER), granted(WRITE_OWNER));
    EXPECT_EQ(check(limited, descriptor, WRITE_OWNER), kDenied);
    EXPECT_EQ(check(elevated, descriptor, WRITE_DAC), kDenied);
}

TEST_F(SecurityTest, KernelModeAndWhatWasGrantedBefore) {
    Acl none;
    Descriptor closed;
    closed.dacl(none.get());
    EXPECT_EQ(checkHere(closed.get(), GENERIC_ALL, KernelMode), granted(KEY_ALL_ACCESS));
    EXPECT_EQ(checkHere(closed.get(), MAXIMUM_ALLOWED, KernelMode), granted(KEY_ALL_ACCESS));
    EXPECT_EQ(checkHere(closed.get(), KEY_QUERY_VALUE, UserMode, KEY_QUERY_VALUE), granted(KEY_QUERY_VALUE));
    EXPECT_EQ(checkHere(closed.get(), 0, UserMode, KEY_NOTIFY), granted(KEY_NOTIFY));
    EXPECT_EQ(checkHere(nullptr, KEY_QUERY_VALUE), kDenied);
}

TEST_F(SecurityTest, ClientsCountWhenTheyMayBeImpersonated) {
    Acl list;
    list.allow(kStranger, KEY_ALL_ACCESS);
    Descriptor descriptor;
    descriptor.dacl(list.get());
    auto thread = elevated->createThread();
    simulator::TokenOptions client = {.userSid = "S-1-5-21-1-2-3-4"};
    thread->impersonate(client, SecurityImpersonation);
    thread->run([&] { EXPECT_EQ(checkHere(descriptor.get(), KEY_SET_VALUE), granted(KEY_SET_VALUE)); });
    thread->impersonate(client, SecurityIdentification);
    thread->run([&] {
        EXPECT_EQ(checkHere(descriptor.get(), KEY_SET_VALUE), (Result{STATUS_BAD_IMPERSONATION_LEVEL, 0}));
    });
    thread->revert();
    thread->run([&] { EXPECT_EQ(checkHere(descriptor.get(), KEY_SET_VALUE), kDenied); });
}

TEST_F(SecurityTest, IntegrityComesBeforeTheList) {
    Acl list, high, secret;
    list.allow(kEveryone, KEY_ALL_ACCESS);
    Descriptor plain, labelled, unreadable;
    plain.owner(kUser).dacl(list.get());
    EXPECT_EQ(check(low, plain, KEY_READ), granted(KEY_READ));
    EXPECT_EQ(check(low, plain, KEY_SET_VALUE), kDenied);
    EXPECT_EQ(check(low, plain, WRITE_DAC), kDenied);
    EXPECT_EQ(check(low, plain, MAXIMUM_ALLOWED), granted(KEY_READ));
    EXPECT_EQ(check(limited, plain, KEY_SET_VALUE), granted(KEY_SET_VALUE));
    high.label(0x3000, SYSTEM_MANDATORY_LABEL_NO_WRITE_UP);
    labelled.dacl(list.get()).sacl(high.get());
    EXPECT_EQ(check(limited, labelled, KEY_SET_VALUE), kDenied);
    EXPECT_EQ(check(limited, labelled, KEY_READ), granted(KEY_READ));
    EXPECT_EQ(check(elevated, labelled, KEY_SET_VALUE), granted(KEY_SET_VALUE));
    secret.label(0x4000, SYSTEM_MANDATORY_LABEL_NO_READ_UP | SYSTEM_MANDATORY_LABEL_NO_WRITE_UP |
                             SYSTEM_MANDATORY_LABEL_NO_EXECUTE_UP);
    unreadable.dacl(list.get()).sacl(secret.get());
    EXPECT_EQ(check(elevated, unreadable, KEY_READ), kDenied);
}

// What SeAssignSecurity makes, in words.
class AssignTest : public SecurityTest {
  protected:
    std::string describe(PSECURITY_DESCRIPTOR descriptor) {
        PSID owner, group;
        BOOLEAN present, defaulted;
        PACL dacl = nullptr, sacl = nullptr;
        RtlGetOwnerSecurityDescriptor(descriptor, &owner, &defaulted);
        RtlGetGroupSecurityDescriptor(descriptor, &group, &defaulted);
        std::string text = "O:" + name(owner) + " G:" + name(group);
        RtlGetDaclSecurityDescriptor(descriptor, &present, &dacl, &defaulted);
        text += present ? " D:" + entries(dacl) : "";
        RtlGetSaclSecurityDescriptor(descriptor, &present, &sacl, &defaulted);
        return text + (present ? " S:" + entries(sacl) : "");
    }
    std::string assign(const std::shared_ptr<simulator::Process> &who, PSECURITY_DESCRIPTOR parent,
                       PSECURITY_DESCRIPTOR wanted, ULONG inherit = 0, bool container = true) {
        std::string text;
        who->createThread()->run([&] {
            SECURITY_SUBJECT_CONTEXT subject;
            GENERIC_MAPPING mapping = kMapping;
            PSECURITY_DESCRIPTOR made = nullptr;
            SeCaptureSubjectContext(&subject);
            status = inherit == 0 ? SeAssignSecurity(parent, wanted, &made, container, &subject, &mapping, PagedPool)
                                  : SeAssignSecurityEx(parent, wanted, &made, nullptr, container, inherit, &subject,
                                                       &mapping, PagedPool);
            SeReleaseSubjectContext(&subject);
            if (NT_SUCCESS(status)) {
                EXPECT_TRUE(RtlValidRelativeSecurityDescriptor(made, RtlLengthSecurityDescriptor(made), 0));
                text = describe(made);
            }
            SeDeassignSecurity(&made);
            EXPECT_EQ(made, nullptr);
        });
        return text;
    }
    NTSTATUS status = STATUS_SUCCESS;

  private:
    static std::string name(PSID sid) {
        const std::pair<const Sid &, const char *> known[] = {
            {kEveryone, "WD"}, {kAdministrators, "BA"}, {kUsers, "BU"},        {kSystem, "SY"},
            {kUser, "me"},     {kStranger, "other"},    {kCreatorOwner, "CO"}, {kOwnerRights, "OW"}};
        for (const auto &[id, text] : known) {
            if (sid != nullptr && RtlEqualSid(id, sid)) {
                return text;
            }
        }
        return sid == nullptr ? "-" : std::to_string(*RtlSubAuthoritySid(sid, *RtlSubAuthorityCountSid(sid) - 1u));
    }
    static std::string entries(PACL acl) {
        if (acl == nullptr) {
            return "all";
        }
        std::string text;
        for (ULONG i = 0; i < acl->AceCount; ++i) {
            PVOID at;
            EXPECT_EQ(RtlGetAce(acl, i, &at), STATUS_SUCCESS);
            auto ace = static_cast<PACCESS_ALLOWED_ACE>(at);
            char words[64];
            std::snprintf(words, sizeof words, "(%u;%x;%x;", ace->Header.AceType, ace->Header.AceFlags, ace->Mask);
            text += words + name(&ace->SidStart) + ")";
        }
        return text;
    }
};

TEST_F(AssignTest, WithoutParentAndWishTheTokenDecides) {
    EXPECT_EQ(assign(elevated, nullptr, nullptr), "O:BA G:513 D:(0;0;f003f;BA)(0;0;f003f;SY)");
    EXPECT_EQ(assign(limited, nullptr, nullptr), "O:me G:513 D:(0;0;f003f;me)(0;0;f003f;SY)");
}

TEST_F(AssignTest, ContainersInherit) {
    Acl list;
    list.allow(kUsers, KEY_READ, CONTAINER_INHERIT_ACE)
        .allow(kEveryone, KEY_QUERY_VALUE)
        .allow(kAdministrators, GENERIC_ALL, CONTAINER_INHERIT_ACE)
        .allow(kCreatorOwner, GENERIC_ALL, CONTAINER_INHERIT_ACE | INHERIT_ONLY_ACE)
        .deny(kStranger, KEY_SET_VALUE, CONTAINER_INHERIT_ACE | NO_PROPAGATE_INHERIT_ACE)
        .allow(kSystem, KEY_READ, OBJECT_INHERIT_ACE);
    Descriptor parent;
    parent.owner(kSystem).dacl(list.get());
    EXPECT_EQ(assign(limited, parent.get(), nullptr),
              "O:me G:513 D:(0;2;20019;BU)(0;0;f003f;BA)(0;a;10000000;BA)(0;0;f003f;me)(0;a;10000000;CO)"
              "(1;0;2;other)(0;9;20019;SY)");
    EXPECT_EQ(assign(limited, parent.get(), nullptr, 0, false), "O:me G:513 D:(0;0;20019;SY)");
    // Only descendants of marked lists are marked.
    parent.value_.Control |= SE_DACL_AUTO_INHERITED;
    EXPECT_EQ(assign(limited, parent.get(), nullptr, 0, false), "O:me G:513 D:(0;10;20019;SY)");
}

TEST_F(AssignTest, AWishComesFirst) {
    Acl inherited, wanted;
    inherited.allow(kUsers, KEY_READ, CONTAINER_INHERIT_ACE);
    wanted.allow(kEveryone, GENERIC_READ);
    Descriptor parent, wish, open;
    parent.owner(kSystem).dacl(inherited.get());
    wish.owner(kUser).group(kUsers).dacl(wanted.get());
    open.dacl(nullptr);
    EXPECT_EQ(assign(elevated, parent.get(), wish.get()), "O:me G:BU D:(0;0;20019;WD)");
    EXPECT_EQ(assign(elevated, parent.get(), wish.get(), SEF_DACL_AUTO_INHERIT),
              "O:me G:BU D:(0;0;20019;WD)(0;12;20019;BU)");
    wish.value_.Control |= SE_DACL_PROTECTED;
    EXPECT_EQ(assign(elevated, parent.get(), wish.get(), SEF_DACL_AUTO_INHERIT), "O:me G:BU D:(0;0;20019;WD)");
    wish.value_.Control &= static_cast<USHORT>(~SE_DACL_PROTECTED);
    wish.value_.Control |= SE_DACL_DEFAULTED;
    EXPECT_EQ(assign(elevated, parent.get(), wish.get()), "O:me G:BU D:(0;2;20019;BU)");
    EXPECT_EQ(assign(elevated, parent.get(), open.get()), "O:BA G:513 D:all");
    EXPECT_EQ(assign(limited, parent.get(), nullptr, SEF_DEFAULT_OWNER_FROM_PARENT), "O:SY G:513 D:(0;2;20019;BU)");
}

TEST_F(AssignTest, SomeWishesNeedPrivileges) {
    Descriptor foreign, audited;
    foreign.owner(kStranger);
    EXPECT_EQ(assign(limited, nullptr, foreign.get()), "");
    EXPECT_EQ(status, STATUS_INVALID_OWNER);
    EXPECT_NE(assign(elevated, nullptr, foreign.get()), "");
    Acl audits;
    alignas(4) UCHAR bytes[8 + 12] = {};
    auto ace = reinterpret_cast<PSYSTEM_AUDIT_ACE>(bytes);
    ace->Header = {SYSTEM_AUDIT_ACE_TYPE, 0x40, sizeof bytes};
    ace->Mask = KEY_SET_VALUE;
    std::memcpy(&ace->SidStart, kEveryone.bytes, 12);
    ASSERT_EQ(RtlAddAce(audits.get(), ACL_REVISION, 0, bytes, sizeof bytes), STATUS_SUCCESS);
    audited.sacl(audits.get());
    EXPECT_EQ(assign(limited, nullptr, audited.get()), "");
    EXPECT_EQ(status, STATUS_PRIVILEGE_NOT_HELD);
    EXPECT_EQ(assign(elevated, nullptr, audited.get()), "O:BA G:513 D:(0;0;f003f;BA)(0;0;f003f;SY) S:(2;40;2;WD)");
    EXPECT_EQ(assign(low, nullptr, nullptr), "O:me G:513 D:(0;0;f003f;me)(0;0;f003f;SY) S:(17;0;1;4096)");
}

TEST_F(AssignTest, SetsAndQueriesParts) {
    Acl first, second, label;
    first.allow(kEveryone, KEY_READ);
    second.allow(kUsers, GENERIC_ALL, CONTAINER_INHERIT_ACE).deny(kStranger, KEY_READ);
    label.label(0x3000, 1);
    Descriptor start, change;
    GENERIC_MAPPING mapping = kMapping;
    PSECURITY_DESCRIPTOR object = nullptr, former;
    start.owner(kUser).group(kUsers).dacl(first.get());
    ASSERT_EQ(SeCaptureSecurityDescriptor(start.get(), KernelMode, PagedPool, TRUE, &object), STATUS_SUCCESS);
    auto set = [&](SECURITY_INFORMATION information) {
        former = object;
        NTSTATUS result =
            SeSetSecurityDescriptorInfo(nullptr, &information, change.get(), &object, PagedPool, &mapping);
        EXPECT_EQ(former != object, NT_SUCCESS(result));
        if (NT_SUCCESS(result)) {
            SeDeassignSecurity(&former);
        }
        return result;
    };
    auto query = [&](SECURITY_INFORMATION information) {
        ULONG needed = 0;
        EXPECT_EQ(SeQuerySecurityDescriptorInfo(&information, nullptr, &needed, &object), STATUS_BUFFER_TOO_SMALL);
        std::vector<UCHAR> bytes(needed);
        EXPECT_EQ(SeQuerySecurityDescriptorInfo(&information, bytes.data(), &needed, &object), STATUS_SUCCESS);
        EXPECT_TRUE(RtlValidRelativeSecurityDescriptor(bytes.data(), needed, 0));
        return describe(bytes.data());
    };
    change.dacl(second.get()).sacl(label.get());
    EXPECT_EQ(set(DACL_SECURITY_INFORMATION), STATUS_SUCCESS);
    EXPECT_EQ(describe(object), "O:me G:BU D:(0;2;f003f;BU)(1;0;20019;other)");
    EXPECT_EQ(set(LABEL_SECURITY_INFORMATION), STATUS_SUCCESS);
    EXPECT_EQ(query(OWNER_SECURITY_INFORMATION), "O:me G:-");
    EXPECT_EQ(query(GROUP_SECURITY_INFORMATION | LABEL_SECURITY_INFORMATION), "O:- G:BU S:(17;0;1;12288)");
    EXPECT_EQ(query(SACL_SECURITY_INFORMATION), "O:- G:- S:");
    EXPECT_EQ(set(SACL_SECURITY_INFORMATION), STATUS_SUCCESS);
    EXPECT_EQ(query(LABEL_SECURITY_INFORMATION), "O:- G:- S:(17;0;1;12288)");
    EXPECT_EQ(set(OWNER_SECURITY_INFORMATION), STATUS_INVALID_OWNER);
    EXPECT_EQ(set(GROUP_SECURITY_INFORMATION), STATUS_INVALID_PRIMARY_GROUP);
    change.owner(kAdministrators).group(kSystem);
    EXPECT_EQ(set(OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION), STATUS_SUCCESS);
    EXPECT_EQ(query(OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION), "O:BA G:SY");
    EXPECT_EQ(set(DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION), STATUS_SUCCESS);
    EXPECT_TRUE(static_cast<PISECURITY_DESCRIPTOR>(object)->Control & SE_DACL_PROTECTED);
    // Somebody else may not become the owner by a limited user's will.
    limited->createThread()->run([&] {
        change.owner(kStranger);
        EXPECT_EQ(set(OWNER_SECURITY_INFORMATION), STATUS_INVALID_OWNER);
    });
    UCHAR page[64];
    SECURITY_INFORMATION owner = OWNER_SECURITY_INFORMATION;
    ULONG length = sizeof page;
    SimRegisterUserRange(page, sizeof page);
    SimSetUserRangeAccess(page, TRUE, FALSE);
    EXPECT_EQ(SeQuerySecurityDescriptorInfo(&owner, page, &length, &object), STATUS_ACCESS_VIOLATION);
    SimUnregisterUserRange(page);
    SeDeassignSecurity(&object);
    EXPECT_EQ(SeSetSecurityDescriptorInfo(nullptr, &owner, change.get(), &object, PagedPool, &mapping),
              STATUS_NO_SECURITY_ON_OBJECT);
}

// Lies at the end of a page, so that a sanitizer is not needed to see a read beyond.
class CaptureTest : public AssignTest {
  protected:
    CaptureTest() {
        page_ = static_cast<UCHAR *>(
            mmap(nullptr, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        mprotect(page_ + PAGE_SIZE, PAGE_SIZE, PROT_NONE);
        SimRegisterUserRange(page_ + PAGE_SIZE, PAGE_SIZE);
        SimSetUserRangeAccess(page_ + PAGE_SIZE, FALSE, FALSE);
    }
    ~CaptureTest() override {
        SimUnregisterUserRange(page_ + PAGE_SIZE);
        munmap(page_, 2 * PAGE_SIZE);
    }
    UCHAR *atEnd(const std::vector<UCHAR> &bytes) {
        UCHAR *at = page_ + PAGE_SIZE - bytes.size();
        std::memcpy(at, bytes.data(), bytes.size());
        return at;
    }
    NTSTATUS capture(PSECURITY_DESCRIPTOR from) {
        PSECURITY_DESCRIPTOR captured = nullptr;
        NTSTATUS result = SeCaptureSecurityDescriptor(from, UserMode, PagedPool, FALSE, &captured);
        EXPECT_EQ(captured != nullptr, NT_SUCCESS(result) && from != nullptr);
        if (captured != nullptr) {
            EXPECT_TRUE(RtlValidRelativeSecurityDescriptor(captured, RtlLengthSecurityDescriptor(captured), 0));
        }
        SeReleaseSecurityDescriptor(captured, UserMode, FALSE);
        return result;
    }
    std::vector<UCHAR> sample() {
        Acl list;
        list.allow(kEveryone, KEY_READ).allow(kUser, KEY_ALL_ACCESS);
        list.get()->AclSize = sizeof(ACL) + 20 + 36;
        Descriptor descriptor;
        descriptor.owner(kUser).group(kUsers).dacl(list.get());
        ULONG size = 0;
        RtlAbsoluteToSelfRelativeSD(descriptor.get(), nullptr, &size);
        std::vector<UCHAR> bytes(size);
        EXPECT_EQ(RtlAbsoluteToSelfRelativeSD(descriptor.get(), bytes.data(), &size), STATUS_SUCCESS);
        return bytes;
    }

  private:
    UCHAR *page_;
};

TEST_F(CaptureTest, TakesBothForms) {
    Acl list;
    list.allow(kEveryone, KEY_READ);
    Descriptor absolute;
    absolute.owner(kUser).dacl(list.get());
    EXPECT_EQ(capture(absolute.get()), STATUS_SUCCESS);
    EXPECT_EQ(capture(atEnd(sample())), STATUS_SUCCESS);
    EXPECT_EQ(capture(nullptr), STATUS_SUCCESS);
    PSECURITY_DESCRIPTOR same = nullptr;
    EXPECT_EQ(SeCaptureSecurityDescriptor(absolute.get(), KernelMode, PagedPool, FALSE, &same), STATUS_SUCCESS);
    EXPECT_EQ(same, absolute.get());
    EXPECT_EQ(SeReleaseSecurityDescriptor(same, KernelMode, FALSE), STATUS_SUCCESS);
}

TEST_F(CaptureTest, SurvivesEveryCutAndEveryByte) {
    const std::vector<UCHAR> whole = sample();
    for (size_t length = 1; length < whole.size(); ++length) {
        std::vector<UCHAR> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
        EXPECT_EQ(capture(atEnd(cut)), STATUS_ACCESS_VIOLATION) << length;
    }
    const std::set<NTSTATUS> answers = {STATUS_SUCCESS, STATUS_ACCESS_VIOLATION, STATUS_UNKNOWN_REVISION,
                                        STATUS_INVALID_SID, STATUS_INVALID_ACL};
    for (size_t i = 0; i < whole.size(); ++i) {
        // Offsets stay small: what lies farther away is not the simulated process's memory.
        if (i >= offsetof(SECURITY_DESCRIPTOR_RELATIVE, Owner) && i < sizeof(SECURITY_DESCRIPTOR_RELATIVE) &&
            i % 4 != 0) {
            continue;
        }
        for (UCHAR value : {0, 1, 2, 3, 7, 8, 15, 16, 0x7F, 0x80, 0xFF}) {
            std::vector<UCHAR> changed = whole;
            changed[i] = value;
            EXPECT_EQ(answers.count(capture(atEnd(changed))), 1u) << i << " " << +value;
        }
    }
    EXPECT_EQ(capture(reinterpret_cast<PSECURITY_DESCRIPTOR>(8)), STATUS_ACCESS_VIOLATION);
}

TEST_F(SampleTest, SecurityOfADevice) {
    load();
    auto file = open();
    UNICODE_STRING name = {28, 30, const_cast<PWCH>(u"\\Device\\Sample")};
    HANDLE handle = nullptr;
    IO_STATUS_BLOCK io;
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, nullptr, nullptr);
    ASSERT_EQ(
        ZwCreateFile(&handle, GENERIC_READ, &attributes, &io, nullptr, 0, FILE_SHARE_READ, FILE_OPEN, 0, nullptr, 0),
        STATUS_SUCCESS);
    PVOID object;
    ASSERT_EQ(ObReferenceObjectByHandle(handle, 0, *IoFileObjectType, KernelMode, &object, nullptr), STATUS_SUCCESS);
    PDEVICE_OBJECT device = static_cast<PFILE_OBJECT>(object)->DeviceObject;
    HANDLE reader, nobody;
    ASSERT_EQ(ObOpenObjectByPointer(device, 0, nullptr, READ_CONTROL, nullptr, KernelMode, &reader), STATUS_SUCCESS);
    ASSERT_EQ(ObOpenObjectByPointer(device, 0, nullptr, SYNCHRONIZE, nullptr, KernelMode, &nobody), STATUS_SUCCESS);
    alignas(8) UCHAR bytes[512];
    ULONG needed = 0;
    EXPECT_EQ(NtQuerySecurityObject(reader, DACL_SECURITY_INFORMATION, nullptr, 0, &needed), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(NtQuerySecurityObject(reader, DACL_SECURITY_INFORMATION, bytes, sizeof bytes, &needed), STATUS_SUCCESS);
    EXPECT_TRUE(RtlValidRelativeSecurityDescriptor(bytes, needed, DACL_SECURITY_INFORMATION));
    EXPECT_EQ(NtQuerySecurityObject(nobody, DACL_SECURITY_INFORMATION, bytes, sizeof bytes, &needed),
              STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtQuerySecurityObject(reader, SACL_SECURITY_INFORMATION, bytes, sizeof bytes, &needed),
              STATUS_ACCESS_DENIED);
    EXPECT_EQ(
        NtQuerySecurityObject(reader, DACL_SECURITY_INFORMATION, bytes, sizeof bytes, reinterpret_cast<PULONG>(8)),
        STATUS_ACCESS_VIOLATION);
    EXPECT_EQ(NtSetSecurityObject(reader, DACL_SECURITY_INFORMATION, bytes), STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtSetSecurityObject(reader, DACL_SECURITY_INFORMATION, nullptr), STATUS_ACCESS_VIOLATION);
    ObDereferenceObject(object);
    NtClose(reader);
    NtClose(nobody);
    ZwClose(handle);
    file.reset();
    unload();
}

} // namespace
