// SPDX-License-Identifier: MIT
//
// Calling the registrations: pre from the highest altitude down, post from the lowest up.

#include "cmp.h"

#define CM_PRE(post, type) [(post)-1] = {post, FIELD_OFFSET(type, CallContext), FALSE, FALSE}

static const CM_CLASS CmpClasses[] = {
    [RegNtPreDeleteKey] = {RegNtPostDeleteKey, FIELD_OFFSET(REG_DELETE_KEY_INFORMATION, CallContext), FALSE, FALSE},
    [RegNtPreSetValueKey] = {RegNtPostSetValueKey, FIELD_OFFSET(REG_SET_VALUE_KEY_INFORMATION, CallContext), FALSE,
                             FALSE},
    [RegNtPreDeleteValueKey] = {RegNtPostDeleteValueKey, FIELD_OFFSET(REG_DELETE_VALUE_KEY_INFORMATION, CallContext),
                                FALSE, FALSE},
    [RegNtPreSetInformationKey] = {RegNtPostSetInformationKey,
                                   FIELD_OFFSET(REG_SET_INFORMATION_KEY_INFORMATION, CallContext), FALSE, FALSE},
    [RegNtPreRenameKey] = {RegNtPostRenameKey, FIELD_OFFSET(REG_RENAME_KEY_INFORMATION, CallContext), FALSE, FALSE},
    [RegNtPreEnumerateKey] = {RegNtPostEnumerateKey, FIELD_OFFSET(REG_ENUMERATE_KEY_INFORMATION, CallContext), FALSE,
                              FALSE},
    [RegNtPreEnumerateValueKey] = {RegNtPostEnumerateValueKey,
                                   FIELD_OFFSET(REG_ENUMERATE_VALUE_KEY_INFORMATION, CallContext), FALSE, FALSE},
    [RegNtPreQueryKey] = {RegNtPostQueryKey, FIELD_OFFSET(REG_QUERY_KEY_INFORMATION, CallContext), FALSE, FALSE},
    [RegNtPreQueryValueKey] = {RegNtPostQueryValueKey, FIELD_OFFSET(REG_QUERY_VALUE_KEY_INFORMATION, CallContext),
                               FALSE, FALSE},
    [RegNtPreQueryMultipleValueKey] = {RegNtPostQueryMultipleValueKey,
                                       FIELD_OFFSET(REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION, CallContext), FALSE,
                                       FALSE},
    [RegNtPreKeyHandleClose] = {RegNtPostKeyHandleClose, FIELD_OFFSET(REG_KEY_HANDLE_CLOSE_INFORMATION, CallContext),
                                TRUE, TRUE},
    CM_PRE(RegNtPostCreateKeyEx, REG_CREATE_KEY_INFORMATION),
    CM_PRE(RegNtPostOpenKeyEx, REG_OPEN_KEY_INFORMATION),
    CM_PRE(RegNtPostFlushKey, REG_FLUSH_KEY_INFORMATION),
    CM_PRE(RegNtPostLoadKey, REG_LOAD_KEY_INFORMATION),
    CM_PRE(RegNtPostUnLoadKey, REG_UNLOAD_KEY_INFORMATION),
    CM_PRE(RegNtPostQueryKeySecurity, REG_QUERY_KEY_SECURITY_INFORMATION),
    CM_PRE(RegNtPostSetKeySecurity, REG_SET_KEY_SECURITY_INFORMATION),
    CM_PRE(RegNtPostRestoreKey, REG_RESTORE_KEY_INFORMATION),
    CM_PRE(RegNtPostSaveKey, REG_SAVE_KEY_INFORMATION),
    CM_PRE(RegNtPostReplaceKey, REG_REPLACE_KEY_INFORMATION),
    [RegNtPreQueryKeyName] = {RegNtPostQueryKeyName, FIELD_OFFSET(REG_QUERY_KEY_NAME, CallContext), FALSE, TRUE},
    [49] = {50, FIELD_OFFSET(REG_SAVE_MERGED_KEY_INFORMATION, CallContext), FALSE, FALSE},
};

