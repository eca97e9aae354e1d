// SPDX-License-Identifier: MIT

#include "facts.h"
#include "memory.h"

_Use_decl_annotations_
FACTS *FactsRead(const NOTIFY_CLASS *Class, const VOID *Pre, UINT32 Options, ULONG MaxDataBytes) {
    UNREFERENCED_PARAMETER(Class);
    UNREFERENCED_PARAMETER(Pre);
    UNREFERENCED_PARAMETER(Options);
    UNREFERENCED_PARAMETER(MaxDataBytes);
    return NULL;
}

_Use_decl_annotations_
VOID FactsFree(FACTS *Facts) {
    MemoryFree(Facts);
}
