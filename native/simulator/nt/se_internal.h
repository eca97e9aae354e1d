// SPDX-License-Identifier: MIT
//
// Access tokens as nt holds them, and what the security routines share.

#ifndef SIMULATOR_NT_SE_INTERNAL_H
#define SIMULATOR_NT_SE_INTERNAL_H

#include "kernel.h"

namespace nt {

// Of the kernel: descriptors and privilege sets.
constexpr ULONG kSecurityTag = 0x64536553; // 'SeSd'
// What SeQueryInformationToken gives to a driver is the driver's to free.
constexpr ULONG kTokenTag = 0x6B546553; // 'SeTk'

struct TokenFacts {
    std::string user; // S-1-...
    ULONG integrity = SECURITY_MANDATORY_MEDIUM_RID;
    bool elevated = false;
    ULONG session = 1;
};

using SidBytes = std::vector<UCHAR>;

struct TokenGroup {
    SidBytes sid;
    ULONG attributes;
};

// The body of a token object. Nothing changes after it was made, so that a reference is all that a reader needs.
struct AccessToken {
    SidBytes user;
    std::vector<TokenGroup> groups;
    SidBytes owner;
    SidBytes primaryGroup;
    std::vector<UCHAR> defaultDacl;
    std::vector<ULONG> privileges;
    ULONG integrity = 0;
    bool elevated = false;
    ULONG session = 0;
    TOKEN_TYPE type = TokenPrimary;
    SECURITY_IMPERSONATION_LEVEL level = SecurityAnonymous;
};

inline const AccessToken &tokenOf(PACCESS_TOKEN token) {
    return *static_cast<AccessToken *>(token);
}

// Empty if the text is no SID.
SidBytes parseSid(std::string_view text);
inline PSID sidOf(const SidBytes &sid) {
    return const_cast<UCHAR *>(sid.data());
}
// With a reference. NULL if the user is no SID.
PACCESS_TOKEN createToken(const TokenFacts &facts, TOKEN_TYPE type, SECURITY_IMPERSONATION_LEVEL level);
bool isEnabledIn(const AccessToken &token, PSID sid);
// The level of the first label that counts for the object itself, and its policy.
struct Label {
    ULONG level;
    ACCESS_MASK policy;
};
std::optional<Label> labelOf(PACL sacl);
// Nobody may lift an object above itself.
bool mayLabel(const AccessToken &token, PACL sacl);
// Whether the subject may make that SID the owner of an object.
bool mayOwn(const AccessToken &token, PSID owner);
bool hasPrivilege(const AccessToken &token, ULONG privilege);
extern const SIM_OBJECT_TYPE_INITIALIZER tokenTypeInitializer;

struct DescriptorParts {
    PSID owner, group;
    PACL sacl, dacl;
};
// What is present, wherever it lies.
DescriptorParts partsOf(PSECURITY_DESCRIPTOR descriptor);
inline USHORT controlOf(PSECURITY_DESCRIPTOR descriptor) {
    return static_cast<PISECURITY_DESCRIPTOR>(descriptor)->Control;
}
// A self-relative block in the pool with these parts; NULL when memory is short.
PSECURITY_DESCRIPTOR makeDescriptor(const DescriptorParts &parts, USHORT control, POOL_TYPE pool);

bool validAcl(PACL acl);
// Lists under construction may grow beyond what an ACL's length can say; who makes one checks that at the end.
std::vector<UCHAR> emptyAcl();
// What an object of the kind gets from its parent's list; mark: each entry says that it is inherited.
std::vector<UCHAR> inheritAcl(PACL parent, bool container, bool mark, PSID owner, PSID group,
                              const GENERIC_MAPPING *mapping);
// Wanted NULL: every entry. From may be NULL.
void appendMatching(std::vector<UCHAR> &acl, PACL from, bool (*wanted)(UCHAR type));
// Generic rights of the entries that apply to the object itself become the type's own.
void mapAcl(PACL acl, const GENERIC_MAPPING *mapping);

} // namespace nt

#endif
