// SPDX-License-Identifier: MIT
//
// Registers the buffers as user memory, counts the kernel's touches and strikes after so many of them.

#include "native/simulator_channel/user_buffers.h"

#include <ntifs.h>

#include "nt/ob_internal.h"

namespace cmbridge::registry {

UserBuffers::UserBuffers(std::optional<Hostility> hostility, std::vector<std::span<std::byte>> buffers)
    : hostility_(hostility), buffers_(std::move(buffers)) {
    if (!hostility_) {
        return;
    }
    for (std::span<std::byte> buffer : buffers_) {
        if (!buffer.empty()) {
            SimRegisterUserRange(buffer.data(), buffer.size());
            SimWatchUserRange(buffer.data(), touched, this);
        }
    }
}

UserBuffers::~UserBuffers() {
    if (!hostility_) {
        return;
    }
    for (std::span<std::byte> buffer : buffers_) {
        if (!buffer.empty()) {
            SimUnregisterUserRange(buffer.data());
        }
    }
}

std::optional<uint32_t> UserBuffers::touches() const {
    return hostility_ ? std::optional(touches_.load()) : std::nullopt;
}

void UserBuffers::touched(void *self) {
    auto &buffers = *static_cast<UserBuffers *>(self);
    if (buffers.touches_++ >= buffers.hostility_->after) {
        buffers.strike();
    }
}

void UserBuffers::strike() {
    for (std::span<std::byte> buffer : buffers_) {
        if (buffer.empty()) {
            continue;
        }
        if (hostility_->kind == Hostility::Kind::Vanish) {
            SimSetUserRangeAccess(buffer.data(), FALSE, FALSE);
            continue;
        }
        for (std::byte &byte : buffer) {
            byte = ~byte;
        }
    }
}

} // namespace cmbridge::registry
