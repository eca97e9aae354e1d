// SPDX-License-Identifier: MIT
//
// What an operation is about to change or to use and what only the pre callback can still find out: the value that is
// there, how much a key holds, the names of files, sizes that the output overwrites.

#ifndef CMBRIDGE_FACTS_H
#define CMBRIDGE_FACTS_H

#include "base/capture.h"
#include "base/notify_class.h"

// Neither the registry nor a file can be asked now: the thread is at APC_LEVEL or takes no APCs at all, or it has
// little stack left.
#define FACTS_STATUS_CANNOT_ASK STATUS_CANT_WAIT

typedef struct FACTS {
    // There was something to find out, and it was wanted. Otherwise all is 0.
    BOOLEAN Asked;
    // The status of finding it out. Unless it is a success, what follows is 0.
    NTSTATUS Status;
    // Set value and delete value: the type of the value that is there.
    UINT32 Type;
    // The value's data, or the name of a file: Size bytes of FullSize, at most MaxDataBytes of data.
    ULONG Size;
    ULONG FullSize;
    const UCHAR *Bytes;
    // Delete key: how much the key holds.
    UINT32 Values;
    UINT32 SubKeys;
    // Query multiple, query security: the size of the caller's buffer.
    ULONG BufferLength;
    // Where Bytes lie. Owned, and handed over when the structure is copied.
    VOID *Block;
} FACTS;

// Finds the facts out in pre, for both phases. The registry is asked by calls that only filters of lower altitude see.
// Whatever goes wrong becomes the Status.
_IRQL_requires_max_(APC_LEVEL)
VOID FactsRead(_Out_ FACTS *Facts, _In_ const NOTIFY_CLASS *Class, _In_ const NOTIFY_PRE *Pre, _In_ BOOLEAN OldValues,
               _In_ ULONG MaxDataBytes);

// Opens a handle to an object that a notification is about, which the caller closes. What is done through it belongs to
// the same transaction, only filters of lower altitude see it, and no process can see or close it.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS FactsOpenObject(_In_ VOID *Object, _In_ POBJECT_TYPE Type, _In_ ACCESS_MASK Access, _Out_ HANDLE *Handle);

_IRQL_requires_max_(APC_LEVEL)
VOID FactsFree(_Inout_ FACTS *Facts);

#endif
