// SPDX-License-Identifier: MIT

#include "test/bench/native/json_lines.h"

#include <cerrno>
#include <charconv>
#include <poll.h>
#include <unistd.h>

#include "test/bench/native/event_fields.h"

namespace cmbridge::bench {
namespace {

// What a pipe takes at a time.
constexpr size_t kFlushBytes = 65536;

void appendUtf8(std::string &out, char32_t point) {
    auto unit = [&out](uint32_t byte) { out += static_cast<char>(byte); };
    if (point < 0x800) {
        unit(0xC0 | point >> 6);
    } else if (point < 0x10000) {
        unit(0xE0 | point >> 12);
        unit(0x80 | (point >> 6 & 0x3F));
    } else {
        unit(0xF0 | point >> 18);
        unit(0x80 | (point >> 12 & 0x3F));
        unit(0x80 | (point >> 6 & 0x3F));
    }
    unit(0x80 | (point & 0x3F));
}

void appendEscape(std::string &out, char16_t unit) {
    constexpr char digits[] = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) {
        out += digits[unit >> shift & 0xF];
    }
}

void appendText(std::string &out, std::u16string_view text) {
    for (size_t i = 0; i < text.size(); i++) {
        char16_t unit = text[i];
        bool isPair =
            unit >= 0xD800 && unit < 0xDC00 && i + 1 < text.size() && text[i + 1] >= 0xDC00 && text[i + 1] < 0xE000;
        if (unit == u'"' || unit == u'\\') {
            out += '\\';
            out += static_cast<char>(unit);
        } else if (unit >= 0x20 && unit < 0x80) {
            out += static_cast<char>(unit);
        } else if (isPair) {
            appendUtf8(out, 0x10000 + ((unit - 0xD800u) << 10) + (text[++i] - 0xDC00u));
        } else if (unit < 0x20 || (unit >= 0xD800 && unit < 0xE000)) {
            appendEscape(out, unit);
        } else {
            appendUtf8(out, unit);
        }
    }
}

void appendBase64(std::string &out, std::span<const std::byte> bytes) {
    constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.size(); i += 3) {
        size_t count = std::min<size_t>(3, bytes.size() - i);
        uint32_t group = 0;
        for (size_t k = 0; k < 3; k++) {
            group = group << 8 | (k < count ? static_cast<uint32_t>(bytes[i + k]) : 0);
        }
        for (size_t k = 0; k < 4; k++) {
            out += k <= count ? alphabet[group >> (18 - 6 * k) & 0x3F] : '=';
        }
    }
}

// The same forms as lib/event/json: bigints are decimal strings, bytes are base64.
class JsonWriter {
  public:
    JsonWriter(std::string &out, std::unordered_map<uint64_t, std::string> &processes)
        : out_(out), processes_(processes) {
        out_ += '{';
    }

    void null(const char *name) { key(name) += "null"; }
    void boolean(const char *name, bool content) { key(name) += content ? "true" : "false"; }
    void number(const char *name, uint32_t content) { decimal(key(name), content); }
    void big(const char *name, uint64_t content) { quotedDecimal(name, content); }
    void big(const char *name, int64_t content) { quotedDecimal(name, content); }
    // Of texts that need no escapes.
    void ascii(const char *name, std::string_view content) {
        key(name) += '"';
        out_ += content;
        out_ += '"';
    }
    void text(const char *name, std::u16string_view content) {
        key(name) += '"';
        appendText(out_, content);
        out_ += '"';
    }
    void bytes(const char *name, std::span<const std::byte> content) {
        key(name) += '"';
        appendBase64(out_, content);
        out_ += '"';
    }
    void emptyArray(const char *name) { key(name) += "[]"; }
    void beginObject(const char *name) { key(name) += '{'; }
    void endObject() { out_ += '}'; }
    void process(const char *name, const Process &process) {
        std::string &kept = processes_[process.startKey];
        if (kept.empty()) {
            JsonWriter writer(kept, processes_);
            writeProcess(writer, process);
            writer.endObject();
        }
        key(name) += kept;
    }

  private:
    std::string &key(const char *name) {
        if (out_.back() != '{') {
            out_ += ',';
        }
        out_ += '"';
        out_ += name;
        out_ += "\":";
        return out_;
    }
    template <typename Number> static void decimal(std::string &out, Number number) {
        char digits[24];
        out.append(digits, std::to_chars(digits, digits + sizeof(digits), number).ptr);
    }
    template <typename Number> void quotedDecimal(const char *name, Number number) {
        key(name) += '"';
        decimal(out_, number);
        out_ += '"';
    }

    std::string &out_;
    std::unordered_map<uint64_t, std::string> &processes_;
};

} // namespace

void JsonLines::batchReady() {
    channel_.takeBatch([this](std::span<const std::byte> batch) {
        forEachRecord(batch, [this](const CMB_RECORD *record) { take(record); });
        flush();
    });
    channel_.acknowledge();
}

void JsonLines::take(const CMB_RECORD *record) {
    if (record->Kind == CMB_RECORD_PROCESS) {
        state_.learnProcess(record);
        return;
    }
    if (record->Kind != CMB_RECORD_NOTIFICATION) {
        return;
    }
    JsonWriter writer(text_, processes_);
    writeEvent(writer, state_, record);
    writer.endObject();
    text_ += '\n';
    if (text_.size() >= kFlushBytes) {
        flush();
    }
}

void JsonLines::flush() {
    for (size_t written = 0; written < text_.size();) {
        ssize_t count = write(descriptor_, text_.data() + written, text_.size() - written);
        if (count >= 0) {
            written += static_cast<size_t>(count);
        } else if (errno == EAGAIN) {
            // Node.js makes its pipes non-blocking.
            pollfd writable{descriptor_, POLLOUT, 0};
            poll(&writable, 1, -1);
        } else if (errno != EINTR) {
            // Nobody reads any more.
            break;
        }
    }
    text_.clear();
}

} // namespace cmbridge::bench
