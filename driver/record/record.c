// SPDX-License-Identifier: MIT
//
// Lays a record out, writes it into a block of its own, and sends it.

#include "record/record.h"
#include "base/memory.h"
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

static ULONG SizeOfName(_In_opt_ const NAME *Name) {
    return Name ? RECORD_ALIGN(Name->Size) : 0;
}

static BOOLEAN IsTransacted(_In_ const NOTIFICATION *Notification) {
    return Notification->Transaction && Notification->Transaction->Present;
}

static ULONG SizeOfHeader(_In_ const NOTIFICATION *Notification) {
    return sizeof(CMB_RECORD) + (Notification->Decided ? sizeof(CMB_DECIDED) : 0);
}

static ULONG SizeOfRecord(_In_ const NOTIFICATION *Notification, _In_ const IDENTITY *Identity, _In_ const BODY *Body) {
    ULONG size = SizeOfHeader(Notification) + Body->Size + Body->DataSize;
    size += SizeOfName(Notification->KeyPath) + SizeOfName(Notification->OtherPath);
    size += IsTransacted(Notification) ? sizeof(GUID) : 0;
    return size + (Identity->ClientKnown ? sizeof(CMB_IMPERSONATION) + IdentitySidSpace(&Identity->Client) : 0);
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
    Record->Kind = CMB_RECORD_NOTIFICATION;
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

// This and the next function return where the next part of the record goes.
static ULONG WriteName(_In_opt_ const NAME *Name, _Inout_ CMB_RECORD *Record, _In_ ULONG Offset,
                       _Inout_ CMB_SPAN *Span) {
    if (!Name) {
        return Offset;
    }
    const ULONG next = CaptureWrite(Name->Bytes, Name->Size, Record, Offset, Span);
    Span->FullSize = Name->FullSize;
    Span->Flags |= (Name->Fault ? CMB_SPAN_FAULT : 0) | (Name->Size < Name->FullSize ? CMB_SPAN_TRUNCATED : 0);
    return next;
}

static ULONG WriteImpersonation(_In_ const IDENTITY *Identity, _Inout_ CMB_RECORD *Record, _In_ ULONG Offset) {
    CMB_IMPERSONATION *impersonation = (CMB_IMPERSONATION *)((UCHAR *)Record + Offset);
    if (!Identity->ClientKnown) {
        return Offset;
    }
    const CMB_IMPERSONATION known = {.Level = Identity->Level};
    const ULONG sid = CaptureWrite(&known, sizeof(known), Record, Offset, &Record->Impersonation);
    return IdentityWriteToken(&Identity->Client, Record, sid, &impersonation->Token);
}

// The key path is the last: it may be left out when everything else is settled. Returns the number of reads that
// faulted.
_IRQL_requires_max_(APC_LEVEL)
static ULONG Write(_In_ const NOTIFICATION *Notification, _In_ const IDENTITY *Identity, _In_ const BODY *Body,
                   _Inout_ CMB_RECORD *Record) {
    const NAME *path = Notification->KeyPath;
    const NAME *other = Notification->OtherPath;
    ULONG offset = SizeOfHeader(Notification) + Body->Size;
    WriteHeader(Notification, Identity, Body, Record);
    offset = WriteName(other, Record, offset, &Record->OtherPath);
    if (IsTransacted(Notification)) {
        offset = CaptureWrite(&Notification->Transaction->Id, sizeof(GUID), Record, offset, &Record->Transaction);
    }
    offset = WriteImpersonation(Identity, Record, offset);
    const ULONG faults = BodyWrite(Body, Record, offset);
    (VOID) WriteName(path, Record, offset + Body->DataSize, &Record->KeyPath);
    return faults + (path && path->Fault) + (other && other->Fault);
}

// FALSE if there is no memory.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN Build(_In_ const NOTIFICATION *Notification, _In_ const IDENTITY *Identity, _In_ INT64 Time,
                     _Inout_ QUEUE_DRAFT *Draft) {
    const BODY_INPUT input = {
        .Class = Notification->Class,
        .Pre = Notification->Pre,
        .Post = Notification->Post,
        .Facts = Notification->Facts,
        .Opener = Notification->Opener,
        .ValueName = Notification->ValueName,
        .MaxDataBytes = Notification->Recorder->MaxDataBytes,
    };
    BODY body;
    BodyDescribe(&body, &input);
    const ULONG size = SizeOfRecord(Notification, Identity, &body);
    Draft->KeyPath = Notification->KeyPath;
    Draft->PathSize = SizeOfName(Notification->KeyPath);
    CMB_RECORD *record = MemoryAllocate(size);
    if (record) {
        Draft->CaptureFaults = Write(Notification, Identity, &body, record);
        record->Size = size;
        record->Time = Time;
    }
    Draft->Record = record;
    BodyRelease(&body);
    return record != NULL;
}

