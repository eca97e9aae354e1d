// SPDX-License-Identifier: MIT
//
// The way of a request to the registry.

#include <stdlib.h>

#include "actor.h"

BOOL link_open(LINK *link) {
    link->device = NULL;
    if (actor_native) {
        return TRUE;
    }
    link->device = CreateFileW(CMK_WIN32_NAME, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                               OPEN_EXISTING, 0, NULL);
    return link->device != INVALID_HANDLE_VALUE;
}

void link_close(LINK *link) {
    if (link->device) {
        CloseHandle(link->device);
    }
}

static CMK_REPLY *run(LINK *link, CMK_REQUEST *request) {
    DWORD size = (DWORD)sizeof(CMK_REPLY) + request->Length;
    CMK_REPLY *reply;
    DWORD used;

    if (actor_native) {
        return native_run(request);
    }
    reply = malloc(size);
    if (reply &&
        !DeviceIoControl(link->device, CMK_IOCTL_OPERATION, request, request->Size, reply, size, &used, NULL)) {
        free(reply);
        return NULL;
    }
    return reply;
}

// The file that these calls work on is the caller's, who gives a handle of it.
static NTSTATUS open_file(const CMK_REQUEST *request, HANDLE *file) {
    BOOL writing = request->Operation != CmkOpRestoreKey;
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING name;
    IO_STATUS_BLOCK io;

    name.Buffer = (PWSTR)(request + 1);
    name.Length = name.MaximumLength = (USHORT)request->NameSize;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return NtCreateFile(file, (writing ? GENERIC_WRITE : GENERIC_READ) | SYNCHRONIZE, &attributes, &io, NULL,
                        FILE_ATTRIBUTE_NORMAL, FILE_SHARE_READ, writing ? FILE_OVERWRITE_IF : FILE_OPEN,
                        FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, NULL, 0);
}

CMK_REPLY *link_run(LINK *link, CMK_REQUEST *request) {
    CMK_REPLY *reply;
    NTSTATUS status;
    HANDLE file;

    switch (request->Operation) {
    case CmkOpSaveKey:
    case CmkOpSaveMergedKeys:
    case CmkOpRestoreKey:
        status = open_file(request, &file);
        if (status < 0) {
            return new_reply(status, 0);
        }
        request->File = (ULONG_PTR)file;
        reply = run(link, request);
        CloseHandle(file);
        return reply;
    default:
        return run(link, request);
    }
}
