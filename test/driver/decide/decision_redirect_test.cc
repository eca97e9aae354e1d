// SPDX-License-Identifier: MIT
//
// Another key in place of the one that was asked for, with the rights of whoever asks.

#include "test/driver/decide/decision_keys.h"

namespace cmbridge::test {
namespace {

constexpr const char16_t *kSoftware = u"\\REGISTRY\\MACHINE\\SOFTWARE";

class Redirect : public DecisionKeysTest {
  protected:
    void SetUp() override {
        DecisionKeysTest::SetUp();
        actor().close(actor().create(below(u"Target")));
        actor().close(actor().create(below(u"Asked")));
    }
    std::u16string asked() const { return below(u"Asked"); }
    std::u16string target() const { return below(u"Target"); }
};

TEST_F(Redirect, OpensTheOtherKey) {
    std::vector<std::pair<ULONG, NTSTATUS>> above, lower;
    const auto note = [](auto &list) {
        return [&list](ULONG number, PVOID information) {
            if (number == RegNtPostOpenKeyEx || number == RegNtPostCreateKeyEx) {
                list.emplace_back(number, static_cast<REG_POST_OPERATION_INFORMATION *>(information)->Status);
            }
        };
    };
    Rival higher(u"400000", note(above)), under(u"200000", note(lower));
    Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(target()));
    PVOID given = nullptr;
    decider.after([&](PVOID pre) { given = *static_cast<REG_OPEN_KEY_INFORMATION *>(pre)->ResultObject; });
    const Opened opened = open(actor(), asked(), {.access = KEY_QUERY_VALUE});
    EXPECT_EQ(opened.status, STATUS_SUCCESS);
    EXPECT_EQ(opened.name, target());
    EXPECT_EQ(opened.granted, static_cast<ACCESS_MASK>(KEY_QUERY_VALUE));
    const DECISION_RESULT result = decider.result();
    EXPECT_EQ(result.Return, STATUS_CALLBACK_BYPASS);
    EXPECT_EQ(result.Status, STATUS_SUCCESS);
    EXPECT_FALSE(result.Failed);
    EXPECT_NE(result.Object, nullptr);
    EXPECT_EQ(result.Object, given);
    const std::vector<std::pair<ULONG, NTSTATUS>> one = {{RegNtPostOpenKeyEx, STATUS_SUCCESS}};
    EXPECT_EQ(above, one);
    EXPECT_EQ(lower, one);
}

TEST_F(Redirect, OfACreateTellsWhetherTheKeyIsNew) {
    for (const ULONG disposition : {REG_CREATED_NEW_KEY, REG_OPENED_EXISTING_KEY}) {
        Decider decider(u"300000", RegNtPreCreateKeyEx, redirectTo(below(u"Made")));
        const Opened opened = open(actor(), below(u"Wanted"), {.create = true});
        EXPECT_EQ(opened.status, STATUS_SUCCESS);
        EXPECT_EQ(opened.name, below(u"Made"));
        EXPECT_EQ(opened.disposition, disposition);
        EXPECT_FALSE(decider.result().Failed);
    }
    EXPECT_FALSE(exists(below(u"Wanted")));
}

TEST_F(Redirect, OfACreateHasTheCallersClassOptionsAndDescriptor) {
    SECURITY_DESCRIPTOR descriptor;
    ASSERT_EQ(RtlCreateSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION), STATUS_SUCCESS);
    // No list: everybody may do everything.
    ASSERT_EQ(RtlSetDaclSecurityDescriptor(&descriptor, TRUE, nullptr, FALSE), STATUS_SUCCESS);
    {
        Decider decider(u"300000", RegNtPreCreateKeyEx, redirectTo(below(u"Made")));
        const Opened opened =
            open(actor(), below(u"Wanted"),
                 {.create = true, .options = REG_OPTION_VOLATILE, .descriptor = &descriptor, .className = u"A class"});
        EXPECT_EQ(opened.status, STATUS_SUCCESS);
    }
    const Opened made = open(limited(), below(u"Made"), {.access = KEY_ALL_ACCESS});
    EXPECT_EQ(made.status, STATUS_SUCCESS);
    EXPECT_EQ(made.className, u"A class");
    EXPECT_EQ(open(actor(), below(u"Made\\Stable"), {.create = true}).status, STATUS_CHILD_MUST_BE_VOLATILE);
}

