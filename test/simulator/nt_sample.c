// SPDX-License-Identifier: MIT

#include "nt_sample.h"

#define SAMPLE_TAG 0x6C706D53u

typedef struct _SAMPLE_DEVICE {
    KSPIN_LOCK Lock;
    LIST_ENTRY Pended;
    IO_CSQ Queue;
    PIRP Stubborn;
    KSPIN_LOCK OtherLock;
    FAST_MUTEX Mutex;
} SAMPLE_DEVICE;

SAMPLE_STATE Sample;
static UNICODE_STRING SampleLink = RTL_CONSTANT_STRING(L"\\??\\Sample");
static UNICODE_STRING SampleName = RTL_CONSTANT_STRING(L"\\Device\\Sample");

static SAMPLE_DEVICE *DeviceOf(PIO_CSQ Csq) {
    return CONTAINING_RECORD(Csq, SAMPLE_DEVICE, Queue);
}

static VOID Insert(PIO_CSQ Csq, PIRP Irp) {
    InsertTailList(&DeviceOf(Csq)->Pended, &Irp->Tail.Overlay.ListEntry);
    InterlockedIncrement(&Sample.Pended);
}

static VOID Remove(PIO_CSQ Csq, PIRP Irp) {
    UNREFERENCED_PARAMETER(Csq);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    InterlockedDecrement(&Sample.Pended);
}

static PIRP PeekNext(PIO_CSQ Csq, PIRP Irp, PVOID FileObject) {
    PLIST_ENTRY Head = &DeviceOf(Csq)->Pended;
    PLIST_ENTRY Entry = Irp != NULL ? Irp->Tail.Overlay.ListEntry.Flink : Head->Flink;

    for (; Entry != Head; Entry = Entry->Flink) {
        PIRP Next = CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry);
        if (FileObject == NULL || IoGetCurrentIrpStackLocation(Next)->FileObject == FileObject) {
            return Next;
        }
    }
    return NULL;
}

static VOID Acquire(PIO_CSQ Csq, PKIRQL Irql) {
    KeAcquireSpinLock(&DeviceOf(Csq)->Lock, Irql);
}

