// SPDX-License-Identifier: MIT
//
// The store of the keys that a transaction sees: values.

#include "transaction.h"

PCM_VIEW_VALUE CmpFindViewValue(PCM_VIEW View, PCUNICODE_STRING Name) {
    for (PLIST_ENTRY Entry = View->Values.Flink; Entry != &View->Values; Entry = Entry->Flink) {
        PCM_VIEW_VALUE Value = CONTAINING_RECORD(Entry, CM_VIEW_VALUE, Link);

        if (RtlEqualUnicodeString(&Value->Value->Name, Name, TRUE)) {
            return Value;
        }
    }
    return NULL;
}

static VOID CmpFreeViewValue(PCM_VIEW_VALUE Value) {
    CmStoreFree(Value->Value);
    CmStoreFree(Value);
}

VOID CmpFreeViewValues(PCM_VIEW View) {
    while (!IsListEmpty(&View->Values)) {
        CmpFreeViewValue(CONTAINING_RECORD(RemoveHeadList(&View->Values), CM_VIEW_VALUE, Link));
    }
}

static BOOLEAN CmpSeesBase(const CM_VIEW *View) {
    return View->Base != NULL && !View->Fresh;
}

static NTSTATUS CmpReadBase(PCM_VIEW View, PCUNICODE_STRING Name, PCM_VALUE *Value) {
    return CmpSeesBase(View) ? CmpKeyStore(View->Base, ReadValue, View->Base->Node, Name, Value)
                             : STATUS_OBJECT_NAME_NOT_FOUND;
}

static NTSTATUS CmpCopyValue(const CM_VALUE *From, PCM_VALUE *Value) {
    NTSTATUS Status = CmStoreMakeValue(&From->Name, From->Data, From->DataLength, Value);

    if (NT_SUCCESS(Status)) {
        (*Value)->TitleIndex = From->TitleIndex;
        (*Value)->Type = From->Type;
    }
    return Status;
}

NTSTATUS CmpMeasureValues(PCM_VIEW View, PCM_KEY_FACTS Facts) {
    if (View->Fresh) {
        Facts->Values = Facts->MaxValueNameLength = Facts->MaxValueDataLength = 0;
    }
    for (PLIST_ENTRY Entry = View->Values.Flink; Entry != &View->Values; Entry = Entry->Flink) {
        PCM_VIEW_VALUE Changed = CONTAINING_RECORD(Entry, CM_VIEW_VALUE, Link);
        PCM_VALUE Old;
        NTSTATUS Status = CmpReadBase(View, &Changed->Value->Name, &Old);

        if (NT_SUCCESS(Status)) {
            CmStoreFree(Old);
            Facts->Values--;
        } else if (Status != STATUS_OBJECT_NAME_NOT_FOUND) {
            return Status;
        }
        if (Changed->Deleted) {
            continue;
        }
        Facts->Values++;
        if (Facts->MaxValueNameLength < Changed->Value->Name.Length) {
            Facts->MaxValueNameLength = Changed->Value->Name.Length;
        }
        if (Facts->MaxValueDataLength < Changed->Value->DataLength) {
            Facts->MaxValueDataLength = Changed->Value->DataLength;
        }
    }
    return STATUS_SUCCESS;
}

// Value is taken over, and replaces what the transaction had of the same name.
static NTSTATUS CmpPutViewValue(PCM_VIEW View, PCM_VALUE Value, BOOLEAN Deleted) {
    PCM_VIEW_VALUE Entry = CmpFindViewValue(View, &Value->Name);

    if (Entry == NULL) {
        Entry = CmStoreAllocate(sizeof(*Entry));
        if (Entry == NULL) {
            CmStoreFree(Value);
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        InsertTailList(&View->Values, &Entry->Link);
    }
    CmStoreFree(Entry->Value);
    Entry->Value = Value;
    Entry->Deleted = Deleted;
    CmpMarkChanged(View);
    return STATUS_SUCCESS;
}

NTSTATUS CmpViewSetValue(PVOID Context, CM_NODE Node, PCUNICODE_STRING Name, ULONG TitleIndex, ULONG Type,
                         const VOID *Data, ULONG DataLength) {
    PCM_VIEW View = (PCM_VIEW)Node;
    PCM_VALUE Value;
    NTSTATUS Status = CmpMayChange(View);

    UNREFERENCED_PARAMETER(Context);
    if (NT_SUCCESS(Status)) {
        Status = CmStoreMakeValue(Name, Data, DataLength, &Value);
    }
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Value->TitleIndex = TitleIndex;
    Value->Type = Type;
    return CmpPutViewValue(View, Value, FALSE);
}

NTSTATUS CmpViewDeleteValue(PVOID Context, CM_NODE Node, PCUNICODE_STRING Name) {
    PCM_VIEW View = (PCM_VIEW)Node;
    PCM_VALUE Value;
    NTSTATUS Status = CmpMayChange(View);

    if (NT_SUCCESS(Status)) {
        Status = CmpViewReadValue(Context, Node, Name, &Value);
    }
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    return CmpPutViewValue(View, Value, TRUE);
}

NTSTATUS CmpViewReadValue(PVOID Context, CM_NODE Node, PCUNICODE_STRING Name, PCM_VALUE *Value) {
    PCM_VIEW View = (PCM_VIEW)Node;
    PCM_VIEW_VALUE Changed;
    NTSTATUS Status = CmpCheckView(View);

    UNREFERENCED_PARAMETER(Context);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Changed = CmpFindViewValue(View, Name);
    if (Changed == NULL) {
        return CmpReadBase(View, Name, Value);
    }
    return Changed->Deleted ? STATUS_OBJECT_NAME_NOT_FOUND : CmpCopyValue(Changed->Value, Value);
}

// First the values that were there and were not changed, then the others.
NTSTATUS CmpViewReadValueAt(PVOID Context, CM_NODE Node, ULONG Index, PCM_VALUE *Value) {
    PCM_VIEW View = (PCM_VIEW)Node;
    NTSTATUS Status = CmpCheckView(View);

    UNREFERENCED_PARAMETER(Context);
    for (ULONG i = 0; NT_SUCCESS(Status) && CmpSeesBase(View); i++) {
        Status = CmpKeyStore(View->Base, ReadValueAt, View->Base->Node, i, Value);
        if (NT_SUCCESS(Status)) {
            if (CmpFindViewValue(View, &(*Value)->Name) == NULL && Index-- == 0) {
                return STATUS_SUCCESS;
            }
            CmStoreFree(*Value);
            *Value = NULL;
        }
    }
    if (!NT_SUCCESS(Status) && Status != STATUS_NO_MORE_ENTRIES) {
        return Status;
    }
    for (PLIST_ENTRY Entry = View->Values.Flink; Entry != &View->Values; Entry = Entry->Flink) {
        PCM_VIEW_VALUE Changed = CONTAINING_RECORD(Entry, CM_VIEW_VALUE, Link);

        if (!Changed->Deleted && Index-- == 0) {
            return CmpCopyValue(Changed->Value, Value);
        }
    }
    return STATUS_NO_MORE_ENTRIES;
}
