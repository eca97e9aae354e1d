// SPDX-License-Identifier: MIT
//
// The little that the rules of the driver want of a kernel, over malloc, so that the sanitizer watches every block.

#include <ntifs.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
PVOID ExAllocatePoolZero(POOL_TYPE, SIZE_T NumberOfBytes, ULONG) {
    return std::calloc(1, NumberOfBytes);
}

VOID ExFreePoolWithTag(PVOID P, ULONG) {
    std::free(P);
}

VOID RtlCopyMemory(VOID *Destination, const VOID *Source, SIZE_T Length) {
    std::memcpy(Destination, Source, Length);
}

VOID SimAssertFailed(const char *expression, const char *file, int line) {
    std::fprintf(stderr, "%s:%d: %s\n", file, line, expression);
    std::abort();
}
}
