// SPDX-License-Identifier: MIT
//
// A device above the driver's, for what Wine's I/O manager does not do as Windows does: it sends no IRP_MJ_CLEANUP, and
// the previous mode of the dispatching thread is not that of the caller.

#include "kernel.h"

typedef struct FILTER {
    PDEVICE_OBJECT Lower;
} FILTER;

volatile LONG CmkFilterDevices;

BOOLEAN CmkIsFilter(PDEVICE_OBJECT Device) {
    return Device->DeviceExtension && Device->DeviceType == FILE_DEVICE_NULL;
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
    ((FILTER *)filter->DeviceExtension)->Lower = IoAttachDeviceToDeviceStack(filter, *Device);
    InterlockedIncrement(&CmkFilterDevices);
    return STATUS_SUCCESS;
}

VOID CmkIoDeleteDevice(PDEVICE_OBJECT Device) {
    PDEVICE_OBJECT filter = Device->AttachedDevice;

    if (filter && filter->DriverObject == CmkDriverObject) {
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

NTSTATUS CmkFilterDispatch(PDEVICE_OBJECT Device, PIRP Irp) {
    PDEVICE_OBJECT lower = ((FILTER *)Device->DeviceExtension)->Lower;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    KPROCESSOR_MODE before;
    NTSTATUS status;

    before = CmPortSetPreviousMode(Irp->RequestorMode);
    if (stack->MajorFunction == IRP_MJ_CLOSE) {
        SendCleanup(lower, stack->FileObject);
    }
    IoSkipCurrentIrpStackLocation(Irp);
    status = IoCallDriver(lower, Irp);
    CmPortSetPreviousMode(before);
    // The next request may be another program's.
    CmkLeaveProcess(CmkCurrentThread());
    return status;
}
