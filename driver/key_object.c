// SPDX-License-Identifier: MIT

#include "key_object.h"
#include "memory.h"

struct KEY_OBJECT {
    UINT64 Serial;
    CMB_BODY_CLOSE Opener;
    // Set with release once Replaced is what it is to be.
    volatile LONG Attached;
    // What this one took the place of, because two threads had found nothing attached. The other thread may still use
    // it, so it lives as long as this one.
    KEY_OBJECT *Replaced;

    KSPIN_LOCK Lock;
    _Guarded_by_(Lock) NAME *Name;
    // Value of NameGeneration when Name was right.
    _Guarded_by_(Lock) LONG64 Generation;
    _Guarded_by_(Lock) BOOLEAN Closing;
};

static volatile LONG64 LastSerial;

// Changes before any path changes and again afterwards. In between no path is taken from memory or put there.
static volatile LONG64 NameGeneration;
static volatile LONG RenamesAtWork;

// The one that all threads agree on. NULL while it is not certain which one that is.
static KEY_OBJECT *FindOldest(_In_opt_ const KEY_OBJECT *KeyObject) {
    while (KeyObject && ReadAcquire(&KeyObject->Attached)) {
        if (!KeyObject->Replaced) {
            return (KEY_OBJECT *)(ULONG_PTR)KeyObject;
        }
        KeyObject = KeyObject->Replaced;
    }
    return NULL;
}

_Use_decl_annotations_
KEY_OBJECT *KeyObjectAttach(REGISTRATION *Registration, VOID *Object, VOID *Context, const CMB_BODY_CLOSE *Opener) {
    VOID *replaced = NULL;
    if (Context) {
        return Context;
    }
    KEY_OBJECT *keyObject = MemoryAllocate(sizeof(*keyObject));
    if (!keyObject) {
        return NULL;
    }
    keyObject->Serial = (UINT64)InterlockedIncrement64(&LastSerial);
    if (Opener) {
        keyObject->Opener = *Opener;
    }
    KeInitializeSpinLock(&keyObject->Lock);
    if (!NT_SUCCESS(CmSetCallbackObjectContext(Object, &Registration->Cookie, keyObject, &replaced))) {
        MemoryFree(keyObject);
        return NULL;
    }
    keyObject->Replaced = replaced;
    WriteRelease(&keyObject->Attached, TRUE);
    return keyObject;
}

_Use_decl_annotations_
UINT64 KeyObjectGetSerial(const KEY_OBJECT *KeyObject) {
    const KEY_OBJECT *oldest = FindOldest(KeyObject);
    return oldest ? oldest->Serial : 0;
}

_Use_decl_annotations_
VOID KeyObjectGetOpener(const KEY_OBJECT *KeyObject, CMB_BODY_CLOSE *Opener) {
    const KEY_OBJECT *oldest = FindOldest(KeyObject);
    RtlZeroMemory(Opener, sizeof(*Opener));
    if (oldest) {
        *Opener = oldest->Opener;
    }
}

// The remembered path if it was right at Generation; whenever it was right if Any.
_IRQL_requires_max_(DISPATCH_LEVEL)
static NAME *TakeName(_Inout_ KEY_OBJECT *KeyObject, _In_ LONG64 Generation, _In_ BOOLEAN Any) {
    KIRQL irql;
    KeAcquireSpinLock(&KeyObject->Lock, &irql);
    NAME *name = Any || KeyObject->Generation == Generation ? NameReference(KeyObject->Name) : NULL;
    KeReleaseSpinLock(&KeyObject->Lock, irql);
    return name;
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID KeepName(_Inout_ KEY_OBJECT *KeyObject, _Inout_ NAME *Name, _In_ LONG64 Generation) {
    NAME *outdated = NULL;
    KIRQL irql;
    KeAcquireSpinLock(&KeyObject->Lock, &irql);
    if (!KeyObject->Name || KeyObject->Generation < Generation) {
        outdated = KeyObject->Name;
        KeyObject->Name = NameReference(Name);
        KeyObject->Generation = Generation;
    }
    KeReleaseSpinLock(&KeyObject->Lock, irql);
    NameRelease(outdated);
}

_Use_decl_annotations_
NAME *KeyObjectGetName(REGISTRATION *Registration, VOID *Object, KEY_OBJECT *KeyObject) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    NAME *name = NULL;
    // In this order: whoever sees the generation that a rename began or left sees it at work, too.
    const LONG64 generation = ReadAcquire64(&NameGeneration);
    const BOOLEAN steady = ReadAcquire(&RenamesAtWork) == 0;
    if (oldest && steady) {
        name = TakeName(oldest, generation, FALSE);
    }
    if (name) {
        return name;
    }
    const NTSTATUS status = NameOfObject(&Registration->Cookie, Object, &name);
    if (!NT_SUCCESS(status)) {
        // A deleted key has no name but the last one.
        return status == STATUS_KEY_DELETED && oldest ? TakeName(oldest, 0, TRUE) : NULL;
    }
    if (oldest && steady && ReadAcquire64(&NameGeneration) == generation) {
        KeepName(oldest, name, generation);
    }
    return name;
}

_Use_decl_annotations_
VOID KeyObjectClose(REGISTRATION *Registration, VOID *Object, KEY_OBJECT *KeyObject) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    KIRQL irql;
    if (!oldest) {
        return;
    }
    NAME *name = KeyObjectGetName(Registration, Object, oldest);
    KeAcquireSpinLock(&oldest->Lock, &irql);
    NAME *outdated = oldest->Name;
    oldest->Name = name;
    oldest->Closing = TRUE;
    KeReleaseSpinLock(&oldest->Lock, irql);
    NameRelease(outdated);
}

_Use_decl_annotations_
NAME *KeyObjectGetLastName(KEY_OBJECT *KeyObject) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    const LONG64 generation = ReadAcquire64(&NameGeneration);
    KIRQL irql;
    if (!oldest) {
        return NULL;
    }
    KeAcquireSpinLock(&oldest->Lock, &irql);
    const BOOLEAN closing = oldest->Closing;
    KeReleaseSpinLock(&oldest->Lock, irql);
    return TakeName(oldest, generation, closing);
}

_Use_decl_annotations_
VOID KeyObjectFree(KEY_OBJECT *KeyObject) {
    while (KeyObject) {
        KEY_OBJECT *replaced = KeyObject->Replaced;
        NameRelease(KeyObject->Name);
        MemoryFree(KeyObject);
        KeyObject = replaced;
    }
}

_Use_decl_annotations_
VOID KeyObjectRenameBegins(VOID) {
    InterlockedIncrement(&RenamesAtWork);
    InterlockedIncrement64(&NameGeneration);
}

_Use_decl_annotations_
VOID KeyObjectRenameEnds(VOID) {
    InterlockedIncrement64(&NameGeneration);
    InterlockedDecrement(&RenamesAtWork);
}
