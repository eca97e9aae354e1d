// SPDX-License-Identifier: MIT
//
// What a reader of records must remember from earlier ones: who the processes are, and the key paths that are kept. The
// records come from the driver itself, so nothing is checked here.

#ifndef CMBRIDGE_BENCH_STREAM_STATE_H
#define CMBRIDGE_BENCH_STREAM_STATE_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "driver/protocol/protocol.h"

namespace cmbridge::bench {

struct Process {
    uint64_t startKey = 0;
    uint32_t id = 0;
    uint32_t parentId = 0;
    uint32_t flags = 0;
    int64_t createTime = 0;
    CMB_TOKEN token = {};
    std::u16string imagePath;
    std::u16string commandLine;
    bool hasCommandLine = false;
    std::string user;
};

inline std::span<const std::byte> bytesOf(const CMB_RECORD *record, const CMB_SPAN &span) {
    return {reinterpret_cast<const std::byte *>(record) + span.Offset, span.Size};
}

inline std::u16string_view textOf(const CMB_RECORD *record, const CMB_SPAN &span) {
    return {reinterpret_cast<const char16_t *>(bytesOf(record, span).data()), span.Size / sizeof(char16_t)};
}

template <typename Body> const Body *bodyOf(const CMB_RECORD *record) {
    return reinterpret_cast<const Body *>(reinterpret_cast<const std::byte *>(record) + record->HeaderSize);
}

inline std::string sidText(std::span<const std::byte> sid) {
    if (sid.size() < 8) {
        return {};
    }
    uint64_t authority = 0;
    for (size_t i = 2; i < 8; i++) {
        authority = authority << 8 | static_cast<uint8_t>(sid[i]);
    }
    std::string text = "S-1-";
    text += std::to_string(authority);
    for (size_t offset = 8; offset + 4 <= sid.size(); offset += 4) {
        uint32_t part;
        std::memcpy(&part, sid.data() + offset, sizeof(part));
        text += '-';
        text += std::to_string(part);
    }
    return text;
}

class StreamState {
  public:
    // Takes in a process record.
    void learnProcess(const CMB_RECORD *record) {
        const auto *body = bodyOf<CMB_BODY_PROCESS>(record);
        Process &process = processes_[record->ProcessSlot];
        process.startKey = record->ProcessKey;
        process.id = record->ProcessId;
        process.parentId = body->ParentProcessId;
        process.flags = body->Flags;
        process.createTime = body->CreateTime;
        process.token = body->Token;
        process.imagePath = textOf(record, body->ImagePath);
        process.commandLine = textOf(record, body->CommandLine);
        process.hasCommandLine = (body->CommandLine.Flags & CMB_SPAN_PRESENT) != 0;
        process.user = sidText(bytesOf(record, body->Token.UserSid));
    }

    const Process &processOf(const CMB_RECORD *record) { return processes_[record->ProcessSlot]; }

    std::u16string_view keyPathOf(const CMB_RECORD *record) {
        if (record->PathSerial == 0) {
            return textOf(record, record->KeyPath);
        }
        std::u16string &kept = paths_[record->PathSlot];
        if ((record->KeyPath.Flags & CMB_SPAN_KEPT) == 0) {
            kept = textOf(record, record->KeyPath);
        }
        return kept;
    }

  private:
    std::unordered_map<uint32_t, Process> processes_;
    std::unordered_map<uint32_t, std::u16string> paths_;
};

// Calls `take` for each record of a batch.
template <typename Take> void forEachRecord(std::span<const std::byte> batch, Take take) {
    const auto *header = reinterpret_cast<const CMB_BATCH *>(batch.data());
    size_t offset = header->HeaderSize;
    for (uint32_t i = 0; i < header->RecordCount; i++) {
        const auto *record = reinterpret_cast<const CMB_RECORD *>(batch.data() + offset);
        take(record);
        offset += record->Size;
    }
}

} // namespace cmbridge::bench

#endif
