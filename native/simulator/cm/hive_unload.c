// SPDX-License-Identifier: MIT
//
// NtUnloadKey, NtUnloadKey2 and NtUnloadKeyEx.

#include "hive.h"
#include "calls.h"

// With both locks held: whether somebody uses the hive, apart from the caller and the list.
static BOOLEAN CmpIsUsed(PCM_KEY Root) {
    return Root->References > 2;
}

// Event is taken over if the hive is to be unloaded later.
static NTSTATUS CmpUnload(PCM_KEY Root, BOOLEAN Force, PVOID *Event) {
    PCM_HIVE Hive;
    NTSTATUS Status = STATUS_SUCCESS;

    CmpLockHives();
    CmpLockRegistry();
    Hive = Root->Hive;
    if (Root->Deleted) {
        Status = STATUS_KEY_DELETED;
    } else if (Hive == NULL) {
        Status = STATUS_INVALID_PARAMETER;
    } else if (CmpIsUsed(Root) && !Force) {
        Status = STATUS_CANNOT_DELETE;
        // The statuses of a deferred unload are not documented.
        if (*Event != NULL && Hive->Event == NULL) {
            Hive->Unloading = TRUE;
            Hive->Event = *Event;
            *Event = NULL;
            Status = STATUS_PENDING;
        }
    }
    if (Status == STATUS_SUCCESS) {
        Status = CmpRemoveHive(Hive);
    } else {
        CmpUnlockRegistry();
    }
    CmpUnlockHives();
    return Status;
}

static NTSTATUS CmpNotifyUnload(PCM_KEY_BODY Body, BOOLEAN Force, PVOID *Event) {
    REG_UNLOAD_KEY_INFORMATION Information = {.Object = Body, .UserEvent = *Event};
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreUnLoadKey, &Information, Body);

    if (!Operation.Stopped) {
        Status = CmpUnload(Body->Key, Force, Event);
        if (Status == STATUS_SUCCESS && *Event != NULL) {
            CmPortSetEvent(*Event);
        }
    }
    return CmpPostNotify(&Operation, Status, NT_SUCCESS(Status) ? CmpPoison() : Body);
}

static NTSTATUS CmpUnloadTarget(POBJECT_ATTRIBUTES TargetKey, BOOLEAN Force, HANDLE EventHandle) {
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    PCM_KEY_BODY Body;
    PVOID Event = NULL;
    NTSTATUS Status;

    CmpCheckIrql(PASSIVE_LEVEL);
    if (!CmPortHoldsPrivilege(SE_RESTORE_PRIVILEGE, Mode)) {
        return STATUS_PRIVILEGE_NOT_HELD;
    }
    if (EventHandle != NULL) {
        Status = CmPortReferenceEvent(EventHandle, Mode, &Event);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
    }
    // The open is reported like any other.
    Status = CmpOpenKeyObject(TargetKey, KEY_WRITE, Mode, &Body);
    if (Status == STATUS_SUCCESS) {
        Status = CmpNotifyUnload(Body, Force, &Event);
        CmPortDereferenceObject(Body);
    }
    if (Event != NULL) {
        CmPortDereferenceObject(Event);
    }
    return Status;
}

NTSTATUS NTAPI CM_NT(UnloadKey)(POBJECT_ATTRIBUTES TargetKey) {
    return CmpUnloadTarget(TargetKey, FALSE, NULL);
}

NTSTATUS NTAPI CM_NT(UnloadKey2)(POBJECT_ATTRIBUTES TargetKey, ULONG Flags) {
    return Flags & ~(ULONG)REG_FORCE_UNLOAD ? STATUS_INVALID_PARAMETER
                                            : CmpUnloadTarget(TargetKey, Flags == REG_FORCE_UNLOAD, NULL);
}

NTSTATUS NTAPI CM_NT(UnloadKeyEx)(POBJECT_ATTRIBUTES TargetKey, HANDLE Event) {
    return CmpUnloadTarget(TargetKey, FALSE, Event);
}
