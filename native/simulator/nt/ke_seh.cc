// SPDX-License-Identifier: MIT
//
// Raising and filtering of structured exceptions on the thread's stack of frames.
//
// longjmp passes over the frames between a raise and its __try. Nothing in nt may raise while a frame of its own has an
// object to destroy.

#include "kernel.h"

extern "C" {

SIM_SEH_FRAME *SimSehEnter(SIM_SEH_FRAME *frame) {
    PKTHREAD thread = nt::currentThread();
    frame->Thread = thread;
    frame->Previous = thread->seh;
    frame->State = 1;
    thread->seh = frame;
    return frame;
}

SIM_SEH_FRAME *SimSehLeave(SIM_SEH_FRAME *frame) {
    if (frame->State == 1) {
        PKTHREAD thread = frame->Thread;
        if (thread->seh != frame) {
            nt::bugCheck(KMODE_EXCEPTION_NOT_HANDLED, 0, reinterpret_cast<ULONG_PTR>(frame), 0, 0,
                         "Exception frames were left out of order.");
        }
        thread->seh = frame->Previous;
    }
    frame->State = 2;
    return nullptr;
}

BOOLEAN SimSehFilter(LONG disposition) {
    if (disposition == EXCEPTION_EXECUTE_HANDLER) {
        return TRUE;
    }
    if (disposition == EXCEPTION_CONTINUE_EXECUTION) {
        nt::bugCheck(KMODE_EXCEPTION_NOT_HANDLED, 0xC0000025, 0, 0, 0, "Execution cannot continue after an exception.");
    }
    ExRaiseStatus(SimSehCode());
}

NTSTATUS SimSehCode(void) {
    return nt::currentThread()->sehCode;
}

VOID ExRaiseStatus(NTSTATUS status) {
    PKTHREAD thread = nt::currentThread();
    if (thread->irql > APC_LEVEL) {
        nt::bugCheck(IRQL_NOT_LESS_OR_EQUAL, static_cast<ULONG>(status), thread->irql, APC_LEVEL, 0,
                     "Exception 0x%08X at IRQL %u.", static_cast<ULONG>(status), thread->irql);
    }
    SIM_SEH_FRAME *frame = thread->seh;
    if (frame == nullptr) {
        nt::bugCheck(KMODE_EXCEPTION_NOT_HANDLED, static_cast<ULONG>(status), 0, 0, 0,
                     "Exception 0x%08X was not handled.", static_cast<ULONG>(status));
    }
    thread->sehCode = status;
    thread->seh = frame->Previous;
    frame->State = 2;
    longjmp(frame->Target, 1);
}

VOID ExRaiseAccessViolation(VOID) {
    ExRaiseStatus(STATUS_ACCESS_VIOLATION);
}
VOID ExRaiseDatatypeMisalignment(VOID) {
    ExRaiseStatus(STATUS_DATATYPE_MISALIGNMENT);
}

} // extern "C"
