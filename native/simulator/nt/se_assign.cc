// SPDX-License-Identifier: MIT
//
// The descriptor of a new object, out of what its creator says, its parent's, and the creator's token.

#include "se_internal.h"

#include <cstring>

namespace nt {

// Kernel mode assigns whom it likes, as the services have it that check for their callers.
bool mayOwn(const AccessToken &token, PSID owner) {
    if (RtlEqualSid(owner, sidOf(token.user))) {
        return true;
    }
    for (const TokenGroup &group : token.groups) {
        if ((group.attributes & SE_GROUP_OWNER) && RtlEqualSid(owner, sidOf(group.sid))) {
            return true;
        }
    }
    return ExGetPreviousMode() == KernelMode || hasPrivilege(token, SE_RESTORE_PRIVILEGE);
}

namespace {

bool isLabel(UCHAR type) {
    return type == SYSTEM_MANDATORY_LABEL_ACE_TYPE;
}
bool isNoLabel(UCHAR type) {
    return !isLabel(type);
}

bool hasEntry(PACL acl, bool (*wanted)(UCHAR type)) {
    std::vector<UCHAR> found = emptyAcl();
    appendMatching(found, acl, wanted);
    return reinterpret_cast<PACL>(found.data())->AceCount != 0;
}

// Subjects below medium leave their level on what they make; else they could not write to it afterwards.
void addLabel(std::vector<UCHAR> &acl, ULONG integrity) {
    constexpr size_t start = offsetof(SYSTEM_MANDATORY_LABEL_ACE, SidStart);
    SID sid = {SID_REVISION, 1, {SECURITY_MANDATORY_LABEL_AUTHORITY}, {integrity}};
    std::vector<UCHAR> bytes(sizeof(ACL) + start + sizeof sid);
    auto list = reinterpret_cast<PACL>(bytes.data());
    *list = {ACL_REVISION, 0, static_cast<USHORT>(bytes.size()), 1, 0};
    auto ace = reinterpret_cast<PSYSTEM_MANDATORY_LABEL_ACE>(list + 1);
    ace->Header = {SYSTEM_MANDATORY_LABEL_ACE_TYPE, 0, static_cast<USHORT>(start + sizeof sid)};
    ace->Mask = SYSTEM_MANDATORY_LABEL_NO_WRITE_UP;
    std::memcpy(&ace->SidStart, &sid, sizeof sid);
    appendMatching(acl, list, nullptr);
}

struct Assignment {
    DescriptorParts parent = {}, wanted = {};
    USHORT parentControl = 0, wantedControl = 0;
    bool container;
    ULONG inherit;
    const AccessToken *token;
    const GENERIC_MAPPING *mapping;

    PSID owner = nullptr, group = nullptr;
    std::vector<UCHAR> dacl = {}, sacl = {};
    USHORT control = 0;

    NTSTATUS chooseOwner() {
        bool fromParent = (inherit & SEF_DEFAULT_OWNER_FROM_PARENT) && parent.owner != nullptr;
        owner = wanted.owner != nullptr ? wanted.owner : fromParent ? parent.owner : sidOf(token->owner);
        fromParent = (inherit & SEF_DEFAULT_GROUP_FROM_PARENT) && parent.group != nullptr;
        group = wanted.group != nullptr ? wanted.group : fromParent ? parent.group : sidOf(token->primaryGroup);
        bool check = wanted.owner != nullptr && !(inherit & SEF_AVOID_OWNER_CHECK);
        return !check || mayOwn(*token, owner) ? STATUS_SUCCESS : STATUS_INVALID_OWNER;
    }

    std::vector<UCHAR> inherited(PACL from, ULONG flag) const {
        return inheritAcl(from, container, (inherit & flag) != 0, owner, group, mapping);
    }

    void chooseDacl() {
        bool given = (wantedControl & SE_DACL_PRESENT) != 0;
        bool fallback = (wantedControl & SE_DACL_DEFAULTED) || (inherit & SEF_DEFAULT_DESCRIPTOR_FOR_OBJECT);
        control |= SE_DACL_PRESENT;
        std::vector<UCHAR> fromParent = inherited(parent.dacl, SEF_DACL_AUTO_INHERIT);
        bool heir = reinterpret_cast<PACL>(fromParent.data())->AceCount != 0;
        if (given && (!fallback || !heir)) {
            control |= wantedControl & SE_DACL_PROTECTED;
            // Present and NULL: everything is granted.
            if (wanted.dacl == nullptr) {
                return;
            }
            dacl = emptyAcl();
            appendMatching(dacl, wanted.dacl, nullptr);
            mapAcl(reinterpret_cast<PACL>(dacl.data()), mapping);
            if ((inherit & SEF_DACL_AUTO_INHERIT) && !(wantedControl & SE_DACL_PROTECTED)) {
                appendMatching(dacl, reinterpret_cast<PACL>(fromParent.data()), nullptr);
                control |= SE_DACL_AUTO_INHERITED;
            }
            return;
        }
        control |= inherit & SEF_DACL_AUTO_INHERIT ? SE_DACL_AUTO_INHERITED : 0;
        if (heir) {
            dacl = std::move(fromParent);
            return;
        }
        dacl = token->defaultDacl;
        mapAcl(reinterpret_cast<PACL>(dacl.data()), mapping);
        control |= SE_DACL_DEFAULTED;
    }

