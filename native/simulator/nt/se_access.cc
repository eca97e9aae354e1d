// SPDX-License-Identifier: MIT
//
// What a descriptor grants a subject.

#include "se_internal.h"

#include <cstring>

namespace {

struct KnownSid {
    SID sid;
    ULONG second;
};

constexpr KnownSid make(UCHAR authority, UCHAR count, ULONG first, ULONG second = 0) {
    return {{SID_REVISION, count, {{0, 0, 0, 0, 0, authority}}, {first}}, second};
}

KnownSid nullSid = make(0, 1, 0);
KnownSid world = make(1, 1, SECURITY_WORLD_RID);
KnownSid localUsers = make(2, 1, 0);
KnownSid ownerRights = make(3, 1, SECURITY_CREATOR_OWNER_RIGHTS_RID);
KnownSid localSystem = make(5, 1, SECURITY_LOCAL_SYSTEM_RID);
KnownSid administrators = make(5, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS);
KnownSid users = make(5, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_USERS);
KnownSid authenticated = make(5, 1, SECURITY_AUTHENTICATED_USER_RID);

SE_EXPORTS exports = {&nullSid.sid,        &world.sid, &localUsers.sid,   &localSystem.sid,
                      &administrators.sid, &users.sid, &authenticated.sid};

// One entry of the two plain kinds that every descriptor of a key or file has. Entries for callbacks and for typed
// objects grant and deny nothing here.
struct Entry {
    bool allow;
    ACCESS_MASK mask;
    PSID sid;
};

bool plainEntry(PACL acl, ULONG index, const GENERIC_MAPPING *mapping, Entry *entry) {
    PVOID at;
    if (!NT_SUCCESS(RtlGetAce(acl, index, &at))) {
        return false;
    }
    auto ace = static_cast<PACCESS_ALLOWED_ACE>(at);
    if ((ace->Header.AceFlags & INHERIT_ONLY_ACE) ||
        (ace->Header.AceType != ACCESS_ALLOWED_ACE_TYPE && ace->Header.AceType != ACCESS_DENIED_ACE_TYPE)) {
        return false;
    }
    *entry = {ace->Header.AceType == ACCESS_ALLOWED_ACE_TYPE, ace->Mask, &ace->SidStart};
    RtlMapGenericMask(&entry->mask, mapping);
    return true;
}

// Administrators who are not elevated have the group for deny entries only.
bool applies(const nt::AccessToken &token, const Entry &entry) {
    if (nt::isEnabledIn(token, entry.sid)) {
        return true;
    }
    if (entry.allow) {
        return false;
    }
    for (const nt::TokenGroup &group : token.groups) {
        if ((group.attributes & SE_GROUP_USE_FOR_DENY_ONLY) && RtlEqualSid(entry.sid, nt::sidOf(group.sid))) {
            return true;
        }
    }
    return false;
}

// The rights that the object's label leaves to a subject below it. An object without a label is of medium integrity and
// may not be written from below.
ACCESS_MASK allowedByLabel(const nt::AccessToken &token, PACL sacl, const GENERIC_MAPPING *mapping) {
    auto [level, policy] =
        nt::labelOf(sacl).value_or(nt::Label{SECURITY_MANDATORY_MEDIUM_RID, SYSTEM_MANDATORY_LABEL_NO_WRITE_UP});
    if (token.integrity >= level) {
        return ~ACCESS_MASK{0};
    }
    ACCESS_MASK allowed = SYNCHRONIZE;
    allowed |= policy & SYSTEM_MANDATORY_LABEL_NO_READ_UP ? 0 : mapping->GenericRead;
    allowed |= policy & SYSTEM_MANDATORY_LABEL_NO_EXECUTE_UP ? 0 : mapping->GenericExecute;
    allowed |= policy & SYSTEM_MANDATORY_LABEL_NO_WRITE_UP ? 0 : mapping->GenericWrite | mapping->GenericAll;
    return allowed;
}

// The owner may always read and change the list, unless an entry says what owners may.
ACCESS_MASK impliedByOwnership(const nt::AccessToken &token, const nt::DescriptorParts &parts,
                               const GENERIC_MAPPING *mapping) {
    if (parts.owner == nullptr || !nt::isEnabledIn(token, parts.owner)) {
        return 0;
    }
    for (ULONG i = 0; parts.dacl != nullptr && i < parts.dacl->AceCount; ++i) {
        Entry entry;
        if (plainEntry(parts.dacl, i, mapping, &entry) && RtlEqualSid(entry.sid, &ownerRights.sid)) {
            return 0;
        }
    }
    return READ_CONTROL | WRITE_DAC;
}

// First come, first served: an allow entry counts for the rights that no earlier entry denies, and the reverse.
ACCESS_MASK grantedByList(const nt::AccessToken &token, const nt::DescriptorParts &parts, ACCESS_MASK already,
                          const GENERIC_MAPPING *mapping) {
    bool owner = parts.owner != nullptr && nt::isEnabledIn(token, parts.owner);
    ACCESS_MASK allowed = already, denied = 0;
    for (ULONG i = 0; i < parts.dacl->AceCount; ++i) {
        Entry entry;
        if (!plainEntry(parts.dacl, i, mapping, &entry)) {
            continue;
        }
        if (!applies(token, entry) && !(owner && RtlEqualSid(entry.sid, &ownerRights.sid))) {
            continue;
        }
        if (entry.allow) {
            allowed |= entry.mask & ~denied;
        } else {
            denied |= entry.mask & ~allowed;
        }
    }
    return allowed;
}

class Check {
  public:
    Check(PSECURITY_DESCRIPTOR descriptor, const nt::AccessToken &token, const GENERIC_MAPPING *mapping)
        : parts_(nt::partsOf(descriptor)), token_(token), mapping_(mapping) {}

