// SPDX-License-Identifier: MIT
//
// An operation of an actor, taken apart.

#ifndef CMKERNEL_OPERATION_H
#define CMKERNEL_OPERATION_H

#include "kernel.h"

typedef struct ARGUMENTS {
    const CMK_REQUEST *Request;
    UNICODE_STRING Name;
    UNICODE_STRING Class;
    const UCHAR *Data;
    PVOID Output;
    ULONG OutputLength;
} ARGUMENTS;

static inline HANDLE KeyOf(const CMK_REQUEST *Request) {
    return (HANDLE)(ULONG_PTR)Request->Handle;
}

// operation_hive.c: STATUS_NOT_SUPPORTED for what is no operation at all.
NTSTATUS CmkRunHiveOperation(ARGUMENTS *Arguments, CMK_REPLY *Reply);

#endif
