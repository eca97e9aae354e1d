// SPDX-License-Identifier: MIT
//
// Operations that are held until somebody decides: the question, the decision, and how post tells of it.

#include "test/driver/fixture/ask_fixture.h"

namespace cmbridge::test {
namespace {

using Question = AskTest;

TEST_F(Question, HoldsTheOperationUntilItIsAllowed) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    const int64_t cookie = add(client, setting(), kAsk);
    auto set = startSet(actor, key);
    const Record asked = question(client);
    EXPECT_EQ(asked->NotifyClass, RegNtPreSetValueKey);
    EXPECT_EQ(asked.path(), path());
    EXPECT_EQ(asked.text(asked.body<CMB_BODY_SET_VALUE>().ValueName), u"v");
    CMB_DECIDED decided = asked.decided();
    EXPECT_EQ(decided.Flags, static_cast<UINT32>(CMB_DECIDED_HELD));
    EXPECT_EQ(decided.Rule, 0u);
    EXPECT_EQ(decided.Ruleset, 1u);
    EXPECT_EQ(decided.Deadline, kAsk.deadline);
    // It waits.
    EXPECT_EQ(set.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
    EXPECT_EQ(decisions(client).Held, 1u);
    EXPECT_EQ(replyOne(client, allow(asked)), static_cast<UINT32>(CMB_REPLY_ACCEPTED));
    EXPECT_EQ(set.get(), STATUS_SUCCESS);
    EXPECT_TRUE(exists(actor, key));
    // Post tells of it although no rule wants post.
    const std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0]->NotifyClass, RegNtPostSetValueKey);
    EXPECT_EQ(records[0]->PreSequence, asked->Sequence);
    EXPECT_EQ(records[0]->Status, STATUS_SUCCESS);
    decided = records[0].decided();
    EXPECT_EQ(decided.Decision, CMB_DECISION_ALLOW);
    EXPECT_EQ(decided.By, CMB_DECIDED_BY_CALLBACK);
    EXPECT_EQ(decided.Flags, 0u);
    EXPECT_EQ(decided.Status, STATUS_SUCCESS);
    EXPECT_EQ(decided.Rule, 0u);
    // At least the wait above.
    EXPECT_GE(decided.Latency, 20'000'000u);
    EXPECT_GE(records[0]->Duration, decided.Latency);
    for (auto [scope, of] :
         {std::pair{CMB_SCOPE_DRIVER, int64_t{0}}, {CMB_SCOPE_SESSION, 0}, {CMB_SCOPE_REGISTRATION, cookie}}) {
        const CMB_DECISION_STATISTICS counters = decisions(client, static_cast<uint32_t>(scope), of);
        EXPECT_EQ(counters.Asked, 1u);
        EXPECT_EQ(counters.Answered, 1u);
        EXPECT_EQ(counters.Allowed, 1u);
        EXPECT_EQ(counters.Held, 0u);
        EXPECT_EQ(counters.HeldPeak, 1u);
    }
    actor.close(key);
}

TEST_F(Question, LetsTheAnswerBlock) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    unsigned below = 0, above = 0;
    NTSTATUS seen = 0;
    Rival low(u"1", [&](ULONG notifyClass, PVOID) { below += notifyClass == RegNtPreSetValueKey; });
    Rival high(u"900000", [&](ULONG notifyClass, PVOID information) {
        if (notifyClass == RegNtPostSetValueKey) {
            ++above;
            seen = static_cast<REG_POST_OPERATION_INFORMATION *>(information)->Status;
        }
    });
    add(client, setting(), kAsk);
    auto set = startSet(actor, key);
    const Record asked = question(client);
    EXPECT_EQ(replyOne(client, block(asked, STATUS_REGISTRY_CORRUPT)), static_cast<UINT32>(CMB_REPLY_ACCEPTED));
    EXPECT_EQ(set.get(), STATUS_REGISTRY_CORRUPT);
    EXPECT_FALSE(exists(actor, key));
    EXPECT_EQ(below, 0u);
    EXPECT_EQ(above, 1u);
    EXPECT_EQ(seen, STATUS_REGISTRY_CORRUPT);
    const std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0]->NotifyClass, RegNtPostSetValueKey);
    EXPECT_EQ(records[0]->PreSequence, asked->Sequence);
    EXPECT_EQ(records[0]->KeyObject, asked->KeyObject);
    EXPECT_EQ(records[0]->Status, STATUS_REGISTRY_CORRUPT);
    EXPECT_EQ(records[0].path(), path());
    EXPECT_EQ(records[0].text(records[0].body<CMB_BODY_SET_VALUE>().ValueName), u"v");
    const CMB_DECIDED decided = records[0].decided();
    EXPECT_EQ(decided.Decision, CMB_DECISION_BLOCK);
    EXPECT_EQ(decided.By, CMB_DECIDED_BY_CALLBACK);
    EXPECT_EQ(decided.Flags, static_cast<UINT32>(CMB_DECIDED_ENDED));
    EXPECT_EQ(decided.Status, STATUS_REGISTRY_CORRUPT);
    EXPECT_EQ(decisions(client).Blocked, 1u);
    actor.close(key);
}

