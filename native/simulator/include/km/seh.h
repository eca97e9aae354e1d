// SPDX-License-Identifier: MIT
//
// Structured exceptions for C without compiler support: a thread-local stack of frames over setjmp/longjmp. Only
// exceptions that kernel routines raise exist (ExRaiseStatus, probes, copies from or to simulated user memory); one
// that no frame takes is a bug check.
//
// Limits against MSVC: `break` and `continue` must not leave the guarded block (`return` may), there is no __finally
// and no
// __leave, the filter runs after the unwinding, and a local variable that is changed in the block has its new value in
// the handler only if it is volatile. A guarded block should only call a noinline routine that touches the memory: this
// is what compilers other than MSVC need on Windows, too.

#ifndef SIMULATOR_KM_SEH_H
#define SIMULATOR_KM_SEH_H

#include "types.h"
#include <setjmp.h>

#define EXCEPTION_EXECUTE_HANDLER 1
#define EXCEPTION_CONTINUE_SEARCH 0
#define EXCEPTION_CONTINUE_EXECUTION (-1)

SIM_BEGIN_C

typedef struct _SIM_SEH_FRAME {
    struct _SIM_SEH_FRAME *Previous;
    struct _KTHREAD *Thread;
    int State;
    jmp_buf Target;
} SIM_SEH_FRAME;

// Returns the frame.
SIM_SEH_FRAME *SimSehEnter(SIM_SEH_FRAME *Frame);
// The block or its handler is through: returns NULL.
SIM_SEH_FRAME *SimSehLeave(SIM_SEH_FRAME *Frame);
BOOLEAN SimSehFilter(LONG Disposition);
NTSTATUS SimSehCode(void);

DECLSPEC_NORETURN VOID ExRaiseStatus(NTSTATUS Status);
DECLSPEC_NORETURN VOID ExRaiseAccessViolation(VOID);
DECLSPEC_NORETURN VOID ExRaiseDatatypeMisalignment(VOID);

SIM_END_C

// libstdc++ uses __try for itself.
#if !defined(__cplusplus)
// However the block was left.
static inline void SimSehCleanUp(SIM_SEH_FRAME *Frame) {
    if (Frame->State == 1) {
        SimSehLeave(Frame);
    }
}

#if !defined(__clang__)
// Warns about every local that is set before the block and set again in the handler, although that is well defined.
#pragma GCC diagnostic ignored "-Wclobbered"
#endif
// The frame is not set to zero as a whole: that costs more than everything else here.
#define __try                                                                                                          \
    for (SIM_SEH_FRAME simSehFrame __attribute__((cleanup(SimSehCleanUp))), *simSehOpen = SimSehEnter(&simSehFrame);   \
         simSehOpen != NULL; simSehOpen = SimSehLeave(&simSehFrame))                                                   \
        if (_setjmp(simSehFrame.Target) == 0)
// clang-format takes the name for the statement.
// clang-format off
#define __except(filter) else if (SimSehFilter(filter))
// clang-format on
#define GetExceptionCode() SimSehCode()
#define _exception_code() SimSehCode()
#endif

#endif
