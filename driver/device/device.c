// SPDX-License-Identifier: MIT
//
// The device object, who may open it, and the requests of the I/O manager.

#include "device/device.h"
#include "device/ioctl.h"

static DEVICE_OBJECT *DeviceObject;

// Only the system and members of Administrators may open the device, for anything; nothing is inherited.
// SDDL: D:P(A;;GA;;;SY)(A;;GA;;;BA). Generic all stands here as what it means for devices, FILE_ALL_ACCESS.
static const struct {
    SECURITY_DESCRIPTOR_RELATIVE Descriptor;
    ACL Dacl;
    struct {
        ACE_HEADER Header;
        ACCESS_MASK Mask;
        UCHAR Sid[12];
    } System;
    struct {
        ACE_HEADER Header;
        ACCESS_MASK Mask;
        UCHAR Sid[16];
    } Administrators;
} DeviceSecurity = {
    .Descriptor = {.Revision = SECURITY_DESCRIPTOR_REVISION,
                   .Control = SE_SELF_RELATIVE | SE_DACL_PRESENT | SE_DACL_PROTECTED,
                   .Dacl = sizeof(SECURITY_DESCRIPTOR_RELATIVE)},
    .Dacl = {.AclRevision = ACL_REVISION, .AclSize = 0x34, .AceCount = 2},
    .System = {.Header = {.AceType = ACCESS_ALLOWED_ACE_TYPE, .AceSize = 0x14},
               .Mask = FILE_ALL_ACCESS,
               // S-1-5-18
               .Sid = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0}},
    .Administrators = {.Header = {.AceType = ACCESS_ALLOWED_ACE_TYPE, .AceSize = 0x18},
                       .Mask = FILE_ALL_ACCESS,
                       // S-1-5-32-544
                       .Sid = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 0x02, 0, 0}},
};

C_ASSERT(sizeof(SECURITY_DESCRIPTOR_RELATIVE) == 0x14);
C_ASSERT(sizeof(ACL) == 8);
C_ASSERT(sizeof(DeviceSecurity.System) == 0x14);
C_ASSERT(sizeof(DeviceSecurity.Administrators) == 0x18);
C_ASSERT(sizeof(DeviceSecurity) == 0x14 + 0x34);

_Dispatch_type_(IRP_MJ_CREATE)
static DRIVER_DISPATCH DispatchCreate;
_Dispatch_type_(IRP_MJ_CLEANUP)
static DRIVER_DISPATCH DispatchCleanup;
_Dispatch_type_(IRP_MJ_CLOSE)
static DRIVER_DISPATCH DispatchClose;
_Dispatch_type_(IRP_MJ_DEVICE_CONTROL)
static DRIVER_DISPATCH DispatchDeviceControl;

_IRQL_requires_max_(DISPATCH_LEVEL)
static NTSTATUS CompleteRequest(_Inout_ IRP *Irp, _In_ NTSTATUS Status) {
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

_Use_decl_annotations_
static NTSTATUS NTAPI DispatchCreate(PDEVICE_OBJECT Device, PIRP Irp) {
    SESSION *session;
    UNREFERENCED_PARAMETER(Device);
    const NTSTATUS status = SessionCreate(&session);
    if (NT_SUCCESS(status)) {
        IoGetCurrentIrpStackLocation(Irp)->FileObject->FsContext = session;
    }
    return CompleteRequest(Irp, status);
}

// The last handle is closed; requests may still be pended or at work.
_Use_decl_annotations_
static NTSTATUS NTAPI DispatchCleanup(PDEVICE_OBJECT Device, PIRP Irp) {
    UNREFERENCED_PARAMETER(Device);
    SessionStop(IoGetCurrentIrpStackLocation(Irp)->FileObject->FsContext);
    return CompleteRequest(Irp, STATUS_SUCCESS);
}

// Stops the session again, in case IRP_MJ_CLEANUP was never sent.
_Use_decl_annotations_
static NTSTATUS NTAPI DispatchClose(PDEVICE_OBJECT Device, PIRP Irp) {
    FILE_OBJECT *file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    SESSION *session = file->FsContext;
    UNREFERENCED_PARAMETER(Device);
    file->FsContext = NULL;
    SessionStop(session);
    SessionFree(session);
    return CompleteRequest(Irp, STATUS_SUCCESS);
}

_Use_decl_annotations_
static NTSTATUS NTAPI DispatchDeviceControl(PDEVICE_OBJECT Device, PIRP Irp) {
    UNREFERENCED_PARAMETER(Device);
    return IoctlDispatch(IoGetCurrentIrpStackLocation(Irp)->FileObject->FsContext, Irp);
}

_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
CMB_INIT_CODE static NTSTATUS ProtectDevice(_In_ DEVICE_OBJECT *Device) {
    HANDLE handle;
    NTSTATUS status = ObOpenObjectByPointer(Device, OBJ_KERNEL_HANDLE, NULL, WRITE_DAC, NULL, KernelMode, &handle);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = ZwSetSecurityObject(handle, DACL_SECURITY_INFORMATION, (PSECURITY_DESCRIPTOR)&DeviceSecurity);
    ZwClose(handle);
    return status;
}

_Use_decl_annotations_
CMB_INIT_CODE NTSTATUS DeviceInitialize(DRIVER_OBJECT *DriverObject) {
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\CmBridge");
    UNICODE_STRING link = RTL_CONSTANT_STRING(L"\\DosDevices\\CmBridge");
    DEVICE_OBJECT *device;
    // Secure open: the descriptor also guards names below the device's.
    NTSTATUS status =
        IoCreateDevice(DriverObject, 0, &name, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    // Nobody can open a device that is being initialized, so it is never reachable under another descriptor.
    status = ProtectDevice(device);
    if (!NT_SUCCESS(status)) {
        goto cleanupDevice;
    }
    status = IoCreateSymbolicLink(&link, &name);
    if (!NT_SUCCESS(status)) {
        goto cleanupDevice;
    }
    DriverObject->MajorFunction[IRP_MJ_CREATE] = DispatchCreate;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = DispatchCleanup;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = DispatchClose;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = DispatchDeviceControl;
    DeviceObject = device;
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;

cleanupDevice:
    IoDeleteDevice(device);
    return status;
}

_Use_decl_annotations_
VOID DeviceUninitialize(VOID) {
    UNICODE_STRING link = RTL_CONSTANT_STRING(L"\\DosDevices\\CmBridge");
    IoDeleteSymbolicLink(&link);
    IoDeleteDevice(DeviceObject);
    DeviceObject = NULL;
}
