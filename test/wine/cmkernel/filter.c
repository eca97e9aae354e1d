// SPDX-License-Identifier: MIT
//
// A device above the driver's, for what Wine's I/O manager does not do as Windows does: it has one thread for all
// requests, sends no IRP_MJ_CLEANUP, and unloads a driver whose device is open.

#include "kernel.h"

// In 100 nanoseconds.
#define CLOSE_TIMEOUT (-250 * 10000ll)

typedef struct FILTER {
    PDEVICE_OBJECT Lower;
    volatile LONG Users; // requests at work and open files, and the device itself until it is deleted
    volatile LONG Deleted;
    KEVENT Unused;
    KSPIN_LOCK Lock;
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

VOID CmkFilterRun(PDEVICE_OBJECT Device, PIRP Irp) {
    FILTER *filter = FilterOf(Device);
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    UCHAR function = stack->MajorFunction;
    NTSTATUS status;

    if (function == IRP_MJ_CLOSE) {
        SendCleanup(filter->Lower, stack->FileObject);
    }
    IoSkipCurrentIrpStackLocation(Irp);
    status = IoCallDriver(filter->Lower, Irp);
    if (function == IRP_MJ_CLOSE) {
        CountClosing(filter, -1);
    }
    // A driver that pends IRP_MJ_CREATE would need more here.
    if (function == IRP_MJ_CLOSE || (function == IRP_MJ_CREATE && !NT_SUCCESS(status))) {
        Leave(filter); // the file
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

NTSTATUS CmkFilterDispatch(PDEVICE_OBJECT Device, PIRP Irp) {
    FILTER *filter = FilterOf(Device);
    UCHAR function = IoGetCurrentIrpStackLocation(Irp)->MajorFunction;
    NTSTATUS status;

    if (function == IRP_MJ_CREATE) {
        if (filter->Deleted) {
            Irp->IoStatus.Status = STATUS_NO_SUCH_DEVICE;
            Irp->IoStatus.Information = 0;
            IoCompleteRequest(Irp, IO_NO_INCREMENT);
            return STATUS_NO_SUCH_DEVICE;
        }
        Enter(filter); // the file
    }
    Enter(filter);
    if (function != IRP_MJ_CLOSE) {
        return CmkQueueRequest(Irp);
    }
    Enter(filter);
    CountClosing(filter, 1);
    status = CmkQueueRequest(Irp);
    AwaitClose(filter);
    Leave(filter);
    return status;
}
