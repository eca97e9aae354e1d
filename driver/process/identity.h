// SPDX-License-Identifier: MIT
//
// Who does a registry operation: the process of the current thread, and whom the thread impersonates.

#ifndef CMBRIDGE_IDENTITY_H
#define CMBRIDGE_IDENTITY_H

#include "base/capture.h"
#include "protocol/protocol.h"

typedef struct TOKEN_FACTS {
    // Without the span of the SID, whose bytes are here.
    CMB_TOKEN Token;
    // 0 if it is not known.
    ULONG SidSize;
    UCHAR Sid[CMB_MAX_SID_BYTES];
} TOKEN_FACTS;

typedef struct IDENTITY_PROCESS {
    // The thread's own, whatever address space it is attached to; the running thread keeps it alive.
    PEPROCESS Object;
    UINT64 Key;
    UINT32 Id;
    // 0 .. CMB_PROCESS_SLOTS - 1
    UINT32 Slot;
} IDENTITY_PROCESS;

typedef struct IDENTITY {
    IDENTITY_PROCESS Process;
    // CMB_RECORD_KERNEL_MODE, CMB_RECORD_IMPERSONATING, CMB_RECORD_APC_LEVEL
    UINT32 Flags;
    // APCs are enabled, so that what needs PASSIVE_LEVEL or waits for I/O can be asked.
    BOOLEAN CanAsk;
    // The thread impersonates and could be asked, so Client and Level are filled in.
    BOOLEAN ClientKnown;
    // SECURITY_IMPERSONATION_LEVEL
    UINT32 Level;
    TOKEN_FACTS Client;
} IDENTITY;

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID IdentityGetProcess(_Out_ IDENTITY_PROCESS *Process);

_IRQL_requires_max_(APC_LEVEL)
VOID IdentityGet(_Out_ IDENTITY *Identity);

// Any other failure to find something out would come again.
static inline BOOLEAN IdentityIsShortage(_In_ NTSTATUS Status) {
    return Status == STATUS_INSUFFICIENT_RESOURCES || Status == STATUS_NO_MEMORY;
}

// Gets the path of the image, which the caller frees with tag 0; NULL where there is none, or it cannot be had. FALSE
// if that was for lack of memory.
_IRQL_requires_(PASSIVE_LEVEL)
BOOLEAN IdentityGetImage(_In_ PEPROCESS Process, _Outptr_result_maybenull_ UNICODE_STRING **Path);

// Marks what cannot be had as unknown. FALSE if that was for lack of memory, so that asking again may help.
_IRQL_requires_(PASSIVE_LEVEL)
BOOLEAN IdentityReadToken(_Out_ TOKEN_FACTS *Facts, _In_ PACCESS_TOKEN Token);

// Reads the token that the current thread impersonates with, and the SECURITY_IMPERSONATION_LEVEL; FALSE if it does
// not. Complete is what IdentityReadToken
// returns.
_IRQL_requires_(PASSIVE_LEVEL)
_Success_(return != FALSE)
BOOLEAN IdentityReadClient(_Out_ TOKEN_FACTS *Client, _Out_ UINT32 *Level, _Out_ BOOLEAN *Complete);

// How many bytes the SID takes in a record.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG IdentitySidSpace(_In_ const TOKEN_FACTS *Facts);

// Writes the token, which lies in Record or is copied there by the caller, and the SID to Record + Offset. Returns
// where the next part goes.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG IdentityWriteToken(_In_ const TOKEN_FACTS *Facts, _Inout_ CMB_RECORD *Record, _In_ ULONG Offset,
                         _Out_ CMB_TOKEN *Token);

#endif
