// SPDX-License-Identifier: MIT
//
// How each kind of body is described; only body*.c include it. All functions take a zeroed body, and input whose Pre is
// not NULL; a close alone does without.

#ifndef CMBRIDGE_BODY_KINDS_H
#define CMBRIDGE_BODY_KINDS_H

#include "record/body.h"

typedef VOID BODY_DESCRIBE(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input);

// Adds a capture to the body, for the span at SpanOffset. The caller fills it in.
_IRQL_requires_max_(APC_LEVEL)
CAPTURE *BodyAddCapture(_Inout_ BODY *Body, _In_ ULONG SpanOffset);

// Reads a number behind a pointer of the caller's. If it cannot be read it is 0, and counted.
_IRQL_requires_max_(APC_LEVEL)
UINT32 BodyReadNumber(_Inout_ BODY *Body, _In_opt_ const volatile ULONG *UnsafeNumber);

// The size of the caller's buffer, as pre has found it. It is 0 if pre could not read it, and pre alone counts that.
_IRQL_requires_max_(APC_LEVEL)
ULONG BodyBufferLength(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input);

// Describes the name of the one value that an operation is about.
_IRQL_requires_max_(APC_LEVEL)
VOID BodyDescribeValueName(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input, _In_ ULONG SpanOffset,
                           _In_opt_ const UNICODE_STRING *UnsafeName);

// body_query.c
_IRQL_requires_max_(APC_LEVEL)
BODY_DESCRIBE BodyDescribeEnumerateKey;
_IRQL_requires_max_(APC_LEVEL)
BODY_DESCRIBE BodyDescribeEnumerateValue;
_IRQL_requires_max_(APC_LEVEL)
BODY_DESCRIBE BodyDescribeQueryKey;
_IRQL_requires_max_(APC_LEVEL)
BODY_DESCRIBE BodyDescribeQueryValue;
_IRQL_requires_max_(APC_LEVEL)
BODY_DESCRIBE BodyDescribeQueryName;
_IRQL_requires_max_(APC_LEVEL)
BODY_DESCRIBE BodyDescribeQueryMultiple;
// The number of bytes that BodyWriteEntries needs, a multiple of 8.
_IRQL_requires_max_(APC_LEVEL)
ULONG BodySizeOfEntries(_In_opt_ const BODY_ENTRIES *Entries);
// Returns the number of reads of the caller's memory that faulted.
_IRQL_requires_max_(APC_LEVEL)
ULONG BodyWriteEntries(_In_opt_ const BODY_ENTRIES *Entries, _Inout_ CMB_RECORD *Record, _In_ ULONG Offset);

// body_security.c
_IRQL_requires_max_(APC_LEVEL)
BODY_DESCRIBE BodyDescribeQuerySecurity;
_IRQL_requires_max_(APC_LEVEL)
BODY_DESCRIBE BodyDescribeSetSecurity;
// Describes a descriptor that the caller hands in, absolute or self-relative; NULL describes an absent one.
_IRQL_requires_max_(APC_LEVEL)
VOID BodyDescribeDescriptor(_Inout_ BODY *Body, _In_ ULONG SpanOffset, _In_opt_ const volatile VOID *UnsafeDescriptor);

#endif
