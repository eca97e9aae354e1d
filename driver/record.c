// SPDX-License-Identifier: MIT

#include "record.h"
#include "body.h"

#define RECORD_ALIGN(Size) ((ULONG)ALIGN_UP_BY((Size), 8))

// The largest record of each kind fits.
C_ASSERT(sizeof(CMB_RECORD) + sizeof(CMB_BODY_CREATE) + 2 * (SIZE_T)RECORD_ALIGN(CMB_MAX_PATH_BYTES) +
             RECORD_ALIGN(CMB_MAX_CLASS_NAME_BYTES) <=
         CMB_MAX_RECORD_BYTES);
C_ASSERT(sizeof(CMB_RECORD) + sizeof(CMB_BODY_SET_VALUE) + RECORD_ALIGN(CMB_MAX_PATH_BYTES) +
             RECORD_ALIGN(CMB_MAX_VALUE_NAME_BYTES) + CMB_MAX_DATA_BYTES <=
         CMB_MAX_RECORD_BYTES);

// The largest body, since its bytes stand for all of them.
C_ASSERT(sizeof(CMB_BODY_CREATE) >= sizeof(CMB_BODY_SET_VALUE));

static VOID WriteHeader(_In_ const NOTIFICATION *Notification, _In_ const BODY *Body, _Inout_ CMB_RECORD *Record) {
    Record->Cookie = Notification->Registration->Cookie.QuadPart;
    Record->PreSequence = Notification->PreSequence;
    Record->NotifyClass = Notification->Number;
    Record->Status = Notification->Post ? Notification->Post->Status : STATUS_SUCCESS;
    Record->ProcessId = (UINT32)(ULONG_PTR)PsGetCurrentProcessId();
    Record->ThreadId = (UINT32)(ULONG_PTR)PsGetCurrentThreadId();
    Record->Flags = Notification->Flags | (Notification->Post ? CMB_RECORD_POST : 0) |
                    (ExGetPreviousMode() == KernelMode ? CMB_RECORD_KERNEL_MODE : 0);
    Record->BodySize = Body->Size;
}

// Returns the number of reads that faulted.
_IRQL_requires_max_(APC_LEVEL)
static ULONG WritePath(_Inout_ PATH *Path, _In_ ULONG Offset, _Inout_ CMB_RECORD *Record) {
    CMB_SPAN *span = &Record->KeyPath;
    const BOOLEAN known = !(Path->Flags & CMB_RECORD_PATH_UNAVAILABLE);
    if (known && PathWrite(Path, (UCHAR *)Record + Offset)) {
        span->Offset = Offset;
        span->Size = Path->Size;
        span->FullSize = Path->FullSize;
        span->Flags = CMB_SPAN_PRESENT | (Path->Size < Path->FullSize ? CMB_SPAN_TRUNCATED : 0);
    } else if (Path->Fault) {
        span->Offset = Offset;
        span->Flags = CMB_SPAN_PRESENT | CMB_SPAN_FAULT;
    }
    Record->Flags |= Path->Flags;
    return Path->Fault;
}

_Use_decl_annotations_
UINT64 RecordRelay(NOTIFICATION *Notification) {
    const REGISTRATION *registration = Notification->Registration;
    SESSION *session = registration->Session;
    QUEUE_RESERVATION reservation;
    LARGE_INTEGER time;
    const BODY_INPUT input = {
        .Class = Notification->Class,
        .Pre = Notification->Pre,
        .Post = Notification->Post,
        .MaxDataBytes = registration->MaxDataBytes,
    };
    BODY body;
    KeQuerySystemTimePrecise(&time);
    BodyDescribe(&body, &input);
    const ULONG pathOffset = sizeof(CMB_RECORD) + body.Size;
    const ULONG dataOffset = pathOffset + RECORD_ALIGN(Notification->Path.Size);
    if (!QueueReserve(&session->Queue, registration->Source, dataOffset + body.DataSize, time.QuadPart, &reservation)) {
        BodyRelease(&body);
        return 0;
    }
    CMB_RECORD *record = reservation.Record;
    const UINT64 sequence = record->Sequence;
    WriteHeader(Notification, &body, record);
    ULONG faults = BodyWrite(&body, record, dataOffset);
    BodyRelease(&body);
    faults += WritePath(&Notification->Path, pathOffset, record);
    QueueCommit(&session->Queue, &reservation, faults);
    // From here on the record belongs to the consumer.
    ReceiverPump(&session->Receiver);
    return sequence;
}
