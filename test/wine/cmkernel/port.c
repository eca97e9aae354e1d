// SPDX-License-Identifier: MIT
//
// What the configuration manager and the driver ask of a kernel and Wine's cannot answer.

#include "kernel.h"

NTSTATUS CmPortInitialize(VOID) {
    return STATUS_SUCCESS;
}

VOID CmPortTerminate(VOID) {}

VOID CmPortSystemTime(PLARGE_INTEGER Time) {
    KeQuerySystemTime(Time);
}

// Wine exports no object type for keys.
PVOID CmPortKeyObjectType(VOID) {
    return NULL;
}

VOID NTAPI KeQuerySystemTimePrecise(PLARGE_INTEGER Time) {
    KeQuerySystemTime(Time);
}
