// SPDX-License-Identifier: MIT
//
// The kinds of bodies, and writing one into its record.

#include "record/body_kinds.h"
#include "base/memory.h"

#define BODY_ALIGN(Size) ((ULONG)ALIGN_UP_BY((Size), 8))

// The largest body of each family fits; a class whose bounds these do not cover has shorter spans of the same kinds.
C_ASSERT(sizeof(CMB_BODY_CREATE) + BODY_ALIGN(CMB_MAX_PATH_BYTES) + BODY_ALIGN(CMB_MAX_CLASS_NAME_BYTES) +
             BODY_ALIGN(CMB_MAX_SECURITY_DESCRIPTOR_BYTES) <=
         BODY_MAX_BYTES_TWO_PATHS);
C_ASSERT(sizeof(CMB_BODY_FILE) + BODY_ALIGN(CMB_MAX_FILE_NAME_BYTES) <= BODY_MAX_BYTES_TWO_PATHS);
C_ASSERT(sizeof(CMB_BODY_SET_VALUE) + BODY_ALIGN(CMB_MAX_VALUE_NAME_BYTES) +
             2 * (SIZE_T)BODY_ALIGN(CMB_MAX_DATA_BYTES) <=
         BODY_MAX_BYTES);
C_ASSERT(sizeof(CMB_BODY_QUERY_MULTIPLE) + CMB_MAX_VALUE_ENTRIES * (sizeof(CMB_VALUE_ENTRY) + 8) +
             BODY_ALIGN(CMB_MAX_ENTRY_NAMES_BYTES) + BODY_ALIGN(CMB_MAX_DATA_BYTES) <=
         BODY_MAX_BYTES);
C_ASSERT(sizeof(CMB_BODY_LOAD) + BODY_ALIGN(CMB_MAX_PATH_BYTES) + BODY_ALIGN(CMB_MAX_FILE_NAME_BYTES) <=
         BODY_MAX_BYTES);
C_ASSERT(sizeof(CMB_BODY_REPLACE) + 2 * (SIZE_T)BODY_ALIGN(CMB_MAX_FILE_NAME_BYTES) <= BODY_MAX_BYTES);

typedef struct BODY_KIND {
    ULONG Size;
    BODY_DESCRIBE *Describe;
} BODY_KIND;

static const BODY_KIND Kinds[NotifyBodyCount] = {
    [NotifyBodyCreate] = {sizeof(CMB_BODY_CREATE), BodyDescribeCreate},
    [NotifyBodySetValue] = {sizeof(CMB_BODY_SET_VALUE), BodyDescribeSetValue},
    [NotifyBodyDeleteValue] = {sizeof(CMB_BODY_DELETE_VALUE), BodyDescribeDeleteValue},
    [NotifyBodyDeleteKey] = {sizeof(CMB_BODY_DELETE_KEY), BodyDescribeDeleteKey},
    [NotifyBodyRename] = {sizeof(CMB_BODY_RENAME), BodyDescribeRename},
    [NotifyBodySetInformation] = {sizeof(CMB_BODY_SET_INFORMATION), BodyDescribeSetInformation},
    [NotifyBodyEnumerateKey] = {sizeof(CMB_BODY_QUERY), BodyDescribeEnumerateKey},
    [NotifyBodyEnumerateValue] = {sizeof(CMB_BODY_QUERY), BodyDescribeEnumerateValue},
    [NotifyBodyQueryKey] = {sizeof(CMB_BODY_QUERY), BodyDescribeQueryKey},
    [NotifyBodyQueryValue] = {sizeof(CMB_BODY_QUERY), BodyDescribeQueryValue},
    [NotifyBodyQueryMultiple] = {sizeof(CMB_BODY_QUERY_MULTIPLE), BodyDescribeQueryMultiple},
    [NotifyBodyClose] = {sizeof(CMB_BODY_CLOSE), BodyDescribeClose},
    [NotifyBodyLoad] = {sizeof(CMB_BODY_LOAD), BodyDescribeLoad},
    [NotifyBodyUnload] = {sizeof(CMB_BODY_UNLOAD), BodyDescribeUnload},
    [NotifyBodyQuerySecurity] = {sizeof(CMB_BODY_SECURITY), BodyDescribeQuerySecurity},
    [NotifyBodySetSecurity] = {sizeof(CMB_BODY_SECURITY), BodyDescribeSetSecurity},
    [NotifyBodyRestore] = {sizeof(CMB_BODY_FILE), BodyDescribeRestore},
    [NotifyBodySave] = {sizeof(CMB_BODY_FILE), BodyDescribeSave},
    [NotifyBodySaveMerged] = {sizeof(CMB_BODY_FILE), BodyDescribeSaveMerged},
    [NotifyBodyReplace] = {sizeof(CMB_BODY_REPLACE), BodyDescribeReplace},
    [NotifyBodyQueryName] = {sizeof(CMB_BODY_QUERY_NAME), BodyDescribeQueryName},
};

C_ASSERT(FIELD_OFFSET(BODY, Fixed) + sizeof(CMB_BODY_CREATE) == FIELD_OFFSET(BODY, Captures));

_Use_decl_annotations_
VOID BodyDescribe(BODY *Body, const BODY_INPUT *Input) {
    const BODY_KIND *kind = &Kinds[Input->Class->Body];
    RtlZeroMemory(Body, sizeof(*Body));
    Body->Size = kind->Size;
    if (kind->Describe && (Input->Pre || kind->Describe == BodyDescribeClose)) {
        kind->Describe(Body, Input);
    }
    Body->DataSize = BodySizeOfEntries(Body->Entries);
    for (ULONG i = 0; i < Body->Captures; ++i) {
        Body->DataSize += BODY_ALIGN(Body->Capture[i].Size);
    }
    NT_ASSERT(Body->Size + Body->DataSize <= BODY_MAX_BYTES);
}

_Use_decl_annotations_
ULONG BodyWrite(const BODY *Body, CMB_RECORD *Record, ULONG Offset) {
    UCHAR *fixed = (UCHAR *)Record + Record->HeaderSize;
    ULONG faults = Body->Faults;
    RtlCopyMemory(fixed, Body->Fixed, Body->Size);
    faults += BodyWriteEntries(Body->Entries, Record, Offset);
    Offset += BodySizeOfEntries(Body->Entries);
    for (ULONG i = 0; i < Body->Captures; ++i) {
        CMB_SPAN *span = (CMB_SPAN *)(fixed + Body->SpanOffset[i]);
        CaptureRead(&Body->Capture[i], (UCHAR *)Record, Offset, span);
        faults += (span->Flags & CMB_SPAN_FAULT) != 0;
        Offset += BODY_ALIGN(Body->Capture[i].Size);
    }
    return faults;
}

_Use_decl_annotations_
VOID BodyRelease(BODY *Body) {
    MemoryFree(Body->Entries);
    MemoryFree(Body->Descriptor);
    Body->Entries = NULL;
    Body->Descriptor = NULL;
}
