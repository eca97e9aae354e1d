// SPDX-License-Identifier: MIT
//
// From keys to a hive file.

#include "store_hive_writer.h"

// Entries of a list of subkeys that still fits into a bin of one block; above that an index of lists is made.
#define CM_LIST_ENTRIES ((CM_HIVE_BLOCK - sizeof(CM_HIVE_BIN) - sizeof(ULONG) - sizeof(CM_LIST_CELL)) / 8)

// A descriptor that has its cell already.
typedef struct _CM_WRITTEN_SECURITY {
    PCM_MEMORY_SECURITY Security;
    ULONG Offset;
} CM_WRITTEN_SECURITY, *PCM_WRITTEN_SECURITY;

typedef struct _CM_LIST_ENTRY {
    ULONG Offset;
    ULONG Hash;
} CM_LIST_ENTRY, *PCM_LIST_ENTRY;

static ULONG CmpNameHash(PCM_HIVE_WRITER Writer, PCUNICODE_STRING Name) {
    ULONG Hash = 0;
    UCHAR First[sizeof(ULONG)] = {0};

    if (Writer->Minor >= CM_HIVE_HASH_MINOR) {
        for (ULONG i = 0; i < Name->Length / sizeof(WCHAR); i++) {
            Hash = Hash * 37 + RtlUpcaseUnicodeChar(Name->Buffer[i]);
        }
        return Hash;
    }
    for (ULONG i = 0; i < sizeof(First) && i < Name->Length / sizeof(WCHAR); i++) {
        First[i] = Name->Buffer[i] <= 0xFF ? (UCHAR)Name->Buffer[i] : 0;
    }
    RtlCopyMemory(&Hash, First, sizeof(Hash));
    return Hash;
}

static NTSTATUS CmpWriteLeaf(PCM_HIVE_WRITER Writer, const CM_LIST_ENTRY *Entries, ULONG Count, PULONG Offset) {
    CM_LIST_CELL List = {.Signature = Writer->Minor >= CM_HIVE_HASH_MINOR ? CM_HASH_SIGNATURE : CM_FAST_SIGNATURE,
                         .Count = (USHORT)Count};
    NTSTATUS Status = CmpAddCell(Writer, (ULONG)(sizeof(List) + Count * sizeof(*Entries)), NULL, Offset);

    if (NT_SUCCESS(Status)) {
        PUCHAR At = CmpCellData(Writer, *Offset);

        RtlCopyMemory(At, &List, sizeof(List));
        RtlCopyMemory(At + sizeof(List), Entries, Count * sizeof(*Entries));
    }
    return Status;
}

static NTSTATUS CmpWriteLists(PCM_HIVE_WRITER Writer, const CM_LIST_ENTRY *Entries, ULONG Count, PULONG Offset) {
    ULONG Leaves = (ULONG)((Count + CM_LIST_ENTRIES - 1) / CM_LIST_ENTRIES), Leaf;
    CM_LIST_CELL Index = {.Signature = CM_INDEX_SIGNATURE, .Count = (USHORT)Leaves};
    NTSTATUS Status;

    *Offset = CM_NO_CELL;
    if (Leaves <= 1) {
        return Count != 0 ? CmpWriteLeaf(Writer, Entries, Count, Offset) : STATUS_SUCCESS;
    }
    if (Leaves > 0xFFFF) {
        return STATUS_REGISTRY_QUOTA_LIMIT;
    }
    Status = CmpAddCell(Writer, (ULONG)(sizeof(Index) + Leaves * sizeof(ULONG)), NULL, Offset);
    if (NT_SUCCESS(Status)) {
        RtlCopyMemory(CmpCellData(Writer, *Offset), &Index, sizeof(Index));
    }
    for (ULONG i = 0; NT_SUCCESS(Status) && i < Leaves; i++) {
        ULONG First = (ULONG)(i * CM_LIST_ENTRIES);
        ULONG Part = Count - First < CM_LIST_ENTRIES ? Count - First : (ULONG)CM_LIST_ENTRIES;

        Status = CmpWriteLeaf(Writer, Entries + First, Part, &Leaf);
        if (NT_SUCCESS(Status)) {
            ((PULONG)((CM_LIST_CELL *)CmpCellData(Writer, *Offset) + 1))[i] = Leaf;
        }
    }
    return Status;
}

static CM_NODE CmpStableChild(CM_NODE Node, PULONG Index) {
    for (; Node != NULL && *Index < Node->Children.Count; (*Index)++) {
        CM_NODE Child = Node->Children.Items[*Index];

        if (!Child->Volatile) {
            return Child;
        }
    }
    return NULL;
}

