// SPDX-License-Identifier: MIT
//
// Object contexts: one pointer for each pair of key object and registration.

#include "cmp.h"

static PCM_OBJECT_CONTEXT CmpFindContext(PCM_KEY_BODY Body, PCM_REGISTRATION Registration) {
    for (PLIST_ENTRY Entry = Body->Contexts.Flink; Entry != &Body->Contexts; Entry = Entry->Flink) {
        PCM_OBJECT_CONTEXT Context = CONTAINING_RECORD(Entry, CM_OBJECT_CONTEXT, BodyLink);

        if (Context->Registration == Registration) {
            return Context;
        }
    }
    return NULL;
}

_Use_decl_annotations_
PVOID CmpObjectContext(PVOID Object, PCM_REGISTRATION Registration) {
    PCM_OBJECT_CONTEXT Context;
    PCM_KEY_BODY Body;

    if (Object == NULL || IsListEmpty(&Registration->ObjectContexts)) {
        return NULL;
    }
    // Looked up rather than trusted: after an override the object is what a callback put there.
    Body = CmpFindBody(Object);
    Context = Body != NULL ? CmpFindContext(Body, Registration) : NULL;
    return Context != NULL ? Context->Context : NULL;
}

static VOID CmpLinkContext(PCM_OBJECT_CONTEXT Context) {
    PLIST_ENTRY Place = Context->Body->Contexts.Flink;

    while (Place != &Context->Body->Contexts &&
           CONTAINING_RECORD(Place, CM_OBJECT_CONTEXT, BodyLink)->Registration->Cookie.QuadPart >
               Context->Registration->Cookie.QuadPart) {
        Place = Place->Flink;
    }
    InsertTailList(Place, &Context->BodyLink);
    InsertTailList(&Context->Registration->ObjectContexts, &Context->RegistrationLink);
    CmpCount(&CmpObjectContextCount, 1);
}

// With the lock held. *Spare is used up if the object had no context of the registration yet.
static NTSTATUS CmpAttachContext(PVOID Object, LARGE_INTEGER Cookie, PVOID NewContext, PVOID *OldContext,
                                 PCM_OBJECT_CONTEXT *Spare) {
    PCM_KEY_BODY Body = CmpFindBody(Object);
    PCM_REGISTRATION Registration;
    PCM_OBJECT_CONTEXT Context;

    if (Body == NULL || Body->Dying) {
        return STATUS_INVALID_PARAMETER_1;
    }
    Registration = CmpFindRegistration(Cookie);
    if (Registration == NULL || Registration->Drained) {
        return STATUS_INVALID_PARAMETER_2;
    }
    Context = CmpFindContext(Body, Registration);
    if (Context != NULL) {
        *OldContext = Context->Context;
        Context->Context = NewContext;
        return STATUS_SUCCESS;
    }
    if (*Spare == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Context = *Spare;
    *Spare = NULL;
    Context->Registration = Registration;
    Context->Body = Body;
    Context->Context = NewContext;
    CmpLinkContext(Context);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI CmSetCallbackObjectContext(PVOID Object, PLARGE_INTEGER Cookie, PVOID NewContext, PVOID *OldContext) {
    PCM_OBJECT_CONTEXT Spare;
    PVOID Old = NULL;
    NTSTATUS Status;
    KIRQL OldIrql;

    CmpCheckIrql(APC_LEVEL);
    // Allocated in advance, for with the lock held it cannot be.
    Spare = CmStoreAllocate(sizeof(*Spare));
    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    Status = CmpAttachContext(Object, *Cookie, NewContext, &Old, &Spare);
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
    CmStoreFree(Spare);
    if (Status == STATUS_INVALID_PARAMETER_1) {
        CmpViolation(CmViolationBadObject, (ULONG_PTR)Object, 0, 0);
    } else if (Status == STATUS_INVALID_PARAMETER_2) {
        CmpViolation(CmViolationUnknownCookie, (ULONG_PTR)Cookie->QuadPart, 0, 0);
    }
    if (NT_SUCCESS(Status) && OldContext != NULL) {
        *OldContext = Old;
    }
    return Status;
}

// With the lock held: takes the context off both lists and a reference on its registration.
static PCM_OBJECT_CONTEXT CmpUnlinkContext(PCM_OBJECT_CONTEXT Context) {
    RemoveEntryList(&Context->BodyLink);
    RemoveEntryList(&Context->RegistrationLink);
    Context->Registration->References++;
    CmpNotificationCount++;
    return Context;
}

static VOID CmpDeliverCleanup(PCM_OBJECT_CONTEXT Context) {
    REG_CALLBACK_CONTEXT_CLEANUP_INFORMATION Information = {.Object = Context->Body, .ObjectContext = Context->Context};
    PCM_REGISTRATION Registration = Context->Registration;
    KIRQL OldIrql;

    CmStoreFree(Context);
    CmpNotifyOne(Registration, RegNtCallbackObjectContextCleanup, &Information);
    CmpCount(&CmpObjectContextCount, -1);
    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    CmpReleaseRegistration(Registration);
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
}

BOOLEAN CmpHasContexts(PCM_KEY_BODY Body) {
    BOOLEAN Has;
    KIRQL OldIrql;

    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    Has = !IsListEmpty(&Body->Contexts);
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
    return Has;
}

VOID CmpCleanupBodyContexts(PCM_KEY_BODY Body, BOOLEAN Dying) {
    for (;;) {
        PCM_OBJECT_CONTEXT Context = NULL;
        KIRQL OldIrql;

        KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
        Body->Dying |= Dying;
        if (!IsListEmpty(&Body->Contexts)) {
            Context = CmpUnlinkContext(CONTAINING_RECORD(Body->Contexts.Flink, CM_OBJECT_CONTEXT, BodyLink));
        }
        KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
        if (Context == NULL) {
            return;
        }
        CmpDeliverCleanup(Context);
    }
}

VOID CmpCleanupRegistrationContexts(PCM_REGISTRATION Registration) {
    for (;;) {
        PCM_OBJECT_CONTEXT Context = NULL;
        KIRQL OldIrql;

        KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
        if (!IsListEmpty(&Registration->ObjectContexts)) {
            Context = CmpUnlinkContext(
                CONTAINING_RECORD(Registration->ObjectContexts.Flink, CM_OBJECT_CONTEXT, RegistrationLink));
        }
        KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
        if (Context == NULL) {
            return;
        }
        CmpDeliverCleanup(Context);
    }
}
