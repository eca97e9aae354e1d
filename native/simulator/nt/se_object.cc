// SPDX-License-Identifier: MIT
//
// Descriptors of existing objects, queried and set by parts; descriptors of callers, captured.

#include "se_internal.h"

#include <cstring>
#include <optional>

namespace nt {

PSECURITY_DESCRIPTOR makeDescriptor(const DescriptorParts &parts, USHORT control, POOL_TYPE pool) {
    SECURITY_DESCRIPTOR absolute = {SECURITY_DESCRIPTOR_REVISION,
                                    0,
                                    static_cast<USHORT>(control & ~SE_SELF_RELATIVE),
                                    parts.owner,
                                    parts.group,
                                    parts.sacl,
                                    parts.dacl};
    ULONG size = 0;
    RtlAbsoluteToSelfRelativeSD(&absolute, nullptr, &size);
    PSECURITY_DESCRIPTOR made = ExAllocatePoolWithTag(pool, size, kSecurityTag);
    if (made != nullptr) {
        RtlAbsoluteToSelfRelativeSD(&absolute, made, &size);
    }
    return made;
}

namespace {

bool isLabel(UCHAR type) {
    return type == SYSTEM_MANDATORY_LABEL_ACE_TYPE;
}
bool isNoLabel(UCHAR type) {
    return !isLabel(type);
}

constexpr USHORT kDaclBits = SE_DACL_PRESENT | SE_DACL_DEFAULTED | SE_DACL_PROTECTED | SE_DACL_AUTO_INHERITED;
constexpr USHORT kSaclBits = SE_SACL_PRESENT | SE_SACL_DEFAULTED | SE_SACL_PROTECTED | SE_SACL_AUTO_INHERITED;

// The label is an entry of the SACL, and asked for apart from it.
std::vector<UCHAR> selectSacl(PACL sacl, SECURITY_INFORMATION information) {
    std::vector<UCHAR> selected = emptyAcl();
    if (information & SACL_SECURITY_INFORMATION) {
        appendMatching(selected, sacl, isNoLabel);
    }
    if (information & LABEL_SECURITY_INFORMATION) {
        appendMatching(selected, sacl, isLabel);
    }
    return selected;
}

// The bits that say how a list came about, as a new descriptor of the object has them.
USHORT listControl(SECURITY_INFORMATION information, USHORT given, bool dacl) {
    USHORT present = dacl ? SE_DACL_PRESENT : SE_SACL_PRESENT;
    USHORT safe = dacl ? SE_DACL_PROTECTED : SE_SACL_PROTECTED;
    USHORT request = dacl ? SE_DACL_AUTO_INHERIT_REQ : SE_SACL_AUTO_INHERIT_REQ;
    USHORT inherited = dacl ? SE_DACL_AUTO_INHERITED : SE_SACL_AUTO_INHERITED;
    SECURITY_INFORMATION set = dacl ? PROTECTED_DACL_SECURITY_INFORMATION : PROTECTED_SACL_SECURITY_INFORMATION;
    SECURITY_INFORMATION clear = dacl ? UNPROTECTED_DACL_SECURITY_INFORMATION : UNPROTECTED_SACL_SECURITY_INFORMATION;
    USHORT control = present | (given & safe);
    control |= information & set ? safe : 0;
    control &= static_cast<USHORT>(information & clear ? ~safe : ~0);
    // That a list was inherited is believed only of who asks for it.
    control |= (given & request) && (given & inherited) ? inherited : 0;
    return control;
}

// What the caller may not set, whatever right its handle has.
NTSTATUS checkSubject(SECURITY_INFORMATION information, const DescriptorParts &given) {
    SECURITY_SUBJECT_CONTEXT subject;
    SeCaptureSubjectContext(&subject);
    const AccessToken &token = tokenOf(SeQuerySubjectContextToken(&subject));
    NTSTATUS status = STATUS_SUCCESS;
    if ((information & OWNER_SECURITY_INFORMATION) && (given.owner == nullptr || !mayOwn(token, given.owner))) {
        status = STATUS_INVALID_OWNER;
    } else if ((information & LABEL_SECURITY_INFORMATION) && !mayLabel(token, given.sacl)) {
        status = STATUS_INVALID_LABEL;
    }
    SeReleaseSubjectContext(&subject);
    return status;
}

std::vector<UCHAR> readSid(const void *from, KPROCESSOR_MODE mode, NTSTATUS *status) {
    UCHAR start[offsetof(SID, SubAuthority)];
    *status = STATUS_ACCESS_VIOLATION;
    if (!readCaller(start, from, sizeof start, mode)) {
        return {};
    }
    if (!RtlValidSid(start)) {
        *status = STATUS_INVALID_SID;
        return {};
    }
    std::vector<UCHAR> sid(RtlLengthSid(start));
    if (!readCaller(sid.data(), from, sid.size(), mode)) {
        return {};
    }
    // It may have changed between the two reads.
    std::memcpy(sid.data(), start, sizeof start);
    *status = STATUS_SUCCESS;
    return sid;
}

std::vector<UCHAR> readAcl(const void *from, KPROCESSOR_MODE mode, NTSTATUS *status) {
    ACL start;
    *status = STATUS_ACCESS_VIOLATION;
    if (!readCaller(&start, from, sizeof start, mode)) {
        return {};
    }
    std::vector<UCHAR> acl(std::max<size_t>(start.AclSize, sizeof start));
    if (!readCaller(acl.data(), from, acl.size(), mode)) {
        return {};
    }
    std::memcpy(acl.data(), &start, sizeof start);
    *status = validAcl(reinterpret_cast<PACL>(acl.data())) ? STATUS_SUCCESS : STATUS_INVALID_ACL;
    return acl;
}

// Reads the two forms of header. Offsets of a self-relative one are the caller's, who may point with them wherever the
// caller may read.
NTSTATUS readHeader(PSECURITY_DESCRIPTOR from, KPROCESSOR_MODE mode, USHORT *control, DescriptorParts *parts) {
    SECURITY_DESCRIPTOR_RELATIVE start;
    if (!readCaller(&start, from, sizeof start, mode)) {
        return STATUS_ACCESS_VIOLATION;
    }
    if (start.Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    *control = start.Control;
    if (start.Control & SE_SELF_RELATIVE) {
        auto at = [from](ULONG offset) -> PVOID { return offset != 0 ? static_cast<UCHAR *>(from) + offset : nullptr; };
        *parts = {at(start.Owner), at(start.Group), static_cast<PACL>(at(start.Sacl)),
                  static_cast<PACL>(at(start.Dacl))};
    } else {
        SECURITY_DESCRIPTOR absolute;
        if (!readCaller(&absolute, from, sizeof absolute, mode)) {
            return STATUS_ACCESS_VIOLATION;
        }
        *parts = {absolute.Owner, absolute.Group, absolute.Sacl, absolute.Dacl};
    }
    parts->sacl = start.Control & SE_SACL_PRESENT ? parts->sacl : nullptr;
    parts->dacl = start.Control & SE_DACL_PRESENT ? parts->dacl : nullptr;
    return STATUS_SUCCESS;
}

} // namespace

} // namespace nt

using namespace nt;

extern "C" {

NTSTATUS SeCaptureSecurityDescriptor(PSECURITY_DESCRIPTOR from, KPROCESSOR_MODE mode, POOL_TYPE pool, BOOLEAN always,
                                     PSECURITY_DESCRIPTOR *captured) {
    requirePassive("SeCaptureSecurityDescriptor");
    *captured = nullptr;
    if (from == nullptr || (mode == KernelMode && !always)) {
        *captured = from;
        return STATUS_SUCCESS;
    }
    USHORT control;
    DescriptorParts at;
    NTSTATUS status = readHeader(from, mode, &control, &at);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    std::vector<UCHAR> owner, group, sacl, dacl;
    DescriptorParts parts = {};
    if (at.owner != nullptr && NT_SUCCESS(status)) {
        owner = readSid(at.owner, mode, &status);
        parts.owner = owner.data();
    }
    if (at.group != nullptr && NT_SUCCESS(status)) {
        group = readSid(at.group, mode, &status);
        parts.group = group.data();
    }
    if (at.sacl != nullptr && NT_SUCCESS(status)) {
        sacl = readAcl(at.sacl, mode, &status);
        parts.sacl = reinterpret_cast<PACL>(sacl.data());
    }
    if (at.dacl != nullptr && NT_SUCCESS(status)) {
        dacl = readAcl(at.dacl, mode, &status);
        parts.dacl = reinterpret_cast<PACL>(dacl.data());
    }
    if (NT_SUCCESS(status)) {
        *captured = makeDescriptor(parts, control, pool);
        status = *captured != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
    }
    return status;
}

NTSTATUS SeReleaseSecurityDescriptor(PSECURITY_DESCRIPTOR captured, KPROCESSOR_MODE mode, BOOLEAN always) {
    requirePassive("SeReleaseSecurityDescriptor");
    if (captured != nullptr && (mode == UserMode || always)) {
        ExFreePoolWithTag(captured, kSecurityTag);
    }
    return STATUS_SUCCESS;
}

NTSTATUS SeQuerySecurityDescriptorInfo(PSECURITY_INFORMATION wanted, PSECURITY_DESCRIPTOR to, PULONG length,
                                       PSECURITY_DESCRIPTOR *object) {
    requirePassive("SeQuerySecurityDescriptorInfo");
    SECURITY_INFORMATION information = *wanted;
    SECURITY_DESCRIPTOR answer = {SECURITY_DESCRIPTOR_REVISION, 0, 0, nullptr, nullptr, nullptr, nullptr};
    std::vector<UCHAR> sacl;
    if (*object != nullptr) {
        DescriptorParts parts = partsOf(*object);
        USHORT control = controlOf(*object);
        answer.Owner = information & OWNER_SECURITY_INFORMATION ? parts.owner : nullptr;
        answer.Group = information & GROUP_SECURITY_INFORMATION ? parts.group : nullptr;
        answer.Control |= answer.Owner != nullptr ? control & SE_OWNER_DEFAULTED : 0;
        answer.Control |= answer.Group != nullptr ? control & SE_GROUP_DEFAULTED : 0;
        if (information & DACL_SECURITY_INFORMATION) {
            answer.Dacl = parts.dacl;
            answer.Control |= control & kDaclBits;
        }
        if (information & (SACL_SECURITY_INFORMATION | LABEL_SECURITY_INFORMATION)) {
            answer.Control |= control & kSaclBits;
            sacl = selectSacl(parts.sacl, information);
            answer.Sacl = parts.sacl != nullptr ? reinterpret_cast<PACL>(sacl.data()) : nullptr;
        }
    }
    ULONG needed = 0, room = *length;
    RtlAbsoluteToSelfRelativeSD(&answer, nullptr, &needed);
    *length = needed;
    if (room < needed) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    std::vector<UCHAR> bytes(needed);
    RtlAbsoluteToSelfRelativeSD(&answer, bytes.data(), &needed);
    return tryWrite(to, bytes.data(), needed) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

NTSTATUS SeSetSecurityDescriptorInfo(PVOID, PSECURITY_INFORMATION wanted, PSECURITY_DESCRIPTOR modification,
                                     PSECURITY_DESCRIPTOR *object, POOL_TYPE pool, PGENERIC_MAPPING mapping) {
    requirePassive("SeSetSecurityDescriptorInfo");
    if (*object == nullptr) {
        return STATUS_NO_SECURITY_ON_OBJECT;
    }
    SECURITY_INFORMATION information = *wanted;
    DescriptorParts parts = partsOf(*object), given = partsOf(modification);
    USHORT control = controlOf(*object), givenControl = controlOf(modification);
    NTSTATUS status = checkSubject(information, given);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (information & OWNER_SECURITY_INFORMATION) {
        parts.owner = given.owner;
        control &= static_cast<USHORT>(~SE_OWNER_DEFAULTED);
    }
    if (information & GROUP_SECURITY_INFORMATION) {
        if (given.group == nullptr) {
            return STATUS_INVALID_PRIMARY_GROUP;
        }
        parts.group = given.group;
        control &= static_cast<USHORT>(~SE_GROUP_DEFAULTED);
    }
    std::vector<UCHAR> dacl, sacl;
    if (information & DACL_SECURITY_INFORMATION) {
        control = static_cast<USHORT>((control & ~kDaclBits) | listControl(information, givenControl, true));
        parts.dacl = nullptr;
        if (given.dacl != nullptr) {
            dacl = emptyAcl();
            appendMatching(dacl, given.dacl, nullptr);
            parts.dacl = reinterpret_cast<PACL>(dacl.data());
            mapAcl(parts.dacl, mapping);
        }
    }
    if (information & (SACL_SECURITY_INFORMATION | LABEL_SECURITY_INFORMATION)) {
        constexpr SECURITY_INFORMATION both = SACL_SECURITY_INFORMATION | LABEL_SECURITY_INFORMATION;
        sacl = selectSacl(given.sacl, information);
        std::vector<UCHAR> kept = selectSacl(parts.sacl, both & ~information);
        appendMatching(sacl, reinterpret_cast<PACL>(kept.data()), nullptr);
        control = static_cast<USHORT>((control & ~kSaclBits) | listControl(information, givenControl, false));
        parts.sacl = reinterpret_cast<PACL>(sacl.data());
        mapAcl(parts.sacl, mapping);
    }
    if (dacl.size() > MAXUSHORT || sacl.size() > MAXUSHORT) {
        return STATUS_INVALID_ACL;
    }
    PSECURITY_DESCRIPTOR made = makeDescriptor(parts, control, pool);
    if (made == nullptr) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *object = made;
    return STATUS_SUCCESS;
}

} // extern "C"
