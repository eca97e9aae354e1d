// SPDX-License-Identifier: MIT

#ifndef SIMULATOR_KM_PS_H
#define SIMULATOR_KM_PS_H

#include "types.h"

#define THREAD_ALL_ACCESS 0x1FFFFF
#define PROCESS_ALL_ACCESS 0x1FFFFF

SIM_BEGIN_C

typedef VOID KSTART_ROUTINE(PVOID StartContext);
typedef KSTART_ROUTINE *PKSTART_ROUTINE;

NTSTATUS PsCreateSystemThread(PHANDLE ThreadHandle, ULONG DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                              HANDLE ProcessHandle, PCLIENT_ID ClientId, PKSTART_ROUTINE StartRoutine,
                              PVOID StartContext);
// Returns only on Windows' failure path; here it unwinds to the start of the thread.
NTSTATUS PsTerminateSystemThread(NTSTATUS ExitStatus);
HANDLE PsGetCurrentProcessId(VOID);
HANDLE PsGetCurrentThreadId(VOID);
PEPROCESS PsGetCurrentProcess(VOID);
PETHREAD PsGetCurrentThread(VOID);
HANDLE PsGetProcessId(PEPROCESS Process);
HANDLE PsGetThreadId(PETHREAD Thread);
HANDLE PsGetThreadProcessId(PETHREAD Thread);
PEPROCESS PsGetThreadProcess(PETHREAD Thread);
NTSTATUS PsLookupProcessByProcessId(HANDLE ProcessId, PEPROCESS *Process);
BOOLEAN PsIsSystemThread(PETHREAD Thread);
BOOLEAN PsIsThreadTerminating(PETHREAD Thread);
NTSTATUS SeLocateProcessImageName(PEPROCESS Process, PUNICODE_STRING *ImageFileName);
extern PEPROCESS PsInitialSystemProcess;

SIM_END_C

#endif
