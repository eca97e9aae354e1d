// SPDX-License-Identifier: MIT
//
// The body of a query for multiple values.

#include "record/body_kinds.h"
#include "base/memory.h"

typedef struct BODY_ENTRY {
    KEY_VALUE_ENTRY Value;
    CAPTURE Name;
} BODY_ENTRY;

struct BODY_ENTRIES {
    ULONG Count;
    ULONG FullCount;
    // The query has succeeded, so that the fields beside the name mean something.
    BOOLEAN Filled;
    BODY_ENTRY Entry[ANYSIZE_ARRAY];
};

#define ENTRY_ALIGN(Size) ((ULONG)ALIGN_UP_BY((Size), 8))

static ULONG SizeOfEntries(_In_ ULONG Count) {
    return Count > MAXULONG / sizeof(CMB_VALUE_ENTRY) ? MAXULONG : Count * (ULONG)sizeof(CMB_VALUE_ENTRY);
}

// Returns FALSE if the entries themselves could not be read. A name that could not be read is marked.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN ReadEntries(_Inout_ BODY_ENTRIES *Entries, _In_opt_ const KEY_VALUE_ENTRY *UnsafeEntries) {
    ULONG room = CMB_MAX_ENTRY_NAMES_BYTES;
    for (ULONG i = 0; i < Entries->Count; ++i) {
        BODY_ENTRY *entry = &Entries->Entry[i];
        if (!UnsafeEntries || !CaptureBytes(&entry->Value, UnsafeEntries + i, sizeof(entry->Value))) {
            return FALSE;
        }
        CaptureDescribeString(&entry->Name, entry->Value.ValueName, min(room, CMB_MAX_VALUE_NAME_BYTES));
        room -= entry->Name.Size;
    }
    return TRUE;
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeEntries(_Inout_ BODY *Body, _In_ const REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION *Query,
                            _In_ BOOLEAN Filled) {
    const ULONG count = min(Query->EntryCount, CMB_MAX_VALUE_ENTRIES);
    BODY_ENTRIES *entries = MemoryAllocate(FIELD_OFFSET(BODY_ENTRIES, Entry) + count * sizeof(BODY_ENTRY));
    if (!entries) {
        CaptureDescribeBytes(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_QUERY_MULTIPLE, Entries)), NULL,
                             SizeOfEntries(Query->EntryCount), 0);
        return;
    }
    entries->Count = count;
    entries->FullCount = Query->EntryCount;
    entries->Filled = Filled;
    if (!ReadEntries(entries, Query->ValueEntries)) {
        CaptureDescribeFault(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_QUERY_MULTIPLE, Entries)));
        MemoryFree(entries);
        return;
    }
    Body->Entries = entries;
}

_Use_decl_annotations_
VOID BodyDescribeQueryMultiple(BODY *Body, const BODY_INPUT *Input) {
    const REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION *query = Input->Pre;
    const REG_POST_OPERATION_INFORMATION *post = Input->Post;
    const ULONG room = BodyBufferLength(Body, Input);
    const BOOLEAN filled = post && post->Status == STATUS_SUCCESS;
    CMB_BODY_QUERY_MULTIPLE *body = &Body->QueryMultiple;
    body->EntryCount = query->EntryCount;
    body->BufferSize = room;
    DescribeEntries(Body, query, filled);
    if (!post) {
        body->BufferLength = room;
        return;
    }
    if (filled || post->Status == STATUS_BUFFER_OVERFLOW) {
        body->BufferLength = BodyReadNumber(Body, query->BufferLength);
        body->RequiredLength = query->RequiredBufferLength ? BodyReadNumber(Body, query->RequiredBufferLength) : 0;
    }
    // The size of the caller's buffer was overwritten with what is used of it; only pre knew it.
    if (filled && Input->Facts) {
        CaptureDescribeBytes(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_QUERY_MULTIPLE, Data)), query->ValueBuffer,
                             min(body->BufferLength, room), Input->MaxDataBytes);
    }
}

_Use_decl_annotations_
ULONG BodySizeOfEntries(const BODY_ENTRIES *Entries) {
    ULONG size = 0;
    if (Entries) {
        size = SizeOfEntries(Entries->Count);
        for (ULONG i = 0; i < Entries->Count; ++i) {
            size += ENTRY_ALIGN(Entries->Entry[i].Name.Size);
        }
    }
    return size;
}

_Use_decl_annotations_
ULONG BodyWriteEntries(const BODY_ENTRIES *Entries, CMB_RECORD *Record, ULONG Offset) {
    ULONG faults = 0;
    if (!Entries) {
        return faults;
    }
    CMB_SPAN *span = &((CMB_BODY_QUERY_MULTIPLE *)((UCHAR *)Record + Record->HeaderSize))->Entries;
    CMB_VALUE_ENTRY *written = (CMB_VALUE_ENTRY *)((UCHAR *)Record + Offset);
    span->Offset = Offset;
    span->Size = SizeOfEntries(Entries->Count);
    span->FullSize = SizeOfEntries(Entries->FullCount);
    span->Flags = CMB_SPAN_PRESENT | (span->Size < span->FullSize ? CMB_SPAN_TRUNCATED : 0);
    RtlZeroMemory(written, span->Size);
    Offset += span->Size;
    for (ULONG i = 0; i < Entries->Count; ++i) {
        const BODY_ENTRY *entry = &Entries->Entry[i];
        CaptureRead(&entry->Name, (UCHAR *)Record, Offset, &written[i].ValueName);
        faults += (written[i].ValueName.Flags & CMB_SPAN_FAULT) != 0;
        Offset += ENTRY_ALIGN(entry->Name.Size);
        if (Entries->Filled) {
            written[i].DataOffset = entry->Value.DataOffset;
            written[i].DataLength = entry->Value.DataLength;
            written[i].Type = entry->Value.Type;
        }
    }
    return faults;
}
