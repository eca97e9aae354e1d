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

// Wine's kernel has no tokens of the calls that come here, and only stubs of the security routines. Its server checks
// the access of the process that keeps the keys open, which is the administrator's. So everybody gets what is asked.
NTSTATUS CmPortCheckAccess(PSECURITY_DESCRIPTOR Descriptor, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode,
                           PACCESS_MASK GrantedAccess) {
    GENERIC_MAPPING mapping = {KEY_READ, KEY_WRITE, KEY_EXECUTE, KEY_ALL_ACCESS};
    ACCESS_MASK granted = DesiredAccess;

    UNREFERENCED_PARAMETER(Descriptor);
    RtlMapGenericMask(&granted, &mapping);
    if (granted & MAXIMUM_ALLOWED) {
        granted = (granted & ~(ACCESS_MASK)MAXIMUM_ALLOWED) | KEY_ALL_ACCESS;
    }
    *GrantedAccess = granted;
    return granted == 0 && Mode != KernelMode ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
}

// Nobody holds privileges that Wine could be asked for.
BOOLEAN CmPortHoldsPrivilege(LONG Privilege, KPROCESSOR_MODE Mode) {
    UNREFERENCED_PARAMETER(Privilege);
    return Mode == KernelMode;
}

// The programs of this host are 64-bit ones.
BOOLEAN CmPortIsWow64Process(VOID) {
    return FALSE;
}

VOID NTAPI KeQuerySystemTimePrecise(PLARGE_INTEGER Time) {
    KeQuerySystemTime(Time);
}
