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
    // FALSE if something is unknown for lack of memory, so that asking again may help.
    BOOLEAN Complete;
} PROCESS_FACTS;

// Marks what cannot be had as unknown. The caller frees the facts.
_IRQL_requires_(PASSIVE_LEVEL)
VOID ProcessFactsRead(_Out_ PROCESS_FACTS *Facts, _In_ const IDENTITY_PROCESS *Process);

// The size of the process record.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG ProcessFactsGetSize(_In_ const PROCESS_FACTS *Facts);

// Record is that of a draft, of the size that ProcessFactsGetSize says.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ProcessFactsWrite(_In_ const PROCESS_FACTS *Facts, _In_ const IDENTITY_PROCESS *Process,
                       _Inout_ CMB_RECORD *Record);

_IRQL_requires_max_(APC_LEVEL)
VOID ProcessFactsFree(_Inout_ PROCESS_FACTS *Facts);

#endif