    NTSTATUS run(ACCESS_MASK desired, ACCESS_MASK granted) {
        bool maximum = (desired & MAXIMUM_ALLOWED) != 0;
        ACCESS_MASK wanted = desired & ~MAXIMUM_ALLOWED & ~granted;
        // No list and no ownership gives this one.
        if (wanted & ACCESS_SYSTEM_SECURITY) {
            if (!use(SE_SECURITY_PRIVILEGE)) {
                return STATUS_PRIVILEGE_NOT_HELD;
            }
            wanted &= ~ACCESS_SYSTEM_SECURITY;
            granted |= ACCESS_SYSTEM_SECURITY;
        }
        ACCESS_MASK label = allowedByLabel(token_, parts_.sacl, mapping_);
        ACCESS_MASK list = ~ACCESS_MASK{0};
        if (parts_.dacl != nullptr) {
            list = grantedByList(token_, parts_, impliedByOwnership(token_, parts_, mapping_), mapping_);
        } else if (maximum) {
            list = mapping_->GenericAll | wanted;
        }
        list &= label;
        if ((wanted & WRITE_OWNER & ~list) && use(SE_TAKE_OWNERSHIP_PRIVILEGE)) {
            list |= WRITE_OWNER;
        }
        if ((wanted & ~list) != 0) {
            return STATUS_ACCESS_DENIED;
        }
        granted |= maximum ? list : wanted;
        if (granted == 0) {
            return STATUS_ACCESS_DENIED;
        }
        granted_ = granted;
        return STATUS_SUCCESS;
    }

    ACCESS_MASK granted() const { return granted_; }
    const std::vector<ULONG> &privileges() const { return used_; }

  private:
    bool use(ULONG privilege) {
        bool held = nt::hasPrivilege(token_, privilege);
        if (held) {
            used_.push_back(privilege);
        }
        return held;
    }

