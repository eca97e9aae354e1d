// SPDX-License-Identifier: MIT
//
// A hive file in the making.

#ifndef CM_STORE_HIVE_WRITER_H
#define CM_STORE_HIVE_WRITER_H

#include "cmp.h"
#include "store_hive.h"

typedef struct _CM_HIVE_WRITER {
    PUCHAR Bytes; // the bins; moves when it grows
    ULONG Room;
    ULONG Used;
    ULONG CellEnd; // in the last bin
    ULONG Minor;
    CM_ARRAY Security; // CM_WRITTEN_SECURITY
} CM_HIVE_WRITER, *PCM_HIVE_WRITER;

// What is written as one key. Either may be NULL, not both.
typedef struct _CM_SOURCE {
    CM_NODE High, Low;
} CM_SOURCE, *PCM_SOURCE;

// store_hive_cells.c
// Moves with the next cell that is added.
PVOID CmpCellData(PCM_HIVE_WRITER Writer, ULONG Offset);
// What is left of the last bin becomes a free cell.
VOID CmpCloseBin(PCM_HIVE_WRITER Writer);
// Data NULL: the cell is zero.
NTSTATUS CmpAddCell(PCM_HIVE_WRITER Writer, ULONG Length, const VOID *Data, PULONG Offset);
BOOLEAN CmpIsLatin(PCUNICODE_STRING Name);
USHORT CmpStoredLength(PCUNICODE_STRING Name);
VOID CmpStoreName(PCUNICODE_STRING Name, PUCHAR To);

// store_hive_write_values.c
VOID CmpGrowMaximum(ULONG *Maximum, ULONG Length);
NTSTATUS CmpWriteValues(PCM_HIVE_WRITER Writer, const CM_SOURCE *Source, CM_KEY_CELL *Key);

#endif
