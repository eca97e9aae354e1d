// SPDX-License-Identifier: MIT
//
// The fields of a set value event as lib/decode makes them, written through whatever `Writer` is given: one list, so
// that everything that is compared carries the same.

#ifndef CMBRIDGE_BENCH_EVENT_FIELDS_H
#define CMBRIDGE_BENCH_EVENT_FIELDS_H

#include <cstring>
#include <string>

#include "test/bench/native/stream_state.h"

namespace cmbridge::bench {

inline constexpr uint32_t kPreSetValueKey = 1;
inline constexpr uint32_t kPostSetValueKey = 16;
inline constexpr uint32_t kRegDword = 4;

inline int64_t unixNanoseconds(int64_t time) {
    constexpr int64_t unixEpoch = 116444736000000000;
    return (time - unixEpoch) * 100;
}

inline const char *integrityName(uint32_t rid) {
    return rid < 0x1000   ? "untrusted"
           : rid < 0x2000 ? "low"
           : rid < 0x2100 ? "medium"
           : rid < 0x3000 ? "medium-plus"
           : rid < 0x4000 ? "high"
           : rid < 0x5000 ? "system"
                          : "protected";
}

template <typename Writer> void writeProcess(Writer &writer, const Process &process) {
    writer.number("id", process.id);
    writer.big("startKey", process.startKey);
    writer.number("parentId", process.parentId);
    writer.number("sessionId", process.token.SessionId);
    writer.text("imagePath", process.imagePath);
    if (process.hasCommandLine) {
        writer.text("commandLine", process.commandLine);
    } else {
        writer.null("commandLine");
    }
    writer.big("createTime", unixNanoseconds(process.createTime));
    writer.ascii("user", process.user);
    writer.ascii("integrityLevel", integrityName(process.token.IntegrityLevel));
    writer.number("integrityRid", process.token.IntegrityLevel);
    writer.boolean("elevated", (process.token.Flags & CMB_TOKEN_ELEVATED) != 0);
    writer.boolean("wow64", (process.flags & CMB_PROCESS_WOW64) != 0);
    writer.boolean("isSystem", (process.flags & CMB_PROCESS_SYSTEM) != 0);
    writer.boolean("known", true);
}

template <typename Writer> void writeKey(Writer &writer, std::u16string_view path) {
    constexpr std::u16string_view machine = u"\\REGISTRY\\MACHINE";
    writer.text("keyPath", path);
    bool inMachine = path.starts_with(machine);
    if (inMachine) {
        std::u16string key(u"HKLM");
        key += path.substr(machine.size());
        writer.text("key", key);
    } else {
        writer.null("key");
    }
    writer.ascii("hive", inMachine ? "machine" : "user");
}

template <typename Writer> void writeSetValue(Writer &writer, const CMB_RECORD *record) {
    const auto *body = bodyOf<CMB_BODY_SET_VALUE>(record);
    std::span<const std::byte> data = bytesOf(record, body->Data);
    writer.text("valueName", textOf(record, body->ValueName));
    writer.beginObject("value");
    bool isNumber = body->Type == kRegDword && data.size() == sizeof(uint32_t);
    writer.ascii("type", isNumber ? "REG_DWORD" : "REG_BINARY");
    writer.number("typeNumber", body->Type);
    if (isNumber) {
        uint32_t number;
        std::memcpy(&number, data.data(), sizeof(number));
        writer.number("data", number);
    } else {
        writer.bytes("data", data);
    }
    writer.bytes("bytes", data);
    writer.number("size", body->Data.FullSize);
    writer.boolean("truncated", (body->Data.Flags & CMB_SPAN_TRUNCATED) != 0);
    writer.boolean("fault", (body->Data.Flags & CMB_SPAN_FAULT) != 0);
    writer.emptyArray("flaws");
    writer.boolean("malformed", false);
    writer.endObject();
    writer.number("titleIndex", body->TitleIndex);
    writer.null("previous");
    writer.null("changed");
}

// A notification of RegNtPreSetValueKey or RegNtPostSetValueKey, outside of transactions and impersonation.
template <typename Writer> void writeEvent(Writer &writer, StreamState &state, const CMB_RECORD *record) {
    bool isPost = (record->Flags & CMB_RECORD_POST) != 0;
    const Process &process = state.processOf(record);
    writer.ascii("class", isPost ? "RegNtPostSetValueKey" : "RegNtPreSetValueKey");
    writer.number("notifyClass", record->NotifyClass);
    writer.ascii("phase", isPost ? "post" : "pre");
    writer.ascii("operation", "SetValueKey");
    writer.big("sequence", record->Sequence);
    if (isPost) {
        writer.big("preSequence", record->PreSequence);
    } else {
        writer.null("preSequence");
    }
    writer.big("time", unixNanoseconds(record->Time));
    if (isPost) {
        writer.big("duration", record->Duration);
    } else {
        writer.null("duration");
    }
    writer.number("processId", record->ProcessId);
    writer.number("threadId", record->ThreadId);
    writer.ascii("previousMode", (record->Flags & CMB_RECORD_KERNEL_MODE) != 0 ? "kernel" : "user");
    writer.ascii("irql", (record->Flags & CMB_RECORD_APC_LEVEL) != 0 ? "apc" : "passive");
    writer.process("process", process);
    writer.null("impersonation");
    writer.ascii("user", process.user);
    writer.null("transaction");
    if (isPost) {
        writer.number("status", static_cast<uint32_t>(record->Status));
        writer.ascii("statusName", "STATUS_SUCCESS");
    } else {
        writer.null("status");
        writer.null("statusName");
    }
    std::u16string_view path = state.keyPathOf(record);
    writeKey(writer, path);
    writer.boolean("keyPathResolved", (record->Flags & CMB_RECORD_PATH_RESOLVED) != 0);
    writer.number("keyPathLength", static_cast<uint32_t>(path.size()));
    writer.big("keyObject", record->KeyObject);
    writer.boolean("truncated", false);
    writer.boolean("fault", false);
    writer.boolean("preUnknown", (record->Flags & CMB_RECORD_PRE_UNKNOWN) != 0);
    writer.big("repeats", uint64_t{0});
    writer.null("lastSequence");
    writer.null("question");
    writer.null("decision");
    writeSetValue(writer, record);
}

} // namespace cmbridge::bench

#endif
