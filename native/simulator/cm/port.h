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

// Security. Descriptors of keys are self-relative; those that these routines hand out are freed with CmStoreFree.
// PASSIVE_LEVEL.

// What the current thread may do with a key that has the descriptor. DesiredAccess may contain MAXIMUM_ALLOWED. For
// Mode KernelMode all of it is granted.
_Must_inspect_result_
NTSTATUS CmPortCheckAccess(PSECURITY_DESCRIPTOR Descriptor, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode,
                           PACCESS_MASK GrantedAccess);
// A copy of what a caller gave.
_Must_inspect_result_
NTSTATUS CmPortCaptureDescriptor(PSECURITY_DESCRIPTOR Descriptor, KPROCESSOR_MODE Mode, PSECURITY_DESCRIPTOR *Captured);
// The descriptor of a new key below one that has Parent. Explicit: what the caller gave, or NULL. *New may come back
// NULL: the store has given the key the right one.
_Must_inspect_result_
NTSTATUS CmPortAssignDescriptor(PSECURITY_DESCRIPTOR Parent, PSECURITY_DESCRIPTOR Explicit, PSECURITY_DESCRIPTOR *New,
                                PULONG NewLength);
// Current with the parts of Change that Information names.
_Must_inspect_result_
NTSTATUS CmPortChangeDescriptor(PSECURITY_DESCRIPTOR Current, SECURITY_INFORMATION Information,
                                PSECURITY_DESCRIPTOR Change, PSECURITY_DESCRIPTOR *New, PULONG NewLength);
// The parts that Information names, in Buffer, which is kernel memory of *Length bytes. STATUS_BUFFER_TOO_SMALL with
// the length that is needed.
_Must_inspect_result_
NTSTATUS CmPortExtractDescriptor(PSECURITY_DESCRIPTOR Descriptor, SECURITY_INFORMATION Information,
                                 PSECURITY_DESCRIPTOR Buffer, PULONG Length);
// SE_BACKUP_PRIVILEGE and the like.
BOOLEAN CmPortHoldsPrivilege(LONG Privilege, KPROCESSOR_MODE Mode);
// The current process is a 32-bit one.
BOOLEAN CmPortIsWow64Process(VOID);

KIRQL CmPortCurrentIrql(VOID);
VOID CmPortSystemTime(PLARGE_INTEGER Time);
// What REG_CREATE_KEY_INFORMATION.ObjectType says; may be NULL.
PVOID CmPortKeyObjectType(VOID);

// A handle of the system, to be closed with ZwClose, of the file that the caller's handle means. DesiredAccess as for
// CmPortReferenceKeyByHandle.
_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS CmPortMakeFileHandle(HANDLE File, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode, PHANDLE SystemHandle);

// The handle is kept open by the system itself: a host that counts what drivers leave open leaves it out.
VOID CmPortKeepHandle(HANDLE Handle);

// The caller's event, referenced.
_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS CmPortReferenceEvent(HANDLE Event, KPROCESSOR_MODE Mode, PVOID *Object);
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID CmPortSetEvent(PVOID Object);

// The caller's transaction, referenced, and taking part in it. STATUS_NOT_SUPPORTED where there are none.
_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS CmPortReferenceTransaction(HANDLE Transaction, KPROCESSOR_MODE Mode, PVOID *Object);
// The host calls CmPrepareTransaction, whose failure means that all is rolled back, and then, once and for the last
// time, either CmCommitTransaction or CmRollbackTransaction. STATUS_TRANSACTION_NOT_ACTIVE: it is over already.
_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS CmPortEnlist(PVOID Object, PVOID Context);

// For the host's transaction manager, with what CmPortEnlist was given.
_IRQL_requires_max_(PASSIVE_LEVEL)
NTSTATUS CmPrepareTransaction(PVOID Context);
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID CmCommitTransaction(PVOID Context);
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID CmRollbackTransaction(PVOID Context);

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
// The security procedure: NtQuerySecurityObject and NtSetSecurityObject, after the rights of the handle have been
// checked. What is queried goes to Descriptor, a buffer of *Length bytes that belongs to the caller; Length itself does
// not, and comes back as what is needed. What is set is captured, valid and self-relative.
_IRQL_requires_(PASSIVE_LEVEL)
_IRQL_requires_same_
NTSTATUS CmQueryKeyObjectSecurity(PVOID Object, SECURITY_INFORMATION Information, PSECURITY_DESCRIPTOR Descriptor,
                                  PULONG Length, KPROCESSOR_MODE Mode);
_IRQL_requires_(PASSIVE_LEVEL)
_IRQL_requires_same_
NTSTATUS CmSetKeyObjectSecurity(PVOID Object, SECURITY_INFORMATION Information, PSECURITY_DESCRIPTOR Descriptor,
                                KPROCESSOR_MODE Mode);
// FALSE while the create or open that makes the object is still on its way: since Windows 8.1 such an object cannot be
// opened by pointer.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN CmMayOpenKeyObject(PVOID Object);

#ifdef __cplusplus
}
#endif

#endif
