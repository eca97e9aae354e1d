// SPDX-License-Identifier: MIT
//
// Security descriptors. One that a caller hands in is put together anew from its parts, so that an absolute one, whose
// parts lie anywhere, and a self-relative one come out the same, without addresses and without what lies between the
// parts.

#include "record/body_kinds.h"
#include "base/memory.h"

// Every SID and every ACL is at least this long, and says in these bytes how long it is.
#define PART_HEAD_BYTES 8

#define PART_ALIGN(Size) ((ULONG)ALIGN_UP_BY((Size), sizeof(ULONG)))

C_ASSERT(sizeof(ACL) == PART_HEAD_BYTES);
C_ASSERT(FIELD_OFFSET(SID, SubAuthority) == PART_HEAD_BYTES);
C_ASSERT(FIELD_OFFSET(SID, SubAuthorityCount) == 1);
C_ASSERT(sizeof(SECURITY_DESCRIPTOR_RELATIVE) == 20);
C_ASSERT(FIELD_OFFSET(SECURITY_DESCRIPTOR_RELATIVE, Owner) == 4);
C_ASSERT(FIELD_OFFSET(SECURITY_DESCRIPTOR_RELATIVE, Dacl) == 16);
C_ASSERT(FIELD_OFFSET(SECURITY_DESCRIPTOR, Owner) == 8);
C_ASSERT(FIELD_OFFSET(SECURITY_DESCRIPTOR, Dacl) == 32);

// The parts stand in this order in both forms.
typedef enum DESCRIPTOR_PART_INDEX { PartOwner, PartGroup, PartSacl, PartDacl, PartCount } DESCRIPTOR_PART_INDEX;

typedef struct DESCRIPTOR_PART {
    const volatile UCHAR *UnsafeBytes;
    // 0 if there is no such part.
    ULONG Size;
    UCHAR Head[PART_HEAD_BYTES];
} DESCRIPTOR_PART;

// Returns FALSE if the descriptor cannot be read.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN LocateParts(_In_ const volatile UCHAR *UnsafeDescriptor, _Out_ SECURITY_DESCRIPTOR_RELATIVE *Header,
                           _Out_writes_all_(PartCount) DESCRIPTOR_PART *Parts) {
    ULONG offsets[PartCount];
    const volatile UCHAR *pointers[PartCount];
    BOOLEAN read;
    RtlZeroMemory(Header, sizeof(*Header));
    RtlZeroMemory(Parts, PartCount * sizeof(*Parts));
    if (!CaptureBytes(Header, UnsafeDescriptor, FIELD_OFFSET(SECURITY_DESCRIPTOR_RELATIVE, Owner))) {
        return FALSE;
    }
    if (Header->Control & SE_SELF_RELATIVE) {
        read = CaptureBytes(offsets, UnsafeDescriptor + FIELD_OFFSET(SECURITY_DESCRIPTOR_RELATIVE, Owner),
                            sizeof(offsets));
        for (ULONG i = 0; i < PartCount; ++i) {
            pointers[i] = offsets[i] ? UnsafeDescriptor + offsets[i] : NULL;
        }
    } else {
        read = CaptureBytes(pointers, UnsafeDescriptor + FIELD_OFFSET(SECURITY_DESCRIPTOR, Owner), sizeof(pointers));
    }
    for (ULONG i = 0; i < PartCount; ++i) {
        Parts[i].UnsafeBytes = pointers[i];
    }
    // Without SE_SACL_PRESENT or SE_DACL_PRESENT there is no list, and its pointer means nothing.
    if (!(Header->Control & SE_SACL_PRESENT)) {
        Parts[PartSacl].UnsafeBytes = NULL;
    }
    if (!(Header->Control & SE_DACL_PRESENT)) {
        Parts[PartDacl].UnsafeBytes = NULL;
    }
    Header->Control |= SE_SELF_RELATIVE;
    return read;
}

