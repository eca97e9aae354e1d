// SPDX-License-Identifier: MIT
//
// What differs between the hosts of the configuration manager. The host implements CmPort*; the configuration manager
// implements the few routines at the end, for the host's object manager to call.

#ifndef CM_PORT_H
#define CM_PORT_H

#include "compat.h"

#ifdef __cplusplus
extern "C" {
#endif

// A host whose own NtCreateKey and ZwCreateKey lie below this configuration manager gives the ones made here other
// names, and exports them under the real ones.
#ifdef CM_PREFIXED_CALLS
#define CM_NT(name) CmNt##name
#define CM_ZW(name) CmZw##name
#else
#define CM_NT(name) Nt##name
#define CM_ZW(name) Zw##name
#endif

_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS CmPortInitialize(VOID);
VOID CmPortTerminate(VOID);

// A key object: Size zeroed bytes, one reference. When the last reference goes the host calls CmDeleteKeyObject in that
// thread and frees the memory afterwards.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS CmPortCreateKeyObject(SIZE_T Size, PVOID *Object);
VOID CmPortReferenceObject(PVOID Object);
_IRQL_requires_max_(APC_LEVEL)
VOID CmPortDereferenceObject(PVOID Object);

// STATUS_INVALID_HANDLE, STATUS_OBJECT_TYPE_MISMATCH, STATUS_ACCESS_DENIED as ObReferenceObjectByHandle has them: for
// Mode KernelMode the granted access is not compared. The object comes with a reference.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS CmPortReferenceKeyByHandle(HANDLE Handle, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode, PVOID *Object);
// A handle in the current process, or a kernel handle if Attributes (or Mode) says so. Takes a reference of its own.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS CmPortCreateHandle(PVOID Object, ACCESS_MASK GrantedAccess, ULONG Attributes, KPROCESSOR_MODE Mode,
                            PHANDLE Handle);
// Closes what CmPortCreateHandle made, when its number could not be given to the caller.
_IRQL_requires_max_(APC_LEVEL)
VOID CmPortCloseHandle(HANDLE Handle, KPROCESSOR_MODE Mode);

// A pointer that belongs to the current thread and is NULL at first.
PVOID *CmPortThreadSlot(VOID);

// Previous mode of the current thread: what a Zw routine changes. Returns the mode before.
KPROCESSOR_MODE CmPortSetPreviousMode(KPROCESSOR_MODE Mode);

// Around each call of a callback: the host may check that it comes back with the same IRQL, locks and APC state.
typedef struct _CM_PORT_CALL {
    ULONG_PTR Opaque[8];
} CM_PORT_CALL, *PCM_PORT_CALL;
VOID CmPortEnterCallback(PCM_PORT_CALL Call);
VOID CmPortLeaveCallback(PCM_PORT_CALL Call, PVOID Callback);

KIRQL CmPortCurrentIrql(VOID);
VOID CmPortSystemTime(PLARGE_INTEGER Time);
// What REG_CREATE_KEY_INFORMATION.ObjectType says; may be NULL.
PVOID CmPortKeyObjectType(VOID);

// For the host's object manager.

// The delete procedure: the last reference of a key object is gone.
_IRQL_requires_max_(APC_LEVEL)
_IRQL_requires_same_
VOID CmDeleteKeyObject(PVOID Object);
// The name of a key object for NtQueryObject(ObjectNameInformation) and ObQueryNameString. Mode says whose the buffers
// are.
_IRQL_requires_max_(APC_LEVEL)
_IRQL_requires_same_
NTSTATUS CmQueryKeyObjectName(PVOID Object, POBJECT_NAME_INFORMATION Information, ULONG Length, PULONG ReturnLength,
                              KPROCESSOR_MODE Mode);
// FALSE while the create or open that makes the object is still on its way: since Windows 8.1 such an object cannot be
// opened by pointer.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN CmMayOpenKeyObject(PVOID Object);

#ifdef __cplusplus
}
#endif

#endif
