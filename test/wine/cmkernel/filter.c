// SPDX-License-Identifier: MIT
//
// A device above the driver's, for what Wine's I/O manager does not do as Windows does: it has one thread for all
// requests, sends no IRP_MJ_CLEANUP, and unloads a driver whose device is open, or which is one of Plug and Play.

#include "kernel.h"

#include <ntimage.h>

// In 100 nanoseconds.
#define CLOSE_TIMEOUT (-250 * 10000ll)

typedef struct OPEN_FILE {
    LIST_ENTRY Entry;
    PFILE_OBJECT File;
    volatile LONG Users; // requests at work, and the handle
    KEVENT Unused;
} OPEN_FILE;

typedef struct FILTER {
    PDEVICE_OBJECT Lower;
    volatile LONG Users; // requests at work and open files, and the device itself until it is deleted
    volatile LONG Deleted;
    KEVENT Unused;
    KSPIN_LOCK Lock;
    LIST_ENTRY Files;
    LONG Closing;  // files
    KEVENT Closed; // when there are none
} FILTER;

volatile LONG CmkFilterDevices;

BOOLEAN CmkIsFilter(PDEVICE_OBJECT Device) {
    return Device->DeviceExtension && Device->DeviceType == FILE_DEVICE_NULL;
}

static FILTER *FilterOf(PDEVICE_OBJECT Device) {
    return Device->DeviceExtension;
}

static OPEN_FILE *FindFile(FILTER *Filter, PFILE_OBJECT File) {
    OPEN_FILE *found = NULL;
    KIRQL irql;

    KeAcquireSpinLock(&Filter->Lock, &irql);
    for (PLIST_ENTRY entry = Filter->Files.Flink; entry != &Filter->Files && !found; entry = entry->Flink) {
        OPEN_FILE *file = CONTAINING_RECORD(entry, OPEN_FILE, Entry);

        found = file->File == File ? file : NULL;
    }
    KeReleaseSpinLock(&Filter->Lock, irql);
    return found;
}

static OPEN_FILE *AddFile(FILTER *Filter, PFILE_OBJECT File) {
    OPEN_FILE *file = ExAllocatePoolWithTag(NonPagedPool, sizeof *file, CMK_TAG);
    KIRQL irql;

    if (file) {
        file->File = File;
        file->Users = 1;
        KeInitializeEvent(&file->Unused, NotificationEvent, FALSE);
        KeAcquireSpinLock(&Filter->Lock, &irql);
        InsertTailList(&Filter->Files, &file->Entry);
        KeReleaseSpinLock(&Filter->Lock, irql);
    }
    return file;
}

static VOID RemoveFile(FILTER *Filter, OPEN_FILE *File) {
    KIRQL irql;

    KeAcquireSpinLock(&Filter->Lock, &irql);
    RemoveEntryList(&File->Entry);
    KeReleaseSpinLock(&Filter->Lock, irql);
    ExFreePoolWithTag(File, CMK_TAG);
}

static VOID LeaveFile(OPEN_FILE *File) {
    if (InterlockedDecrement(&File->Users) == 0) {
        KeSetEvent(&File->Unused, IO_NO_INCREMENT, FALSE);
    }
}

static VOID Enter(FILTER *Filter) {
    InterlockedIncrement(&Filter->Users);
}

static VOID Leave(FILTER *Filter) {
    if (InterlockedDecrement(&Filter->Users) == 0) {
        KeSetEvent(&Filter->Unused, IO_NO_INCREMENT, FALSE);
    }
}

