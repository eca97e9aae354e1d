// SPDX-License-Identifier: MIT
//
// The contexts of key objects, and the generations of their names.

#include "key/key_object.h"
#include "base/memory.h"

struct KEY_OBJECT {
    UINT64 Serial;
    CMB_BODY_CLOSE Opener;
    // Set with release once Replaced has its final value.
    volatile LONG Attached;
    // The context that this one took the place of, because two threads had found nothing attached. The other thread may
    // still use it, so it lives as long as this one.
    KEY_OBJECT *Replaced;

    KSPIN_LOCK Lock;
    _Guarded_by_(Lock) NAME *Name;
    // NameGeneration when Name was right.
    _Guarded_by_(Lock) LONG64 Generation;
    _Guarded_by_(Lock) BOOLEAN Closing;

    // The hits of the path of generation HitsGeneration among the rules of HitsSerial; 0 if there are none.
    _Guarded_by_(Lock) UINT64 HitsSerial;
    _Guarded_by_(Lock) LONG64 HitsGeneration;
    _Guarded_by_(Lock) RULES_HITS Hits;
    // The classes that these hits alone say to ignore. They are changed under the lock and read without it: QuietSerial
    // is 0 while the others change.
    volatile LONG64 QuietSerial;
    volatile LONG64 QuietGeneration;
    volatile LONG64 QuietClasses;
};

static volatile LONG64 LastSerial;

// It goes up before any path changes and again afterwards. In between no path is taken from memory or put there. Never
// 0.
static volatile LONG64 NameGeneration = 1;
static volatile LONG RenamesAtWork;

// Returns the context that all threads agree on. NULL while it is not certain which one that is.
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
ULONG KeyObjectGetSize(VOID) {
    return sizeof(KEY_OBJECT);
}

_Use_decl_annotations_
KEY_OBJECT *KeyObjectAttach(KEY_FILTER *Filter, VOID *Object, VOID *Context, const CMB_BODY_CLOSE *Opener,
                            BOOLEAN MayAllocate) {
    VOID *replaced = NULL;
    if (Context) {
        return Context;
    }
    KEY_OBJECT *keyObject = ReserveTake(&Filter->Reserve);
    if (!keyObject && MayAllocate) {
        keyObject = MemoryAllocate(sizeof(*keyObject));
    }
    if (!keyObject) {
        return NULL;
    }
    keyObject->Serial = (UINT64)InterlockedIncrement64(&LastSerial);
    if (Opener) {
        keyObject->Opener = *Opener;
    }
    KeInitializeSpinLock(&keyObject->Lock);
    if (!NT_SUCCESS(CmSetCallbackObjectContext(Object, &Filter->Cookie, keyObject, &replaced))) {
        ReserveGive(&Filter->Reserve, keyObject);
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

// Returns the remembered path if it was right at Generation; with Any, whenever it was right.
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

// Returns the generation in which a path is right now; 0 while a key is being renamed.
static LONG64 GetGeneration(VOID) {
    // The order matters: who sees the generation that a rename began or left sees that rename at work, too.
    const LONG64 generation = ReadAcquire64(&NameGeneration);
    return ReadAcquire(&RenamesAtWork) == 0 ? generation : 0;
}

_Use_decl_annotations_
VOID KeyPathGet(KEY_PATH *Path, KEY_FILTER *Filter, VOID *Object) {
    RtlZeroMemory(Path, sizeof(*Path));
    Path->Generation = GetGeneration();
    Path->Status = CmCallbackGetKeyObjectIDEx(&Filter->Cookie, Object, NULL, &Path->Given, 0);
    if (!NT_SUCCESS(Path->Status)) {
        Path->Given = NULL;
    } else if (!Path->Given) {
        Path->Status = STATUS_OBJECT_NAME_INVALID;
    }
    if (ReadAcquire64(&NameGeneration) != Path->Generation) {
        Path->Generation = 0;
    }
}

_Use_decl_annotations_
VOID KeyPathRelease(KEY_PATH *Path) {
    if (Path->Given) {
        CmCallbackReleaseKeyObjectIDEx(Path->Given);
        Path->Given = NULL;
    }
}

_Use_decl_annotations_
NAME *KeyObjectTakeName(KEY_OBJECT *KeyObject, LONG64 *Generation) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    *Generation = GetGeneration();
    return oldest && *Generation ? TakeName(oldest, *Generation, FALSE) : NULL;
}

_Use_decl_annotations_
NAME *KeyObjectGetName(KEY_FILTER *Filter, VOID *Object, KEY_OBJECT *KeyObject, const KEY_PATH *Path) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    KEY_PATH path = {0};
    NAME *name = KeyObjectTakeName(oldest, &path.Generation);
    if (name) {
        return name;
    }
    if (!Path) {
        KeyPathGet(&path, Filter, Object);
        Path = &path;
    }
    if (Path->Given) {
        name = NameOfString(Path->Given);
    } else if (Path->Status == STATUS_KEY_DELETED && oldest) {
        // A deleted key has no name but the last one.
        name = TakeName(oldest, 0, TRUE);
    }
    if (Path->Given && name && oldest && Path->Generation && ReadAcquire64(&NameGeneration) == Path->Generation) {
        KeepName(oldest, name, Path->Generation);
    }
    KeyPathRelease(&path);
    return name;
}

