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
static VOID DescribeResult(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input, _In_opt_ const VOID *UnsafeBuffer,
                           _In_ ULONG Length, _In_opt_ const volatile ULONG *UnsafeResultLength) {
    ULONG needed;
    Body->Query.Length = Length;
    if (!HasLength(Input->Post)) {
        return;
    }
    const BOOLEAN read = CaptureBytes(&needed, UnsafeResultLength, sizeof(needed));
    Body->Query.ResultLength = needed;
    if (!HasResult(Input->Post)) {
        Body->Faults += !read;
    } else if (read) {
        BodyAddBytes(Body, &Body->Query.Information, UnsafeBuffer, min(needed, Length), Input->MaxDataBytes);
    } else {
        // It is not known how much of the buffer is output.
        CaptureDescribeFault(BodyAddCapture(Body, &Body->Query.Information));
    }
}

_Use_decl_annotations_
VOID BodyDescribeQuery(BODY *Body, const BODY_INPUT *Input) {
    const NOTIFY_PRE *pre = Input->Pre;
    if (Input->Class->Body == NotifyBodyQueryValue) {
        Body->Query.InformationClass = pre->QueryValue.KeyValueInformationClass;
        DescribeResult(Body, Input, pre->QueryValue.KeyValueInformation, pre->QueryValue.Length,
                       pre->QueryValue.ResultLength);
        return;
    }
    Body->Query.InformationClass = pre->QueryKey.KeyInformationClass;
    if (Input->Class->Body == NotifyBodyEnumerate) {
        Body->Query.Index = pre->EnumerateKey.Index;
        Body->Query.InformationClass = pre->EnumerateKey.KeyInformationClass;
    }
    DescribeResult(Body, Input, pre->QueryKey.KeyInformation, pre->QueryKey.Length, pre->QueryKey.ResultLength);
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
    const REG_QUERY_KEY_NAME *query = &Input->Pre->QueryName;
    Body->QueryName.Length = query->Length;
    if (HasLength(Input->Post) && query->ReturnLength) {
        Body->QueryName.ReturnLength = BodyReadNumber(Body, query->ReturnLength);
    }
    if (Input->Post && NT_SUCCESS(Input->Post->Status)) {
        DescribeName(BodyAddCapture(Body, &Body->QueryName.Name), query->ObjectNameInfo, query->Length);
    }
}

// Writes entries to the body's block, and their names behind them; offsets count from the start of the block. Returns
// the size of it all, 0 if the entries themselves cannot be read. A name that cannot be read is marked.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static ULONG ReadEntries(_Inout_ BODY *Body, _In_opt_ const KEY_VALUE_ENTRY *UnsafeEntries, _In_ ULONG Count,
                         _In_ BOOLEAN Filled) {
    CMB_VALUE_ENTRY *entries = (CMB_VALUE_ENTRY *)(VOID *)Body->Block;
    ULONG size = Count * (ULONG)sizeof(*entries);
    ULONG room = CMB_MAX_ENTRY_NAMES_BYTES;
    for (ULONG i = 0; i < Count; ++i) {
        KEY_VALUE_ENTRY entry;
        CAPTURE name;
        if (!UnsafeEntries || !CaptureBytes(&entry, UnsafeEntries + i, sizeof(entry))) {
            return 0;
        }
        CaptureDescribeString(&name, entry.ValueName, min(room, CMB_MAX_VALUE_NAME_BYTES));
        CaptureRead(&name, Body->Block, size, &entries[i].ValueName);
        Body->Faults += (entries[i].ValueName.Flags & CMB_SPAN_FAULT) != 0;
        room -= name.Size;
        size += BODY_ALIGN(name.Size);
        if (Filled) {
            entries[i].DataOffset = entry.DataOffset;
            entries[i].DataLength = entry.DataLength;
            entries[i].Type = entry.Type;
        }
    }
    return size;
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeEntries(_Inout_ BODY *Body, _In_ const REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION *Query,
                            _In_ BOOLEAN Filled) {
    CAPTURE *capture = BodyAddCapture(Body, &Body->QueryMultiple.Entries);
    const ULONG count = min(Query->EntryCount, CMB_MAX_VALUE_ENTRIES);
    const ULONG fullSize = (ULONG)min((UINT64)Query->EntryCount * sizeof(CMB_VALUE_ENTRY), MAXULONG);
    ULONG size = 0;
    // Each name is padded to a multiple of 8.
    Body->Block = MemoryAllocate(count * (sizeof(CMB_VALUE_ENTRY) + 8) + CMB_MAX_ENTRY_NAMES_BYTES);
    if (Body->Block && count) {
        size = ReadEntries(Body, Query->ValueEntries, count, Filled);
        if (!size) {
            CaptureDescribeFault(capture);
            return;
        }
        Body->Entries = count;
    }
    CaptureDescribeBytes(capture, Body->Block, fullSize, 0);
    capture->Size = size;
}

_Use_decl_annotations_
VOID BodyDescribeQueryMultiple(BODY *Body, const BODY_INPUT *Input) {
    const REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION *query = &Input->Pre->QueryMultiple;
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
        BodyAddBytes(Body, &body->Data, query->ValueBuffer, min(body->BufferLength, room), Input->MaxDataBytes);
    }
}
