// SPDX-License-Identifier: MIT
//
// From a hive file to values.

#include "store_hive_reader.h"

static NTSTATUS CmpReadSegments(PCM_HIVE_READER Reader, const CM_CELL *Cell, PUCHAR To, ULONG Length) {
    const CM_SEGMENTS_CELL *Segments = (const CM_SEGMENTS_CELL *)Cell->Data;
    ULONG Count = (Length + CM_HIVE_SEGMENT - 1) / CM_HIVE_SEGMENT;
    CM_CELL List, Segment;

    if (Reader->Minor < CM_HIVE_SEGMENT_MINOR || Cell->Room < sizeof(*Segments) ||
        Segments->Signature != CM_SEGMENTS_SIGNATURE || Segments->Count != Count ||
        !CmpTakeCell(Reader, Segments->List, Count * (ULONG)sizeof(ULONG), &List)) {
        return STATUS_REGISTRY_CORRUPT;
    }
    for (ULONG i = 0; i < Count; i++) {
        ULONG Part = Length < CM_HIVE_SEGMENT ? Length : CM_HIVE_SEGMENT;

        if (!CmpTakeCell(Reader, ((const ULONG *)List.Data)[i], Part, &Segment)) {
            return STATUS_REGISTRY_CORRUPT;
        }
        RtlCopyMemory(To, Segment.Data, Part);
        To += Part;
        Length -= Part;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS CmpReadData(PCM_HIVE_READER Reader, const CM_VALUE_CELL *From, PCM_MEMORY_VALUE Value) {
    BOOLEAN Inline = (From->DataLength & CM_CELL_DATA_INLINE) != 0;
    ULONG Length = From->DataLength & ~CM_CELL_DATA_INLINE;
    CM_CELL Cell = {(const UCHAR *)&From->Data, sizeof(From->Data)};

    if (Length == 0) {
        return STATUS_SUCCESS;
    }
    // Data that is larger than the file cannot be in it; checked before memory is asked for.
    if (Length > Reader->Length || (Inline && Length > Cell.Room) ||
        (!Inline && !CmpTakeCell(Reader, From->Data, 0, &Cell))) {
        return STATUS_REGISTRY_CORRUPT;
    }
    Value->Data = CmStoreAllocate(Length);
    if (Value->Data == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Value->DataLength = Length;
    if (Cell.Room < Length) {
        return CmpReadSegments(Reader, &Cell, Value->Data, Length);
    }
    RtlCopyMemory(Value->Data, Cell.Data, Length);
    return STATUS_SUCCESS;
}

static NTSTATUS CmpReadOneValue(PCM_HIVE_READER Reader, ULONG Offset, CM_NODE Node) {
    const CM_VALUE_CELL *From;
    PCM_MEMORY_VALUE Value;
    UNICODE_STRING Name;
    CM_CELL Cell;
    NTSTATUS Status;

    if (!CmpTakeCell(Reader, Offset, sizeof(*From), &Cell)) {
        return STATUS_REGISTRY_CORRUPT;
    }
    From = (const CM_VALUE_CELL *)Cell.Data;
    if (From->Signature != CM_VALUE_SIGNATURE || From->NameLength > Cell.Room - sizeof(*From)) {
        return STATUS_REGISTRY_CORRUPT;
    }
    Status = CmpReadName((const UCHAR *)(From + 1), From->NameLength, (From->Flags & CM_CELL_VALUE_LATIN) != 0,
                         CM_MAX_VALUE_NAME_BYTES, &Name);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpAddMemoryValue(Node, &Name, &Value);
    CmpReleaseString(&Name);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Value->Type = From->Type;
    Status = CmpReadData(Reader, From, Value);
    CmpNoteValueLengths(Node, Value);
    return Status;
}

NTSTATUS CmpReadValues(PCM_HIVE_READER Reader, const CM_KEY_CELL *Key, CM_NODE Node) {
    NTSTATUS Status = STATUS_SUCCESS;
    CM_CELL List;

    if (Key->Values == 0) {
        return STATUS_SUCCESS;
    }
    if (!CmpTakeCell(Reader, Key->ValueList, 0, &List) || Key->Values > List.Room / sizeof(ULONG)) {
        return STATUS_REGISTRY_CORRUPT;
    }
    for (ULONG i = 0; NT_SUCCESS(Status) && i < Key->Values; i++) {
        Status = CmpReadOneValue(Reader, ((const ULONG *)List.Data)[i], Node);
    }
    return Status;
}
