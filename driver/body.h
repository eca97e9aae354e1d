// SPDX-License-Identifier: MIT
//
// The fields that only some notification classes have.

#ifndef CMBRIDGE_BODY_H
#define CMBRIDGE_BODY_H

#include "facts.h"

#define BODY_MAX_CAPTURES 2

typedef struct BODY_INPUT {
    const NOTIFY_CLASS *Class;
    // The structure of the pre notification in both phases, that of the clean-up for it; NULL if there is none.
    const VOID *Pre;
    // NULL in pre.
    const REG_POST_OPERATION_INFORMATION *Post;
    // What FactsRead returned in pre, in both phases.
    const FACTS *Facts;
    // Who opened the key object; zeroed if that is not known. Close and clean-up only, else NULL.
    const CMB_BODY_CLOSE *Opener;
    ULONG MaxDataBytes;
} BODY_INPUT;

typedef struct BODY {
    // Of the fixed part; 0 if the class has none.
    ULONG Size;
    // Of everything that the spans hold, a multiple of 8.
    ULONG DataSize;
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

// Fills in the scalars and describes the bytes.
_IRQL_requires_max_(APC_LEVEL)
VOID BodyDescribe(_Out_ BODY *Body, _In_ const BODY_INPUT *Input);

// Writes the fixed part behind the record's header, and what its spans hold to Record + Offset. Returns the number of
// reads of the caller's memory that faulted, those of BodyDescribe included.
_IRQL_requires_max_(APC_LEVEL)
ULONG BodyWrite(_In_ const BODY *Body, _Inout_ CMB_RECORD *Record, _In_ ULONG Offset);

// After BodyDescribe, whether or not the body was written.
_IRQL_requires_max_(APC_LEVEL)
VOID BodyRelease(_Inout_ BODY *Body);

#endif
