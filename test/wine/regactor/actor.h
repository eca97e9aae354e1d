// SPDX-License-Identifier: MIT
//
// regactor.exe: a process whose threads make the registry calls that lines on its standard input ask for.
//
//   request  ID THREAD OPERATION HANDLE OTHER ACCESS OPTIONS CLASS INDEX LENGTH ATTRIBUTES NAME CLASSNAME DATA
//   reply    ID STATUS HANDLE DISPOSITION LENGTH DATA
//
// Numbers are decimal; OPERATION is CMK_OPERATION or one of those below. NAME, CLASSNAME and DATA are bytes in hex, "-"
// for none, "=" for zero bytes; names are UTF-16LE. A thread starts with its first request. The first line of the
// output is the process id. The process ends with its standard input.
//
// regactor --diagnose prints what cmkernel.sys counts, regactor --exists NAME tells by its exit code whether a device
// is there.

#ifndef REGACTOR_ACTOR_H
#define REGACTOR_ACTOR_H

#define WIN32_NO_STATUS
#include <windows.h>
#include <winternl.h>
#undef WIN32_NO_STATUS
#include <ntstatus.h>

#include "../cmkernel/actor.h"

enum {
    OperationEndThread = 0,
    // INDEX threads do LENGTH times NtSetValueKey (OPTIONS 0) or NtQueryValueKey (1), each on a key of its own below
    // NAME. Reply: DISPOSITION failures, DATA nanoseconds as 64-bit number.
    OperationLoad = 100,
};

typedef struct COMMAND {
    struct COMMAND *next;
    unsigned long long id;
    unsigned int thread;
    CMK_REQUEST *request; // with name, class and data behind it
} COMMAND;

// One thread's way to the registry: a handle of the control device, or none when the calls go to ntdll.
typedef struct LINK {
    HANDLE device;
} LINK;

// Set by --native: no cmkernel, but Nt*Key. For real Windows.
extern BOOL actor_native;

BOOL link_open(LINK *link);
void link_close(LINK *link);
// The reply is to be freed. NULL: the device failed; GetLastError tells.
CMK_REPLY *link_run(LINK *link, CMK_REQUEST *request);
CMK_REPLY *native_run(CMK_REQUEST *request);

// An empty request with room for its strings and data, and one reply.
CMK_REQUEST *new_request(unsigned int operation, const void *name, unsigned int name_size, const void *data,
                         unsigned int data_size);
CMK_REPLY *new_reply(NTSTATUS status, unsigned int data_size);

CMK_REPLY *load_run(const CMK_REQUEST *request);

// NULL if the line is malformed.
COMMAND *parse_command(const char *line);
void print_reply(unsigned long long id, const CMK_REPLY *reply);

#endif
