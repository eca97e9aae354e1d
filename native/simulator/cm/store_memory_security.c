// SPDX-License-Identifier: MIT
//
// The hive in memory: security descriptors. Keys with equal ones share a block, as in the files of real hives.

#include "cmp.h"
#include "store_memory.h"

struct _CM_MEMORY_SECURITY {
    LIST_ENTRY Link; // CM_MEMORY_STORE.Securities
    ULONG References;
    ULONG Length;
    UCHAR Descriptor[];
};

VOID CmpDropNodeSecurity(CM_NODE Node) {
    PCM_MEMORY_SECURITY Security = Node->Security;

    Node->Security = NULL;
    if (Security != NULL && --Security->References == 0) {
        RemoveEntryList(&Security->Link);
        CmStoreFree(Security);
    }
}

VOID CmpShareNodeSecurity(CM_NODE Node, CM_NODE From) {
    PCM_MEMORY_SECURITY Security = From->Security;

    if (Security != NULL) {
        Security->References++;
    }
    CmpDropNodeSecurity(Node);
    Node->Security = Security;
}

static PCM_MEMORY_SECURITY CmpFindSecurity(PCM_MEMORY_STORE Memory, const VOID *Descriptor, ULONG Length) {
    for (PLIST_ENTRY Entry = Memory->Securities.Flink; Entry != &Memory->Securities; Entry = Entry->Flink) {
        PCM_MEMORY_SECURITY Security = CONTAINING_RECORD(Entry, CM_MEMORY_SECURITY, Link);

        if (Security->Length == Length && RtlCompareMemory(Security->Descriptor, Descriptor, Length) == Length) {
            // Keys made one after the other tend to have the same.
            RemoveEntryList(&Security->Link);
            InsertHeadList(&Memory->Securities, &Security->Link);
            return Security;
        }
    }
    return NULL;
}

NTSTATUS CmpSetNodeSecurity(PCM_MEMORY_STORE Memory, CM_NODE Node, const VOID *Descriptor, ULONG Length) {
    PCM_MEMORY_SECURITY Security = CmpFindSecurity(Memory, Descriptor, Length);

    if (Security == NULL) {
        Security = CmStoreAllocate(sizeof(*Security) + (SIZE_T)Length);
        if (Security == NULL) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        Security->Length = Length;
        RtlCopyMemory(Security->Descriptor, Descriptor, Length);
        InsertHeadList(&Memory->Securities, &Security->Link);
    }
    Security->References++;
    CmpDropNodeSecurity(Node);
    Node->Security = Security;
    return STATUS_SUCCESS;
}

const VOID *CmpNodeSecurity(CM_NODE Node, ULONG *Length) {
    *Length = Node->Security != NULL ? Node->Security->Length : 0;
    return Node->Security != NULL ? Node->Security->Descriptor : NULL;
}

static NTSTATUS CmpMemoryReadSecurity(PVOID Context, CM_NODE Node, PSECURITY_DESCRIPTOR *Descriptor, ULONG *Length) {
    UNREFERENCED_PARAMETER(Context);
    if (Node->Deleted) {
        return STATUS_KEY_DELETED;
    }
    NT_ASSERT(Node->Security != NULL);
    *Descriptor = CmStoreAllocate(Node->Security->Length);
    if (*Descriptor == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlCopyMemory(*Descriptor, Node->Security->Descriptor, Node->Security->Length);
    *Length = Node->Security->Length;
    return STATUS_SUCCESS;
}

static NTSTATUS CmpMemoryWriteSecurity(PVOID Context, CM_NODE Node, PSECURITY_DESCRIPTOR Descriptor, ULONG Length) {
    NTSTATUS Status;

    if (Node->Deleted) {
        return STATUS_KEY_DELETED;
    }
    Status = CmpSetNodeSecurity(Context, Node, Descriptor, Length);
    if (NT_SUCCESS(Status)) {
        CmpTouchNode(Node);
    }
    return Status;
}

VOID CmpFillSecurityRoutines(PCM_STORE Store) {
    Store->ReadSecurity = CmpMemoryReadSecurity;
    Store->WriteSecurity = CmpMemoryWriteSecurity;
}
