// SPDX-License-Identifier: MIT
//
// What rules ask of a notification: its key, its value name. Each is found out once at most, and only when a rule needs
// it; what belongs to the caller is copied, so that rules and record see the same.

#ifndef CMBRIDGE_SUBJECT_H
#define CMBRIDGE_SUBJECT_H

#include "base/notify_class.h"
#include "key/key_object.h"

// Longer texts of the caller's are copied to the pool.
#define SUBJECT_SHORT_UNITS 256

typedef enum FACT_STATE {
    FactNotAsked,
    FactKnown,
    // There is no such thing, or nobody knows it: no rule that asks for it matches.
    FactAbsent,
    // It could not be found out for want of memory.
    FactNoMemory,
    // It could not be read from the caller's memory.
    FactFault,
} FACT_STATE;

// What the caller calls a key or a value: a driver's own copy.
typedef struct SUBJECT_TEXT {
    // FACT_STATE
    LONG State;
    BOOLEAN Present;
    ULONG Count;
    // In bytes, as the caller has it.
    ULONG FullSize;
    // Short or Long.
    const WCHAR *Units;
    WCHAR *Long;
    WCHAR Short[SUBJECT_SHORT_UNITS];
} SUBJECT_TEXT;

// The path of a key object: remembered, or the configuration manager's string.
typedef struct SUBJECT_PATH {
    NAME *Name;
    KEY_PATH Path;
} SUBJECT_PATH;

typedef struct SUBJECT {
    KEY_FILTER *Filter;
    const RULES *Rules;
    const NOTIFY_CLASS *Class;
    // The structure of the pre notification; NULL if there is none.
    VOID *Pre;
    // NOTIFY_KEY: what the key is taken from. NotifyKeyObject: Object and KeyObject.
    LONG KeySource;
    VOID *Object;
    // Attached on the way if there was none.
    KEY_OBJECT *KeyObject;
    // The operation's root, or one of two keys: not attached.
    SUBJECT_PATH Paths[2];

    // FACT_STATE. Known: Hits if HitsKnown, else the parts.
    LONG Key;
    BOOLEAN HitsKnown;
    RULES_HITS Hits;
    // 0: the hits are of no key object.
    LONG64 Generation;
    RULES_TEXT Parts[2];
    ULONG PartCount;
    RULES_TEXT OtherParts[2];
    ULONG OtherPartCount;

    // Classes that the key alone says to ignore.
    UINT64 QuietClasses;
    // Who opened the key object, if it was opened just now.
    const CMB_BODY_CLOSE *Opener;

    // What Text means if it is the end of a path; its bytes are those of Text.
    NAME_TAIL Tail;
    // The end of a key's path, or a value's name: no class has both.
    SUBJECT_TEXT Text;
} SUBJECT;

// Rules are kept by the caller.
_IRQL_requires_max_(APC_LEVEL)
VOID SubjectBegin(_Out_ SUBJECT *Subject, _In_ KEY_FILTER *Filter, _In_ const RULES *Rules,
                  _In_ const NOTIFY_CLASS *Class, _In_opt_ VOID *Pre);

// The key is that of a live object.
_IRQL_requires_max_(APC_LEVEL)
VOID SubjectSetObject(_Inout_ SUBJECT *Subject, _In_ VOID *Object, _In_opt_ KEY_OBJECT *KeyObject);

// The key is that of an object that is dead.
_IRQL_requires_max_(APC_LEVEL)
VOID SubjectSetDead(_Inout_ SUBJECT *Subject, _In_ KEY_OBJECT *KeyObject);

_IRQL_requires_max_(APC_LEVEL)
VOID SubjectFindKey(_Inout_ SUBJECT *Subject);

// Takes the key from memory, if that is all it takes.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID SubjectRecallKey(_Inout_ SUBJECT *Subject);

_IRQL_requires_max_(APC_LEVEL)
VOID SubjectFindValueName(_Inout_ SUBJECT *Subject);

// What a record is to hold instead of reading it again; FALSE if nobody has asked for it.
_IRQL_requires_max_(APC_LEVEL)
_Success_(return != FALSE)
BOOLEAN SubjectGetValueName(_In_ const SUBJECT *Subject, _Out_ CAPTURE *Capture);

// Likewise, of the end of a path. NULL if nobody has asked for it.
_IRQL_requires_max_(APC_LEVEL)
const NAME_TAIL *SubjectGetTail(_In_ const SUBJECT *Subject);

// NULL if nobody has asked for it.
_IRQL_requires_max_(APC_LEVEL)
const KEY_PATH *SubjectUsePath(_In_ const SUBJECT_PATH *Path);

// Remembers what was found out, and releases it.
_IRQL_requires_max_(APC_LEVEL)
VOID SubjectEnd(_Inout_ SUBJECT *Subject);

#endif