    NTSTATUS chooseSacl() {
        sacl = emptyAcl();
        std::vector<UCHAR> fromParent = inherited(parent.sacl, SEF_SACL_AUTO_INHERIT);
        if (wantedControl & SE_SACL_PRESENT) {
            bool audits = hasEntry(wanted.sacl, isNoLabel);
            if (audits && !(inherit & SEF_AVOID_PRIVILEGE_CHECK) && ExGetPreviousMode() == UserMode &&
                !hasPrivilege(*token, SE_SECURITY_PRIVILEGE)) {
                return STATUS_PRIVILEGE_NOT_HELD;
            }
            if (!mayLabel(*token, wanted.sacl)) {
                return STATUS_INVALID_LABEL;
            }
            appendMatching(sacl, wanted.sacl, nullptr);
            mapAcl(reinterpret_cast<PACL>(sacl.data()), mapping);
            control |= SE_SACL_PRESENT | (wantedControl & SE_SACL_PROTECTED);
        }
        if (!(control & SE_SACL_PROTECTED)) {
            bool auditsToo = !(wantedControl & SE_SACL_PRESENT) || (inherit & SEF_SACL_AUTO_INHERIT);
            appendMatching(sacl, reinterpret_cast<PACL>(fromParent.data()),
                           !auditsToo                       ? isLabel
                           : hasEntry(wanted.sacl, isLabel) ? isNoLabel
                                                            : nullptr);
            control |= inherit & SEF_SACL_AUTO_INHERIT ? SE_SACL_AUTO_INHERITED : 0;
        }
        auto list = reinterpret_cast<PACL>(sacl.data());
        if (token->integrity < SECURITY_MANDATORY_MEDIUM_RID && !hasEntry(list, isLabel)) {
            addLabel(sacl, token->integrity);
        }
        if (reinterpret_cast<PACL>(sacl.data())->AceCount != 0) {
            control |= SE_SACL_PRESENT;
        }
        return STATUS_SUCCESS;
    }
};

} // namespace

} // namespace nt

using namespace nt;

extern "C" {

NTSTATUS SeAssignSecurityEx(PSECURITY_DESCRIPTOR parent, PSECURITY_DESCRIPTOR wanted, PSECURITY_DESCRIPTOR *result,
                            GUID *, BOOLEAN container, ULONG inherit, PSECURITY_SUBJECT_CONTEXT subject,
                            PGENERIC_MAPPING mapping, POOL_TYPE pool) {
    requirePassive("SeAssignSecurity");
    *result = nullptr;
    Assignment made = {.container = container != FALSE,
                       .inherit = inherit,
                       .token = &tokenOf(SeQuerySubjectContextToken(subject)),
                       .mapping = mapping};
    if (parent != nullptr) {
        made.parent = partsOf(parent);
        made.parentControl = controlOf(parent);
    }
    if (wanted != nullptr) {
        made.wanted = partsOf(wanted);
        made.wantedControl = controlOf(wanted);
    }
    NTSTATUS status = made.chooseOwner();
    if (NT_SUCCESS(status)) {
        made.chooseDacl();
        status = made.chooseSacl();
    }
    if (!NT_SUCCESS(status)) {
        return status;
    }
    // The length of a list has 16 bits.
    if (made.dacl.size() > MAXUSHORT || made.sacl.size() > MAXUSHORT) {
        return STATUS_BAD_INHERITANCE_ACL;
    }
    DescriptorParts parts = {made.owner, made.group, nullptr, nullptr};
    parts.dacl = made.dacl.empty() ? nullptr : reinterpret_cast<PACL>(made.dacl.data());
    parts.sacl = made.control & SE_SACL_PRESENT ? reinterpret_cast<PACL>(made.sacl.data()) : nullptr;
    *result = makeDescriptor(parts, made.control, pool);
    return *result != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

// Inherited entries are marked as such if the parent's are.
NTSTATUS SeAssignSecurity(PSECURITY_DESCRIPTOR parent, PSECURITY_DESCRIPTOR wanted, PSECURITY_DESCRIPTOR *result,
                          BOOLEAN container, PSECURITY_SUBJECT_CONTEXT subject, PGENERIC_MAPPING mapping,
                          POOL_TYPE pool) {
    ULONG inherit = 0;
    if (parent != nullptr) {
        inherit |= controlOf(parent) & SE_DACL_AUTO_INHERITED ? SEF_DACL_AUTO_INHERIT : 0;
        inherit |= controlOf(parent) & SE_SACL_AUTO_INHERITED ? SEF_SACL_AUTO_INHERIT : 0;
    }
    return SeAssignSecurityEx(parent, wanted, result, nullptr, container, inherit, subject, mapping, pool);
}

NTSTATUS SeDeassignSecurity(PSECURITY_DESCRIPTOR *descriptor) {
    requirePassive("SeDeassignSecurity");
    if (*descriptor != nullptr) {
        ExFreePoolWithTag(*descriptor, kSecurityTag);
        *descriptor = nullptr;
    }
    return STATUS_SUCCESS;
}

} // extern "C"