NTSTATUS CmkIoCreateDevice(PDRIVER_OBJECT Driver, ULONG ExtensionSize, PUNICODE_STRING Name, DEVICE_TYPE Type,
                           ULONG Characteristics, BOOLEAN Exclusive, PDEVICE_OBJECT *Device) {
    PDEVICE_OBJECT filter;
    NTSTATUS status;

    if (!CmkDriverObject) {
        DbgPrint("cmkernel: its own service must be started first, in the same service group\n");
        return STATUS_DEVICE_NOT_READY;
    }
    status = IoCreateDevice(Driver, ExtensionSize, Name, Type, Characteristics, Exclusive, Device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = IoCreateDevice(CmkDriverObject, sizeof(FILTER), NULL, FILE_DEVICE_NULL, 0, FALSE, &filter);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(*Device);
        *Device = NULL;
        return status;
    }
    FilterOf(filter)->Users = 1;
    FilterOf(filter)->Deleted = FALSE;
    KeInitializeSpinLock(&FilterOf(filter)->Lock);
    InitializeListHead(&FilterOf(filter)->Files);
    FilterOf(filter)->Closing = 0;
    KeInitializeEvent(&FilterOf(filter)->Closed, NotificationEvent, TRUE);
    KeInitializeEvent(&FilterOf(filter)->Unused, NotificationEvent, FALSE);
    FilterOf(filter)->Lower = IoAttachDeviceToDeviceStack(filter, *Device);
    InterlockedIncrement(&CmkFilterDevices);
    return STATUS_SUCCESS;
}

VOID CmkIoDeleteDevice(PDEVICE_OBJECT Device) {
    PDEVICE_OBJECT filter = Device->AttachedDevice;

    if (filter && filter->DriverObject == CmkDriverObject) {
        // Windows unloads a driver when nobody has its device open, and lets nobody open it meanwhile.
        InterlockedExchange(&FilterOf(filter)->Deleted, TRUE);
        Leave(FilterOf(filter));
        KeWaitForSingleObject(&FilterOf(filter)->Unused, Executive, KernelMode, FALSE, NULL);
        IoDetachDevice(Device);
        IoDeleteDevice(filter);
        InterlockedDecrement(&CmkFilterDevices);
    }
    IoDeleteDevice(Device);
}

