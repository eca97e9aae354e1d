// SPDX-License-Identifier: MIT
//
// What a registration remembers of a key object, attached to the object by the configuration manager: a number that
// names it, its path, who opened it. A key object is one open of a key, however many handles mean it.

#ifndef CMBRIDGE_KEY_OBJECT_H
#define CMBRIDGE_KEY_OBJECT_H

#include "names.h"
#include "registration.h"

typedef struct KEY_OBJECT KEY_OBJECT;

// Returns Context, which a notification gave for Object; if that is NULL, attaches a new one. Object is live and not
// being closed. NULL if it cannot be had. Opener is NULL if the object was opened before.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
KEY_OBJECT *KeyObjectAttach(_In_ REGISTRATION *Registration, _In_ VOID *Object, _In_opt_ VOID *Context,
                            _In_opt_ const CMB_BODY_CLOSE *Opener);

// 0 if it is not known, or not yet.
_IRQL_requires_max_(DISPATCH_LEVEL)
UINT64 KeyObjectGetSerial(_In_opt_ const KEY_OBJECT *KeyObject);

// Zeroed if it is not known.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID KeyObjectGetOpener(_In_opt_ const KEY_OBJECT *KeyObject, _Out_ CMB_BODY_CLOSE *Opener);

// The path of a live object: the remembered one, or a new one that is remembered. The caller releases it. NULL if it
// cannot be had.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NAME *KeyObjectGetName(_In_ REGISTRATION *Registration, _In_ VOID *Object, _Inout_opt_ KEY_OBJECT *KeyObject);

// The object is being closed: from now on the path is what it was now.
_IRQL_requires_max_(APC_LEVEL)
VOID KeyObjectClose(_In_ REGISTRATION *Registration, _In_ VOID *Object, _Inout_opt_ KEY_OBJECT *KeyObject);

// The path of an object that is dead, or as good as dead. The caller releases it. NULL if it is not known.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NAME *KeyObjectGetLastName(_In_ KEY_OBJECT *KeyObject);

// When the configuration manager gives the context back.
_IRQL_requires_max_(APC_LEVEL)
VOID KeyObjectFree(_In_opt_ _Post_ptr_invalid_ KEY_OBJECT *KeyObject);

// Around each rename of a key, which changes the paths of all keys below it. No other operation changes a path: the
// objects of a hive that is unloaded, restored or replaced either keep it or are dead. A rename that began before the
// first registration came is not noticed.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID KeyObjectRenameBegins(VOID);
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID KeyObjectRenameEnds(VOID);

#endif
