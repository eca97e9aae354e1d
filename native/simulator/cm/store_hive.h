// SPDX-License-Identifier: MIT
//
// Hive files in the regf format, as far as the hive in memory reads and writes them. The code is our own because the
// one free library for the format, hivex, is LGPL and would have to be installed beside the addon.
//
// A file is a header of 4096 bytes and bins behind it. A bin is a multiple of 4096 bytes and is filled with cells, each
// of which starts with its size: negative when it is in use. Cells refer to each other by the distance from the first
// bin to the cell's size.

#ifndef CM_STORE_HIVE_H
#define CM_STORE_HIVE_H

#include "store_memory.h"

#define CM_HIVE_BLOCK 4096u
#define CM_NO_CELL 0xFFFFFFFFu
// The largest file that is read or written. Windows has 2 GB.
#define CM_MAX_HIVE_FILE 0x10000000u
// Since minor version 4, data above this size is cut into segments of this size.
#define CM_HIVE_SEGMENT 16344u
#define CM_HIVE_SEGMENT_MINOR 4u
// Since this minor version lists carry hashes of names rather than their first characters.
#define CM_HIVE_HASH_MINOR 5u

#define CM_HIVE_SIGNATURE 0x66676572u // regf
#define CM_BIN_SIGNATURE 0x6E696268u  // hbin
#define CM_KEY_SIGNATURE 0x6B6Eu      // nk
#define CM_VALUE_SIGNATURE 0x6B76u    // vk
#define CM_SECURITY_SIGNATURE 0x6B73u // sk
#define CM_SEGMENTS_SIGNATURE 0x6264u // db
#define CM_LIST_SIGNATURE 0x696Cu     // li: offsets
#define CM_FAST_SIGNATURE 0x666Cu     // lf: offset and first characters
#define CM_HASH_SIGNATURE 0x686Cu     // lh: offset and hash
#define CM_INDEX_SIGNATURE 0x6972u    // ri: offsets of the lists above

typedef struct _CM_HIVE_HEADER {
    ULONG Signature;
    ULONG Sequence1, Sequence2; // differ when a write was cut short: the logs have what is missing
    ULONG TimeLow, TimeHigh;
    ULONG Major, Minor;
    ULONG Type;   // 0: the hive itself, not a log
    ULONG Format; // 1
    ULONG RootCell;
    ULONG Length; // of all bins
    ULONG Cluster;
    WCHAR FileName[32];
    ULONG Reserved[99];
    ULONG Checksum; // of all before it
    ULONG Rest[896];
} CM_HIVE_HEADER;
C_ASSERT(FIELD_OFFSET(CM_HIVE_HEADER, Checksum) == 508);
C_ASSERT(sizeof(CM_HIVE_HEADER) == CM_HIVE_BLOCK);

typedef struct _CM_HIVE_BIN {
    ULONG Signature;
    ULONG Offset; // of itself
    ULONG Size;
    ULONG Reserved[2];
    ULONG TimeLow, TimeHigh;
    ULONG Spare;
} CM_HIVE_BIN;
C_ASSERT(sizeof(CM_HIVE_BIN) == 32);

#define CM_CELL_KEY_LINK 0x10u
#define CM_CELL_KEY_ROOT 0x0Cu // entry of a hive, which cannot be deleted
#define CM_CELL_KEY_LATIN 0x20u

#define CM_CELL_USER_FLAGS 0x0Fu

typedef struct _CM_KEY_CELL {
    USHORT Signature;
    USHORT Flags;
    ULONG TimeLow, TimeHigh;
    ULONG Access;
    ULONG Parent;
    ULONG SubKeys, VolatileSubKeys;
    ULONG SubKeyList, VolatileSubKeyList;
    ULONG Values;
    ULONG ValueList;
    ULONG Security;
    ULONG Class;
    USHORT MaxNameLength; // in bytes, of UTF-16
    UCHAR UserFlags;      // and virtualisation flags in the upper half
    UCHAR Debug;
    ULONG MaxClassLength;
    ULONG MaxValueNameLength;
    ULONG MaxValueDataLength;
    ULONG Work;
    USHORT NameLength;
    USHORT ClassLength;
} CM_KEY_CELL; // the name follows
C_ASSERT(sizeof(CM_KEY_CELL) == 76);

#define CM_CELL_DATA_INLINE 0x80000000u
#define CM_CELL_VALUE_LATIN 1u

typedef struct _CM_VALUE_CELL {
    USHORT Signature;
    USHORT NameLength;
    ULONG DataLength; // with CM_CELL_DATA_INLINE Data is not the offset of a cell but the data
    ULONG Data;
    ULONG Type;
    USHORT Flags;
    USHORT Spare;
} CM_VALUE_CELL; // the name follows
C_ASSERT(sizeof(CM_VALUE_CELL) == 20);

typedef struct _CM_SECURITY_CELL {
    USHORT Signature;
    USHORT Reserved;
    ULONG Next, Previous; // all of a hive form a ring
    ULONG References;
    ULONG Length;
} CM_SECURITY_CELL; // the descriptor follows
C_ASSERT(sizeof(CM_SECURITY_CELL) == 20);

typedef struct _CM_LIST_CELL {
    USHORT Signature;
    USHORT Count;
} CM_LIST_CELL; // the entries follow

typedef struct _CM_SEGMENTS_CELL {
    USHORT Signature;
    USHORT Count;
    ULONG List; // a cell with the offsets of the segments
} CM_SEGMENTS_CELL;

// The check sum that belongs into the header.
ULONG CmpHiveChecksum(const CM_HIVE_HEADER *Header);

// store_hive_read.c
// Makes a tree, which belongs to no parent, of the file in Bytes. STATUS_NOT_REGISTRY_FILE: it is something else;
// STATUS_REGISTRY_CORRUPT: it is a hive, but damaged; STATUS_REGISTRY_RECOVERED, which is a success: the last write to
// it was cut short and its logs, which are not looked at, may have later data. Security is NULL where the file has
// none.
NTSTATUS CmpReadHive(PCM_MEMORY_STORE Memory, const VOID *Bytes, ULONG Length, CM_NODE *Root);

// store_hive_write.c
// A file with the keys that are not volatile from High on, merged with those from Low on if that is not NULL: where
// both have a value, or both have a key, that of High counts. The block comes from CmStoreAllocate.
NTSTATUS CmpWriteHive(CM_NODE High, CM_NODE Low, ULONG Minor, PVOID *Bytes, PULONG Length);

#endif
