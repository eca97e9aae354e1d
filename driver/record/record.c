// SPDX-License-Identifier: MIT
//
// Lays a record out and writes it into its draft in the queue.

#include "record/record.h"
#include "base/words.h"
#include "process/identity.h"
#include "process/process_facts.h"
#include "record/body.h"

#define RECORD_ALIGN(Size) ((ULONG)ALIGN_UP_BY((Size), 8))
#define RECORD_FIXED_BYTES                                                                                             \
    (sizeof(CMB_RECORD) + sizeof(CMB_DECIDED) + sizeof(CMB_IMPERSONATION) + RECORD_ALIGN(CMB_MAX_SID_BYTES) +          \
     sizeof(GUID))

// The largest record of each kind fits.
C_ASSERT(RECORD_FIXED_BYTES + (SIZE_T)RECORD_ALIGN(CMB_MAX_PATH_BYTES) + BODY_MAX_BYTES <= CMB_MAX_RECORD_BYTES);
C_ASSERT(RECORD_FIXED_BYTES + 2 * (SIZE_T)RECORD_ALIGN(CMB_MAX_PATH_BYTES) + BODY_MAX_BYTES_TWO_PATHS <=
         CMB_MAX_RECORD_BYTES);

// The offsets of the parts of a record; each starts where the one before it ends. The key path is the last: it may be
// left out when everything else is settled.
typedef struct LAYOUT {
    ULONG OtherPath;
    ULONG Transaction;
    ULONG Impersonation;
    ULONG Data;
    ULONG KeyPath;
} LAYOUT;

static ULONG SizeOfName(_In_opt_ const NAME *Name) {
    return Name ? RECORD_ALIGN(Name->Size) : 0;
}

static BOOLEAN IsTransacted(_In_ const NOTIFICATION *Notification) {
    return Notification->Transaction && Notification->Transaction->Present;
}

static ULONG SizeOfHeader(_In_ const NOTIFICATION *Notification) {
    return sizeof(CMB_RECORD) + (Notification->Decided ? sizeof(CMB_DECIDED) : 0);
}

static VOID LayOut(_Out_ LAYOUT *Layout, _In_ const NOTIFICATION *Notification, _In_ const IDENTITY *Identity,
                   _In_ const BODY *Body) {
    Layout->OtherPath = SizeOfHeader(Notification) + Body->Size;
    Layout->Transaction = Layout->OtherPath + SizeOfName(Notification->OtherPath);
    Layout->Impersonation = Layout->Transaction + (IsTransacted(Notification) ? sizeof(GUID) : 0);
    Layout->Data = Layout->Impersonation;
    if (Identity->ClientKnown) {
        Layout->Data += sizeof(CMB_IMPERSONATION) + IdentitySidSpace(&Identity->Client);
    }
    Layout->KeyPath = Layout->Data + Body->DataSize;
}

static UINT32 FlagsOf(_In_ const NOTIFICATION *Notification, _In_ const IDENTITY *Identity) {
    UINT32 flags = Notification->Flags | Identity->Flags;
    if (Notification->Post) {
        flags |= CMB_RECORD_POST;
    }
    if (IsTransacted(Notification)) {
        flags |= CMB_RECORD_TRANSACTED;
    }
    if (Notification->Decided) {
        flags |= CMB_RECORD_DECIDED;
    }
    if (!Notification->KeyPath || Notification->KeyPath->Fault) {
        return flags | CMB_RECORD_PATH_UNAVAILABLE;
    }
    return flags | Notification->KeyPath->Flags;
}

static VOID WriteHeader(_In_ const NOTIFICATION *Notification, _In_ const IDENTITY *Identity, _In_ const BODY *Body,
                        _Inout_ CMB_RECORD *Record) {
    Record->HeaderSize = (UINT16)SizeOfHeader(Notification);
    Record->Cookie = Notification->Recorder->Filter->Cookie.QuadPart;
    Record->PreSequence = Notification->PreSequence;
    Record->NotifyClass = Notification->Number;
    Record->Status = Notification->Post ? Notification->Post->Status : STATUS_SUCCESS;
    Record->ProcessId = Identity->Process.Id;
    Record->ProcessKey = Identity->Process.Key;
    Record->ProcessSlot = Identity->Process.Slot;
    Record->ThreadId = (UINT32)(ULONG_PTR)PsGetCurrentThreadId();
    Record->Flags = FlagsOf(Notification, Identity);
    Record->BodySize = Body->Size;
    Record->KeyObject = Notification->KeyObject;
    Record->Duration = Notification->Duration;
    Record->RootSize = Notification->RequestedPath ? Notification->RequestedPath->RootSize : 0;
    if (Notification->Decided) {
        *(CMB_DECIDED *)(Record + 1) = *Notification->Decided;
    }
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
        WordsClearLast((UCHAR *)Record + Offset, Name->Size);
        RtlCopyMemory((UCHAR *)Record + Offset, Name->Bytes, Name->Size);
    }
    return Name->Fault;
}

