// SPDX-License-Identifier: MIT
//
// Upper case as RtlUpcaseUnicodeChar has it, without a call for each unit.

#ifndef CMBRIDGE_UPCASE_H
#define CMBRIDGE_UPCASE_H

#include "base/compat.h"

// What has to be added to a unit for its upper case, in pages of 256 units. Most pages are page 0, which is all zeroes.
typedef struct UPCASE_TABLE {
    UCHAR Pages[256];
    UINT16 Deltas[ANYSIZE_ARRAY];
} UPCASE_TABLE;

// Set by UpcaseInitialize, and the same until UpcaseUninitialize, so that no lock is needed.
extern const UPCASE_TABLE *UpcaseTable;

_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS UpcaseInitialize(VOID);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID UpcaseUninitialize(VOID);

_IRQL_requires_max_(DISPATCH_LEVEL)
static inline WCHAR UpcaseUnit(_In_ WCHAR Unit) {
    if (Unit < 0x80) {
        return (WCHAR)(Unit >= 'a' && Unit <= 'z' ? Unit - ('a' - 'A') : Unit);
    }
    return (WCHAR)(Unit + UpcaseTable->Deltas[UpcaseTable->Pages[Unit >> 8] << 8 | (Unit & 0xFF)]);
}

#endif
