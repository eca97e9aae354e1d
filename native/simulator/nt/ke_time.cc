// SPDX-License-Identifier: MIT
//
// System time, interrupt time and the performance counter, from the host's clocks.

#include "kernel.h"

#include <ctime>

// 100 ns units between 1601-01-01 and 1970-01-01.
static constexpr LONGLONG kEpoch = 116444736000000000;

// Under a schedule it is always the same time when it begins.
static constexpr LONGLONG kScheduleBegins = 17000000000000000;

static LONGLONG units(clockid_t clock) {
    if (schedule::active()) [[unlikely]] {
        nt::point("the time", nullptr);
        return kScheduleBegins + schedule::now();
    }
    timespec now;
    clock_gettime(clock, &now);
    return static_cast<LONGLONG>(now.tv_sec) * 10000000 + now.tv_nsec / 100;
}

extern "C" {

VOID KeQuerySystemTimePrecise(PLARGE_INTEGER time) {
    time->QuadPart = units(CLOCK_REALTIME) + kEpoch;
}
VOID KeQuerySystemTime(PLARGE_INTEGER time) {
    time->QuadPart = units(CLOCK_REALTIME) + kEpoch;
}

ULONGLONG KeQueryInterruptTimePrecise(PULONG64 counter) {
    auto now = static_cast<ULONGLONG>(units(CLOCK_BOOTTIME));
    *counter = now;
    return now;
}

ULONGLONG KeQueryInterruptTime(VOID) {
    return static_cast<ULONGLONG>(units(CLOCK_BOOTTIME));
}
ULONGLONG KeQueryUnbiasedInterruptTime(VOID) {
    return static_cast<ULONGLONG>(units(CLOCK_MONOTONIC));
}

// 10 MHz, the frequency of current Windows.
LARGE_INTEGER KeQueryPerformanceCounter(PLARGE_INTEGER frequency) {
    if (frequency != nullptr) {
        frequency->QuadPart = 10000000;
    }
    LARGE_INTEGER counter;
    counter.QuadPart = units(CLOCK_BOOTTIME);
    return counter;
}

ULONG KeQueryTimeIncrement(VOID) {
    return 156250;
}
VOID KeQueryTickCount(PLARGE_INTEGER count) {
    count->QuadPart = units(CLOCK_BOOTTIME) / 156250;
}

} // extern "C"
