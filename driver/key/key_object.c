// SPDX-License-Identifier: MIT
//
// The contexts of key objects, and the generations of their names.

#include "key/key_object.h"
#include "base/memory.h"

// Generation of a path that does not change any more, for the object is closed.
#define GENERATION_LAST 0x7FFFFFFFFFFFFFFFLL

struct KEY_OBJECT {
    // Of KEY_FILTER.Stripes.
    ULONG Stripe;
    // Set with release once Replaced has its final value.
    volatile LONG Attached;
    // The context that this one took the place of, because two threads had found nothing attached. The other thread may
    // still use it, so it lives as long as this one.
    KEY_OBJECT *Replaced;
    // 0 until somebody asks.
    _Interlocked_ volatile LONG64 Number;
    CMB_BODY_CLOSE Opener;
    // Another key was opened relative to this one.
    volatile LONG IsRoot;

    KSPIN_LOCK Lock;
    _Guarded_by_(Lock) NAME *Name;
    // When Name was right.
    _Guarded_by_(Lock) LONG64 Generation;

    // The hits of the path of HitsGeneration among the rules of HitsSerial, 0 if there are none, and the classes that
    // these hits alone say to ignore. All are changed under the lock. Serial, generation and classes are also read
    // without it: HitsSerial is 0 while the others change.
    volatile LONG64 HitsSerial;
    volatile LONG64 HitsGeneration;
    volatile LONG64 QuietClasses;
    _Guarded_by_(Lock) RULES_HITS Hits;
};

// Each of these two has a cache line of its own: the first is read by every notification and hardly ever written, the
// second is written whenever a key object is told of for the first time.
//
// Names: the lowest bits count the renames that are at work, the others those that have ended, so that it only grows. A
// path is remembered with the generation of the moment before it was asked for, and right as long as that stays and no
// rename is at work. What is remembered while one is at work is for keys that are deleted meanwhile: these have no
// other.
#define RENAME_COUNT_MASK 0xFFFFFLL
#define RENAME_STEP (RENAME_COUNT_MASK + 1)
static struct DECLSPEC_CACHEALIGN { _Interlocked_ volatile LONG64 Generation; } Names = {RENAME_STEP};
static struct DECLSPEC_CACHEALIGN { _Interlocked_ volatile LONG64 Last; } Numbers;
C_ASSERT(sizeof(Names) >= SYSTEM_CACHE_ALIGNMENT_SIZE && sizeof(Numbers) >= SYSTEM_CACHE_ALIGNMENT_SIZE);

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

_Function_class_(ALLOCATE_FUNCTION_EX)
static PVOID NTAPI AllocateBlock(POOL_TYPE PoolType, SIZE_T Size, ULONG Tag, PLOOKASIDE_LIST_EX Blocks) {
    UNREFERENCED_PARAMETER(PoolType);
    UNREFERENCED_PARAMETER(Tag);
    UNREFERENCED_PARAMETER(Blocks);
    return MemoryAllocate(Size);
}

_Function_class_(FREE_FUNCTION_EX)
static VOID NTAPI FreeBlock(PVOID Block, PLOOKASIDE_LIST_EX Blocks) {
    UNREFERENCED_PARAMETER(Blocks);
    MemoryFree(Block);
}

