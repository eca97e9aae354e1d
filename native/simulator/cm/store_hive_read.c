// SPDX-License-Identifier: MIT
//
// From a hive file to keys. The file may hold anything: every offset, size, count and length is checked before it is
// used. A first pass over the bins notes where cells in use begin; only such a place can be referred to, so that cells
// cannot overlap or lie across bins. Each cell is used up by the first reference to it, except for those with security
// descriptors, which keys share: so the tree is never larger than the file, and a cycle ends at once.

#include "store_hive_reader.h"

ULONG CmpHiveChecksum(const CM_HIVE_HEADER *Header) {
    const ULONG *Words = (const ULONG *)Header;
    ULONG Sum = 0;

    for (ULONG i = 0; i < FIELD_OFFSET(CM_HIVE_HEADER, Checksum) / sizeof(ULONG); i++) {
        Sum ^= Words[i];
    }
    // Two values are reserved.
    return Sum == 0 ? 1 : Sum == 0xFFFFFFFFu ? 0xFFFFFFFEu : Sum;
}

static NTSTATUS CmpCheckHeader(const CM_HIVE_HEADER *Header, ULONG FileLength) {
    if (FileLength < sizeof(*Header) || Header->Signature != CM_HIVE_SIGNATURE || Header->Major != 1 ||
        Header->Minor < 2 || Header->Minor > 6 || Header->Type != 0 || Header->Format != 1) {
        return STATUS_NOT_REGISTRY_FILE;
    }
    if (Header->Checksum != CmpHiveChecksum(Header) || Header->Length == 0 || Header->Length % CM_HIVE_BLOCK != 0 ||
        Header->Length > FileLength - sizeof(*Header)) {
        return STATUS_REGISTRY_CORRUPT;
    }
    return Header->Sequence1 == Header->Sequence2 ? STATUS_SUCCESS : STATUS_REGISTRY_RECOVERED;
}

static BOOLEAN CmpNoteCells(PCM_HIVE_READER Reader, ULONG Offset, ULONG End) {
    while (Offset < End) {
        LONG Size = *(const LONG *)(Reader->Bins + Offset);
        // Of an unsigned number, for the least negative one has no positive counterpart.
        ULONG Absolute = Size < 0 ? 0u - (ULONG)Size : (ULONG)Size;

        if (Absolute < 8 || Absolute % 8 != 0 || Absolute > End - Offset) {
            return FALSE;
        }
        if (Size < 0) {
            Reader->Cells[Offset / 64] |= (UCHAR)(1u << Offset / 8 % 8);
        }
        Offset += Absolute;
    }
    return TRUE;
}

static BOOLEAN CmpWalkBins(PCM_HIVE_READER Reader) {
    for (ULONG Offset = 0; Offset < Reader->Length;) {
        const CM_HIVE_BIN *Bin = (const CM_HIVE_BIN *)(Reader->Bins + Offset);

        if (Bin->Signature != CM_BIN_SIGNATURE || Bin->Offset != Offset || Bin->Size == 0 ||
            Bin->Size % CM_HIVE_BLOCK != 0 || Bin->Size > Reader->Length - Offset ||
            !CmpNoteCells(Reader, Offset + (ULONG)sizeof(*Bin), Offset + Bin->Size)) {
            return FALSE;
        }
        Offset += Bin->Size;
    }
    return TRUE;
}

static BOOLEAN CmpFindCell(PCM_HIVE_READER Reader, ULONG Offset, ULONG Least, PCM_CELL Cell) {
    if (Offset >= Reader->Length || Offset % 8 != 0 || !(Reader->Cells[Offset / 64] & 1u << Offset / 8 % 8)) {
        return FALSE;
    }
    Cell->Data = Reader->Bins + Offset + sizeof(LONG);
    Cell->Room = 0u - *(const ULONG *)(Reader->Bins + Offset) - (ULONG)sizeof(LONG);
    return Cell->Room >= Least;
}

BOOLEAN CmpTakeCell(PCM_HIVE_READER Reader, ULONG Offset, ULONG Least, PCM_CELL Cell) {
    if (!CmpFindCell(Reader, Offset, Least, Cell)) {
        return FALSE;
    }
    Reader->Cells[Offset / 64] &= (UCHAR) ~(1u << Offset / 8 % 8);
    return TRUE;
}

