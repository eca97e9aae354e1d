// SPDX-License-Identifier: MIT
//
// A driver with good and bad manners, for the tests of the executive.

#ifndef TEST_SIMULATOR_NT_SAMPLE_H
#define TEST_SIMULATOR_NT_SAMPLE_H

#include <ntifs.h>

#define SAMPLE_CODE(function, method, access) CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800 + (function), method, access)
#define SAMPLE_ECHO SAMPLE_CODE(0, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define SAMPLE_ECHO_OUT_DIRECT SAMPLE_CODE(1, METHOD_OUT_DIRECT, FILE_ANY_ACCESS)
#define SAMPLE_SUM_IN_DIRECT SAMPLE_CODE(2, METHOD_IN_DIRECT, FILE_ANY_ACCESS)
#define SAMPLE_ECHO_NEITHER SAMPLE_CODE(3, METHOD_NEITHER, FILE_ANY_ACCESS)
#define SAMPLE_PEND SAMPLE_CODE(4, METHOD_BUFFERED, FILE_READ_ACCESS)
// Completes the oldest pended request with the input as its data; STATUS_NOT_FOUND when there is none.
#define SAMPLE_FEED SAMPLE_CODE(5, METHOD_BUFFERED, FILE_WRITE_ACCESS)
#define SAMPLE_ALLOCATE SAMPLE_CODE(6, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define SAMPLE_WARN SAMPLE_CODE(7, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define SAMPLE_FAIL_WITH_DATA SAMPLE_CODE(8, METHOD_BUFFERED, FILE_ANY_ACCESS)
// Pends without a cancel routine; CLEANUP completes it.
#define SAMPLE_PEND_STUBBORN SAMPLE_CODE(9, METHOD_BUFFERED, FILE_ANY_ACCESS)
// Fed at DISPATCH_LEVEL.
#define SAMPLE_PEND_DIRECT SAMPLE_CODE(10, METHOD_OUT_DIRECT, FILE_READ_ACCESS)
#define SAMPLE_MISBEHAVE(how) SAMPLE_CODE(0x40 + (how), METHOD_BUFFERED, FILE_ANY_ACCESS)

typedef enum _SAMPLE_CRIME {
    SampleRaiseIrql,
    SampleKeepSpinLock,
    SampleStayInCriticalRegion,
    SampleForgetCompletion,
    SamplePendUnmarked,
    SampleMarkButFail,
    SampleCompleteTwice,
    SampleUseAfterCompletion,
    SampleOtherStatus,
    SampleTooMuchInformation,
    SampleCompletePending,
    SampleCompleteCancelable,
    SampleKeepFastMutex,
    SampleRaise
} SAMPLE_CRIME;

#if defined(__cplusplus)
extern "C" {
#endif

typedef struct _SAMPLE_STATE {
    PDRIVER_OBJECT Driver;
    LONG Creates;
    LONG Cleanups;
    LONG Closes;
    // Value of the first when the second happened.
    LONG PendedAtCleanup;
    LONG PendedAtClose;
    LONG Pended;
    LONG CleanupProcess;
    BOOLEAN LeakOnUnload;
    BOOLEAN LeaveDevice;
    BOOLEAN FailEntry;
    BOOLEAN NoSecurity;
    BOOLEAN LeaveThread;
} SAMPLE_STATE;
extern SAMPLE_STATE Sample;

NTSTATUS SampleEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath);

NTSTATUS SampleGuardedCopy(PVOID To, const VOID *From, SIZE_T Length);
NTSTATUS SampleGuardedProbe(PVOID Address, SIZE_T Length);
// 1: the inner handler took it, 2: the outer one did.
int SampleNested(BOOLEAN InnerSearchesOn, NTSTATUS *Code);
int SampleReturnInside(void);
int SampleRaiseInHandler(void);
int SampleLoop(int Turns);

#if defined(__cplusplus)
}
#endif

#endif