// The next pair of children of the same name. Both sides are sorted by name.
static BOOLEAN CmpNextSource(const CM_SOURCE *Parent, PULONG HighIndex, PULONG LowIndex, PCM_SOURCE Child) {
    LONG Order;

    Child->High = CmpStableChild(Parent->High, HighIndex);
    Child->Low = CmpStableChild(Parent->Low, LowIndex);
    if (Child->High != NULL && Child->Low != NULL) {
        Order = RtlCompareUnicodeString(&Child->High->Name, &Child->Low->Name, TRUE);
        if (Order < 0) {
            Child->Low = NULL;
        } else if (Order > 0) {
            Child->High = NULL;
        }
    }
    *HighIndex += Child->High != NULL;
    *LowIndex += Child->Low != NULL;
    return Child->High != NULL || Child->Low != NULL;
}

static NTSTATUS CmpAddSecurity(PCM_HIVE_WRITER Writer, CM_NODE Node, PULONG Offset) {
    PCM_WRITTEN_SECURITY Written = CmStoreAllocate(sizeof(*Written));
    CM_SECURITY_CELL Cell = {.Signature = CM_SECURITY_SIGNATURE};
    const VOID *Descriptor = CmpNodeSecurity(Node, &Cell.Length);
    NTSTATUS Status = Written != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;

    if (NT_SUCCESS(Status)) {
        Status = CmpAddCell(Writer, (ULONG)sizeof(Cell) + Cell.Length, NULL, Offset);
    }
    if (NT_SUCCESS(Status)) {
        PUCHAR At = CmpCellData(Writer, *Offset);

        RtlCopyMemory(At, &Cell, sizeof(Cell));
        RtlCopyMemory(At + sizeof(Cell), Descriptor, Cell.Length);
        Written->Security = Node->Security;
        Written->Offset = *Offset;
        Status = CmpArrayInsert(&Writer->Security, Writer->Security.Count, Written);
    }
    if (!NT_SUCCESS(Status)) {
        CmStoreFree(Written);
    }
    return Status;
}

static NTSTATUS CmpWriteSecurity(PCM_HIVE_WRITER Writer, CM_NODE Node, PULONG Offset) {
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG i = 0;

    *Offset = CM_NO_CELL;
    if (Node->Security == NULL) {
        return STATUS_SUCCESS;
    }
    for (; i < Writer->Security.Count; i++) {
        PCM_WRITTEN_SECURITY Written = Writer->Security.Items[i];

        if (Written->Security == Node->Security) {
            *Offset = Written->Offset;
            break;
        }
    }
    if (i == Writer->Security.Count) {
        Status = CmpAddSecurity(Writer, Node, Offset);
    }
    if (NT_SUCCESS(Status)) {
        ((CM_SECURITY_CELL *)CmpCellData(Writer, *Offset))->References++;
    }
    return Status;
}

static VOID CmpLinkSecurity(PCM_HIVE_WRITER Writer) {
    ULONG Count = Writer->Security.Count;

    for (ULONG i = 0; i < Count; i++) {
        PCM_WRITTEN_SECURITY Written = Writer->Security.Items[i];
        PCM_WRITTEN_SECURITY Next = Writer->Security.Items[(i + 1) % Count];

        ((CM_SECURITY_CELL *)CmpCellData(Writer, Written->Offset))->Next = Next->Offset;
        ((CM_SECURITY_CELL *)CmpCellData(Writer, Next->Offset))->Previous = Written->Offset;
    }
}

static VOID CmpFreeWriter(PCM_HIVE_WRITER Writer) {
    for (ULONG i = 0; i < Writer->Security.Count; i++) {
        CmStoreFree(Writer->Security.Items[i]);
    }
    CmStoreFree(Writer->Security.Items);
    CmStoreFree(Writer->Bytes);
}

static NTSTATUS CmpWriteKey(PCM_HIVE_WRITER Writer, const CM_SOURCE *Source, ULONG Parent, PULONG Offset);

