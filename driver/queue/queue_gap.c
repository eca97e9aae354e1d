// SPDX-License-Identifier: MIT
//
// Gaps and their records.

#include "queue/queue_gap.h"

C_ASSERT(GAP_RECORD_SIZE % 8 == 0);

_Use_decl_annotations_
VOID GapAdd(QUEUE_GAP *Gap, UINT64 Sequence, UINT32 Cause, INT64 Time) {
    CMB_BODY_GAP *body = &Gap->Body;
    if (!body->Count) {
        body->FirstSequence = Sequence;
        Gap->Time = Time;
    }
    ++body->Count;
    body->LastSequence = Sequence;
    body->Causes |= Cause;
    switch (Cause) {
    case CMB_GAP_QUEUE_FULL:
        ++body->QueueFull;
        break;
    case CMB_GAP_NO_MEMORY:
        ++body->NoMemory;
        break;
    case CMB_GAP_CAPTURE_FAULT:
        ++body->CaptureFault;
        break;
    default:
        ++body->RateLimit;
        break;
    }
}

_Use_decl_annotations_
VOID GapWrite(const QUEUE_GAP *Gap, INT64 Cookie, CMB_RECORD *Record) {
    RtlZeroMemory(Record, sizeof(*Record));
    Record->Size = GAP_RECORD_SIZE;
    Record->HeaderSize = sizeof(*Record);
    Record->Kind = CMB_RECORD_GAP;
    Record->Sequence = Gap->Body.FirstSequence;
    Record->Time = Gap->Time;
    Record->Cookie = Cookie;
    Record->BodySize = sizeof(Gap->Body);
    *(CMB_BODY_GAP *)(Record + 1) = Gap->Body;
}