// Reads the heads of the parts. Returns FALSE if one cannot be read, or is not one of a SID or of a list.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN MeasureParts(_Inout_ DESCRIPTOR_PART *Parts) {
    for (ULONG i = 0; i < PartCount; ++i) {
        DESCRIPTOR_PART *part = &Parts[i];
        if (!part->UnsafeBytes) {
            continue;
        }
        if (!CaptureBytes(part->Head, part->UnsafeBytes, sizeof(part->Head))) {
            return FALSE;
        }
        if (i == PartOwner || i == PartGroup) {
            const ULONG count = part->Head[FIELD_OFFSET(SID, SubAuthorityCount)];
            if (count > SID_MAX_SUB_AUTHORITIES) {
                return FALSE;
            }
            part->Size = PART_HEAD_BYTES + count * (ULONG)sizeof(ULONG);
        } else {
            ACL acl;
            RtlCopyMemory(&acl, part->Head, sizeof(acl));
            if (acl.AclSize < PART_HEAD_BYTES) {
                return FALSE;
            }
            part->Size = acl.AclSize;
        }
    }
    return TRUE;
}

static ULONG SizeOfDescriptor(_In_reads_(PartCount) const DESCRIPTOR_PART *Parts) {
    ULONG size = sizeof(SECURITY_DESCRIPTOR_RELATIVE);
    for (ULONG i = 0; i < PartCount; ++i) {
        size += PART_ALIGN(Parts[i].Size);
    }
    return size;
}

// Destination is zeroed. Returns FALSE if a part cannot be read any more.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN WriteDescriptor(_Inout_ SECURITY_DESCRIPTOR_RELATIVE *Header,
                               _In_reads_(PartCount) const DESCRIPTOR_PART *Parts, _Out_ UCHAR *Destination) {
    ULONG offset = sizeof(*Header);
    ULONG *offsets[PartCount] = {&Header->Owner, &Header->Group, &Header->Sacl, &Header->Dacl};
    for (ULONG i = 0; i < PartCount; ++i) {
        const DESCRIPTOR_PART *part = &Parts[i];
        if (part->Size == 0) {
            continue;
        }
        RtlCopyMemory(Destination + offset, part->Head, PART_HEAD_BYTES);
        if (!CaptureBytes(Destination + offset + PART_HEAD_BYTES, part->UnsafeBytes + PART_HEAD_BYTES,
                          part->Size - PART_HEAD_BYTES)) {
            return FALSE;
        }
        *offsets[i] = offset;
        offset += PART_ALIGN(part->Size);
    }
    RtlCopyMemory(Destination, Header, sizeof(*Header));
    return TRUE;
}

_Use_decl_annotations_
VOID BodyDescribeDescriptor(BODY *Body, const CMB_SPAN *Span, const volatile VOID *UnsafeDescriptor) {
    SECURITY_DESCRIPTOR_RELATIVE header;
    DESCRIPTOR_PART parts[PartCount];
    if (!UnsafeDescriptor) {
        return;
    }
    CAPTURE *capture = BodyAddCapture(Body, Span);
    if (!LocateParts(UnsafeDescriptor, &header, parts) || !MeasureParts(parts)) {
        CaptureDescribeFault(capture);
        return;
    }
    const ULONG size = SizeOfDescriptor(parts);
    Body->Block = MemoryAllocate(size);
    if (!Body->Block) {
        CaptureDescribeBytes(capture, NULL, size, 0);
    } else if (WriteDescriptor(&header, parts, Body->Block)) {
        CaptureDescribeBytes(capture, Body->Block, size, CMB_MAX_SECURITY_DESCRIPTOR_BYTES);
    } else {
        CaptureDescribeFault(capture);
    }
}

_Use_decl_annotations_
VOID BodyDescribeQuerySecurity(BODY *Body, const BODY_INPUT *Input) {
    const REG_QUERY_KEY_SECURITY_INFORMATION *query = &Input->Pre->QuerySecurity;
    const ULONG room = BodyBufferLength(Body, Input);
    CMB_BODY_SECURITY *body = &Body->Security;
    body->SecurityInformation = BodyReadNumber(Body, query->SecurityInformation);
    body->BufferSize = room;
    if (!Input->Post) {
        body->Length = room;
        return;
    }
    if (Input->Post->Status == STATUS_SUCCESS || Input->Post->Status == STATUS_BUFFER_TOO_SMALL) {
        body->Length = BodyReadNumber(Body, query->Length);
    }
    // The output is self-relative, and in the caller's buffer, whose size only pre knew.
    if (Input->Post->Status == STATUS_SUCCESS && Input->Facts) {
        BodyAddBytes(Body, &body->Descriptor, query->SecurityDescriptor, min(body->Length, room),
                     CMB_MAX_SECURITY_DESCRIPTOR_BYTES);
    }
}
