// SPDX-License-Identifier: MIT
//
// Object routines that a driver calls on keys, processes and files. What is not one of this module's goes on to Wine.

#include "kernel.h"

// Wine exports no object type for keys.
static POBJECT_TYPE KeyType = (POBJECT_TYPE)&CmkKeyType;
POBJECT_TYPE *CmkCmKeyObjectType = &KeyType;

PVOID CmPortKeyObjectType(VOID) {
    return KeyType;
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
    if (own == &CmkKeyType && (!Type || Type == KeyType)) {
        return OpenKeyObject(Object, Attributes, Access, Mode, Handle);
    }
    if (own == &CmkProcessType && (!Type || Type == *PsProcessType)) {
        return CmkOpenProcessObject(Object, Attributes, Access, Handle);
    }
    return STATUS_OBJECT_TYPE_MISMATCH;
}

NTSTATUS NTAPI CmkObReferenceObjectByHandle(HANDLE Handle, ACCESS_MASK Access, POBJECT_TYPE Type, KPROCESSOR_MODE Mode,
                                            PVOID *Object, POBJECT_HANDLE_INFORMATION Information) {
    if (CmkIsOwnHandle(Handle)) {
        return !Type || Type == KeyType ? CmPortReferenceKeyByHandle(Handle, Access, Mode, Object)
                                        : STATUS_OBJECT_TYPE_MISMATCH;
    }
    if (Type && Type == *IoFileObjectType) {
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