_Use_decl_annotations_
NTSTATUS KeyFilterInitialize(KEY_FILTER *Filter) {
    RtlZeroMemory(Filter, sizeof(*Filter));
    for (ULONG i = 0; i < KEY_STRIPES; ++i) {
        const NTSTATUS status = ExInitializeLookasideListEx(&Filter->Stripes[i].Blocks, AllocateBlock, FreeBlock,
                                                            NonPagedPoolNx, 0, sizeof(KEY_OBJECT), MEMORY_TAG, 0);
        if (!NT_SUCCESS(status)) {
            while (i > 0) {
                ExDeleteLookasideListEx(&Filter->Stripes[--i].Blocks);
            }
            return status;
        }
    }
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID KeyFilterUninitialize(KEY_FILTER *Filter) {
    for (ULONG i = 0; i < KEY_STRIPES; ++i) {
        NT_ASSERT(Filter->Stripes[i].Used == 0);
        ExDeleteLookasideListEx(&Filter->Stripes[i].Blocks);
    }
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static KEY_OBJECT *TakeBlock(_Inout_ KEY_FILTER *Filter) {
    const ULONG number = KeGetCurrentProcessorNumberEx(NULL) % KEY_STRIPES;
    KEY_STRIPE *stripe = &Filter->Stripes[number];
    KEY_OBJECT *block = NULL;
    if (InterlockedIncrement(&stripe->Used) <= KEY_MAX_OBJECTS / KEY_STRIPES) {
        block = ExAllocateFromLookasideListEx(&stripe->Blocks);
    }
    if (!block) {
        InterlockedDecrement(&stripe->Used);
        return NULL;
    }
    RtlZeroMemory(block, sizeof(*block));
    block->Stripe = number;
    return block;
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID GiveBlock(_Inout_ KEY_FILTER *Filter, _In_ _Post_ptr_invalid_ KEY_OBJECT *Block) {
    KEY_STRIPE *stripe = &Filter->Stripes[Block->Stripe];
    ExFreeToLookasideListEx(&stripe->Blocks, Block);
    InterlockedDecrement(&stripe->Used);
}

_Use_decl_annotations_
KEY_OBJECT *KeyObjectAttach(KEY_FILTER *Filter, VOID *Object, VOID *Context, const CMB_BODY_CLOSE *Opener) {
    VOID *replaced = NULL;
    if (Context) {
        return Context;
    }
    KEY_OBJECT *keyObject = TakeBlock(Filter);
    if (!keyObject) {
        return NULL;
    }
    if (Opener) {
        keyObject->Opener = *Opener;
    }
    KeInitializeSpinLock(&keyObject->Lock);
    if (!NT_SUCCESS(CmSetCallbackObjectContext(Object, &Filter->Cookie, keyObject, &replaced))) {
        GiveBlock(Filter, keyObject);
        return NULL;
    }
    keyObject->Replaced = replaced;
    WriteRelease(&keyObject->Attached, TRUE);
    return keyObject;
}

_Use_decl_annotations_
UINT64 KeyObjectGetSerial(KEY_OBJECT *KeyObject) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    if (!oldest) {
        return 0;
    }
    LONG64 number = ReadAcquire64(&oldest->Number);
    if (!number) {
        const LONG64 fresh = InterlockedIncrement64(&Numbers.Last);
        number = InterlockedCompareExchange64(&oldest->Number, fresh, 0);
        number = number ? number : fresh;
    }
    return (UINT64)number;
}

_Use_decl_annotations_
VOID KeyObjectGetOpener(const KEY_OBJECT *KeyObject, CMB_BODY_CLOSE *Opener) {
    const KEY_OBJECT *oldest = FindOldest(KeyObject);
    RtlZeroMemory(Opener, sizeof(*Opener));
    if (oldest) {
        *Opener = oldest->Opener;
    }
}

// Returns the remembered path if it is that of Generation, or the last one; with Any, whenever it was right.
_IRQL_requires_max_(DISPATCH_LEVEL)
static NAME *TakeName(_Inout_ KEY_OBJECT *KeyObject, _In_ LONG64 Generation, _In_ BOOLEAN Any) {
    KIRQL irql;
    KeAcquireSpinLock(&KeyObject->Lock, &irql);
    const BOOLEAN right = Any || KeyObject->Generation == Generation || KeyObject->Generation == GENERATION_LAST;
    NAME *name = right ? NameReference(KeyObject->Name) : NULL;
    KeReleaseSpinLock(&KeyObject->Lock, irql);
    return name;
}

// Whoever opens keys decides how long their paths are: the long ones are not kept, but for the last one of an object,
// which is about to go.
_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID KeepName(_Inout_ KEY_OBJECT *KeyObject, _Inout_opt_ NAME *Name, _In_ LONG64 Generation) {
    NAME *outdated = NULL;
    KIRQL irql;
    if (Name && Name->Size > CMB_MAX_KEPT_PATH_BYTES && Generation != GENERATION_LAST) {
        return;
    }
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
    const LONG64 generation = ReadAcquire64(&Names.Generation);
    return generation & RENAME_COUNT_MASK ? 0 : generation;
}

_Use_decl_annotations_
VOID KeyPathGet(KEY_PATH *Path, KEY_FILTER *Filter, VOID *Object) {
    RtlZeroMemory(Path, sizeof(*Path));
    Path->Generation = ReadAcquire64(&Names.Generation);
    Path->Status = CmCallbackGetKeyObjectIDEx(&Filter->Cookie, Object, NULL, &Path->Given, 0);
    if (!NT_SUCCESS(Path->Status)) {
        Path->Given = NULL;
    } else if (!Path->Given) {
        Path->Status = STATUS_OBJECT_NAME_INVALID;
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
    if (Path->Given && name && oldest) {
        KeepName(oldest, name, Path->Generation);
    }
    KeyPathRelease(&path);
    return name;
}

// Most objects are roots once or never, and need no memory for it.
_Use_decl_annotations_
NAME *KeyObjectGetRoot(KEY_FILTER *Filter, VOID *Object, KEY_OBJECT *KeyObject, KEY_PATH *Path) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    LONG64 generation;
    RtlZeroMemory(Path, sizeof(*Path));
    NAME *name = KeyObjectTakeName(oldest, &generation);
    if (!name) {
        KeyPathGet(Path, Filter, Object);
    }
    if (Path->Given && oldest && InterlockedExchange(&oldest->IsRoot, TRUE)) {
        name = KeyObjectGetName(Filter, Object, oldest, Path);
    }
    return name;
}

// Returns what was found among the rules of Serial, by the path of Generation; 0: by whatever path.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Success_(return != FALSE)
static BOOLEAN TakeHits(_Inout_ KEY_OBJECT *KeyObject, _In_ UINT64 Serial, _In_ LONG64 Generation,
                        _Out_ RULES_HITS *Hits) {
    KIRQL irql;
    KeAcquireSpinLock(&KeyObject->Lock, &irql);
    const BOOLEAN found =
        KeyObject->HitsSerial == (LONG64)Serial && (!Generation || KeyObject->HitsGeneration == Generation);
    if (found) {
        *Hits = KeyObject->Hits;
    }
    KeReleaseSpinLock(&KeyObject->Lock, irql);
    return found;
}

_Use_decl_annotations_
BOOLEAN KeyObjectFindHits(KEY_OBJECT *KeyObject, UINT64 Serial, RULES_HITS *Hits, LONG64 *Generation) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    *Generation = GetGeneration();
    return oldest && *Generation && TakeHits(oldest, Serial, *Generation, Hits);
}

_Use_decl_annotations_
BOOLEAN KeyObjectFindLastHits(KEY_OBJECT *KeyObject, UINT64 Serial, RULES_HITS *Hits) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    return oldest && TakeHits(oldest, Serial, 0, Hits);
}

