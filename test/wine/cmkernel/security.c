// SPDX-License-Identifier: MIT
//
// Security descriptors for the configuration manager: the routines that do this in a kernel are stubs in Wine's. What a
// descriptor allows is not looked at here, see port.c.

#include "kernel.h"
#include "cm/cmp.h"

// mingw-w64 lacks it.
NTSYSAPI BOOLEAN NTAPI RtlValidAcl(PACL Acl);

// The parts of a descriptor, wherever they lie.
typedef struct PARTS {
    USHORT Control;
    const VOID *Owner;
    const VOID *Group;
    const VOID *Sacl;
    const VOID *Dacl;
} PARTS;

#define PARTS_CONTROL (SE_DACL_PRESENT | SE_DACL_PROTECTED | SE_SACL_PRESENT | SE_SACL_PROTECTED)

static ULONG SidLength(const VOID *Sid) {
    return Sid ? 8 + ((const UCHAR *)Sid)[1] * sizeof(ULONG) : 0;
}

static ULONG AclLength(const VOID *Acl) {
    return Acl ? (((const ACL *)Acl)->AclSize + 3u) & ~3u : 0;
}

static const VOID *PartAt(const SECURITY_DESCRIPTOR_RELATIVE *Descriptor, ULONG Offset) {
    return Offset ? (const UCHAR *)Descriptor + Offset : NULL;
}

static VOID GetParts(PSECURITY_DESCRIPTOR Descriptor, PARTS *Parts) {
    const SECURITY_DESCRIPTOR_RELATIVE *relative = Descriptor;
    const SECURITY_DESCRIPTOR *absolute = Descriptor;

    if (relative->Control & SE_SELF_RELATIVE) {
        *Parts = (PARTS){relative->Control, PartAt(relative, relative->Owner), PartAt(relative, relative->Group),
                         PartAt(relative, relative->Sacl), PartAt(relative, relative->Dacl)};
    } else {
        *Parts = (PARTS){absolute->Control, absolute->Owner, absolute->Group, absolute->Sacl, absolute->Dacl};
    }
}

static ULONG Put(PUCHAR Block, ULONG *Used, const VOID *Part, ULONG Room, ULONG Length) {
    ULONG offset = *Used;

    if (!Part) {
        return 0;
    }
    RtlCopyMemory(Block + offset, Part, Length);
    *Used += Room;
    return offset;
}

static NTSTATUS Compose(const PARTS *Parts, PSECURITY_DESCRIPTOR *New, PULONG Length) {
    SECURITY_DESCRIPTOR_RELATIVE head = {.Revision = SECURITY_DESCRIPTOR_REVISION};
    ULONG used = sizeof head;
    PUCHAR block;

    *Length = sizeof head + SidLength(Parts->Owner) + SidLength(Parts->Group) + AclLength(Parts->Sacl) +
              AclLength(Parts->Dacl);
    block = CmStoreAllocate(*Length);
    if (!block) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    head.Control = (Parts->Control & PARTS_CONTROL) | SE_SELF_RELATIVE;
    head.Sacl =
        Put(block, &used, Parts->Sacl, AclLength(Parts->Sacl), Parts->Sacl ? ((const ACL *)Parts->Sacl)->AclSize : 0);
    head.Dacl =
        Put(block, &used, Parts->Dacl, AclLength(Parts->Dacl), Parts->Dacl ? ((const ACL *)Parts->Dacl)->AclSize : 0);
    head.Owner = Put(block, &used, Parts->Owner, SidLength(Parts->Owner), SidLength(Parts->Owner));
    head.Group = Put(block, &used, Parts->Group, SidLength(Parts->Group), SidLength(Parts->Group));
    RtlCopyMemory(block, &head, sizeof head);
    *New = block;
    return STATUS_SUCCESS;
}

// A part whose first 8 bytes tell how long it is; read once each, checked against each other.
static NTSTATUS CapturePart(const VOID **Part, BOOLEAN Acl, KPROCESSOR_MODE Mode) {
    UCHAR head[8];
    PUCHAR copy;
    ULONG length;
    NTSTATUS status;

    if (!*Part) {
        return STATUS_SUCCESS;
    }
    status = CmpCopyIn(head, *Part, sizeof head, Mode);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    length = Acl ? ((const ACL *)(PVOID)head)->AclSize : SidLength(head);
    if (length < sizeof head || (!Acl && (head[0] != SID_REVISION || head[1] > SID_MAX_SUB_AUTHORITIES))) {
        return Acl ? STATUS_INVALID_ACL : STATUS_INVALID_SID;
    }
    copy = CmStoreAllocate(length);
    if (!copy) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlCopyMemory(copy, head, sizeof head);
    status = CmpCopyIn(copy + sizeof head, (const UCHAR *)*Part + sizeof head, length - sizeof head, Mode);
    if (!NT_SUCCESS(status) || (Acl && !RtlValidAcl((PACL)copy))) {
        CmStoreFree(copy);
        return NT_SUCCESS(status) ? STATUS_INVALID_ACL : status;
    }
    *Part = copy;
    return STATUS_SUCCESS;
}