NTSTATUS CmpReadName(const UCHAR *Bytes, USHORT Length, BOOLEAN Latin, ULONG MaxLength, PUNICODE_STRING Name) {
    ULONG FullLength = Latin ? Length * (ULONG)sizeof(WCHAR) : Length;

    RtlZeroMemory(Name, sizeof(*Name));
    if (FullLength > MaxLength || FullLength % sizeof(WCHAR) != 0) {
        return STATUS_REGISTRY_CORRUPT;
    }
    if (FullLength == 0) {
        return STATUS_SUCCESS;
    }
    Name->Buffer = CmStoreAllocate(FullLength);
    if (Name->Buffer == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Name->Length = Name->MaximumLength = (USHORT)FullLength;
    if (!Latin) {
        RtlCopyMemory(Name->Buffer, Bytes, Length);
        return STATUS_SUCCESS;
    }
    for (ULONG i = 0; i < Length; i++) {
        Name->Buffer[i] = Bytes[i];
    }
    return STATUS_SUCCESS;
}

static NTSTATUS CmpReadSecurity(PCM_HIVE_READER Reader, const CM_KEY_CELL *Key, CM_NODE Node) {
    const CM_SECURITY_CELL *Security;
    CM_CELL Cell;

    if (Key->Security == CM_NO_CELL) {
        return STATUS_SUCCESS;
    }
    if (!CmpFindCell(Reader, Key->Security, sizeof(*Security), &Cell)) {
        return STATUS_REGISTRY_CORRUPT;
    }
    Security = (const CM_SECURITY_CELL *)Cell.Data;
    if (Security->Signature != CM_SECURITY_SIGNATURE || Security->Length > Cell.Room - sizeof(*Security) ||
        !RtlValidRelativeSecurityDescriptor((PSECURITY_DESCRIPTOR)(Security + 1), Security->Length, 0)) {
        return STATUS_REGISTRY_CORRUPT;
    }
    // Keys that share the cell will share the block.
    return CmpSetNodeSecurity(Reader->Memory, Node, Security + 1, Security->Length);
}

static NTSTATUS CmpReadClass(PCM_HIVE_READER Reader, const CM_KEY_CELL *Key, PUNICODE_STRING Class) {
    CM_CELL Cell;

    RtlZeroMemory(Class, sizeof(*Class));
    if (Key->Class == CM_NO_CELL || Key->ClassLength == 0) {
        return STATUS_SUCCESS;
    }
    if (!CmpTakeCell(Reader, Key->Class, Key->ClassLength, &Cell)) {
        return STATUS_REGISTRY_CORRUPT;
    }
    return CmpReadName(Cell.Data, Key->ClassLength, FALSE, 0xFFFE, Class);
}

static NTSTATUS CmpReadKeyCell(PCM_HIVE_READER Reader, ULONG Offset, CM_NODE Parent, ULONG Depth, CM_NODE *Node);

static NTSTATUS CmpReadChild(PCM_HIVE_READER Reader, ULONG Offset, CM_NODE Parent, ULONG Depth) {
    CM_NODE Child;

    return CmpReadKeyCell(Reader, Offset, Parent, Depth, &Child);
}

// A list of keys or, at Level 0, of such lists. Count goes down with each key.
static NTSTATUS CmpReadList(PCM_HIVE_READER Reader, ULONG Offset, ULONG Level, CM_NODE Parent, ULONG Depth,
                            PULONG Count) {
    const CM_LIST_CELL *List;
    const ULONG *Entry;
    ULONG Words;
    NTSTATUS Status = STATUS_SUCCESS;
    CM_CELL Cell;

    if (!CmpTakeCell(Reader, Offset, sizeof(*List), &Cell)) {
        return STATUS_REGISTRY_CORRUPT;
    }
    List = (const CM_LIST_CELL *)Cell.Data;
    Entry = (const ULONG *)(List + 1);
    Words = List->Signature == CM_FAST_SIGNATURE || List->Signature == CM_HASH_SIGNATURE ? 2 : 1;
    if (List->Count > (Cell.Room - sizeof(*List)) / (Words * sizeof(ULONG))) {
        return STATUS_REGISTRY_CORRUPT;
    }
    if (List->Signature == CM_INDEX_SIGNATURE && Level == 0) {
        for (ULONG i = 0; NT_SUCCESS(Status) && i < List->Count; i++) {
            Status = CmpReadList(Reader, Entry[i], 1, Parent, Depth, Count);
        }
        return Status;
    }
    if ((Words == 1 && List->Signature != CM_LIST_SIGNATURE) || List->Count > *Count) {
        return STATUS_REGISTRY_CORRUPT;
    }
    *Count -= List->Count;
    for (ULONG i = 0; NT_SUCCESS(Status) && i < List->Count; i++) {
        Status = CmpReadChild(Reader, Entry[(SIZE_T)i * Words], Parent, Depth);
    }
    return Status;
}

static NTSTATUS CmpReadChildren(PCM_HIVE_READER Reader, const CM_KEY_CELL *Key, CM_NODE Node, ULONG Depth) {
    ULONG Count = Key->SubKeys;
    NTSTATUS Status;

    // The list of volatile subkeys that a file may name went with the machine that wrote it.
    if (Count == 0) {
        return STATUS_SUCCESS;
    }
    Status = CmpReadList(Reader, Key->SubKeyList, 0, Node, Depth, &Count);
    return NT_SUCCESS(Status) && Count != 0 ? STATUS_REGISTRY_CORRUPT : Status;
}

static BOOLEAN CmpIsKeyName(PCUNICODE_STRING Name) {
    for (ULONG i = 0; i < Name->Length / sizeof(WCHAR); i++) {
        if (Name->Buffer[i] == L'\\') {
            return FALSE;
        }
    }
    return Name->Length != 0;
}

// The key itself, below Parent. The name of the root is only kept in the file: where it is loaded says how it is
// called.
static NTSTATUS CmpMakeKeyOfCell(PCM_HIVE_READER Reader, const CM_KEY_CELL *Key, CM_NODE Parent, CM_NODE *Node) {
    UNICODE_STRING Name, Class = {0};
    NTSTATUS Status = CmpReadName((const UCHAR *)(Key + 1), Key->NameLength, (Key->Flags & CM_CELL_KEY_LATIN) != 0,
                                  CM_MAX_KEY_NAME_BYTES, &Name);

    if (NT_SUCCESS(Status) && Parent != NULL && !CmpIsKeyName(&Name)) {
        Status = STATUS_REGISTRY_CORRUPT;
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpReadClass(Reader, Key, &Class);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpMakeNode(Parent, &Name, 0, &Class, FALSE, Node);
    }
    CmpReleaseString(&Class);
    CmpReleaseString(&Name);
    return Status == STATUS_OBJECT_NAME_COLLISION ? STATUS_REGISTRY_CORRUPT : Status;
}

// Recursion is bounded by CM_MAX_KEY_DEPTH. *Node is set as soon as there is something to free.
static NTSTATUS CmpReadKeyCell(PCM_HIVE_READER Reader, ULONG Offset, CM_NODE Parent, ULONG Depth, CM_NODE *Node) {
    const CM_KEY_CELL *Key;
    NTSTATUS Status;
    CM_CELL Cell;

    if (Depth >= CM_MAX_KEY_DEPTH || !CmpTakeCell(Reader, Offset, sizeof(*Key), &Cell)) {
        return STATUS_REGISTRY_CORRUPT;
    }
    Key = (const CM_KEY_CELL *)Cell.Data;
    if (Key->Signature != CM_KEY_SIGNATURE || Key->NameLength > Cell.Room - sizeof(*Key)) {
        return STATUS_REGISTRY_CORRUPT;
    }
    Status = CmpMakeKeyOfCell(Reader, Key, Parent, Node);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    (*Node)->Link = (Key->Flags & CM_CELL_KEY_LINK) != 0;
    (*Node)->UserFlags = Key->UserFlags & CM_CELL_USER_FLAGS;
    Status = CmpReadSecurity(Reader, Key, *Node);
    if (NT_SUCCESS(Status)) {
        Status = CmpReadValues(Reader, Key, *Node);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpReadChildren(Reader, Key, *Node, Depth + 1);
    }
    // Last, for each child made the key look changed.
    (*Node)->LastWriteTime.QuadPart = (LONGLONG)((ULONG64)Key->TimeHigh << 32 | Key->TimeLow);
    return Status;
}

NTSTATUS CmpReadHive(PCM_MEMORY_STORE Memory, const VOID *Bytes, ULONG Length, CM_NODE *Root) {
    const CM_HIVE_HEADER *Header = Bytes;
    CM_HIVE_READER Reader = {.Memory = Memory};
    NTSTATUS Status = CmpCheckHeader(Header, Length), Read;

    *Root = NULL;
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Reader.Bins = (const UCHAR *)(Header + 1);
    Reader.Length = Header->Length;
    Reader.Minor = Header->Minor;
    Reader.Cells = CmStoreAllocate(Header->Length / 64);
    if (Reader.Cells == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Read = CmpWalkBins(&Reader) ? CmpReadKeyCell(&Reader, Header->RootCell, NULL, 0, Root) : STATUS_REGISTRY_CORRUPT;
    CmStoreFree(Reader.Cells);
    if (NT_SUCCESS(Read)) {
        return Status;
    }
    if (*Root != NULL) {
        CmpFreeTree(*Root);
        *Root = NULL;
    }
    return Read;
}