TEST_F(Redirect, FailsWhereTheTargetIsMissing) {
    {
        Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(below(u"Nothing")));
        EXPECT_EQ(open(actor(), asked(), {}).status, STATUS_OBJECT_NAME_NOT_FOUND);
        EXPECT_TRUE(decider.result().Failed);
        EXPECT_EQ(decider.result().Return, STATUS_OBJECT_NAME_NOT_FOUND);
        EXPECT_EQ(decider.result().Object, nullptr);
    }
    Decider decider(u"300000", RegNtPreCreateKeyEx, redirectTo(below(u"Nothing\\Below")));
    EXPECT_EQ(open(actor(), asked(), {.create = true}).status, STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_FALSE(exists(below(u"Nothing")));
}

TEST_F(Redirect, TakesNoPathOutsideTheRegistry) {
    for (const auto *path : {u"\\Device\\HarddiskVolume1", u"\\", u"\\REGISTRYX\\MACHINE"}) {
        Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(path));
        EXPECT_TRUE(NT_ERROR(open(actor(), asked(), {}).status));
        EXPECT_TRUE(decider.result().Failed);
    }
}

TEST_F(Redirect, FailsWhereTheTargetIsForbidden) {
    const std::u16string user = u"\\REGISTRY\\USER\\S-1-5-21-3623811015-3361044348-30300820-1013";
    {
        // Whoever asks may not, though the driver could.
        Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(u"\\REGISTRY\\MACHINE\\SECURITY"));
        EXPECT_EQ(open(limited(), user, {.access = KEY_READ}).status, STATUS_ACCESS_DENIED);
        EXPECT_EQ(decider.result().Status, STATUS_ACCESS_DENIED);
        EXPECT_TRUE(decider.result().Failed);
    }
    {
        Decider decider(u"300000", RegNtPreCreateKeyEx, redirectTo(below(u"Made")));
        EXPECT_EQ(open(limited(), user + u"\\Made", {.create = true}).status, STATUS_ACCESS_DENIED);
    }
    EXPECT_FALSE(exists(below(u"Made")));
    // The right to read is there, that to write is not.
    Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(target()), 2);
    EXPECT_EQ(open(limited(), user, {.access = KEY_ALL_ACCESS}).status, STATUS_ACCESS_DENIED);
    EXPECT_EQ(open(limited(), user, {.access = KEY_READ}).status, STATUS_SUCCESS);
}

TEST_F(Redirect, GrantsTheAccessOfTheTarget) {
    const std::u16string user = u"\\REGISTRY\\USER\\S-1-5-21-3623811015-3361044348-30300820-1013";
    EXPECT_EQ(open(limited(), user, {.access = MAXIMUM_ALLOWED}).granted, static_cast<ACCESS_MASK>(KEY_ALL_ACCESS));
    Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(target()), 2);
    const Opened opened = open(limited(), user, {.access = MAXIMUM_ALLOWED});
    EXPECT_EQ(opened.status, STATUS_SUCCESS);
    EXPECT_EQ(opened.granted & (KEY_SET_VALUE | KEY_CREATE_SUB_KEY | DELETE | WRITE_DAC | WRITE_OWNER), 0u);
    EXPECT_EQ(opened.granted & KEY_READ, static_cast<ACCESS_MASK>(KEY_READ));
    EXPECT_EQ(opened.setStatus, STATUS_ACCESS_DENIED);
    // Generic rights are those of keys by then.
    EXPECT_EQ(open(limited(), user, {.access = GENERIC_READ}).granted, static_cast<ACCESS_MASK>(KEY_READ));
}

