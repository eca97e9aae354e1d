// SPDX-License-Identifier: MIT
//
// The store of the keys that a transaction sees: subkeys and what is known of a key.

#include "transaction.h"

PCM_VIEW CmpFindView(PCM_VIEW Parent, PCUNICODE_STRING Name, BOOLEAN Deleted) {
    for (PLIST_ENTRY Entry = Parent->Children.Flink; Entry != &Parent->Children; Entry = Entry->Flink) {
        PCM_VIEW View = CONTAINING_RECORD(Entry, CM_VIEW, Sibling);

        if (View->Deleted == Deleted && (View->Changed || !Deleted) && RtlEqualUnicodeString(&View->Name, Name, TRUE)) {
            return View;
        }
    }
    return NULL;
}

static BOOLEAN CmpIsMadeHere(const CM_VIEW *View) {
    return View->Base == NULL && !View->Deleted && View->Changed;
}

static ULONG CmpCountMade(PCM_VIEW View) {
    ULONG Count = 0;

    for (PLIST_ENTRY Entry = View->Children.Flink; Entry != &View->Children; Entry = Entry->Flink) {
        Count += CmpIsMadeHere(CONTAINING_RECORD(Entry, CM_VIEW, Sibling));
    }
    return Count;
}

static PCM_VIEW CmpMadeAt(PCM_VIEW View, ULONG Index) {
    for (PLIST_ENTRY Entry = View->Children.Flink; Entry != &View->Children; Entry = Entry->Flink) {
        PCM_VIEW Child = CONTAINING_RECORD(Entry, CM_VIEW, Sibling);

        if (CmpIsMadeHere(Child) && Index-- == 0) {
            return Child;
        }
    }
    return NULL;
}

// The subkey at Index of those that were there before and still are. STATUS_NO_MORE_ENTRIES: *Index has become the
// distance from their end.
static NTSTATUS CmpReadOldSubkey(PCM_VIEW View, ULONG *Index, PCM_KEY_FACTS *Facts) {
    for (ULONG i = 0; View->Base != NULL; i++) {
        NTSTATUS Status = CmpKeyStore(View->Base, ReadSubkey, View->Base->Node, i, Facts);
        PCM_VIEW Seen;

        if (!NT_SUCCESS(Status)) {
            return Status;
        }
        if (CmpFindView(View, &(*Facts)->Name, TRUE) != NULL && CmpFindView(View, &(*Facts)->Name, FALSE) == NULL) {
            CmStoreFree(*Facts);
            *Facts = NULL;
            continue;
        }
        if ((*Index)-- == 0) {
            Seen = CmpFindView(View, &(*Facts)->Name, FALSE);
            if (Seen == NULL) {
                return STATUS_SUCCESS;
            }
            CmStoreFree(*Facts);
            *Facts = NULL;
            return CmpViewFacts(Seen, Facts);
        }
        CmStoreFree(*Facts);
        *Facts = NULL;
    }
    return STATUS_NO_MORE_ENTRIES;
}

NTSTATUS CmpReadViewSubkey(PCM_VIEW View, ULONG Index, PCM_KEY_FACTS *Facts) {
    NTSTATUS Status = CmpReadOldSubkey(View, &Index, Facts);
    PCM_VIEW Child;

    if (Status != STATUS_NO_MORE_ENTRIES) {
        return Status;
    }
    Child = CmpMadeAt(View, Index);
    return Child != NULL ? CmpViewFacts(Child, Facts) : STATUS_NO_MORE_ENTRIES;
}

// The numbers of keys are counted anew: the few that are deleted, and those that were made.
static NTSTATUS CmpMeasureSubkeys(PCM_VIEW View, PCM_KEY_FACTS Facts) {
    ULONG Deleted = 0;

    for (PLIST_ENTRY Entry = View->Children.Flink; Entry != &View->Children; Entry = Entry->Flink) {
        PCM_VIEW Child = CONTAINING_RECORD(Entry, CM_VIEW, Sibling);

        Deleted += Child->Deleted && Child->Changed && Child->Base != NULL;
        if (CmpIsMadeHere(Child)) {
            Facts->MaxNameLength =
                Facts->MaxNameLength < Child->Name.Length ? Child->Name.Length : Facts->MaxNameLength;
            Facts->MaxClassLength =
                Facts->MaxClassLength < Child->Class.Length ? Child->Class.Length : Facts->MaxClassLength;
        }
    }
    Facts->SubKeys = Facts->SubKeys - Deleted + CmpCountMade(View);
    return CmpMeasureValues(View, Facts);
}

NTSTATUS CmpViewFacts(PCM_VIEW View, PCM_KEY_FACTS *Facts) {
    NTSTATUS Status;

    if (View->Base != NULL) {
        Status = CmpKeyStore(View->Base, ReadKey, View->Base->Node, Facts);
    } else {
        Status = CmStoreMakeFacts(&View->Name, &View->Class, Facts);
        if (NT_SUCCESS(Status)) {
            (*Facts)->TitleIndex = View->TitleIndex;
            (*Facts)->Volatile = (View->Options & REG_OPTION_VOLATILE) != 0;
        }
    }
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    if (View->HasFlags) {
        (*Facts)->UserFlags = View->UserFlags;
    }
    if (View->HasTime || View->Base == NULL) {
        (*Facts)->LastWriteTime = View->LastWriteTime;
    }
    Status = CmpMeasureSubkeys(View, *Facts);
    if (!NT_SUCCESS(Status)) {
        CmStoreFree(*Facts);
        *Facts = NULL;
    }
    return Status;
}