TEST_F(Question, HasTheDefaultOfItsRuleWhenNobodyAnswers) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    for (bool closed : {false, true}) {
        Action action = closed ? kAskClosed : kAsk;
        action.deadline = 20;
        const int64_t cookie = add(client, setting(), action);
        const auto before = std::chrono::steady_clock::now();
        const std::u16string name = closed ? u"closed" : u"open";
        EXPECT_EQ(trySet(actor, key, name), closed ? STATUS_ACCESS_DENIED : STATUS_SUCCESS);
        EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(20));
        EXPECT_EQ(exists(actor, key, name), !closed);
        const std::vector<Record> records = client.drain();
        ASSERT_EQ(records.size(), 2u);
        const CMB_DECIDED decided = records[1].decided();
        EXPECT_EQ(decided.Decision, closed ? CMB_DECISION_BLOCK : CMB_DECISION_ALLOW);
        EXPECT_EQ(decided.By, CMB_DECIDED_BY_TIMEOUT);
        EXPECT_EQ(decided.Flags, closed ? static_cast<UINT32>(CMB_DECIDED_ENDED) : 0u);
        // It is too late now.
        EXPECT_EQ(replyOne(client, block(records[0])), static_cast<UINT32>(CMB_REPLY_EXPIRED));
        const CMB_DECISION_STATISTICS counters = decisions(client, CMB_SCOPE_REGISTRATION, cookie);
        EXPECT_EQ(counters.TimedOut, 1u);
        EXPECT_EQ(counters.LateReplies, 1u);
        EXPECT_EQ(closed ? counters.Blocked : counters.Allowed, 1u);
        EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    }
    EXPECT_EQ(decisions(client).TimedOut, 2u);
    actor.close(key);
}

// The program has no decision of its own.
TEST_F(Question, TakesItsDefaultForAnAnswer) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    add(client, setting(), kAskClosed);
    auto set = startSet(actor, key);
    Answer answer = allow(question(client));
    answer.decision = CMB_DECISION_DEFAULT;
    answer.status = STATUS_ACCESS_DENIED;
    EXPECT_EQ(replyOne(client, answer), static_cast<UINT32>(CMB_REPLY_BAD_STATUS));
    answer.status = 0;
    answer.data = pattern(8);
    EXPECT_EQ(replyOne(client, answer), static_cast<UINT32>(CMB_REPLY_BAD_DATA));
    answer.data.clear();
    EXPECT_EQ(replyOne(client, answer), static_cast<UINT32>(CMB_REPLY_ACCEPTED));
    EXPECT_EQ(set.get(), STATUS_ACCESS_DENIED);
    const std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].decided().By, CMB_DECIDED_BY_ERROR);
    EXPECT_EQ(records[0].decided().Decision, CMB_DECISION_BLOCK);
    const CMB_DECISION_STATISTICS counters = decisions(client);
    EXPECT_EQ(counters.Answered, 1u);
    EXPECT_EQ(counters.UnaskedError, 0u);
    EXPECT_EQ(counters.RefusedReplies, 2u);
    actor.close(key);
}

