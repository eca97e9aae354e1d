// SPDX-License-Identifier: MIT
//
// The image and the command line of a process.

#include "kernel.h"

// ProcessCommandLineInformation: Wine does not answer it for a handle that allows questions only.
#define COMMAND_LINE ((PROCESSINFOCLASS)60)
// PEB.ProcessParameters and RTL_USER_PROCESS_PARAMETERS.CommandLine, 64 bit.
#define PEB_PARAMETERS 0x20
#define PARAMETERS_COMMAND_LINE 0x70

#ifndef PROCESS_VM_READ
#define PROCESS_VM_READ 0x0010
#endif

// Of kernelbase.dll: see wine-kernelbase.def.
DECLSPEC_IMPORT int NTAPI ReadProcessMemory(HANDLE Process, const VOID *Address, PVOID Buffer, SIZE_T Size,
                                            SIZE_T *Read);

static NTSTATUS Read(HANDLE Process, ULONG_PTR Address, PVOID Buffer, SIZE_T Size) {
    return ReadProcessMemory(Process, (const VOID *)Address, Buffer, Size, NULL) ? STATUS_SUCCESS : STATUS_PARTIAL_COPY;
}

// The caller's handle allows questions only, not to read memory.
static NTSTATUS OpenForReading(HANDLE Process, PROCESS_BASIC_INFORMATION *Basic, PHANDLE Handle) {
    CLIENT_ID client = {0};
    OBJECT_ATTRIBUTES attributes;
    NTSTATUS status = ZwQueryInformationProcess(Process, ProcessBasicInformation, Basic, sizeof *Basic, NULL);

    if (!NT_SUCCESS(status)) {
        return status;
    }
    client.UniqueProcess = (HANDLE)Basic->UniqueProcessId;
    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    return ZwOpenProcess(Handle, PROCESS_VM_READ, &attributes, &client);
}

static NTSTATUS ReadCommandLine(HANDLE Process, ULONG_PTR Peb, PUNICODE_STRING Answer, ULONG Length, PULONG Needed) {
    UNICODE_STRING line;
    ULONG_PTR parameters;
    NTSTATUS status = Read(Process, Peb + PEB_PARAMETERS, &parameters, sizeof parameters);

    if (NT_SUCCESS(status)) {
        status = Read(Process, parameters + PARAMETERS_COMMAND_LINE, &line, sizeof line);
    }
    if (!NT_SUCCESS(status)) {
        return status;
    }
    *Needed = sizeof *Answer + line.Length;
    if (Length < *Needed) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    Answer->Buffer = (PWCH)(Answer + 1);
    Answer->Length = Answer->MaximumLength = line.Length;
    return Read(Process, (ULONG_PTR)line.Buffer, Answer->Buffer, line.Length);
}

NTSTATUS NTAPI CmkZwQueryInformationProcess(HANDLE Process, PROCESSINFOCLASS Class, PVOID Information, ULONG Length,
                                            PULONG ReturnLength) {
    PROCESS_BASIC_INFORMATION basic;
    ULONG needed = 0;
    NTSTATUS status;
    HANDLE handle;

    if (Class != COMMAND_LINE) {
        return ZwQueryInformationProcess(Process, Class, Information, Length, ReturnLength);
    }
    status = OpenForReading(Process, &basic, &handle);
    if (NT_SUCCESS(status)) {
        status = ReadCommandLine(handle, (ULONG_PTR)basic.PebBaseAddress, Information, Length, &needed);
        ZwClose(handle);
    }
    if (ReturnLength) {
        *ReturnLength = needed;
    }
    return status;
}

static NTSTATUS ReadImageName(HANDLE Handle, PUNICODE_STRING Path) {
    const ULONG size = sizeof(UNICODE_STRING) + MAXUSHORT;
    PUNICODE_STRING answer = ExAllocatePoolWithTag(PagedPool, size, CMK_TAG);
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;

    if (answer) {
        status = ZwQueryInformationProcess(Handle, ProcessImageFileName, answer, size, NULL);
        if (NT_SUCCESS(status)) {
            status = CmkDevicePath(answer, Path);
        }
        ExFreePoolWithTag(answer, CMK_TAG);
    }
    return status;
}

NTSTATUS NTAPI CmkSeLocateProcessImageName(PEPROCESS Process, PUNICODE_STRING *Name) {
    HANDLE handle = CmkProcessHandle(Process);
    UNICODE_STRING path;
    PUNICODE_STRING block;
    NTSTATUS status;

    *Name = NULL;
    status = handle ? ReadImageName(handle, &path) : STATUS_NOT_FOUND;
    if (!NT_SUCCESS(status)) {
        return status;
    }
    // The driver frees it, so it is the driver's pool.
    block = CmkExAllocatePoolWithTag(PagedPool, sizeof *block + path.Length, 'nPeS');
    if (block) {
        block->Buffer = (PWCH)(block + 1);
        block->Length = block->MaximumLength = path.Length;
        RtlCopyMemory(block->Buffer, path.Buffer, path.Length);
        *Name = block;
    } else {
        status = STATUS_INSUFFICIENT_RESOURCES;
    }
    ExFreePoolWithTag(path.Buffer, CMK_TAG);
    return status;
}
