// SPDX-License-Identifier: MIT

#ifndef SIMULATOR_NTDDK_H
#define SIMULATOR_NTDDK_H

#include "ntifs.h"

#endif
