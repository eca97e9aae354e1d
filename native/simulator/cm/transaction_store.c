// SPDX-License-Identifier: MIT
//
// The store of the keys that a transaction sees: keys.

#include "transaction.h"

static PCM_VIEW CmpViewOf(CM_NODE Node) {
    return (PCM_VIEW)Node;
}

NTSTATUS CmpCheckView(PCM_VIEW View) {
    if (!View->Transaction->Active) {
        return STATUS_TRANSACTION_NOT_ACTIVE;
    }
    return View->Deleted || (View->Base != NULL && View->Base->Deleted) ? STATUS_KEY_DELETED : STATUS_SUCCESS;
}

NTSTATUS CmpMayChange(PCM_VIEW View) {
    NTSTATUS Status = CmpCheckView(View);

    if (NT_SUCCESS(Status) && View->Base != NULL &&
        CmpFindConflict(View->Base, NULL, FALSE, View->Transaction) != NULL) {
        return STATUS_TRANSACTIONAL_CONFLICT;
    }
    return Status;
}

VOID CmpMarkChanged(PCM_VIEW View) {
    if (!View->Changed) {
        View->Changed = TRUE;
        View->References++;
        InsertTailList(&View->Transaction->Changed, &View->ChangedLink);
    }
}

_Use_decl_annotations_
NTSTATUS CmpMakeView(PCM_TRANSACTION Transaction, PCM_VIEW Parent, PCM_KEY Base, PCUNICODE_STRING Name,
                     PCM_VIEW *View) {
    PCM_VIEW Made = CmStoreAllocate(sizeof(*Made));
    NTSTATUS Status;

    if (Made == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = CmpCaptureString(&Made->Name, Name, KernelMode);
    if (!NT_SUCCESS(Status)) {
        CmStoreFree(Made);
        return Status;
    }
    Made->References = 1;
    Made->Transaction = Transaction;
    Transaction->References++;
    InitializeListHead(&Made->Sibling);
    InitializeListHead(&Made->Children);
    InitializeListHead(&Made->Values);
    Made->Parent = Parent;
    if (Parent != NULL) {
        Parent->References++;
        InsertTailList(&Parent->Children, &Made->Sibling);
    }
    Made->Base = Base;
    if (Base != NULL) {
        CmpReferenceKey(Base);
    }
    *View = Made;
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID CmpDereferenceView(PCM_VIEW View) {
    while (View != NULL && --View->References == 0) {
        PCM_VIEW Parent = View->Parent;

        RemoveEntryList(&View->Sibling);
        CmpFreeViewValues(View);
        if (View->Base != NULL) {
            CmpDereferenceKey(View->Base);
        }
        CmStoreFree(View->Security);
        CmpReleaseString(&View->Name);
        CmpReleaseString(&View->Class);
        CmpDereferenceTransaction(View->Transaction);
        CmStoreFree(View);
        View = Parent;
    }
}

_Use_decl_annotations_
VOID CmpForgetView(PCM_VIEW View) {
    View->Changed = FALSE;
    RemoveEntryList(&View->ChangedLink);
    CmpFreeViewValues(View);
    CmpDereferenceView(View);
}

static NTSTATUS CmpViewOpenRoot(PVOID Context, CM_NODE *Root) {
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Root);
    return STATUS_NOT_SUPPORTED;
}

static NTSTATUS CmpViewOpenChild(PVOID Context, CM_NODE ParentNode, PCUNICODE_STRING Name, CM_NODE *Child) {
    PCM_VIEW Parent = CmpViewOf(ParentNode), View = NULL;
    PCM_KEY Base;
    NTSTATUS Status = CmpCheckView(Parent);

    UNREFERENCED_PARAMETER(Context);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    View = CmpFindView(Parent, Name, FALSE);
    if (View != NULL) {
        View->References++;
        *Child = (CM_NODE)View;
        return STATUS_SUCCESS;
    }
    if (Parent->Base == NULL || CmpFindView(Parent, Name, TRUE) != NULL) {
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    Status = CmpOpenChildKey(Parent->Base, Name, &Base);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpMakeView(Parent->Transaction, Parent, Base, &Base->Name, &View);
    CmpDereferenceKey(Base);
    *Child = (CM_NODE)View;
    return Status;
}

// Deleted before, in this transaction: the new key is the old one without anything in it.
static NTSTATUS CmpMakeAgain(PCM_VIEW Old, PCM_VIEW *View) {
    NTSTATUS Status = CmpMakeView(Old->Transaction, Old->Parent, Old->Base, &Old->Name, View);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    (*View)->Fresh = TRUE;
    while (!IsListEmpty(&Old->Children)) {
        PLIST_ENTRY Entry = RemoveHeadList(&Old->Children);

        CONTAINING_RECORD(Entry, CM_VIEW, Sibling)->Parent = *View;
        InsertTailList(&(*View)->Children, Entry);
        (*View)->References++;
        Old->References--;
    }
    CmpForgetView(Old);
    return STATUS_SUCCESS;
}

static NTSTATUS CmpMayCreate(PCM_VIEW Parent, PCUNICODE_STRING Name, ULONG Options) {
    PCM_KEY_FACTS Facts;
    BOOLEAN Volatile;
    NTSTATUS Status;

    // \REGISTRY and what hangs in it only hold hives.
    if (Parent->Parent == NULL || Parent->Parent->Parent == NULL) {
        return STATUS_INVALID_PARAMETER;
    }
    if (Options & REG_OPTION_CREATE_LINK) {
        return STATUS_NOT_SUPPORTED;
    }
    if (Parent->Base == NULL) {
        Volatile = (Parent->Options & REG_OPTION_VOLATILE) != 0;
    } else {
        if (CmpFindConflict(Parent->Base, Name, FALSE, Parent->Transaction) != NULL) {
            return STATUS_TRANSACTIONAL_CONFLICT;
        }
        Status = CmpKeyStore(Parent->Base, ReadKey, Parent->Base->Node, &Facts);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
        Volatile = Facts->Volatile;
        CmStoreFree(Facts);
    }
    return Volatile && !(Options & REG_OPTION_VOLATILE) ? STATUS_CHILD_MUST_BE_VOLATILE : STATUS_SUCCESS;
}

static NTSTATUS CmpViewCreateChild(PVOID Context, CM_NODE ParentNode, PCUNICODE_STRING Name, ULONG TitleIndex,
                                   PCUNICODE_STRING Class, ULONG Options, CM_NODE *Child) {
    PCM_VIEW Parent = CmpViewOf(ParentNode), View, Old;
    NTSTATUS Status = CmpCheckView(Parent);

    UNREFERENCED_PARAMETER(Context);
    if (NT_SUCCESS(Status)) {
        Status = CmpMayCreate(Parent, Name, Options);
    }
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Old = CmpFindView(Parent, Name, TRUE);
    Status = Old != NULL ? CmpMakeAgain(Old, &View) : CmpMakeView(Parent->Transaction, Parent, NULL, Name, &View);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    CmpMarkChanged(View);
    View->TitleIndex = TitleIndex;
    View->Options = Options;
    CmPortSystemTime(&View->LastWriteTime);
    Status = CmpCaptureString(&View->Class, Class, KernelMode);
    if (!NT_SUCCESS(Status)) {
        // One that was made again stays deleted.
        View->Deleted = TRUE;
        if (View->Base == NULL) {
            CmpForgetView(View);
        }
        CmpDereferenceView(View);
        return Status;
    }
    *Child = (CM_NODE)View;
    return STATUS_SUCCESS;
}

static VOID CmpViewCloseNode(PVOID Context, CM_NODE Node) {
    UNREFERENCED_PARAMETER(Context);
    CmpDereferenceView(CmpViewOf(Node));
}

static NTSTATUS CmpViewReadKey(PVOID Context, CM_NODE Node, PCM_KEY_FACTS *Facts) {
    NTSTATUS Status = CmpCheckView(CmpViewOf(Node));

    UNREFERENCED_PARAMETER(Context);
    return NT_SUCCESS(Status) ? CmpViewFacts(CmpViewOf(Node), Facts) : Status;
}

static NTSTATUS CmpViewReadSubkey(PVOID Context, CM_NODE Node, ULONG Index, PCM_KEY_FACTS *Facts) {
    NTSTATUS Status = CmpCheckView(CmpViewOf(Node));

    UNREFERENCED_PARAMETER(Context);
    return NT_SUCCESS(Status) ? CmpReadViewSubkey(CmpViewOf(Node), Index, Facts) : Status;
}

static NTSTATUS CmpViewDeleteNode(PVOID Context, CM_NODE Node) {
    PCM_VIEW View = CmpViewOf(Node);
    PCM_KEY_FACTS Facts;
    NTSTATUS Status = CmpCheckView(View);

    UNREFERENCED_PARAMETER(Context);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    if (View->Base != NULL && CmpFindConflict(View->Base, NULL, TRUE, View->Transaction) != NULL) {
        return STATUS_TRANSACTIONAL_CONFLICT;
    }
    // The root of a hive, or what hives hang in.
    if (View->Parent == NULL || View->Parent->Parent == NULL ||
        (View->Base != NULL && NT_SUCCESS(CmpKeyStore(View->Base, CheckHiveRoot, View->Base->Node)))) {
        return STATUS_CANNOT_DELETE;
    }
    Status = CmpReadViewSubkey(View, 0, &Facts);
    if (NT_SUCCESS(Status)) {
        CmStoreFree(Facts);
        return STATUS_CANNOT_DELETE;
    }
    if (Status != STATUS_NO_MORE_ENTRIES) {
        return Status;
    }
    View->Deleted = TRUE;
    CmpMarkChanged(View);
    // Behind its subkeys, which are deleted by now.
    RemoveEntryList(&View->ChangedLink);
    InsertTailList(&View->Transaction->Changed, &View->ChangedLink);
    if (View->Base == NULL) {
        CmpForgetView(View);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS CmpViewRenameNode(PVOID Context, CM_NODE Node, PCUNICODE_STRING NewName) {
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Node);
    UNREFERENCED_PARAMETER(NewName);
    return STATUS_NOT_SUPPORTED;
}

static NTSTATUS CmpViewFlushNode(PVOID Context, CM_NODE Node) {
    UNREFERENCED_PARAMETER(Context);
    return CmpCheckView(CmpViewOf(Node));
}

static NTSTATUS CmpViewMakeImage(PVOID Context, CM_NODE High, CM_NODE Low, ULONG Format, CM_IMAGE *Image) {
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(High);
    UNREFERENCED_PARAMETER(Low);
    UNREFERENCED_PARAMETER(Format);
    UNREFERENCED_PARAMETER(Image);
    return STATUS_NOT_SUPPORTED;
}

static NTSTATUS CmpViewLoadHive(PVOID Context, CM_NODE Parent, PCUNICODE_STRING Name, CM_IMAGE Image, CM_NODE *Root) {
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Parent);
    UNREFERENCED_PARAMETER(Name);
    UNREFERENCED_PARAMETER(Image);
    UNREFERENCED_PARAMETER(Root);
    return STATUS_NOT_SUPPORTED;
}

static NTSTATUS CmpViewRestoreTree(PVOID Context, CM_NODE Node, CM_IMAGE Image, BOOLEAN Volatile) {
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Node);
    UNREFERENCED_PARAMETER(Image);
    UNREFERENCED_PARAMETER(Volatile);
    return STATUS_NOT_SUPPORTED;
}

// For unloading and for what is asked of the roots of hives.
static NTSTATUS CmpViewRefuse(PVOID Context, CM_NODE Node) {
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Node);
    return STATUS_NOT_SUPPORTED;
}

