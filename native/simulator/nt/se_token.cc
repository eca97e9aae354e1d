// SPDX-License-Identifier: MIT
//
// Tokens: who a process is, or whom a thread impersonates.

#include "se_internal.h"

#include <charconv>
#include <cstring>
#include <new>

namespace nt {

static SidBytes makeSid(UCHAR authority, std::initializer_list<ULONG> parts) {
    SidBytes sid(RtlLengthRequiredSid(static_cast<ULONG>(parts.size())));
    SID_IDENTIFIER_AUTHORITY id = {{0, 0, 0, 0, 0, authority}};
    RtlInitializeSid(sid.data(), &id, static_cast<UCHAR>(parts.size()));
    ULONG index = 0;
    for (ULONG part : parts) {
        *RtlSubAuthoritySid(sid.data(), index++) = part;
    }
    return sid;
}

SidBytes parseSid(std::string_view text) {
    if (!text.starts_with("S-1-")) {
        return {};
    }
    std::vector<uint64_t> numbers;
    const char *at = text.data() + 4, *end = text.data() + text.size();
    for (;;) {
        uint64_t number;
        auto [next, error] = std::from_chars(at, end, number);
        // The authority has 48 bits, what follows 32.
        if (error != std::errc() || number >> (numbers.empty() ? 48 : 32) != 0) {
            return {};
        }
        numbers.push_back(number);
        if (next == end) {
            break;
        }
        if (*next != '-') {
            return {};
        }
        at = next + 1;
    }
    size_t count = numbers.size() - 1;
    if (count == 0 || count > SID_MAX_SUB_AUTHORITIES) {
        return {};
    }
    SidBytes sid(RtlLengthRequiredSid(static_cast<ULONG>(count)));
    SID_IDENTIFIER_AUTHORITY authority;
    for (int i = 0; i < 6; ++i) {
        authority.Value[i] = static_cast<UCHAR>(numbers[0] >> (8 * (5 - i)));
    }
    RtlInitializeSid(sid.data(), &authority, static_cast<UCHAR>(count));
    for (size_t i = 0; i < count; ++i) {
        *RtlSubAuthoritySid(sid.data(), static_cast<ULONG>(i)) = static_cast<ULONG>(numbers[i + 1]);
    }
    return sid;
}

static std::vector<UCHAR> grantAll(std::initializer_list<const SidBytes *> sids) {
    size_t size = sizeof(ACL);
    for (const SidBytes *sid : sids) {
        size += offsetof(ACCESS_ALLOWED_ACE, SidStart) + sid->size();
    }
    std::vector<UCHAR> acl(size);
    auto list = reinterpret_cast<PACL>(acl.data());
    RtlCreateAcl(list, static_cast<ULONG>(size), ACL_REVISION);
    for (const SidBytes *sid : sids) {
        RtlAddAccessAllowedAce(list, ACL_REVISION, GENERIC_ALL, sidOf(*sid));
    }
    return acl;
}

// The group that accounts of a domain or of a machine have; other users have none but themselves.
static SidBytes primaryGroupOf(const SidBytes &user) {
    constexpr ULONG kDomainUsers = 513, kNonUnique = 21;
    auto sid = reinterpret_cast<PISID>(sidOf(user));
    SidBytes group = user;
    if (sid->SubAuthorityCount == 5 && sid->SubAuthority[0] == kNonUnique) {
        *RtlSubAuthoritySid(group.data(), 4) = kDomainUsers;
    }
    return group;
}

PACCESS_TOKEN createToken(const TokenFacts &facts, TOKEN_TYPE type, SECURITY_IMPERSONATION_LEVEL level) {
    SidBytes user = parseSid(facts.user);
    if (user.empty()) {
        return nullptr;
    }
    constexpr ULONG on = SE_GROUP_MANDATORY | SE_GROUP_ENABLED_BY_DEFAULT | SE_GROUP_ENABLED;
    const SidBytes system = makeSid(5, {SECURITY_LOCAL_SYSTEM_RID});
    const SidBytes administrators = makeSid(5, {SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS});
    bool isSystem = user == system;
    bool administers = facts.elevated || isSystem;

    auto token = new (SimCreateObject(*SeTokenObjectType)) AccessToken;
    token->user = user;
    token->primaryGroup = primaryGroupOf(user);
    token->groups.push_back({makeSid(1, {SECURITY_WORLD_RID}), on});
    token->groups.push_back({makeSid(2, {0}), on});
    token->groups.push_back({makeSid(5, {SECURITY_AUTHENTICATED_USER_RID}), on});
    if (!isSystem) {
        token->groups.push_back({makeSid(5, {SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_USERS}), on});
    }
    // An administrator who is not elevated has the group for deny entries only.
    token->groups.push_back({administrators, administers ? on | SE_GROUP_OWNER : SE_GROUP_USE_FOR_DENY_ONLY});
    token->groups.push_back({makeSid(16, {facts.integrity}), SE_GROUP_INTEGRITY | SE_GROUP_INTEGRITY_ENABLED});
    token->owner = administers ? administrators : user;
    token->defaultDacl = administers && !isSystem ? grantAll({&administrators, &system}) : grantAll({&user, &system});
    token->privileges = {SE_CHANGE_NOTIFY_PRIVILEGE};
    if (administers) {
        token->privileges = {SE_SECURITY_PRIVILEGE,      SE_TAKE_OWNERSHIP_PRIVILEGE, SE_LOAD_DRIVER_PRIVILEGE,
                             SE_BACKUP_PRIVILEGE,        SE_RESTORE_PRIVILEGE,        SE_DEBUG_PRIVILEGE,
                             SE_CHANGE_NOTIFY_PRIVILEGE, SE_IMPERSONATE_PRIVILEGE};
    }
    token->integrity = facts.integrity;
    token->elevated = administers;
    token->session = facts.session;
    token->type = type;
    token->level = level;
    return token;
}

bool isEnabledIn(const AccessToken &token, PSID sid) {
    if (RtlEqualSid(sid, sidOf(token.user))) {
        return true;
    }
    for (const TokenGroup &group : token.groups) {
        if ((group.attributes & SE_GROUP_ENABLED) && RtlEqualSid(sid, sidOf(group.sid))) {
            return true;
        }
    }
    return false;
}

bool hasPrivilege(const AccessToken &token, ULONG privilege) {
    return std::find(token.privileges.begin(), token.privileges.end(), privilege) != token.privileges.end();
}

static void deleteTokenBody(PVOID object) {
    static_cast<AccessToken *>(object)->~AccessToken();
}

static SIM_OBJECT_TYPE_INITIALIZER makeTokenType() {
    SIM_OBJECT_TYPE_INITIALIZER info = {};
    info.Name = "Token";
    info.BodySize = sizeof(AccessToken);
    info.ValidAccess = TOKEN_ALL_ACCESS;
    info.Mapping = {READ_CONTROL | TOKEN_QUERY | TOKEN_QUERY_SOURCE | TOKEN_DUPLICATE,
                    READ_CONTROL | TOKEN_ADJUST_PRIVILEGES | TOKEN_ADJUST_GROUPS | TOKEN_ADJUST_DEFAULT,
                    READ_CONTROL | TOKEN_IMPERSONATE, TOKEN_ALL_ACCESS};
    info.Delete = deleteTokenBody;
    return info;
}
const SIM_OBJECT_TYPE_INITIALIZER tokenTypeInitializer = makeTokenType();

// Structure, then the SIDs that it points to, in one block.
class InformationBlock {
  public:
    InformationBlock(size_t structure, size_t behind) : next_((structure + 3) & ~size_t{3}) {
        block_ = static_cast<UCHAR *>(ExAllocatePoolWithTag(PagedPool, next_ + behind, kTokenTag));
    }
    explicit operator bool() const { return block_ != nullptr; }
    template <typename T> T *as() { return reinterpret_cast<T *>(block_); }
    PSID put(const SidBytes &sid) {
        PSID at = block_ + next_;
        std::memcpy(at, sid.data(), sid.size());
        next_ += sid.size();
        return at;
    }

