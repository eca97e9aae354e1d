// SPDX-License-Identifier: MIT

#ifndef CMBRIDGE_TEST_CM_DESCRIPTOR_H
#define CMBRIDGE_TEST_CM_DESCRIPTOR_H

#include "cm_fixture.h"

namespace cm_test {

inline const std::u16string kScratch = std::u16string(kSoftware) + u"\\CmTest";
inline const simulator::TokenOptions kLimited = {};
inline const simulator::TokenOptions kOther = {.userSid = "S-1-5-21-3623811015-3361044348-30300820-1014"};
inline const simulator::TokenOptions kSystem = {.userSid = "S-1-5-18", .integrityLevel = 0x4000, .elevated = true};

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

inline NTSTATUS tryOpen(std::u16string_view path, ACCESS_MASK access) {
    return Key::open(path, access).status;
}

} // namespace cm_test

#endif
