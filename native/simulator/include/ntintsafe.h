// SPDX-License-Identifier: MIT
//
// Overflow-checked arithmetic: STATUS_SUCCESS and the result, or STATUS_INTEGER_OVERFLOW and the type's error value.

#ifndef SIMULATOR_NTINTSAFE_H
#define SIMULATOR_NTINTSAFE_H

#include "km/status.h"
#include "km/types.h"

#define SIM_SAFE_OPERATION(name, type, builtin, error)                                                                 \
    FORCEINLINE NTSTATUS name(type left, type right, type *result) {                                                   \
        if (builtin(left, right, result)) {                                                                            \
            *result = (type)(error);                                                                                   \
            return STATUS_INTEGER_OVERFLOW;                                                                            \
        }                                                                                                              \
        return STATUS_SUCCESS;                                                                                         \
    }
#define SIM_SAFE_TYPE(word, type)                                                                                      \
    SIM_SAFE_OPERATION(Rtl##word##Add, type, __builtin_add_overflow, ~(type)0)                                         \
    SIM_SAFE_OPERATION(Rtl##word##Sub, type, __builtin_sub_overflow, ~(type)0)                                         \
    SIM_SAFE_OPERATION(Rtl##word##Mult, type, __builtin_mul_overflow, ~(type)0)

SIM_SAFE_TYPE(UShort, USHORT)
SIM_SAFE_TYPE(ULong, ULONG)
SIM_SAFE_TYPE(ULongLong, ULONGLONG)
SIM_SAFE_TYPE(ULongPtr, ULONG_PTR)
SIM_SAFE_TYPE(SizeT, SIZE_T)

#define SIM_SAFE_CONVERSION(name, from, to)                                                                            \
    FORCEINLINE NTSTATUS name(from value, to *result) {                                                                \
        return __builtin_add_overflow(value, (from)0, result) ? (*result = (to) ~(to)0, STATUS_INTEGER_OVERFLOW)       \
                                                              : STATUS_SUCCESS;                                        \
    }

SIM_SAFE_CONVERSION(RtlULongToUShort, ULONG, USHORT)
SIM_SAFE_CONVERSION(RtlULongLongToULong, ULONGLONG, ULONG)
SIM_SAFE_CONVERSION(RtlULongPtrToULong, ULONG_PTR, ULONG)
SIM_SAFE_CONVERSION(RtlSizeTToULong, SIZE_T, ULONG)
SIM_SAFE_CONVERSION(RtlSizeTToUShort, SIZE_T, USHORT)
SIM_SAFE_CONVERSION(RtlULongLongToSizeT, ULONGLONG, SIZE_T)

#endif
