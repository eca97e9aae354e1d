// SPDX-License-Identifier: MIT
//
// Operations that rules end without asking anybody, and what a rehearsal would have done.

#include "test/driver/fixture/ask_fixture.h"

extern "C" {
#include "driver/decide/decision.h"
}

namespace cmbridge::test {
namespace {

using RuleAction = AskTest;

TEST_F(RuleAction, DecidesWithoutAQuestion) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    for (const Action &action : {kBlock, kBypass}) {
        const bool blocked = action.action == CMB_ACTION_BLOCK;
        const int64_t cookie = add(client, setting(), action);
        EXPECT_EQ(trySet(actor, key), blocked ? STATUS_ACCESS_DENIED : STATUS_SUCCESS);
        EXPECT_FALSE(exists(actor, key));
        // The post record alone.
        const std::vector<Record> records = client.drain();
        ASSERT_EQ(records.size(), 1u);
        EXPECT_EQ(records[0]->NotifyClass, RegNtPostSetValueKey);
        EXPECT_EQ(records[0]->PreSequence, 0u);
        EXPECT_EQ(records[0]->Status, blocked ? STATUS_ACCESS_DENIED : STATUS_SUCCESS);
        const CMB_DECIDED decided = records[0].decided();
        EXPECT_EQ(decided.Decision, blocked ? CMB_DECISION_BLOCK : CMB_DECISION_BYPASS);
        EXPECT_EQ(decided.By, CMB_DECIDED_BY_RULE);
        EXPECT_EQ(decided.Flags, static_cast<UINT32>(CMB_DECIDED_ENDED));
        EXPECT_EQ(decisions(client, CMB_SCOPE_REGISTRATION, cookie).Asked, 0u);
        EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    }
    const CMB_DECISION_STATISTICS counters = decisions(client);
    EXPECT_EQ(counters.Blocked, 1u);
    EXPECT_EQ(counters.Bypassed, 1u);
    actor.close(key);
}

// Nothing that the registration is not for is told.
TEST_F(RuleAction, TellsNoPostWithoutItsClass) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    for (const Action &action : {kBlock, kBypass, kAsk}) {
        const int64_t cookie = add(client, setting(), action, {.mask = kSet});
        auto set = startSet(actor, key);
        if (action.action == CMB_ACTION_ASK) {
            EXPECT_EQ(replyOne(client, allow(question(client))), static_cast<UINT32>(CMB_REPLY_ACCEPTED));
        }
        EXPECT_EQ(set.get(), action.action == CMB_ACTION_BLOCK ? STATUS_ACCESS_DENIED : STATUS_SUCCESS);
        EXPECT_TRUE(client.drain().empty());
        EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    }
    EXPECT_TRUE(exists(actor, key));
    EXPECT_EQ(client.statistics().Lost, 0u);
    actor.close(key);
}

// The session's own process is not above rules that decide by themselves.
TEST_F(RuleAction, BlockHoldsForTheOwnProcess) {
    Actor actor;
    HANDLE key = actor.create(path());
    std::unique_ptr<Client> own;
    actor.run([&] { own = std::make_unique<Client>(); });
    add(*own, setting(), kBlock);
    EXPECT_EQ(trySet(actor, key), STATUS_ACCESS_DENIED);
    own.reset();
    actor.close(key);
}

TEST_F(RuleAction, InADryRunIsOnlyTold) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    unsigned round = 0;
    for (const Action &action : {kAsk, kBlock, kBypass}) {
        for (bool whole : {false, true}) {
            Action rehearsed = action;
            rehearsed.flags |= whole ? 0 : CMB_RULE_DRY_RUN;
            const int64_t cookie =
                add(client, setting(), rehearsed, {.options = whole ? static_cast<uint32_t>(CMB_REGISTER_DRY_RUN) : 0});
            const std::u16string name = u"v" + std::u16string(1, static_cast<char16_t>(u'a' + round++));
            auto set = startSet(actor, key, name);
            if (action.action == CMB_ACTION_ASK) {
                const Record asked = question(client);
                EXPECT_EQ(asked.decided().Flags, static_cast<UINT32>(CMB_DECIDED_HELD | CMB_DECIDED_DRY_RUN));
                EXPECT_EQ(replyOne(client, block(asked)), static_cast<UINT32>(CMB_REPLY_ACCEPTED));
            }
            EXPECT_EQ(set.get(), STATUS_SUCCESS);
            EXPECT_TRUE(exists(actor, key, name));
            const std::vector<Record> records = client.drain();
            ASSERT_EQ(records.size(), 1u);
            EXPECT_EQ(records[0]->Status, STATUS_SUCCESS);
            const CMB_DECIDED decided = records[0].decided();
            const bool bypassed = action.action == CMB_ACTION_BYPASS;
            EXPECT_EQ(decided.Decision, bypassed ? CMB_DECISION_BYPASS : CMB_DECISION_BLOCK);
            EXPECT_EQ(decided.Flags, static_cast<UINT32>(CMB_DECIDED_DRY_RUN));
            EXPECT_EQ(decided.Status, bypassed ? STATUS_SUCCESS : STATUS_ACCESS_DENIED);
            EXPECT_EQ(decisions(client, CMB_SCOPE_REGISTRATION, cookie).DryRun, 1u);
            EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
        }
    }
    EXPECT_EQ(decisions(client).DryRun, 6u);
    actor.close(key);
}

