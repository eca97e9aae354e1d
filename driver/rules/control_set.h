// SPDX-License-Identifier: MIT
//
// Which ControlSet00N CurrentControlSet leads to; the system decides that when it starts.

#ifndef CMBRIDGE_CONTROL_SET_H
#define CMBRIDGE_CONTROL_SET_H

#include "base/compat.h"

// Asks the registry. Runs in DriverEntry, before there is a registration that could be told of that.
_IRQL_requires_(PASSIVE_LEVEL)
VOID ControlSetInitialize(VOID);

// The number, 0 if it is not known.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG ControlSetGet(VOID);

#endif
