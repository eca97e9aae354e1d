// SPDX-License-Identifier: MIT
//
// SIDs and access control lists.

#include "se_internal.h"

#include <algorithm>
#include <cstring>

namespace {

constexpr size_t kSidHeader = offsetof(SID, SubAuthority);

} // namespace

namespace nt {

// Entries of the known kinds that end in a SID must have room for it.
static bool validEntry(PACE_HEADER header) {
    if (header->AceType > SYSTEM_AUDIT_ACE_TYPE && header->AceType != SYSTEM_MANDATORY_LABEL_ACE_TYPE) {
        return true;
    }
    constexpr size_t start = offsetof(ACCESS_ALLOWED_ACE, SidStart);
    if (header->AceSize < start + kSidHeader || header->AceSize % sizeof(ULONG) != 0) {
        return false;
    }
    PSID sid = &reinterpret_cast<PACCESS_ALLOWED_ACE>(header)->SidStart;
    return RtlValidSid(sid) && start + RtlLengthSid(sid) <= header->AceSize;
}

bool validAcl(PACL acl) {
    if (acl->AclRevision < ACL_REVISION || acl->AclRevision > ACL_REVISION_DS || acl->AclSize < sizeof(ACL)) {
        return false;
    }
    size_t offset = sizeof(ACL);
    for (USHORT i = 0; i < acl->AceCount; ++i) {
        auto ace = reinterpret_cast<PACE_HEADER>(reinterpret_cast<char *>(acl) + offset);
        if (acl->AclSize - offset < sizeof(ACE_HEADER) || ace->AceSize < sizeof(ACE_HEADER) ||
            ace->AceSize > acl->AclSize - offset || !validEntry(ace)) {
            return false;
        }
        offset += ace->AceSize;
    }
    return true;
}

static size_t usedBytes(PACL acl, ULONG entries) {
    size_t offset = sizeof(ACL);
    for (ULONG i = 0; i < entries; ++i) {
        offset += reinterpret_cast<PACE_HEADER>(reinterpret_cast<char *>(acl) + offset)->AceSize;
    }
    return offset;
}

static NTSTATUS addEntry(PACL acl, ULONG revision, UCHAR type, ULONG flags, ACCESS_MASK mask, PSID sid) {
    if (!RtlValidSid(sid)) {
        return STATUS_INVALID_SID;
    }
    if (!validAcl(acl)) {
        return STATUS_INVALID_ACL;
    }
    if (revision > ACL_REVISION_DS) {
        return STATUS_REVISION_MISMATCH;
    }
    if ((flags & ~VALID_INHERIT_FLAGS) != 0) {
        return STATUS_INVALID_PARAMETER;
    }
    size_t offset = usedBytes(acl, acl->AceCount);
    size_t size = offsetof(ACCESS_ALLOWED_ACE, SidStart) + RtlLengthSid(sid);
    if (size > acl->AclSize - offset) {
        return STATUS_ALLOTTED_SPACE_EXCEEDED;
    }
    auto ace = reinterpret_cast<PACCESS_ALLOWED_ACE>(reinterpret_cast<char *>(acl) + offset);
    ace->Header = {type, static_cast<UCHAR>(flags), static_cast<USHORT>(size)};
    ace->Mask = mask;
    std::memcpy(&ace->SidStart, sid, RtlLengthSid(sid));
    ++acl->AceCount;
    return STATUS_SUCCESS;
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

PUCHAR RtlSubAuthorityCountSid(PSID sid) {
    return &static_cast<PISID>(sid)->SubAuthorityCount;
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
    return addEntry(acl, revision, ACCESS_ALLOWED_ACE_TYPE, flags, mask, sid);
}
NTSTATUS RtlAddAccessAllowedAce(PACL acl, ULONG revision, ACCESS_MASK mask, PSID sid) {
    return addEntry(acl, revision, ACCESS_ALLOWED_ACE_TYPE, 0, mask, sid);
}
NTSTATUS RtlAddAccessDeniedAceEx(PACL acl, ULONG revision, ULONG flags, ACCESS_MASK mask, PSID sid) {
    return addEntry(acl, revision, ACCESS_DENIED_ACE_TYPE, flags, mask, sid);
}
NTSTATUS RtlAddAccessDeniedAce(PACL acl, ULONG revision, ACCESS_MASK mask, PSID sid) {
    return addEntry(acl, revision, ACCESS_DENIED_ACE_TYPE, 0, mask, sid);
}

NTSTATUS RtlAddAce(PACL acl, ULONG revision, ULONG index, PVOID entries, ULONG length) {
    USHORT count = 0;
    size_t end = length;
    for (size_t offset = 0; offset < end; ++count) {
        auto ace = reinterpret_cast<PACE_HEADER>(static_cast<char *>(entries) + offset);
        if (end - offset < sizeof(ACE_HEADER) || ace->AceSize < sizeof(ACE_HEADER) || ace->AceSize > end - offset) {
            return STATUS_INVALID_PARAMETER;
        }
        offset += ace->AceSize;
    }
    if (!validAcl(acl) || revision < ACL_REVISION || revision > ACL_REVISION_DS) {
        return STATUS_INVALID_PARAMETER;
    }
    size_t used = usedBytes(acl, acl->AceCount);
    if (length > acl->AclSize - used) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    size_t at = usedBytes(acl, std::min<ULONG>(index, acl->AceCount));
    char *bytes = reinterpret_cast<char *>(acl);
    std::memmove(bytes + at + length, bytes + at, used - at);
    std::memcpy(bytes + at, entries, length);
    acl->AceCount = static_cast<USHORT>(acl->AceCount + count);
    acl->AclRevision = std::max(acl->AclRevision, static_cast<UCHAR>(revision));
    return STATUS_SUCCESS;
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

} // extern "C"
