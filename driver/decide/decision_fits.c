// SPDX-License-Identifier: MIT
//
// What can be decided about the operations of a class.

#include "decide/decision_parts.h"

#define FITS_ACTION (DECISION_FITS_ASK | DECISION_FITS_BLOCK | DECISION_FITS_BYPASS)
#define FITS_QUERY (DECISION_FITS_ASK | DECISION_FITS_BLOCK | DECISION_FITS_OUTPUT)

// A close cannot be stopped, and what a query for a name answers is the object manager's.
static const UCHAR FitsOfBody[NotifyBodyCount] = {
    // Flush.
    [NotifyBodyNone] = FITS_ACTION,
    [NotifyBodyCreate] = DECISION_FITS_ASK | DECISION_FITS_BLOCK | DECISION_FITS_REDIRECT | DECISION_FITS_UNDO,
    [NotifyBodySetValue] = FITS_ACTION | DECISION_FITS_REPLACE | DECISION_FITS_UNDO,
    [NotifyBodyDeleteValue] = FITS_ACTION | DECISION_FITS_UNDO,
    [NotifyBodyDeleteKey] = FITS_ACTION,
    [NotifyBodyRename] = FITS_ACTION,
    [NotifyBodySetInformation] = FITS_ACTION,
    [NotifyBodyEnumerateKey] = FITS_QUERY,
    [NotifyBodyEnumerateValue] = FITS_QUERY,
    [NotifyBodyQueryKey] = FITS_QUERY,
    [NotifyBodyQueryValue] = FITS_QUERY,
    [NotifyBodyQueryMultiple] = FITS_QUERY,
    [NotifyBodyClose] = 0,
    [NotifyBodyLoad] = FITS_ACTION,
    [NotifyBodyUnload] = FITS_ACTION,
    [NotifyBodyQuerySecurity] = FITS_QUERY,
    [NotifyBodySetSecurity] = FITS_ACTION,
    [NotifyBodyRestore] = FITS_ACTION,
    [NotifyBodySave] = FITS_ACTION,
    [NotifyBodySaveMerged] = FITS_ACTION,
    [NotifyBodyReplace] = FITS_ACTION,
    [NotifyBodyQueryName] = DECISION_FITS_BLOCK,
};

_Use_decl_annotations_
UCHAR DecisionFits(const NOTIFY_CLASS *Class) {
    return Class->Phase == NotifyPhaseNone ? 0 : FitsOfBody[Class->Body];
}

_Use_decl_annotations_
BOOLEAN DecisionActionFits(UINT32 Action, ULONG Number) {
    const NOTIFY_CLASS *class = NotifyClassGet(Number);
    const UCHAR fits = DecisionFits(class);
    const BOOLEAN pre = class->Phase == NotifyPhasePre;
    switch (Action) {
    case CMB_ACTION_ASK:
        return (fits & DECISION_FITS_ASK) != 0;
    case CMB_ACTION_BLOCK:
        return pre && (fits & DECISION_FITS_BLOCK);
    case CMB_ACTION_BYPASS:
        return pre && (fits & DECISION_FITS_BYPASS);
    default:
        return FALSE;
    }
}
