// SPDX-License-Identifier: MIT
//
// SIDs, access control lists, security descriptors.

#include "se_internal.h"

#include <cstring>

namespace {

constexpr size_t kSidHeader = offsetof(SID, SubAuthority);

} // namespace

namespace nt {

DescriptorParts partsOf(PSECURITY_DESCRIPTOR descriptor) {
    auto absolute = static_cast<PISECURITY_DESCRIPTOR>(descriptor);
    if (!(absolute->Control & SE_SELF_RELATIVE)) {
        return {absolute->Owner, absolute->Group, absolute->Control & SE_SACL_PRESENT ? absolute->Sacl : nullptr,
                absolute->Control & SE_DACL_PRESENT ? absolute->Dacl : nullptr};
    }
    auto relative = static_cast<PISECURITY_DESCRIPTOR_RELATIVE>(descriptor);
    auto at = [&](ULONG offset) -> PVOID {
        return offset != 0 ? reinterpret_cast<char *>(relative) + offset : nullptr;
    };
    return {at(relative->Owner), at(relative->Group),
            static_cast<PACL>(relative->Control & SE_SACL_PRESENT ? at(relative->Sacl) : nullptr),
            static_cast<PACL>(relative->Control & SE_DACL_PRESENT ? at(relative->Dacl) : nullptr)};
}

bool validAcl(PACL acl) {
    if (acl->AclRevision < ACL_REVISION || acl->AclRevision > ACL_REVISION_DS || acl->AclSize < sizeof(ACL)) {
        return false;
    }
    size_t offset = sizeof(ACL);
    for (USHORT i = 0; i < acl->AceCount; ++i) {
        auto ace = reinterpret_cast<PACE_HEADER>(reinterpret_cast<char *>(acl) + offset);
        if (acl->AclSize - offset < sizeof(ACE_HEADER) || ace->AceSize < sizeof(ACE_HEADER) ||
            ace->AceSize > acl->AclSize - offset) {
            return false;
        }
        offset += ace->AceSize;
    }
    return true;
}

} // namespace nt

using namespace nt;

