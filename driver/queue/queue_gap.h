// SPDX-License-Identifier: MIT
//
// What one registration lost since its last record that found room.

#ifndef CMBRIDGE_QUEUE_GAP_H
#define CMBRIDGE_QUEUE_GAP_H

#include "base/compat.h"
#include "protocol/protocol.h"

#define GAP_RECORD_SIZE (sizeof(CMB_RECORD) + sizeof(CMB_BODY_GAP))

typedef struct QUEUE_GAP {
    // The time of the first loss.
    INT64 Time;
    // Count is 0 if nothing is missing.
    CMB_BODY_GAP Body;
} QUEUE_GAP;

// Adds one loss. Cause is one of CMB_GAP_*.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID GapAdd(_Inout_ QUEUE_GAP *Gap, _In_ UINT64 Sequence, _In_ UINT32 Cause, _In_ INT64 Time);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID GapWrite(_In_ const QUEUE_GAP *Gap, _In_ INT64 Cookie, _Out_writes_bytes_all_(GAP_RECORD_SIZE) CMB_RECORD *Record);

#endif
