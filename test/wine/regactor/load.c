// SPDX-License-Identifier: MIT
//
// Load: many operations without a line for each.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "actor.h"

typedef struct LOAD_THREAD {
    HANDLE thread;
    const CMK_REQUEST *plan;
    unsigned int number;
    unsigned int failures;
} LOAD_THREAD;

static NTSTATUS run_and_free(LINK *link, CMK_REQUEST *request, unsigned long long *handle) {
    CMK_REPLY *reply = request ? link_run(link, request) : NULL;
    NTSTATUS status = reply ? reply->Status : STATUS_NO_MEMORY;

    if (reply && handle) {
        *handle = reply->Handle;
    }
    free(reply);
    free(request);
    return status;
}

static NTSTATUS one_operation(LINK *link, const CMK_REQUEST *plan, unsigned long long key, unsigned int value) {
    static const WCHAR name[] = L"Value";
    CMK_REQUEST *request;

    if (plan->Options == 0) {
        request = new_request(CmkOpSetValue, name, sizeof name - sizeof *name, &value, sizeof value);
    } else {
        request = new_request(CmkOpQueryValue, name, sizeof name - sizeof *name, NULL, 0);
    }
    if (request) {
        request->Handle = key;
        request->InformationClass = plan->Options == 0 ? REG_DWORD : 2; // KeyValuePartialInformation
        request->Length = plan->Options == 0 ? 0 : 64;
    }
    return run_and_free(link, request, NULL);
}

static DWORD WINAPI load_thread(void *context) {
    LOAD_THREAD *self = context;
    const CMK_REQUEST *plan = self->plan;
    unsigned int units = plan->NameSize / sizeof(WCHAR);
    WCHAR *path = malloc(plan->NameSize + 32 * sizeof *path);
    CMK_REQUEST *request = NULL;
    unsigned long long key = 0;
    LINK link;

    self->failures = plan->Length;
    if (!path || !link_open(&link)) {
        free(path);
        return 1;
    }
    memcpy(path, plan + 1, plan->NameSize);
    units += (unsigned int)swprintf(path + units, 32, L"\\Load%u", self->number);
    request = new_request(CmkOpCreateKey, path, units * sizeof *path, NULL, 0);
    free(path);
    if (request) {
        request->Access = KEY_ALL_ACCESS;
        request->Attributes = OBJ_CASE_INSENSITIVE;
    }
    if (run_and_free(&link, request, &key) == 0) {
        // So that there is something to query.
        CMK_REQUEST first = {.Options = 0};
        NTSTATUS status = plan->Options == 0 ? 0 : one_operation(&link, &first, key, 0);

        self->failures = 0;
        for (unsigned int index = 0; index < plan->Length; ++index) {
            if (status != 0 || one_operation(&link, plan, key, index) != 0) {
                ++self->failures;
            }
        }
        request = new_request(CmkOpCloseKey, NULL, 0, NULL, 0);
        if (request) {
            request->Handle = key;
        }
        run_and_free(&link, request, NULL);
    }
    link_close(&link);
    return 0;
}

CMK_REPLY *load_run(const CMK_REQUEST *plan) {
    LOAD_THREAD *threads = calloc(plan->Index, sizeof *threads);
    CMK_REPLY *reply = new_reply(0, sizeof(unsigned long long));
    LARGE_INTEGER frequency;
    LARGE_INTEGER start;
    LARGE_INTEGER end;
    unsigned long long nanoseconds;

    if (!threads || !reply) {
        free(threads);
        free(reply);
        return new_reply(STATUS_NO_MEMORY, 0);
    }
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&start);
    for (unsigned int index = 0; index < plan->Index; ++index) {
        threads[index].plan = plan;
        threads[index].number = index;
        threads[index].thread = CreateThread(NULL, 0, load_thread, &threads[index], 0, NULL);
        if (!threads[index].thread) {
            threads[index].failures = plan->Length;
        }
    }
    for (unsigned int index = 0; index < plan->Index; ++index) {
        if (threads[index].thread) {
            WaitForSingleObject(threads[index].thread, INFINITE);
            CloseHandle(threads[index].thread);
        }
        reply->Disposition += threads[index].failures;
    }
    QueryPerformanceCounter(&end);
    nanoseconds = (unsigned long long)((double)(end.QuadPart - start.QuadPart) * 1e9 / (double)frequency.QuadPart);
    memcpy(reply + 1, &nanoseconds, sizeof nanoseconds);
    free(threads);
    return reply;
}
