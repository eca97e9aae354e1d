// SPDX-License-Identifier: MIT

#include "record.h"
#include "body.h"

#define RECORD_ALIGN(Size) ((ULONG)ALIGN_UP_BY((Size), 8))
#define RECORD_FIXED_BYTES (sizeof(CMB_RECORD) + sizeof(GUID))

// The largest record of each kind fits.
C_ASSERT(RECORD_FIXED_BYTES + (SIZE_T)RECORD_ALIGN(CMB_MAX_PATH_BYTES) + BODY_MAX_BYTES <= CMB_MAX_RECORD_BYTES);
C_ASSERT(RECORD_FIXED_BYTES + 2 * (SIZE_T)RECORD_ALIGN(CMB_MAX_PATH_BYTES) + BODY_MAX_BYTES_TWO_PATHS <=
         CMB_MAX_RECORD_BYTES);

// Where the parts of a record are; each starts where the one before it ends.
typedef struct LAYOUT {
    ULONG KeyPath;
    ULONG OtherPath;
    ULONG Transaction;
    ULONG Data;
    ULONG Size;
} LAYOUT;

static ULONG NameSize(_In_opt_ const NAME *Name) {
    return Name ? RECORD_ALIGN(Name->Size) : 0;
}

static BOOLEAN IsTransacted(_In_ const NOTIFICATION *Notification) {
    return Notification->Transaction && Notification->Transaction->Present;
}

static VOID LayOut(_Out_ LAYOUT *Layout, _In_ const NOTIFICATION *Notification, _In_ const BODY *Body) {
    Layout->KeyPath = sizeof(CMB_RECORD) + Body->Size;
    Layout->OtherPath = Layout->KeyPath + NameSize(Notification->KeyPath);
    Layout->Transaction = Layout->OtherPath + NameSize(Notification->OtherPath);
    Layout->Data = Layout->Transaction + (IsTransacted(Notification) ? sizeof(GUID) : 0);
    Layout->Size = Layout->Data + Body->DataSize;
}

static UINT32 FlagsOf(_In_ const NOTIFICATION *Notification) {
    UINT32 flags = Notification->Flags;
    if (Notification->Post) {
        flags |= CMB_RECORD_POST;
    }
    if (ExGetPreviousMode() == KernelMode) {
        flags |= CMB_RECORD_KERNEL_MODE;
    }
    if (IsTransacted(Notification)) {
        flags |= CMB_RECORD_TRANSACTED;
    }
    if (!Notification->KeyPath || Notification->KeyPath->Fault) {
        return flags | CMB_RECORD_PATH_UNAVAILABLE;
    }
    return flags | Notification->KeyPath->Flags;
}

static VOID WriteHeader(_In_ const NOTIFICATION *Notification, _In_ const BODY *Body, _Inout_ CMB_RECORD *Record) {
    Record->Cookie = Notification->Registration->Cookie.QuadPart;
    Record->PreSequence = Notification->PreSequence;
    Record->NotifyClass = Notification->Number;
    Record->Status = Notification->Post ? Notification->Post->Status : STATUS_SUCCESS;
    Record->ProcessId = (UINT32)(ULONG_PTR)PsGetCurrentProcessId();
    Record->ThreadId = (UINT32)(ULONG_PTR)PsGetCurrentThreadId();
    Record->Flags = FlagsOf(Notification);
    Record->BodySize = Body->Size;
    Record->KeyObject = Notification->KeyObject;
    Record->Duration = Notification->Duration;
    Record->RootSize = Notification->RequestedPath ? Notification->RequestedPath->RootSize : 0;
}

// Returns the number of reads that faulted.
static ULONG WriteName(_In_opt_ const NAME *Name, _In_ ULONG Offset, _Inout_ CMB_RECORD *Record,
                       _Inout_ CMB_SPAN *Span) {
    if (!Name) {
        return 0;
    }
    Span->Offset = Offset;
    Span->Flags =
        CMB_SPAN_PRESENT | (Name->Fault ? CMB_SPAN_FAULT : 0) | (Name->Size < Name->FullSize ? CMB_SPAN_TRUNCATED : 0);
    Span->Size = Name->Size;
    Span->FullSize = Name->FullSize;
    if (Name->Size) {
        RtlCopyMemory((UCHAR *)Record + Offset, Name->Bytes, Name->Size);
    }
    return Name->Fault;
}

static VOID WriteTransaction(_In_ const NOTIFICATION *Notification, _In_ ULONG Offset, _Inout_ CMB_RECORD *Record) {
    CMB_SPAN *span = &Record->Transaction;
    if (IsTransacted(Notification)) {
        span->Offset = Offset;
        span->Size = span->FullSize = sizeof(GUID);
        span->Flags = CMB_SPAN_PRESENT;
        RtlCopyMemory((UCHAR *)Record + Offset, &Notification->Transaction->Id, sizeof(GUID));
    }
}

_Use_decl_annotations_
UINT64 RecordRelay(const NOTIFICATION *Notification) {
    const REGISTRATION *registration = Notification->Registration;
    SESSION *session = registration->Session;
    const BODY_INPUT input = {
        .Class = Notification->Class,
        .Pre = Notification->Pre,
        .Post = Notification->Post,
        .Facts = Notification->Facts,
        .Opener = Notification->Opener,
        .MaxDataBytes = registration->MaxDataBytes,
    };
    QUEUE_RESERVATION reservation;
    LARGE_INTEGER time;
    LAYOUT layout;
    BODY body;
    KeQuerySystemTimePrecise(&time);
    BodyDescribe(&body, &input);
    LayOut(&layout, Notification, &body);
    if (!QueueReserve(&session->Queue, registration->Source, layout.Size, time.QuadPart, &reservation)) {
        BodyRelease(&body);
        return 0;
    }
    CMB_RECORD *record = reservation.Record;
    const UINT64 sequence = record->Sequence;
    WriteHeader(Notification, &body, record);
    ULONG faults = WriteName(Notification->KeyPath, layout.KeyPath, record, &record->KeyPath);
    faults += WriteName(Notification->OtherPath, layout.OtherPath, record, &record->OtherPath);
    WriteTransaction(Notification, layout.Transaction, record);
    faults += BodyWrite(&body, record, layout.Data);
    BodyRelease(&body);
    QueueCommit(&session->Queue, &reservation, faults);
    // From here on the record belongs to the consumer.
    ReceiverPump(&session->Receiver);
    return sequence;
}
