// SPDX-License-Identifier: MIT
//
// From what a transaction has changed to what everybody sees. Preparing does all that may fail, which is making keys
// and setting values, and remembers how it was. Deleting, which takes no memory, is left to the commit itself. Who
// reads in between sees both; on Windows the transaction's log sees to it that nobody does.

#include "transaction.h"

// In the order in which it is to be undone.
typedef struct _CM_UNDO {
    LIST_ENTRY Link;
    PCM_KEY Key;                   // referenced
    PCM_VALUE Old;                 // what the value was
    PCM_VALUE Absent;              // or only its name, if it was not there
    PSECURITY_DESCRIPTOR Security; // what the key had; none of the three: the key was made
    ULONG SecurityLength;
} CM_UNDO, *PCM_UNDO;

static NTSTATUS CmpNoteUndo(PCM_TRANSACTION Transaction, PCM_KEY Key, PCM_UNDO *Undo) {
    PCM_UNDO Made = CmStoreAllocate(sizeof(*Made));

    if (Made == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    CmpReferenceKey(Key);
    Made->Key = Key;
    InsertHeadList(&Transaction->Undo, &Made->Link);
    *Undo = Made;
    return STATUS_SUCCESS;
}

static VOID CmpFreeUndo(PCM_UNDO Undo) {
    RemoveEntryList(&Undo->Link);
    CmpDereferenceKey(Undo->Key);
    CmStoreFree(Undo->Old);
    CmStoreFree(Undo->Absent);
    CmStoreFree(Undo->Security);
    CmStoreFree(Undo);
}

static VOID CmpUndoOne(PCM_UNDO Undo) {
    PCM_KEY Key = Undo->Key;

    if (Undo->Old != NULL) {
        // Needs memory once more. Nothing better can be done without it.
        CmpKeyStore(Key, SetValue, Key->Node, &Undo->Old->Name, Undo->Old->TitleIndex, Undo->Old->Type, Undo->Old->Data,
                    Undo->Old->DataLength);
    } else if (Undo->Absent != NULL) {
        CmpKeyStore(Key, DeleteValue, Key->Node, &Undo->Absent->Name);
    } else if (Undo->Security != NULL) {
        CmpKeyStore(Key, WriteSecurity, Key->Node, Undo->Security, Undo->SecurityLength);
    } else if (NT_SUCCESS(CmpKeyStore(Key, DeleteNode, Key->Node))) {
        CmpDetachDeletedKey(Key);
    }
}

_Use_decl_annotations_
VOID CmpUndo(PCM_TRANSACTION Transaction) {
    while (!IsListEmpty(&Transaction->Undo)) {
        PCM_UNDO Undo = CONTAINING_RECORD(Transaction->Undo.Flink, CM_UNDO, Link);

        CmpUndoOne(Undo);
        CmpFreeUndo(Undo);
    }
}

static NTSTATUS CmpApplyKey(PCM_VIEW View) {
    PCM_UNDO Undo;
    PCM_KEY Made;
    NTSTATUS Status =
        CmpCreateChildKey(View->Parent->Base, &View->Name, View->TitleIndex, &View->Class, View->Options, &Made);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpNoteUndo(View->Transaction, Made, &Undo);
    if (!NT_SUCCESS(Status)) {
        if (NT_SUCCESS(CmpKeyStore(Made, DeleteNode, Made->Node))) {
            CmpDetachDeletedKey(Made);
        }
        CmpDereferenceKey(Made);
        return Status;
    }
    View->Base = Made;
    return STATUS_SUCCESS;
}

static NTSTATUS CmpApplyValue(PCM_VIEW View, const CM_VALUE *Value) {
    PCM_KEY Key = View->Base;
    PCM_UNDO Undo;
    PCM_VALUE Old = NULL, Absent = NULL;
    NTSTATUS Status = CmpKeyStore(Key, ReadValue, Key->Node, &Value->Name, &Old);

    if (Status == STATUS_OBJECT_NAME_NOT_FOUND) {
        Status = CmStoreMakeValue(&Value->Name, NULL, 0, &Absent);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpKeyStore(Key, SetValue, Key->Node, &Value->Name, Value->TitleIndex, Value->Type, Value->Data,
                             Value->DataLength);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpNoteUndo(View->Transaction, Key, &Undo);
        if (NT_SUCCESS(Status)) {
            Undo->Old = Old;
            Undo->Absent = Absent;
            return STATUS_SUCCESS;
        }
        CmpUndoOne(&(CM_UNDO){.Key = Key, .Old = Old, .Absent = Absent});
    }
    CmStoreFree(Old);
    CmStoreFree(Absent);
    return Status;
}

static NTSTATUS CmpApplySecurity(PCM_VIEW View) {
    PCM_KEY Key = View->Base;
    PSECURITY_DESCRIPTOR Old;
    PCM_UNDO Undo;
    ULONG Length;
    NTSTATUS Status = CmpKeyStore(Key, ReadSecurity, Key->Node, &Old, &Length);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpNoteUndo(View->Transaction, Key, &Undo);
    if (!NT_SUCCESS(Status)) {
        CmStoreFree(Old);
        return Status;
    }
    Undo->Security = Old;
    Undo->SecurityLength = Length;
    return CmpKeyStore(Key, WriteSecurity, Key->Node, View->Security, View->SecurityLength);
}

static NTSTATUS CmpApplyChanges(PCM_VIEW View) {
    NTSTATUS Status = STATUS_SUCCESS;

    if (View->Deleted) {
        return View->Base == NULL || !View->Base->Deleted ? STATUS_SUCCESS : STATUS_KEY_DELETED;
    }
    if (View->Base == NULL) {
        // A parent is always made before its child.
        Status = View->Parent->Base == NULL || View->Parent->Base->Deleted ? STATUS_KEY_DELETED : CmpApplyKey(View);
    } else if (View->Base->Deleted) {
        return STATUS_KEY_DELETED;
    }
    if (NT_SUCCESS(Status) && View->Security != NULL) {
        Status = CmpApplySecurity(View);
    }
    for (PLIST_ENTRY Entry = View->Values.Flink; NT_SUCCESS(Status) && Entry != &View->Values; Entry = Entry->Flink) {
        PCM_VIEW_VALUE Value = CONTAINING_RECORD(Entry, CM_VIEW_VALUE, Link);

        if (!Value->Deleted) {
            Status = CmpApplyValue(View, Value->Value);
        }
    }
    return Status;
}

_Use_decl_annotations_
NTSTATUS CmpApply(PCM_TRANSACTION Transaction) {
    NTSTATUS Status = STATUS_SUCCESS;

    for (PLIST_ENTRY Entry = Transaction->Changed.Flink; NT_SUCCESS(Status) && Entry != &Transaction->Changed;
         Entry = Entry->Flink) {
        Status = CmpApplyChanges(CONTAINING_RECORD(Entry, CM_VIEW, ChangedLink));
    }
    if (!NT_SUCCESS(Status)) {
        CmpUndo(Transaction);
    }
    return Status;
}

// What was there before a key was deleted and made again, and was not set since.
static VOID CmpDeleteOldValues(PCM_VIEW View) {
    PCM_KEY Key = View->Base;
    ULONG Index = 0;
    PCM_VALUE Value;

    while (NT_SUCCESS(CmpKeyStore(Key, ReadValueAt, Key->Node, Index, &Value))) {
        PCM_VIEW_VALUE Changed = CmpFindViewValue(View, &Value->Name);

        if ((Changed != NULL && !Changed->Deleted) ||
            !NT_SUCCESS(CmpKeyStore(Key, DeleteValue, Key->Node, &Value->Name))) {
            Index++;
        }
        CmStoreFree(Value);
    }
}

static VOID CmpFinishView(PCM_VIEW View) {
    PCM_KEY Key = View->Base;

    if (Key == NULL) {
        return;
    }
    if (View->Deleted) {
        if (!Key->Deleted && NT_SUCCESS(CmpKeyStore(Key, DeleteNode, Key->Node))) {
            CmpDetachDeletedKey(Key);
        }
        return;
    }
    for (PLIST_ENTRY Entry = View->Values.Flink; Entry != &View->Values; Entry = Entry->Flink) {
        PCM_VIEW_VALUE Value = CONTAINING_RECORD(Entry, CM_VIEW_VALUE, Link);

        if (Value->Deleted) {
            CmpKeyStore(Key, DeleteValue, Key->Node, &Value->Value->Name);
        }
    }
    if (View->Fresh) {
        CmpDeleteOldValues(View);
    }
    if (View->HasFlags) {
        CmpKeyStore(Key, SetUserFlags, Key->Node, View->UserFlags);
    }
    if (View->HasTime) {
        CmpKeyStore(Key, SetWriteTime, Key->Node, View->LastWriteTime);
    }
}

_Use_decl_annotations_
VOID CmpFinish(PCM_TRANSACTION Transaction) {
    for (PLIST_ENTRY Entry = Transaction->Changed.Flink; Entry != &Transaction->Changed; Entry = Entry->Flink) {
        CmpFinishView(CONTAINING_RECORD(Entry, CM_VIEW, ChangedLink));
    }
    while (!IsListEmpty(&Transaction->Undo)) {
        CmpFreeUndo(CONTAINING_RECORD(Transaction->Undo.Flink, CM_UNDO, Link));
    }
}
