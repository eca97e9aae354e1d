// SPDX-License-Identifier: MIT
//
// What a session is told about a process before it hears of what the process does.

#ifndef CMBRIDGE_PROCESS_FACTS_H
#define CMBRIDGE_PROCESS_FACTS_H

#include "process/identity.h"

typedef struct PROCESS_FACTS {
    // Without spans.
    CMB_BODY_PROCESS Body;
    TOKEN_FACTS Token;
    // Owned, from the system's pool; NULL if it is not known.
    UNICODE_STRING *ImagePath;
    // Owned; NULL if it is not known.
    UNICODE_STRING *CommandLine;
    // Nothing is unknown for want of memory only, so that asking again would not help.
    BOOLEAN Complete;
} PROCESS_FACTS;

// What cannot be had is marked as unknown.
_IRQL_requires_(PASSIVE_LEVEL)
VOID ProcessFactsRead(_Out_ PROCESS_FACTS *Facts, _In_ const IDENTITY_PROCESS *Process);

// Size of the process record.
ULONG ProcessFactsGetSize(_In_ const PROCESS_FACTS *Facts);

// Record is one that QueueBegin gave, of that size.
VOID ProcessFactsWrite(_In_ const PROCESS_FACTS *Facts, _In_ const IDENTITY_PROCESS *Process,
                       _Inout_ CMB_RECORD *Record);

_IRQL_requires_max_(APC_LEVEL)
VOID ProcessFactsFree(_Inout_ PROCESS_FACTS *Facts);

#endif
