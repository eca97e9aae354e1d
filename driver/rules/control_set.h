// SPDX-License-Identifier: MIT
//
// Which ControlSet00N CurrentControlSet leads to: decided when the system starts.

#ifndef CMBRIDGE_CONTROL_SET_H
#define CMBRIDGE_CONTROL_SET_H

#include "base/compat.h"

// Asks the registry, before there is anybody whom the driver could notify of that.
_IRQL_requires_(PASSIVE_LEVEL)
VOID ControlSetInitialize(VOID);

// 0 if it is not known.
ULONG ControlSetGet(VOID);

#endif
