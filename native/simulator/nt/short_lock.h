// SPDX-License-Identifier: MIT
//
// A lock of nt's own, which no driver sees: it spins, without IRQL and without checks.

#ifndef SIMULATOR_NT_SHORT_LOCK_H
#define SIMULATOR_NT_SHORT_LOCK_H

#include <atomic>
#include <thread>

namespace nt {

// For a few instructions that neither wait nor call anything.
class ShortLock {
  public:
    void lock() {
        for (int turn = 0; held_.exchange(true, std::memory_order_acquire);) {
            while (held_.load(std::memory_order_relaxed)) {
                // The owner may need this processor.
                if (++turn >= 64) {
                    std::this_thread::yield();
                }
            }
        }
    }
    void unlock() { held_.store(false, std::memory_order_release); }

  private:
    std::atomic<bool> held_{false};
};

} // namespace nt

#endif
