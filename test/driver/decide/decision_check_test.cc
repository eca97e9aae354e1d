// SPDX-License-Identifier: MIT
//
// Which decisions suit which classes, and what belongs to them.

#include "test/driver/decide/decision_fixture.h"

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

// Paths are compared in the upper case of the machine, which the driver reads when it is loaded.
using CheckOfDecisions = DriverTest;

TEST_F(CheckOfDecisions, KnowsWhichKindSuitsWhichClass) {
    for (ULONG number = 0; number <= CMB_MAX_NOTIFY_CLASS; ++number) {
        for (UINT16 kind = 0; kind <= CMB_DECISION_DEFAULT + 1; ++kind) {
            const bool suits = kind >= CMB_DECISION_ALLOW && kind <= CMB_DECISION_OVERRIDE &&
                               kindsOf(number).find(kLetters[kind]) != std::string_view::npos;
            EXPECT_EQ(check(wishOf(kind), subjectOf(number, STATUS_ACCESS_DENIED)), suits ? kAccepted : kUnfit)
                << number << " " << kind;
        }
    }
}

TEST_F(CheckOfDecisions, KnowsWhichActionOfARuleSuitsWhichClass) {
    for (ULONG number = 0; number <= CMB_MAX_NOTIFY_CLASS; ++number) {
        const std::string_view kinds = kindsOf(number);
        const auto has = [&](char letter) { return kinds.find(letter) != std::string_view::npos; };
        EXPECT_EQ(NotifyClassTakesAction(number, CMB_ACTION_ASK) != FALSE, has('a')) << number;
        EXPECT_EQ(NotifyClassTakesAction(number, CMB_ACTION_BLOCK) != FALSE, has('b')) << number;
        EXPECT_EQ(NotifyClassTakesAction(number, CMB_ACTION_BYPASS) != FALSE, has('Y')) << number;
        EXPECT_FALSE(NotifyClassTakesAction(number, CMB_ACTION_NOTIFY));
        EXPECT_FALSE(NotifyClassTakesAction(number, CMB_ACTION_BYPASS + 1));
    }
}

TEST_F(CheckOfDecisions, RefusesToBypassALoadWithARootHandle) {
    DECISION_SUBJECT subject = subjectOf(RegNtPreLoadKey);
    subject.NeedsOutput = TRUE;
    EXPECT_EQ(check(wishOf(CMB_DECISION_BYPASS), subject), kUnfit);
    EXPECT_EQ(check(wishOf(CMB_DECISION_BLOCK), subject), kAccepted);
    subject = subjectOf(RegNtPostLoadKey, STATUS_ACCESS_DENIED);
    EXPECT_EQ(check({.kind = CMB_DECISION_OVERRIDE}, subject), kAccepted);
    subject.NeedsOutput = TRUE;
    EXPECT_EQ(check({.kind = CMB_DECISION_OVERRIDE}, subject), kUnfit);
    EXPECT_EQ(check({.kind = CMB_DECISION_OVERRIDE, .status = STATUS_UNSUCCESSFUL}, subject), kAccepted);
}

TEST_F(CheckOfDecisions, TakesStatusesThatSuitTheKind) {
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

TEST_F(CheckOfDecisions, RefusesFlagsThatMeanNothing) {
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

TEST_F(CheckOfDecisions, TakesUndoWhereSomethingCanBeUndone) {
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

TEST_F(CheckOfDecisions, TakesARedirectInPostOnlyAfterAFailure) {
    const Wish wish = wishOf(CMB_DECISION_REDIRECT);
    EXPECT_EQ(check(wish, subjectOf(RegNtPostOpenKeyEx, STATUS_SUCCESS)), kUnfit);
    EXPECT_EQ(check(wish, subjectOf(RegNtPostOpenKeyEx, STATUS_REPARSE)), kUnfit);
    EXPECT_EQ(check(wish, subjectOf(RegNtPostOpenKeyEx, STATUS_OBJECT_NAME_NOT_FOUND)), kAccepted);
}

TEST_F(CheckOfDecisions, TakesAbsolutePathsOfTheRegistry) {
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

TEST_F(CheckOfDecisions, RefusesDataThatIsNotExpected) {
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

TEST_F(CheckOfDecisions, TakesReplacedDataOfAnyTypeInItsBounds) {
    const DECISION_SUBJECT subject = subjectOf(RegNtPreSetValueKey);
    EXPECT_EQ(check({.kind = CMB_DECISION_REPLACE, .type = 0xFFFFFFFF}, subject), kAccepted);
    EXPECT_EQ(check({.kind = CMB_DECISION_REPLACE, .data = Bytes(CMB_MAX_DECISION_BYTES)}, subject), kAccepted);
    EXPECT_EQ(check({.kind = CMB_DECISION_REPLACE, .data = Bytes(CMB_MAX_DECISION_BYTES + 1)}, subject), kTooLarge);
}

} // namespace
} // namespace cmbridge::test