static VOID ReferToName(_In_ const NAME *Name, _Inout_ CMB_SPAN *Span) {
    Span->Flags = CMB_SPAN_PRESENT | CMB_SPAN_KEPT;
    Span->FullSize = Name->FullSize;
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

static VOID WriteImpersonation(_In_ const IDENTITY *Identity, _In_ ULONG Offset, _Inout_ CMB_RECORD *Record) {
    CMB_IMPERSONATION *impersonation = (CMB_IMPERSONATION *)((UCHAR *)Record + Offset);
    CMB_SPAN *span = &Record->Impersonation;
    if (!Identity->ClientKnown) {
        return;
    }
    span->Offset = Offset;
    span->Size = span->FullSize = sizeof(*impersonation);
    span->Flags = CMB_SPAN_PRESENT;
    *impersonation = (CMB_IMPERSONATION){.Level = Identity->Level};
    IdentityWriteToken(&Identity->Client, Record, Offset + sizeof(*impersonation), &impersonation->Token);
}

// The stream does not describe the process yet, or no longer. Not inlined, for the facts are rarely needed and need
// stack.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static DECLSPEC_NOINLINE QUEUE_RESULT BeginWithProcess(_Inout_ QUEUE *Queue, _In_ const IDENTITY_PROCESS *Process,
                                                       _Inout_ QUEUE_REQUEST *Request, _Out_ QUEUE_DRAFT *Draft) {
    PROCESS_FACTS facts;
    ProcessFactsRead(&facts, Process);
    Request->ProcessSize = ProcessFactsGetSize(&facts);
    Request->Repeat = !facts.Complete;
    const QUEUE_RESULT result = QueueBegin(Queue, Request, Draft);
    // Another thread of the process may have been first.
    if (result == QueueBegun && Draft->Process) {
        ProcessFactsWrite(&facts, Process, Draft->Process);
    }
    ProcessFactsFree(&facts);
    return result;
}

_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN BeginDraft(_In_ const NOTIFICATION *Notification, _In_ const IDENTITY *Identity, _In_ ULONG Size,
                          _In_ INT64 Time, _Out_ QUEUE_DRAFT *Draft) {
    QUEUE *queue = Notification->Recorder->Queue;
    QUEUE_REQUEST request = {
        .Source = Notification->Recorder->Source,
        .RecordSize = Size,
        .PathSize = SizeOfName(Notification->KeyPath),
        .KeyPath = Notification->KeyPath,
        .Time = Time,
        .ProcessKey = Identity->CanAsk ? Identity->Process.Key : 0,
        .ProcessSlot = Identity->Process.Slot,
    };
    QUEUE_RESULT result = QueueBegin(queue, &request, Draft);
    if (result == QueueProcessUnknown) {
        result = BeginWithProcess(queue, &Identity->Process, &request, Draft);
    }
    return result == QueueBegun;
}

// Returns the number of reads that faulted.
_IRQL_requires_max_(APC_LEVEL)
static ULONG Write(_In_ const NOTIFICATION *Notification, _In_ const IDENTITY *Identity, _In_ const BODY *Body,
                   _In_ const LAYOUT *Layout, _In_ const QUEUE_DRAFT *Draft) {
    CMB_RECORD *record = Draft->Record;
    ULONG faults = 0;
    WriteHeader(Notification, Identity, Body, record);
    if (Draft->PathKept) {
        ReferToName(Notification->KeyPath, &record->KeyPath);
    } else {
        faults += WriteName(Notification->KeyPath, Layout->KeyPath, record, &record->KeyPath);
    }
    faults += WriteName(Notification->OtherPath, Layout->OtherPath, record, &record->OtherPath);
    WriteTransaction(Notification, Layout->Transaction, record);
    WriteImpersonation(Identity, Layout->Impersonation, record);
    return faults + BodyWrite(Body, record, Layout->Data);
}

_Use_decl_annotations_
UINT64 RecordRelay(const NOTIFICATION *Notification) {
    const RECORDER *recorder = Notification->Recorder;
    if (ReadAcquire(&recorder->Silent)) {
        return 0;
    }
    const BODY_INPUT input = {
        .Class = Notification->Class,
        .Pre = Notification->Pre,
        .Post = Notification->Post,
        .Facts = Notification->Facts,
        .Opener = Notification->Opener,
        .ValueName = Notification->ValueName,
        .MaxDataBytes = recorder->MaxDataBytes,
    };
    UINT64 sequence = 0;
    QUEUE_DRAFT draft;
    LARGE_INTEGER time;
    IDENTITY identity;
    LAYOUT layout;
    BODY body;
    KeQuerySystemTimePrecise(&time);
    if (QueueAdmit(recorder->Queue, recorder->Source, time.QuadPart)) {
        IdentityGet(&identity);
        BodyDescribe(&body, &input);
        LayOut(&layout, Notification, &identity, &body);
        if (BeginDraft(Notification, &identity, layout.KeyPath, time.QuadPart, &draft)) {
            const ULONG faults = Write(Notification, &identity, &body, &layout, &draft);
            // From here on the record belongs to the consumer.
            sequence =
                QueueCommit(recorder->Queue, &draft, faults, Notification->Class->Reads && !Notification->Decided);
        }
        BodyRelease(&body);
    }
    return sequence;
}

_Use_decl_annotations_
VOID RecordLose(const RECORDER *Recorder, VERDICT Verdict) {
    LARGE_INTEGER time;
    KeQuerySystemTimePrecise(&time);
    QueueLose(Recorder->Queue, Recorder->Source,
              Verdict.Kind == VerdictCaptureFault ? CMB_GAP_CAPTURE_FAULT : CMB_GAP_NO_MEMORY, time.QuadPart);
}