static NTSTATUS NTAPI CleanupDone(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context) {
    UNREFERENCED_PARAMETER(Device);
    UNREFERENCED_PARAMETER(Irp);
    KeSetEvent(Context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

// The last handle is gone: what Windows tells the driver before IRP_MJ_CLOSE.
static VOID SendCleanup(PDEVICE_OBJECT Lower, PFILE_OBJECT File) {
    PIRP irp = IoAllocateIrp(Lower->StackSize, FALSE);
    PIO_STACK_LOCATION stack;
    KEVENT done;

    if (!irp) {
        KeBugCheckEx(0xC3000101, 0, 0, 0, 0);
    }
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    irp->RequestorMode = KernelMode;
    irp->Tail.Overlay.OriginalFileObject = File;
    stack = IoGetNextIrpStackLocation(irp);
    stack->MajorFunction = IRP_MJ_CLEANUP;
    stack->FileObject = File;
    IoSetCompletionRoutine(irp, CleanupDone, &done, TRUE, TRUE, TRUE);
    if (IoCallDriver(Lower, irp) == STATUS_PENDING) {
        KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
    }
    IoFreeIrp(irp);
}

static VOID CountClosing(FILTER *Filter, LONG Change) {
    KIRQL irql;

    KeAcquireSpinLock(&Filter->Lock, &irql);
    Filter->Closing += Change;
    if (Filter->Closing == 0) {
        KeSetEvent(&Filter->Closed, IO_NO_INCREMENT, FALSE);
    } else {
        KeClearEvent(&Filter->Closed);
    }
    KeReleaseSpinLock(&Filter->Lock, irql);
}

// The handle is gone. Windows sends IRP_MJ_CLOSE when no request is at work any more, Wine at once.
static VOID BeginClose(FILTER *Filter, OPEN_FILE *File) {
    SendCleanup(Filter->Lower, File->File);
    LeaveFile(File);
    KeWaitForSingleObject(&File->Unused, Executive, KernelMode, FALSE, NULL);
    RemoveFile(Filter, File);
}

VOID CmkFilterRun(PDEVICE_OBJECT Device, PIRP Irp) {
    FILTER *filter = FilterOf(Device);
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    PFILE_OBJECT object = stack->FileObject;
    OPEN_FILE *file = FindFile(filter, object);
    BOOLEAN closes = stack->MajorFunction == IRP_MJ_CLOSE;

    if (closes) {
        BeginClose(filter, file);
    }
    IoSkipCurrentIrpStackLocation(Irp);
    IoCallDriver(filter->Lower, Irp);
    if (closes) {
        ObDereferenceObject(object);
        CountClosing(filter, -1);
        Leave(filter); // the file
    } else {
        LeaveFile(file);
    }
    Leave(filter);
}

// A program of Windows is not told that its handle is closed, or that another one has ended, before the driver has seen
// to it. A program of Wine is. So requests are kept back for a while; not for good, for one of them may end the wait of
// the driver.
static VOID AwaitClose(FILTER *Filter) {
    LARGE_INTEGER timeout = {.QuadPart = CLOSE_TIMEOUT};

    KeWaitForSingleObject(&Filter->Closed, Executive, KernelMode, FALSE, &timeout);
}

static NTSTATUS Refuse(PIRP Irp, NTSTATUS Status) {
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

// One that has an AddDevice routine, or whose file was linked with /driver:wdm.
static BOOLEAN IsPlugAndPlay(PDRIVER_OBJECT Driver) {
    const IMAGE_DOS_HEADER *dos = Driver->DriverStart;
    const IMAGE_NT_HEADERS64 *nt = (const IMAGE_NT_HEADERS64 *)((const UCHAR *)dos + dos->e_lfanew);

    return Driver->DriverExtension->AddDevice ||
           (nt->OptionalHeader.DllCharacteristics & IMAGE_DLLCHARACTERISTICS_WDM_DRIVER);
}

// On the dispatching thread: Wine lets the program go on at once, and its next request may come from another thread. A
// driver that pends this would need more.
static NTSTATUS Create(FILTER *Filter, PIRP Irp) {
    OPEN_FILE *file = Filter->Deleted ? NULL : AddFile(Filter, IoGetCurrentIrpStackLocation(Irp)->FileObject);
    KPROCESSOR_MODE before;
    NTSTATUS status;

    if (!file) {
        return Refuse(Irp, STATUS_NO_SUCH_DEVICE);
    }
    // NtUnloadDriver of Windows refuses these; Wine's refuses only a driver without this routine.
    if (IsPlugAndPlay(Filter->Lower->DriverObject)) {
        Filter->Lower->DriverObject->DriverUnload = NULL;
    }
    Enter(Filter);
    before = CmPortSetPreviousMode(Irp->RequestorMode);
    IoSkipCurrentIrpStackLocation(Irp);
    status = IoCallDriver(Filter->Lower, Irp);
    CmPortSetPreviousMode(before);
    // The next request may be another program's.
    CmkLeaveProcess(CmkCurrentThread());
    if (!NT_SUCCESS(status)) {
        RemoveFile(Filter, file);
        Leave(Filter);
    }
    return status;
}

NTSTATUS CmkFilterDispatch(PDEVICE_OBJECT Device, PIRP Irp) {
    FILTER *filter = FilterOf(Device);
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    OPEN_FILE *file;

    if (stack->MajorFunction == IRP_MJ_CREATE) {
        return Create(filter, Irp);
    }
    file = FindFile(filter, stack->FileObject);
    if (!file) {
        return Refuse(Irp, STATUS_INVALID_HANDLE);
    }
    Enter(filter);
    if (stack->MajorFunction != IRP_MJ_CLOSE) {
        InterlockedIncrement(&file->Users);
        CmkQueueRequest(Irp);
        return STATUS_PENDING;
    }
    // Wine does not wait for an IRP_MJ_CLOSE that is pended before it frees the object.
    ObReferenceObject(stack->FileObject);
    Enter(filter);
    CountClosing(filter, 1);
    CmkQueueRequest(Irp);
    AwaitClose(filter);
    Leave(filter);
    return STATUS_PENDING;
}
