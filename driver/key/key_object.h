// SPDX-License-Identifier: MIT
//
// What a registration remembers of a key object, attached to the object by the configuration manager: a number that
// names it, its path, who opened it. A key object is one open of a key, however many handles mean it.

#ifndef CMBRIDGE_KEY_OBJECT_H
#define CMBRIDGE_KEY_OBJECT_H

#include "base/names.h"
#include "rules/rules.h"

typedef struct KEY_OBJECT KEY_OBJECT;

// So many key objects are remembered for a registration at once, whoever opens keys; the others are matched and told of
// without being remembered. Each takes some 200 bytes, and a path of CMB_MAX_KEPT_PATH_BYTES at most.
#define KEY_MAX_OBJECTS 65536

// Processors that share a stripe share its memory and its part of KEY_MAX_OBJECTS, so that others write elsewhere.
#define KEY_STRIPES 4

typedef struct KEY_STRIPE {
    LOOKASIDE_LIST_EX Blocks;
    _Interlocked_ volatile LONG Used;
    UCHAR Apart[SYSTEM_CACHE_ALIGNMENT_SIZE];
} KEY_STRIPE;

// A registration as the configuration manager knows it, and the memory for what it attaches to key objects.
typedef struct KEY_FILTER {
    // Written by CmRegisterCallbackEx while callbacks already arrive: to be used only once the registration has seen
    // it.
    LARGE_INTEGER Cookie;
    UCHAR Apart[SYSTEM_CACHE_ALIGNMENT_SIZE];
    KEY_STRIPE Stripes[KEY_STRIPES];
} KEY_FILTER;

_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS KeyFilterInitialize(_Out_ KEY_FILTER *Filter);

// Everything that was attached has come back.
_IRQL_requires_max_(APC_LEVEL)
VOID KeyFilterUninitialize(_Inout_ KEY_FILTER *Filter);

// Returns Context, which a notification gave for Object; if that is NULL, attaches a new one. Object is live and not
// being closed. NULL if there is no memory, or if there are too many. Opener is NULL if the object was opened before.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
KEY_OBJECT *KeyObjectAttach(_Inout_ KEY_FILTER *Filter, _In_ VOID *Object, _In_opt_ VOID *Context,
                            _In_opt_ const CMB_BODY_CLOSE *Opener);

// Returns the number of the key object, which has one from the first time that somebody asks; 0 if it is not known, or
// not yet.
_IRQL_requires_max_(DISPATCH_LEVEL)
UINT64 KeyObjectGetSerial(_Inout_opt_ KEY_OBJECT *KeyObject);

// Who has opened the object; zeroed if that is not known.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID KeyObjectGetOpener(_In_opt_ const KEY_OBJECT *KeyObject, _Out_ CMB_BODY_CLOSE *Opener);

// The path of a live object as the configuration manager gives it out.
typedef struct KEY_PATH {
    // KeyPathRelease gives it back. NULL if there is none.
    PCUNICODE_STRING Given;
    // The status of finding it out.
    NTSTATUS Status;
    // The generation of names before it was found out.
    LONG64 Generation;
} KEY_PATH;

_IRQL_requires_max_(APC_LEVEL)
VOID KeyPathGet(_Out_ KEY_PATH *Path, _In_ KEY_FILTER *Filter, _In_ VOID *Object);

_IRQL_requires_max_(APC_LEVEL)
VOID KeyPathRelease(_Inout_ KEY_PATH *Path);

// Returns the path of a live object: the remembered one, or a new one, made from Path if that was found out already,
// which is remembered unless it is longer than CMB_MAX_KEPT_PATH_BYTES. NULL if it cannot be had. The caller releases
// it.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NAME *KeyObjectGetName(_In_ KEY_FILTER *Filter, _In_ VOID *Object, _Inout_opt_ KEY_OBJECT *KeyObject,
                       _In_opt_ const KEY_PATH *Path);

// Returns the path of a live object that others are opened relative to: the remembered one, which the caller releases,
// or NULL with Path. From the second time on it is remembered.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NAME *KeyObjectGetRoot(_In_ KEY_FILTER *Filter, _In_ VOID *Object, _Inout_opt_ KEY_OBJECT *KeyObject,
                       _Out_ KEY_PATH *Path);

// Returns the remembered path if it is right now, in Generation. The caller releases it.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
NAME *KeyObjectTakeName(_Inout_opt_ KEY_OBJECT *KeyObject, _Out_ LONG64 *Generation);

// Returns what the path has found among the rules of Serial, if that is remembered and right now. Generation is for
// KeyObjectKeepQuiet.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
_Success_(return != FALSE)
BOOLEAN KeyObjectFindHits(_Inout_opt_ KEY_OBJECT *KeyObject, _In_ UINT64 Serial, _Out_ RULES_HITS *Hits,
                          _Out_ LONG64 *Generation);

// Returns the same for an object that is dead, or of a deleted key, whose path does not change any more.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
_Success_(return != FALSE)
BOOLEAN KeyObjectFindLastHits(_Inout_opt_ KEY_OBJECT *KeyObject, _In_ UINT64 Serial, _Out_ RULES_HITS *Hits);

// Remembers hits that were found with a path of Generation, and the classes that they alone say to ignore, as far as
// that is known.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID KeyObjectKeepHits(_Inout_opt_ KEY_OBJECT *KeyObject, _In_ UINT64 Serial, _In_ const RULES_HITS *Hits,
                       _In_ LONG64 Generation, _In_ UINT64 QuietClasses);

// Remembers that the hits of Serial and Generation alone say to ignore notifications of these classes.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID KeyObjectKeepQuiet(_Inout_opt_ KEY_OBJECT *KeyObject, _In_ UINT64 Serial, _In_ LONG64 Generation,
                        _In_ UINT64 Classes);

// Returns whether that is so now for all of Classes. Takes no lock.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN KeyObjectIsQuiet(_In_opt_ const KEY_OBJECT *KeyObject, _In_ UINT64 Serial, _In_ UINT64 Classes);

// The object is being closed: its path is remembered as the last one.
_IRQL_requires_max_(APC_LEVEL)
VOID KeyObjectClose(_In_ KEY_FILTER *Filter, _In_ VOID *Object, _Inout_opt_ KEY_OBJECT *KeyObject,
                    _In_opt_ const KEY_PATH *Path);

// Returns the last path of an object that is dead, or as good as dead. NULL if it is not known. The caller releases it.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NAME *KeyObjectGetLastName(_In_opt_ KEY_OBJECT *KeyObject);

// Frees the context, which the configuration manager has given back.
_IRQL_requires_max_(APC_LEVEL)
VOID KeyObjectFree(_Inout_ KEY_FILTER *Filter, _In_opt_ _Post_ptr_invalid_ KEY_OBJECT *KeyObject);

// Each rename of a key, which changes the paths of all keys below it, is between these two. No other operation changes
// a path: the objects of a hive that is unloaded, restored or replaced either keep it or are dead. A rename that began
// before the first registration came is not noticed.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID KeyObjectRenameBegins(VOID);
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID KeyObjectRenameEnds(VOID);

#endif
