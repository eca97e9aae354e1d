// SPDX-License-Identifier: MIT
//
// Buffers of a system service that may be hostile: memory which another thread of the program takes away or changes
// while the kernel uses it.

#ifndef CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_USER_BUFFERS_H
#define CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_USER_BUFFERS_H

#include <atomic>
#include <optional>
#include <span>
#include <vector>

#include "native/simulator_channel/registry_calls.h"

namespace cmbridge::registry {

// For the time of one call. Without a hostility it does nothing.
class UserBuffers {
  public:
    UserBuffers(std::optional<Hostility> hostility, std::vector<std::span<std::byte>> buffers);
    ~UserBuffers();
    UserBuffers(const UserBuffers &) = delete;
    UserBuffers &operator=(const UserBuffers &) = delete;

    std::optional<uint32_t> touches() const;

  private:
    static void touched(void *self);
    void strike();

    const std::optional<Hostility> hostility_;
    const std::vector<std::span<std::byte>> buffers_;
    std::atomic<uint32_t> touches_ = 0;
};

} // namespace cmbridge::registry

#endif