_Use_decl_annotations_
VOID KeyObjectKeepHits(KEY_OBJECT *KeyObject, UINT64 Serial, const RULES_HITS *Hits, LONG64 Generation,
                       UINT64 QuietClasses) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    KIRQL irql;
    if (!oldest || Hits->Count == RULES_HITS_MANY) {
        return;
    }
    KeAcquireSpinLock(&oldest->Lock, &irql);
    // Neither older rules nor an older path take the place of newer ones.
    if (oldest->HitsSerial < (LONG64)Serial ||
        (oldest->HitsSerial == (LONG64)Serial && oldest->HitsGeneration < Generation)) {
        InterlockedExchange64(&oldest->HitsSerial, 0);
        InterlockedExchange64(&oldest->QuietClasses, 0);
        InterlockedExchange64(&oldest->HitsGeneration, Generation);
        InterlockedExchange64(&oldest->QuietClasses, (LONG64)QuietClasses);
        oldest->Hits = *Hits;
        InterlockedExchange64(&oldest->HitsSerial, (LONG64)Serial);
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
    if (oldest->HitsSerial == (LONG64)Serial && oldest->HitsGeneration == Generation) {
        InterlockedOr64(&oldest->QuietClasses, (LONG64)Classes);
    }
    KeReleaseSpinLock(&oldest->Lock, irql);
}

_Use_decl_annotations_
BOOLEAN KeyObjectIsQuiet(const KEY_OBJECT *KeyObject, UINT64 Serial, UINT64 Classes) {
    const KEY_OBJECT *oldest = FindOldest(KeyObject);
    if (!oldest || (UINT64)ReadAcquire64(&oldest->HitsSerial) != Serial) {
        return FALSE;
    }
    // The order matters: no class stands there between one generation and the next.
    const LONG64 generation = ReadAcquire64(&oldest->HitsGeneration);
    const UINT64 classes = (UINT64)ReadAcquire64(&oldest->QuietClasses);
    return !(Classes & ~classes) && generation == GetGeneration() &&
           (UINT64)ReadAcquire64(&oldest->HitsSerial) == Serial;
}

_Use_decl_annotations_
VOID KeyObjectClose(KEY_FILTER *Filter, VOID *Object, KEY_OBJECT *KeyObject, const KEY_PATH *Path) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    if (!oldest) {
        return;
    }
    NAME *name = KeyObjectGetName(Filter, Object, oldest, Path);
    KeepName(oldest, name, GENERATION_LAST);
    NameRelease(name);
}

_Use_decl_annotations_
NAME *KeyObjectGetLastName(KEY_OBJECT *KeyObject) {
    KEY_OBJECT *oldest = FindOldest(KeyObject);
    return oldest ? TakeName(oldest, ReadAcquire64(&Names.Generation), FALSE) : NULL;
}

_Use_decl_annotations_
VOID KeyObjectFree(KEY_FILTER *Filter, KEY_OBJECT *KeyObject) {
    while (KeyObject) {
        KEY_OBJECT *replaced = KeyObject->Replaced;
        NameRelease(KeyObject->Name);
        GiveBlock(Filter, KeyObject);
        KeyObject = replaced;
    }
}

_Use_decl_annotations_
VOID KeyObjectRenameBegins(VOID) {
    InterlockedIncrement64(&Names.Generation);
}

_Use_decl_annotations_
VOID KeyObjectRenameEnds(VOID) {
    InterlockedExchangeAdd64(&Names.Generation, RENAME_STEP - 1);
}
