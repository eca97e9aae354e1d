// SPDX-License-Identifier: MIT
//
// Key paths: immutable and shared, so that the records of an operation and of a key object need one copy.

#ifndef CMBRIDGE_NAMES_H
#define CMBRIDGE_NAMES_H

#include "base/capture.h"

typedef struct NAME {
    _Interlocked_ volatile LONG References;
    // CMB_RECORD_PATH_RESOLVED or 0.
    UINT32 Flags;
    // At most CMB_MAX_PATH_BYTES.
    ULONG Size;
    ULONG FullSize;
    // How many bytes at the start are the name of the root object.
    ULONG RootSize;
    // A name of the caller's that belongs to the path could not be read; there are no bytes.
    BOOLEAN Fault;
    // Of all bytes; 0 for a path that is too long to be kept, see CMB_MAX_KEPT_PATH_BYTES.
    UINT64 Hash;
    // Followed by zeros up to a multiple of 8.
    UCHAR Bytes[ANYSIZE_ARRAY];
} NAME;

// The configuration manager's own name of a key object. NULL if there is no memory.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
NAME *NameOfString(_In_ PCUNICODE_STRING String);

// What the caller calls a key, and whether that starts at the root of the registry and not at the root object.
typedef struct NAME_TAIL {
    CAPTURE Text;
    BOOLEAN Absolute;
} NAME_TAIL;

// Describes the key that a create or an open asks for. Without a known root it is what the complete name says.
_IRQL_requires_max_(APC_LEVEL)
VOID NameDescribeCreate(_Out_ NAME_TAIL *Tail, _In_ const REG_CREATE_KEY_INFORMATION_V1 *Create,
                        _In_ BOOLEAN RootKnown);

// Describes the key that a hive is to be loaded at.
_IRQL_requires_max_(APC_LEVEL)
VOID NameDescribeLoad(_Out_ NAME_TAIL *Tail, _In_ const REG_LOAD_KEY_INFORMATION *Load);

// Root is the name of the root object. NULL if the path cannot be had.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NAME *NameOfTail(_In_opt_ const NAME *Root, _In_ const NAME_TAIL *Tail);

// The same for a create or an open, and for a load. Tail was described and copied before; NULL: it is described here.
// If the name that a create has besides its complete name cannot be read, the complete one is tried.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NAME *NameOfCreate(_In_opt_ const NAME *Root, _In_ const REG_CREATE_KEY_INFORMATION_V1 *Create,
                   _In_opt_ const NAME_TAIL *Tail);
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NAME *NameOfLoad(_In_opt_ const NAME *Root, _In_ const REG_LOAD_KEY_INFORMATION *Load, _In_opt_ const NAME_TAIL *Tail);

// Whether both are the same bytes.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN NameEquals(_In_ const NAME *First, _In_ const NAME *Second);

// Returns Name, which then has one more reference; NULL for NULL.
_IRQL_requires_max_(DISPATCH_LEVEL)
NAME *NameReference(_In_opt_ NAME *Name);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID NameRelease(_In_opt_ NAME *Name);

#endif
