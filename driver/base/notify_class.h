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
    NotifyBodyEnumerate,
    NotifyBodyEnumerateKey = NotifyBodyEnumerate,
    NotifyBodyEnumerateValue = NotifyBodyEnumerate,
    NotifyBodyQueryKey,
    NotifyBodyQueryValue,
    NotifyBodyQueryMultiple,
    NotifyBodyClose,
    NotifyBodyLoad,
    NotifyBodyUnload,
    NotifyBodyQuerySecurity,
    NotifyBodySetSecurity,
    NotifyBodyFile,
    NotifyBodyRestore = NotifyBodyFile,
    NotifyBodySave = NotifyBodyFile,
    NotifyBodySaveMerged,
    NotifyBodyReplace,
    NotifyBodyQueryName,
    NotifyBodyCount,
} NOTIFY_BODY;

// The structure of a pre notification; which member it is the class says. Not all of it is there: it is only pointed
// to. Where several have a member at the same place, one of them stands for all, as notify_class.c asserts.
typedef union NOTIFY_PRE {
    REG_CREATE_KEY_INFORMATION_V1 Create;
    REG_SET_VALUE_KEY_INFORMATION SetValue;
    // Object and ValueName: also those of SetValue.
    REG_DELETE_VALUE_KEY_INFORMATION DeleteValue;
    // Object alone: also that of most others.
    REG_DELETE_KEY_INFORMATION DeleteKey;
    REG_SET_INFORMATION_KEY_INFORMATION SetInformation;
    REG_RENAME_KEY_INFORMATION Rename;
    // Also enumerations of values.
    REG_ENUMERATE_KEY_INFORMATION EnumerateKey;
    // The buffer, its length and what it needs: also those of enumerations.
    REG_QUERY_KEY_INFORMATION QueryKey;
    REG_QUERY_VALUE_KEY_INFORMATION QueryValue;
    REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION QueryMultiple;
    REG_LOAD_KEY_INFORMATION_V2 Load;
    REG_UNLOAD_KEY_INFORMATION Unload;
    REG_QUERY_KEY_SECURITY_INFORMATION QuerySecurity;
    REG_SET_KEY_SECURITY_INFORMATION SetSecurity;
    // FileHandle: also that of saves; Flags: also the format of a save.
    REG_RESTORE_KEY_INFORMATION Restore;
    REG_REPLACE_KEY_INFORMATION Replace;
    REG_QUERY_KEY_NAME QueryName;
} NOTIFY_PRE;

// Bits of NOTIFY_CLASS.Fits: what can be decided about a notification of the class. NOTIFY_FITS(ALLOW) says that it may
// be asked about.
#define NOTIFY_FITS(Decision) (1U << CMB_DECISION_##Decision)
// CMB_REPLY_OUTPUT: the operation answers its caller.
#define NOTIFY_FITS_OUTPUT 0x4000
// CMB_REPLY_UNDO.
#define NOTIFY_FITS_UNDO 0x8000

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
    // NOTIFY_FITS
    UINT16 Fits;
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