static NTSTATUS CmpWriteChildren(PCM_HIVE_WRITER Writer, const CM_SOURCE *Source, ULONG Offset, CM_KEY_CELL *Key) {
    ULONG Most = (Source->High != NULL ? Source->High->Children.Count : 0) +
                 (Source->Low != NULL ? Source->Low->Children.Count : 0);
    PCM_LIST_ENTRY Entries;
    ULONG HighIndex = 0, LowIndex = 0;
    CM_SOURCE Child;
    NTSTATUS Status = STATUS_SUCCESS;

    Key->SubKeyList = CM_NO_CELL;
    if (Most == 0) {
        return STATUS_SUCCESS;
    }
    Entries = CmStoreAllocate((SIZE_T)Most * sizeof(*Entries));
    if (Entries == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    while (NT_SUCCESS(Status) && CmpNextSource(Source, &HighIndex, &LowIndex, &Child)) {
        CM_NODE Node = Child.High != NULL ? Child.High : Child.Low;

        Status = CmpWriteKey(Writer, &Child, Offset, &Entries[Key->SubKeys].Offset);
        Entries[Key->SubKeys++].Hash = CmpNameHash(Writer, &Node->Name);
        if (Key->MaxNameLength < Node->Name.Length) {
            Key->MaxNameLength = Node->Name.Length;
        }
        CmpGrowMaximum(&Key->MaxClassLength, Node->Class.Length);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpWriteLists(Writer, Entries, Key->SubKeys, &Key->SubKeyList);
    }
    CmStoreFree(Entries);
    return Status;
}

// Recursion is bounded by CM_MAX_KEY_DEPTH, which the store does not exceed.
static NTSTATUS CmpWriteKey(PCM_HIVE_WRITER Writer, const CM_SOURCE *Source, ULONG Parent, PULONG Offset) {
    CM_NODE Node = Source->High != NULL ? Source->High : Source->Low;
    CM_KEY_CELL Key = {.Signature = CM_KEY_SIGNATURE,
                       .TimeLow = Node->LastWriteTime.LowPart,
                       .TimeHigh = (ULONG)Node->LastWriteTime.HighPart,
                       .Parent = Parent,
                       .VolatileSubKeyList = CM_NO_CELL,
                       .Class = CM_NO_CELL,
                       .UserFlags = (UCHAR)(Node->UserFlags & CM_CELL_USER_FLAGS),
                       .NameLength = CmpStoredLength(&Node->Name),
                       .ClassLength = Node->Class.Length};
    NTSTATUS Status = CmpAddCell(Writer, (ULONG)sizeof(Key) + Key.NameLength, NULL, Offset);

    Key.Flags = (USHORT)((CmpIsLatin(&Node->Name) ? CM_CELL_KEY_LATIN : 0) | (Node->Link ? CM_CELL_KEY_LINK : 0) |
                         (Parent == CM_NO_CELL ? CM_CELL_KEY_ROOT : 0));
    if (NT_SUCCESS(Status) && Node->Class.Length != 0) {
        Status = CmpAddCell(Writer, Node->Class.Length, Node->Class.Buffer, &Key.Class);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpWriteSecurity(Writer, Node, &Key.Security);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpWriteValues(Writer, Source, &Key);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpWriteChildren(Writer, Source, *Offset, &Key);
    }
    if (NT_SUCCESS(Status)) {
        PUCHAR At = CmpCellData(Writer, *Offset);

        RtlCopyMemory(At, &Key, sizeof(Key));
        CmpStoreName(&Node->Name, At + sizeof(Key));
    }
    return Status;
}

static NTSTATUS CmpFinishHive(PCM_HIVE_WRITER Writer, ULONG Root, PVOID *Bytes, PULONG Length) {
    CM_HIVE_HEADER *Header;
    LARGE_INTEGER Now;

    CmpLinkSecurity(Writer);
    CmpCloseBin(Writer);
    Header = CmStoreAllocate(sizeof(*Header) + Writer->Used);
    if (Header == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    CmPortSystemTime(&Now);
    Header->Signature = CM_HIVE_SIGNATURE;
    Header->Sequence1 = Header->Sequence2 = 1;
    Header->TimeLow = Now.LowPart;
    Header->TimeHigh = (ULONG)Now.HighPart;
    Header->Major = 1;
    Header->Minor = Writer->Minor;
    Header->Format = 1;
    Header->RootCell = Root;
    Header->Length = Writer->Used;
    Header->Cluster = 1;
    Header->Checksum = CmpHiveChecksum(Header);
    RtlCopyMemory(Header + 1, Writer->Bytes, Writer->Used);
    *Bytes = Header;
    *Length = (ULONG)sizeof(*Header) + Writer->Used;
    return STATUS_SUCCESS;
}

NTSTATUS CmpWriteHive(CM_NODE High, CM_NODE Low, ULONG Minor, PVOID *Bytes, PULONG Length) {
    CM_HIVE_WRITER Writer = {.Minor = Minor};
    CM_SOURCE Source = {High, Low};
    ULONG Root;
    NTSTATUS Status = CmpWriteKey(&Writer, &Source, CM_NO_CELL, &Root);

    if (NT_SUCCESS(Status)) {
        Status = CmpFinishHive(&Writer, Root, Bytes, Length);
    }
    CmpFreeWriter(&Writer);
    return Status;
}
