// SPDX-License-Identifier: MIT
//
// The form of records and batches.

#include "fixture.h"

#include <algorithm>

namespace cmbridge::test {

Record::Record(std::span<const std::byte> bytes) : bytes_(bytes.begin(), bytes.end()) {
    const Record &record = *this;
    EXPECT_EQ(record->Size, bytes.size());
    EXPECT_EQ(record->HeaderSize, sizeof(CMB_RECORD) + (isDecided() ? sizeof(CMB_DECIDED) : 0));
    EXPECT_LE(record->HeaderSize + record->BodySize, record->Size);
    if (isGap()) {
        const auto &gap = record.body<CMB_BODY_GAP>();
        EXPECT_EQ(record->Size, sizeof(CMB_RECORD) + sizeof(CMB_BODY_GAP));
        EXPECT_NE(record->Cookie, 0);
        EXPECT_GT(record->Time, 0);
        EXPECT_GT(gap.Count, 0u);
        EXPECT_EQ(gap.FirstSequence, record->Sequence);
        EXPECT_LE(gap.Count, gap.LastSequence - gap.FirstSequence + 1);
        EXPECT_EQ(gap.Count, gap.QueueFull + gap.NoMemory + gap.CaptureFault + gap.RateLimit);
        EXPECT_EQ(gap.Causes, (gap.QueueFull ? CMB_GAP_QUEUE_FULL : 0u) | (gap.NoMemory ? CMB_GAP_NO_MEMORY : 0u) |
                                  (gap.CaptureFault ? CMB_GAP_CAPTURE_FAULT : 0u) |
                                  (gap.RateLimit ? CMB_GAP_RATE_LIMIT : 0u));
        return;
    }
    if (isBreaker()) {
        EXPECT_EQ(record->Size, sizeof(CMB_RECORD) + sizeof(CMB_BODY_BREAKER));
        EXPECT_NE(record->Cookie, 0);
        EXPECT_GT(record->Time, 0);
        EXPECT_EQ(record->Sequence, 0u);
        EXPECT_EQ(record->Flags, 0u);
        return;
    }
    if (isDecided()) {
        const CMB_DECIDED decided = this->decided();
        const bool held = (decided.Flags & CMB_DECIDED_HELD) != 0;
        EXPECT_EQ(decided.Decision == CMB_DECISION_NONE, held);
        EXPECT_EQ(decided.By == CMB_DECIDED_BY_NOBODY, held);
        EXPECT_EQ(decided.Ticket != 0, held);
        EXPECT_EQ(decided.Deadline != 0, held);
        EXPECT_TRUE(!held || decided.Latency == 0);
        EXPECT_NE(decided.Ruleset, 0u);
        // An operation that ends in pre is told of in its post.
        EXPECT_TRUE(!(decided.Flags & CMB_DECIDED_ENDED) || (record->Flags & CMB_RECORD_POST));
    }
    EXPECT_LT(record->ProcessSlot, static_cast<UINT32>(CMB_PROCESS_SLOTS));
    if (isProcess()) {
        EXPECT_EQ(record->Sequence, 0u);
        EXPECT_EQ(record->Cookie, 0);
        EXPECT_NE(record->ProcessKey, 0u);
    } else {
        EXPECT_EQ(record->Kind, CMB_RECORD_NOTIFICATION);
        EXPECT_GT(record->Sequence, 0u);
        EXPECT_NE(record->Cookie, 0);
        EXPECT_EQ(record->KeyPath.Size == 0 && !(record->KeyPath.Flags & CMB_SPAN_PRESENT),
                  (record->Flags & CMB_RECORD_PATH_UNAVAILABLE) && !(record->KeyPath.Flags & CMB_SPAN_FAULT));
        EXPECT_TRUE(!record->Transaction.Flags || record->Transaction.Size == sizeof(GUID));
        EXPECT_LT(record->PathSlot, static_cast<UINT32>(CMB_PATH_SLOTS));
        // It is known before it is written whether the path is needed, so that it comes last.
        EXPECT_TRUE(record->KeyPath.Size == 0 ||
                    record->KeyPath.Offset + (record->KeyPath.Size + 7) / 8 * 8 == record->Size);
        EXPECT_EQ(record->Repeats == 0, record->LastSequence == 0);
        EXPECT_TRUE(record->Repeats == 0 || record->LastSequence >= record->Sequence + record->Repeats);
    }
    // What no span covers is padding.
    std::vector<bool> covered(bytes_.size());
    unsigned kept = 0;
    for (const CMB_SPAN &span : spans()) {
        kept += (span.Flags & CMB_SPAN_KEPT) != 0;
        const Bytes content = data(span);
        std::fill_n(covered.begin() + span.Offset, content.size(), true);
    }
    EXPECT_EQ(kept, (record->KeyPath.Flags & CMB_SPAN_KEPT) ? 1u : 0u);
    for (size_t i = record->HeaderSize + record->BodySize; i < bytes_.size(); ++i) {
        EXPECT_TRUE(covered[i] || bytes_[i] == std::byte{0}) << "class " << record->NotifyClass << " at " << i;
    }
}

std::vector<CMB_SPAN> Record::spans() const {
    const Record &record = *this;
    if (isProcess()) {
        const auto &body = record.body<CMB_BODY_PROCESS>();
        return {body.ImagePath, body.CommandLine, body.Token.UserSid};
    }
    std::vector<CMB_SPAN> spans{record->KeyPath, record->OtherPath, record->Impersonation, record->Transaction};
    if (record->Impersonation.Size) {
        spans.push_back(impersonation().Token.UserSid);
    }
    for (const CMB_SPAN &span : bodySpans(*this)) {
        spans.push_back(span);
    }
    return spans;
}

CMB_IMPERSONATION Record::impersonation() const {
    CMB_IMPERSONATION impersonation{};
    EXPECT_EQ((*this)->Impersonation.Size, sizeof(impersonation));
    std::memcpy(&impersonation, bytes_.data() + (*this)->Impersonation.Offset, sizeof(impersonation));
    return impersonation;
}

CMB_DECIDED Record::decided() const {
    CMB_DECIDED decided{};
    EXPECT_TRUE(isDecided());
    std::memcpy(&decided, bytes_.data() + (*this)->HeaderSize - sizeof(decided), sizeof(decided));
    return decided;
}

std::u16string Record::path() const {
    const CMB_SPAN &span = (*this)->KeyPath;
    if (!(span.Flags & CMB_SPAN_KEPT)) {
        return text(span);
    }
    EXPECT_EQ(keptPath_.size() * 2, span.FullSize);
    return keptPath_;
}

void Record::keep(KeptPaths &paths) {
    const CMB_SPAN &span = (*this)->KeyPath;
    if ((*this)->PathSerial == 0) {
        EXPECT_EQ((*this)->PathSlot, 0u);
        EXPECT_FALSE(span.Flags & CMB_SPAN_KEPT);
        return;
    }
    KeptPath &kept = paths[(*this)->PathSlot];
    if (span.Flags & CMB_SPAN_KEPT) {
        EXPECT_EQ(kept.serial, (*this)->PathSerial);
        keptPath_ = kept.path;
    } else {
        EXPECT_EQ(span.Flags, static_cast<UINT32>(CMB_SPAN_PRESENT));
        EXPECT_LE(span.Size, static_cast<UINT32>(CMB_MAX_KEPT_PATH_BYTES));
        EXPECT_NE(kept.serial, (*this)->PathSerial);
        kept = {(*this)->PathSerial, text(span)};
    }
}

uint64_t Record::count() const {
    return isProcess() || isBreaker() ? 0 : isGap() ? body<CMB_BODY_GAP>().Count : 1 + (*this)->Repeats;
}

std::u16string Record::text(const CMB_SPAN &span) const {
    Bytes bytes = data(span);
    EXPECT_EQ(bytes.size() % 2, 0u);
    std::u16string text(bytes.size() / 2, u'\0');
    std::memcpy(text.data(), bytes.data(), bytes.size());
    return text;
}

Bytes Record::data(const CMB_SPAN &span) const {
    if (!(span.Flags & CMB_SPAN_PRESENT)) {
        EXPECT_EQ(span.Offset | span.Size | span.FullSize | span.Flags, 0u);
        return {};
    }
    if (span.Flags & CMB_SPAN_KEPT) {
        EXPECT_EQ(span.Offset + span.Size, 0u);
        EXPECT_EQ(span.Flags, static_cast<UINT32>(CMB_SPAN_PRESENT | CMB_SPAN_KEPT));
        EXPECT_GT(span.FullSize, 0u);
        return {};
    }
    EXPECT_EQ(span.Offset % 8, 0u);
    EXPECT_GE(span.Offset, (*this)->HeaderSize + (*this)->BodySize);
    EXPECT_LE(uint64_t{span.Offset} + span.Size, bytes_.size());
    if (span.Flags & CMB_SPAN_FAULT) {
        EXPECT_EQ(span.Size, 0u);
    } else {
        EXPECT_EQ(span.Size < span.FullSize, (span.Flags & CMB_SPAN_TRUNCATED) != 0);
    }
    return Bytes(bytes_.begin() + span.Offset, bytes_.begin() + span.Offset + span.Size);
}

std::vector<Record> parseBatch(std::span<const std::byte> output, uintptr_t size, KeptPaths *paths) {
    std::vector<Record> records;
    CMB_BATCH batch{};
    EXPECT_GE(size, sizeof(batch));
    std::memcpy(&batch, output.data(), sizeof(batch));
    EXPECT_EQ(batch.Size, size);
    EXPECT_EQ(batch.Version, CMB_STRUCTURE_VERSION);
    EXPECT_EQ(batch.HeaderSize, sizeof(batch));
    EXPECT_EQ(batch.Flags, 0u);
    EXPECT_EQ(batch.Reserved, 0u);
    uint64_t last = 0;
    size_t offset = batch.HeaderSize;
    while (offset < batch.Size) {
        UINT32 recordSize = 0;
        std::memcpy(&recordSize, output.data() + offset, sizeof(recordSize));
        if (recordSize < sizeof(CMB_RECORD) || recordSize % 8 != 0 || recordSize > batch.Size - offset) {
            ADD_FAILURE() << "record of " << recordSize << " bytes at " << offset;
            return records;
        }
        records.emplace_back(output.subspan(offset, recordSize));
        offset += recordSize;
        Record &record = records.back();
        if (paths) {
            record.keep(*paths);
        }
        if (!record.isProcess() && !record.isGap() && !record.isBreaker()) {
            EXPECT_GT(record->Sequence, last);
            last = record->Sequence;
        }
    }
    EXPECT_EQ(records.size(), batch.RecordCount);
    EXPECT_FALSE(records.empty());
    return records;
}

} // namespace cmbridge::test
