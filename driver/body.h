// SPDX-License-Identifier: MIT
//
// The fields that only some notification classes have.

#ifndef CMBRIDGE_BODY_H
#define CMBRIDGE_BODY_H

#include "capture.h"
#include "notify_class.h"

#define BODY_MAX_CAPTURES 2

typedef struct BODY {
    // 0 if the class has none.
    ULONG Size;
    union {
        CMB_BODY_CREATE Create;
        CMB_BODY_SET_VALUE SetValue;
        CMB_BODY_DELETE_VALUE DeleteValue;
        CMB_BODY_RENAME Rename;
    };
    // What the spans of the body are to hold, and where in the body the spans are.
    ULONG Captures;
    CAPTURE Capture[BODY_MAX_CAPTURES];
    ULONG SpanOffset[BODY_MAX_CAPTURES];
    // Reads that failed and leave no trace in a span.
    ULONG Faults;
} BODY;

// Fills in the scalars and describes the bytes. Pre is the structure of the pre notification in both phases, NULL if
// there is none; Post is NULL in pre.
_IRQL_requires_max_(APC_LEVEL)
VOID BodyDescribe(_Out_ BODY *Body, _In_ const NOTIFY_CLASS *Class, _In_opt_ const VOID *Pre,
                  _In_opt_ const REG_POST_OPERATION_INFORMATION *Post, _In_ ULONG MaxDataBytes);

#endif
