// SPDX-License-Identifier: MIT
//
// What each notification class is: phase, partner, structure. A class that is not in the table is relayed by its number
// alone.

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
} NOTIFY_CLASS;

// Number <= CMB_MAX_NOTIFY_CLASS.
const NOTIFY_CLASS *NotifyClassGet(_In_range_(0, CMB_MAX_NOTIFY_CLASS) ULONG Number);

// Where the pre structure keeps what the registration stores for post, and where it has what is attached to the key
// object.
static inline VOID **NotifyClassCallContext(_In_ const NOTIFY_CLASS *Class, _In_ VOID *Pre) {
    return (VOID **)((UCHAR *)Pre + Class->CallContext);
}
static inline VOID **NotifyClassObjectContext(_In_ const NOTIFY_CLASS *Class, _In_ VOID *Pre) {
    return NotifyClassCallContext(Class, Pre) + 1;
}

// The classes that the callback must look at for a registration that wants ClassMask: those, and the pre of each wanted
// post.
UINT64 NotifyClassIntake(_In_ UINT64 ClassMask);

#endif
