// SPDX-License-Identifier: MIT
//
// One load of a hive, with everything captured.

#ifndef CM_HIVE_LOAD_H
#define CM_HIVE_LOAD_H

#include "hive.h"

typedef struct _CM_LOAD {
    KPROCESSOR_MODE Mode;
    ULONG Flags;
    ACCESS_MASK DesiredAccess;
    CM_NAMED Target;
    CM_NAMED Source;
    PCM_KEY_BODY Root;       // of the target's name; referenced
    PCM_KEY_BODY TrustClass; // referenced
    PVOID Event;             // referenced
    PHANDLE RootHandle;      // the caller's
} CM_LOAD, *PCM_LOAD;

// hive_attach.c
// Finds the place, reads the file and puts the hive on the list. Its root comes referenced.
NTSTATUS CmpLoad(const CM_LOAD *Load, PCM_KEY *Root);

#endif
