// SPDX-License-Identifier: MIT
//
// Names of files as the kernel tells them. Wine tells them by drive letter.

#include "kernel.h"

// `\??\X:`
#define DRIVE_UNITS 6
#define MAX_DEVICE_UNITS 128

static BOOLEAN StartsWithDrive(PCUNICODE_STRING Path) {
    static const WCHAR prefix[] = L"\\??\\";

    return Path->Length >= DRIVE_UNITS * sizeof(WCHAR) &&
           RtlCompareMemory(Path->Buffer, prefix, sizeof prefix - sizeof *prefix) == sizeof prefix - sizeof *prefix &&
           Path->Buffer[DRIVE_UNITS - 1] == L':';
}

static NTSTATUS ReadDrive(PCUNICODE_STRING Path, PUNICODE_STRING Device) {
    UNICODE_STRING drive = {DRIVE_UNITS * sizeof(WCHAR), DRIVE_UNITS * sizeof(WCHAR), Path->Buffer};
    OBJECT_ATTRIBUTES attributes;
    NTSTATUS status;
    HANDLE link;

    InitializeObjectAttributes(&attributes, &drive, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    status = ZwOpenSymbolicLinkObject(&link, SYMBOLIC_LINK_QUERY, &attributes);
    if (NT_SUCCESS(status)) {
        status = ZwQuerySymbolicLinkObject(link, Device, NULL);
        ZwClose(link);
    }
    return status;
}

NTSTATUS CmkDevicePath(PCUNICODE_STRING Path, PUNICODE_STRING Result) {
    WCHAR buffer[MAX_DEVICE_UNITS];
    UNICODE_STRING device = {0, sizeof buffer, buffer};
    UNICODE_STRING rest = *Path;
    ULONG size;

    if (StartsWithDrive(Path) && NT_SUCCESS(ReadDrive(Path, &device))) {
        rest.Buffer += DRIVE_UNITS;
        rest.Length -= DRIVE_UNITS * sizeof(WCHAR);
    } else {
        device.Length = 0;
    }
    size = device.Length + rest.Length;
    if (size > MAXUSHORT - sizeof(WCHAR)) {
        return STATUS_NAME_TOO_LONG;
    }
    Result->Buffer = ExAllocatePoolWithTag(PagedPool, size + sizeof(WCHAR), CMK_TAG);
    if (!Result->Buffer) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlCopyMemory(Result->Buffer, device.Buffer, device.Length);
    RtlCopyMemory((PUCHAR)Result->Buffer + device.Length, rest.Buffer, rest.Length);
    Result->Length = (USHORT)size;
    Result->MaximumLength = (USHORT)(size + sizeof(WCHAR));
    return STATUS_SUCCESS;
}
