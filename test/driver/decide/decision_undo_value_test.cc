// SPDX-License-Identifier: MIT
//
// Values that were written or deleted although their caller is told that it has failed: the old ones are put back.

#include "test/driver/decide/decision_keys.h"

namespace cmbridge::test {
namespace {

using UndoOfAValue = DecisionKeysTest;

TEST_F(UndoOfAValue, PutsBackWhatWasOverwritten) {
    // There was none, there was one, it was empty.
    struct {
        std::optional<std::pair<ULONG, Bytes>> old;
    } const table[] = {{{}}, {{{REG_SZ, pattern(6, 3)}}}, {{{REG_NONE, {}}}}};
    for (const auto &row : table) {
        for (const auto *name : {u"Name", u""}) {
            if (row.old) {
                actor().setValue(key(), name, row.old->first, row.old->second);
            }
            Decider decider(u"300000", RegNtPostSetValueKey, denyAndUndo());
            EXPECT_EQ(trySet(name, REG_DWORD, pattern(4)), STATUS_ACCESS_DENIED);
            expectDenied(decider);
            EXPECT_EQ(value(key(), name), row.old);
        }
    }
}

TEST_F(UndoOfAValue, PutsBackWhatWasDeleted) {
    actor().setValue(key(), u"Name", REG_MULTI_SZ, pattern(12, 3));
    Decider decider(u"300000", RegNtPostDeleteValueKey, denyAndUndo());
    EXPECT_EQ(tryDelete(u"Name"), STATUS_ACCESS_DENIED);
    expectDenied(decider);
    expectValue(u"Name", REG_MULTI_SZ, pattern(12, 3));
}

TEST_F(UndoOfAValue, StaysInsideTheTransaction) {
    actor().setValue(key(), u"Name", REG_DWORD, pattern(4, 3));
    Transaction transaction(actor());
    const HANDLE bound = keep(actor(), path(), {.transaction = transaction.handle()});
    {
        Decider decider(u"300000", RegNtPostSetValueKey, denyAndUndo());
        actor().run([&] {
            std::u16string text = u"Name";
            UNICODE_STRING name = unicode(text);
            EXPECT_EQ(NtSetValueKey(bound, &name, 0, REG_NONE, nullptr, 0), STATUS_ACCESS_DENIED);
        });
        expectDenied(decider);
        EXPECT_EQ(value(bound, u"Name")->first, static_cast<ULONG>(REG_DWORD));
    }
    actor().close(bound);
    EXPECT_EQ(transaction.end(true), STATUS_SUCCESS);
    expectValue(u"Name", REG_DWORD, pattern(4, 3));
}

// One that is longer than what the registration keeps, and one that was never read.
TEST_F(UndoOfAValue, IsRefusedWhereTheOldValueIsNotKnown) {
    actor().setValue(key(), u"Name", REG_BINARY, pattern(9, 3));
    for (const ULONG number : {RegNtPostSetValueKey, RegNtPostDeleteValueKey}) {
        for (const ULONG maxData : {8u, 9u}) {
            Decider decider(u"300000", number, denyAndUndo(), 1, maxData);
            const NTSTATUS status = number == RegNtPostSetValueKey ? trySet(u"Name", REG_NONE, {}) : tryDelete(u"Name");
            ASSERT_EQ(decider.outcomes().size(), 1u);
            EXPECT_EQ(decider.outcomes()[0].check,
                      static_cast<UINT32>(maxData == 9 ? CMB_REPLY_ACCEPTED : CMB_REPLY_CANNOT_UNDO));
            EXPECT_EQ(status, maxData == 9 ? STATUS_ACCESS_DENIED : STATUS_SUCCESS);
            actor().setValue(key(), u"Name", REG_BINARY, pattern(9, 3));
        }
    }
    // Without memory to read it with.
    Decider decider(u"300000", RegNtPostSetValueKey, denyAndUndo());
    machine().failAllocation(1);
    EXPECT_EQ(trySet(u"Name", REG_NONE, {}), STATUS_SUCCESS);
    machine().failAllocation(0);
    EXPECT_EQ(decider.outcomes()[0].check, static_cast<UINT32>(CMB_REPLY_CANNOT_UNDO));
}

// A write that is virtualized: the value that is known is that of the other key.
TEST_F(UndoOfAValue, IsRefusedForAnotherKeyThanThatOfPre) {
    int keys[2];
    CALL call{};
    call.Facts.Asked = TRUE;
    call.Facts.Status = STATUS_OBJECT_NAME_NOT_FOUND;
    REG_SET_VALUE_KEY_INFORMATION set{};
    set.Object = &keys[0];
    for (int &object : keys) {
        REG_POST_OPERATION_INFORMATION post{};
        post.Object = &object;
        post.PreInformation = &set;
        DECISION_SUBJECT subject;
        DecisionDescribe(&subject, NotifyClassGet(RegNtPostSetValueKey), RegNtPostSetValueKey,
                         reinterpret_cast<const NOTIFY_PRE *>(&set), &post, &call);
        EXPECT_EQ(subject.CanUndo != FALSE, &object == &keys[0]);
    }
}

TEST_F(UndoOfAValue, IsRefusedForFailedOperations) {
    Decider decider(u"300000", RegNtPostDeleteValueKey, denyAndUndo());
    EXPECT_EQ(tryDelete(u"Missing"), STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(decider.outcomes()[0].check, static_cast<UINT32>(CMB_REPLY_CANNOT_UNDO));
}

TEST_F(UndoOfAValue, FailsWhereTheValueCannotBePutBack) {
    actor().setValue(key(), u"Name", REG_DWORD, pattern(4, 3));
    Decider decider(u"300000", RegNtPostSetValueKey, denyAndUndo());
    decider.before([&] {
        const HANDLE again = zwCreate(path());
        EXPECT_EQ(ZwDeleteKey(again), STATUS_SUCCESS);
        ZwClose(again);
    });
    EXPECT_EQ(trySet(u"Name", REG_NONE, {}), STATUS_KEY_DELETED);
    EXPECT_TRUE(decider.result().Failed);
}

TEST_F(UndoOfAValue, FailsWithoutMemory) {
    actor().setValue(key(), u"Name", REG_DWORD, pattern(4, 3));
    unsigned failed = 0;
    EXPECT_GE(failEach([&] {
                  Decider decider(u"300000", RegNtPostSetValueKey, denyAndUndo());
                  const NTSTATUS status = trySet(u"Name", REG_NONE, {});
                  ASSERT_EQ(decider.outcomes().size(), 1u);
                  if (decider.outcomes()[0].check != CMB_REPLY_ACCEPTED) {
                      // The old value was not read.
                      EXPECT_EQ(status, STATUS_SUCCESS);
                      actor().setValue(key(), u"Name", REG_DWORD, pattern(4, 3));
                  } else if (decider.result().Failed) {
                      ++failed;
                      EXPECT_EQ(status, STATUS_INSUFFICIENT_RESOURCES);
                      actor().setValue(key(), u"Name", REG_DWORD, pattern(4, 3));
                  } else {
                      EXPECT_EQ(status, STATUS_ACCESS_DENIED);
                      expectValue(u"Name", REG_DWORD, pattern(4, 3));
                  }
              }),
              2u);
    EXPECT_GE(failed, 1u);
}

} // namespace
} // namespace cmbridge::test
