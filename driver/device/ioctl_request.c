// SPDX-License-Identifier: MIT
//
// What handlers of device control requests have in common.

#include "device/ioctl_request.h"

_Use_decl_annotations_
NTSTATUS IoctlCheckHeader(const CMB_HEADER *Header, ULONG InputSize, ULONG Size) {
    if (Header->Version != CMB_STRUCTURE_VERSION) {
        return STATUS_REVISION_MISMATCH;
    }
    if (InputSize != Size || Header->Size != Size) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    return Header->Flags ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID IoctlInitializeHeader(CMB_HEADER *Header, ULONG Size) {
    Header->Size = Size;
    Header->Version = CMB_STRUCTURE_VERSION;
    Header->Flags = 0;
}

_Use_decl_annotations_
VOID IoctlSetReply(IOCTL_REQUEST *Request, const VOID *Reply, ULONG Size) {
    RtlCopyMemory(Request->Buffer, Reply, Size);
    RtlZeroMemory((UCHAR *)Request->Buffer + Size, Request->OutputSize - Size);
    Request->ReplySize = Size;
}