extern "C" {

ULONG RtlLengthRequiredSid(ULONG count) {
    return static_cast<ULONG>(kSidHeader + count * sizeof(ULONG));
}
ULONG RtlLengthSid(PSID sid) {
    return RtlLengthRequiredSid(static_cast<PISID>(sid)->SubAuthorityCount);
}

BOOLEAN RtlValidSid(PSID sid) {
    auto id = static_cast<PISID>(sid);
    return id != nullptr && (id->Revision & 0x0F) == SID_REVISION && id->SubAuthorityCount <= SID_MAX_SUB_AUTHORITIES;
}

NTSTATUS RtlInitializeSid(PSID sid, PSID_IDENTIFIER_AUTHORITY authority, UCHAR count) {
    if (count > SID_MAX_SUB_AUTHORITIES) {
        return STATUS_INVALID_PARAMETER;
    }
    auto id = static_cast<PISID>(sid);
    id->Revision = SID_REVISION;
    id->SubAuthorityCount = count;
    id->IdentifierAuthority = *authority;
    return STATUS_SUCCESS;
}

PULONG RtlSubAuthoritySid(PSID sid, ULONG index) {
    return reinterpret_cast<PULONG>(static_cast<char *>(sid) + kSidHeader) + index;
}

BOOLEAN RtlEqualSid(PSID left, PSID right) {
    return RtlLengthSid(left) == RtlLengthSid(right) && std::memcmp(left, right, RtlLengthSid(left)) == 0;
}

NTSTATUS RtlCopySid(ULONG length, PSID to, PSID from) {
    if (length < RtlLengthSid(from)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    std::memcpy(to, from, RtlLengthSid(from));
    return STATUS_SUCCESS;
}

NTSTATUS RtlCreateAcl(PACL acl, ULONG length, ULONG revision) {
    if (length < sizeof(ACL)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    if (revision < ACL_REVISION || revision > ACL_REVISION_DS || length > MAXUSHORT) {
        return STATUS_INVALID_PARAMETER;
    }
    *acl = {static_cast<UCHAR>(revision), 0, static_cast<USHORT>(length & ~3u), 0, 0};
    return STATUS_SUCCESS;
}

NTSTATUS RtlAddAccessAllowedAceEx(PACL acl, ULONG revision, ULONG flags, ACCESS_MASK mask, PSID sid) {
    if (!RtlValidSid(sid)) {
        return STATUS_INVALID_SID;
    }
    if (!validAcl(acl) || revision > ACL_REVISION_DS) {
        return STATUS_INVALID_ACL;
    }
    size_t offset = sizeof(ACL);
    for (USHORT i = 0; i < acl->AceCount; ++i) {
        offset += reinterpret_cast<PACE_HEADER>(reinterpret_cast<char *>(acl) + offset)->AceSize;
    }
    size_t size = offsetof(ACCESS_ALLOWED_ACE, SidStart) + RtlLengthSid(sid);
    if (size > acl->AclSize - offset) {
        return STATUS_ALLOTTED_SPACE_EXCEEDED;
    }
    auto ace = reinterpret_cast<PACCESS_ALLOWED_ACE>(reinterpret_cast<char *>(acl) + offset);
    ace->Header = {ACCESS_ALLOWED_ACE_TYPE, static_cast<UCHAR>(flags), static_cast<USHORT>(size)};
    ace->Mask = mask;
    std::memcpy(reinterpret_cast<char *>(ace) + offsetof(ACCESS_ALLOWED_ACE, SidStart), sid, RtlLengthSid(sid));
    ++acl->AceCount;
    return STATUS_SUCCESS;
}

NTSTATUS RtlAddAccessAllowedAce(PACL acl, ULONG revision, ACCESS_MASK mask, PSID sid) {
    return RtlAddAccessAllowedAceEx(acl, revision, 0, mask, sid);
}

NTSTATUS RtlGetAce(PACL acl, ULONG index, PVOID *result) {
    if (index >= acl->AceCount || !validAcl(acl)) {
        return STATUS_INVALID_PARAMETER;
    }
    char *ace = reinterpret_cast<char *>(acl) + sizeof(ACL);
    while (index-- != 0) {
        ace += reinterpret_cast<PACE_HEADER>(ace)->AceSize;
    }
    *result = ace;
    return STATUS_SUCCESS;
}

NTSTATUS RtlCreateSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, ULONG revision) {
    if (revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    *static_cast<PISECURITY_DESCRIPTOR>(descriptor) = {
        SECURITY_DESCRIPTOR_REVISION, 0, 0, nullptr, nullptr, nullptr, nullptr};
    return STATUS_SUCCESS;
}

BOOLEAN RtlValidSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor) {
    if (descriptor == nullptr ||
        static_cast<PISECURITY_DESCRIPTOR>(descriptor)->Revision != SECURITY_DESCRIPTOR_REVISION) {
        return FALSE;
    }
    DescriptorParts p = partsOf(descriptor);
    return (p.owner == nullptr || RtlValidSid(p.owner)) && (p.group == nullptr || RtlValidSid(p.group)) &&
           (p.dacl == nullptr || validAcl(p.dacl)) && (p.sacl == nullptr || validAcl(p.sacl));
}

NTSTATUS RtlSetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, BOOLEAN present, PACL dacl, BOOLEAN defaulted) {
    auto absolute = static_cast<PISECURITY_DESCRIPTOR>(descriptor);
    if (absolute->Control & SE_SELF_RELATIVE) {
        return STATUS_INVALID_SECURITY_DESCR;
    }
    auto control = static_cast<USHORT>(absolute->Control & ~(SE_DACL_PRESENT | SE_DACL_DEFAULTED));
    if (present) {
        control = static_cast<USHORT>(control | SE_DACL_PRESENT | (defaulted ? SE_DACL_DEFAULTED : 0));
    }
    absolute->Control = control;
    absolute->Dacl = present ? dacl : nullptr;
    return STATUS_SUCCESS;
}

NTSTATUS RtlGetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, BOOLEAN *present, PACL *dacl,
                                      BOOLEAN *defaulted) {
    USHORT control = static_cast<PISECURITY_DESCRIPTOR>(descriptor)->Control;
    *present = (control & SE_DACL_PRESENT) != 0;
    if (*present) {
        *dacl = partsOf(descriptor).dacl;
        *defaulted = (control & SE_DACL_DEFAULTED) != 0;
    }
    return STATUS_SUCCESS;
}

