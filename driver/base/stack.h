// SPDX-License-Identifier: MIT
//
// How much stack a thread must have left for calls of the driver that may bring the configuration manager, other
// filters and the driver itself onto the same stack once more.

#ifndef CMBRIDGE_STACK_H
#define CMBRIDGE_STACK_H

#include "base/compat.h"

// The kernel's way down to the next callback, one more chain of the driver's own, and what faults need on top of that.
// scripts/check-stack.mjs compares it with the chains that the compiler makes.
#define STACK_FOR_NESTED 11264

static inline BOOLEAN StackAllowsNested(VOID) {
    return IoGetRemainingStackSize() >= STACK_FOR_NESTED;
}

#endif