// What a class of its own, without a partner, looks like to the code here.
static const CM_CLASS CmpLoneClass;

const CM_CLASS *CmpClassOf(ULONG NotifyClass) {
    return NotifyClass < RTL_NUMBER_OF(CmpClasses) ? &CmpClasses[NotifyClass] : &CmpLoneClass;
}

static PVOID *CmpCallContextField(const CM_OPERATION *Operation) {
    return (PVOID *)((PUCHAR)Operation->Pre + Operation->Class->CallContext);
}

static PVOID *CmpObjectContextField(const CM_OPERATION *Operation) {
    return CmpCallContextField(Operation) + 1;
}

static DECLSPEC_NOINLINE NTSTATUS CmpCallFunction(PEX_CALLBACK_FUNCTION Function, PVOID Context, ULONG NotifyClass,
                                                  PVOID Information) {
    return Function(Context, (PVOID)(ULONG_PTR)NotifyClass, Information);
}

static NTSTATUS CmpInvoke(PCM_REGISTRATION Registration, ULONG NotifyClass, PVOID Information) {
    volatile NTSTATUS Status = STATUS_SUCCESS;
    CM_PORT_CALL Call;

    CmPortEnterCallback(&Call);
    __try {
        Status = CmpCallFunction(Registration->Function, Registration->Context, NotifyClass, Information);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        // REGISTRY_FILTER_DRIVER_EXCEPTION
        KeBugCheckEx(0x135, (ULONG)GetExceptionCode(), 0, (ULONG_PTR)Registration->Function, 0);
    }
    CmPortLeaveCallback(&Call, (PVOID)(ULONG_PTR)Registration->Function);
    return Status;
}

static VOID CmpEnter(PCM_OPERATION Operation) {
    PVOID *Slot = CmPortThreadSlot();

    Operation->Outer = *Slot;
    *Slot = Operation;
    Operation->Entered = TRUE;
    // Normal kernel APCs are held off, so that the thread is neither suspended nor terminated inside a callback.
    KeEnterCriticalRegion();
}

static VOID CmpLeave(PCM_OPERATION Operation) {
    PVOID *Slot = CmPortThreadSlot();

    *Slot = Operation->Outer;
    KeLeaveCriticalRegion();
}

_Use_decl_annotations_
BOOLEAN CmpIsInsideOf(PCM_REGISTRATION Registration) {
    for (PCM_OPERATION Operation = *CmPortThreadSlot(); Operation != NULL; Operation = Operation->Outer) {
        if (Operation->Current == Registration) {
            return TRUE;
        }
        for (PCM_OWED Owed = Operation->Owed; Owed != NULL; Owed = Owed->Next) {
            if (Owed->Registration == Registration) {
                return TRUE;
            }
        }
    }
    return FALSE;
}

// A registration that is to be called, referenced, or NULL.
typedef struct _CM_STEP {
    PCM_REGISTRATION Registration;
    PVOID ObjectContext; // that the registration has with the object of the operation
    LONGLONG Newest;     // the last cookie given out when the operation began
    BOOLEAN Last;        // nobody is called after it
} CM_STEP, *PCM_STEP;

// With the lock held: the first registration from Entry on that takes part in the operation.
static PCM_REGISTRATION CmpFindFrom(PLIST_ENTRY Entry, LONGLONG Newest) {
    for (; Entry != &CmpCallbackList; Entry = Entry->Flink) {
        PCM_REGISTRATION Registration = CONTAINING_RECORD(Entry, CM_REGISTRATION, Link);

        if (!Registration->Leaving && Registration->Cookie.QuadPart <= Newest) {
            return Registration;
        }
    }
    return NULL;
}

// With the lock held.
static VOID CmpTakeFrom(PLIST_ENTRY Entry, PVOID Object, PCM_STEP Step) {
    Step->Registration = CmpFindFrom(Entry, Step->Newest);
    if (Step->Registration == NULL) {
        return;
    }
    Step->Registration->References++;
    Step->ObjectContext = CmpObjectContext(Object, Step->Registration);
    // Those that register from now on do not take part, and one that leaves does not come back.
    Step->Last = CmpFindFrom(Step->Registration->Link.Flink, Step->Newest) == NULL;
    CmpNotificationCount++;
}

