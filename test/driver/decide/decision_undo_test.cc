// SPDX-License-Identifier: MIT
//
// A success that becomes a failure: what was done is taken back, and what was opened is let go.

#include "test/driver/decide/decision_keys.h"

#include <filesystem>

namespace cmbridge::test {
namespace {

class UndoOfAnOpen : public DecisionKeysTest {
  protected:
    void SetUp() override {
        DecisionKeysTest::SetUp();
        live_ = liveObjects();
    }
    // Every key object that was made since is gone.
    void expectReleased() const { EXPECT_EQ(liveObjects(), live_); }
    std::u16string made() const { return below(u"Made"); }

  private:
    ULONG live_ = 0;
};

TEST_F(UndoOfAnOpen, ReleasesTheKey) {
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

TEST_F(UndoOfAnOpen, IsNotDoneUnasked) {
    Decider decider(u"300000", RegNtPostCreateKeyEx, deny());
    EXPECT_EQ(open(actor(), made(), {.create = true}).status, STATUS_ACCESS_DENIED);
    expectDenied(decider);
    expectReleased();
    EXPECT_TRUE(exists(made()));
}

TEST_F(UndoOfAnOpen, DeletesACreatedKey) {
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

TEST_F(UndoOfAnOpen, KnowsRelativeNamesAndNeedsNoRightOfTheCaller) {
    Decider decider(u"300000", RegNtPostCreateKeyEx, denyAndUndo());
    // The caller's rights need not be enough to delete.
    EXPECT_EQ(open(actor(), u"Made", {.access = KEY_QUERY_VALUE, .create = true, .root = key()}).status,
              STATUS_ACCESS_DENIED);
    expectDenied(decider);
    EXPECT_FALSE(exists(made()));
}

TEST_F(UndoOfAnOpen, DeletesTheKeyBehindALink) {
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

TEST_F(UndoOfAnOpen, DeletesANewLink) {
    Decider decider(u"300000", RegNtPostCreateKeyEx, denyAndUndo());
    EXPECT_EQ(open(actor(), made(), {.create = true, .options = REG_OPTION_CREATE_LINK}).status, STATUS_ACCESS_DENIED);
    expectDenied(decider);
    EXPECT_FALSE(exists(made()));
}

TEST_F(UndoOfAnOpen, IsRefusedOnTheWayThroughALink) {
    makeLink(below(u"Link"), path());
    Decider decider(u"300000", RegNtPostOpenKeyEx, deny());
    EXPECT_EQ(open(actor(), below(u"Link"), {}).status, STATUS_ACCESS_DENIED);
    EXPECT_EQ(decider.outcomes()[0].subject.Status, STATUS_REPARSE);
    expectDenied(decider);
}

TEST_F(UndoOfAnOpen, IsRefusedWhereNothingIsNew) {
    Decider decider(u"300000", RegNtPostCreateKeyEx, denyAndUndo());
    EXPECT_EQ(open(actor(), path(), {.create = true}).status, STATUS_SUCCESS);
    ASSERT_EQ(decider.outcomes().size(), 1u);
    EXPECT_EQ(decider.outcomes()[0].check, static_cast<UINT32>(CMB_REPLY_CANNOT_UNDO));
}

TEST_F(UndoOfAnOpen, StaysInsideTheTransaction) {
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

TEST_F(UndoOfAnOpen, FailsWhereTheKeyCannotBeDeleted) {
    Decider decider(u"300000", RegNtPostCreateKeyEx, denyAndUndo());
    decider.before([&] { ZwClose(zwCreate(below(u"Made\\Child"))); });
    EXPECT_EQ(open(actor(), made(), {.create = true}).status, STATUS_CANNOT_DELETE);
    EXPECT_TRUE(decider.result().Failed);
    EXPECT_EQ(decider.result().Status, STATUS_CANNOT_DELETE);
    expectReleased();
    EXPECT_TRUE(exists(below(u"Made\\Child")));
}

TEST_F(UndoOfAnOpen, SparesAnotherKeyOfTheSameName) {
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

TEST_F(UndoOfAnOpen, TakesStructuresOfVersionZero) {
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

TEST_F(UndoOfAnOpen, FailsWithoutMemory) {
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

// Its keys are reached through the handle that loading gave alone.
TEST_F(UndoOfAnOpen, DeletesAKeyOfAnApplicationHive) {
    const std::string file = "cmbridge-undo-" + std::to_string(actor().processId());
    const std::filesystem::path host = std::filesystem::temp_directory_path() / file;
    std::u16string target = u"\\REGISTRY\\A\\{undo}", source = u"\\??\\Z:" + host.u16string();
    std::replace(source.begin(), source.end(), u'/', u'\\');
    HANDLE root = nullptr;
    actor().run([&] {
        UNICODE_STRING targetName = unicode(target), sourceName = unicode(source);
        OBJECT_ATTRIBUTES targetObject = attributes(targetName), sourceObject = attributes(sourceName);
        IO_STATUS_BLOCK io;
        HANDLE handle = nullptr;
        ASSERT_EQ(NtCreateFile(&handle, GENERIC_WRITE | SYNCHRONIZE, &sourceObject, &io, nullptr, 0, 0, FILE_CREATE,
                               FILE_SYNCHRONOUS_IO_NONALERT, nullptr, 0),
                  STATUS_SUCCESS);
        EXPECT_EQ(NtSaveKeyEx(key(), handle, REG_LATEST_FORMAT), STATUS_SUCCESS);
        EXPECT_EQ(NtClose(handle), STATUS_SUCCESS);
        ASSERT_EQ(
            NtLoadKeyEx(&targetObject, &sourceObject, REG_APP_HIVE, nullptr, nullptr, KEY_ALL_ACCESS, &root, nullptr),
            STATUS_SUCCESS);
    });
    {
        Decider decider(u"300000", RegNtPostCreateKeyEx, denyAndUndo());
        EXPECT_EQ(open(actor(), u"Made", {.create = true, .root = root}).status, STATUS_ACCESS_DENIED);
        expectDenied(decider);
    }
    EXPECT_EQ(open(actor(), u"Made", {.root = root}).status, STATUS_OBJECT_NAME_NOT_FOUND);
    actor().close(root);
    std::filesystem::remove_all(host.parent_path() / (file + ".LOG1"));
    std::filesystem::remove(host);
}

} // namespace
} // namespace cmbridge::test
