// SPDX-License-Identifier: MIT
//
// Fills in the reply to CMB_IOCTL_STATISTICS.

#include "session/statistics.h"
#include "session/registration.h"

static VOID SetCounters(_Inout_ CMB_STATISTICS_REPLY *Reply, _In_ const QUEUE_COUNTERS *Counters) {
    Reply->Callbacks = Counters->Callbacks;
    Reply->Recorded = Counters->Recorded;
    Reply->Delivered = Counters->Delivered;
    Reply->Lost = QueueCountLost(Counters);
    Reply->LostQueueFull = Counters->LostQueueFull;
    Reply->LostNoMemory = Counters->LostNoMemory;
    Reply->LostCaptureFault = Counters->LostCaptureFault;
    Reply->LostRateLimit = Counters->LostRateLimit;
    Reply->PathFailures = Counters->PathFailures;
    Reply->CaptureFaults = Counters->CaptureFaults;
}

static VOID SetTotals(_Inout_ CMB_STATISTICS_REPLY *Reply, _In_ const SESSION_TOTALS *Totals) {
    Reply->Sessions = Totals->Sessions;
    Reply->Registrations = Totals->Registrations;
    Reply->PendedReceives = Totals->PendedReceives;
    Reply->QueueBytes = Totals->QueueBytes;
    Reply->QueueBytesLimit = Totals->QueueBytesLimit;
    Reply->QueueRecords = Totals->QueueRecords;
    Reply->QueueRecordsLimit = Totals->QueueRecordsLimit;
    SetCounters(Reply, &Totals->Counters);
    Reply->Decisions = Totals->Decisions;
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID QuerySession(_Inout_ SESSION *Session, _Inout_ CMB_STATISTICS_REPLY *Reply) {
    SESSION_TOTALS totals = {0};
    KIRQL irql;
    SessionQuery(Session, &totals);
    SetTotals(Reply, &totals);
    KeAcquireSpinLock(&Session->Queue.Lock, &irql);
    Reply->LastSequence = Session->Queue.LastSequence;
    Reply->QueueBytesPeak = Session->Queue.BytesPeak;
    Reply->QueueRecordsPeak = Session->Queue.RecordsPeak;
    KeReleaseSpinLock(&Session->Queue.Lock, irql);
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID QueryDriver(_Inout_ CMB_STATISTICS_REPLY *Reply) {
    SESSION_TOTALS totals;
    SessionQueryAll(&totals);
    SetTotals(Reply, &totals);
}

_Use_decl_annotations_
NTSTATUS StatisticsQuery(SESSION *Session, UINT32 Scope, INT64 Cookie, CMB_STATISTICS_REPLY *Reply) {
    QUEUE_COUNTERS counters;
    Reply->Scope = Scope;
    switch (Scope) {
    case CMB_SCOPE_DRIVER:
        QueryDriver(Reply);
        return STATUS_SUCCESS;
    case CMB_SCOPE_SESSION:
        QuerySession(Session, Reply);
        return STATUS_SUCCESS;
    case CMB_SCOPE_REGISTRATION:
        if (!RegistrationQuery(Session, Cookie, &counters, &Reply->Decisions)) {
            return STATUS_NOT_FOUND;
        }
        SetCounters(Reply, &counters);
        return STATUS_SUCCESS;
    default:
        return STATUS_INVALID_PARAMETER;
    }
}