static VOID Release(PIO_CSQ Csq, KIRQL Irql) {
    KeReleaseSpinLock(&DeviceOf(Csq)->Lock, Irql);
}

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information) {
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static VOID CompleteCanceled(PIO_CSQ Csq, PIRP Irp) {
    UNREFERENCED_PARAMETER(Csq);
    Complete(Irp, STATUS_CANCELLED, 0);
}

static VOID NeverCalled(PDEVICE_OBJECT DeviceObject, PIRP Irp) {
    UNREFERENCED_PARAMETER(DeviceObject);
    IoReleaseCancelSpinLock(Irp->CancelIrql);
}

static NTSTATUS AllocateLadder(PIRP Irp) {
    NTSTATUS Status = STATUS_INSUFFICIENT_RESOURCES;
    PVOID First, Second;

    First = ExAllocatePoolWithTag(NonPagedPoolNx, 64, SAMPLE_TAG);
    if (First == NULL) {
        goto Exit;
    }
    Second = ExAllocatePoolWithTag(PagedPool, 128, SAMPLE_TAG);
    if (Second == NULL) {
        goto FreeFirst;
    }
    Status = STATUS_SUCCESS;
    ExFreePoolWithTag(Second, SAMPLE_TAG);
FreeFirst:
    ExFreePoolWithTag(First, SAMPLE_TAG);
Exit:
    return Complete(Irp, Status, 0);
}

static NTSTATUS Misbehave(PDEVICE_OBJECT DeviceObject, PIRP Irp, ULONG How) {
    SAMPLE_DEVICE *Device = DeviceObject->DeviceExtension;
    KIRQL Irql;

    switch (How) {
    case SampleRaiseIrql:
        KeRaiseIrql(APC_LEVEL, &Irql);
        return Complete(Irp, STATUS_SUCCESS, 0);
    case SampleKeepSpinLock:
        KeAcquireSpinLock(&Device->OtherLock, &Irql);
        return Complete(Irp, STATUS_SUCCESS, 0);
    case SampleStayInCriticalRegion:
        KeEnterCriticalRegion();
        return Complete(Irp, STATUS_SUCCESS, 0);
    case SampleForgetCompletion:
        return STATUS_SUCCESS;
    case SamplePendUnmarked:
        return STATUS_PENDING;
    case SampleMarkButFail:
        IoMarkIrpPending(Irp);
        return Complete(Irp, STATUS_UNSUCCESSFUL, 0);
    case SampleCompleteTwice:
        Complete(Irp, STATUS_SUCCESS, 0);
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return STATUS_SUCCESS;
    case SampleUseAfterCompletion:
        Complete(Irp, STATUS_SUCCESS, 0);
        (VOID) IoGetCurrentIrpStackLocation(Irp);
        return STATUS_SUCCESS;
    case SampleOtherStatus:
        Complete(Irp, STATUS_UNSUCCESSFUL, 0);
        return STATUS_SUCCESS;
    case SampleTooMuchInformation:
        return Complete(Irp, STATUS_SUCCESS, 1000);
    case SampleCompletePending:
        return Complete(Irp, STATUS_PENDING, 0);
    case SampleCompleteCancelable:
        IoSetCancelRoutine(Irp, NeverCalled);
        return Complete(Irp, STATUS_SUCCESS, 0);
    case SampleKeepFastMutex:
        ExAcquireFastMutex(&Device->Mutex);
        return Complete(Irp, STATUS_SUCCESS, 0);
    case SampleRaise:
        ExRaiseStatus(STATUS_ACCESS_VIOLATION);
    default:
        return Complete(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

static NTSTATUS Control(PDEVICE_OBJECT DeviceObject, PIRP Irp) {
    SAMPLE_DEVICE *Device = DeviceObject->DeviceExtension;
    PIO_STACK_LOCATION Location = IoGetCurrentIrpStackLocation(Irp);
    ULONG Code = Location->Parameters.DeviceIoControl.IoControlCode;
    ULONG InputLength = Location->Parameters.DeviceIoControl.InputBufferLength;
    ULONG OutputLength = Location->Parameters.DeviceIoControl.OutputBufferLength;
    ULONG Length = min(InputLength, OutputLength);
    PUCHAR Buffer;
    NTSTATUS Status;
    PIRP Next;
    KIRQL Irql;
    ULONG Sum = 0;

    if (((Code >> 2) & 0xFFF) >= 0x840) {
        return Misbehave(DeviceObject, Irp, ((Code >> 2) & 0xFFF) - 0x840);
    }
    switch (Code) {
    case SAMPLE_ECHO:
        return Complete(Irp, STATUS_SUCCESS, Length);
    case SAMPLE_WARN:
        return Complete(Irp, STATUS_BUFFER_OVERFLOW, Length);
    case SAMPLE_FAIL_WITH_DATA:
        return Complete(Irp, STATUS_UNSUCCESSFUL, Length);
    case SAMPLE_ECHO_OUT_DIRECT:
        Buffer = Irp->MdlAddress != NULL ? MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority) : NULL;
        if (Buffer == NULL) {
            return Complete(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
        }
        RtlCopyMemory(Buffer, Irp->AssociatedIrp.SystemBuffer, Length);
        return Complete(Irp, STATUS_SUCCESS, Length);
    case SAMPLE_SUM_IN_DIRECT:
        Buffer = MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority);
        for (ULONG i = 0; i < MmGetMdlByteCount(Irp->MdlAddress); ++i) {
            Sum += Buffer[i];
        }
        return Complete(Irp, Sum == 10 ? STATUS_SUCCESS : STATUS_DATA_ERROR, 0);
    case SAMPLE_ECHO_NEITHER:
        Status = SampleGuardedCopy(Irp->UserBuffer, Location->Parameters.DeviceIoControl.Type3InputBuffer, Length);
        return Complete(Irp, Status, NT_SUCCESS(Status) ? Length : 0);
    case SAMPLE_PEND:
    case SAMPLE_PEND_DIRECT:
        IoCsqInsertIrp(&Device->Queue, Irp, NULL);
        return STATUS_PENDING;
    case SAMPLE_PEND_STUBBORN:
        IoMarkIrpPending(Irp);
        KeAcquireSpinLock(&Device->Lock, &Irql);
        Device->Stubborn = Irp;
        KeReleaseSpinLock(&Device->Lock, Irql);
        return STATUS_PENDING;
    case SAMPLE_FEED:
        Next = IoCsqRemoveNextIrp(&Device->Queue, NULL);
        if (Next == NULL) {
            return Complete(Irp, STATUS_NOT_FOUND, 0);
        }
        Length = min(InputLength, IoGetCurrentIrpStackLocation(Next)->Parameters.DeviceIoControl.OutputBufferLength);
        if (Next->MdlAddress != NULL) {
            PVOID Output = MmGetSystemAddressForMdlSafe(Next->MdlAddress, NormalPagePriority);
            RtlCopyMemory(Output, Irp->AssociatedIrp.SystemBuffer, Length);
            KeRaiseIrql(DISPATCH_LEVEL, &Irql);
            Complete(Next, STATUS_SUCCESS, Length);
            KeLowerIrql(Irql);
            return Complete(Irp, STATUS_SUCCESS, 0);
        }
        RtlCopyMemory(Next->AssociatedIrp.SystemBuffer, Irp->AssociatedIrp.SystemBuffer, Length);
        Complete(Next, STATUS_SUCCESS, Length);
        return Complete(Irp, STATUS_SUCCESS, 0);
    case SAMPLE_ALLOCATE:
        return AllocateLadder(Irp);
    default:
        return Complete(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

static NTSTATUS Create(PDEVICE_OBJECT DeviceObject, PIRP Irp) {
    UNREFERENCED_PARAMETER(DeviceObject);
    InterlockedIncrement(&Sample.Creates);
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS Cleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp) {
    SAMPLE_DEVICE *Device = DeviceObject->DeviceExtension;
    PIRP Pended;
    KIRQL Irql;

    InterlockedExchange(&Sample.PendedAtCleanup, InterlockedExchangeAdd(&Sample.Pended, 0));
    InterlockedExchange(&Sample.CleanupProcess, (LONG)IoGetRequestorProcessId(Irp));
    InterlockedIncrement(&Sample.Cleanups);
    while ((Pended = IoCsqRemoveNextIrp(&Device->Queue, IoGetCurrentIrpStackLocation(Irp)->FileObject)) != NULL) {
        Complete(Pended, STATUS_CANCELLED, 0);
    }
    KeAcquireSpinLock(&Device->Lock, &Irql);
    Pended = Device->Stubborn;
    Device->Stubborn = NULL;
    KeReleaseSpinLock(&Device->Lock, Irql);
    if (Pended != NULL) {
        Complete(Pended, STATUS_FILE_CLOSED, 0);
    }
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS Close(PDEVICE_OBJECT DeviceObject, PIRP Irp) {
    UNREFERENCED_PARAMETER(DeviceObject);
    InterlockedExchange(&Sample.PendedAtClose, InterlockedExchangeAdd(&Sample.Pended, 0));
    InterlockedIncrement(&Sample.Closes);
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static VOID Sleeper(PVOID Context) {
    LARGE_INTEGER Long = {.QuadPart = -10000000LL * 60};

    UNREFERENCED_PARAMETER(Context);
    KeDelayExecutionThread(KernelMode, FALSE, &Long);
}

static VOID Unload(PDRIVER_OBJECT DriverObject) {
    HANDLE Thread;

    if (Sample.LeakOnUnload) {
        (VOID) ExAllocatePoolWithTag(NonPagedPoolNx, 24, SAMPLE_TAG);
    }
    if (Sample.LeaveThread &&
        NT_SUCCESS(PsCreateSystemThread(&Thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, Sleeper, NULL))) {
        ZwClose(Thread);
    }
    if (Sample.LeaveDevice) {
        return;
    }
    IoDeleteSymbolicLink(&SampleLink);
    IoDeleteDevice(DriverObject->DeviceObject);
}

// SYSTEM and Administrators.
static NTSTATUS Protect(PDEVICE_OBJECT DeviceObject) {
    SECURITY_DESCRIPTOR Descriptor;
    ULONG Size = sizeof(ACL) + 2 * (sizeof(ACCESS_ALLOWED_ACE) - sizeof(ULONG)) +
                 RtlLengthSid(SeExports->SeLocalSystemSid) + RtlLengthSid(SeExports->SeAliasAdminsSid);
    UCHAR DECLSPEC_ALIGN(8) Storage[128];
    PACL Acl = (PACL)Storage;
    HANDLE Handle;
    NTSTATUS Status;

    if (Size > sizeof(Storage)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    Status = RtlCreateAcl(Acl, Size, ACL_REVISION);
    if (NT_SUCCESS(Status)) {
        Status = RtlAddAccessAllowedAce(Acl, ACL_REVISION, GENERIC_ALL, SeExports->SeLocalSystemSid);
    }
    if (NT_SUCCESS(Status)) {
        Status = RtlAddAccessAllowedAce(Acl, ACL_REVISION, GENERIC_ALL, SeExports->SeAliasAdminsSid);
    }
    if (NT_SUCCESS(Status)) {
        Status = RtlCreateSecurityDescriptor(&Descriptor, SECURITY_DESCRIPTOR_REVISION);
    }
    if (NT_SUCCESS(Status)) {
        Status = RtlSetDaclSecurityDescriptor(&Descriptor, TRUE, Acl, FALSE);
    }
    if (NT_SUCCESS(Status)) {
        Status = ObOpenObjectByPointer(DeviceObject, OBJ_KERNEL_HANDLE, NULL, WRITE_DAC, NULL, KernelMode, &Handle);
    }
    if (NT_SUCCESS(Status)) {
        Status = ZwSetSecurityObject(Handle, DACL_SECURITY_INFORMATION, &Descriptor);
        ZwClose(Handle);
    }
    return Status;
}

NTSTATUS SampleEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath) {
    PDEVICE_OBJECT DeviceObject;
    SAMPLE_DEVICE *Device;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(RegistryPath);
    Sample.Driver = DriverObject;
    if (Sample.FailEntry) {
        return STATUS_DEVICE_NOT_READY;
    }
    Status = IoCreateDevice(DriverObject, sizeof(SAMPLE_DEVICE), &SampleName, FILE_DEVICE_UNKNOWN,
                            FILE_DEVICE_SECURE_OPEN, FALSE, &DeviceObject);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Device = DeviceObject->DeviceExtension;
    KeInitializeSpinLock(&Device->Lock);
    KeInitializeSpinLock(&Device->OtherLock);
    ExInitializeFastMutex(&Device->Mutex);
    InitializeListHead(&Device->Pended);
    IoCsqInitialize(&Device->Queue, Insert, Remove, PeekNext, Acquire, Release, CompleteCanceled);
    if (!Sample.NoSecurity) {
        Status = Protect(DeviceObject);
    }
    if (NT_SUCCESS(Status)) {
        Status = IoCreateSymbolicLink(&SampleLink, &SampleName);
    }
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(DeviceObject);
        return Status;
    }
    DriverObject->MajorFunction[IRP_MJ_CREATE] = Create;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = Cleanup;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = Close;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Control;
    DriverObject->DriverUnload = Unload;
    return STATUS_SUCCESS;
}
