// SPDX-License-Identifier: MIT
//
// Descriptors written down briefly, and processes to try them on.

#ifndef TEST_SIMULATOR_NT_SECURITY_H
#define TEST_SIMULATOR_NT_SECURITY_H

#include "nt_fixture.h"

inline constexpr GENERIC_MAPPING kMapping = {KEY_READ, KEY_WRITE, KEY_EXECUTE, KEY_ALL_ACCESS};

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

inline const Sid kEveryone(1, {0}), kAdministrators(5, {32, 544}), kUsers(5, {32, 545}), kSystem(5, {18});
inline const Sid kUser(5, {21, 3623811015, 3361044348, 30300820, 1013}), kStranger(5, {21, 1, 2, 3, 4});
inline const Sid kCreatorOwner(3, {0}), kOwnerRights(3, {4});

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

#endif
