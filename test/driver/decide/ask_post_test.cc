// SPDX-License-Identifier: MIT
//
// Questions about operations that are done, keys that are opened in place of others, and what goes on without memory.

#include "test/driver/fixture/ask_fixture.h"

namespace cmbridge::test {
namespace {

using AskedOperation = AskTest;

constexpr auto kAccepted = static_cast<UINT32>(CMB_REPLY_ACCEPTED);
constexpr uint64_t kCreate = bit(RegNtPreCreateKeyEx), kOpen = bit(RegNtPreOpenKeyEx);

// What a redirect takes.
Bytes bytesOfText(const std::u16string &text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

TEST_F(AskedOperation, MayBeOverriddenInPost) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    const int64_t cookie = add(client, setting(kPostSet), kAsk);
    NTSTATUS above = 0;
    Rival high(u"900000", [&](ULONG notifyClass, PVOID information) {
        if (notifyClass == RegNtPostSetValueKey) {
            above = static_cast<REG_POST_OPERATION_INFORMATION *>(information)->Status;
        }
    });
    auto set = startSet(actor, key);
    const Record asked = question(client);
    EXPECT_EQ(asked->NotifyClass, RegNtPostSetValueKey);
    EXPECT_EQ(asked->Status, STATUS_SUCCESS);
    EXPECT_EQ(asked.path(), path());
    EXPECT_EQ(replyOne(client, block(asked)), static_cast<UINT32>(CMB_REPLY_UNFIT));
    EXPECT_EQ(replyOne(client, {.ticket = asked.decided().Ticket,
                                .decision = CMB_DECISION_OVERRIDE,
                                .status = STATUS_REGISTRY_CORRUPT}),
              kAccepted);
    EXPECT_EQ(set.get(), STATUS_REGISTRY_CORRUPT);
    EXPECT_EQ(above, STATUS_REGISTRY_CORRUPT);
    // It was done all the same, and nothing more is told.
    EXPECT_TRUE(exists(actor, key));
    EXPECT_TRUE(client.drain().empty());
    const CMB_DECISION_STATISTICS counters = decisions(client, CMB_SCOPE_REGISTRATION, cookie);
    EXPECT_EQ(counters.Overridden, 1u);
    EXPECT_EQ(counters.Answered, 1u);
    actor.close(key);
}

TEST_F(AskedOperation, HasItsDefaultInPostWhenNobodyAnswers) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    for (const Action &action : {kAsk, kAskClosed}) {
        const bool closed = (action.flags & CMB_RULE_FAIL_CLOSED) != 0;
        Action quick = action;
        quick.deadline = kMissed;
        const int64_t cookie = add(client, setting(kPostSet), quick, {.misses = 1});
        EXPECT_EQ(trySet(actor, key), closed ? STATUS_ACCESS_DENIED : STATUS_SUCCESS);
        EXPECT_TRUE(client.drain().at(0).decided().Flags & CMB_DECIDED_HELD);
        // Not asked any more: the record tells what became of it.
        EXPECT_EQ(trySet(actor, key), closed ? STATUS_ACCESS_DENIED : STATUS_SUCCESS);
        const Record told = client.drain().at(0);
        EXPECT_EQ(told->NotifyClass, RegNtPostSetValueKey);
        EXPECT_EQ(told->Status, STATUS_SUCCESS);
        EXPECT_EQ(told.decided().By, CMB_DECIDED_BY_BREAKER);
        EXPECT_EQ(told.decided().Decision, closed ? CMB_DECISION_OVERRIDE : CMB_DECISION_ALLOW);
        EXPECT_EQ(told.decided().Status, closed ? STATUS_ACCESS_DENIED : STATUS_SUCCESS);
        EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    }
    actor.close(key);
}

// Both phases are asked about; the second question does not say how the first was answered.
TEST_F(AskedOperation, MayBeAskedAboutInBothPhases) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    add(client, setting(kSet | kPostSet), kAsk);
    auto set = startSet(actor, key);
    const Record pre = question(client);
    EXPECT_EQ(replyOne(client, allow(pre)), kAccepted);
    const Record post = question(client);
    EXPECT_EQ(post->NotifyClass, RegNtPostSetValueKey);
    EXPECT_EQ(post->PreSequence, pre->Sequence);
    EXPECT_NE(post.decided().Ticket, pre.decided().Ticket);
    EXPECT_EQ(replyOne(client, allow(post)), kAccepted);
    EXPECT_EQ(set.get(), STATUS_SUCCESS);
    // One that ends in pre has no post to ask about.
    auto blocked = startSet(actor, key);
    EXPECT_EQ(replyOne(client, block(question(client))), kAccepted);
    EXPECT_EQ(blocked.get(), STATUS_ACCESS_DENIED);
    const Record told = client.drain().at(0);
    EXPECT_EQ(told.decided().Flags, static_cast<UINT32>(CMB_DECIDED_ENDED));
    EXPECT_EQ(decisions(client).Asked, 3u);
    actor.close(key);
}

