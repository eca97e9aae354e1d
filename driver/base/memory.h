// SPDX-License-Identifier: MIT
//
// The only allocator of the driver: non-paged, not executable, zeroed, one tag, and every block counted.

#ifndef CMBRIDGE_MEMORY_H
#define CMBRIDGE_MEMORY_H

#include "base/compat.h"

// "CmBr" in memory order.
#define MEMORY_TAG 0x72426D43

typedef struct MEMORY_USAGE {
    UINT64 Blocks;
    UINT64 Bytes;
    // Since the driver was loaded.
    UINT64 Allocations;
} MEMORY_USAGE;

_IRQL_requires_(PASSIVE_LEVEL)
VOID MemoryInitialize(VOID);

// Everything must have been freed.
_IRQL_requires_(PASSIVE_LEVEL)
VOID MemoryUninitialize(VOID);

_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
_Post_maybenull_
_Post_writable_byte_size_(Size)
__drv_allocatesMem(Mem)
VOID *MemoryAllocate(_In_ SIZE_T Size);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID MemoryFree(_In_opt_ _Post_ptr_invalid_ __drv_freesMem(Mem) VOID *Block);

_IRQL_requires_max_(HIGH_LEVEL)
VOID MemoryQuery(_Out_ MEMORY_USAGE *Usage);

#endif
