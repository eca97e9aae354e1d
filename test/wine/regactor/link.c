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

CMK_REPLY *link_run(LINK *link, CMK_REQUEST *request) {
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
