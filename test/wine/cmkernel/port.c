// SPDX-License-Identifier: MIT
//
// What the configuration manager and the driver ask of a kernel and Wine's cannot answer.

#include "kernel.h"

// The macro of the headers reads a page that no program of Wine can.
#undef KeQuerySystemTime
NTKERNELAPI VOID NTAPI KeQuerySystemTime(PLARGE_INTEGER Time);

NTSTATUS CmPortInitialize(VOID) {
    return STATUS_SUCCESS;
}

VOID CmPortTerminate(VOID) {}

VOID CmPortSystemTime(PLARGE_INTEGER Time) {
    KeQuerySystemTime(Time);
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

VOID NTAPI KeQuerySystemTimePrecise(PLARGE_INTEGER Time) {
    KeQuerySystemTime(Time);
}

// Wine has only the imprecise one. The counter runs while the system sleeps, as interrupt time does.
ULONG64 NTAPI KeQueryInterruptTimePrecise(PULONG64 Counter) {
    LARGE_INTEGER frequency;
    ULONG64 second;

    *Counter = (ULONG64)KeQueryPerformanceCounter(&frequency).QuadPart;
    second = (ULONG64)frequency.QuadPart;
    return *Counter / second * 10000000 + *Counter % second * 10000000 / second;
}

// Memory of actors is memory of this process: there is no address above which it must not lie. What cannot be written
// faults here, as on Windows. Nobody of this host asks for an alignment that matters.
VOID NTAPI ProbeForRead(const VOID *Address, SIZE_T Length, ULONG Alignment) {
    UNREFERENCED_PARAMETER(Address);
    UNREFERENCED_PARAMETER(Length);
    UNREFERENCED_PARAMETER(Alignment);
}

VOID NTAPI ProbeForWrite(PVOID Address, SIZE_T Length, ULONG Alignment) {
    volatile UCHAR *at = Address;
    volatile UCHAR *last = at + Length - 1;

    UNREFERENCED_PARAMETER(Alignment);
    if (Length == 0) {
        return;
    }
    for (; at < last; at = (volatile UCHAR *)(((ULONG_PTR)at | (PAGE_SIZE - 1)) + 1)) {
        *at = *at;
    }
    *last = *last;
}

// A mutex of Wine stays with its owner when somebody waits for it as it is released. A semaphore does not; it takes the
// place of the mutex, as long as nobody acquires what it has.
C_ASSERT(sizeof(KSEMAPHORE) <= sizeof(KMUTEX));

VOID NTAPI CmkKeInitializeMutex(PRKMUTEX Mutex, ULONG Level) {
    UNREFERENCED_PARAMETER(Level);
    KeInitializeSemaphore((PRKSEMAPHORE)Mutex, 1, 1);
}

LONG NTAPI CmkKeReleaseMutex(PRKMUTEX Mutex, BOOLEAN Wait) {
    return KeReleaseSemaphore((PRKSEMAPHORE)Mutex, IO_NO_INCREMENT, 1, Wait);
}

// No caller of this host has an event to give.
VOID CmPortKeepHandle(HANDLE Handle) {
    UNREFERENCED_PARAMETER(Handle);
}

NTSTATUS CmPortReferenceEvent(HANDLE Event, KPROCESSOR_MODE Mode, PVOID *Object) {
    UNREFERENCED_PARAMETER(Event);
    UNREFERENCED_PARAMETER(Mode);
    UNREFERENCED_PARAMETER(Object);
    return STATUS_NOT_SUPPORTED;
}

VOID CmPortSetEvent(PVOID Object) {
    UNREFERENCED_PARAMETER(Object);
}
