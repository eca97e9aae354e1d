// SPDX-License-Identifier: MIT
//
// Who a simulated process is, and what a descriptor grants it.

#include "kernel.h"

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
KnownSid localSystem = make(5, 1, SECURITY_LOCAL_SYSTEM_RID);
KnownSid administrators = make(5, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS);
KnownSid users = make(5, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_USERS);
KnownSid authenticated = make(5, 1, SECURITY_AUTHENTICATED_USER_RID);

SE_EXPORTS exports = {&nullSid.sid,        &world.sid, &localUsers.sid,   &localSystem.sid,
                      &administrators.sid, &users.sid, &authenticated.sid};

enum class Match { None, DenyOnly, Full };

// Administrators who are not elevated have the group for deny entries only.
Match member(nt::Token token, PSID sid) {
    auto is = [sid](KnownSid &known) { return RtlEqualSid(sid, &known.sid) != FALSE; };
    if (is(world) || is(authenticated) || is(localUsers)) {
        return Match::Full;
    }
    if (is(administrators)) {
        return token == nt::Token::Limited ? Match::DenyOnly : Match::Full;
    }
    if (is(localSystem)) {
        return token == nt::Token::System ? Match::Full : Match::None;
    }
    return is(users) && token != nt::Token::System ? Match::Full : Match::None;
}

} // namespace

namespace nt {

void initializeSecurity() {
    SeExports = &exports;
}

NTSTATUS accessCheck(PSECURITY_DESCRIPTOR descriptor, Token token, ACCESS_MASK desired, const GENERIC_MAPPING *mapping,
                     ACCESS_MASK *granted) {
    RtlMapGenericMask(&desired, mapping);
    bool maximum = (desired & MAXIMUM_ALLOWED) != 0;
    ACCESS_MASK wanted = desired & ~MAXIMUM_ALLOWED;
    BOOLEAN present = FALSE, defaulted;
    PACL dacl = nullptr;
    RtlGetDaclSecurityDescriptor(descriptor, &present, &dacl, &defaulted);
    // No list at all grants everything, an empty one nothing.
    if (!present || dacl == nullptr) {
        *granted = wanted | (maximum ? mapping->GenericAll : 0);
        return STATUS_SUCCESS;
    }
    ACCESS_MASK allowed = 0, denied = 0;
    for (ULONG i = 0; i < dacl->AceCount; ++i) {
        PVOID entry;
        if (!NT_SUCCESS(RtlGetAce(dacl, i, &entry))) {
            return STATUS_INVALID_ACL;
        }
        auto ace = static_cast<PACCESS_ALLOWED_ACE>(entry);
        if (ace->Header.AceFlags & INHERIT_ONLY_ACE) {
            continue;
        }
        ACCESS_MASK mask = ace->Mask;
        RtlMapGenericMask(&mask, mapping);
        Match match = member(token, reinterpret_cast<char *>(ace) + offsetof(ACCESS_ALLOWED_ACE, SidStart));
        if (ace->Header.AceType == ACCESS_ALLOWED_ACE_TYPE && match == Match::Full) {
            allowed |= mask & ~denied;
        } else if (ace->Header.AceType == ACCESS_DENIED_ACE_TYPE && match != Match::None) {
            denied |= mask & ~allowed;
        }
    }
    if ((wanted & ~allowed) != 0 || (maximum && allowed == 0)) {
        return STATUS_ACCESS_DENIED;
    }
    *granted = maximum ? allowed : wanted;
    return STATUS_SUCCESS;
}

} // namespace nt

extern "C" {
PSE_EXPORTS SeExports = &exports;
}
