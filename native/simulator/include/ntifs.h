// SPDX-License-Identifier: MIT
//
// The kernel interface of the simulator: names, types and layouts as a driver knows them from the WDK, for 64-bit ELF
// targets. C files are compiled with -fshort-wchar, so that L"" is UTF-16; C++ files are not, WCHAR is char16_t there.

#ifndef SIMULATOR_NTIFS_H
#define SIMULATOR_NTIFS_H

#include "km/sal.h"
#include "km/types.h"
#include "km/status.h"
#include "km/interlocked.h"
#include "km/seh.h"
#include "km/rtl.h"
#include "km/ke.h"
#include "km/ex.h"
#include "km/se.h"
#include "km/ob.h"
#include "km/token.h"
#include "km/mm.h"
#include "km/io.h"
#include "km/csq.h"
#include "km/file.h"
#include "km/ps.h"
#include "km/key.h"
#include "km/zw.h"
#include "km/reg.h"
#include "km/tm.h"

#endif
