// SPDX-License-Identifier: MIT
//
// The parts of cmkernel.sys. A routine that the driver imports under another name than it has here is called Cmk<name>;
// the export list is made from the driver's imports (scripts/make-kernel-exports.mjs).

#ifndef CMKERNEL_KERNEL_H
#define CMKERNEL_KERNEL_H

#include "actor.h"
#include "cm/cm.h"
#include "cm/port.h"

#define CMK_TAG 'kmCc'

// device.c: the control device, and the driver object that all devices of cmkernel belong to.
extern PDRIVER_OBJECT CmkDriverObject;

// thread.c: what the kernel keeps for a thread. `ProcessId` and `ThreadId` are 0 for a thread that acts for nobody
// else.
typedef struct CMK_THREAD {
    volatile LONG64 Id;
    HANDLE ProcessId;
    HANDLE ThreadId;
    PVOID Process; // once it was asked for; process.c
    PVOID CmSlot;
    KPROCESSOR_MODE PreviousMode;
    KIRQL Irql;
} CMK_THREAD;

CMK_THREAD *CmkCurrentThread(VOID);
// The calling thread ends.
VOID CmkForgetThread(VOID);
HANDLE CmkPsGetCurrentProcessId(VOID);
HANDLE CmkPsGetCurrentThreadId(VOID);
// Of winedevice, whoever it works for.
HANDLE CmkOwnProcessId(VOID);

// object.c: CmPortReferenceObject and CmPortDereferenceObject are for all objects of this module.
typedef struct CMK_TYPE {
    VOID (*Delete)(PVOID Object);
    volatile LONG Live;
} CMK_TYPE;

extern CMK_TYPE CmkKeyType;
extern CMK_TYPE CmkProcessType;
extern CMK_TYPE CmkTokenType;
extern CMK_TYPE CmkFileType;
extern CMK_TYPE CmkTransactionType;
// Zeroed, with one reference; NULL if there is no memory.
PVOID CmkCreateObject(CMK_TYPE *Type, SIZE_T Size);
// NULL: the object is Wine's.
CMK_TYPE *CmkTypeOf(PVOID Object);

// process.c
VOID CmkInitializeProcesses(VOID);
VOID CmkShutdownProcesses(VOID);
// The process for which the calling thread acts; lives until CmkLeaveProcess.
PVOID CmkCurrentProcess(VOID);
VOID CmkLeaveProcess(CMK_THREAD *Thread);
// Without winedevice.
ULONG CmkCountProcesses(VOID);
// Wine's handle, not to be closed; NULL if there is none.
HANDLE CmkProcessHandle(PVOID Process);
NTSTATUS CmkOpenProcessObject(PVOID Process, ULONG Attributes, ACCESS_MASK Access, PHANDLE Handle);

// port.c
VOID NTAPI CmkKeInitializeMutex(PRKMUTEX Mutex, ULONG Level);
LONG NTAPI CmkKeReleaseMutex(PRKMUTEX Mutex, BOOLEAN Wait);

// process_notify.c
VOID CmkInitializeProcessNotify(VOID);
// A process makes its first call. Not with a lock held.
VOID CmkNotifyProcess(HANDLE Id);

// file.c
NTSTATUS CmkReferenceFile(HANDLE Handle, PVOID *Object);
NTSTATUS CmkQueryFileName(PVOID Object, POBJECT_NAME_INFORMATION Information, ULONG Length, PULONG ReturnLength);

// device_path.c: `\??\C:\name` as `\Device\HarddiskVolume1\name`. Free the buffer with CMK_TAG.
NTSTATUS CmkDevicePath(PCUNICODE_STRING Path, PUNICODE_STRING Result);

// transaction.c
NTSTATUS CmkCreateTransaction(PHANDLE Handle);
// Keep: commit, else roll back.
NTSTATUS CmkEndTransaction(HANDLE Handle, BOOLEAN Keep);
NTSTATUS CmkOpenTransactionObject(PVOID Transaction, ULONG Attributes, ACCESS_MASK Access, KPROCESSOR_MODE Mode,
                                  PHANDLE Handle);
// One of its handles is closed.
VOID CmkCloseTransaction(PVOID Transaction);

// handle.c
NTSTATUS CmkReferenceByHandle(HANDLE Handle, CMK_TYPE *Type, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode,
                              PVOID *Object, ACCESS_MASK *GrantedAccess);
VOID CmkInitializeHandles(VOID);
// Whether the number is one of those that are given out here.
BOOLEAN CmkIsOwnHandle(HANDLE Handle);
// Another handle of the current process with the same access.
NTSTATUS CmkDuplicateHandle(HANDLE Handle, PHANDLE Duplicate);
NTSTATUS CmkCloseHandle(HANDLE Handle, KPROCESSOR_MODE Mode);
// Closes all handles of a process, as its exit does.
VOID CmkCloseProcessHandles(HANDLE ProcessId);
VOID CmkCountHandles(unsigned int *Handles, unsigned int *KernelHandles);

// pool.c: what the driver allocates, and what is allocated for it to free.
PVOID CmkExAllocatePoolWithTag(POOL_TYPE Type, SIZE_T Size, ULONG Tag);
VOID CmkExFreePoolWithTag(PVOID Memory, ULONG Tag);
VOID CmkPoolUsage(unsigned long long *Blocks, unsigned long long *Bytes, unsigned long long *Allocations);

// store_zw.c: the registry of this Wine prefix.
extern CM_STORE CmkRegistryStore;

// filter.c: sits above the driver's device.
extern volatile LONG CmkFilterDevices;
BOOLEAN CmkIsFilter(PDEVICE_OBJECT Device);
NTSTATUS CmkFilterDispatch(PDEVICE_OBJECT Device, PIRP Irp);
// On the thread that stands in for the one that made the request.
VOID CmkFilterRun(PDEVICE_OBJECT Device, PIRP Irp);

// request.c: requests to the driver.
VOID CmkInitializeRequests(VOID);
// Nobody makes any more. Waits until no worker runs code of this module.
VOID CmkShutdownRequests(VOID);
// On the dispatching thread, which knows whose request it is. CmkFilterRun is called on another one.
VOID CmkQueueRequest(PIRP Irp);

// actor.c: one thread for each handle of the control device.
typedef struct CMK_ACTOR CMK_ACTOR;
extern volatile LONG CmkActors;
VOID CmkInitializeActors(VOID);
// Waits until no actor thread runs code of this module any more.
VOID CmkShutdownActors(VOID);
NTSTATUS CmkCreateActor(HANDLE ProcessId, CMK_ACTOR **Actor);
// The IRP is completed on the actor's thread.
NTSTATUS CmkQueueOperation(CMK_ACTOR *Actor, PIRP Irp);
// The thread finishes what was queued, completes `CloseIrp` and ends.
NTSTATUS CmkCloseActor(CMK_ACTOR *Actor, PIRP CloseIrp);

// operation.c: carries out one request as the current thread. Reply has ReplySize bytes; returns how many were used.
ULONG CmkRunOperation(const CMK_REQUEST *Request, CMK_REPLY *Reply, ULONG ReplySize);

#endif