// The first registration to call. The place of a thread that is inside a callback is just below that callback; inside
// an operation, but not in a callback, it is the end of the list. Operation: to be counted if there is one, or NULL.
static VOID CmpTakeFirst(PCM_OPERATION Operation, PVOID Object, PCM_STEP Step) {
    PCM_OPERATION Outer = *CmPortThreadSlot();
    KIRQL OldIrql;

    Step->Registration = NULL;
    if (Outer != NULL && Outer->Current == NULL) {
        return;
    }
    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    Step->Newest = CmpLastCookie();
    CmpTakeFrom(Outer != NULL ? Outer->Current->Link.Flink : CmpCallbackList.Flink, Object, Step);
    if (Operation != NULL && Step->Registration != NULL) {
        CmpOperationCount++;
    }
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
}

static VOID CmpTakeNext(PVOID Object, BOOLEAN Release, PCM_STEP Step) {
    PCM_REGISTRATION Registration = Step->Registration;
    KIRQL OldIrql;

    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    CmpTakeFrom(Registration->Link.Flink, Object, Step);
    if (Release) {
        CmpReleaseRegistration(Registration);
    }
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
}

// Registration may be NULL. Ended: an operation is over.
static VOID CmpRelease(PCM_REGISTRATION Registration, BOOLEAN Ended) {
    KIRQL OldIrql;

    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    if (Registration != NULL) {
        CmpReleaseRegistration(Registration);
    }
    if (Ended) {
        CmpOperationCount--;
    }
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
}

// One was counted when its registration was taken, and was not delivered.
static VOID CmpForgetNotification(VOID) {
    KIRQL OldIrql;

    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    CmpNotificationCount--;
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
}

static PCM_OWED CmpNewOwed(PCM_OPERATION Operation) {
    if (Operation->InlineUsed < RTL_NUMBER_OF(Operation->Inline)) {
        return &Operation->Inline[Operation->InlineUsed++];
    }
    return CmStoreAllocate(sizeof(CM_OWED));
}

static VOID CmpFreeOwed(PCM_OPERATION Operation, PCM_OWED Owed) {
    if (Owed < Operation->Inline || Owed >= Operation->Inline + RTL_NUMBER_OF(Operation->Inline)) {
        CmStoreFree(Owed);
    }
}

// TRUE: go on with the next one.
static BOOLEAN CmpCallPre(PCM_OPERATION Operation, ULONG NotifyClass, const CM_STEP *Step, NTSTATUS *Status) {
    PCM_REGISTRATION Registration = Step->Registration;
    PCM_OWED Owed = CmpNewOwed(Operation);
    NTSTATUS Result;

    if (Owed == NULL) {
        CmpForgetNotification();
        Operation->Stopped = TRUE;
        *Status = STATUS_INSUFFICIENT_RESOURCES;
        return FALSE;
    }
    *CmpCallContextField(Operation) = NULL;
    *CmpObjectContextField(Operation) = Step->ObjectContext;
    Operation->Current = Registration;
    Result = CmpInvoke(Registration, NotifyClass, Operation->Pre);
    Operation->Current = NULL;
    if (!NT_SUCCESS(Result) && !Operation->Class->CannotStop) {
        CmpFreeOwed(Operation, Owed);
        Operation->Stopped = TRUE;
        *Status = Result == STATUS_CALLBACK_BYPASS ? STATUS_SUCCESS : Result;
        return FALSE;
    }
    Owed->Registration = Registration;
    Owed->CallContext = *CmpCallContextField(Operation);
    Owed->Next = Operation->Owed;
    Operation->Owed = Owed;
    return TRUE;
}

