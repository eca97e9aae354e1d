// SPDX-License-Identifier: MIT
//
// Security descriptors in both forms.

#include "se_internal.h"

#include <cstring>

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

template <typename T>
static NTSTATUS setPart(PSECURITY_DESCRIPTOR descriptor, T SECURITY_DESCRIPTOR::*part, T value, int present,
                        int defaulted, int bits) {
    auto absolute = static_cast<PISECURITY_DESCRIPTOR>(descriptor);
    if (absolute->Control & SE_SELF_RELATIVE) {
        return STATUS_INVALID_SECURITY_DESCR;
    }
    absolute->Control = static_cast<USHORT>((absolute->Control & ~bits) | present | defaulted);
    absolute->*part = value;
    return STATUS_SUCCESS;
}

} // namespace nt

using namespace nt;

extern "C" {

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

BOOLEAN RtlValidRelativeSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, ULONG length,
                                           SECURITY_INFORMATION required) {
    auto relative = static_cast<PISECURITY_DESCRIPTOR_RELATIVE>(descriptor);
    if (length < sizeof *relative || relative->Revision != SECURITY_DESCRIPTOR_REVISION ||
        !(relative->Control & SE_SELF_RELATIVE)) {
        return FALSE;
    }
    auto room = [&](ULONG offset, size_t needed) {
        return offset % sizeof(ULONG) == 0 && offset >= sizeof *relative && offset <= length &&
               needed <= length - offset;
    };
    auto at = [&](ULONG offset) { return reinterpret_cast<char *>(relative) + offset; };
    auto sid = [&](ULONG offset) {
        return room(offset, offsetof(SID, SubAuthority)) && RtlValidSid(at(offset)) &&
               room(offset, RtlLengthSid(at(offset)));
    };
    auto acl = [&](ULONG offset) {
        return room(offset, sizeof(ACL)) && room(offset, reinterpret_cast<PACL>(at(offset))->AclSize) &&
               validAcl(reinterpret_cast<PACL>(at(offset)));
    };
    bool dacl = (relative->Control & SE_DACL_PRESENT) && relative->Dacl != 0;
    bool sacl = (relative->Control & SE_SACL_PRESENT) && relative->Sacl != 0;
    return (relative->Owner != 0 ? sid(relative->Owner) : !(required & OWNER_SECURITY_INFORMATION)) &&
           (relative->Group != 0 ? sid(relative->Group) : !(required & GROUP_SECURITY_INFORMATION)) &&
           (dacl ? acl(relative->Dacl) : !(required & DACL_SECURITY_INFORMATION)) &&
           (sacl ? acl(relative->Sacl) : !(required & SACL_SECURITY_INFORMATION));
}

NTSTATUS RtlSetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, BOOLEAN present, PACL dacl, BOOLEAN defaulted) {
    return setPart(descriptor, &SECURITY_DESCRIPTOR::Dacl, present ? dacl : nullptr, present ? SE_DACL_PRESENT : 0,
                   present && defaulted ? SE_DACL_DEFAULTED : 0, SE_DACL_PRESENT | SE_DACL_DEFAULTED);
}
NTSTATUS RtlSetSaclSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, BOOLEAN present, PACL sacl, BOOLEAN defaulted) {
    return setPart(descriptor, &SECURITY_DESCRIPTOR::Sacl, present ? sacl : nullptr, present ? SE_SACL_PRESENT : 0,
                   present && defaulted ? SE_SACL_DEFAULTED : 0, SE_SACL_PRESENT | SE_SACL_DEFAULTED);
}
NTSTATUS RtlSetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, PSID owner, BOOLEAN defaulted) {
    return setPart(descriptor, &SECURITY_DESCRIPTOR::Owner, owner, 0, defaulted ? SE_OWNER_DEFAULTED : 0,
                   SE_OWNER_DEFAULTED);
}
NTSTATUS RtlSetGroupSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, PSID group, BOOLEAN defaulted) {
    return setPart(descriptor, &SECURITY_DESCRIPTOR::Group, group, 0, defaulted ? SE_GROUP_DEFAULTED : 0,
                   SE_GROUP_DEFAULTED);
}

NTSTATUS RtlGetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, BOOLEAN *present, PACL *dacl,
                                      BOOLEAN *defaulted) {
    USHORT control = controlOf(descriptor);
    *present = (control & SE_DACL_PRESENT) != 0;
    if (*present) {
        *dacl = partsOf(descriptor).dacl;
        *defaulted = (control & SE_DACL_DEFAULTED) != 0;
    }
    return STATUS_SUCCESS;
}
NTSTATUS RtlGetSaclSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, BOOLEAN *present, PACL *sacl,
                                      BOOLEAN *defaulted) {
    USHORT control = controlOf(descriptor);
    *present = (control & SE_SACL_PRESENT) != 0;
    if (*present) {
        *sacl = partsOf(descriptor).sacl;
        *defaulted = (control & SE_SACL_DEFAULTED) != 0;
    }
    return STATUS_SUCCESS;
}
NTSTATUS RtlGetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, PSID *owner, BOOLEAN *defaulted) {
    *owner = partsOf(descriptor).owner;
    *defaulted = (controlOf(descriptor) & SE_OWNER_DEFAULTED) != 0;
    return STATUS_SUCCESS;
}
NTSTATUS RtlGetGroupSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, PSID *group, BOOLEAN *defaulted) {
    *group = partsOf(descriptor).group;
    *defaulted = (controlOf(descriptor) & SE_GROUP_DEFAULTED) != 0;
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
