// SPDX-License-Identifier: MIT
//
// What handlers of device control requests have in common; for ioctl*.c only.

#ifndef CMBRIDGE_IOCTL_REQUEST_H
#define CMBRIDGE_IOCTL_REQUEST_H

#include "session/session.h"

// The fixed part of what comes, and of what goes: the buffer is for both, so neither is read or written there.
typedef union IOCTL_INPUT {
    CMB_HEADER Header;
    CMB_HELLO_REQUEST Hello;
    CMB_REGISTER_REQUEST Register;
    CMB_UNREGISTER_REQUEST Unregister;
    CMB_STATISTICS_REQUEST Statistics;
    CMB_REPLY_REQUEST Reply;
    CMB_SET_RULES_REQUEST SetRules;
} IOCTL_INPUT;

typedef union IOCTL_OUTPUT {
    CMB_HEADER Header;
    CMB_HELLO_REPLY Hello;
    CMB_REGISTER_REPLY Register;
    CMB_UNREGISTER_REPLY Unregister;
    CMB_STATISTICS_REPLY Statistics;
    CMB_REPLY_REPLY Reply;
    CMB_SET_RULES_REPLY SetRules;
} IOCTL_OUTPUT;

typedef struct IOCTL_REQUEST {
    SESSION *Session;
    IRP *Irp;
    UCHAR *Buffer;
    ULONG InputSize;
    ULONG OutputSize;
    // The header is checked, but for that of CMB_HELLO_REQUEST.
    IOCTL_INPUT Input;
    // Zeroes, with a header that is filled in.
    IOCTL_OUTPUT Output;
    // Bytes of the reply: those of the structure, unless a handler sets it.
    ULONG ReplySize;
} IOCTL_REQUEST;

// What succeeds and is not pended is replied to with Output.
_Function_class_(IOCTL_HANDLER)
_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
typedef NTSTATUS IOCTL_HANDLER(_Inout_ IOCTL_REQUEST *Request);

// ioctl_reply.c answers CMB_IOCTL_REPLY.
IOCTL_HANDLER IoctlHandleReply;

#endif
