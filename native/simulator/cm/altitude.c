// SPDX-License-Identifier: MIT
//
// Altitudes are decimal numbers of any length, written as text: compared digit by digit, never converted. Characters
// that are no digits are not refused here, as they are not by Windows.

#include "cmp.h"

typedef struct _CM_DIGITS {
    const WCHAR *First;
    ULONG Count;
} CM_DIGITS;

static VOID CmpSplitAltitude(PCUNICODE_STRING Altitude, CM_DIGITS *Whole, CM_DIGITS *Fraction) {
    ULONG Count = Altitude->Length / sizeof(WCHAR);
    ULONG Point = 0;

    while (Point < Count && Altitude->Buffer[Point] != L'.') {
        Point++;
    }
    Whole->First = Altitude->Buffer;
    Whole->Count = Point;
    Fraction->First = Point < Count ? Altitude->Buffer + Point + 1 : NULL;
    Fraction->Count = Point < Count ? Count - Point - 1 : 0;
    while (Whole->Count != 0 && *Whole->First == L'0') {
        Whole->First++;
        Whole->Count--;
    }
    while (Fraction->Count != 0 && Fraction->First[Fraction->Count - 1] == L'0') {
        Fraction->Count--;
    }
}

static LONG CmpCompareDigits(const CM_DIGITS *First, const CM_DIGITS *Second) {
    for (ULONG i = 0; i < First->Count && i < Second->Count; i++) {
        if (First->First[i] != Second->First[i]) {
            return First->First[i] < Second->First[i] ? -1 : 1;
        }
    }
    return First->Count < Second->Count ? -1 : First->Count > Second->Count;
}

LONG CmpCompareAltitudes(PCUNICODE_STRING First, PCUNICODE_STRING Second) {
    CM_DIGITS FirstWhole, FirstFraction, SecondWhole, SecondFraction;
    LONG Order;

    CmpSplitAltitude(First, &FirstWhole, &FirstFraction);
    CmpSplitAltitude(Second, &SecondWhole, &SecondFraction);
    if (FirstWhole.Count != SecondWhole.Count) {
        return FirstWhole.Count < SecondWhole.Count ? -1 : 1;
    }
    Order = CmpCompareDigits(&FirstWhole, &SecondWhole);
    return Order != 0 ? Order : CmpCompareDigits(&FirstFraction, &SecondFraction);
}
