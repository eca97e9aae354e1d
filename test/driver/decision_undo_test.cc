// SPDX-License-Identifier: MIT
//
// A success that becomes a failure: what was done is taken back, and what was opened is let go.

#include "decision_keys.h"

namespace cmbridge::test {
namespace {

Wish deny() {
    return {.kind = CMB_DECISION_OVERRIDE, .status = STATUS_ACCESS_DENIED};
}

Wish denyAndUndo() {
    return {.kind = CMB_DECISION_OVERRIDE, .flags = CMB_REPLY_UNDO, .status = STATUS_ACCESS_DENIED};
}

class DecisionUndoTest : public DecisionKeysTest {
  protected:
    void SetUp() override {
        DecisionKeysTest::SetUp();
        live_ = liveObjects();
    }
    // Every key object that was made since is gone.
    void expectReleased() const { EXPECT_EQ(liveObjects(), live_); }
    static void expectDenied(const Decider &decider) {
        const DECISION_RESULT result = decider.result();
        EXPECT_EQ(result.Return, STATUS_CALLBACK_BYPASS);
        EXPECT_EQ(result.Status, STATUS_ACCESS_DENIED);
        EXPECT_FALSE(result.Failed);
        EXPECT_EQ(result.Object, nullptr);
    }
    std::u16string made() const { return below(u"Made"); }

