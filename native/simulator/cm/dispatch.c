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

    InterlockedIncrement64(&CmpNotificationCount);
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

// With the lock held: the first registration from Entry on that takes part in an operation which began when Newest was
// the last cookie given out. It comes referenced.
static PCM_REGISTRATION CmpTakeFrom(PLIST_ENTRY Entry, LONGLONG Newest) {
    for (; Entry != &CmpCallbackList; Entry = Entry->Flink) {
        PCM_REGISTRATION Registration = CONTAINING_RECORD(Entry, CM_REGISTRATION, Link);

        if (!Registration->Leaving && Registration->Cookie.QuadPart <= Newest) {
            Registration->References++;
            return Registration;
        }
    }
    return NULL;
}

// The first registration to call. The place of a thread that is inside a callback is just below that callback; inside
// an operation, but not in a callback, it is the end of the list.
static PCM_REGISTRATION CmpTakeFirst(LONGLONG *Newest) {
    PCM_OPERATION Outer = *CmPortThreadSlot();
    PCM_REGISTRATION First = NULL;
    KIRQL OldIrql;

    if (Outer != NULL && Outer->Current == NULL) {
        return NULL;
    }
    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    *Newest = CmpLastCookie();
    First = CmpTakeFrom(Outer != NULL ? Outer->Current->Link.Flink : CmpCallbackList.Flink, *Newest);
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
    return First;
}

static PCM_REGISTRATION CmpTakeNext(PCM_REGISTRATION Registration, BOOLEAN Release, LONGLONG Newest) {
    PCM_REGISTRATION Next;
    KIRQL OldIrql;

    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    Next = CmpTakeFrom(Registration->Link.Flink, Newest);
    if (Release) {
        CmpReleaseRegistration(Registration);
    }
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
    return Next;
}

static VOID CmpRelease(PCM_REGISTRATION Registration) {
    KIRQL OldIrql;

    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    CmpReleaseRegistration(Registration);
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
static BOOLEAN CmpCallPre(PCM_OPERATION Operation, ULONG NotifyClass, PCM_REGISTRATION Registration, NTSTATUS *Status) {
    PCM_OWED Owed = CmpNewOwed(Operation);
    NTSTATUS Result;

    if (Owed == NULL) {
        Operation->Stopped = TRUE;
        *Status = STATUS_INSUFFICIENT_RESOURCES;
        return FALSE;
    }
    *CmpCallContextField(Operation) = NULL;
    *CmpObjectContextField(Operation) = CmpObjectContext(Operation->Object, Registration);
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
    PCM_REGISTRATION Registration;
    LONGLONG Newest = 0;

    CmpCheckIrql(APC_LEVEL);
    RtlZeroMemory(Operation, sizeof(*Operation));
    Operation->Class = CmpClassOf(NotifyClass);
    Operation->Pre = Information;
    Operation->Object = Object;
    Registration = CmpTakeFirst(&Newest);
    if (Registration == NULL) {
        return STATUS_SUCCESS;
    }
    CmpCount(&CmpOperationCount, 1);
    CmpEnter(Operation);
    while (Registration != NULL) {
        if (!CmpCallPre(Operation, NotifyClass, Registration, &Status)) {
            CmpRelease(Registration);
            break;
        }
        Registration = CmpTakeNext(Registration, FALSE, Newest);
    }
    *CmpCallContextField(Operation) = NULL;
    *CmpObjectContextField(Operation) = NULL;
    return Status;
}

static VOID CmpCallPost(PCM_OPERATION Operation, PCM_OWED Owed, PREG_POST_OPERATION_INFORMATION Post,
                        NTSTATUS *Status) {
    NTSTATUS Result;

    Post->CallContext = Owed->CallContext;
    Post->ObjectContext = CmpObjectContext(Post->Object, Owed->Registration);
    *CmpObjectContextField(Operation) = CmpObjectContext(Operation->Object, Owed->Registration);
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
    while (Operation->Owed != NULL) {
        PCM_OWED Owed = Operation->Owed;

        CmpCallPost(Operation, Owed, &Post, &Final);
        Operation->Owed = Owed->Next;
        CmpRelease(Owed->Registration);
        CmpFreeOwed(Operation, Owed);
    }
    CmpLeave(Operation);
    CmpCount(&CmpOperationCount, -1);
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
    LONGLONG Newest = 0;

    for (PCM_REGISTRATION Registration = CmpTakeFirst(&Newest); Registration != NULL;
         Registration = CmpTakeNext(Registration, TRUE, Newest)) {
        CmpNotifyOne(Registration, NotifyClass, Information);
    }
}
