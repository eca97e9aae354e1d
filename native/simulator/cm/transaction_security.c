// SPDX-License-Identifier: MIT
//
// The store of the keys that a transaction sees: security, flags, times.

#include "transaction.h"

static NTSTATUS CmpCopyDescriptor(PSECURITY_DESCRIPTOR From, ULONG Length, PSECURITY_DESCRIPTOR *To) {
    *To = CmStoreAllocate(Length);
    if (*To == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlCopyMemory(*To, From, Length);
    return STATUS_SUCCESS;
}

NTSTATUS CmpViewReadSecurity(PVOID Context, CM_NODE Node, PSECURITY_DESCRIPTOR *Descriptor, ULONG *Length) {
    PCM_VIEW View = (PCM_VIEW)Node;
    NTSTATUS Status = CmpCheckView(View);

    UNREFERENCED_PARAMETER(Context);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    // A key that is going to be made has one as soon as it is open.
    while (View->Security == NULL && View->Base == NULL) {
        View = View->Parent;
    }
    if (View->Security == NULL) {
        return CmpKeyStore(View->Base, ReadSecurity, View->Base->Node, Descriptor, Length);
    }
    *Length = View->SecurityLength;
    return CmpCopyDescriptor(View->Security, View->SecurityLength, Descriptor);
}

NTSTATUS CmpViewWriteSecurity(PVOID Context, CM_NODE Node, PSECURITY_DESCRIPTOR Descriptor, ULONG Length) {
    PCM_VIEW View = (PCM_VIEW)Node;
    PSECURITY_DESCRIPTOR Copy;
    NTSTATUS Status = CmpMayChange(View);

    UNREFERENCED_PARAMETER(Context);
    if (NT_SUCCESS(Status)) {
        Status = CmpCopyDescriptor(Descriptor, Length, &Copy);
    }
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    CmStoreFree(View->Security);
    View->Security = Copy;
    View->SecurityLength = Length;
    CmpMarkChanged(View);
    return STATUS_SUCCESS;
}

NTSTATUS CmpViewSetUserFlags(PVOID Context, CM_NODE Node, ULONG Flags) {
    PCM_VIEW View = (PCM_VIEW)Node;
    NTSTATUS Status = CmpMayChange(View);

    UNREFERENCED_PARAMETER(Context);
    if (NT_SUCCESS(Status)) {
        CmpMarkChanged(View);
        View->HasFlags = TRUE;
        View->UserFlags = Flags;
    }
    return Status;
}

NTSTATUS CmpViewSetWriteTime(PVOID Context, CM_NODE Node, LARGE_INTEGER Time) {
    PCM_VIEW View = (PCM_VIEW)Node;
    NTSTATUS Status = CmpMayChange(View);

    UNREFERENCED_PARAMETER(Context);
    if (NT_SUCCESS(Status)) {
        CmpMarkChanged(View);
        View->HasTime = TRUE;
        View->LastWriteTime = Time;
    }
    return Status;
}
