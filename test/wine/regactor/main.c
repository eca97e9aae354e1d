// SPDX-License-Identifier: MIT

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor.h"

typedef struct WORKER {
    struct WORKER *next;
    unsigned int number;
    HANDLE thread;
    CRITICAL_SECTION lock;
    CONDITION_VARIABLE wake;
    COMMAND *first;
    COMMAND **last;
    BOOL ending;
} WORKER;

BOOL actor_native;

static WORKER *workers;
static CRITICAL_SECTION output_lock;

static void die(const char *what) {
    fprintf(stderr, "regactor: %s (error %lu)\n", what, GetLastError());
    ExitProcess(2);
}

static void answer(unsigned long long id, CMK_REPLY *reply) {
    EnterCriticalSection(&output_lock);
    print_reply(id, reply);
    LeaveCriticalSection(&output_lock);
    free(reply);
}

static COMMAND *next_command(WORKER *worker) {
    COMMAND *command;

    EnterCriticalSection(&worker->lock);
    while (!worker->first && !worker->ending) {
        SleepConditionVariableCS(&worker->wake, &worker->lock, INFINITE);
    }
    command = worker->first;
    if (command) {
        worker->first = command->next;
        if (!worker->first) {
            worker->last = &worker->first;
        }
    }
    LeaveCriticalSection(&worker->lock);
    return command;
}

static DWORD WINAPI work(void *context) {
    WORKER *worker = context;
    LINK link;
    COMMAND *command;

    if (!link_open(&link)) {
        die("cannot open the kernel's device");
    }
    while ((command = next_command(worker)) != NULL) {
        CMK_REPLY *reply = command->request->Operation == OperationLoad ? load_run(command->request)
                                                                        : link_run(&link, command->request);

        if (!reply) {
            die("the kernel's device failed");
        }
        answer(command->id, reply);
        free(command->request);
        free(command);
    }
    link_close(&link);
    return 0;
}

static WORKER *find_worker(unsigned int number) {
    WORKER *worker;

    for (worker = workers; worker; worker = worker->next) {
        if (worker->number == number) {
            return worker;
        }
    }
    worker = calloc(1, sizeof *worker);
    if (!worker) {
        die("out of memory");
    }
    worker->number = number;
    worker->last = &worker->first;
    InitializeCriticalSection(&worker->lock);
    InitializeConditionVariable(&worker->wake);
    worker->thread = CreateThread(NULL, 0, work, worker, 0, NULL);
    if (!worker->thread) {
        die("cannot start a thread");
    }
    worker->next = workers;
    workers = worker;
    return worker;
}

// What was asked of the thread before is done first.
static void end_worker(unsigned int number) {
    for (WORKER **link = &workers; *link; link = &(*link)->next) {
        WORKER *worker = *link;

        if (worker->number == number) {
            *link = worker->next;
            EnterCriticalSection(&worker->lock);
            worker->ending = TRUE;
            LeaveCriticalSection(&worker->lock);
            WakeConditionVariable(&worker->wake);
            WaitForSingleObject(worker->thread, INFINITE);
            CloseHandle(worker->thread);
            DeleteCriticalSection(&worker->lock);
            free(worker);
            return;
        }
    }
}

static void hand_over(COMMAND *command) {
    WORKER *worker;

    if (command->request->Operation == OperationEndThread) {
        end_worker(command->thread);
        answer(command->id, new_reply(0, 0));
        free(command->request);
        free(command);
        return;
    }
    worker = find_worker(command->thread);
    EnterCriticalSection(&worker->lock);
    *worker->last = command;
    worker->last = &command->next;
    LeaveCriticalSection(&worker->lock);
    WakeConditionVariable(&worker->wake);
}

// A line of any length, without its end; NULL at the end of the input.
static char *read_line(void) {
    static char *line;
    static size_t size;
    size_t used = 0;

    for (;;) {
        if (size - used < 2) {
            size = size ? size * 2 : 4096;
            line = realloc(line, size);
            if (!line) {
                die("out of memory");
            }
        }
        if (!fgets(line + used, (int)(size - used), stdin)) {
            return NULL;
        }
        used += strlen(line + used);
        if (used && line[used - 1] == '\n') {
            line[used - 1] = '\0';
            return line;
        }
    }
}

static int diagnose(void) {
    CMK_DIAGNOSTICS report;
    LINK link;
    DWORD used;

    if (!link_open(&link) ||
        !DeviceIoControl(link.device, CMK_IOCTL_DIAGNOSTICS, NULL, 0, &report, sizeof report, &used, NULL)) {
        die("cannot ask the kernel");
    }
    printf("{\"Devices\":%u,\"Actors\":%u,\"Registrations\":%u,\"KeyObjects\":%u,\"ObjectContexts\":%u,\"KeyNames\":%u,"
           "\"Operations\":%u,\"Handles\":%u,\"KernelHandles\":%u,\"Processes\":%u,\"Tokens\":%u,\"Files\":%u,"
           "\"Transactions\":%u,"
           "\"PoolBlocks\":%llu,\"PoolBytes\":%llu,\"PoolAllocations\":%llu,\"Notifications\":%llu}\n",
           report.Devices, report.Actors, report.Registrations, report.KeyObjects, report.ObjectContexts,
           report.KeyNames, report.Operations, report.Handles, report.KernelHandles, report.Processes, report.Tokens,
           report.Files, report.Transactions, report.PoolBlocks, report.PoolBytes, report.PoolAllocations,
           report.Notifications);
    link_close(&link);
    return 0;
}

// 0: the device can be opened, 1: there is none, 2: anything else.
static int exists(const char *name) {
    HANDLE device = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);

    if (device != INVALID_HANDLE_VALUE) {
        CloseHandle(device);
        return 0;
    }
    return GetLastError() == ERROR_FILE_NOT_FOUND ? 1 : 2;
}

// What saving, loading and restoring keys take. A user who does not hold them is told so by those calls.
static void enable_privileges(void) {
    static const WCHAR *const names[] = {L"SeBackupPrivilege", L"SeRestorePrivilege"};
    HANDLE token;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES, &token)) {
        die("cannot open the token of this process");
    }
    for (int index = 0; index < 2; ++index) {
        TOKEN_PRIVILEGES wanted = {.PrivilegeCount = 1, .Privileges[0].Attributes = SE_PRIVILEGE_ENABLED};

        if (LookupPrivilegeValueW(NULL, names[index], &wanted.Privileges[0].Luid)) {
            AdjustTokenPrivileges(token, FALSE, &wanted, 0, NULL, NULL);
        }
    }
    CloseHandle(token);
}

int main(int argc, char **argv) {
    char *line;

    if (argc > 1 && strcmp(argv[1], "--diagnose") == 0) {
        return diagnose();
    }
    if (argc > 2 && strcmp(argv[1], "--exists") == 0) {
        return exists(argv[2]);
    }
    actor_native = argc > 1 && strcmp(argv[1], "--native") == 0;
    enable_privileges();
    InitializeCriticalSection(&output_lock);
    printf("%lu\n", GetCurrentProcessId());
    fflush(stdout);
    while ((line = read_line()) != NULL) {
        COMMAND *command = parse_command(line);

        if (!command) {
            SetLastError(ERROR_INVALID_DATA);
            die("malformed request");
        }
        hand_over(command);
    }
    while (workers) {
        end_worker(workers->number);
    }
    return 0;
}