    nt::DescriptorParts parts_;
    const nt::AccessToken &token_;
    const GENERIC_MAPPING *mapping_;
    ACCESS_MASK granted_ = 0;
    std::vector<ULONG> used_;
};

NTSTATUS tellPrivileges(const std::vector<ULONG> &used, PPRIVILEGE_SET *result) {
    if (used.empty()) {
        return STATUS_SUCCESS;
    }
    size_t size = offsetof(PRIVILEGE_SET, Privilege) + used.size() * sizeof(LUID_AND_ATTRIBUTES);
    auto set = static_cast<PPRIVILEGE_SET>(ExAllocatePoolWithTag(PagedPool, size, nt::kSecurityTag));
    if (set == nullptr) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    set->PrivilegeCount = 0;
    set->Control = 0;
    for (ULONG privilege : used) {
        set->Privilege[set->PrivilegeCount++] = {RtlConvertLongToLuid(static_cast<LONG>(privilege)),
                                                 SE_PRIVILEGE_USED_FOR_ACCESS};
    }
    *result = set;
    return STATUS_SUCCESS;
}

} // namespace

namespace nt {

std::optional<Label> labelOf(PACL sacl) {
    for (ULONG i = 0; sacl != nullptr && i < sacl->AceCount; ++i) {
        PVOID at;
        if (!NT_SUCCESS(RtlGetAce(sacl, i, &at))) {
            break;
        }
        auto ace = static_cast<PSYSTEM_MANDATORY_LABEL_ACE>(at);
        PSID sid = &ace->SidStart;
        if (ace->Header.AceType == SYSTEM_MANDATORY_LABEL_ACE_TYPE && !(ace->Header.AceFlags & INHERIT_ONLY_ACE) &&
            *RtlSubAuthorityCountSid(sid) != 0) {
            return Label{*RtlSubAuthoritySid(sid, *RtlSubAuthorityCountSid(sid) - 1u), ace->Mask};
        }
    }
    return std::nullopt;
}

bool mayLabel(const AccessToken &token, PACL sacl) {
    std::optional<Label> label = labelOf(sacl);
    return !label || label->level <= token.integrity || ExGetPreviousMode() == KernelMode;
}

void initializeSecurity() {
    SeExports = &exports;
    SimExemptPoolTag(kSecurityTag);
}

} // namespace nt

extern "C" {

PSE_EXPORTS SeExports = &exports;

BOOLEAN SeAccessCheck(PSECURITY_DESCRIPTOR descriptor, PSECURITY_SUBJECT_CONTEXT subject, BOOLEAN, ACCESS_MASK desired,
                      ACCESS_MASK previous, PPRIVILEGE_SET *privileges, PGENERIC_MAPPING mapping, KPROCESSOR_MODE mode,
                      PACCESS_MASK granted, PNTSTATUS status) {
    nt::requirePassive("SeAccessCheck");
    if (privileges != nullptr) {
        *privileges = nullptr;
    }
    *granted = 0;
    RtlMapGenericMask(&desired, mapping);
    if (mode == KernelMode) {
        *granted = previous | (desired & ~MAXIMUM_ALLOWED) | (desired & MAXIMUM_ALLOWED ? mapping->GenericAll : 0);
        *status = STATUS_SUCCESS;
        return TRUE;
    }
    // An object that ought to have a descriptor and has none is closed to user mode.
    *status = STATUS_ACCESS_DENIED;
    if (descriptor == nullptr || (desired == 0 && previous == 0)) {
        return FALSE;
    }
    if (subject->ClientToken != nullptr && subject->ImpersonationLevel < SecurityImpersonation) {
        *status = STATUS_BAD_IMPERSONATION_LEVEL;
        return FALSE;
    }
    Check check(descriptor, nt::tokenOf(SeQuerySubjectContextToken(subject)), mapping);
    *status = check.run(desired, previous);
    if (NT_SUCCESS(*status) && privileges != nullptr) {
        *status = tellPrivileges(check.privileges(), privileges);
    }
    if (NT_SUCCESS(*status)) {
        *granted = check.granted();
    }
    return NT_SUCCESS(*status);
}

VOID SeFreePrivileges(PPRIVILEGE_SET privileges) {
    nt::requirePassive("SeFreePrivileges");
    if (privileges != nullptr) {
        ExFreePoolWithTag(privileges, nt::kSecurityTag);
    }
}

} // extern "C"