_Use_decl_annotations_
BOOLEAN KeyObjectFindHits(KEY_OBJECT *KeyObject, UINT64 Serial, RULES_HITS *Hits, LONG64 *Generation) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    KIRQL irql;
    *Generation = GetGeneration();
    if (!oldest || !*Generation) {
        return FALSE;
    }
    KeAcquireSpinLock(&oldest->Lock, &irql);
    const BOOLEAN found = oldest->HitsSerial == Serial && oldest->HitsGeneration == *Generation;
    if (found) {
        *Hits = oldest->Hits;
    }
    KeReleaseSpinLock(&oldest->Lock, irql);
    return found;
}

_Use_decl_annotations_
BOOLEAN KeyObjectFindLastHits(KEY_OBJECT *KeyObject, UINT64 Serial, RULES_HITS *Hits) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    KIRQL irql;
    if (!oldest) {
        return FALSE;
    }
    KeAcquireSpinLock(&oldest->Lock, &irql);
    const BOOLEAN found = oldest->HitsSerial == Serial;
    if (found) {
        *Hits = oldest->Hits;
    }
    KeReleaseSpinLock(&oldest->Lock, irql);
    return found;
}

_Use_decl_annotations_
VOID KeyObjectKeepHits(KEY_OBJECT *KeyObject, UINT64 Serial, const RULES_HITS *Hits, LONG64 Generation) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    KIRQL irql;
    if (!oldest || !Generation || Hits->Count == RULES_HITS_MANY) {
        return;
    }
    KeAcquireSpinLock(&oldest->Lock, &irql);
    // Neither older rules nor an older path take the place of newer ones.
    if (oldest->HitsSerial < Serial || (oldest->HitsSerial == Serial && oldest->HitsGeneration < Generation)) {
        InterlockedExchange64(&oldest->QuietSerial, 0);
        InterlockedExchange64(&oldest->QuietClasses, 0);
        oldest->HitsSerial = Serial;
        oldest->HitsGeneration = Generation;
        oldest->Hits = *Hits;
    }
    KeReleaseSpinLock(&oldest->Lock, irql);
}

_Use_decl_annotations_
VOID KeyObjectKeepQuiet(KEY_OBJECT *KeyObject, UINT64 Serial, LONG64 Generation, UINT64 Classes) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    KIRQL irql;
    if (!oldest || !(Classes & ~(UINT64)ReadAcquire64(&oldest->QuietClasses))) {
        return;
    }
    KeAcquireSpinLock(&oldest->Lock, &irql);
    if (oldest->HitsSerial == Serial && oldest->HitsGeneration == Generation) {
        const LONG64 classes = ReadAcquire64(&oldest->QuietClasses) | (LONG64)Classes;
        InterlockedExchange64(&oldest->QuietSerial, 0);
        InterlockedExchange64(&oldest->QuietGeneration, Generation);
        InterlockedExchange64(&oldest->QuietClasses, classes);
        InterlockedExchange64(&oldest->QuietSerial, (LONG64)Serial);
    }
    KeReleaseSpinLock(&oldest->Lock, irql);
}

_Use_decl_annotations_
BOOLEAN KeyObjectIsQuiet(const KEY_OBJECT *KeyObject, UINT64 Serial, UINT64 Classes) {
    const KEY_OBJECT *oldest = FindOldest(KeyObject);
    if (!oldest || (UINT64)ReadAcquire64(&oldest->QuietSerial) != Serial) {
        return FALSE;
    }
    // The order matters: no class stands there between one generation and the next.
    const LONG64 generation = ReadAcquire64(&oldest->QuietGeneration);
    const UINT64 classes = (UINT64)ReadAcquire64(&oldest->QuietClasses);
    return !(Classes & ~classes) && generation == GetGeneration() &&
           (UINT64)ReadAcquire64(&oldest->QuietSerial) == Serial;
}

_Use_decl_annotations_
VOID KeyObjectClose(KEY_FILTER *Filter, VOID *Object, KEY_OBJECT *KeyObject, const KEY_PATH *Path) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    KIRQL irql;
    if (!oldest) {
        return;
    }
    NAME *name = KeyObjectGetName(Filter, Object, oldest, Path);
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
VOID KeyObjectFree(KEY_FILTER *Filter, KEY_OBJECT *KeyObject) {
    while (KeyObject) {
        KEY_OBJECT *replaced = KeyObject->Replaced;
        NameRelease(KeyObject->Name);
        ReserveGive(&Filter->Reserve, KeyObject);
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
