// SPDX-License-Identifier: MIT
//
// A hive file that is being read.

#ifndef CM_STORE_HIVE_READER_H
#define CM_STORE_HIVE_READER_H

#include "cmp.h"
#include "store_hive.h"

typedef struct _CM_HIVE_READER {
    PCM_MEMORY_STORE Memory;
    const UCHAR *Bins;
    ULONG Length;
    ULONG Minor;
    PUCHAR Cells; // one bit for 8 bytes: a cell in use begins there
} CM_HIVE_READER, *PCM_HIVE_READER;

// A cell without its size.
typedef struct _CM_CELL {
    const UCHAR *Data;
    ULONG Room;
} CM_CELL, *PCM_CELL;

// store_hive_read.c
// The cell at Offset, which must have Least bytes. It is used up.
BOOLEAN CmpTakeCell(PCM_HIVE_READER Reader, ULONG Offset, ULONG Least, PCM_CELL Cell);
// A name that is stored in UTF-16, or in Latin-1 when Latin is set. Free it with CmpReleaseString.
NTSTATUS CmpReadName(const UCHAR *Bytes, USHORT Length, BOOLEAN Latin, ULONG MaxLength, PUNICODE_STRING Name);

// store_hive_read_values.c
NTSTATUS CmpReadValues(PCM_HIVE_READER Reader, const CM_KEY_CELL *Key, CM_NODE Node);

#endif
