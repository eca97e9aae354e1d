// SPDX-License-Identifier: MIT
//
// For sources that include the WDK's wdm.h: here it declares as much as ntifs.h.

#ifndef SIMULATOR_WDM_H
#define SIMULATOR_WDM_H

#include "ntifs.h"

#endif
