// SPDX-License-Identifier: MIT
//
// The control device: \Device\CmBridge, opened as \\.\CmBridge.

#ifndef CMBRIDGE_DEVICE_H
#define CMBRIDGE_DEVICE_H

#include "base/compat.h"

_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS DeviceInitialize(_In_ DRIVER_OBJECT *DriverObject);

_IRQL_requires_max_(PASSIVE_LEVEL)
VOID DeviceUninitialize(VOID);

#endif
