// SPDX-License-Identifier: MIT
//
// For sources that include the WDK's ntddk.h: here it declares as much as ntifs.h.

#ifndef SIMULATOR_NTDDK_H
#define SIMULATOR_NTDDK_H

#include "ntifs.h"

#endif
