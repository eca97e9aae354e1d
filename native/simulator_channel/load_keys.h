// SPDX-License-Identifier: MIT
//
// The keys and values of one thread of a load.

#ifndef CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_LOAD_KEYS_H
#define CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_LOAD_KEYS_H

#include "native/simulator_channel/load.h"
#include "native/simulator_channel/service_arguments.h"

namespace cmbridge {

// All of it on the thread itself.
class LoadKeys {
  public:
    LoadKeys(const LoadRequest &request, const std::atomic<bool> &stop);
    ~LoadKeys();
    LoadKeys(const LoadKeys &) = delete;
    LoadKeys &operator=(const LoadKeys &) = delete;

    // Makes what the request needs, below `index`.
    NtStatus prepare(size_t index);
    // The operations, one after the other. Allocates nothing.
    void operate(LoadResult *result);

  private:
    using Clock = std::chrono::steady_clock;

    NtStatus create(registry::Handle root, std::u16string path, registry::Handle *key);
    NtStatus createKeys();
    NtStatus createNestedKeys(registry::Handle own);
    NtStatus createNestedKey(registry::Handle group, uint64_t index);
    NtStatus keep(registry::Handle key);
    void waitForTurn(Clock::time_point begin, uint64_t operation) const;
    NTSTATUS operateOnce(uint64_t key, UNICODE_STRING *name, uint64_t counter);
    NTSTATUS openAndClose(uint64_t key);
    NTSTATUS createAndDelete(registry::Handle parent, UNICODE_STRING *value, uint64_t counter);

    const LoadRequest &request_;
    const std::atomic<bool> &stop_;
    const bool nested_;
    uint64_t index_ = 0;
    registry::Handle root_ = 0;
    // The end that the paths of all keys have in common, with room for what is before it.
    std::u16string path_;
    std::vector<registry::Handle> handles_;
    std::vector<void *> objects_;
    std::vector<std::u16string> valueNames_;
};

} // namespace cmbridge

#endif
