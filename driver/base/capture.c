// SPDX-License-Identifier: MIT
//
// Guarded reading of the memory of whoever called the registry.

#include "base/capture.h"
#include "base/memory.h"

// Not inlined: clang guards only calls, not loads and stores that stand in the __try block itself.
_IRQL_requires_max_(APC_LEVEL)
static DECLSPEC_NOINLINE VOID CopyUnsafe(_Out_writes_bytes_all_(Size) VOID *Destination,
                                         _In_reads_bytes_(Size) const volatile VOID *UnsafeSource, _In_ SIZE_T Size) {
    RtlCopyMemory(Destination, (const VOID *)(ULONG_PTR)UnsafeSource, Size);
}

_Use_decl_annotations_
BOOLEAN CaptureBytes(VOID *Destination, const volatile VOID *UnsafeSource, SIZE_T Size) {
    volatile BOOLEAN read = FALSE;
    if (Size == 0) {
        return TRUE;
    }
    // Address 0 is known to be bad without trying.
    if (UnsafeSource) {
        __try {
            CopyUnsafe(Destination, UnsafeSource, Size);
            read = TRUE;
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            read = FALSE;
        }
    }
    if (!read) {
        RtlZeroMemory(Destination, Size);
    }
    return read;
}

_Use_decl_annotations_
VOID CaptureDescribeString(CAPTURE *Capture, const volatile UNICODE_STRING *UnsafeString, ULONG Limit) {
    UNICODE_STRING string;
    RtlZeroMemory(Capture, sizeof(*Capture));
    if (!UnsafeString) {
        return;
    }
    if (!CaptureBytes(&string, UnsafeString, sizeof(string))) {
        CaptureDescribeFault(Capture);
        return;
    }
    // MaximumLength means nothing in captured strings. Half a character, which nothing rules out, is cut off.
    CaptureDescribeBytes(Capture, string.Buffer, string.Length, min(Limit, string.Length & ~(ULONG)1));
}

_Use_decl_annotations_
VOID CaptureDescribeBytes(CAPTURE *Capture, const volatile VOID *UnsafeBytes, ULONG FullSize, ULONG Limit) {
    Capture->UnsafeBytes = UnsafeBytes;
    Capture->Size = min(FullSize, Limit);
    Capture->FullSize = FullSize;
    Capture->Flags = CMB_SPAN_PRESENT | (Capture->Size < FullSize ? CMB_SPAN_TRUNCATED : 0);
}

_Use_decl_annotations_
VOID CaptureDescribeFault(CAPTURE *Capture) {
    RtlZeroMemory(Capture, sizeof(*Capture));
    Capture->Flags = CMB_SPAN_PRESENT | CMB_SPAN_FAULT;
}

_Use_decl_annotations_
NTSTATUS CaptureCopyString(UNICODE_STRING *Copy, const volatile UNICODE_STRING *UnsafeString) {
    CAPTURE capture;
    RtlZeroMemory(Copy, sizeof(*Copy));
    CaptureDescribeString(&capture, UnsafeString, MAXUSHORT);
    if (capture.Flags & CMB_SPAN_FAULT) {
        return STATUS_ACCESS_VIOLATION;
    }
    if (capture.Size == 0) {
        return STATUS_SUCCESS;
    }
    Copy->Buffer = MemoryAllocate(capture.Size);
    if (!Copy->Buffer) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (!CaptureBytes(Copy->Buffer, capture.UnsafeBytes, capture.Size)) {
        MemoryFree(Copy->Buffer);
        Copy->Buffer = NULL;
        return STATUS_ACCESS_VIOLATION;
    }
    Copy->Length = Copy->MaximumLength = (USHORT)capture.Size;
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID CaptureRead(const CAPTURE *Capture, UCHAR *Record, ULONG Offset, CMB_SPAN *Span) {
    RtlZeroMemory(Span, sizeof(*Span));
    if (Capture->Flags == 0) {
        return;
    }
    Span->Offset = Offset;
    Span->FullSize = Capture->FullSize;
    Span->Flags = Capture->Flags;
    if (CaptureBytes(Record + Offset, Capture->UnsafeBytes, Capture->Size)) {
        Span->Size = Capture->Size;
    } else {
        Span->Flags = CMB_SPAN_PRESENT | CMB_SPAN_FAULT;
    }
}

_Use_decl_annotations_
ULONG CaptureWrite(const VOID *Bytes, ULONG Size, CMB_RECORD *Record, ULONG Offset, CMB_SPAN *Span) {
    Span->Offset = Offset;
    Span->Size = Span->FullSize = Size;
    Span->Flags = CMB_SPAN_PRESENT;
    if (Size) {
        RtlCopyMemory((UCHAR *)Record + Offset, Bytes, Size);
    }
    return Offset + (ULONG)ALIGN_UP_BY(Size, 8);
}
