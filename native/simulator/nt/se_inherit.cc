// SPDX-License-Identifier: MIT
//
// Lists of new objects: what they inherit, and lists put together.

#include "se_internal.h"

#include <cstring>

namespace nt {

namespace {

constexpr UCHAR kInheritance = OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE | NO_PROPAGATE_INHERIT_ACE | INHERIT_ONLY_ACE;
constexpr ACCESS_MASK kGeneric = GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL;
constexpr size_t kSidStart = offsetof(ACCESS_ALLOWED_ACE, SidStart);

bool isPlain(UCHAR type) {
    return type <= SYSTEM_AUDIT_ACE_TYPE;
}

void append(std::vector<UCHAR> &acl, const void *ace, size_t size) {
    auto bytes = static_cast<const UCHAR *>(ace);
    acl.insert(acl.end(), bytes, bytes + size);
    auto header = reinterpret_cast<PACL>(acl.data());
    ++header->AceCount;
    header->AclSize = static_cast<USHORT>(acl.size());
}

bool isCreator(PSID sid, ULONG rid) {
    static const SID_IDENTIFIER_AUTHORITY authority = SECURITY_CREATOR_SID_AUTHORITY;
    auto id = static_cast<PISID>(sid);
    return id->SubAuthorityCount == 1 && id->SubAuthority[0] == rid &&
           std::memcmp(&id->IdentifierAuthority, &authority, sizeof authority) == 0;
}

// The entry as it counts for the new object itself: a creator becomes the owner or group, generic rights the type's.
void appendEffective(std::vector<UCHAR> &acl, PACCESS_ALLOWED_ACE from, UCHAR flags, PSID owner, PSID group,
                     const GENERIC_MAPPING *mapping) {
    std::vector<UCHAR> copy(reinterpret_cast<UCHAR *>(from), reinterpret_cast<UCHAR *>(from) + from->Header.AceSize);
    if (isPlain(from->Header.AceType)) {
        PSID sid = &from->SidStart;
        sid = owner != nullptr && isCreator(sid, SECURITY_CREATOR_OWNER_RID) ? owner : sid;
        sid = group != nullptr && isCreator(sid, SECURITY_CREATOR_GROUP_RID) ? group : sid;
        copy.resize(kSidStart);
        auto bytes = static_cast<UCHAR *>(sid);
        copy.insert(copy.end(), bytes, bytes + RtlLengthSid(sid));
    }
    auto ace = reinterpret_cast<PACCESS_ALLOWED_ACE>(copy.data());
    ace->Header.AceFlags = flags;
    ace->Header.AceSize = static_cast<USHORT>(copy.size());
    if (isPlain(ace->Header.AceType)) {
        RtlMapGenericMask(&ace->Mask, mapping);
    }
    append(acl, copy.data(), copy.size());
}

} // namespace

std::vector<UCHAR> emptyAcl() {
    std::vector<UCHAR> acl(sizeof(ACL));
    *reinterpret_cast<PACL>(acl.data()) = {ACL_REVISION, 0, sizeof(ACL), 0, 0};
    return acl;
}

std::vector<UCHAR> inheritAcl(PACL parent, bool container, bool mark, PSID owner, PSID group,
                              const GENERIC_MAPPING *mapping) {
    std::vector<UCHAR> acl = emptyAcl();
    for (ULONG i = 0; parent != nullptr && i < parent->AceCount; ++i) {
        PVOID at;
        if (!NT_SUCCESS(RtlGetAce(parent, i, &at))) {
            break;
        }
        auto ace = static_cast<PACCESS_ALLOWED_ACE>(at);
        UCHAR flags = ace->Header.AceFlags;
        bool applies = (flags & (container ? CONTAINER_INHERIT_ACE : OBJECT_INHERIT_ACE)) != 0;
        bool goesOn = container && (flags & (CONTAINER_INHERIT_ACE | OBJECT_INHERIT_ACE)) != 0 &&
                      !(flags & NO_PROPAGATE_INHERIT_ACE);
        auto kept = static_cast<UCHAR>((flags & ~(kInheritance | INHERITED_ACE)) | (mark ? INHERITED_ACE : 0));
        auto passed = static_cast<UCHAR>(kept | (flags & (CONTAINER_INHERIT_ACE | OBJECT_INHERIT_ACE)));
        bool changes = isPlain(ace->Header.AceType) &&
                       ((ace->Mask & kGeneric) != 0 || isCreator(&ace->SidStart, SECURITY_CREATOR_OWNER_RID) ||
                        isCreator(&ace->SidStart, SECURITY_CREATOR_GROUP_RID));
        // What does not stay as it is for the object is passed on by an entry of its own.
        bool split = goesOn && (changes || !applies);
        if (applies) {
            appendEffective(acl, ace, goesOn && !split ? passed : kept, owner, group, mapping);
        }
        if (split) {
            std::vector<UCHAR> copy(reinterpret_cast<UCHAR *>(ace),
                                    reinterpret_cast<UCHAR *>(ace) + ace->Header.AceSize);
            reinterpret_cast<PACE_HEADER>(copy.data())->AceFlags = passed | INHERIT_ONLY_ACE;
            append(acl, copy.data(), copy.size());
        }
    }
    if (parent != nullptr) {
        reinterpret_cast<PACL>(acl.data())->AclRevision = parent->AclRevision;
    }
    return acl;
}

void appendMatching(std::vector<UCHAR> &acl, PACL from, bool (*wanted)(UCHAR type)) {
    for (ULONG i = 0; from != nullptr && i < from->AceCount; ++i) {
        PVOID at;
        if (!NT_SUCCESS(RtlGetAce(from, i, &at))) {
            break;
        }
        auto ace = static_cast<PACE_HEADER>(at);
        if (wanted == nullptr || wanted(ace->AceType)) {
            append(acl, ace, ace->AceSize);
        }
        auto header = reinterpret_cast<PACL>(acl.data());
        header->AclRevision = std::max(header->AclRevision, from->AclRevision);
    }
}

void mapAcl(PACL acl, const GENERIC_MAPPING *mapping) {
    for (ULONG i = 0; i < acl->AceCount; ++i) {
        PVOID at;
        if (!NT_SUCCESS(RtlGetAce(acl, i, &at))) {
            break;
        }
        auto ace = static_cast<PACCESS_ALLOWED_ACE>(at);
        if (isPlain(ace->Header.AceType) && !(ace->Header.AceFlags & INHERIT_ONLY_ACE)) {
            RtlMapGenericMask(&ace->Mask, mapping);
        }
    }
}

} // namespace nt
