// SPDX-License-Identifier: MIT
//
// Bins and cells of a hive file in the making.

#include "store_hive_writer.h"

PVOID CmpCellData(PCM_HIVE_WRITER Writer, ULONG Offset) {
    return Writer->Bytes + Offset + sizeof(LONG);
}

static NTSTATUS CmpReserveBytes(PCM_HIVE_WRITER Writer, ULONG More) {
    ULONG Room = Writer->Room;
    PUCHAR Bytes;

    if (More > CM_MAX_HIVE_FILE - CM_HIVE_BLOCK - Writer->Used) {
        return STATUS_REGISTRY_QUOTA_LIMIT;
    }
    if (More <= Room - Writer->Used) {
        return STATUS_SUCCESS;
    }
    Room = Room * 2 > Writer->Used + More ? Room * 2 : Writer->Used + More;
    Bytes = CmStoreAllocate(Room);
    if (Bytes == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (Writer->Bytes != NULL) {
        RtlCopyMemory(Bytes, Writer->Bytes, Writer->Used);
        CmStoreFree(Writer->Bytes);
    }
    Writer->Bytes = Bytes;
    Writer->Room = Room;
    return STATUS_SUCCESS;
}

// What is left of the last bin becomes a free cell.
VOID CmpCloseBin(PCM_HIVE_WRITER Writer) {
    LONG Left = (LONG)(Writer->Used - Writer->CellEnd);

    if (Left != 0) {
        RtlCopyMemory(Writer->Bytes + Writer->CellEnd, &Left, sizeof(Left));
        Writer->CellEnd = Writer->Used;
    }
}

static NTSTATUS CmpOpenBin(PCM_HIVE_WRITER Writer, ULONG CellSize) {
    ULONG Size = (CellSize + (ULONG)sizeof(CM_HIVE_BIN) + CM_HIVE_BLOCK - 1) & ~(CM_HIVE_BLOCK - 1);
    CM_HIVE_BIN Bin = {.Signature = CM_BIN_SIGNATURE, .Offset = Writer->Used, .Size = Size};
    NTSTATUS Status = CmpReserveBytes(Writer, Size);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    CmpCloseBin(Writer);
    RtlCopyMemory(Writer->Bytes + Writer->Used, &Bin, sizeof(Bin));
    Writer->CellEnd = Writer->Used + (ULONG)sizeof(Bin);
    Writer->Used += Size;
    return STATUS_SUCCESS;
}

// Length comes from what fits into memory and is at most CM_MAX_HIVE_FILE.
NTSTATUS CmpAddCell(PCM_HIVE_WRITER Writer, ULONG Length, const VOID *Data, PULONG Offset) {
    ULONG Size = (Length + (ULONG)sizeof(LONG) + 7) & ~7u;
    LONG InUse = -(LONG)Size;
    NTSTATUS Status = STATUS_SUCCESS;

    if (Length > CM_MAX_HIVE_FILE) {
        return STATUS_REGISTRY_QUOTA_LIMIT;
    }
    if (Size > Writer->Used - Writer->CellEnd) {
        Status = CmpOpenBin(Writer, Size);
    }
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    *Offset = Writer->CellEnd;
    Writer->CellEnd += Size;
    RtlCopyMemory(Writer->Bytes + *Offset, &InUse, sizeof(InUse));
    if (Data != NULL) {
        RtlCopyMemory(CmpCellData(Writer, *Offset), Data, Length);
    }
    return STATUS_SUCCESS;
}

BOOLEAN CmpIsLatin(PCUNICODE_STRING Name) {
    for (ULONG i = 0; i < Name->Length / sizeof(WCHAR); i++) {
        if (Name->Buffer[i] > 0xFF) {
            return FALSE;
        }
    }
    return TRUE;
}

USHORT CmpStoredLength(PCUNICODE_STRING Name) {
    return CmpIsLatin(Name) ? Name->Length / sizeof(WCHAR) : Name->Length;
}

VOID CmpStoreName(PCUNICODE_STRING Name, PUCHAR To) {
    if (!CmpIsLatin(Name)) {
        RtlCopyMemory(To, Name->Buffer, Name->Length);
        return;
    }
    for (ULONG i = 0; i < Name->Length / sizeof(WCHAR); i++) {
        To[i] = (UCHAR)Name->Buffer[i];
    }
}