TEST_F(Redirect, HasTheIdentityOfTheThread) {
    ASSERT_EQ(actor().thread().impersonate(simulator::TokenOptions{}, 2), 0);
    Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(target()));
    EXPECT_EQ(open(actor(), asked(), {.access = KEY_SET_VALUE}).status, STATUS_ACCESS_DENIED);
    EXPECT_EQ(decider.outcomes().size(), 1u);
    actor().thread().revert();
}

TEST_F(Redirect, ForBackupNeedsThePrivilegeOfTheCaller) {
    Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(target()));
    EXPECT_EQ(open(limited(), kSoftware, {.access = KEY_READ, .options = REG_OPTION_BACKUP_RESTORE}).status,
              STATUS_ACCESS_DENIED);
    EXPECT_TRUE(decider.result().Failed);
}

TEST_F(Redirect, IsPartOfTheTransactionOfTheCall) {
    for (const bool commit : {false, true}) {
        Transaction transaction(actor());
        {
            Decider decider(u"300000", RegNtPreCreateKeyEx, redirectTo(below(u"Made")));
            const Opened opened =
                open(actor(), below(u"Wanted"), {.create = true, .transaction = transaction.handle()});
            EXPECT_EQ(opened.status, STATUS_SUCCESS);
            EXPECT_EQ(opened.disposition, static_cast<ULONG>(REG_CREATED_NEW_KEY));
        }
        EXPECT_FALSE(exists(below(u"Made")));
        {
            Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(below(u"Made")));
            EXPECT_EQ(open(actor(), asked(), {.transaction = transaction.handle()}).status, STATUS_SUCCESS);
        }
        EXPECT_EQ(transaction.end(commit), STATUS_SUCCESS);
        EXPECT_EQ(exists(below(u"Made")), commit);
        EXPECT_FALSE(exists(below(u"Wanted")));
    }
}

TEST_F(Redirect, IsPartOfTheTransactionOfTheRoot) {
    Transaction transaction(actor());
    const HANDLE root = keep(actor(), path(), {.transaction = transaction.handle()});
    {
        Decider decider(u"300000", RegNtPreCreateKeyEx, redirectTo(below(u"Made")));
        EXPECT_EQ(open(actor(), u"Wanted", {.create = true, .root = root}).status, STATUS_SUCCESS);
    }
    EXPECT_FALSE(exists(below(u"Made")));
    actor().close(root);
    EXPECT_EQ(transaction.end(false), STATUS_SUCCESS);
    EXPECT_FALSE(exists(below(u"Made")));
}

TEST_F(Redirect, FailsAfterTheEndOfTheTransaction) {
    Transaction transaction(actor());
    Decider decider(u"300000", RegNtPreCreateKeyEx, redirectTo(below(u"Made")));
    decider.before([&] { EXPECT_EQ(ZwRollbackTransaction(transaction.handle(), TRUE), STATUS_SUCCESS); });
    EXPECT_EQ(open(actor(), below(u"Wanted"), {.create = true, .transaction = transaction.handle()}).status,
              STATUS_TRANSACTION_NOT_ACTIVE);
    EXPECT_TRUE(decider.result().Failed);
    EXPECT_FALSE(exists(below(u"Made")));
}

TEST_F(Redirect, FollowsALink) {
    makeLink(below(u"Link"), target());
    {
        Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(below(u"Link")));
        EXPECT_EQ(open(actor(), asked(), {}).name, target());
    }
    {
        // The link itself, if that is what was asked for.
        Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(below(u"Link")), 2);
        EXPECT_EQ(open(actor(), asked(), {.attributes = OBJ_CASE_INSENSITIVE | OBJ_OPENLINK}).name, below(u"Link"));
        EXPECT_EQ(open(actor(), asked(), {.attributes = OBJ_CASE_INSENSITIVE | OBJ_DONT_REPARSE}).status,
                  STATUS_REPARSE_POINT_ENCOUNTERED);
    }
    // What was asked for is a link, too.
    makeLink(below(u"Other"), below(u"Nothing"));
    Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(target()));
    EXPECT_EQ(open(actor(), below(u"Other"), {}).name, target());
}

