// SPDX-License-Identifier: MIT
//
// The table of upper case, made of what RtlUpcaseUnicodeChar says when the driver is loaded.

#include "base/upcase.h"

#include "base/memory.h"

const UPCASE_TABLE *UpcaseTable;

_IRQL_requires_max_(APC_LEVEL)
static CMB_INIT_CODE BOOLEAN HasLowerCase(_In_ ULONG Page) {
    for (ULONG unit = Page << 8; unit < (Page + 1) << 8; ++unit) {
        if (RtlUpcaseUnicodeChar((WCHAR)unit) != unit) {
            return TRUE;
        }
    }
    return FALSE;
}

_Use_decl_annotations_
CMB_INIT_CODE NTSTATUS UpcaseInitialize(VOID) {
    ULONG pages = 0;
    for (ULONG page = 0; page < 256; ++page) {
        pages += HasLowerCase(page);
    }
    // Beside the page of zeroes, which has number 0, so many can be numbered.
    if (pages > MAXUCHAR) {
        return STATUS_NOT_SUPPORTED;
    }
    UPCASE_TABLE *table =
        MemoryAllocate(FIELD_OFFSET(UPCASE_TABLE, Deltas) + ((SIZE_T)pages + 1) * 256 * sizeof(table->Deltas[0]));
    if (!table) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    ULONG used = 0;
    for (ULONG page = 0; page < 256; ++page) {
        if (!HasLowerCase(page)) {
            continue;
        }
        table->Pages[page] = (UCHAR)++used;
        for (ULONG low = 0; low < 256; ++low) {
            const WCHAR unit = (WCHAR)(page << 8 | low);
            table->Deltas[used << 8 | low] = (UINT16)(RtlUpcaseUnicodeChar(unit) - unit);
        }
    }
    UpcaseTable = table;
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID UpcaseUninitialize(VOID) {
    MemoryFree((VOID *)(ULONG_PTR)UpcaseTable);
    UpcaseTable = NULL;
}
