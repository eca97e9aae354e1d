// SPDX-License-Identifier: MIT
//
// Memory taken as 64-bit words, whatever is in it: aligned, and padded to whole words.

#ifndef CMBRIDGE_WORDS_H
#define CMBRIDGE_WORDS_H

#include "base/compat.h"

// The hash is no protection from whoever chooses the words: equal hashes say nothing, and callers compare the words,
// too.
static inline UINT64 WordsHash(_In_reads_(Count) const CMB_ANY_WORD *Words, _In_ ULONG Count, _In_ UINT64 Seed) {
    UINT64 hash = Seed;
    for (ULONG i = 0; i < Count; ++i) {
        hash = (hash ^ Words[i]) * 0x9E3779B97F4A7C15ULL;
        hash ^= hash >> 32;
    }
    // What only the upper bits of the last word say is to reach the lower bits, too.
    hash *= 0xD6E8FEB86659FD93ULL;
    return hash ^ hash >> 32;
}

static inline BOOLEAN WordsEqual(_In_reads_(Count) const CMB_ANY_WORD *First,
                                 _In_reads_(Count) const CMB_ANY_WORD *Second, _In_ ULONG Count) {
    for (ULONG i = 0; i < Count; ++i) {
        if (First[i] != Second[i]) {
            return FALSE;
        }
    }
    return TRUE;
}

#endif