TEST_F(Redirect, OfA32BitProgramMeansThePathAsItStands) {
    Actor old(simulator::ProcessOptions{.imagePath = u"C:\\old.exe", .wow64 = true});
    const std::u16string microsoft = std::u16string(kSoftware) + u"\\Microsoft";
    Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(kSoftware), 2);
    // The path means what it says, whatever view the program has.
    const HANDLE plain = keep(old, asked(), {.access = KEY_READ});
    EXPECT_EQ(nameOf(old, plain), kSoftware);
    // What the program said about the view stays with its handle.
    const HANDLE wide = keep(old, asked(), {.access = KEY_READ | KEY_WOW64_64KEY});
    EXPECT_EQ(nameOf(old, wide), kSoftware);
    EXPECT_EQ(decider.outcomes().size(), 2u);
    EXPECT_EQ(open(old, u"Microsoft", {.access = KEY_READ, .root = wide}).name, microsoft);
    EXPECT_EQ(open(old, u"Microsoft", {.access = KEY_READ, .root = plain}).name,
              std::u16string(kSoftware) + u"\\WOW6432Node\\Microsoft");
    old.close(plain);
    old.close(wide);
}

TEST_F(Redirect, InPostOpensAfterAFailure) {
    std::vector<NTSTATUS> seen;
    std::vector<PVOID> objects;
    Rival higher(u"400000", [&](ULONG number, PVOID information) {
        if (number == RegNtPostOpenKeyEx) {
            seen.push_back(static_cast<REG_POST_OPERATION_INFORMATION *>(information)->Status);
            objects.push_back(static_cast<REG_POST_OPERATION_INFORMATION *>(information)->Object);
        }
    });
    Decider decider(u"300000", RegNtPostOpenKeyEx, redirectTo(target()));
    const Opened opened = open(actor(), below(u"Missing"), {.access = KEY_READ});
    EXPECT_EQ(opened.status, STATUS_SUCCESS);
    EXPECT_EQ(opened.name, target());
    EXPECT_EQ(opened.granted, static_cast<ACCESS_MASK>(KEY_READ));
    EXPECT_EQ(decider.outcomes()[0].subject.Status, STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(decider.result().Return, STATUS_CALLBACK_BYPASS);
    EXPECT_EQ(seen, std::vector<NTSTATUS>{STATUS_SUCCESS});
    EXPECT_EQ(objects, std::vector<PVOID>{decider.result().Object});
}

TEST_F(Redirect, InPostCreatesAfterAFailure) {
    Decider decider(u"300000", RegNtPostCreateKeyEx, redirectTo(below(u"Made")));
    const Opened opened = open(actor(), below(u"Missing\\Wanted"), {.create = true});
    EXPECT_EQ(opened.status, STATUS_SUCCESS);
    EXPECT_EQ(opened.name, below(u"Made"));
    EXPECT_EQ(opened.disposition, static_cast<ULONG>(REG_CREATED_NEW_KEY));
}

TEST_F(Redirect, InPostMayFailToo) {
    Decider decider(u"300000", RegNtPostOpenKeyEx, redirectTo(u"\\REGISTRY\\MACHINE\\SECURITY"));
    EXPECT_EQ(open(limited(), below(u"Missing"), {.access = KEY_READ}).status, STATUS_ACCESS_DENIED);
    EXPECT_TRUE(decider.result().Failed);
    EXPECT_EQ(decider.result().Return, STATUS_CALLBACK_BYPASS);
    EXPECT_EQ(decider.result().Object, nullptr);
}

TEST_F(Redirect, LeavesTheLastWordToFiltersBelow) {
    Decider lower(u"200000", RegNtPreOpenKeyEx, {.kind = CMB_DECISION_BLOCK, .status = STATUS_DISK_FULL});
    Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(target()));
    EXPECT_EQ(open(actor(), asked(), {}).status, STATUS_DISK_FULL);
    EXPECT_TRUE(decider.result().Failed);
}