// The created key goes away with the decision, and with it what was attached to it.
TEST_F(AskedOperation, MayBeACreateThatIsOverridden) {
    Client client;
    Actor actor;
    const int64_t cookie = client.add(u"1", bit(RegNtPreKeyHandleClose) | bit(RegNtCallbackObjectContextCleanup));
    add(client, {.classes = bit(RegNtPostCreateKeyEx), .keys = {key()}}, kAsk);
    auto create = start(actor, [path = path()]() mutable {
        HANDLE handle = nullptr;
        UNICODE_STRING name = unicode(path);
        OBJECT_ATTRIBUTES object = attributes(name);
        return NtCreateKey(&handle, KEY_ALL_ACCESS, &object, 0, nullptr, 0, nullptr);
    });
    const Record asked = question(client);
    EXPECT_NE(asked->KeyObject, 0u);
    EXPECT_EQ(asked.path(), path());
    EXPECT_EQ(replyOne(client, {.ticket = asked.decided().Ticket,
                                .decision = CMB_DECISION_OVERRIDE,
                                .status = STATUS_ACCESS_DENIED,
                                .flags = CMB_REPLY_UNDO}),
              kAccepted);
    EXPECT_EQ(create.get(), STATUS_ACCESS_DENIED);
    actor.openKey(path(), nullptr, STATUS_OBJECT_NAME_NOT_FOUND);
    client.drain();
    EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
}

// The key that is opened in place of another is known like any other: by its path, by who opened it.
TEST_F(AskedOperation, MayBeAnOpenThatIsRedirected) {
    Client client;
    Actor actor;
    HANDLE target = actor.create(path() + u"Target");
    HANDLE reference = actor.create(path());
    const uint64_t others = bit(RegNtPreKeyHandleClose) | bit(RegNtPostKeyHandleClose);
    add(client, {.classes = kOpen | bit(RegNtPostOpenKeyEx), .keys = {key(u"Missing"), key()}}, kAsk,
        {.mask = kOpen | bit(RegNtPostOpenKeyEx) | others});
    client.drain();
    for (bool post : {false, true}) {
        HANDLE opened = nullptr;
        auto open = start(actor, [&, path = path() + (post ? u"Missing" : u"")]() mutable {
            UNICODE_STRING name = unicode(path);
            OBJECT_ATTRIBUTES object = attributes(name);
            return NtOpenKey(&opened, KEY_READ, &object);
        });
        Record asked = question(client);
        if (post) {
            EXPECT_EQ(replyOne(client, allow(asked)), kAccepted);
            asked = question(client);
            EXPECT_EQ(asked->Status, STATUS_OBJECT_NAME_NOT_FOUND);
        }
        EXPECT_EQ(replyOne(client, {.ticket = asked.decided().Ticket,
                                    .decision = CMB_DECISION_REDIRECT,
                                    .data = bytesOfText(path() + u"Target")}),
                  kAccepted);
        EXPECT_EQ(open.get(), STATUS_SUCCESS);
        uint64_t serial = 0;
        if (!post) {
            const Record told = client.drain().at(0);
            EXPECT_EQ(told->NotifyClass, RegNtPostOpenKeyEx);
            EXPECT_EQ(told->Status, STATUS_SUCCESS);
            EXPECT_EQ(told.path(), path() + u"Target");
            EXPECT_EQ(told.otherPath(), path());
            EXPECT_EQ(told.decided().Decision, CMB_DECISION_REDIRECT);
            EXPECT_EQ(told.decided().Flags, static_cast<UINT32>(CMB_DECIDED_ENDED));
            serial = told->KeyObject;
            EXPECT_NE(serial, 0u);
        }
        EXPECT_TRUE(client.drain().empty());
        setRule(client, asked->Cookie, {.action = CMB_ACTION_NOTIFY, .classes = others},
                {.action = CMB_ACTION_NOTIFY, .deadline = 0});
        actor.close(opened);
        const std::vector<Record> closed = client.drain();
        ASSERT_EQ(closed.size(), 2u);
        EXPECT_EQ(closed[0].path(), path() + u"Target");
        EXPECT_EQ(closed[0].body<CMB_BODY_CLOSE>().OpenerProcessId, actor.processId());
        EXPECT_TRUE(post || closed[0]->KeyObject == serial);
        setRule(client, asked->Cookie, {.classes = kOpen | bit(RegNtPostOpenKeyEx), .keys = {key(u"Missing"), key()}},
                kAsk);
    }
    EXPECT_EQ(decisions(client).Redirected, 2u);
    EXPECT_EQ(decisions(client).Failed, 0u);
    actor.close(reference);
    actor.close(target);
}

