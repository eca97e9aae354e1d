// SPDX-License-Identifier: MIT
//
// The configuration manager on the simulator's executive.

#include "cmp.h"
#include "nt/ob_internal.h"
#include "nt/tm_internal.h"

static POBJECT_TYPE CmpKeyType;
static _Thread_local PVOID CmpThreadSlot;

static NTSTATUS CmpOpenProcedure(PEPROCESS Process, PVOID Object, ACCESS_MASK GrantedAccess) {
    UNREFERENCED_PARAMETER(Process);
    UNREFERENCED_PARAMETER(GrantedAccess);
    // The status that real systems give is not documented.
    return CmMayOpenKeyObject(Object) ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
}

NTSTATUS CmPortInitialize(VOID) {
    static const SIM_OBJECT_TYPE_INITIALIZER Initializer = {
        .Name = "Key",
        .BodySize = sizeof(CM_KEY_BODY),
        .ValidAccess = KEY_ALL_ACCESS | ACCESS_SYSTEM_SECURITY,
        .Mapping = {KEY_READ, KEY_WRITE, KEY_EXECUTE, KEY_ALL_ACCESS},
        .Delete = CmDeleteKeyObject,
        .Open = CmpOpenProcedure,
        .QueryName = CmQueryKeyObjectName,
        .SetSecurity = CmSetKeyObjectSecurity,
        .QuerySecurity = CmQueryKeyObjectSecurity,
    };

    SimExemptPoolTag(CM_TAG);
    CmpKeyType = SimCreateObjectType(&Initializer);
    CmKeyObjectType = &CmpKeyType;
    return CmpKeyType != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

VOID CmPortTerminate(VOID) {
    SimDeleteObjectType(CmpKeyType);
    CmpKeyType = NULL;
}

NTSTATUS CmPortCreateKeyObject(SIZE_T Size, PVOID *Object) {
    NT_ASSERT(Size == sizeof(CM_KEY_BODY));
    *Object = SimCreateObject(CmpKeyType);
    return *Object != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

VOID CmPortReferenceObject(PVOID Object) {
    ObReferenceObject(Object);
}

VOID CmPortDereferenceObject(PVOID Object) {
    ObDereferenceObject(Object);
}

NTSTATUS CmPortReferenceKeyByHandle(HANDLE Handle, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode, PVOID *Object) {
    return ObReferenceObjectByHandle(Handle, DesiredAccess, CmpKeyType, Mode, Object, NULL);
}

NTSTATUS CmPortCreateHandle(PVOID Object, ACCESS_MASK GrantedAccess, ULONG Attributes, KPROCESSOR_MODE Mode,
                            PHANDLE Handle) {
    UNREFERENCED_PARAMETER(Mode);
    return SimInsertHandle(Object, Attributes, GrantedAccess, Handle);
}

VOID CmPortCloseHandle(HANDLE Handle, KPROCESSOR_MODE Mode) {
    ObCloseHandle(Handle, Mode);
}

PVOID *CmPortThreadSlot(VOID) {
    return &CmpThreadSlot;
}

KPROCESSOR_MODE CmPortSetPreviousMode(KPROCESSOR_MODE Mode) {
    return SimSetPreviousMode(Mode);
}

C_ASSERT(sizeof(SIM_CALL_STATE) <= sizeof(CM_PORT_CALL));

VOID CmPortEnterCallback(PCM_PORT_CALL Call) {
    SimEnterDriver((SIM_CALL_STATE *)Call);
}

VOID CmPortLeaveCallback(PCM_PORT_CALL Call, PVOID Callback) {
    SimLeaveDriver((const SIM_CALL_STATE *)Call, "registry callback", Callback);
}

KIRQL CmPortCurrentIrql(VOID) {
    return KeGetCurrentIrql();
}

VOID CmPortSystemTime(PLARGE_INTEGER Time) {
    KeQuerySystemTimePrecise(Time);
}

PVOID CmPortKeyObjectType(VOID) {
    return CmpKeyType;
}

NTSTATUS CmPortMakeFileHandle(HANDLE File, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode, PHANDLE SystemHandle) {
    PVOID Object;
    NTSTATUS Status = ObReferenceObjectByHandle(File, DesiredAccess, *IoFileObjectType, Mode, &Object, NULL);

    if (NT_SUCCESS(Status)) {
        Status = ObOpenObjectByPointer(Object, OBJ_KERNEL_HANDLE, NULL, DesiredAccess | SYNCHRONIZE, *IoFileObjectType,
                                       KernelMode, SystemHandle);
        ObDereferenceObject(Object);
    }
    return Status;
}

VOID CmPortKeepHandle(HANDLE Handle) {
    SimExemptHandle(Handle);
}

NTSTATUS CmPortReferenceEvent(HANDLE Event, KPROCESSOR_MODE Mode, PVOID *Object) {
    return ObReferenceObjectByHandle(Event, EVENT_MODIFY_STATE, *ExEventObjectType, Mode, Object, NULL);
}

VOID CmPortSetEvent(PVOID Object) {
    KeSetEvent(Object, IO_NO_INCREMENT, FALSE);
}

NTSTATUS CmPortReferenceTransaction(HANDLE Transaction, KPROCESSOR_MODE Mode, PVOID *Object) {
    return ObReferenceObjectByHandle(Transaction, TRANSACTION_ENLIST, *TmTransactionObjectType, Mode, Object, NULL);
}

NTSTATUS CmPortEnlist(PVOID Object, PVOID Context) {
    static const SIM_ENLISTMENT_ROUTINES Routines = {CmPrepareTransaction, CmCommitTransaction, CmRollbackTransaction};

    return SimEnlistTransaction(Object, &Routines, Context);
}
