// SPDX-License-Identifier: MIT
//
// The fields that only some notification classes have.

#ifndef CMBRIDGE_BODY_H
#define CMBRIDGE_BODY_H

#include "record/facts.h"

#define BODY_MAX_CAPTURES 3

// Size and DataSize of a body come to so many bytes at most. Records of a create, an open, a rename and a save merged
// can have two key paths, and less room for a body.
#define BODY_MAX_BYTES 172032
#define BODY_MAX_BYTES_TWO_PATHS 139264

typedef struct BODY_INPUT {
    const NOTIFY_CLASS *Class;
    // The structure of the pre notification, in both phases; NULL if there is none.
    const NOTIFY_PRE *Pre;
    // NULL in pre.
    const REG_POST_OPERATION_INFORMATION *Post;
    // What FactsRead found in pre, in both phases; NULL if that was not seen.
    const FACTS *Facts;
    // Close and clean-up: who has opened the key object, zeroed if that is not known. Otherwise NULL.
    const CMB_BODY_CLOSE *Opener;
    // An operation on one value: a copy of the value's name. NULL if it is to be read.
    const CAPTURE *ValueName;
    ULONG MaxDataBytes;
} BODY_INPUT;

typedef struct BODY {
    // The size of the fixed part; 0 if the class has none.
    ULONG Size;
    // The size of everything that the spans hold, a multiple of 8.
    ULONG DataSize;
    union {
        CMB_BODY_CREATE Create;
        CMB_BODY_SET_VALUE SetValue;
        CMB_BODY_DELETE_VALUE DeleteValue;
        CMB_BODY_DELETE_KEY DeleteKey;
        CMB_BODY_RENAME Rename;
        CMB_BODY_SET_INFORMATION SetInformation;
        CMB_BODY_QUERY Query;
        CMB_BODY_QUERY_MULTIPLE QueryMultiple;
        CMB_BODY_CLOSE Close;
        CMB_BODY_LOAD Load;
        CMB_BODY_UNLOAD Unload;
        CMB_BODY_SECURITY Security;
        CMB_BODY_FILE File;
        CMB_BODY_REPLACE Replace;
        CMB_BODY_QUERY_NAME QueryName;
        // All of the above, as large as the largest.
        UCHAR Fixed[sizeof(CMB_BODY_CREATE)];
    };
    // What the spans of the body are to hold, and the offsets of these spans in the body.
    ULONG Captures;
    CAPTURE Capture[BODY_MAX_CAPTURES];
    ULONG SpanOffset[BODY_MAX_CAPTURES];
    // The number of reads that failed and leave no trace in a span.
    ULONG Faults;
    // Entries of a query for multiple values.
    ULONG Entries;
    // Owned; what goes into the record as it is here: a security descriptor, or entries and their names.
    UCHAR *Block;
} BODY;

// Fills in the scalars and describes the bytes.
_IRQL_requires_max_(APC_LEVEL)
VOID BodyDescribe(_Out_ BODY *Body, _In_ const BODY_INPUT *Input);

// Writes the fixed part behind the record's header, and what its spans hold to Record + Offset. Returns the number of
// reads of the caller's memory that faulted, those of BodyDescribe included.
_IRQL_requires_max_(APC_LEVEL)
ULONG BodyWrite(_In_ const BODY *Body, _Inout_ CMB_RECORD *Record, _In_ ULONG Offset);

// Frees what BodyDescribe has allocated, whether or not the body was written.
_IRQL_requires_max_(APC_LEVEL)
VOID BodyRelease(_Inout_ BODY *Body);

#endif
