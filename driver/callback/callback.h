// SPDX-License-Identifier: MIT
//
// The routine that the configuration manager calls.

#ifndef CMBRIDGE_CALLBACK_H
#define CMBRIDGE_CALLBACK_H

#include "base/compat.h"

// CallbackContext is the REGISTRATION. Called by any number of threads at once, also nested, at PASSIVE_LEVEL or
// APC_LEVEL.
_IRQL_requires_max_(APC_LEVEL)
EX_CALLBACK_FUNCTION CallbackNotify;

#endif