static NTSTATUS CaptureHead(PSECURITY_DESCRIPTOR Descriptor, KPROCESSOR_MODE Mode, PARTS *Parts) {
    SECURITY_DESCRIPTOR absolute;
    SECURITY_DESCRIPTOR_RELATIVE relative;
    NTSTATUS status = CmpCopyIn(&relative, Descriptor, sizeof relative, Mode);

    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (relative.Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    if (relative.Control & SE_SELF_RELATIVE) {
        const SECURITY_DESCRIPTOR_RELATIVE *there = Descriptor;

        *Parts = (PARTS){relative.Control, PartAt(there, relative.Owner), PartAt(there, relative.Group),
                         PartAt(there, relative.Sacl), PartAt(there, relative.Dacl)};
    } else {
        status = CmpCopyIn(&absolute, Descriptor, sizeof absolute, Mode);
        *Parts = (PARTS){relative.Control, absolute.Owner, absolute.Group, absolute.Sacl, absolute.Dacl};
    }
    if (!(relative.Control & SE_SACL_PRESENT)) {
        Parts->Sacl = NULL;
    }
    if (!(relative.Control & SE_DACL_PRESENT)) {
        Parts->Dacl = NULL;
    }
    return status;
}

NTSTATUS CmPortCaptureDescriptor(PSECURITY_DESCRIPTOR Descriptor, KPROCESSOR_MODE Mode,
                                 PSECURITY_DESCRIPTOR *Captured) {
    const VOID **part[4];
    ULONG captured = 0;
    ULONG length;
    PARTS parts;
    NTSTATUS status = CaptureHead(Descriptor, Mode, &parts);

    part[0] = &parts.Owner;
    part[1] = &parts.Group;
    part[2] = &parts.Sacl;
    part[3] = &parts.Dacl;
    while (NT_SUCCESS(status) && captured < RTL_NUMBER_OF(part)) {
        status = CapturePart(part[captured], captured >= 2, Mode);
        if (NT_SUCCESS(status)) {
            ++captured;
        }
    }
    if (NT_SUCCESS(status)) {
        status = Compose(&parts, Captured, &length);
    }
    while (captured) {
        CmStoreFree((PVOID)*part[--captured]);
    }
    return status;
}

NTSTATUS CmPortAssignDescriptor(PSECURITY_DESCRIPTOR Parent, PSECURITY_DESCRIPTOR Explicit, PSECURITY_DESCRIPTOR *New,
                                PULONG NewLength) {
    PARTS parts, inherited;

    if (!Explicit) {
        // Wine has given the key one already.
        *New = NULL;
        return STATUS_SUCCESS;
    }
    GetParts(Explicit, &parts);
    GetParts(Parent, &inherited);
    if (!parts.Owner) {
        parts.Owner = inherited.Owner;
    }
    if (!parts.Group) {
        parts.Group = inherited.Group;
    }
    if (!(parts.Control & SE_DACL_PRESENT)) {
        parts.Dacl = inherited.Dacl;
        parts.Control |= inherited.Control & SE_DACL_PRESENT;
    }
    return Compose(&parts, New, NewLength);
}

NTSTATUS CmPortChangeDescriptor(PSECURITY_DESCRIPTOR Current, SECURITY_INFORMATION Information,
                                PSECURITY_DESCRIPTOR Change, PSECURITY_DESCRIPTOR *New, PULONG NewLength) {
    const USHORT dacl = SE_DACL_PRESENT | SE_DACL_PROTECTED, sacl = SE_SACL_PRESENT | SE_SACL_PROTECTED;
    PARTS parts, change;

    GetParts(Current, &parts);
    GetParts(Change, &change);
    if (Information & OWNER_SECURITY_INFORMATION) {
        if (!change.Owner) {
            return STATUS_INVALID_OWNER;
        }
        parts.Owner = change.Owner;
    }
    if (Information & GROUP_SECURITY_INFORMATION) {
        if (!change.Group) {
            return STATUS_INVALID_PRIMARY_GROUP;
        }
        parts.Group = change.Group;
    }
    if (Information & DACL_SECURITY_INFORMATION) {
        parts.Dacl = change.Dacl;
        parts.Control = (parts.Control & ~dacl) | (change.Control & dacl);
    }
    if (Information & SACL_SECURITY_INFORMATION) {
        parts.Sacl = change.Sacl;
        parts.Control = (parts.Control & ~sacl) | (change.Control & sacl);
    }
    return Compose(&parts, New, NewLength);
}

NTSTATUS CmPortExtractDescriptor(PSECURITY_DESCRIPTOR Descriptor, SECURITY_INFORMATION Information,
                                 PSECURITY_DESCRIPTOR Buffer, PULONG Length) {
    PSECURITY_DESCRIPTOR block;
    ULONG room = *Length;
    PARTS parts;
    NTSTATUS status;

    GetParts(Descriptor, &parts);
    if (!(Information & OWNER_SECURITY_INFORMATION)) {
        parts.Owner = NULL;
    }
    if (!(Information & GROUP_SECURITY_INFORMATION)) {
        parts.Group = NULL;
    }
    if (!(Information & DACL_SECURITY_INFORMATION)) {
        parts.Dacl = NULL;
        parts.Control &= ~(SE_DACL_PRESENT | SE_DACL_PROTECTED);
    }
    if (!(Information & SACL_SECURITY_INFORMATION)) {
        parts.Sacl = NULL;
        parts.Control &= ~(SE_SACL_PRESENT | SE_SACL_PROTECTED);
    }
    status = Compose(&parts, &block, Length);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (room < *Length) {
        status = STATUS_BUFFER_TOO_SMALL;
    } else {
        RtlCopyMemory(Buffer, block, *Length);
    }
    CmStoreFree(block);
    return status;
}
