// SPDX-License-Identifier: MIT
//
// Where the driver begins when it is built without the WDK, whose libraries do the same: stack cookies, and what
// happens when one has changed.

#include "base/compat.h"

DRIVER_INITIALIZE DriverEntry;
DRIVER_INITIALIZE CmbDriverEntry;

// The compiler chooses the names of these two. Until CmbDriverEntry has run the value is that of every driver that
// Microsoft's linker made.
UINT64 __stack_chk_guard = 0x00002B992DDFA232;
DECLSPEC_NORETURN VOID __stack_chk_fail(VOID);

// The stack cannot be trusted any more, so nothing may be called: fast fail 2, FAST_FAIL_STACK_COOKIE_CHECK_FAILURE, is
// bug check KERNEL_SECURITY_CHECK_FAILURE.
VOID __stack_chk_fail(VOID) {
    __asm__ volatile("int $0x29" : : "c"(2));
    __builtin_unreachable();
}

// No function below DriverEntry has returned before the cookie is chosen, and DriverEntry itself has none: it holds no
// array. The upper 16 bits stay zero, so that a string that runs over does not get past them.
_Use_decl_annotations_
CMB_INIT_CODE __attribute__((no_stack_protector)) NTSTATUS NTAPI CmbDriverEntry(PDRIVER_OBJECT DriverObject,
                                                                                PUNICODE_STRING RegistryPath) {
    ULONG64 counter = 0;
    const UINT64 time = KeQueryInterruptTimePrecise(&counter);
    const UINT64 mixed =
        (time ^ (counter << 20) ^ __builtin_ia32_rdtsc() ^ (UINT_PTR)DriverObject ^ (UINT_PTR)&counter) *
        0x9E3779B97F4A7C15u;
    __stack_chk_guard = mixed >> 16;
    return DriverEntry(DriverObject, RegistryPath);
}
