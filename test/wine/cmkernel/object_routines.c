// SPDX-License-Identifier: MIT
//
// Object routines that a driver calls on keys, processes and files. What is not one of this module's goes on to Wine.

#include "kernel.h"

// Wine exports no object types for these.
POBJECT_TYPE CmkCmKeyObjectType = (POBJECT_TYPE)&CmkKeyType;
POBJECT_TYPE CmkTmTransactionObjectType = (POBJECT_TYPE)&CmkTransactionType;

// The variables of Wine's kernel; the headers declare them as what they point to.
extern DECLSPEC_IMPORT POBJECT_TYPE ProcessType __asm__("PsProcessType");
extern DECLSPEC_IMPORT POBJECT_TYPE FileType __asm__("IoFileObjectType");

PVOID CmPortKeyObjectType(VOID) {
    return CmkCmKeyObjectType;
}

static NTSTATUS OpenKeyObject(PVOID Object, ULONG Attributes, ACCESS_MASK Access, KPROCESSOR_MODE Mode,
                              PHANDLE Handle) {
    return CmMayOpenKeyObject(Object) ? CmPortCreateHandle(Object, Access, Attributes, Mode, Handle)
                                      : STATUS_NOT_SUPPORTED;
}

NTSTATUS NTAPI CmkObOpenObjectByPointer(PVOID Object, ULONG Attributes, PACCESS_STATE State, ACCESS_MASK Access,
                                        POBJECT_TYPE Type, KPROCESSOR_MODE Mode, PHANDLE Handle) {
    CMK_TYPE *own = CmkTypeOf(Object);

    if (!own) {
        return ObOpenObjectByPointer(Object, Attributes, State, Access, Type, Mode, Handle);
    }
    if (own == &CmkKeyType && (!Type || Type == CmkCmKeyObjectType)) {
        return OpenKeyObject(Object, Attributes, Access, Mode, Handle);
    }
    if (own == &CmkTransactionType && (!Type || Type == CmkTmTransactionObjectType)) {
        return CmkOpenTransactionObject(Object, Attributes, Access, Mode, Handle);
    }
    if (own == &CmkProcessType && (!Type || Type == ProcessType)) {
        return CmkOpenProcessObject(Object, Attributes, Access, Handle);
    }
    return STATUS_OBJECT_TYPE_MISMATCH;
}

NTSTATUS NTAPI CmkObReferenceObjectByHandle(HANDLE Handle, ACCESS_MASK Access, POBJECT_TYPE Type, KPROCESSOR_MODE Mode,
                                            PVOID *Object, POBJECT_HANDLE_INFORMATION Information) {
    ACCESS_MASK granted = 0;
    NTSTATUS status;

    if (CmkIsOwnHandle(Handle)) {
        status = !Type || Type == CmkCmKeyObjectType
                     ? CmkReferenceByHandle(Handle, &CmkKeyType, Access, Mode, Object, &granted)
                     : STATUS_OBJECT_TYPE_MISMATCH;
        if (Information) {
            Information->HandleAttributes = 0;
            Information->GrantedAccess = granted;
        }
        return status;
    }
    if (Type && Type == FileType) {
        return CmkReferenceFile(Handle, Object);
    }
    return ObReferenceObjectByHandle(Handle, Access, Type, Mode, Object, Information);
}

NTSTATUS NTAPI CmkObQueryNameString(PVOID Object, POBJECT_NAME_INFORMATION Information, ULONG Length,
                                    PULONG ReturnLength) {
    CMK_TYPE *own = CmkTypeOf(Object);

    if (own == &CmkKeyType) {
        return CmQueryKeyObjectName(Object, Information, Length, ReturnLength, KernelMode);
    }
    if (own == &CmkFileType) {
        return CmkQueryFileName(Object, Information, Length, ReturnLength);
    }
    return own ? STATUS_NOT_SUPPORTED : ObQueryNameString(Object, Information, Length, ReturnLength);
}
