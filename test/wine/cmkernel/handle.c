// SPDX-License-Identifier: MIT
//
// Handles of keys and transactions. Their numbers lie outside the range that Wine uses, so that ZwClose can tell them
// from Wine's.

#include "kernel.h"

#define USER_BASE 0x0C000000ull
#define KERNEL_BASE 0xFFFFFFFF8C000000ull
#define MAX_HANDLES 0x10000ul

typedef struct HANDLE_ENTRY {
    PVOID Object;
    HANDLE ProcessId; // 0: kernel handle
    ACCESS_MASK Access;
} HANDLE_ENTRY;

static HANDLE_ENTRY Entries[MAX_HANDLES];
static ULONG Used;
static ULONG FirstFree;
static KSPIN_LOCK Lock;

VOID CmkInitializeHandles(VOID) {
    KeInitializeSpinLock(&Lock);
}

static HANDLE NumberOf(ULONG Index, BOOLEAN Kernel) {
    return (HANDLE)((Kernel ? KERNEL_BASE : USER_BASE) + (ULONG64)Index * 4);
}

// The lock is held. A user handle means something in its own process only, a kernel handle only to kernel-mode callers.
static HANDLE_ENTRY *EntryOf(HANDLE Handle, KPROCESSOR_MODE Mode) {
    ULONG64 number = (ULONG64)Handle;
    BOOLEAN kernel = number >= KERNEL_BASE;
    ULONG64 index = (number - (kernel ? KERNEL_BASE : USER_BASE)) / 4;
    HANDLE_ENTRY *entry;

    if (number < USER_BASE || index >= Used || (number & 3) || (kernel && Mode != KernelMode)) {
        return NULL;
    }
    entry = &Entries[index];
    if (!entry->Object || entry->ProcessId != (kernel ? NULL : CmkPsGetCurrentProcessId())) {
        return NULL;
    }
    return entry;
}

NTSTATUS CmkReferenceByHandle(HANDLE Handle, CMK_TYPE *Type, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode,
                              PVOID *Object, ACCESS_MASK *GrantedAccess) {
    NTSTATUS status = STATUS_INVALID_HANDLE;
    HANDLE_ENTRY *entry;
    KIRQL irql;

    KeAcquireSpinLock(&Lock, &irql);
    entry = EntryOf(Handle, Mode);
    if (entry) {
        if (CmkTypeOf(entry->Object) != Type) {
            status = STATUS_OBJECT_TYPE_MISMATCH;
        } else if (Mode != KernelMode && (DesiredAccess & ~entry->Access) != 0) {
            status = STATUS_ACCESS_DENIED;
        } else {
            CmPortReferenceObject(entry->Object);
            *Object = entry->Object;
            if (GrantedAccess) {
                *GrantedAccess = entry->Access;
            }
            status = STATUS_SUCCESS;
        }
    }
    KeReleaseSpinLock(&Lock, irql);
    return status;
}

NTSTATUS CmPortReferenceKeyByHandle(HANDLE Handle, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode, PVOID *Object) {
    return CmkReferenceByHandle(Handle, &CmkKeyType, DesiredAccess, Mode, Object, NULL);
}

NTSTATUS CmPortCreateHandle(PVOID Object, ACCESS_MASK GrantedAccess, ULONG Attributes, KPROCESSOR_MODE Mode,
                            PHANDLE Handle) {
    BOOLEAN kernel = Mode == KernelMode && (Attributes & OBJ_KERNEL_HANDLE) != 0;
    HANDLE owner = kernel ? NULL : CmkPsGetCurrentProcessId();
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
    ULONG index;
    KIRQL irql;

    KeAcquireSpinLock(&Lock, &irql);
    for (index = FirstFree; index < Used && Entries[index].Object; ++index) {
    }
    if (index < MAX_HANDLES) {
        CmPortReferenceObject(Object);
        Entries[index] = (HANDLE_ENTRY){.Object = Object, .ProcessId = owner, .Access = GrantedAccess};
        FirstFree = index + 1;
        Used = max(Used, index + 1);
        *Handle = NumberOf(index, kernel);
        status = STATUS_SUCCESS;
    }
    KeReleaseSpinLock(&Lock, irql);
    return status;
}

NTSTATUS CmkDuplicateHandle(HANDLE Handle, PHANDLE Duplicate) {
    ACCESS_MASK access;
    PVOID object;
    NTSTATUS status = CmkReferenceByHandle(Handle, &CmkKeyType, 0, UserMode, &object, &access);

    if (NT_SUCCESS(status)) {
        status = CmPortCreateHandle(object, access, 0, UserMode, Duplicate);
        CmPortDereferenceObject(object);
    }
    return status;
}

// What a handle referred to.
static VOID Release(PVOID Object) {
    if (CmkTypeOf(Object) == &CmkTransactionType) {
        CmkCloseTransaction(Object);
    }
    CmPortDereferenceObject(Object);
}

NTSTATUS CmkCloseHandle(HANDLE Handle, KPROCESSOR_MODE Mode) {
    PVOID object = NULL;
    HANDLE_ENTRY *entry;
    KIRQL irql;

    KeAcquireSpinLock(&Lock, &irql);
    entry = EntryOf(Handle, Mode);
    if (entry) {
        object = entry->Object;
        entry->Object = NULL;
        FirstFree = min(FirstFree, (ULONG)(entry - Entries));
    }
    KeReleaseSpinLock(&Lock, irql);
    if (!object) {
        return STATUS_INVALID_HANDLE;
    }
    Release(object);
    return STATUS_SUCCESS;
}

VOID CmPortCloseHandle(HANDLE Handle, KPROCESSOR_MODE Mode) {
    CmkCloseHandle(Handle, Mode);
}

VOID CmkCloseProcessHandles(HANDLE ProcessId) {
    for (ULONG index = 0;; ++index) {
        PVOID object = NULL;
        KIRQL irql;

        KeAcquireSpinLock(&Lock, &irql);
        if (index >= Used) {
            KeReleaseSpinLock(&Lock, irql);
            return;
        }
        if (Entries[index].Object && Entries[index].ProcessId == ProcessId) {
            object = Entries[index].Object;
            Entries[index].Object = NULL;
            FirstFree = min(FirstFree, index);
        }
        KeReleaseSpinLock(&Lock, irql);
        if (object) {
            Release(object);
        }
    }
}

VOID CmkCountHandles(unsigned int *Handles, unsigned int *KernelHandles) {
    KIRQL irql;

    *Handles = 0;
    *KernelHandles = 0;
    KeAcquireSpinLock(&Lock, &irql);
    for (ULONG index = 0; index < Used; ++index) {
        if (Entries[index].Object) {
            ++*(Entries[index].ProcessId ? Handles : KernelHandles);
        }
    }
    KeReleaseSpinLock(&Lock, irql);
}

BOOLEAN CmkIsOwnHandle(HANDLE Handle) {
    ULONG64 number = (ULONG64)Handle;

    return number >= KERNEL_BASE ? number < KERNEL_BASE + MAX_HANDLES * 4ull
                                 : number >= USER_BASE && number < USER_BASE + MAX_HANDLES * 4ull;
}

NTSTATUS CmkZwClose(HANDLE Handle) {
    return CmkIsOwnHandle(Handle) ? CmkCloseHandle(Handle, KernelMode) : ZwClose(Handle);
}
