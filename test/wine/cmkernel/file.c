// SPDX-License-Identifier: MIT
//
// File objects. Those of Wine's kernel know neither their device nor their name.

#include "kernel.h"

typedef struct FILE_BODY {
    FILE_OBJECT File;
    DEVICE_OBJECT Device; // tells its type only
    UNICODE_STRING Name;
} FILE_BODY;

static VOID DeleteFile(PVOID Object) {
    FILE_BODY *file = Object;

    if (file->Name.Buffer) {
        ExFreePoolWithTag(file->Name.Buffer, CMK_TAG);
    }
}

CMK_TYPE CmkFileType = {.Delete = DeleteFile};

static NTSTATUS ReadName(HANDLE Handle, PUNICODE_STRING Name) {
    const ULONG size = sizeof(OBJECT_NAME_INFORMATION) + MAXUSHORT;
    POBJECT_NAME_INFORMATION answer = ExAllocatePoolWithTag(PagedPool, size, CMK_TAG);
    NTSTATUS status;
    ULONG used;

    if (!answer) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    // ObjectNameInformation
    status = ZwQueryObject(Handle, (OBJECT_INFORMATION_CLASS)1, answer, size, &used);
    if (NT_SUCCESS(status)) {
        status = CmkDevicePath(&answer->Name, Name);
    }
    ExFreePoolWithTag(answer, CMK_TAG);
    return status;
}

NTSTATUS CmkReferenceFile(HANDLE Handle, PVOID *Object) {
    FILE_FS_DEVICE_INFORMATION device;
    IO_STATUS_BLOCK io;
    FILE_BODY *file;
    NTSTATUS status = ZwQueryVolumeInformationFile(Handle, &io, &device, sizeof device, FileFsDeviceInformation);

    if (!NT_SUCCESS(status)) {
        return status;
    }
    file = CmkCreateObject(&CmkFileType, sizeof *file);
    if (!file) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    file->Device.DeviceType = device.DeviceType;
    file->File.DeviceObject = &file->Device;
    status = ReadName(Handle, &file->Name);
    if (!NT_SUCCESS(status)) {
        CmPortDereferenceObject(file);
        return status;
    }
    *Object = file;
    return STATUS_SUCCESS;
}

NTSTATUS CmkQueryFileName(PVOID Object, POBJECT_NAME_INFORMATION Information, ULONG Length, PULONG ReturnLength) {
    const FILE_BODY *file = Object;

    *ReturnLength = sizeof *Information + file->Name.Length + sizeof(WCHAR);
    if (Length < *ReturnLength) {
        return Length < sizeof *Information ? STATUS_INFO_LENGTH_MISMATCH : STATUS_BUFFER_OVERFLOW;
    }
    Information->Name.Buffer = (PWCH)(Information + 1);
    Information->Name.Length = file->Name.Length;
    Information->Name.MaximumLength = (USHORT)(file->Name.Length + sizeof(WCHAR));
    RtlCopyMemory(Information->Name.Buffer, file->Name.Buffer, file->Name.Length);
    Information->Name.Buffer[file->Name.Length / sizeof(WCHAR)] = 0;
    return STATUS_SUCCESS;
}

NTSTATUS CmPortMakeFileHandle(HANDLE File, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode, PHANDLE SystemHandle) {
    HANDLE process = CmkProcessHandle(CmkCurrentProcess());

    UNREFERENCED_PARAMETER(Mode);
    return process ? ZwDuplicateObject(process, File, NtCurrentProcess(), SystemHandle, DesiredAccess | SYNCHRONIZE,
                                       OBJ_KERNEL_HANDLE, 0)
                   : STATUS_INVALID_HANDLE;
}