NTSTATUS CmpPreNotify(PCM_OPERATION Operation, ULONG NotifyClass, PVOID Information, PVOID Object) {
    NTSTATUS Status = STATUS_SUCCESS;
    CM_STEP Step;

    CmpCheckIrql(APC_LEVEL);
    RtlZeroMemory(Operation, sizeof(*Operation));
    Operation->Class = CmpClassOf(NotifyClass);
    Operation->Pre = Information;
    Operation->Object = Object;
    CmpTakeFirst(Operation, Object, &Step);
    if (Step.Registration == NULL) {
        return STATUS_SUCCESS;
    }
    CmpEnter(Operation);
    while (Step.Registration != NULL) {
        if (!CmpCallPre(Operation, NotifyClass, &Step, &Status)) {
            CmpRelease(Step.Registration, FALSE);
            break;
        }
        if (Step.Last) {
            break;
        }
        CmpTakeNext(Object, FALSE, &Step);
    }
    *CmpCallContextField(Operation) = NULL;
    *CmpObjectContextField(Operation) = NULL;
    return Status;
}

static VOID CmpFindPostContexts(PCM_OPERATION Operation, PCM_OWED Owed, PREG_POST_OPERATION_INFORMATION Post) {
    KIRQL OldIrql;

    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    Post->ObjectContext = CmpObjectContext(Post->Object, Owed->Registration);
    *CmpObjectContextField(Operation) = Operation->Object == Post->Object
                                            ? Post->ObjectContext
                                            : CmpObjectContext(Operation->Object, Owed->Registration);
    CmpNotificationCount++;
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
}

static VOID CmpCallPost(PCM_OPERATION Operation, PCM_OWED Owed, PREG_POST_OPERATION_INFORMATION Post,
                        NTSTATUS *Status) {
    NTSTATUS Result;

    Post->CallContext = Owed->CallContext;
    CmpFindPostContexts(Operation, Owed, Post);
    Operation->Current = Owed->Registration;
    Result = CmpInvoke(Owed->Registration, Operation->Class->Post, Post);
    Operation->Current = NULL;
    if (Result == STATUS_CALLBACK_BYPASS) {
        *Status = Post->ReturnStatus;
        Post->Status = *Status;
    } else if (Post->ReturnStatus != *Status) {
        if (CmpSystem.Options.ObservedReturnStatus) {
            *Status = Post->ReturnStatus;
        } else {
            CmpViolation(CmViolationReturnStatus, (ULONG_PTR)Owed->Registration->Function, (ULONG)*Status,
                         (ULONG)Post->ReturnStatus);
            Post->ReturnStatus = *Status;
        }
    }
}

NTSTATUS CmpPostNotify(PCM_OPERATION Operation, NTSTATUS Status, PVOID Object) {
    REG_POST_OPERATION_INFORMATION Post = {
        .Object = Object, .Status = Status, .PreInformation = Operation->Pre, .ReturnStatus = Status};
    NTSTATUS Final = Status;

    if (!Operation->Entered) {
        return Status;
    }
    if (Operation->Owed == NULL) {
        CmpRelease(NULL, TRUE);
    }
    while (Operation->Owed != NULL) {
        PCM_OWED Owed = Operation->Owed;

        CmpCallPost(Operation, Owed, &Post, &Final);
        Operation->Owed = Owed->Next;
        CmpRelease(Owed->Registration, Owed->Next == NULL);
        CmpFreeOwed(Operation, Owed);
    }
    CmpLeave(Operation);
    if (Operation->Class->CannotOverride) {
        return Status;
    }
    return Operation->Stopped && NT_SUCCESS(Final) ? STATUS_SUCCESS : Final;
}

VOID CmpNotifyOne(PCM_REGISTRATION Registration, ULONG NotifyClass, PVOID Information) {
    CM_OPERATION Operation;

    RtlZeroMemory(&Operation, sizeof(Operation));
    CmpEnter(&Operation);
    Operation.Current = Registration;
    CmpInvoke(Registration, NotifyClass, Information);
    CmpLeave(&Operation);
}

VOID CmpNotifyAll(ULONG NotifyClass, PVOID Information) {
    CM_STEP Step;

    for (CmpTakeFirst(NULL, NULL, &Step); Step.Registration != NULL; CmpTakeNext(NULL, TRUE, &Step)) {
        CmpNotifyOne(Step.Registration, NotifyClass, Information);
    }
}