_Use_decl_annotations_
BOOLEAN RecordBuild(const NOTIFICATION *Notification, RECORD_DRAFT *Draft) {
    const RECORDER *recorder = Notification->Recorder;
    LARGE_INTEGER time;
    IDENTITY identity;
    RtlZeroMemory(Draft, sizeof(*Draft));
    // Sending would find that out, too, but when everything is built.
    if (QueueIsStopped(recorder->Queue)) {
        return FALSE;
    }
    KeQuerySystemTimePrecise(&time);
    if (!Notification->Decided && !QueueAdmit(recorder->Queue, recorder->Source, time.QuadPart)) {
        return FALSE;
    }
    Draft->Recorder = recorder;
    Draft->Queued.Source = recorder->Source;
    Draft->Queued.Decided = Notification->Decided != NULL;
    IdentityGet(&identity);
    if (!Build(Notification, &identity, time.QuadPart, &Draft->Queued)) {
        QueueLose(recorder->Queue, recorder->Source, CMB_GAP_NO_MEMORY, time.QuadPart);
        return FALSE;
    }
    Draft->Queued.NeedsProcess = identity.CanAsk;
    if (identity.CanAsk && !QueueKnowsProcess(recorder->Queue, identity.Process.Slot, identity.Process.Key)) {
        RecordDescribe(Draft);
    }
    return TRUE;
}

_Use_decl_annotations_
VOID RecordSetTicket(RECORD_DRAFT *Draft, UINT64 Ticket) {
    ((CMB_DECIDED *)(Draft->Queued.Record + 1))->Ticket = Ticket;
}

_Use_decl_annotations_
QUEUE_RESULT RecordSend(RECORD_DRAFT *Draft) {
    return QueueSend(Draft->Recorder->Queue, &Draft->Queued, &Draft->Sequence);
}

// Not inlined, for the facts are rarely needed and need stack.
_Use_decl_annotations_
DECLSPEC_NOINLINE VOID RecordDescribe(RECORD_DRAFT *Draft) {
    IDENTITY_PROCESS process;
    BOOLEAN complete;
    IdentityGetProcess(&process);
    CMB_RECORD *record = ProcessFactsBuild(&process, &complete);
    if (record) {
        record->Time = Draft->Queued.Record->Time;
    }
    Draft->Queued.Process = record;
    Draft->Queued.Repeat = !complete;
    Draft->Queued.NeedsProcess = record != NULL;
}

_Use_decl_annotations_
VOID RecordFree(RECORD_DRAFT *Draft) {
    MemoryFree(Draft->Queued.Record);
    MemoryFree(Draft->Queued.Process);
    NameRelease(Draft->Queued.FormerPath);
    QueueWake(Draft->Recorder->Queue);
}

_Use_decl_annotations_
UINT64 RecordRelay(const NOTIFICATION *Notification) {
    RECORD_DRAFT draft;
    if (!RecordBuild(Notification, &draft)) {
        return 0;
    }
    while (RecordSend(&draft) == QueueProcessUnknown) {
        RecordDescribe(&draft);
    }
    RecordFree(&draft);
    return draft.Sequence;
}

_Use_decl_annotations_
VOID RecordLose(const RECORDER *Recorder, VERDICT Verdict) {
    LARGE_INTEGER time;
    KeQuerySystemTimePrecise(&time);
    QueueLose(Recorder->Queue, Recorder->Source,
              Verdict.Kind == VerdictCaptureFault ? CMB_GAP_CAPTURE_FAULT : CMB_GAP_NO_MEMORY, time.QuadPart);
}
