// SPDX-License-Identifier: MIT
//
// Interlocked operations are full barriers, as on x64. The NO_FENCE forms are relaxed.

#ifndef SIMULATOR_KM_INTERLOCKED_H
#define SIMULATOR_KM_INTERLOCKED_H

#include "types.h"

// Where the scheduler of the native tests may let another thread run.
#if defined(CMB_SCHEDULE)
SIM_BEGIN_C
VOID SimSchedulePoint(const char *What, const volatile VOID *Where);
VOID SimSchedulePause(VOID);
SIM_END_C
#define SIM_POINT(where) SimSchedulePoint("an interlocked operation", where)
#define SIM_PAUSE() SimSchedulePause()
#else
#define SIM_POINT(where) ((void)0)
#define SIM_PAUSE() ((void)0)
#endif

#define SIM_INTERLOCKED(suffix, type)                                                                                  \
    FORCEINLINE type InterlockedIncrement##suffix(type volatile *target) {                                             \
        SIM_POINT(target);                                                                                             \
        return __atomic_add_fetch(target, 1, __ATOMIC_SEQ_CST);                                                        \
    }                                                                                                                  \
    FORCEINLINE type InterlockedDecrement##suffix(type volatile *target) {                                             \
        SIM_POINT(target);                                                                                             \
        return __atomic_sub_fetch(target, 1, __ATOMIC_SEQ_CST);                                                        \
    }                                                                                                                  \
    FORCEINLINE type InterlockedExchangeAdd##suffix(type volatile *target, type value) {                               \
        SIM_POINT(target);                                                                                             \
        return __atomic_fetch_add(target, value, __ATOMIC_SEQ_CST);                                                    \
    }                                                                                                                  \
    FORCEINLINE type InterlockedAdd##suffix(type volatile *target, type value) {                                       \
        SIM_POINT(target);                                                                                             \
        return __atomic_add_fetch(target, value, __ATOMIC_SEQ_CST);                                                    \
    }                                                                                                                  \
    FORCEINLINE type InterlockedExchange##suffix(type volatile *target, type value) {                                  \
        SIM_POINT(target);                                                                                             \
        return __atomic_exchange_n(target, value, __ATOMIC_SEQ_CST);                                                   \
    }                                                                                                                  \
    FORCEINLINE type InterlockedAnd##suffix(type volatile *target, type value) {                                       \
        SIM_POINT(target);                                                                                             \
        return __atomic_fetch_and(target, value, __ATOMIC_SEQ_CST);                                                    \
    }                                                                                                                  \
    FORCEINLINE type InterlockedOr##suffix(type volatile *target, type value) {                                        \
        SIM_POINT(target);                                                                                             \
        return __atomic_fetch_or(target, value, __ATOMIC_SEQ_CST);                                                     \
    }                                                                                                                  \
    FORCEINLINE type InterlockedXor##suffix(type volatile *target, type value) {                                       \
        SIM_POINT(target);                                                                                             \
        return __atomic_fetch_xor(target, value, __ATOMIC_SEQ_CST);                                                    \
    }                                                                                                                  \
    FORCEINLINE type InterlockedCompareExchange##suffix(type volatile *target, type value, type comparand) {           \
        SIM_POINT(target);                                                                                             \
        __atomic_compare_exchange_n(target, &comparand, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                 \
        return comparand;                                                                                              \
    }

SIM_INTERLOCKED(, LONG)
SIM_INTERLOCKED(64, LONG64)

FORCEINLINE PVOID InterlockedExchangePointer(PVOID volatile *target, PVOID value) {
    SIM_POINT(target);
    return __atomic_exchange_n(target, value, __ATOMIC_SEQ_CST);
}
FORCEINLINE PVOID InterlockedCompareExchangePointer(PVOID volatile *target, PVOID value, PVOID comparand) {
    SIM_POINT(target);
    __atomic_compare_exchange_n(target, &comparand, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return comparand;
}
FORCEINLINE LONG InterlockedIncrementNoFence(LONG volatile *target) {
    SIM_POINT(target);
    return __atomic_add_fetch(target, 1, __ATOMIC_RELAXED);
}
FORCEINLINE LONG64 InterlockedIncrementNoFence64(LONG64 volatile *target) {
    SIM_POINT(target);
    return __atomic_add_fetch(target, 1, __ATOMIC_RELAXED);
}
FORCEINLINE LONG64 InterlockedAddNoFence64(LONG64 volatile *target, LONG64 value) {
    SIM_POINT(target);
    return __atomic_add_fetch(target, value, __ATOMIC_RELAXED);
}

#define SIM_ACCESSORS(suffix, type, source) SIM_NAMED_ACCESSORS(suffix, , type, source)
#define SIM_NAMED_ACCESSORS(suffix, end, type, source)                                                                 \
    FORCEINLINE type Read##suffix##NoFence##end(source const volatile *from) {                                         \
        SIM_POINT(from);                                                                                               \
        return __atomic_load_n((type const volatile *)from, __ATOMIC_RELAXED);                                         \
    }                                                                                                                  \
    FORCEINLINE type Read##suffix##Acquire##end(source const volatile *from) {                                         \
        SIM_POINT(from);                                                                                               \
        return __atomic_load_n((type const volatile *)from, __ATOMIC_ACQUIRE);                                         \
    }                                                                                                                  \
    FORCEINLINE void Write##suffix##NoFence##end(source volatile *to, type value) {                                    \
        SIM_POINT(to);                                                                                                 \
        __atomic_store_n((type volatile *)to, value, __ATOMIC_RELAXED);                                                \
    }                                                                                                                  \
    FORCEINLINE void Write##suffix##Release##end(source volatile *to, type value) {                                    \
        SIM_POINT(to);                                                                                                 \
        __atomic_store_n((type volatile *)to, value, __ATOMIC_RELEASE);                                                \
    }

SIM_ACCESSORS(, LONG, LONG)
SIM_ACCESSORS(ULong, ULONG, ULONG)
SIM_NAMED_ACCESSORS(, 64, LONG64, LONG64)
SIM_ACCESSORS(ULong64, ULONG64, ULONG64)
SIM_ACCESSORS(UShort, USHORT, USHORT)
SIM_ACCESSORS(UChar, UCHAR, UCHAR)
SIM_ACCESSORS(Boolean, BOOLEAN, BOOLEAN)
SIM_ACCESSORS(ULongPtr, ULONG_PTR, ULONG_PTR)
SIM_ACCESSORS(Pointer, PVOID, PVOID)

#define READ_NO_FENCE(from) ReadNoFence(from)
#define READ_ACQUIRE(from) ReadAcquire(from)

FORCEINLINE void KeMemoryBarrier(void) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
FORCEINLINE void YieldProcessor(void) {
    SIM_PAUSE();
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}
#define MemoryBarrier() KeMemoryBarrier()

#endif