  private:
    UCHAR *block_;
    size_t next_;
};

template <typename T> static NTSTATUS giveSimple(T value, PVOID *result) {
    InformationBlock block(sizeof(T), 0);
    if (!block) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *block.as<T>() = value;
    *result = block.as<void>();
    return STATUS_SUCCESS;
}

// TOKEN_OWNER and TOKEN_PRIMARY_GROUP are one pointer; TOKEN_USER has attributes, 0, behind it.
static NTSTATUS giveSid(const SidBytes &sid, size_t structure, PVOID *result) {
    InformationBlock block(structure, sid.size());
    if (!block) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    std::memset(block.as<void>(), 0, structure);
    *block.as<PSID>() = block.put(sid);
    *result = block.as<void>();
    return STATUS_SUCCESS;
}

static NTSTATUS giveGroups(const AccessToken &token, PVOID *result) {
    size_t sids = 0;
    for (const TokenGroup &group : token.groups) {
        sids += group.sid.size();
    }
    InformationBlock block(offsetof(TOKEN_GROUPS, Groups) + token.groups.size() * sizeof(SID_AND_ATTRIBUTES), sids);
    if (!block) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    auto groups = block.as<TOKEN_GROUPS>();
    groups->GroupCount = 0;
    for (const TokenGroup &group : token.groups) {
        groups->Groups[groups->GroupCount++] = {block.put(group.sid), group.attributes};
    }
    *result = groups;
    return STATUS_SUCCESS;
}

static NTSTATUS givePrivileges(const AccessToken &token, PVOID *result) {
    InformationBlock block(
        offsetof(TOKEN_PRIVILEGES, Privileges) + token.privileges.size() * sizeof(LUID_AND_ATTRIBUTES), 0);
    if (!block) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    auto privileges = block.as<TOKEN_PRIVILEGES>();
    privileges->PrivilegeCount = 0;
    for (ULONG privilege : token.privileges) {
        privileges->Privileges[privileges->PrivilegeCount++] = {RtlConvertLongToLuid(static_cast<LONG>(privilege)),
                                                                SE_PRIVILEGE_ENABLED | SE_PRIVILEGE_ENABLED_BY_DEFAULT};
    }
    *result = privileges;
    return STATUS_SUCCESS;
}

static const AccessToken &checked(PACCESS_TOKEN token, const char *routine) {
    if (ObGetObjectType(token) != *SeTokenObjectType) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, reinterpret_cast<ULONG_PTR>(token), 0, 0, 0, "%s: %p is no token.",
                 routine, token);
    }
    return tokenOf(token);
}

} // namespace nt

