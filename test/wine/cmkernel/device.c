// SPDX-License-Identifier: MIT
//
// cmkernel.sys: a test-only kernel module for Wine. It has the configuration manager's callbacks, which Wine lacks,
// repairs what Wine's kernel does differently, and gives registry actors a device through which their operations pass
// those callbacks.

#include "kernel.h"

PDRIVER_OBJECT CmkDriverObject;

static PDEVICE_OBJECT ControlDevice;

DRIVER_INITIALIZE DriverEntry;

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information) {
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS Diagnose(PIRP Irp, ULONG Size) {
    CMK_DIAGNOSTICS *report = Irp->AssociatedIrp.SystemBuffer;
    CM_STATISTICS statistics;

    if (Size < sizeof *report) {
        return Complete(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    }
    CmGetStatistics(&statistics);
    RtlZeroMemory(report, sizeof *report);
    report->Size = sizeof *report;
    report->Devices = (unsigned int)CmkFilterDevices;
    report->Actors = (unsigned int)CmkActors;
    report->Registrations = statistics.Registrations;
    report->KeyObjects = statistics.KeyObjects;
    report->ObjectContexts = statistics.ObjectContexts;
    report->KeyNames = statistics.KeyNames;
    report->Operations = statistics.Operations;
    report->Processes = (unsigned int)CmkCountProcesses();
    report->Tokens = (unsigned int)CmkTokenType.Live;
    report->Files = (unsigned int)CmkFileType.Live;
    report->Transactions = (unsigned int)CmkTransactionType.Live;
    report->Notifications = statistics.Notifications;
    CmkCountHandles(&report->Handles, &report->KernelHandles);
    CmkPoolUsage(&report->PoolBlocks, &report->PoolBytes, &report->PoolAllocations);
    return Complete(Irp, STATUS_SUCCESS, sizeof *report);
}

static NTSTATUS DeviceControl(PIRP Irp, PIO_STACK_LOCATION Stack) {
    ULONG output = Stack->Parameters.DeviceIoControl.OutputBufferLength;

    switch (Stack->Parameters.DeviceIoControl.IoControlCode) {
    case CMK_IOCTL_OPERATION:
        if (output < sizeof(CMK_REPLY) || output > CMK_MAX_MESSAGE) {
            return Complete(Irp, STATUS_INVALID_BUFFER_SIZE, 0);
        }
        return CmkQueueOperation(Stack->FileObject->FsContext, Irp);
    case CMK_IOCTL_DIAGNOSTICS:
        return Diagnose(Irp, output);
    default:
        return Complete(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

static NTSTATUS NTAPI Dispatch(PDEVICE_OBJECT Device, PIRP Irp) {
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    CMK_ACTOR *actor;
    NTSTATUS status;

    if (CmkIsFilter(Device)) {
        return CmkFilterDispatch(Device, Irp);
    }
    switch (stack->MajorFunction) {
    case IRP_MJ_CREATE:
        status = CmkCreateActor(PsGetCurrentProcessId(), &actor);
        if (NT_SUCCESS(status)) {
            stack->FileObject->FsContext = actor;
        }
        return Complete(Irp, status, 0);
    case IRP_MJ_CLOSE:
        return CmkCloseActor(stack->FileObject->FsContext, Irp);
    case IRP_MJ_DEVICE_CONTROL:
        return DeviceControl(Irp, stack);
    default:
        return Complete(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver) {
    UNICODE_STRING link;

    UNREFERENCED_PARAMETER(Driver);
    RtlInitUnicodeString(&link, CMK_LINK_NAME);
    IoDeleteSymbolicLink(&link);
    IoDeleteDevice(ControlDevice);
    CmkShutdownActors();
    CmkShutdownRequests();
    CmShutdownSystem();
    CmkShutdownProcesses();
    CmkDriverObject = NULL;
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath) {
    UNICODE_STRING name;
    UNICODE_STRING link;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
    CmkInitializeHandles();
    CmkInitializeProcesses();
    CmkInitializeActors();
    CmkInitializeRequests();
    status = CmInitSystem(&CmkRegistryStore, NULL);
    if (!NT_SUCCESS(status)) {
        goto Exit_LeaveProcesses;
    }
    RtlInitUnicodeString(&name, CMK_DEVICE_NAME);
    status = IoCreateDevice(Driver, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &ControlDevice);
    if (!NT_SUCCESS(status)) {
        goto Exit_ShutDown;
    }
    RtlInitUnicodeString(&link, CMK_LINK_NAME);
    status = IoCreateSymbolicLink(&link, &name);
    if (!NT_SUCCESS(status)) {
        goto Exit_DeleteDevice;
    }
    for (ULONG index = 0; index <= IRP_MJ_MAXIMUM_FUNCTION; ++index) {
        Driver->MajorFunction[index] = Dispatch;
    }
    Driver->DriverUnload = Unload;
    CmkDriverObject = Driver;
    return STATUS_SUCCESS;

Exit_DeleteDevice:
    IoDeleteDevice(ControlDevice);
Exit_ShutDown:
    CmShutdownSystem();
Exit_LeaveProcesses:
    CmkShutdownProcesses();
    return status;
}