TEST_F(Question, IsNotPutToThoseWhoAreExempt) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    HANDLE kernelKey = nullptr;
    std::unique_ptr<Client> own;
    actor.run([&] {
        PVOID object = nullptr;
        own = std::make_unique<Client>();
        ASSERT_EQ(ObReferenceObjectByHandle(key, 0, nullptr, KernelMode, &object, nullptr), STATUS_SUCCESS);
        EXPECT_EQ(
            ObOpenObjectByPointer(object, OBJ_KERNEL_HANDLE, nullptr, KEY_ALL_ACCESS, nullptr, KernelMode, &kernelKey),
            STATUS_SUCCESS);
        ObDereferenceObject(object);
    });
    const auto kernelSet = [&] {
        ULONG data = 1;
        std::u16string name = u"v";
        UNICODE_STRING value = unicode(name);
        return ZwSetValueKey(kernelKey, &value, 0, REG_DWORD, &data, sizeof(data));
    };
    const auto userSet = [&] {
        ULONG data = 1;
        std::u16string name = u"v";
        UNICODE_STRING value = unicode(name);
        return NtSetValueKey(key, &value, 0, REG_DWORD, &data, sizeof(data));
    };
    NTSTATUS atApcLevel = -1, guarded = -1;
    // Of all these nobody is asked.
    add(*own, setting(), kAskClosed);
    EXPECT_EQ(trySet(actor, key), STATUS_SUCCESS);
    EXPECT_EQ(own->drain().at(0).decided().By, CMB_DECIDED_BY_EXEMPTION);
    own.reset();
    const int64_t cookie = add(client, setting(), kAskClosed);
    EXPECT_EQ(start(actor, kernelSet).get(), STATUS_SUCCESS);
    actor.thread().runAtIrql(APC_LEVEL, [&] { atApcLevel = userSet(); });
    actor.run([&] {
        KeEnterGuardedRegion();
        guarded = userSet();
        KeLeaveGuardedRegion();
    });
    EXPECT_EQ(atApcLevel, STATUS_SUCCESS);
    EXPECT_EQ(guarded, STATUS_SUCCESS);
    client.allowUndescribed();
    const std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 3u);
    for (const Record &record : records) {
        EXPECT_EQ(record.decided().By, CMB_DECIDED_BY_EXEMPTION);
        EXPECT_EQ(record.decided().Decision, CMB_DECISION_ALLOW);
        EXPECT_EQ(record.decided().Flags, 0u);
    }
    const CMB_DECISION_STATISTICS counters = decisions(client);
    EXPECT_EQ(counters.Asked, 0u);
    EXPECT_EQ(counters.UnaskedExemption, 3u);
    EXPECT_EQ(counters.Allowed, 3u);
    // A rule that blocks exempts the kernel alone, unless it says otherwise.
    setRule(client, cookie, setting(), kBlock);
    EXPECT_EQ(start(actor, kernelSet).get(), STATUS_SUCCESS);
    actor.thread().runAtIrql(APC_LEVEL, [&] { atApcLevel = userSet(); });
    EXPECT_EQ(atApcLevel, STATUS_ACCESS_DENIED);
    Action everybody = kBlock;
    everybody.flags = CMB_RULE_KERNEL_MODE;
    setRule(client, cookie, setting(), everybody);
    EXPECT_EQ(start(actor, kernelSet).get(), STATUS_ACCESS_DENIED);
    // The numbers of the rules.
    std::vector<UINT32> rulesets;
    for (const Record &record : client.drain()) {
        rulesets.push_back(record.decided().Ruleset);
    }
    EXPECT_EQ(rulesets, (std::vector<UINT32>{2, 2, 3}));
    actor.run([&] { EXPECT_EQ(ZwClose(kernelKey), STATUS_SUCCESS); });
    actor.close(key);
}

// Who is held stays held under the rules of then.
TEST_F(Question, IsNotReleasedByNewRules) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    const int64_t cookie = add(client, setting(), kAskClosed);
    auto set = startSet(actor, key);
    Answer answer = allow(question(client));
    setRule(client, cookie, {.classes = bit(RegNtPreDeleteKey)}, kBlock);
    EXPECT_EQ(set.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
    answer.decision = CMB_DECISION_DEFAULT;
    EXPECT_EQ(replyOne(client, answer), static_cast<UINT32>(CMB_REPLY_ACCEPTED));
    EXPECT_EQ(set.get(), STATUS_ACCESS_DENIED);
    EXPECT_EQ(client.drain().at(0).decided().Ruleset, 1u);
    actor.close(key);
}

} // namespace
} // namespace cmbridge::test
