// SPDX-License-Identifier: MIT
//
// The hive in memory: keys.

#include "cmp.h"
#include "store_memory.h"

static BOOLEAN CmpIsAtDepthLimit(CM_NODE Node) {
    ULONG Depth = 1;

    while (Node->Parent != NULL) {
        Node = Node->Parent;
        Depth++;
    }
    return Depth >= CM_MAX_KEY_DEPTH;
}

static NTSTATUS CmpMemoryOpenRoot(PVOID Context, CM_NODE *Root) {
    *Root = ((PCM_MEMORY_STORE)Context)->Root;
    (*Root)->Opens++;
    return STATUS_SUCCESS;
}

static NTSTATUS CmpMemoryOpenChild(PVOID Context, CM_NODE Parent, PCUNICODE_STRING Name, CM_NODE *Child) {
    ULONG Index;

    UNREFERENCED_PARAMETER(Context);
    if (Parent->Deleted) {
        return STATUS_KEY_DELETED;
    }
    if (!CmpFindChildNode(Parent, Name, &Index)) {
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    *Child = Parent->Children.Items[Index];
    (*Child)->Opens++;
    return STATUS_SUCCESS;
}

static NTSTATUS CmpMemoryCreateChild(PVOID Context, CM_NODE Parent, PCUNICODE_STRING Name, ULONG TitleIndex,
                                     PCUNICODE_STRING Class, ULONG Options, CM_NODE *Child) {
    BOOLEAN Volatile = (Options & REG_OPTION_VOLATILE) != 0;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(Context);
    if (Parent->Deleted) {
        return STATUS_KEY_DELETED;
    }
    if (Parent->Master) {
        return STATUS_INVALID_PARAMETER;
    }
    if (Parent->Volatile && !Volatile) {
        return STATUS_CHILD_MUST_BE_VOLATILE;
    }
    // The limit is documented, the status is not.
    if (CmpIsAtDepthLimit(Parent)) {
        return STATUS_INVALID_PARAMETER;
    }
    Status = CmpMakeNode(Parent, Name, TitleIndex, Class, Volatile, Child);
    if (NT_SUCCESS(Status)) {
        (*Child)->Link = (Options & REG_OPTION_CREATE_LINK) != 0;
        (*Child)->Opens++;
    }
    return Status;
}

static VOID CmpMemoryCloseNode(PVOID Context, CM_NODE Node) {
    UNREFERENCED_PARAMETER(Context);
    if (--Node->Opens == 0 && Node->Deleted) {
        CmpFreeNode(Node);
    }
}

static NTSTATUS CmpMemoryDeleteNode(PVOID Context, CM_NODE Node) {
    UNREFERENCED_PARAMETER(Context);
    if (Node->Deleted) {
        return STATUS_KEY_DELETED;
    }
    if (Node->Children.Count != 0 || Node->HiveRoot || Node->Master) {
        return STATUS_CANNOT_DELETE;
    }
    CmpDetachNode(Node);
    Node->Deleted = TRUE;
    return STATUS_SUCCESS;
}

static NTSTATUS CmpMemoryRenameNode(PVOID Context, CM_NODE Node, PCUNICODE_STRING NewName) {
    UNICODE_STRING Name;
    CM_NODE Parent = Node->Parent;
    ULONG Index;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(Context);
    if (Node->Deleted) {
        return STATUS_KEY_DELETED;
    }
    if (Node->HiveRoot || Node->Master) {
        return STATUS_ACCESS_DENIED;
    }
    if (CmpFindChildNode(Parent, NewName, &Index) && Parent->Children.Items[Index] != Node) {
        return STATUS_CANNOT_DELETE;
    }
    Status = CmpCaptureString(&Name, NewName, KernelMode);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    // Room is kept by the removal, so that the insertion cannot fail.
    CmpDetachNode(Node);
    CmpReleaseString(&Node->Name);
    Node->Name = Name;
    Status = CmpAttachNode(Parent, Node);
    CmpTouchNode(Node);
    return Status;
}

static NTSTATUS CmpFacts(CM_NODE Node, PCM_KEY_FACTS *Facts) {
    NTSTATUS Status = CmStoreMakeFacts(&Node->Name, &Node->Class, Facts);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    (*Facts)->LastWriteTime = Node->LastWriteTime;
    (*Facts)->TitleIndex = Node->TitleIndex;
    (*Facts)->SubKeys = Node->Children.Count;
    (*Facts)->MaxNameLength = Node->MaxNameLength;
    (*Facts)->MaxClassLength = Node->MaxClassLength;
    (*Facts)->Values = Node->Values.Count;
    (*Facts)->MaxValueNameLength = Node->MaxValueNameLength;
    (*Facts)->MaxValueDataLength = Node->MaxValueDataLength;
    (*Facts)->Volatile = Node->Volatile;
    (*Facts)->Link = Node->Link;
    (*Facts)->UserFlags = Node->UserFlags;
    return STATUS_SUCCESS;
}

static NTSTATUS CmpMemoryReadKey(PVOID Context, CM_NODE Node, PCM_KEY_FACTS *Facts) {
    UNREFERENCED_PARAMETER(Context);
    return Node->Deleted ? STATUS_KEY_DELETED : CmpFacts(Node, Facts);
}

static NTSTATUS CmpMemoryReadSubkey(PVOID Context, CM_NODE Node, ULONG Index, PCM_KEY_FACTS *Facts) {
    UNREFERENCED_PARAMETER(Context);
    if (Node->Deleted) {
        return STATUS_KEY_DELETED;
    }
    return Index < Node->Children.Count ? CmpFacts(Node->Children.Items[Index], Facts) : STATUS_NO_MORE_ENTRIES;
}

static NTSTATUS CmpMemorySetWriteTime(PVOID Context, CM_NODE Node, LARGE_INTEGER Time) {
    UNREFERENCED_PARAMETER(Context);
    if (Node->Deleted) {
        return STATUS_KEY_DELETED;
    }
    Node->LastWriteTime = Time;
    CmpCountChange(Node);
    return STATUS_SUCCESS;
}

static NTSTATUS CmpMemorySetUserFlags(PVOID Context, CM_NODE Node, ULONG Flags) {
    UNREFERENCED_PARAMETER(Context);
    if (Node->Deleted) {
        return STATUS_KEY_DELETED;
    }
    Node->UserFlags = Flags;
    CmpTouchNode(Node);
    return STATUS_SUCCESS;
}

static NTSTATUS CmpMemoryFlushNode(PVOID Context, CM_NODE Node) {
    UNREFERENCED_PARAMETER(Context);
    return Node->Deleted ? STATUS_KEY_DELETED : STATUS_SUCCESS;
}

NTSTATUS CmMemoryStoreCreate(PCM_STORE *Store) {
    static WCHAR RootText[] = L"REGISTRY";
    UNICODE_STRING RootName = {sizeof(RootText) - sizeof(WCHAR), sizeof(RootText), RootText};
    PCM_MEMORY_STORE Memory = CmStoreAllocate(sizeof(*Memory));
    NTSTATUS Status;

    if (Memory == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Memory->Table = (CM_STORE){.Context = Memory,
                               .OpenRoot = CmpMemoryOpenRoot,
                               .OpenChild = CmpMemoryOpenChild,
                               .CreateChild = CmpMemoryCreateChild,
                               .CloseNode = CmpMemoryCloseNode,
                               .DeleteNode = CmpMemoryDeleteNode,
                               .RenameNode = CmpMemoryRenameNode,
                               .ReadKey = CmpMemoryReadKey,
                               .ReadSubkey = CmpMemoryReadSubkey,
                               .SetWriteTime = CmpMemorySetWriteTime,
                               .SetUserFlags = CmpMemorySetUserFlags,
                               .FlushNode = CmpMemoryFlushNode};
    CmpFillValueRoutines(&Memory->Table);
    CmpFillSecurityRoutines(&Memory->Table);
    InitializeListHead(&Memory->Securities);
    CmpFillHiveRoutines(&Memory->Table);
    Status = CmpMakeNode(NULL, &RootName, 0, NULL, TRUE, &Memory->Root);
    if (NT_SUCCESS(Status)) {
        Memory->Root->Master = TRUE;
        Status = CmpFurnish(Memory);
    }
    if (!NT_SUCCESS(Status)) {
        CmMemoryStoreDestroy(&Memory->Table);
        return Status;
    }
    *Store = &Memory->Table;
    return STATUS_SUCCESS;
}

VOID CmMemoryStoreDestroy(PCM_STORE Store) {
    PCM_MEMORY_STORE Memory = Store->Context;

    if (Memory->Root != NULL) {
        CmpFreeTree(Memory->Root);
    }
    CmStoreFree(Memory);
}
