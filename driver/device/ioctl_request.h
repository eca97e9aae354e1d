// SPDX-License-Identifier: MIT
//
// What handlers of device control requests have in common; ioctl*.c only.

#ifndef CMBRIDGE_IOCTL_REQUEST_H
#define CMBRIDGE_IOCTL_REQUEST_H

#include "session/session.h"

// A buffered request: input and output share Buffer, so a handler copies the input before it writes the reply.
typedef struct IOCTL_REQUEST {
    SESSION *Session;
    IRP *Irp;
    VOID *Buffer;
    ULONG InputSize;
    ULONG OutputSize;
    // Bytes of the reply; set by the handler if it succeeds.
    ULONG ReplySize;
} IOCTL_REQUEST;

_Function_class_(IOCTL_HANDLER)
_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
typedef NTSTATUS IOCTL_HANDLER(_Inout_ IOCTL_REQUEST *Request);

// ioctl_reply.c
IOCTL_HANDLER IoctlHandleReply;

// Structures of this protocol version: exactly as long as they say, of the one known revision, without flags.
_Must_inspect_result_
NTSTATUS IoctlCheckHeader(_In_ const CMB_HEADER *Header, _In_ ULONG InputSize, _In_ ULONG Size);

VOID IoctlInitializeHeader(_Out_ CMB_HEADER *Header, _In_ ULONG Size);

// Size <= Request->OutputSize.
VOID IoctlSetReply(_Inout_ IOCTL_REQUEST *Request, _In_reads_bytes_(Size) const VOID *Reply, _In_ ULONG Size);

#endif
