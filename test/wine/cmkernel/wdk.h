// SPDX-License-Identifier: MIT
//
// What mingw-w64 lacks of the WDK and sources of the simulator use. Included ahead of them by the compiler's command
// line.

#ifndef CMKERNEL_WDK_H
#define CMKERNEL_WDK_H

// Wine's are stubs that say so each time.
#define ProbeForRead CmkProbeForRead
#define ProbeForWrite CmkProbeForWrite

#define ReadBooleanAcquire(Source) __atomic_load_n(Source, __ATOMIC_ACQUIRE)

#endif
