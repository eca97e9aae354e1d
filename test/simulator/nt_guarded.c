// SPDX-License-Identifier: MIT
//
// Structured exception handling as drivers write it.

#include "nt_sample.h"

static DECLSPEC_NOINLINE VOID Copy(PVOID To, const VOID *From, SIZE_T Length) {
    RtlCopyMemory(To, From, Length);
}

NTSTATUS SampleGuardedCopy(PVOID To, const VOID *From, SIZE_T Length) {
    NTSTATUS Status = STATUS_SUCCESS;

    __try {
        Copy(To, From, Length);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        Status = GetExceptionCode();
    }
    return Status;
}

static DECLSPEC_NOINLINE VOID Probe(PVOID Address, SIZE_T Length) {
    ProbeForRead(Address, Length, 1);
}

NTSTATUS SampleGuardedProbe(PVOID Address, SIZE_T Length) {
    NTSTATUS Status = STATUS_SUCCESS;

    __try {
        Probe(Address, Length);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        Status = GetExceptionCode();
    }
    return Status;
}

int SampleNested(BOOLEAN InnerSearchesOn, NTSTATUS *Code) {
    volatile int Taken = 0;

    __try {
        __try {
            ExRaiseStatus(STATUS_DATA_ERROR);
        } __except (InnerSearchesOn ? EXCEPTION_CONTINUE_SEARCH : EXCEPTION_EXECUTE_HANDLER) {
            *Code = GetExceptionCode();
            Taken = 1;
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        *Code = GetExceptionCode();
        Taken = 2;
    }
    return Taken;
}

int SampleReturnInside(void) {
    __try {
        return 1;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return 2;
    }
    return 3;
}

int SampleRaiseInHandler(void) {
    volatile int Taken = 0;

    __try {
        __try {
            ExRaiseStatus(STATUS_DATA_ERROR);
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            ExRaiseStatus(STATUS_DATA_OVERRUN);
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        Taken = GetExceptionCode() == STATUS_DATA_OVERRUN;
    }
    return Taken;
}

int SampleLoop(int Turns) {
    volatile int Raised = 0;

    for (int i = 0; i < Turns; ++i) {
        __try {
            if (i % 2 == 0) {
                ExRaiseStatus(STATUS_UNSUCCESSFUL);
            }
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            Raised = Raised + 1;
        }
    }
    return Raised;
}
