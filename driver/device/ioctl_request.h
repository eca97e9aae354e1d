// SPDX-License-Identifier: MIT
//
// What handlers of device control requests have in common; for ioctl*.c only.

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
    // Bytes of the reply. A handler that succeeds sets it.
    ULONG ReplySize;
} IOCTL_REQUEST;

_Function_class_(IOCTL_HANDLER)
_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
typedef NTSTATUS IOCTL_HANDLER(_Inout_ IOCTL_REQUEST *Request);

// ioctl_reply.c answers CMB_IOCTL_REPLY.
IOCTL_HANDLER IoctlHandleReply;

// Whether a request is one of this protocol version: exactly as long as it says, of the one known revision, and without
// flags.
_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS IoctlCheckHeader(_In_ const CMB_HEADER *Header, _In_ ULONG InputSize, _In_ ULONG Size);

_IRQL_requires_max_(PASSIVE_LEVEL)
VOID IoctlInitializeHeader(_Out_ CMB_HEADER *Header, _In_ ULONG Size);

// Copies the reply to the output and zeroes what is left of it. Size is at most Request->OutputSize.
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID IoctlSetReply(_Inout_ IOCTL_REQUEST *Request, _In_reads_bytes_(Size) const VOID *Reply, _In_ ULONG Size);

#endif