// Whatever class is blocked ends with one record: that of its post, about the same key.
TEST_F(RuleAction, BlocksEveryClassThatCanBeBlocked) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    unsigned blocked = 0, asked = 0;
    const auto inject = [&](ULONG number) {
        return start(actor, [key, number] {
            PVOID object = nullptr;
            EXPECT_EQ(ObReferenceObjectByHandle(key, 0, nullptr, KernelMode, &object, nullptr), STATUS_SUCCESS);
            const NTSTATUS status = CmInjectNotification(object, number, STATUS_SUCCESS);
            ObDereferenceObject(object);
            return status;
        });
    };
    for (ULONG number = 0; number < 64; ++number) {
        const UINT32 partner = NotifyClassGet(number)->Partner;
        if (NotifyClassGet(number)->Phase != NotifyPhasePre || !NotifyClassTakesAction(number, CMB_ACTION_BLOCK)) {
            continue;
        }
        ++blocked;
        int64_t cookie = add(client, {.classes = bit(number)}, kBlock);
        EXPECT_EQ(inject(number).get(), STATUS_ACCESS_DENIED) << number;
        std::vector<Record> records = client.drain();
        ASSERT_EQ(records.size(), 1u) << number;
        EXPECT_EQ(records[0]->NotifyClass, partner);
        EXPECT_EQ(records[0]->Status, STATUS_ACCESS_DENIED);
        EXPECT_EQ(records[0].decided().Flags, static_cast<UINT32>(CMB_DECIDED_ENDED));
        EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
        if (!NotifyClassTakesAction(number, CMB_ACTION_ASK)) {
            continue;
        }
        // The question and the record of post are about the same.
        ++asked;
        cookie = add(client, {.classes = bit(number)}, kAsk);
        auto operation = inject(number);
        const Record question = AskTest::question(client);
        EXPECT_EQ(replyOne(client, allow(question)), static_cast<UINT32>(CMB_REPLY_ACCEPTED));
        EXPECT_EQ(operation.get(), STATUS_SUCCESS) << number;
        records = client.drain();
        ASSERT_EQ(records.size(), 1u) << number;
        EXPECT_EQ(records[0]->NotifyClass, partner);
        EXPECT_EQ(records[0]->PreSequence, question->Sequence);
        EXPECT_EQ(records[0].decided().Flags, 0u);
        EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    }
    EXPECT_EQ(blocked, 22u);
    EXPECT_EQ(asked, 21u);
    actor.close(key);
}

// One that ends here has no post that would count down: afterwards paths are remembered as ever.
TEST_F(RuleAction, BlockOfARenameLeavesKeptPathsValid) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    HANDLE quiet = actor.create(path() + u"Quiet");
    add(client, {.classes = bit(RegNtPreRenameKey) | kSet, .keys = {this->key()}}, kBlock);
    std::u16string name = u"Other";
    EXPECT_EQ(start(actor,
                    [&] {
                        UNICODE_STRING value = unicode(name);
                        return NtRenameKey(key, &value);
                    })
                  .get(),
              STATUS_ACCESS_DENIED);
    set(actor, quiet);
    const uint64_t before = allocations();
    for (int i = 0; i < 10; ++i) {
        set(actor, quiet);
    }
    EXPECT_EQ(allocations(), before);
    const std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0]->NotifyClass, RegNtPostRenameKey);
    EXPECT_EQ(records[0].path(), path());
    EXPECT_EQ(records[0]->OtherPath.Flags, 0u);
    actor.close(quiet);
    actor.close(key);
}

} // namespace
} // namespace cmbridge::test
