// SPDX-License-Identifier: MIT
//
// The slots of key paths.

#include "queue/queue_paths.h"
#include "base/memory.h"

_Use_decl_annotations_
NTSTATUS PathsInitialize(QUEUE_PATHS *Paths) {
    Paths->Slots = MemoryAllocate(CMB_PATH_SLOTS * sizeof(*Paths->Slots));
    return Paths->Slots ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

_Use_decl_annotations_
VOID PathsUninitialize(QUEUE_PATHS *Paths) {
    for (ULONG slot = 0; Paths->Slots && slot < CMB_PATH_SLOTS; ++slot) {
        NameRelease(Paths->Slots[slot].Name);
    }
    MemoryFree(Paths->Slots);
    Paths->Slots = NULL;
}

_Use_decl_annotations_
BOOLEAN PathsMayKeep(const NAME *Name) {
    return Name && !Name->Fault && Name->Size && Name->Size == Name->FullSize && Name->Size <= CMB_MAX_KEPT_PATH_BYTES;
}

_Use_decl_annotations_
ULONG PathsSlotOf(const NAME *Name) {
    return (ULONG)(Name->Hash % CMB_PATH_SLOTS);
}

_Use_decl_annotations_
BOOLEAN PathsHas(const QUEUE_PATHS *Paths, ULONG Slot, const NAME *Name) {
    const NAME *kept = Paths->Slots[Slot].Name;
    return kept && (kept == Name || NameEquals(kept, Name));
}

_Use_decl_annotations_
NAME *PathsPut(QUEUE_PATHS *Paths, ULONG Slot, NAME *Name) {
    QUEUE_PATH *path = &Paths->Slots[Slot];
    NAME *former = path->Name;
    path->Name = NameReference(Name);
    // In a record 0 means that the path is not kept.
    Paths->LastSerial = Paths->LastSerial == MAXULONG ? 1 : Paths->LastSerial + 1;
    path->Serial = Paths->LastSerial;
    return former;
}
