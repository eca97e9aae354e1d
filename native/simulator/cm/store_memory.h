// SPDX-License-Identifier: MIT
//
// Private to the hive in memory.

#ifndef CM_STORE_MEMORY_H
#define CM_STORE_MEMORY_H

#include "store.h"

typedef struct _CM_MEMORY_VALUE {
    UNICODE_STRING Name;
    ULONG TitleIndex;
    ULONG Type;
    ULONG DataLength;
    PVOID Data;
} CM_MEMORY_VALUE, *PCM_MEMORY_VALUE;

// Growing array of pointers.
typedef struct _CM_ARRAY {
    PVOID *Items;
    ULONG Count;
    ULONG Room;
} CM_ARRAY, *PCM_ARRAY;

typedef struct _CM_MEMORY_SECURITY CM_MEMORY_SECURITY, *PCM_MEMORY_SECURITY;

struct _CM_NODE {
    CM_NODE Parent;
    CM_ARRAY Children; // sorted by name, which is the order of enumeration
    CM_ARRAY Values;   // in the order in which they were made
    ULONG Opens;
    BOOLEAN Deleted;
    BOOLEAN Volatile;
    BOOLEAN Link;
    BOOLEAN HiveRoot;
    BOOLEAN Loaded;  // a hive root that LoadHive has made
    ULONG64 Changes; // of a hive, at its root: what volatile keys hold does not count
    BOOLEAN Master;  // part of the frame that hives hang in: nobody creates keys there
    UNICODE_STRING Name;
    UNICODE_STRING Class;
    ULONG TitleIndex;
    LARGE_INTEGER LastWriteTime;
    ULONG UserFlags;
    PCM_MEMORY_SECURITY Security; // shared; a new key has that of its parent
    // Grow with each key and value, and fall back to 0 only when the last one is gone.
    ULONG MaxNameLength, MaxClassLength, MaxValueNameLength, MaxValueDataLength;
};

typedef struct _CM_MEMORY_STORE {
    CM_STORE Table;
    CM_NODE Root;
    LIST_ENTRY Securities;
} CM_MEMORY_STORE, *PCM_MEMORY_STORE;

NTSTATUS CmpArrayInsert(PCM_ARRAY Array, ULONG Index, PVOID Item);
VOID CmpArrayRemove(PCM_ARRAY Array, ULONG Index);
// Sets the time and counts the change.
VOID CmpTouchNode(CM_NODE Node);
VOID CmpCountChange(CM_NODE Node);
NTSTATUS CmpMakeNode(CM_NODE Parent, PCUNICODE_STRING Name, ULONG TitleIndex, PCUNICODE_STRING Class, BOOLEAN Volatile,
                     CM_NODE *Node);
// TRUE: a child with the name is at *Index. FALSE: it would belong there.
BOOLEAN CmpFindChildNode(CM_NODE Parent, PCUNICODE_STRING Name, ULONG *Index);
VOID CmpFreeNode(CM_NODE Node);
// For a tree that nobody has a node of.
VOID CmpFreeTree(CM_NODE Node);
VOID CmpDetachNode(CM_NODE Node);
NTSTATUS CmpAttachNode(CM_NODE Parent, CM_NODE Node);
// The tree, which has no parent any more, goes as soon as its nodes are closed.
VOID CmpDeleteTree(CM_NODE Node);
BOOLEAN CmpFindMemoryValue(CM_NODE Node, PCUNICODE_STRING Name, ULONG *Index);
// The name must not be there yet. The value is of type 0 and has no data.
NTSTATUS CmpAddMemoryValue(CM_NODE Node, PCUNICODE_STRING Name, PCM_MEMORY_VALUE *Added);
VOID CmpNoteValueLengths(CM_NODE Node, const CM_MEMORY_VALUE *Value);
VOID CmpFreeMemoryValue(PCM_MEMORY_VALUE Value);
VOID CmpFillValueRoutines(PCM_STORE Store);
// store_memory_security.c
// A self-relative descriptor, which is copied.
NTSTATUS CmpSetNodeSecurity(PCM_MEMORY_STORE Memory, CM_NODE Node, const VOID *Descriptor, ULONG Length);
VOID CmpShareNodeSecurity(CM_NODE Node, CM_NODE From);
VOID CmpDropNodeSecurity(CM_NODE Node);
// NULL for a node that is still being made.
const VOID *CmpNodeSecurity(CM_NODE Node, ULONG *Length);
VOID CmpFillSecurityRoutines(PCM_STORE Store);
VOID CmpFillHiveRoutines(PCM_STORE Store);
// The keys of a freshly installed machine.
NTSTATUS CmpFurnish(PCM_MEMORY_STORE Memory);
NTSTATUS CmpSecureFurniture(PCM_MEMORY_STORE Memory);

#endif
