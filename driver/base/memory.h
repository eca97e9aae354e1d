// SPDX-License-Identifier: MIT
//
// The only allocator of the driver: non-paged, not executable, zeroed, one tag. The pool counts blocks by tag, and
// Driver Verifier refuses to unload a driver that has not freed them; the driver does not count them once more, which
// every processor would have to write to the same place for.

#ifndef CMBRIDGE_MEMORY_H
#define CMBRIDGE_MEMORY_H

#include "base/compat.h"

// "CmBr" in memory order.
#define MEMORY_TAG 0x72426D43

_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
_Post_maybenull_
_Post_writable_byte_size_(Size)
__drv_allocatesMem(Mem)
static inline VOID *MemoryAllocate(_In_ SIZE_T Size) {
    // Nothing is no size of a block.
    return ExAllocatePoolZero(NonPagedPoolNx, Size ? Size : 1, MEMORY_TAG);
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static inline VOID MemoryFree(_In_opt_ _Post_ptr_invalid_ __drv_freesMem(Mem) VOID *Block) {
    if (Block) {
        ExFreePoolWithTag(Block, MEMORY_TAG);
    }
}

#endif