// One redirects to what the other one redirects: it goes down and ends.
TEST_F(Redirect, ToThePathThatWasAskedForOpensIt) {
    Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(asked()));
    const Opened opened = open(actor(), asked(), {});
    EXPECT_EQ(opened.status, STATUS_SUCCESS);
    EXPECT_EQ(opened.name, asked());
    EXPECT_FALSE(decider.result().Failed);
}

TEST_F(Redirect, InACircleEnds) {
    Decider lower(u"200000", RegNtPreOpenKeyEx, redirectTo(asked()), 10);
    Decider higher(u"300000", RegNtPreOpenKeyEx, redirectTo(target()), 10);
    EXPECT_EQ(open(actor(), asked(), {}).name, asked());
    EXPECT_EQ(higher.outcomes().size(), 1u);
    EXPECT_EQ(lower.outcomes().size(), 1u);
}

TEST_F(Redirect, TakesStructuresOfVersionZero) {
    CM_OPTIONS options;
    CmGetOptions(&options);
    CM_OPTIONS old = options;
    old.CreateVersion = 0;
    CmSetOptions(&old);
    {
        Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(target()));
        EXPECT_EQ(open(actor(), asked(), {}).name, target());
    }
    {
        Decider decider(u"300000", RegNtPreOpenKeyEx, redirectTo(target()));
        EXPECT_EQ(open(limited(), kSoftware, {.access = KEY_SET_VALUE}).status, STATUS_ACCESS_DENIED);
    }
    CmSetOptions(&options);
}

// A class that is still the caller's memory, as on systems that do not copy it, and goes away.
TEST_F(Redirect, FailsWhereTheClassVanishes) {
    CM_OPTIONS options;
    CmGetOptions(&options);
    CM_OPTIONS raw = options;
    raw.RawInputs = TRUE;
    CmSetOptions(&raw);
    UserMemory<64> memory;
    UNICODE_STRING className = {10, 10, memory.at<WCHAR>()};
    Decider decider(u"300000", RegNtPreCreateKeyEx, redirectTo(below(u"Made")));
    decider.before([&] { memory.vanish(); });
    EXPECT_EQ(open(actor(), below(u"Wanted"), {.create = true, .rawClass = &className}).status,
              STATUS_ACCESS_VIOLATION);
    EXPECT_TRUE(decider.result().Failed);
    CmSetOptions(&options);
    EXPECT_FALSE(exists(below(u"Made")));
}

TEST_F(Redirect, FailsWithoutMemory) {
    for (const bool transacted : {false, true}) {
        unsigned successes = 0;
        const auto once = [&] {
            std::optional<Transaction> transaction;
            if (transacted) {
                transaction.emplace(actor());
            }
            Opened opened;
            {
                Decider decider(u"300000", RegNtPreCreateKeyEx, redirectTo(below(u"Made")));
                opened = open(actor(), below(u"Wanted"),
                              {.create = true,
                               .className = u"A class",
                               .transaction = transacted ? transaction->handle() : nullptr});
                if (!decider.outcomes().empty()) {
                    // What failed after it is not the driver's.
                    EXPECT_TRUE(decider.result().Failed ? opened.status == decider.result().Status
                                                        : decider.result().Object != nullptr);
                }
            }
            if (opened.status == STATUS_SUCCESS) {
                ++successes;
                EXPECT_EQ(opened.name, below(u"Made"));
            } else {
                EXPECT_EQ(opened.status, STATUS_INSUFFICIENT_RESOURCES);
            }
            if (transacted) {
                EXPECT_EQ(transaction->end(false), STATUS_SUCCESS);
            } else {
                remove(below(u"Made"));
            }
        };
        EXPECT_GE(failWhileOpening(once), 1u);
        EXPECT_GE(successes, 2u);
        EXPECT_FALSE(exists(below(u"Made")));
    }
}

} // namespace
} // namespace cmbridge::test
