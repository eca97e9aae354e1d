// SPDX-License-Identifier: MIT
//
// Whether an output is one that the caller of the query can get.

#include "test/driver/decide/decision_fixture.h"

namespace cmbridge::test {
namespace {

Wish output(NTSTATUS status, size_t size, UINT32 resultLength) {
    return {.kind = CMB_DECISION_EMULATE,
            .flags = CMB_REPLY_OUTPUT,
            .status = status,
            .resultLength = resultLength,
            .data = pattern(size)};
}

using CheckOfDecisions = DriverTest;

TEST_F(CheckOfDecisions, TakesOutputsThatTheQueryCanHave) {
    for (const ULONG number :
         {RegNtPreQueryKey, RegNtPreEnumerateKey, RegNtPreQueryValueKey, RegNtPreEnumerateValueKey}) {
        const DECISION_SUBJECT subject = subjectOf(number);
        EXPECT_EQ(check(output(STATUS_SUCCESS, 64, 64), subject), kAccepted);
        EXPECT_EQ(check(output(STATUS_SUCCESS, 65, 65), subject), kTooLarge);
        EXPECT_EQ(check(output(STATUS_SUCCESS, 60, 64), subject), kBadData);
        EXPECT_EQ(check(output(STATUS_SUCCESS, 60, 59), subject), kBadData);
        EXPECT_EQ(check(output(STATUS_BUFFER_OVERFLOW, 64, 1000), subject), kAccepted);
        EXPECT_EQ(check(output(STATUS_BUFFER_OVERFLOW, 64, 63), subject), kBadData);
        EXPECT_EQ(check(output(STATUS_BUFFER_TOO_SMALL, 0, 12), subject), kAccepted);
    }
}

Wish multiple(NTSTATUS status, std::vector<CMB_MULTIPLE_ENTRY> entries, size_t size, UINT32 resultLength) {
    Wish wish = output(status, entries.size() * sizeof(CMB_MULTIPLE_ENTRY) + size, resultLength);
    std::memcpy(wish.data.data(), entries.data(), entries.size() * sizeof(CMB_MULTIPLE_ENTRY));
    return wish;
}

TEST_F(CheckOfDecisions, TakesEntriesThatLieInTheData) {
    DECISION_SUBJECT subject = subjectOf(RegNtPreQueryMultipleValueKey);
    subject.Entries = 2;
    const std::vector<CMB_MULTIPLE_ENTRY> entries = {{4, 0, REG_DWORD, 0}, {6, 4, REG_SZ, 0}};
    EXPECT_EQ(check(multiple(STATUS_SUCCESS, entries, 10, 10), subject), kAccepted);
    EXPECT_EQ(check(multiple(STATUS_SUCCESS, entries, 9, 9), subject), kBadData);
    EXPECT_EQ(check(multiple(STATUS_BUFFER_OVERFLOW, entries, 4, 10), subject), kAccepted);
    EXPECT_EQ(check(multiple(STATUS_SUCCESS, {entries[0]}, 4, 4), subject), kBadData);
    // An offset that only overflow makes small.
    EXPECT_EQ(check(multiple(STATUS_SUCCESS, {{4, 0xFFFFFFFE, 0, 0}, entries[1]}, 10, 10), subject), kBadData);
    EXPECT_EQ(check(multiple(STATUS_SUCCESS, {{4, 0, 0, 1}, entries[1]}, 10, 10), subject), kBadData);
    // No data lies nowhere.
    EXPECT_EQ(check(multiple(STATUS_SUCCESS, {{0, 0xFFFFFFFF, 0, 0}, entries[1]}, 10, 10), subject), kAccepted);
    EXPECT_EQ(check(multiple(STATUS_SUCCESS, entries, 65, 65), subject), kTooLarge);
    subject.Entries = 0x10000000;
    EXPECT_EQ(check(multiple(STATUS_SUCCESS, entries, 10, 10), subject), kBadData);
}

// Owner S-1-5-18 behind the header, then an empty list.
Bytes descriptor() {
    SECURITY_DESCRIPTOR_RELATIVE header{};
    header.Revision = SECURITY_DESCRIPTOR_REVISION;
    header.Control = SE_SELF_RELATIVE | SE_DACL_PRESENT;
    header.Owner = sizeof(header);
    header.Dacl = sizeof(header) + 12;
    const UCHAR owner[12] = {1, 1, 0, 0, 0, 0, 0, 5, 18};
    const ACL acl{ACL_REVISION, 0, sizeof(ACL), 0, 0};
    Bytes bytes(sizeof(header) + sizeof(owner) + sizeof(acl));
    std::memcpy(bytes.data(), &header, sizeof(header));
    std::memcpy(bytes.data() + header.Owner, owner, sizeof(owner));
    std::memcpy(bytes.data() + header.Dacl, &acl, sizeof(acl));
    return bytes;
}

TEST_F(CheckOfDecisions, TakesDescriptorsThatAreWhole) {
    const DECISION_SUBJECT subject = subjectOf(RegNtPreQueryKeySecurity);
    const auto ask = [&](const std::function<void(SECURITY_DESCRIPTOR_RELATIVE &, Bytes &)> &change) {
        Wish wish = output(STATUS_SUCCESS, 0, 0);
        wish.data = descriptor();
        SECURITY_DESCRIPTOR_RELATIVE header;
        std::memcpy(&header, wish.data.data(), sizeof(header));
        change(header, wish.data);
        std::memcpy(wish.data.data(), &header, std::min(sizeof(header), wish.data.size()));
        wish.resultLength = static_cast<UINT32>(wish.data.size());
        return check(wish, subject);
    };
    using Header = SECURITY_DESCRIPTOR_RELATIVE;
    EXPECT_EQ(ask([](Header &, Bytes &) {}), kAccepted);
    EXPECT_EQ(ask([](Header &header, Bytes &) { header.Owner = header.Dacl = 0; }), kAccepted);
    EXPECT_EQ(ask([](Header &header, Bytes &) { header.Revision = 2; }), kBadData);
    EXPECT_EQ(ask([](Header &header, Bytes &) { header.Control &= ~SE_SELF_RELATIVE; }), kBadData);
    EXPECT_EQ(ask([](Header &, Bytes &bytes) { bytes.resize(19); }), kBadData);
    for (const UINT32 offset : {4u, 22u, 33u, 40u, 0xFFFFFFF8u}) {
        EXPECT_EQ(ask([&](Header &header, Bytes &) { header.Owner = offset; }), kBadData) << offset;
        EXPECT_EQ(ask([&](Header &header, Bytes &) { header.Sacl = offset; }), kBadData) << offset;
    }
    // Parts that say that they are longer than what is there.
    EXPECT_EQ(ask([](Header &, Bytes &bytes) { bytes[21] = std::byte(15); }), kBadData);
    EXPECT_EQ(ask([](Header &, Bytes &bytes) { bytes[21] = std::byte(16); }), kBadData);
    EXPECT_EQ(ask([](Header &, Bytes &bytes) { bytes[20] = std::byte(2); }), kBadData);
    EXPECT_EQ(ask([](Header &, Bytes &bytes) { bytes[34] = std::byte(9); }), kBadData);
    EXPECT_EQ(ask([](Header &, Bytes &bytes) { bytes[34] = std::byte(7); }), kBadData);
    // A list that is one, but not at an address that is a multiple of four.
    EXPECT_EQ(ask([](Header &header, Bytes &bytes) {
                  bytes.insert(bytes.begin() + header.Dacl, 2, std::byte{0});
                  header.Dacl += 2;
              }),
              kBadData);
    // What is not there yet needs no form.
    EXPECT_EQ(check(output(STATUS_BUFFER_TOO_SMALL, 0, 100), subject), kAccepted);
}

} // namespace
} // namespace cmbridge::test
