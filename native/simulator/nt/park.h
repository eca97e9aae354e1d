// SPDX-License-Identifier: MIT
//
// Threads that wait for a change of a word, parked by its address. The word is changed atomically and not touched after
// the change that lets a waiter go, for the waiter may free it.

#ifndef SIMULATOR_NT_PARK_H
#define SIMULATOR_NT_PARK_H

#include "kernel.h"

#include <array>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace nt {

struct ParkingLot {
    std::mutex lock;
    std::condition_variable changed;
};

inline ParkingLot &parkingLot(const void *address) {
    // Never destroyed: threads may still be parked when the process exits.
    static auto &lots = *new std::array<ParkingLot, 64>;
    return lots[(reinterpret_cast<uintptr_t>(address) >> 4) % lots.size()];
}

inline void wake(const void *address) {
    ParkingLot &lot = parkingLot(address);
    { std::lock_guard lock(lot.lock); }
    lot.changed.notify_all();
    if (schedule::active()) {
        schedule::wake(address);
        point("having let others go on", address);
    }
}

template <typename Try> void park(const void *address, Try attempt) {
    point("a lock", address);
    if (attempt()) {
        return;
    }
    if (schedule::active()) {
        do {
            schedule::park("a lock", address);
        } while (!attempt());
        return;
    }
    ParkingLot &lot = parkingLot(address);
    std::unique_lock lock(lot.lock);
    lot.changed.wait(lock, attempt);
}

} // namespace nt

#endif
