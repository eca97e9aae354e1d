// SPDX-License-Identifier: MIT
//
// The little that the rules of the driver want of a kernel, over malloc, so that the sanitizer watches every block.

#include <ntifs.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
#include "driver/base/memory.h"

VOID *MemoryAllocate(SIZE_T Size) {
    return std::calloc(1, Size);
}

VOID MemoryFree(VOID *Block) {
    std::free(Block);
}

VOID RtlCopyMemory(VOID *Destination, const VOID *Source, SIZE_T Length) {
    std::memcpy(Destination, Source, Length);
}

VOID SimAssertFailed(const char *expression, const char *file, int line) {
    std::fprintf(stderr, "%s:%d: %s\n", file, line, expression);
    std::abort();
}
}
