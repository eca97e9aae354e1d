// SPDX-License-Identifier: MIT
//
// Bodies of queries and enumerations, of one value and of many. The output of the configuration manager stands in the
// caller's buffer, where the caller can change or unmap it at any time: it is copied once and not looked into. The
// lengths of that copy come from the structure, whose Length was checked against the buffer before the callbacks.

#include "record/body_kinds.h"
#include "base/memory.h"

// Returns whether an operation that has ended with Status has told the caller how much room the output needs.
static BOOLEAN HasLength(_In_opt_ const REG_POST_OPERATION_INFORMATION *Post) {
    return Post && (NT_SUCCESS(Post->Status) || Post->Status == STATUS_BUFFER_OVERFLOW ||
                    Post->Status == STATUS_BUFFER_TOO_SMALL || Post->Status == STATUS_INFO_LENGTH_MISMATCH);
}

static BOOLEAN HasResult(_In_opt_ const REG_POST_OPERATION_INFORMATION *Post) {
    return Post && (NT_SUCCESS(Post->Status) || Post->Status == STATUS_BUFFER_OVERFLOW);
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeResult(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input, _In_ ULONG InformationClass,
                           _In_opt_ const VOID *UnsafeBuffer, _In_ ULONG Length,
                           _In_opt_ const volatile ULONG *UnsafeResultLength) {
    ULONG needed;
    Body->Query.InformationClass = InformationClass;
    Body->Query.Length = Length;
    if (!HasLength(Input->Post)) {
        return;
    }
    const BOOLEAN read = CaptureBytes(&needed, UnsafeResultLength, sizeof(needed));
    Body->Query.ResultLength = needed;
    if (!HasResult(Input->Post)) {
        Body->Faults += !read;
        return;
    }
    CAPTURE *capture = BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_QUERY, Information));
    if (read) {
        CaptureDescribeBytes(capture, UnsafeBuffer, min(needed, Length), Input->MaxDataBytes);
    } else {
        // It is not known how much of the buffer is output.
        CaptureDescribeFault(capture);
    }
}

_Use_decl_annotations_
VOID BodyDescribeEnumerateKey(BODY *Body, const BODY_INPUT *Input) {
    const REG_ENUMERATE_KEY_INFORMATION *enumerate = Input->Pre;
    Body->Query.Index = enumerate->Index;
    DescribeResult(Body, Input, enumerate->KeyInformationClass, enumerate->KeyInformation, enumerate->Length,
                   enumerate->ResultLength);
}

_Use_decl_annotations_
VOID BodyDescribeEnumerateValue(BODY *Body, const BODY_INPUT *Input) {
    const REG_ENUMERATE_VALUE_KEY_INFORMATION *enumerate = Input->Pre;
    Body->Query.Index = enumerate->Index;
    DescribeResult(Body, Input, enumerate->KeyValueInformationClass, enumerate->KeyValueInformation, enumerate->Length,
                   enumerate->ResultLength);
}

_Use_decl_annotations_
VOID BodyDescribeQueryKey(BODY *Body, const BODY_INPUT *Input) {
    const REG_QUERY_KEY_INFORMATION *query = Input->Pre;
    DescribeResult(Body, Input, query->KeyInformationClass, query->KeyInformation, query->Length, query->ResultLength);
}

_Use_decl_annotations_
VOID BodyDescribeQueryValue(BODY *Body, const BODY_INPUT *Input) {
    const REG_QUERY_VALUE_KEY_INFORMATION *query = Input->Pre;
    BodyDescribeValueName(Body, Input, FIELD_OFFSET(CMB_BODY_QUERY, ValueName), query->ValueName);
    DescribeResult(Body, Input, query->KeyValueInformationClass, query->KeyValueInformation, query->Length,
                   query->ResultLength);
}

// The name that the caller got: a string whose Buffer points behind it in the caller's buffer. Nothing else that Buffer
// may say by now is followed, and Buffer itself, an address, does not go into the record.
_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeName(_Out_ CAPTURE *Capture, _In_opt_ const OBJECT_NAME_INFORMATION *UnsafeInformation,
                         _In_ ULONG Length) {
    const ULONG_PTR start = (ULONG_PTR)UnsafeInformation;
    UNICODE_STRING name;
    if (Length < sizeof(name) || !CaptureBytes(&name, UnsafeInformation, sizeof(name))) {
        CaptureDescribeFault(Capture);
        return;
    }
    const ULONG_PTR offset = (ULONG_PTR)name.Buffer - start;
    if (name.Length == 0) {
        CaptureDescribeBytes(Capture, NULL, 0, 0);
    } else if (offset < sizeof(name) || offset > Length || name.Length > Length - offset) {
        CaptureDescribeFault(Capture);
    } else {
        CaptureDescribeBytes(Capture, name.Buffer, name.Length, name.Length & ~(ULONG)1);
    }
}

_Use_decl_annotations_
VOID BodyDescribeQueryName(BODY *Body, const BODY_INPUT *Input) {
    const REG_QUERY_KEY_NAME *query = Input->Pre;
    Body->QueryName.Length = query->Length;
    if (HasLength(Input->Post) && query->ReturnLength) {
        Body->QueryName.ReturnLength = BodyReadNumber(Body, query->ReturnLength);
    }
    if (Input->Post && NT_SUCCESS(Input->Post->Status)) {
        DescribeName(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_QUERY_NAME, Name)), query->ObjectNameInfo,
                     query->Length);
    }
}

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