  private:
    ULONG live_ = 0;
};

TEST_F(DecisionUndoTest, OpenedKeyIsReleased) {
    std::vector<std::pair<NTSTATUS, PVOID>> seen;
    Rival higher(u"400000", [&](ULONG number, PVOID information) {
        if (number == RegNtPostOpenKeyEx) {
            const auto *post = static_cast<REG_POST_OPERATION_INFORMATION *>(information);
            seen.emplace_back(post->Status, post->Object);
        }
    });
    Decider decider(u"300000", RegNtPostOpenKeyEx, deny());
    EXPECT_EQ(open(actor(), path(), {}).status, STATUS_ACCESS_DENIED);
    expectDenied(decider);
    expectReleased();
    const std::vector<std::pair<NTSTATUS, PVOID>> expected = {{STATUS_ACCESS_DENIED, nullptr}};
    EXPECT_EQ(seen, expected);
}

TEST_F(DecisionUndoTest, CreatedKeyStaysUnlessItIsUndone) {
    Decider decider(u"300000", RegNtPostCreateKeyEx, deny());
    EXPECT_EQ(open(actor(), made(), {.create = true}).status, STATUS_ACCESS_DENIED);
    expectDenied(decider);
    expectReleased();
    EXPECT_TRUE(exists(made()));
}

TEST_F(DecisionUndoTest, CreatedKeyIsDeleted) {
    std::vector<ULONG> below200000;
    std::vector<NTSTATUS> above;
    Rival lower(u"200000", [&](ULONG number, PVOID) { below200000.push_back(number); });
    Rival higher(u"400000", [&](ULONG number, PVOID information) {
        if (number == RegNtPostCreateKeyEx) {
            above.push_back(static_cast<REG_POST_OPERATION_INFORMATION *>(information)->Status);
        }
    });
    {
        Decider decider(u"300000", RegNtPostCreateKeyEx, denyAndUndo());
        EXPECT_EQ(open(actor(), made(), {.create = true}).status, STATUS_ACCESS_DENIED);
        expectDenied(decider);
    }
    expectReleased();
    EXPECT_EQ(above, std::vector<NTSTATUS>{STATUS_ACCESS_DENIED});
    EXPECT_EQ(std::count(below200000.begin(), below200000.end(), RegNtPostDeleteKey), 1);
    EXPECT_FALSE(exists(made()));
}

TEST_F(DecisionUndoTest, RelativeNameAndReducedRights) {
    Decider decider(u"300000", RegNtPostCreateKeyEx, denyAndUndo());
    // The caller's rights need not be enough to delete.
    EXPECT_EQ(open(actor(), u"Made", {.access = KEY_QUERY_VALUE, .create = true, .root = key()}).status,
              STATUS_ACCESS_DENIED);
    expectDenied(decider);
    EXPECT_FALSE(exists(made()));
}

TEST_F(DecisionUndoTest, KeyBehindALink) {
    makeLink(below(u"Link"), path());
    // The first create ends at the link with STATUS_REPARSE.
    Decider decider(u"300000", RegNtPostCreateKeyEx, denyAndUndo(), 2);
    EXPECT_EQ(open(actor(), below(u"Link\\Made"), {.create = true}).status, STATUS_ACCESS_DENIED);
    ASSERT_EQ(decider.outcomes().size(), 2u);
    EXPECT_EQ(decider.outcomes()[0].check, static_cast<UINT32>(CMB_REPLY_CANNOT_UNDO));
    EXPECT_EQ(decider.outcomes()[1].check, static_cast<UINT32>(CMB_REPLY_ACCEPTED));
    EXPECT_FALSE(decider.outcomes()[1].result.Failed);
    EXPECT_FALSE(exists(made()));
}

TEST_F(DecisionUndoTest, NewLink) {
    Decider decider(u"300000", RegNtPostCreateKeyEx, denyAndUndo());
    EXPECT_EQ(open(actor(), made(), {.create = true, .options = REG_OPTION_CREATE_LINK}).status, STATUS_ACCESS_DENIED);
    expectDenied(decider);
    EXPECT_FALSE(exists(made()));
}

TEST_F(DecisionUndoTest, OnTheWayThroughALink) {
    makeLink(below(u"Link"), path());
    Decider decider(u"300000", RegNtPostOpenKeyEx, deny());
    EXPECT_EQ(open(actor(), below(u"Link"), {}).status, STATUS_ACCESS_DENIED);
    EXPECT_EQ(decider.outcomes()[0].subject.Status, STATUS_REPARSE);
    expectDenied(decider);
}

TEST_F(DecisionUndoTest, NothingIsNew) {
    Decider decider(u"300000", RegNtPostCreateKeyEx, denyAndUndo());
    EXPECT_EQ(open(actor(), path(), {.create = true}).status, STATUS_SUCCESS);
    ASSERT_EQ(decider.outcomes().size(), 1u);
    EXPECT_EQ(decider.outcomes()[0].check, static_cast<UINT32>(CMB_REPLY_CANNOT_UNDO));
}

TEST_F(DecisionUndoTest, KeyOfATransaction) {
    for (const bool byRoot : {false, true}) {
        Transaction transaction(actor());
        const HANDLE root = keep(actor(), path(), {.transaction = transaction.handle()});
        {
            Decider decider(u"300000", RegNtPostCreateKeyEx, denyAndUndo());
            const Opened opened = byRoot ? open(actor(), u"Made", {.create = true, .root = root})
                                         : open(actor(), made(), {.create = true, .transaction = transaction.handle()});
            EXPECT_EQ(opened.status, STATUS_ACCESS_DENIED);
            expectDenied(decider);
        }
        actor().close(root);
        EXPECT_EQ(transaction.end(true), STATUS_SUCCESS);
        EXPECT_FALSE(exists(made()));
    }
}

// Calls of the thread that is in the callback, as another thread might make them meanwhile.
HANDLE zwCreate(std::u16string path) {
    UNICODE_STRING name = unicode(path);
    OBJECT_ATTRIBUTES object = attributes(name);
    object.Attributes |= OBJ_KERNEL_HANDLE;
    HANDLE handle = nullptr;
    EXPECT_EQ(ZwCreateKey(&handle, KEY_ALL_ACCESS, &object, 0, nullptr, 0, nullptr), STATUS_SUCCESS);
    return handle;
}

TEST_F(DecisionUndoTest, KeyThatCannotBeDeleted) {
    Decider decider(u"300000", RegNtPostCreateKeyEx, denyAndUndo());
    decider.before([&] { ZwClose(zwCreate(below(u"Made\\Child"))); });
    EXPECT_EQ(open(actor(), made(), {.create = true}).status, STATUS_CANNOT_DELETE);
    EXPECT_TRUE(decider.result().Failed);
    EXPECT_EQ(decider.result().Status, STATUS_CANNOT_DELETE);
    expectReleased();
    EXPECT_TRUE(exists(below(u"Made\\Child")));
}

TEST_F(DecisionUndoTest, AnotherKeyOfTheSameNameIsSpared) {
    for (const bool renamed : {false, true}) {
        Decider decider(u"300000", RegNtPostCreateKeyEx, denyAndUndo());
        decider.before([&] {
            std::u16string text = u"Moved";
            UNICODE_STRING name = unicode(text);
            const HANDLE first = zwCreate(made());
            EXPECT_EQ(renamed ? ZwRenameKey(first, &name) : ZwDeleteKey(first), STATUS_SUCCESS);
            ZwClose(first);
            ZwClose(zwCreate(made()));
        });
        const NTSTATUS expected = renamed ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_KEY_DELETED;
        EXPECT_EQ(open(actor(), made(), {.create = true}).status, expected);
        EXPECT_TRUE(decider.result().Failed);
        expectReleased();
        EXPECT_TRUE(exists(made()));
        EXPECT_EQ(exists(below(u"Moved")), renamed);
        remove(made());
    }
}

TEST_F(DecisionUndoTest, StructuresOfVersionZero) {
    CM_OPTIONS options;
    CmGetOptions(&options);
    CM_OPTIONS old = options;
    old.CreateVersion = 0;
    CmSetOptions(&old);
    for (const bool relative : {true, false}) {
        Decider decider(u"300000", RegNtPostCreateKeyEx, denyAndUndo());
        const Opened opened = relative ? open(actor(), u"Made", {.create = true, .root = key()})
                                       : open(actor(), made(), {.create = true});
        EXPECT_EQ(opened.status, STATUS_ACCESS_DENIED);
        expectDenied(decider);
        EXPECT_FALSE(exists(made()));
    }
    CmSetOptions(&options);
}

TEST_F(DecisionUndoTest, CreateWithoutMemory) {
    for (const bool transacted : {false, true}) {
        unsigned undone = 0;
        const auto once = [&] {
            std::optional<Transaction> transaction;
            if (transacted) {
                transaction.emplace(actor());
            }
            {
                Decider decider(u"300000", RegNtPostCreateKeyEx, denyAndUndo());
                const NTSTATUS status =
                    open(actor(), made(), {.create = true, .transaction = transacted ? transaction->handle() : nullptr})
                        .status;
                EXPECT_TRUE(status == STATUS_ACCESS_DENIED || status == STATUS_INSUFFICIENT_RESOURCES);
                // Whatever happened to the deletion, the caller has no key.
                if (!decider.outcomes().empty() && decider.outcomes()[0].check == CMB_REPLY_ACCEPTED) {
                    EXPECT_EQ(decider.result().Failed != FALSE, status != STATUS_ACCESS_DENIED);
                    undone += status == STATUS_ACCESS_DENIED;
                }
            }
            if (transacted) {
                EXPECT_EQ(transaction->end(false), STATUS_SUCCESS);
            } else {
                remove(made());
            }
            expectReleased();
        };
        EXPECT_GE(failWhileOpening(once), 1u);
        EXPECT_GE(undone, 2u);
    }
}

TEST_F(DecisionUndoTest, WrittenValue) {
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

TEST_F(DecisionUndoTest, DeletedValue) {
    actor().setValue(key(), u"Name", REG_MULTI_SZ, pattern(12, 3));
    Decider decider(u"300000", RegNtPostDeleteValueKey, denyAndUndo());
    EXPECT_EQ(tryDelete(u"Name"), STATUS_ACCESS_DENIED);
    expectDenied(decider);
    expectValue(u"Name", REG_MULTI_SZ, pattern(12, 3));
}

TEST_F(DecisionUndoTest, ValueOfATransaction) {
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
TEST_F(DecisionUndoTest, OldValueThatIsNotKnown) {
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
TEST_F(DecisionUndoTest, ValueOfAnotherKeyThanThatOfPre) {
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
        DecisionDescribe(&subject, NotifyClassGet(RegNtPostSetValueKey), RegNtPostSetValueKey, &set, &post, &call);
        EXPECT_EQ(subject.CanUndo != FALSE, &object == &keys[0]);
    }
}

TEST_F(DecisionUndoTest, FailedOperationsHaveNothingToUndo) {
    Decider decider(u"300000", RegNtPostDeleteValueKey, denyAndUndo());
    EXPECT_EQ(tryDelete(u"Missing"), STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(decider.outcomes()[0].check, static_cast<UINT32>(CMB_REPLY_CANNOT_UNDO));
}

TEST_F(DecisionUndoTest, ValueThatCannotBePutBack) {
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

TEST_F(DecisionUndoTest, ValueWithoutMemory) {
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