static ULONG64 CmpViewHiveChanges(PVOID Context, CM_NODE Root) {
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Root);
    return 0;
}

// Images are not read or written through it.
CM_STORE CmpViewStore = {.OpenRoot = CmpViewOpenRoot,
                         .OpenChild = CmpViewOpenChild,
                         .CreateChild = CmpViewCreateChild,
                         .CloseNode = CmpViewCloseNode,
                         .DeleteNode = CmpViewDeleteNode,
                         .RenameNode = CmpViewRenameNode,
                         .ReadKey = CmpViewReadKey,
                         .ReadSubkey = CmpViewReadSubkey,
                         .SetWriteTime = CmpViewSetWriteTime,
                         .SetUserFlags = CmpViewSetUserFlags,
                         .ReadSecurity = CmpViewReadSecurity,
                         .WriteSecurity = CmpViewWriteSecurity,
                         .FlushNode = CmpViewFlushNode,
                         .SetValue = CmpViewSetValue,
                         .DeleteValue = CmpViewDeleteValue,
                         .ReadValue = CmpViewReadValue,
                         .ReadValueAt = CmpViewReadValueAt,
                         .MakeImage = CmpViewMakeImage,
                         .LoadHive = CmpViewLoadHive,
                         .UnloadHive = CmpViewRefuse,
                         .RestoreTree = CmpViewRestoreTree,
                         .CheckHiveRoot = CmpViewRefuse,
                         .HiveChanges = CmpViewHiveChanges};
