// SPDX-License-Identifier: MIT
//
// Queries for multiple values.

#include "test/driver/fixture/body_fixture.h"

namespace cmbridge::test {
namespace {

using Information = REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION;

class MultipleBody : public BodyTest {
  protected:
    void SetUp() override {
        BodyTest::SetUp();
        actor().setValue(key(), u"First", REG_BINARY, pattern(5));
        actor().setValue(key(), u"Second", REG_SZ, pattern(8, 9));
    }
    void listenMultiple(uint32_t maxData = 4096) {
        listen(RegNtPreQueryMultipleValueKey, RegNtPostQueryMultipleValueKey, maxData);
    }
    void raiseMultiple(NTSTATUS status, const std::function<void(Information &)> &before,
                       const std::function<void(Information &)> &after = {}) {
        raise<Information>(RegNtPreQueryMultipleValueKey, RegNtPostQueryMultipleValueKey, status, before, after);
    }
    NTSTATUS query(ULONG &length, ULONG *required) {
        NTSTATUS status = STATUS_SUCCESS;
        actor().run([&] {
            std::u16string first = u"First", second = u"Second";
            UNICODE_STRING names[] = {unicode(first), unicode(second)};
            KEY_VALUE_ENTRY entries[] = {{&names[0], 0, 0, 0}, {&names[1], 0, 0, 0}};
            status = NtQueryMultipleValueKey(key(), entries, 2, buffer_.data(), &length, required);
        });
        return status;
    }
    Bytes buffer_ = Bytes(64, std::byte{0xEE});
};

TEST_F(MultipleBody, TellsNamesAndData) {
    listenMultiple();
    ULONG length = 64, required = 0;
    EXPECT_EQ(query(length, &required), STATUS_SUCCESS);
    const auto [pre, post] = pair();
    for (const Record &record : {pre, post}) {
        EXPECT_EQ(record.body<CMB_BODY_QUERY_MULTIPLE>().EntryCount, 2u);
        EXPECT_EQ(record.body<CMB_BODY_QUERY_MULTIPLE>().BufferSize, 64u);
        ASSERT_EQ(record.entries().size(), 2u);
        EXPECT_EQ(record.text(record.entries()[0].ValueName), u"First");
        EXPECT_EQ(record.text(record.entries()[1].ValueName), u"Second");
    }
    EXPECT_EQ(pre.body<CMB_BODY_QUERY_MULTIPLE>().BufferLength, 64u);
    EXPECT_EQ(pre.body<CMB_BODY_QUERY_MULTIPLE>().RequiredLength, 0u);
    EXPECT_EQ(pre.body<CMB_BODY_QUERY_MULTIPLE>().Data.Flags, 0u);
    EXPECT_EQ(pre.entries()[1].DataLength | pre.entries()[1].DataOffset | pre.entries()[1].Type, 0u);
    const auto &body = post.body<CMB_BODY_QUERY_MULTIPLE>();
    EXPECT_EQ(length, 16u);
    EXPECT_EQ(body.BufferLength, length);
    EXPECT_EQ(body.RequiredLength, required);
    const Bytes data = post.data(body.Data);
    EXPECT_EQ(data, Bytes(buffer_.begin(), buffer_.begin() + length));
    const CMB_VALUE_ENTRY second = post.entries()[1];
    EXPECT_EQ(second.Type, static_cast<UINT32>(REG_SZ));
    EXPECT_EQ(Bytes(data.begin() + second.DataOffset, data.begin() + second.DataOffset + second.DataLength),
              pattern(8, 9));
}

TEST_F(MultipleBody, BoundsTheData) {
    listenMultiple(6);
    ULONG length = 64;
    EXPECT_EQ(query(length, nullptr), STATUS_SUCCESS);
    const Record record = pair()[1];
    const auto &body = record.body<CMB_BODY_QUERY_MULTIPLE>();
    EXPECT_EQ(body.Data.Size, 6u);
    EXPECT_EQ(body.Data.FullSize, 16u);
    EXPECT_EQ(body.RequiredLength, 0u);
}

TEST_F(MultipleBody, TellsOfABufferThatIsTooSmall) {
    listenMultiple();
    ULONG length = 4, required = 0;
    EXPECT_EQ(query(length, &required), STATUS_BUFFER_OVERFLOW);
    const Record post = pair()[1];
    const auto &body = post.body<CMB_BODY_QUERY_MULTIPLE>();
    EXPECT_EQ(body.RequiredLength, 16u);
    EXPECT_EQ(body.BufferLength, length);
    EXPECT_EQ(body.Data.Flags, 0u);
    EXPECT_EQ(post.entries()[0].DataLength, 0u);
}

TEST_F(MultipleBody, TellsOfNoEntries) {
    listenMultiple();
    raiseMultiple(STATUS_SUCCESS, [](Information &query) {
        query.EntryCount = 0;
        query.ValueEntries = nullptr;
    });
    const auto [pre, post] = pair();
    EXPECT_EQ(post.body<CMB_BODY_QUERY_MULTIPLE>().Entries.Flags, static_cast<UINT32>(CMB_SPAN_PRESENT));
    EXPECT_TRUE(post.entries().empty());
    EXPECT_EQ(client().statistics().CaptureFaults, 0u);
}

// One entry more than a record holds, and names that are together longer than it holds.
TEST_F(MultipleBody, BoundsEntriesAndNames) {
    constexpr size_t kCount = CMB_MAX_VALUE_ENTRIES + 1;
    std::u16string text(500, u'n');
    std::vector<UNICODE_STRING> names(kCount, unicode(text));
    std::vector<KEY_VALUE_ENTRY> entries(kCount);
    for (size_t i = 0; i < kCount; ++i) {
        entries[i] = {&names[i], static_cast<ULONG>(i), 0, REG_SZ};
    }
    listenMultiple();
    raiseMultiple(STATUS_SUCCESS, [&](Information &query) {
        query.ValueEntries = entries.data();
        query.EntryCount = kCount;
    });
    const auto [pre, post] = pair();
    const auto &body = post.body<CMB_BODY_QUERY_MULTIPLE>();
    EXPECT_EQ(body.EntryCount, kCount);
    EXPECT_EQ(body.Entries.FullSize, kCount * sizeof(CMB_VALUE_ENTRY));
    EXPECT_TRUE(body.Entries.Flags & CMB_SPAN_TRUNCATED);
    const std::vector<CMB_VALUE_ENTRY> seen = post.entries();
    ASSERT_EQ(seen.size(), size_t{CMB_MAX_VALUE_ENTRIES});
    size_t bytes = 0;
    for (const CMB_VALUE_ENTRY &entry : seen) {
        EXPECT_EQ(entry.ValueName.FullSize, 1000u);
        bytes += entry.ValueName.Size;
    }
    EXPECT_EQ(bytes, size_t{CMB_MAX_ENTRY_NAMES_BYTES});
    EXPECT_EQ(seen[65].ValueName.Size, CMB_MAX_ENTRY_NAMES_BYTES - 65u * 1000);
    EXPECT_EQ(seen[255].ValueName.Size, 0u);
    EXPECT_EQ(seen[255].DataLength, 255u);
}

TEST_F(MultipleBody, SurvivesACountThatOverflows) {
    UserMemory<16> memory;
    listenMultiple();
    raiseMultiple(STATUS_ACCESS_DENIED, [&](Information &query) {
        memory.vanish();
        query.ValueEntries = memory.at<KEY_VALUE_ENTRY>();
        query.EntryCount = 0xFFFFFFFF;
    });
    const auto [pre, post] = pair();
    EXPECT_EQ(pre.body<CMB_BODY_QUERY_MULTIPLE>().EntryCount, 0xFFFFFFFF);
    EXPECT_EQ(pre.body<CMB_BODY_QUERY_MULTIPLE>().Entries.Flags, kFault);
    EXPECT_EQ(client().statistics().CaptureFaults, 2u);
}

TEST_F(MultipleBody, SurvivesANameThatVanishes) {
    UserMemory<16> memory;
    std::u16string text = u"Good";
    UNICODE_STRING good = unicode(text), bad{4, 4, memory.at<WCHAR>()};
    KEY_VALUE_ENTRY entries[] = {{&good, 0, 0, 0}, {&bad, 0, 0, 0}, {memory.at<UNICODE_STRING>(), 0, 0, 0}};
    listenMultiple();
    raiseMultiple(STATUS_ACCESS_DENIED, [&](Information &query) {
        memory.vanish();
        query.ValueEntries = entries;
        query.EntryCount = 3;
    });
    const auto [pre, post] = pair();
    for (const Record &record : {pre, post}) {
        ASSERT_EQ(record.entries().size(), 3u);
        EXPECT_EQ(record.text(record.entries()[0].ValueName), u"Good");
        EXPECT_EQ(record.entries()[1].ValueName.Flags, kFault);
        EXPECT_EQ(record.entries()[2].ValueName.Flags, kFault);
    }
    EXPECT_EQ(client().statistics().CaptureFaults, 4u);
}

TEST_F(MultipleBody, SurvivesABufferThatVanishes) {
    UserMemory<64> buffer;
    listenMultiple();
    raiseMultiple(
        STATUS_SUCCESS, [&](Information &query) { query.ValueBuffer = buffer.at(); },
        [&](Information &query) {
            *query.BufferLength = 64;
            buffer.vanish();
        });
    const auto [pre, post] = pair();
    EXPECT_EQ(post.body<CMB_BODY_QUERY_MULTIPLE>().Data.Flags, kFault);
    EXPECT_EQ(client().statistics().CaptureFaults, 1u);
}

// Only pre tells how much of the buffer was checked.
TEST_F(MultipleBody, SurvivesALengthThatLies) {
    UserMemory<64> buffer;
    UserMemory<8> lengths;
    listenMultiple(CMB_MAX_DATA_BYTES);
    raiseMultiple(
        STATUS_SUCCESS,
        [&](Information &query) {
            query.ValueBuffer = buffer.at();
            query.BufferLength = lengths.at<ULONG>();
            query.RequiredBufferLength = lengths.at<ULONG>(4);
            *query.BufferLength = 24;
        },
        [&](Information &query) { *query.BufferLength = *query.RequiredBufferLength = 0xFFFFFFFF; });
    const auto [pre, post] = pair();
    EXPECT_EQ(pre.body<CMB_BODY_QUERY_MULTIPLE>().BufferLength, 24u);
    EXPECT_EQ(post.data(post.body<CMB_BODY_QUERY_MULTIPLE>().Data), Bytes(24, std::byte{0xAA}));
    EXPECT_EQ(post.body<CMB_BODY_QUERY_MULTIPLE>().BufferLength, 0xFFFFFFFF);
}

TEST_F(MultipleBody, SurvivesLengthsThatVanish) {
    UserMemory<8> lengths;
    listenMultiple();
    raiseMultiple(STATUS_SUCCESS, [&](Information &query) {
        lengths.vanish();
        query.BufferLength = lengths.at<ULONG>();
        query.RequiredBufferLength = lengths.at<ULONG>(4);
    });
    const auto [pre, post] = pair();
    EXPECT_EQ(pre.body<CMB_BODY_QUERY_MULTIPLE>().BufferLength, 0u);
    EXPECT_EQ(post.body<CMB_BODY_QUERY_MULTIPLE>().BufferLength, 0u);
    EXPECT_EQ(post.body<CMB_BODY_QUERY_MULTIPLE>().Data.Size, 0u);
    EXPECT_EQ(client().statistics().CaptureFaults, 3u);
}

TEST_F(MultipleBody, SaysLessWithoutMemory) {
    listenMultiple();
    unsigned without = 0, unknown = 0;
    const unsigned failures = failAllocations(
        [&] {
            ULONG length = 64;
            EXPECT_EQ(query(length, nullptr), STATUS_SUCCESS);
        },
        [&](const std::vector<Record> &records) {
            ASSERT_EQ(records.size(), 2u);
            for (const Record &record : records) {
                const auto &body = record.body<CMB_BODY_QUERY_MULTIPLE>();
                EXPECT_EQ(body.EntryCount, 2u);
                EXPECT_EQ(body.Entries.FullSize, 2 * sizeof(CMB_VALUE_ENTRY));
                without += body.Entries.Flags == (CMB_SPAN_PRESENT | CMB_SPAN_TRUNCATED) && body.Entries.Size == 0;
            }
            // Without what pre knew, post does not know how much of the buffer may be read.
            const bool lost = (records[1]->Flags & CMB_RECORD_PRE_UNKNOWN) != 0;
            EXPECT_EQ(records[1].body<CMB_BODY_QUERY_MULTIPLE>().Data.Flags == 0, lost);
            unknown += lost;
        });
    EXPECT_EQ(without, 2u);
    EXPECT_EQ(unknown, 1u);
    EXPECT_GE(failures, 3u);
}

} // namespace
} // namespace cmbridge::test
