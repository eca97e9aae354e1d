// SPDX-License-Identifier: MIT
//
// The only place that reads memory which belongs to whoever called the registry. Inputs of user-mode callers were
// copied into kernel memory by the configuration manager, those of kernel-mode callers were not; both take the same
// guarded way.

#ifndef CMBRIDGE_CAPTURE_H
#define CMBRIDGE_CAPTURE_H

#include "base/compat.h"
#include "protocol/protocol.h"

// Bytes of the caller that are to become a CMB_SPAN: sizes are settled before the record's draft is begun and never
// asked again, the bytes are read once, into the draft.
typedef struct CAPTURE {
    const volatile VOID *UnsafeBytes;
    ULONG Size;
    ULONG FullSize;
    // CMB_SPAN_*; 0 if there is nothing.
    ULONG Flags;
} CAPTURE;

// FALSE if the memory could not be read; Destination is zeroed then.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
_Success_(return != FALSE)
BOOLEAN CaptureBytes(_Out_writes_bytes_all_(Size) VOID *Destination, _In_opt_ const volatile VOID *UnsafeSource,
                     _In_ SIZE_T Size);

// NULL describes a string that is absent. At most Limit bytes of it become the span.
_IRQL_requires_max_(APC_LEVEL)
VOID CaptureDescribeString(_Out_ CAPTURE *Capture, _In_opt_ const volatile UNICODE_STRING *UnsafeString,
                           _In_ ULONG Limit);

_IRQL_requires_max_(APC_LEVEL)
VOID CaptureDescribeBytes(_Out_ CAPTURE *Capture, _In_opt_ const volatile VOID *UnsafeBytes, _In_ ULONG FullSize,
                          _In_ ULONG Limit);

// Describes a string or bytes that are there and cannot be read.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID CaptureDescribeFault(_Out_ CAPTURE *Capture);

// Copies a string whole, for routines that trust their arguments. The caller frees Copy->Buffer.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS CaptureCopyString(_Out_ UNICODE_STRING *Copy, _In_opt_ const volatile UNICODE_STRING *UnsafeString);

// Reads the bytes to Record + Offset, where room for Capture->Size bytes, rounded up to 8, was set aside and zeroed,
// and fills in the span.
_IRQL_requires_max_(APC_LEVEL)
VOID CaptureRead(_In_ const CAPTURE *Capture, _Inout_ UCHAR *Record, _In_ ULONG Offset, _Out_ CMB_SPAN *Span);

// Writes bytes of the driver's own there. Returns where the next part of the record goes.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG CaptureWrite(_In_reads_bytes_(Size) const VOID *Bytes, _In_ ULONG Size, _Inout_ CMB_RECORD *Record,
                   _In_ ULONG Offset, _Out_ CMB_SPAN *Span);

#endif
