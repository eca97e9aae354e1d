// SPDX-License-Identifier: MIT
//
// From values to a hive file.

#include "store_hive_writer.h"

static NTSTATUS CmpWriteSegments(PCM_HIVE_WRITER Writer, const UCHAR *Data, ULONG Length, PULONG Offset) {
    ULONG Count = (Length + CM_HIVE_SEGMENT - 1) / CM_HIVE_SEGMENT, List, Segment;
    CM_SEGMENTS_CELL Cell = {.Signature = CM_SEGMENTS_SIGNATURE, .Count = (USHORT)Count};
    NTSTATUS Status;

    if (Count > 0xFFFF) {
        return STATUS_REGISTRY_QUOTA_LIMIT;
    }
    Status = CmpAddCell(Writer, Count * (ULONG)sizeof(ULONG), NULL, &List);
    for (ULONG i = 0; NT_SUCCESS(Status) && i < Count; i++) {
        ULONG Part = Length < CM_HIVE_SEGMENT ? Length : CM_HIVE_SEGMENT;

        Status = CmpAddCell(Writer, Part, Data, &Segment);
        if (NT_SUCCESS(Status)) {
            ((PULONG)CmpCellData(Writer, List))[i] = Segment;
        }
        Data += Part;
        Length -= Part;
    }
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Cell.List = List;
    return CmpAddCell(Writer, sizeof(Cell), &Cell, Offset);
}

static NTSTATUS CmpWriteValue(PCM_HIVE_WRITER Writer, const CM_MEMORY_VALUE *Value, PULONG Offset) {
    CM_VALUE_CELL Cell = {.Signature = CM_VALUE_SIGNATURE,
                          .NameLength = CmpStoredLength(&Value->Name),
                          .DataLength = Value->DataLength,
                          .Type = Value->Type,
                          .Flags = CmpIsLatin(&Value->Name) ? CM_CELL_VALUE_LATIN : 0};
    NTSTATUS Status = STATUS_SUCCESS;

    if (Value->DataLength <= sizeof(Cell.Data)) {
        Cell.DataLength |= CM_CELL_DATA_INLINE;
        if (Value->DataLength != 0) {
            RtlCopyMemory(&Cell.Data, Value->Data, Value->DataLength);
        }
    } else if (Value->DataLength > CM_HIVE_SEGMENT && Writer->Minor >= CM_HIVE_SEGMENT_MINOR) {
        Status = CmpWriteSegments(Writer, Value->Data, Value->DataLength, &Cell.Data);
    } else {
        Status = CmpAddCell(Writer, Value->DataLength, Value->Data, &Cell.Data);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpAddCell(Writer, (ULONG)sizeof(Cell) + Cell.NameLength, NULL, Offset);
    }
    if (NT_SUCCESS(Status)) {
        PUCHAR At = CmpCellData(Writer, *Offset);

        RtlCopyMemory(At, &Cell, sizeof(Cell));
        CmpStoreName(&Value->Name, At + sizeof(Cell));
    }
    return Status;
}

VOID CmpGrowMaximum(ULONG *Maximum, ULONG Length) {
    *Maximum = *Maximum < Length ? Length : *Maximum;
}

// Values of Low that High has too are left out. With List CM_NO_CELL they are only counted.
static NTSTATUS CmpWriteValuesOf(PCM_HIVE_WRITER Writer, CM_NODE Node, CM_NODE High, ULONG List, CM_KEY_CELL *Key) {
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Ignored, Offset;

    for (ULONG i = 0; Node != NULL && NT_SUCCESS(Status) && i < Node->Values.Count; i++) {
        PCM_MEMORY_VALUE Value = Node->Values.Items[i];

        if (High != NULL && CmpFindMemoryValue(High, &Value->Name, &Ignored)) {
            continue;
        }
        if (List != CM_NO_CELL) {
            Status = CmpWriteValue(Writer, Value, &Offset);
            if (NT_SUCCESS(Status)) {
                ((PULONG)CmpCellData(Writer, List))[Key->Values] = Offset;
            }
        }
        CmpGrowMaximum(&Key->MaxValueNameLength, Value->Name.Length);
        CmpGrowMaximum(&Key->MaxValueDataLength, Value->DataLength);
        Key->Values++;
    }
    return Status;
}

NTSTATUS CmpWriteValues(PCM_HIVE_WRITER Writer, const CM_SOURCE *Source, CM_KEY_CELL *Key) {
    ULONG List;
    NTSTATUS Status;

    Key->ValueList = CM_NO_CELL;
    CmpWriteValuesOf(Writer, Source->High, NULL, CM_NO_CELL, Key);
    CmpWriteValuesOf(Writer, Source->Low, Source->High, CM_NO_CELL, Key);
    if (Key->Values == 0) {
        return STATUS_SUCCESS;
    }
    Status = CmpAddCell(Writer, Key->Values * (ULONG)sizeof(ULONG), NULL, &List);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Key->Values = 0;
    Key->ValueList = List;
    Status = CmpWriteValuesOf(Writer, Source->High, NULL, List, Key);
    return NT_SUCCESS(Status) ? CmpWriteValuesOf(Writer, Source->Low, Source->High, List, Key) : Status;
}
