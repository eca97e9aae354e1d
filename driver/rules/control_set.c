// SPDX-License-Identifier: MIT
//
// Reading the number of the current control set.

#include "rules/control_set.h"

#define MAX_CONTROL_SET 999

typedef struct NUMBER_VALUE {
    KEY_VALUE_PARTIAL_INFORMATION Information;
    // Of the data, what does not fit in Information.
    UCHAR Rest[sizeof(ULONG)];
} NUMBER_VALUE;

static ULONG ControlSet;

_Use_decl_annotations_
CMB_INIT_CODE VOID ControlSetInitialize(VOID) {
    UNICODE_STRING path = RTL_CONSTANT_STRING(L"\\Registry\\Machine\\System\\Select");
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"Current");
    OBJECT_ATTRIBUTES attributes;
    NUMBER_VALUE value;
    ULONG number = 0;
    ULONG needed;
    HANDLE key;
    ControlSet = 0;
    InitializeObjectAttributes(&attributes, &path, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    if (!NT_SUCCESS(ZwOpenKey(&key, KEY_QUERY_VALUE, &attributes))) {
        return;
    }
    if (NT_SUCCESS(ZwQueryValueKey(key, &name, KeyValuePartialInformation, &value, sizeof(value), &needed)) &&
        value.Information.Type == REG_DWORD && value.Information.DataLength == sizeof(number)) {
        RtlCopyMemory(&number, value.Information.Data, sizeof(number));
    }
    ZwClose(key);
    ControlSet = number <= MAX_CONTROL_SET ? number : 0;
}

ULONG ControlSetGet(VOID) {
    return ControlSet;
}
