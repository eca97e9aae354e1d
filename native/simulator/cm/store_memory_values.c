// SPDX-License-Identifier: MIT
//
// The hive in memory: values.

#include "cmp.h"
#include "store_memory.h"

VOID CmpFreeMemoryValue(PCM_MEMORY_VALUE Value) {
    CmpReleaseString(&Value->Name);
    CmStoreFree(Value->Data);
    CmStoreFree(Value);
}

BOOLEAN CmpFindMemoryValue(CM_NODE Node, PCUNICODE_STRING Name, ULONG *Index) {
    for (ULONG i = 0; i < Node->Values.Count; i++) {
        PCM_MEMORY_VALUE Value = Node->Values.Items[i];

        if (RtlEqualUnicodeString(&Value->Name, Name, TRUE)) {
            *Index = i;
            return TRUE;
        }
    }
    return FALSE;
}

NTSTATUS CmpAddMemoryValue(CM_NODE Node, PCUNICODE_STRING Name, PCM_MEMORY_VALUE *Added) {
    PCM_MEMORY_VALUE Value = CmStoreAllocate(sizeof(*Value));
    NTSTATUS Status;

    if (Value == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = CmpCaptureString(&Value->Name, Name, KernelMode);
    if (NT_SUCCESS(Status)) {
        Status = CmpArrayInsert(&Node->Values, Node->Values.Count, Value);
    }
    if (!NT_SUCCESS(Status)) {
        CmpFreeMemoryValue(Value);
        return Status;
    }
    *Added = Value;
    return STATUS_SUCCESS;
}

VOID CmpNoteValueLengths(CM_NODE Node, const CM_MEMORY_VALUE *Value) {
    if (Node->MaxValueNameLength < Value->Name.Length) {
        Node->MaxValueNameLength = Value->Name.Length;
    }
    if (Node->MaxValueDataLength < Value->DataLength) {
        Node->MaxValueDataLength = Value->DataLength;
    }
}

static NTSTATUS CmpMemorySetValue(PVOID Context, CM_NODE Node, PCUNICODE_STRING Name, ULONG TitleIndex, ULONG Type,
                                  const VOID *Data, ULONG DataLength) {
    PCM_MEMORY_VALUE Value = NULL;
    PVOID Copy = NULL;
    ULONG Index;

    UNREFERENCED_PARAMETER(Context);
    if (Node->Deleted) {
        return STATUS_KEY_DELETED;
    }
    if (DataLength != 0) {
        Copy = CmStoreAllocate(DataLength);
        if (Copy == NULL) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        RtlCopyMemory(Copy, Data, DataLength);
    }
    if (CmpFindMemoryValue(Node, Name, &Index)) {
        Value = Node->Values.Items[Index];
    } else {
        NTSTATUS Status = CmpAddMemoryValue(Node, Name, &Value);

        if (!NT_SUCCESS(Status)) {
            CmStoreFree(Copy);
            return Status;
        }
    }
    CmStoreFree(Value->Data);
    Value->TitleIndex = TitleIndex;
    Value->Type = Type;
    Value->Data = Copy;
    Value->DataLength = DataLength;
    CmpNoteValueLengths(Node, Value);
    CmpTouchNode(Node);
    return STATUS_SUCCESS;
}

static NTSTATUS CmpMemoryDeleteValue(PVOID Context, CM_NODE Node, PCUNICODE_STRING Name) {
    ULONG Index;

    UNREFERENCED_PARAMETER(Context);
    if (Node->Deleted) {
        return STATUS_KEY_DELETED;
    }
    if (!CmpFindMemoryValue(Node, Name, &Index)) {
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    CmpFreeMemoryValue(Node->Values.Items[Index]);
    CmpArrayRemove(&Node->Values, Index);
    if (Node->Values.Count == 0) {
        Node->MaxValueNameLength = Node->MaxValueDataLength = 0;
    }
    CmpTouchNode(Node);
    return STATUS_SUCCESS;
}

static NTSTATUS CmpReadMemoryValue(const CM_MEMORY_VALUE *From, PCM_VALUE *Value) {
    NTSTATUS Status = CmStoreMakeValue(&From->Name, From->Data, From->DataLength, Value);

    if (NT_SUCCESS(Status)) {
        (*Value)->TitleIndex = From->TitleIndex;
        (*Value)->Type = From->Type;
    }
    return Status;
}

static NTSTATUS CmpMemoryReadValue(PVOID Context, CM_NODE Node, PCUNICODE_STRING Name, PCM_VALUE *Value) {
    ULONG Index;

    UNREFERENCED_PARAMETER(Context);
    if (Node->Deleted) {
        return STATUS_KEY_DELETED;
    }
    return CmpFindMemoryValue(Node, Name, &Index) ? CmpReadMemoryValue(Node->Values.Items[Index], Value)
                                                  : STATUS_OBJECT_NAME_NOT_FOUND;
}

static NTSTATUS CmpMemoryReadValueAt(PVOID Context, CM_NODE Node, ULONG Index, PCM_VALUE *Value) {
    UNREFERENCED_PARAMETER(Context);
    if (Node->Deleted) {
        return STATUS_KEY_DELETED;
    }
    return Index < Node->Values.Count ? CmpReadMemoryValue(Node->Values.Items[Index], Value) : STATUS_NO_MORE_ENTRIES;
}

VOID CmpFillValueRoutines(PCM_STORE Store) {
    Store->SetValue = CmpMemorySetValue;
    Store->DeleteValue = CmpMemoryDeleteValue;
    Store->ReadValue = CmpMemoryReadValue;
    Store->ReadValueAt = CmpMemoryReadValueAt;
}
