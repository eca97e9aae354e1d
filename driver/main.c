// SPDX-License-Identifier: MIT
//
// Loads and unloads the driver: the order in which its rooms are initialised, and its reverse.

#include "base/upcase.h"
#include "callback/callback.h"
#include "device/device.h"
#include "rules/control_set.h"
#include "session/registration.h"
#include "session/session.h"
#include "verdict/process_trees.h"

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD Unload;

// Open handles keep the driver loaded, so there is no session left but those of registrations that are kept. These go
// while there is a device, which their work items name; it cannot be opened any more.
_Use_decl_annotations_
static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject) {
    UNREFERENCED_PARAMETER(DriverObject);
    RegistrationRemoveAllKept();
    DeviceUninitialize();
    SessionUninitialize();
    ProcessTreesUninitialize();
    UpcaseUninitialize();
}

_Use_decl_annotations_
CMB_INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath) {
    UNREFERENCED_PARAMETER(RegistryPath);
    ExInitializeDriverRuntime(DrvRtPoolNxOptIn);
    NTSTATUS status = UpcaseInitialize();
    if (!NT_SUCCESS(status)) {
        return status;
    }
    ControlSetInitialize();
    ProcessTreesInitialize();
    RegistrationInitialize(DriverObject, CallbackNotify);
    SessionInitialize();
    status = DeviceInitialize(DriverObject);
    if (!NT_SUCCESS(status)) {
        goto cleanupSession;
    }
    DriverObject->DriverUnload = Unload;
    return STATUS_SUCCESS;

cleanupSession:
    SessionUninitialize();
    UpcaseUninitialize();
    return status;
}