using namespace nt;

extern "C" {

NTSTATUS SeQueryInformationToken(PACCESS_TOKEN handle, TOKEN_INFORMATION_CLASS type, PVOID *result) {
    requireIrql(PASSIVE_LEVEL, "SeQueryInformationToken");
    const AccessToken &token = checked(handle, "SeQueryInformationToken");
    switch (type) {
    case TokenUser:
        return giveSid(token.user, sizeof(TOKEN_USER), result);
    case TokenOwner:
        return giveSid(token.owner, sizeof(TOKEN_OWNER), result);
    case TokenPrimaryGroup:
        return giveSid(token.primaryGroup, sizeof(TOKEN_PRIMARY_GROUP), result);
    case TokenGroups:
        return giveGroups(token, result);
    case TokenPrivileges:
        return givePrivileges(token, result);
    case TokenType:
        return giveSimple(token.type, result);
    case TokenImpersonationLevel:
        return token.type == TokenImpersonation ? giveSimple(token.level, result) : STATUS_INVALID_INFO_CLASS;
    case TokenElevation:
        return giveSimple(TOKEN_ELEVATION{token.elevated ? 1u : 0u}, result);
    // Only these 32 bits are written, not the whole pointer.
    case TokenSessionId:
        *reinterpret_cast<PULONG>(result) = token.session;
        return STATUS_SUCCESS;
    case TokenIntegrityLevel:
        *reinterpret_cast<PULONG>(result) = token.integrity;
        return STATUS_SUCCESS;
    case TokenIsAppContainer:
        *reinterpret_cast<PULONG>(result) = 0;
        return STATUS_SUCCESS;
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}

NTSTATUS SeQuerySessionIdToken(PACCESS_TOKEN token, PULONG session) {
    requireIrql(PASSIVE_LEVEL, "SeQuerySessionIdToken");
    *session = checked(token, "SeQuerySessionIdToken").session;
    return STATUS_SUCCESS;
}

BOOLEAN SeTokenIsAdmin(PACCESS_TOKEN token) {
    requireIrql(PASSIVE_LEVEL, "SeTokenIsAdmin");
    return isEnabledIn(checked(token, "SeTokenIsAdmin"), SeExports->SeAliasAdminsSid);
}

TOKEN_TYPE SeTokenType(PACCESS_TOKEN token) {
    return checked(token, "SeTokenType").type;
}

SECURITY_IMPERSONATION_LEVEL SeTokenImpersonationLevel(PACCESS_TOKEN token) {
    return checked(token, "SeTokenImpersonationLevel").level;
}

} // extern "C"
