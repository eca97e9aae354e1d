// SPDX-License-Identifier: MIT
//
// What rules ask of a notification: its key, its value name. Each is found out once at most, and only when a rule needs
// it; what belongs to the caller is copied, so that rules and record see the same.

#ifndef CMBRIDGE_SUBJECT_H
#define CMBRIDGE_SUBJECT_H

#include "base/notify_class.h"
#include "key/key_object.h"

// Longer texts of the caller's are copied to the pool: two subjects may be on the stack at once.
#define SUBJECT_SHORT_UNITS 192

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

// A copy of what the caller calls a key or a value.
typedef struct SUBJECT_TEXT {
    // A FACT_STATE.
    LONG State;
    BOOLEAN Present;
    ULONG Count;
    // The size in bytes, as the caller has it.
    ULONG FullSize;
    // Points to Short or Long.
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
    // The NOTIFY_KEY that the key is taken from. Object and KeyObject are those of NotifyKeyObject.
    LONG KeySource;
    VOID *Object;
    // Attached on the way if the object had none.
    KEY_OBJECT *KeyObject;
    // The operation's root, or one of two keys. Nothing is attached to these.
    SUBJECT_PATH Paths[2];

    // A FACT_STATE. When it is FactKnown, Hits are valid if HitsKnown, and otherwise the parts.
    LONG Key;
    BOOLEAN HitsKnown;
    RULES_HITS Hits;
    // The generation of the path that has found the hits; 0 if they are of no key object.
    LONG64 Generation;
    RULES_TEXT Parts[2];
    ULONG PartCount;
    RULES_TEXT OtherParts[2];
    ULONG OtherPartCount;

    // The classes that the key alone says to ignore.
    UINT64 QuietClasses;
    // Who has opened the key object, if it was opened just now.
    const CMB_BODY_CLOSE *Opener;

    // What Text means if it is the end of a path. Its bytes are those of Text.
    NAME_TAIL Tail;
    // The end of a key's path, or a value's name: no class has both.
    SUBJECT_TEXT Text;
} SUBJECT;

// Nothing is known yet. The caller keeps Rules, and calls SubjectEnd.
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

// Takes the key from memory, if what is remembered is right now.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID SubjectRecallKey(_Inout_ SUBJECT *Subject);

_IRQL_requires_max_(APC_LEVEL)
VOID SubjectFindValueName(_Inout_ SUBJECT *Subject);

// Describes the value name that a record is to hold instead of reading it again. FALSE if nobody has asked for it.
_IRQL_requires_max_(APC_LEVEL)
_Success_(return != FALSE)
BOOLEAN SubjectGetValueName(_In_ const SUBJECT *Subject, _Out_ CAPTURE *Capture);

// Returns the end of the path that a record is to hold instead of reading it again. NULL if nobody has asked for it.
_IRQL_requires_max_(APC_LEVEL)
const NAME_TAIL *SubjectGetTail(_In_ const SUBJECT *Subject);

// Returns the path to make a name from instead of asking again. NULL if nobody has asked for it.
_IRQL_requires_max_(APC_LEVEL)
const KEY_PATH *SubjectUsePath(_In_ const SUBJECT_PATH *Path);

// Remembers what was found out, and frees what the subject owns.
_IRQL_requires_max_(APC_LEVEL)
VOID SubjectEnd(_Inout_ SUBJECT *Subject);

#endif
