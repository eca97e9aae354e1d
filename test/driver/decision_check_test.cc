// SPDX-License-Identifier: MIT
//
// Which decisions suit which classes, and what belongs to them.

#include "decision_fixture.h"

namespace cmbridge::test {
namespace {

// allow, block, bYpass, emulate, replace, reDirect, override; in post D is for after a failure.
struct Suits {
    ULONG number;
    const char *kinds;
};
constexpr Suits kSuits[] = {
    {RegNtPreCreateKeyEx, "abD"},
    {RegNtPostCreateKeyEx, "aDo"},
    {RegNtPreOpenKeyEx, "abD"},
    {RegNtPostOpenKeyEx, "aDo"},
    {RegNtPreSetValueKey, "abYr"},
    {RegNtPostSetValueKey, "ao"},
    {RegNtPreDeleteValueKey, "abY"},
    {RegNtPostDeleteValueKey, "ao"},
    {RegNtPreDeleteKey, "abY"},
    {RegNtPostDeleteKey, "ao"},
    {RegNtPreRenameKey, "abY"},
    {RegNtPostRenameKey, "ao"},
    {RegNtPreSetInformationKey, "abY"},
    {RegNtPostSetInformationKey, "ao"},
    {RegNtPreSetKeySecurity, "abY"},
    {RegNtPostSetKeySecurity, "ao"},
    {RegNtPreFlushKey, "abY"},
    {RegNtPostFlushKey, "ao"},
    {RegNtPreRestoreKey, "abY"},
    {RegNtPostRestoreKey, "ao"},
    {RegNtPreSaveKey, "abY"},
    {RegNtPostSaveKey, "ao"},
    {RegNtPreSaveMergedKey, "abY"},
    {RegNtPostSaveMergedKey, "ao"},
    {RegNtPreReplaceKey, "abY"},
    {RegNtPostReplaceKey, "ao"},
    {RegNtPreUnLoadKey, "abY"},
    {RegNtPostUnLoadKey, "ao"},
    {RegNtPreLoadKey, "abY"},
    {RegNtPostLoadKey, "ao"},
    {RegNtPreQueryKey, "abe"},
    {RegNtPostQueryKey, "ao"},
    {RegNtPreEnumerateKey, "abe"},
    {RegNtPostEnumerateKey, "ao"},
    {RegNtPreQueryValueKey, "abe"},
    {RegNtPostQueryValueKey, "ao"},
    {RegNtPreEnumerateValueKey, "abe"},
    {RegNtPostEnumerateValueKey, "ao"},
    {RegNtPreQueryMultipleValueKey, "abe"},
    {RegNtPostQueryMultipleValueKey, "ao"},
    {RegNtPreQueryKeySecurity, "abe"},
    {RegNtPostQueryKeySecurity, "ao"},
    {RegNtPreQueryKeyName, "b"},
};

std::string_view kindsOf(ULONG number) {
    for (const Suits &suits : kSuits) {
        if (suits.number == number) {
            return suits.kinds;
        }
    }
    return "";
}

// A decision of each kind with nothing wrong in it.
Wish wishOf(UINT16 kind) {
    switch (kind) {
    case CMB_DECISION_BLOCK:
    case CMB_DECISION_OVERRIDE:
        return {.kind = kind, .status = STATUS_ACCESS_DENIED};
    case CMB_DECISION_EMULATE:
        return {.kind = kind, .status = STATUS_OBJECT_NAME_NOT_FOUND};
    case CMB_DECISION_REPLACE:
        return {.kind = kind, .type = REG_BINARY, .data = pattern(5)};
    case CMB_DECISION_REDIRECT:
        return redirectTo(u"\\REGISTRY\\MACHINE\\Other");
    default:
        return {.kind = kind};
    }
}
constexpr char kLetters[] = "?abYerDo";

DECISION_SUBJECT subjectOf(ULONG number, NTSTATUS status = STATUS_SUCCESS) {
    DECISION_SUBJECT subject{};
    subject.Class = NotifyClassGet(number);
    subject.Number = number;
    subject.Status = status;
    subject.OutputSize = 64;
    return subject;
}

UINT32 check(Wish wish, const DECISION_SUBJECT &subject) {
    const DECISION decision = wish.decision();
    return DecisionCheck(&decision, &subject);
}

constexpr auto kAccepted = static_cast<UINT32>(CMB_REPLY_ACCEPTED);
constexpr auto kUnfit = static_cast<UINT32>(CMB_REPLY_UNFIT);
constexpr auto kBadStatus = static_cast<UINT32>(CMB_REPLY_BAD_STATUS);
constexpr auto kBadData = static_cast<UINT32>(CMB_REPLY_BAD_DATA);
constexpr auto kTooLarge = static_cast<UINT32>(CMB_REPLY_TOO_LARGE);

// Paths are compared in the upper case of the machine, which the driver reads when it is loaded.
using DecisionCheckTest = DriverTest;

TEST_F(DecisionCheckTest, EachKindForEachClass) {
    for (ULONG number = 0; number <= CMB_MAX_NOTIFY_CLASS; ++number) {
        for (UINT16 kind = 0; kind <= CMB_DECISION_DEFAULT + 1; ++kind) {
            const bool suits = kind >= CMB_DECISION_ALLOW && kind <= CMB_DECISION_OVERRIDE &&
                               kindsOf(number).find(kLetters[kind]) != std::string_view::npos;
            EXPECT_EQ(check(wishOf(kind), subjectOf(number, STATUS_ACCESS_DENIED)), suits ? kAccepted : kUnfit)
                << number << " " << kind;
        }
    }
}

TEST_F(DecisionCheckTest, ActionsOfRules) {
    for (ULONG number = 0; number <= CMB_MAX_NOTIFY_CLASS; ++number) {
        const std::string_view kinds = kindsOf(number);
        const auto has = [&](char letter) { return kinds.find(letter) != std::string_view::npos; };
        EXPECT_EQ(DecisionActionFits(CMB_ACTION_ASK, number) != FALSE, has('a')) << number;
        EXPECT_EQ(DecisionActionFits(CMB_ACTION_BLOCK, number) != FALSE, has('b')) << number;
        EXPECT_EQ(DecisionActionFits(CMB_ACTION_BYPASS, number) != FALSE, has('Y')) << number;
        EXPECT_FALSE(DecisionActionFits(CMB_ACTION_NOTIFY, number));
        EXPECT_FALSE(DecisionActionFits(CMB_ACTION_BYPASS + 1, number));
    }
}

TEST_F(DecisionCheckTest, LoadWithARootHandleHasToAnswer) {
    DECISION_SUBJECT subject = subjectOf(RegNtPreLoadKey);
    subject.MustAnswer = TRUE;
    EXPECT_EQ(check(wishOf(CMB_DECISION_BYPASS), subject), kUnfit);
    EXPECT_EQ(check(wishOf(CMB_DECISION_BLOCK), subject), kAccepted);
    subject = subjectOf(RegNtPostLoadKey, STATUS_ACCESS_DENIED);
    EXPECT_EQ(check({.kind = CMB_DECISION_OVERRIDE}, subject), kAccepted);
    subject.MustAnswer = TRUE;
    EXPECT_EQ(check({.kind = CMB_DECISION_OVERRIDE}, subject), kUnfit);
    EXPECT_EQ(check({.kind = CMB_DECISION_OVERRIDE, .status = STATUS_UNSUCCESSFUL}, subject), kAccepted);
}

TEST_F(DecisionCheckTest, Statuses) {
    struct {
        NTSTATUS status;
        bool block, emulate, overrideCreate;
    } const table[] = {
        {STATUS_ACCESS_DENIED, true, true, true},
        {STATUS_OBJECT_NAME_NOT_FOUND, true, true, true},
        {static_cast<NTSTATUS>(0xE0001234), true, true, true},
        {STATUS_NO_MORE_ENTRIES, false, true, false},
        {STATUS_BUFFER_OVERFLOW, false, true, false},
        {STATUS_CALLBACK_BYPASS, false, false, false},
        {STATUS_REPARSE, false, false, false},
        {static_cast<NTSTATUS>(0x40000000), false, false, false},
    };
    for (const auto &row : table) {
        EXPECT_EQ(check({.kind = CMB_DECISION_BLOCK, .status = row.status}, subjectOf(RegNtPreSetValueKey)),
                  row.block ? kAccepted : kBadStatus);
        EXPECT_EQ(check({.kind = CMB_DECISION_EMULATE, .status = row.status}, subjectOf(RegNtPreQueryKey)),
                  row.emulate ? kAccepted : kBadStatus);
        EXPECT_EQ(check({.kind = CMB_DECISION_OVERRIDE, .status = row.status}, subjectOf(RegNtPostQueryKey)),
                  row.emulate ? kAccepted : kBadStatus);
        EXPECT_EQ(check({.kind = CMB_DECISION_OVERRIDE, .status = row.status}, subjectOf(RegNtPostCreateKeyEx)),
                  row.overrideCreate ? kAccepted : kBadStatus);
    }
    EXPECT_EQ(check({.kind = CMB_DECISION_BLOCK}, subjectOf(RegNtPreSetValueKey)), kBadStatus);
    EXPECT_EQ(check({.kind = CMB_DECISION_OVERRIDE}, subjectOf(RegNtPostOpenKeyEx, STATUS_ACCESS_DENIED)), kBadStatus);
    EXPECT_EQ(check({.kind = CMB_DECISION_OVERRIDE}, subjectOf(RegNtPostSetValueKey, STATUS_ACCESS_DENIED)), kAccepted);
    // Of those that have none.
    for (const UINT16 kind : {CMB_DECISION_ALLOW, CMB_DECISION_BYPASS, CMB_DECISION_REPLACE}) {
        Wish wish = wishOf(kind);
        wish.status = STATUS_ACCESS_DENIED;
        EXPECT_EQ(check(wish, subjectOf(RegNtPreSetValueKey)), kBadStatus);
    }
}

TEST_F(DecisionCheckTest, FlagsThatMeanNothingHere) {
    for (const UINT16 flags : {CMB_REPLY_OUTPUT, CMB_REPLY_UNDO, 0x8000}) {
        for (UINT16 kind = CMB_DECISION_ALLOW; kind <= CMB_DECISION_REPLACE; ++kind) {
            Wish wish = wishOf(kind);
            wish.flags = flags;
            const ULONG number = kind == CMB_DECISION_EMULATE ? RegNtPreQueryValueKey : RegNtPreSetValueKey;
            if (kind != CMB_DECISION_EMULATE || flags != CMB_REPLY_OUTPUT) {
                EXPECT_EQ(check(wish, subjectOf(number)), kUnfit) << kind << " " << flags;
            }
        }
        Wish wish = wishOf(CMB_DECISION_OVERRIDE);
        wish.flags = flags;
        EXPECT_EQ(check(wish, subjectOf(RegNtPostRenameKey)), kUnfit);
        EXPECT_EQ(check(wish, subjectOf(RegNtPostOpenKeyEx)), kUnfit);
    }
}

TEST_F(DecisionCheckTest, Undo) {
    for (const ULONG number : {RegNtPostCreateKeyEx, RegNtPostSetValueKey, RegNtPostDeleteValueKey}) {
        Wish wish{.kind = CMB_DECISION_OVERRIDE, .flags = CMB_REPLY_UNDO, .status = STATUS_ACCESS_DENIED};
        DECISION_SUBJECT subject = subjectOf(number);
        EXPECT_EQ(check(wish, subject), static_cast<UINT32>(CMB_REPLY_CANNOT_UNDO));
        subject.CanUndo = TRUE;
        EXPECT_EQ(check(wish, subject), kAccepted);
        // What is undone has failed.
        for (const NTSTATUS status : {STATUS_SUCCESS, STATUS_BUFFER_OVERFLOW}) {
            wish.status = status;
            EXPECT_EQ(check(wish, subject), kBadStatus);
        }
    }
}

TEST_F(DecisionCheckTest, RedirectInPostOnlyAfterAFailure) {
    const Wish wish = wishOf(CMB_DECISION_REDIRECT);
    EXPECT_EQ(check(wish, subjectOf(RegNtPostOpenKeyEx, STATUS_SUCCESS)), kUnfit);
    EXPECT_EQ(check(wish, subjectOf(RegNtPostOpenKeyEx, STATUS_REPARSE)), kUnfit);
    EXPECT_EQ(check(wish, subjectOf(RegNtPostOpenKeyEx, STATUS_OBJECT_NAME_NOT_FOUND)), kAccepted);
}

TEST_F(DecisionCheckTest, Paths) {
    const DECISION_SUBJECT subject = subjectOf(RegNtPreOpenKeyEx);
    EXPECT_EQ(check(redirectTo(u"\\"), subject), kAccepted);
    EXPECT_EQ(check(redirectTo(u""), subject), kBadData);
    EXPECT_EQ(check(redirectTo(u"REGISTRY\\MACHINE"), subject), kBadData);
    Wish odd = redirectTo(u"\\REGISTRY");
    odd.data.pop_back();
    EXPECT_EQ(check(odd, subject), kBadData);
    odd.data.resize(1);
    EXPECT_EQ(check(odd, subject), kBadData);
    EXPECT_EQ(check(redirectTo(u"\\" + std::u16string(32766, u'x')), subject), kAccepted);
    EXPECT_EQ(check(redirectTo(u"\\" + std::u16string(32767, u'x')), subject), kTooLarge);
    Wish typed = redirectTo(u"\\REGISTRY");
    typed.type = REG_SZ;
    EXPECT_EQ(check(typed, subject), kBadData);
}

TEST_F(DecisionCheckTest, RedirectToWhereItCameFrom) {
    std::u16string path = u"\\REGISTRY\\MACHINE\\\u00c4b";
    UNICODE_STRING string = unicode(path);
    NAME *name = NameOfString(&string);
    ASSERT_NE(name, nullptr);
    DECISION_SUBJECT subject = subjectOf(RegNtPreOpenKeyEx);
    subject.Path = name;
    for (const auto *loop : {u"\\REGISTRY\\MACHINE\\\u00c4b", u"\\registry\\Machine\\\u00e4B",
                             u"\\\\REGISTRY\\MACHINE\\\\\u00c4b\\", u"\\REGISTRY\\MACHINE\\\u00c4b\\\\"}) {
        EXPECT_EQ(check(redirectTo(loop), subject), static_cast<UINT32>(CMB_REPLY_LOOP));
    }
    for (const auto *other : {u"\\REGISTRY\\MACHINE", u"\\REGISTRY\\MACHINE\\\u00c4bc", u"\\REGISTRY\\MACHINE\\Ab",
                              u"\\REGISTRY\\MACHINE\\\u00c4b\\c", u"\\"}) {
        EXPECT_EQ(check(redirectTo(other), subject), kAccepted);
    }
    NameRelease(name);
}

TEST_F(DecisionCheckTest, DataThatIsNotExpected) {
    for (const UINT16 kind : {CMB_DECISION_ALLOW, CMB_DECISION_BLOCK, CMB_DECISION_BYPASS}) {
        Wish wish = wishOf(kind);
        wish.data = pattern(1);
        EXPECT_EQ(check(wish, subjectOf(RegNtPreSetValueKey)), kBadData);
        wish = wishOf(kind);
        wish.type = REG_SZ;
        EXPECT_EQ(check(wish, subjectOf(RegNtPreSetValueKey)), kBadData);
        wish = wishOf(kind);
        wish.resultLength = 1;
        EXPECT_EQ(check(wish, subjectOf(RegNtPreSetValueKey)), kBadData);
    }
    EXPECT_EQ(check({.kind = CMB_DECISION_EMULATE, .status = STATUS_OBJECT_NAME_NOT_FOUND, .data = pattern(4)},
                    subjectOf(RegNtPreQueryValueKey)),
              kBadData);
    // A success brings an answer.
    EXPECT_EQ(check({.kind = CMB_DECISION_EMULATE}, subjectOf(RegNtPreQueryValueKey)), kBadData);
    EXPECT_EQ(check({.kind = CMB_DECISION_OVERRIDE}, subjectOf(RegNtPostQueryValueKey, STATUS_ACCESS_DENIED)),
              kBadData);
    EXPECT_EQ(check({.kind = CMB_DECISION_OVERRIDE}, subjectOf(RegNtPostQueryValueKey)), kAccepted);
    // Data without memory.
    DECISION decision{};
    decision.Kind = CMB_DECISION_REPLACE;
    decision.DataSize = 4;
    const DECISION_SUBJECT subject = subjectOf(RegNtPreSetValueKey);
    EXPECT_EQ(DecisionCheck(&decision, &subject), kBadData);
}

TEST_F(DecisionCheckTest, ReplacedData) {
    const DECISION_SUBJECT subject = subjectOf(RegNtPreSetValueKey);
    EXPECT_EQ(check({.kind = CMB_DECISION_REPLACE, .type = 0xFFFFFFFF}, subject), kAccepted);
    EXPECT_EQ(check({.kind = CMB_DECISION_REPLACE, .data = Bytes(CMB_MAX_DECISION_BYTES)}, subject), kAccepted);
    EXPECT_EQ(check({.kind = CMB_DECISION_REPLACE, .data = Bytes(CMB_MAX_DECISION_BYTES + 1)}, subject), kTooLarge);
}

Wish output(NTSTATUS status, size_t size, UINT32 resultLength) {
    return {.kind = CMB_DECISION_EMULATE,
            .flags = CMB_REPLY_OUTPUT,
            .status = status,
            .resultLength = resultLength,
            .data = pattern(size)};
}

TEST_F(DecisionCheckTest, Outputs) {
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

TEST_F(DecisionCheckTest, EntriesOfAQueryForMultipleValues) {
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

TEST_F(DecisionCheckTest, Descriptors) {
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
