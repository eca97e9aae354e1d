// SPDX-License-Identifier: MIT
//
// The parts of describing a body; only body*.c include it. All functions take a zeroed body, and input whose Pre is not
// NULL.

#ifndef CMBRIDGE_BODY_KINDS_H
#define CMBRIDGE_BODY_KINDS_H

#include "record/body.h"

#define BODY_ALIGN(Size) ((ULONG)ALIGN_UP_BY((Size), 8))

// Adds a capture to the body, for a span of the body. The caller fills it in.
_IRQL_requires_max_(APC_LEVEL)
CAPTURE *BodyAddCapture(_Inout_ BODY *Body, _In_ const CMB_SPAN *Span);

// Does so for what CaptureDescribeBytes describes.
_IRQL_requires_max_(APC_LEVEL)
VOID BodyAddBytes(_Inout_ BODY *Body, _In_ const CMB_SPAN *Span, _In_opt_ const volatile VOID *UnsafeBytes,
                  _In_ ULONG FullSize, _In_ ULONG Limit);

// Reads a number behind a pointer of the caller's. If it cannot be read it is 0, and counted.
_IRQL_requires_max_(APC_LEVEL)
UINT32 BodyReadNumber(_Inout_ BODY *Body, _In_opt_ const volatile ULONG *UnsafeNumber);

// The size of the caller's buffer, as pre has found it. It is 0 if pre could not read it, and pre alone counts that.
_IRQL_requires_max_(APC_LEVEL)
ULONG BodyBufferLength(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input);

// body_query.c
typedef VOID BODY_DESCRIBE(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input);
_IRQL_requires_max_(APC_LEVEL)
BODY_DESCRIBE BodyDescribeQuery;
_IRQL_requires_max_(APC_LEVEL)
BODY_DESCRIBE BodyDescribeQueryName;
_IRQL_requires_max_(APC_LEVEL)
BODY_DESCRIBE BodyDescribeQueryMultiple;

// body_security.c
_IRQL_requires_max_(APC_LEVEL)
BODY_DESCRIBE BodyDescribeQuerySecurity;
// Describes a descriptor that the caller hands in, absolute or self-relative; NULL describes an absent one.
_IRQL_requires_max_(APC_LEVEL)
VOID BodyDescribeDescriptor(_Inout_ BODY *Body, _In_ const CMB_SPAN *Span,
                            _In_opt_ const volatile VOID *UnsafeDescriptor);

#endif
