// SPDX-License-Identifier: MIT
//
// Device control requests: size checks, state checks, one handler per code.

#ifndef CMBRIDGE_IOCTL_H
#define CMBRIDGE_IOCTL_H

#include "session/session.h"

// Handles the request and completes it, unless it is pended.
_IRQL_requires_max_(PASSIVE_LEVEL)
NTSTATUS IoctlDispatch(_Inout_ SESSION *Session, _Inout_ IRP *Irp);

#endif
