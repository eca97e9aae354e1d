// SPDX-License-Identifier: MIT
//
// CMB_IOCTL_REPLY: decisions about operations that are held.

#include "base/memory.h"
#include "decide/decision.h"
#include "device/ioctl_request.h"

// The result of an entry is written where entries before its end have been.
C_ASSERT(sizeof(CMB_REPLY_REPLY) <= sizeof(CMB_REPLY_REQUEST));
C_ASSERT(sizeof(CMB_REPLY_ENTRY) >= sizeof(UINT32));

#define REPLY_SIZE(Count) ((ULONG)ALIGN_UP_BY(sizeof(CMB_REPLY_REPLY) + (Count) * sizeof(UINT32), 8))

// Whether the entries follow each other up to the end of the input, and nothing in them is reserved for later.
_Must_inspect_result_
static NTSTATUS CheckEntries(_In_reads_bytes_(Size) const UCHAR *Entries, _In_ ULONG Size, _In_ ULONG Count) {
    ULONG offset = 0;
    for (ULONG i = 0; i < Count; ++i) {
        const CMB_REPLY_ENTRY *entry = (const CMB_REPLY_ENTRY *)(Entries + offset);
        const ULONG room = Size - offset;
        if (room < sizeof(*entry) || entry->Size < sizeof(*entry) || entry->Size > room || entry->Size % 8) {
            return STATUS_INFO_LENGTH_MISMATCH;
        }
        if (entry->Reserved) {
            return STATUS_INVALID_PARAMETER;
        }
        offset += entry->Size;
    }
    return offset == Size ? STATUS_SUCCESS : STATUS_INFO_LENGTH_MISMATCH;
}

// CMB_REPLY_ACCEPTED, or what is wrong with where the data is said to be.
static UINT32 CheckSpan(_In_ const CMB_REPLY_ENTRY *Entry) {
    const CMB_SPAN *span = &Entry->Data;
    if (!span->Flags) {
        return span->Offset || span->Size || span->FullSize ? CMB_REPLY_BAD_DATA : CMB_REPLY_ACCEPTED;
    }
    if (span->Flags != CMB_SPAN_PRESENT || span->FullSize != span->Size || span->Offset % 8 ||
        span->Offset < sizeof(*Entry) || span->Offset > Entry->Size || span->Size > Entry->Size - span->Offset) {
        return CMB_REPLY_BAD_DATA;
    }
    return span->Size > CMB_MAX_DECISION_BYTES ? CMB_REPLY_TOO_LARGE : CMB_REPLY_ACCEPTED;
}

// Whoever waits may go on with the data after the request is complete: it gets a copy.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
static UINT32 CopyData(_In_ const CMB_REPLY_ENTRY *Entry, _Inout_ DECISION *Decision) {
    const UINT32 result = CheckSpan(Entry);
    if (result != CMB_REPLY_ACCEPTED || !Entry->Data.Size) {
        return result;
    }
    Decision->Data = MemoryAllocate(Entry->Data.Size);
    if (!Decision->Data) {
        return CMB_REPLY_NO_MEMORY;
    }
    Decision->DataSize = Entry->Data.Size;
    RtlCopyMemory(Decision->Data, (const UCHAR *)Entry + Entry->Data.Offset, Entry->Data.Size);
    return CMB_REPLY_ACCEPTED;
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static UINT32 AnswerEntry(_Inout_ HELD_TABLE *Table, _In_ const CMB_REPLY_ENTRY *Entry) {
    DECISION decision = {
        .Kind = Entry->Decision,
        .Flags = Entry->Flags,
        .Status = Entry->Status,
        .Type = Entry->Type,
        .ResultLength = Entry->ResultLength,
    };
    UINT32 result = CopyData(Entry, &decision);
    if (result == CMB_REPLY_ACCEPTED) {
        result = HeldAnswer(Table, Entry->Ticket, &decision);
    } else {
        HeldRefuse(Table, Entry->Ticket);
    }
    if (result != CMB_REPLY_ACCEPTED) {
        DecisionFree(&decision);
    }
    return result;
}

_Use_decl_annotations_
NTSTATUS IoctlHandleReply(IOCTL_REQUEST *Request) {
    const CMB_REPLY_REQUEST *request = &Request->Input.Reply;
    const UCHAR *entries = Request->Buffer + sizeof(*request);
    UINT32 *results = (UINT32 *)(VOID *)(Request->Buffer + sizeof(CMB_REPLY_REPLY));
    if (request->Reserved || request->Count > CMB_MAX_REPLY_ENTRIES) {
        return STATUS_INVALID_PARAMETER;
    }
    // Nothing is answered unless all of it is well formed and the results have room.
    const NTSTATUS status = CheckEntries(entries, Request->InputSize - sizeof(*request), request->Count);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    Request->ReplySize = REPLY_SIZE(request->Count);
    if (Request->OutputSize < Request->ReplySize) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    for (ULONG i = 0, offset = 0; i < request->Count; ++i) {
        const CMB_REPLY_ENTRY *entry = (const CMB_REPLY_ENTRY *)(entries + offset);
        offset += entry->Size;
        results[i] = AnswerEntry(&Request->Session->Held, entry);
    }
    if (request->Count % 2) {
        results[request->Count] = 0;
    }
    Request->Output.Reply.Header.Size = Request->ReplySize;
    Request->Output.Reply.Count = request->Count;
    return STATUS_SUCCESS;
}
