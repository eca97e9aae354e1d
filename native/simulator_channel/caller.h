// SPDX-License-Identifier: MIT
//
// How a simulated thread calls system services: as programs do, or as code in the kernel.

#ifndef CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_CALLER_H
#define CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_CALLER_H

#include <cstdint>

namespace cmbridge {

// Used on the simulated thread only.
struct Caller {
    bool kernelMode = false; // otherwise the previous mode is the thread's own
    uint8_t irql = 0;
};

// For the time of one call.
class AsCaller {
  public:
    explicit AsCaller(const Caller &caller);
    ~AsCaller();
    AsCaller(const AsCaller &) = delete;
    AsCaller &operator=(const AsCaller &) = delete;

  private:
    const Caller caller_;
    int8_t formerMode_ = 0;
    uint8_t formerIrql_ = 0;
};

} // namespace cmbridge

#endif
