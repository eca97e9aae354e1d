// SPDX-License-Identifier: MIT
//
// What each notification class is: phase, partner, structure, what can be decided about it. A class that is not in the
// table of notify_class.c is relayed by its number alone.

#ifndef CMBRIDGE_NOTIFY_CLASS_H
#define CMBRIDGE_NOTIFY_CLASS_H

#include "base/compat.h"
#include "protocol/protocol.h"

typedef enum NOTIFY_PHASE {
    // Unknown, delivered by Windows XP only, or neither pre nor post: Argument2 is not touched.
    NotifyPhaseNone,
    NotifyPhasePre,
    NotifyPhasePost,
} NOTIFY_PHASE;

// Where the pre structure says which key is meant.
typedef enum NOTIFY_KEY {
    NotifyKeyNone,
    // Object is the first member.
    NotifyKeyObject,
    // RootObject and a name; the first member is a string.
    NotifyKeyCreate,
    // Object, which may be NULL, and KeyName.
    NotifyKeyLoad,
    // HighKeyObject; Object is NULL.
    NotifyKeySaveMerged,
} NOTIFY_KEY;

typedef enum NOTIFY_BODY {
    NotifyBodyNone,
    NotifyBodyCreate,
    NotifyBodySetValue,
    NotifyBodyDeleteValue,
    NotifyBodyDeleteKey,
    NotifyBodyRename,
    NotifyBodySetInformation,
    NotifyBodyEnumerateKey,
    NotifyBodyEnumerateValue,
    NotifyBodyQueryKey,
    NotifyBodyQueryValue,
    NotifyBodyQueryMultiple,
    NotifyBodyClose,
    NotifyBodyLoad,
    NotifyBodyUnload,
    NotifyBodyQuerySecurity,
    NotifyBodySetSecurity,
    NotifyBodyRestore,
    NotifyBodySave,
    NotifyBodySaveMerged,
    NotifyBodyReplace,
    NotifyBodyQueryName,
    NotifyBodyCount,
} NOTIFY_BODY;

// Bits of NOTIFY_CLASS.Fits: what can be decided about an operation, in one of its phases or in both.
// It may be asked about: it can be allowed, and in post its status can be overridden.
#define NOTIFY_FITS_ASK 0x01
#define NOTIFY_FITS_BLOCK 0x02
#define NOTIFY_FITS_BYPASS 0x04
// It answers its caller: emulate, and CMB_REPLY_OUTPUT.
#define NOTIFY_FITS_OUTPUT 0x08
#define NOTIFY_FITS_REPLACE 0x10
#define NOTIFY_FITS_REDIRECT 0x20
// CMB_REPLY_UNDO.
#define NOTIFY_FITS_UNDO 0x40

typedef struct NOTIFY_CLASS {
    // NOTIFY_PHASE
    UCHAR Phase;
    // Number of the other phase's class.
    UCHAR Partner;
    // NOTIFY_KEY, pre only
    UCHAR Key;
    // NOTIFY_BODY
    UCHAR Body;
    // Pre only: offset of CallContext in the structure.
    UCHAR CallContext;
    // Post only: REG_POST_OPERATION_INFORMATION.Object is the pre structure's live key if the operation succeeded.
    BOOLEAN PostObjectLive;
    // NOTIFY_FITS_*
    UCHAR Fits;
} NOTIFY_CLASS;

// Never NULL: a class that is not in the table has NotifyPhaseNone and nothing else.
_IRQL_requires_max_(HIGH_LEVEL)
const NOTIFY_CLASS *NotifyClassGet(_In_range_(0, CMB_MAX_NOTIFY_CLASS) ULONG Number);

// Whether CMB_ACTION_ASK, _BLOCK or _BYPASS may name the class; FALSE for every other action.
_IRQL_requires_max_(HIGH_LEVEL)
_Must_inspect_result_
BOOLEAN NotifyClassTakesAction(_In_range_(0, CMB_MAX_NOTIFY_CLASS) ULONG Number, _In_ UINT32 Action);

// Where the pre structure keeps what the registration stores for post, and where it has what is attached to the key
// object.
static inline VOID **NotifyClassCallContext(_In_ const NOTIFY_CLASS *Class, _In_ VOID *Pre) {
    return (VOID **)((UCHAR *)Pre + Class->CallContext);
}
static inline VOID **NotifyClassObjectContext(_In_ const NOTIFY_CLASS *Class, _In_ VOID *Pre) {
    return NotifyClassCallContext(Class, Pre) + 1;
}

// Whether a callback can end an operation with Status as an error. The configuration manager takes
// STATUS_CALLBACK_BYPASS for a success.
_Must_inspect_result_
static inline BOOLEAN NotifyIsError(_In_ NTSTATUS Status) {
    return NT_ERROR(Status) && Status != STATUS_CALLBACK_BYPASS;
}

// The classes that the callback must look at for a registration that wants ClassMask: those, and the pre of each wanted
// post.
_IRQL_requires_max_(HIGH_LEVEL)
UINT64 NotifyClassIntake(_In_ UINT64 ClassMask);

#endif
