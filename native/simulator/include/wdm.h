// SPDX-License-Identifier: MIT

#ifndef SIMULATOR_WDM_H
#define SIMULATOR_WDM_H

#include "ntifs.h"

#endif
