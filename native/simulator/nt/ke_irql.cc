// SPDX-License-Identifier: MIT
//
// IRQL, regions without APCs, and the rule that a routine of a driver leaves both as it found them.

#include "kernel.h"

namespace nt {

void irqlTooHigh(KIRQL highest, const char *routine) {
    KIRQL irql = currentThread()->irql;
    bugCheck(IRQL_NOT_LESS_OR_EQUAL, 0, irql, highest, 0, "%s was called at IRQL %u; it allows %u at most.", routine,
             irql, highest);
}

void cannotLowerIrql(PKTHREAD thread, KIRQL irql) {
    if (irql > thread->irql) {
        bugCheck(IRQL_NOT_LESS_OR_EQUAL, 0, thread->irql, irql, 0,
                 "KeLowerIrql to %u, which is above the current IRQL %u.", irql, thread->irql);
    }
    bugCheck(IRQL_UNEXPECTED_VALUE, irql, thread->spinLocks, 0, 0, "IRQL lowered to %u while %u spin lock(s) are held.",
             irql, thread->spinLocks);
}

static bool inDriver(PKTHREAD thread) {
    return thread->stackBoundary != 0 || thread->terminate != nullptr;
}

void pointOfDriver(const char *what, const volatile void *where) {
    if (inDriver(currentThread())) {
        schedule::point(what, where);
    }
}

void requirePassive(const char *routine) {
    PKTHREAD thread = currentThread();
    requireIrql(thread, inDriver(thread) ? PASSIVE_LEVEL : APC_LEVEL, routine);
}

} // namespace nt

using nt::bugCheck;
using nt::currentThread;

extern "C" {

KIRQL KeGetCurrentIrql(VOID) {
    return currentThread()->irql;
}

KIRQL KfRaiseIrql(KIRQL irql) {
    nt::point("raising IRQL", nullptr);
    PKTHREAD thread = currentThread();
    KIRQL old = thread->irql;
    if (irql < old || irql > HIGH_LEVEL) {
        bugCheck(IRQL_NOT_GREATER_OR_EQUAL, old, irql, 0, 0, "KeRaiseIrql to %u, which is below the current IRQL %u.",
                 irql, old);
    }
    thread->irql = irql;
    return old;
}

KIRQL KeRaiseIrqlToDpcLevel(VOID) {
    return KfRaiseIrql(DISPATCH_LEVEL);
}

VOID KeLowerIrql(KIRQL irql) {
    nt::lowerIrql(currentThread(), irql);
    nt::point("lowered IRQL", nullptr);
}

VOID KeEnterCriticalRegion(VOID) {
    PKTHREAD thread = currentThread();
    nt::requireIrql(thread, APC_LEVEL, "KeEnterCriticalRegion");
    ++thread->kernelApcDisable;
}

VOID KeLeaveCriticalRegion(VOID) {
    PKTHREAD thread = currentThread();
    nt::requireIrql(thread, APC_LEVEL, "KeLeaveCriticalRegion");
    if (--thread->kernelApcDisable < 0) {
        bugCheck(APC_INDEX_MISMATCH, 0, 0, 0, 0, "KeLeaveCriticalRegion without KeEnterCriticalRegion.");
    }
}

VOID KeEnterGuardedRegion(VOID) {
    PKTHREAD thread = currentThread();
    nt::requireIrql(thread, APC_LEVEL, "KeEnterGuardedRegion");
    ++thread->specialApcDisable;
}

VOID KeLeaveGuardedRegion(VOID) {
    PKTHREAD thread = currentThread();
    nt::requireIrql(thread, APC_LEVEL, "KeLeaveGuardedRegion");
    if (--thread->specialApcDisable < 0) {
        bugCheck(APC_INDEX_MISMATCH, 0, 1, 0, 0, "KeLeaveGuardedRegion without KeEnterGuardedRegion.");
    }
}

BOOLEAN KeAreApcsDisabled(VOID) {
    PKTHREAD thread = currentThread();
    return thread->kernelApcDisable != 0 || thread->specialApcDisable != 0;
}

BOOLEAN KeAreAllApcsDisabled(VOID) {
    PKTHREAD thread = currentThread();
    return thread->specialApcDisable != 0 || thread->irql >= APC_LEVEL;
}

VOID SimSchedulePoint(const char *what, const volatile VOID *where) {
    nt::point(what, where);
}

VOID SimSchedulePause(VOID) {
    if (schedule::active()) {
        schedule::pause();
    }
}

VOID SimPagedCode(const char *file, int line) {
    KIRQL irql = currentThread()->irql;
    if (irql > APC_LEVEL) {
        bugCheck(IRQL_NOT_LESS_OR_EQUAL, 0, irql, APC_LEVEL, 0, "Pageable code entered at IRQL %u (%s:%d).", irql, file,
                 line);
    }
}

VOID SimEnterDriver(SIM_CALL_STATE *state) {
    PKTHREAD thread = currentThread();
    *state = {thread->irql, thread->spinLocks,    thread->kernelApcDisable, thread->specialApcDisable,
              thread->seh,  thread->stackBoundary};
    // The driver's frames lie about where this one does. A caller that wraps this routine puts it a little lower.
    thread->stackBoundary = reinterpret_cast<ULONG_PTR>(__builtin_frame_address(0)) + 64;
    nt::point("a routine of the driver", nullptr);
}

VOID SimLeaveDriver(const SIM_CALL_STATE *state, const char *routine, PVOID address) {
    PKTHREAD thread = currentThread();
    auto where = reinterpret_cast<ULONG_PTR>(address);
    thread->stackBoundary = state->StackBoundary;
    if (thread->irql != state->Irql) {
        bugCheck(IRQL_UNEXPECTED_VALUE, thread->irql, state->Irql, where, 0,
                 "%s returned at IRQL %u but was called at %u.", routine, thread->irql, state->Irql);
    }
    if (thread->spinLocks != state->SpinLocks) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, thread->spinLocks, state->SpinLocks, where, 0,
                 "%s returned with another number of spin locks held (%u) than it was called with (%u).", routine,
                 thread->spinLocks, state->SpinLocks);
    }
    if (thread->kernelApcDisable != state->KernelApcDisable || thread->specialApcDisable != state->SpecialApcDisable) {
        bugCheck(APC_INDEX_MISMATCH, where, static_cast<ULONG_PTR>(thread->kernelApcDisable),
                 static_cast<ULONG_PTR>(thread->specialApcDisable), 0,
                 "%s returned inside a critical or guarded region that it entered, or left one that it did not enter.",
                 routine);
    }
    if (thread->seh != state->SehFrame) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, where, 0, 0, 0, "%s returned with an exception frame left behind.",
                 routine);
    }
}

} // extern "C"
