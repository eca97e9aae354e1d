// SPDX-License-Identifier: MIT
//
// What the configuration manager calls.

#ifndef CMBRIDGE_CALLBACK_H
#define CMBRIDGE_CALLBACK_H

#include "compat.h"

// CallbackContext is the REGISTRATION. Any number of threads at once, also nested, at PASSIVE_LEVEL or APC_LEVEL.
_Function_class_(EX_CALLBACK_FUNCTION)
_IRQL_requires_max_(APC_LEVEL)
_IRQL_requires_same_
EX_CALLBACK_FUNCTION CallbackNotify;

#endif
