// SPDX-License-Identifier: MIT
//
// Events as lines of JSON on a file descriptor, for a program that reads them from a pipe.

#ifndef CMBRIDGE_BENCH_JSON_LINES_H
#define CMBRIDGE_BENCH_JSON_LINES_H

#include <string>
#include <unordered_map>

#include "native/channel.h"
#include "test/bench/native/stream_state.h"

namespace cmbridge::bench {

// Works on the reader thread: a pipe that is full holds the batches back.
class JsonLines final : public ReceiveSink {
  public:
    // The channel must outlive it.
    JsonLines(Channel &channel, int descriptor) : channel_(channel), descriptor_(descriptor) {}

    void batchReady() override;
    void ended(NtStatus) override {}

  private:
    void take(const CMB_RECORD *record);
    void flush();

    Channel &channel_;
    const int descriptor_;
    StreamState state_;
    std::unordered_map<uint64_t, std::string> processes_; // by start key
    std::string text_;
};

} // namespace cmbridge::bench

#endif
