// SPDX-License-Identifier: MIT
//
// The hive in memory: the tree that its keys form.

#include "cmp.h"
#include "store_memory.h"

NTSTATUS CmpArrayInsert(PCM_ARRAY Array, ULONG Index, PVOID Item) {
    if (Array->Count == Array->Room) {
        ULONG Room = Array->Room != 0 ? Array->Room * 2 : 4;
        PVOID *Items = CmStoreAllocate(Room * sizeof(PVOID));

        if (Items == NULL) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        if (Array->Count != 0) {
            RtlCopyMemory(Items, Array->Items, Array->Count * sizeof(PVOID));
        }
        CmStoreFree(Array->Items);
        Array->Items = Items;
        Array->Room = Room;
    }
    RtlMoveMemory(Array->Items + Index + 1, Array->Items + Index, (Array->Count - Index) * sizeof(PVOID));
    Array->Items[Index] = Item;
    Array->Count++;
    return STATUS_SUCCESS;
}

VOID CmpArrayRemove(PCM_ARRAY Array, ULONG Index) {
    Array->Count--;
    RtlMoveMemory(Array->Items + Index, Array->Items + Index + 1, (Array->Count - Index) * sizeof(PVOID));
}

VOID CmpCountChange(CM_NODE Node) {
    if (Node->Volatile) {
        return;
    }
    while (Node != NULL && !Node->HiveRoot) {
        Node = Node->Parent;
    }
    if (Node != NULL) {
        Node->Changes++;
    }
}

VOID CmpTouchNode(CM_NODE Node) {
    CmPortSystemTime(&Node->LastWriteTime);
    CmpCountChange(Node);
}

BOOLEAN CmpFindChildNode(CM_NODE Parent, PCUNICODE_STRING Name, ULONG *Index) {
    ULONG Low = 0, High = Parent->Children.Count;

    while (Low < High) {
        ULONG Middle = Low + (High - Low) / 2;
        CM_NODE Child = Parent->Children.Items[Middle];
        LONG Order = RtlCompareUnicodeString(&Child->Name, Name, TRUE);

        if (Order == 0) {
            *Index = Middle;
            return TRUE;
        }
        if (Order < 0) {
            Low = Middle + 1;
        } else {
            High = Middle;
        }
    }
    *Index = Low;
    return FALSE;
}

static VOID CmpGrow(ULONG *Maximum, ULONG Length) {
    if (*Maximum < Length) {
        *Maximum = Length;
    }
}

VOID CmpFreeNode(CM_NODE Node) {
    for (ULONG i = 0; i < Node->Values.Count; i++) {
        CmpFreeMemoryValue(Node->Values.Items[i]);
    }
    CmStoreFree(Node->Values.Items);
    CmStoreFree(Node->Children.Items);
    CmpReleaseString(&Node->Name);
    CmpReleaseString(&Node->Class);
    CmpDropNodeSecurity(Node);
    CmStoreFree(Node);
}

VOID CmpFreeTree(CM_NODE Node) {
    // Recursion is as deep as keys are nested, here and below.
    for (ULONG i = 0; i < Node->Children.Count; i++) {
        CmpFreeTree(Node->Children.Items[i]);
    }
    CmpFreeNode(Node);
}

VOID CmpDeleteTree(CM_NODE Node) {
    for (ULONG i = 0; i < Node->Children.Count; i++) {
        CmpDeleteTree(Node->Children.Items[i]);
    }
    Node->Children.Count = 0;
    Node->Parent = NULL;
    Node->Deleted = TRUE;
    if (Node->Opens == 0) {
        CmpFreeNode(Node);
    }
}

NTSTATUS CmpAttachNode(CM_NODE Parent, CM_NODE Node) {
    ULONG Index;
    NTSTATUS Status;

    if (CmpFindChildNode(Parent, &Node->Name, &Index)) {
        return STATUS_OBJECT_NAME_COLLISION;
    }
    Status = CmpArrayInsert(&Parent->Children, Index, Node);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Node->Parent = Parent;
    CmpGrow(&Parent->MaxNameLength, Node->Name.Length);
    CmpGrow(&Parent->MaxClassLength, Node->Class.Length);
    CmpTouchNode(Parent);
    return STATUS_SUCCESS;
}

VOID CmpDetachNode(CM_NODE Node) {
    CM_NODE Parent = Node->Parent;
    ULONG Index;

    if (CmpFindChildNode(Parent, &Node->Name, &Index)) {
        CmpArrayRemove(&Parent->Children, Index);
    }
    if (Parent->Children.Count == 0) {
        Parent->MaxNameLength = Parent->MaxClassLength = 0;
    }
    CmpTouchNode(Parent);
}

NTSTATUS CmpMakeNode(CM_NODE Parent, PCUNICODE_STRING Name, ULONG TitleIndex, PCUNICODE_STRING Class, BOOLEAN Volatile,
                     CM_NODE *Node) {
    CM_NODE Made = CmStoreAllocate(sizeof(*Made));
    NTSTATUS Status;

    if (Made == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Made->TitleIndex = TitleIndex;
    Made->Volatile = Volatile;
    CmpTouchNode(Made);
    Status = CmpCaptureString(&Made->Name, Name, KernelMode);
    if (NT_SUCCESS(Status)) {
        Status = CmpCaptureString(&Made->Class, Class, KernelMode);
    }
    if (NT_SUCCESS(Status) && Parent != NULL) {
        CmpShareNodeSecurity(Made, Parent);
        Status = CmpAttachNode(Parent, Made);
    }
    if (!NT_SUCCESS(Status)) {
        CmpFreeNode(Made);
        return Status;
    }
    *Node = Made;
    return STATUS_SUCCESS;
}