NTSTATUS RtlSetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, PSID owner, BOOLEAN) {
    static_cast<PISECURITY_DESCRIPTOR>(descriptor)->Owner = owner;
    return STATUS_SUCCESS;
}

NTSTATUS RtlSetGroupSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, PSID group, BOOLEAN) {
    static_cast<PISECURITY_DESCRIPTOR>(descriptor)->Group = group;
    return STATUS_SUCCESS;
}

ULONG RtlLengthSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor) {
    DescriptorParts p = partsOf(descriptor);
    auto sid = [](PSID id) { return id != nullptr ? (RtlLengthSid(id) + 3u) & ~3u : 0; };
    auto acl = [](PACL list) { return list != nullptr ? (list->AclSize + 3u) & ~3u : 0; };
    bool relative = (static_cast<PISECURITY_DESCRIPTOR>(descriptor)->Control & SE_SELF_RELATIVE) != 0;
    auto base = static_cast<ULONG>(relative ? sizeof(SECURITY_DESCRIPTOR_RELATIVE) : sizeof(SECURITY_DESCRIPTOR));
    return base + sid(p.owner) + sid(p.group) + acl(p.sacl) + acl(p.dacl);
}

NTSTATUS RtlAbsoluteToSelfRelativeSD(PSECURITY_DESCRIPTOR absolute, PSECURITY_DESCRIPTOR to, PULONG length) {
    DescriptorParts p = partsOf(absolute);
    USHORT control = static_cast<PISECURITY_DESCRIPTOR>(absolute)->Control;
    ULONG needed = RtlLengthSecurityDescriptor(absolute);
    if (!(control & SE_SELF_RELATIVE)) {
        needed -= sizeof(SECURITY_DESCRIPTOR) - sizeof(SECURITY_DESCRIPTOR_RELATIVE);
    }
    if (*length < needed) {
        *length = needed;
        return STATUS_BUFFER_TOO_SMALL;
    }
    auto relative = static_cast<PISECURITY_DESCRIPTOR_RELATIVE>(to);
    std::memset(to, 0, needed);
    relative->Revision = SECURITY_DESCRIPTOR_REVISION;
    relative->Control = control | SE_SELF_RELATIVE;
    ULONG offset = sizeof *relative;
    auto put = [&](const void *part, ULONG size) -> ULONG {
        if (part == nullptr) {
            return 0;
        }
        std::memcpy(static_cast<char *>(to) + offset, part, size);
        ULONG at = offset;
        offset += (size + 3u) & ~3u;
        return at;
    };
    relative->Sacl = put(p.sacl, p.sacl != nullptr ? p.sacl->AclSize : 0);
    relative->Dacl = put(p.dacl, p.dacl != nullptr ? p.dacl->AclSize : 0);
    relative->Owner = put(p.owner, p.owner != nullptr ? RtlLengthSid(p.owner) : 0);
    relative->Group = put(p.group, p.group != nullptr ? RtlLengthSid(p.group) : 0);
    *length = needed;
    return STATUS_SUCCESS;
}

VOID RtlMapGenericMask(PACCESS_MASK mask, const GENERIC_MAPPING *mapping) {
    const struct {
        ULONG generic;
        ACCESS_MASK mapped;
    } kinds[] = {{GENERIC_READ, mapping->GenericRead},
                 {GENERIC_WRITE, mapping->GenericWrite},
                 {GENERIC_EXECUTE, mapping->GenericExecute},
                 {GENERIC_ALL, mapping->GenericAll}};
    for (auto &kind : kinds) {
        if (*mask & kind.generic) {
            *mask = (*mask & ~kind.generic) | kind.mapped;
        }
    }
}

} // extern "C"
