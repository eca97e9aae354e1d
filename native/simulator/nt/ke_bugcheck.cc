// SPDX-License-Identifier: MIT
//
// Bug checks, which print a stack and abort the process; debug output and failed assertions.

#include "kernel.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <execinfo.h>
#include <unistd.h>

namespace nt {

void printStack(void *const *stack, int depth) {
    fflush(stderr);
    backtrace_symbols_fd(stack, depth, STDERR_FILENO);
}

[[noreturn]] static void stop(ULONG code, ULONG_PTR p1, ULONG_PTR p2, ULONG_PTR p3, ULONG_PTR p4,
                              const char *sentence) {
    fprintf(stderr, "*** STOP: 0x%08X (0x%zX, 0x%zX, 0x%zX, 0x%zX)\n*** %s\n", code, static_cast<size_t>(p1),
            static_cast<size_t>(p2), static_cast<size_t>(p3), static_cast<size_t>(p4), sentence);
    void *stack[48];
    printStack(stack, backtrace(stack, 48));
    abort();
}

void bugCheck(ULONG code, ULONG_PTR p1, ULONG_PTR p2, ULONG_PTR p3, ULONG_PTR p4, const char *format, ...) {
    char sentence[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    stop(code, p1, p2, p3, p4, sentence);
}

} // namespace nt

extern "C" {

VOID KeBugCheckEx(ULONG code, ULONG_PTR p1, ULONG_PTR p2, ULONG_PTR p3, ULONG_PTR p4) {
    nt::stop(code, p1, p2, p3, p4, "KeBugCheckEx was called by kernel code.");
}

VOID KeBugCheck(ULONG code) {
    KeBugCheckEx(code, 0, 0, 0, 0);
}

static ULONG print(const char *format, va_list arguments) {
    vfprintf(stderr, format, arguments);
    return STATUS_SUCCESS;
}

ULONG DbgPrint(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    ULONG status = print(format, arguments);
    va_end(arguments);
    return status;
}

ULONG DbgPrintEx(ULONG, ULONG level, const char *format, ...) {
    // Windows shows errors only, unless the component's mask says otherwise.
    if (level != DPFLTR_ERROR_LEVEL) {
        return STATUS_SUCCESS;
    }
    va_list arguments;
    va_start(arguments, format);
    ULONG status = print(format, arguments);
    va_end(arguments);
    return status;
}

VOID DbgBreakPoint(VOID) {
    nt::bugCheck(KMODE_EXCEPTION_NOT_HANDLED, 0x80000003, 0, 0, 0, "DbgBreakPoint without a debugger.");
}

VOID SimAssertFailed(const char *expression, const char *file, int line) {
    nt::bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, static_cast<ULONG_PTR>(line), 0, 0, 0,
                 "Assertion failed: %s (%s:%d).", expression, file, line);
}

VOID RtlAssert(PVOID assertion, PVOID file, ULONG line, PCHAR) {
    SimAssertFailed(static_cast<const char *>(assertion), static_cast<const char *>(file), static_cast<int>(line));
}

VOID SimCorruptList(const LIST_ENTRY *entry) {
    nt::bugCheck(0x139, 3, reinterpret_cast<ULONG_PTR>(entry), 0, 0,
                 "A LIST_ENTRY is corrupt: removed twice, never inserted, or overwritten.");
}

} // extern "C"