// However short memory is: what is to be blocked is blocked, and who asks gets an answer.
TEST_F(AskedOperation, NeverFailsOpenForWantOfMemory) {
    Actor actor;
    HANDLE key = actor.create(path());
    for (const Action &action : {kBlock, kAskClosed}) {
        for (uint64_t nth = 1;; ++nth) {
            ASSERT_LT(nth, 200u);
            Client client;
            Action quick = action;
            quick.deadline = action.action == CMB_ACTION_ASK ? CMB_MIN_DEADLINE : 0;
            const int64_t cookie = add(client, {.classes = kSet, .keys = {this->key()}, .valueNames = {u"v*"}}, quick);
            // Longer than what fits on the stack, so that there is more that can fail.
            const std::u16string name(300, u'v');
            const uint64_t before = machine().failedAllocations();
            machine().failAllocation(nth);
            EXPECT_EQ(trySet(actor, key, name), STATUS_ACCESS_DENIED);
            const bool reached = machine().failedAllocations() != before;
            machine().failAllocation(0);
            EXPECT_FALSE(exists(actor, key, name));
            client.allowUndescribed();
            const CMB_STATISTICS_REPLY statistics = client.statistics();
            EXPECT_EQ(decisions(client).Blocked, 1u);
            EXPECT_EQ(decisions(client).Held, 0u);
            EXPECT_TRUE(reached || statistics.Lost == 0);
            client.drain();
            EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
            if (!reached) {
                EXPECT_GT(nth, 1u);
                break;
            }
        }
    }
    actor.close(key);
}

// A decision that post cannot be told of for want of memory is missing, and that is said.
TEST_F(AskedOperation, IsAllowedThoughMemoryDoesNotSufficeToTellIt) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    unsigned lost = 0, told = 0;
    Action quick = kAsk;
    quick.deadline = CMB_MIN_DEADLINE;
    add(client, setting(), quick, {.misses = CMB_MAX_BREAKER_MISSES});
    client.allowUndescribed();
    trySet(actor, key);
    client.drain();
    for (uint64_t nth = 1;; ++nth) {
        ASSERT_LT(nth, 200u);
        const uint64_t before = machine().failedAllocations();
        const uint64_t lostBefore = client.statistics().LostNoMemory;
        machine().failAllocation(nth);
        EXPECT_EQ(trySet(actor, key), STATUS_SUCCESS);
        const bool reached = machine().failedAllocations() != before;
        machine().failAllocation(0);
        const uint64_t missing = client.statistics().LostNoMemory - lostBefore;
        unsigned decided = 0;
        for (const Record &record : client.drain()) {
            decided += !record.isGap() && record.isDecided() && record.decided().By == CMB_DECIDED_BY_TIMEOUT;
        }
        EXPECT_EQ(decided + missing, 1u) << nth;
        lost += missing != 0;
        told += decided;
        if (!reached) {
            break;
        }
    }
    EXPECT_GT(lost, 0u);
    EXPECT_GT(told, 0u);
    actor.close(key);
}

} // namespace
} // namespace cmbridge::test
