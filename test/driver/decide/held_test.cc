// SPDX-License-Identifier: MIT
//
// Who is held is let go: by answers in any order, by limits, by the end of registrations and sessions.

#include "test/driver/fixture/ask_fixture.h"

#include <atomic>
#include <random>
#include <thread>

namespace cmbridge::test {
namespace {

using HeldThreads = AskTest;

constexpr auto kAccepted = static_cast<UINT32>(CMB_REPLY_ACCEPTED);
constexpr auto kUnknown = static_cast<UINT32>(CMB_REPLY_UNKNOWN);

// So many programs, each with a thread.
std::vector<std::unique_ptr<Actor>> actors(size_t count) {
    std::vector<std::unique_ptr<Actor>> actors;
    for (size_t i = 0; i < count; ++i) {
        actors.push_back(std::make_unique<Actor>());
    }
    return actors;
}

std::vector<Record> questions(Client &client, size_t count) {
    std::vector<Record> asked;
    while (asked.size() < count) {
        for (Record &record : client.receive()) {
            EXPECT_TRUE(record.isDecided() && record.decided().Flags & CMB_DECIDED_HELD);
            asked.push_back(std::move(record));
        }
    }
    return asked;
}

TEST_F(HeldThreads, AreAnsweredInAnyOrder) {
    Client client;
    auto programs = actors(40);
    HANDLE key = programs[0]->create(path());
    std::vector<HANDLE> keys{key};
    for (size_t i = 1; i < programs.size(); ++i) {
        keys.push_back(programs[i]->openKey(path()));
    }
    add(client, setting(), kAskClosed);
    std::vector<std::future<NTSTATUS>> sets;
    for (size_t i = 0; i < programs.size(); ++i) {
        const std::string number = std::to_string(i);
        sets.push_back(startSet(*programs[i], keys[i], u"v" + std::u16string(number.begin(), number.end())));
    }
    std::vector<Record> asked = questions(client, programs.size());
    EXPECT_EQ(decisions(client).Held, programs.size());
    std::map<uint32_t, bool> allowed;
    std::vector<Answer> answers;
    for (size_t i = 0; i < asked.size(); ++i) {
        allowed[asked[i]->ProcessId] = i % 3 == 0;
        answers.push_back(i % 3 == 0 ? allow(asked[i]) : block(asked[i]));
    }
    std::shuffle(answers.begin(), answers.end(), std::mt19937(1));
    // The slow one delays nobody.
    const Answer last = answers.back();
    answers.pop_back();
    for (UINT32 result : reply(client, answers)) {
        EXPECT_EQ(result, kAccepted);
    }
    for (size_t i = 0; i < programs.size(); ++i) {
        const bool slow =
            sets[i].wait_for(std::chrono::milliseconds(0)) == std::future_status::timeout &&
            decisions(client).Held == 1 && std::any_of(asked.begin(), asked.end(), [&](const Record &record) {
                return record->ProcessId == programs[i]->processId() && record.decided().Ticket == last.ticket;
            });
        if (slow) {
            EXPECT_EQ(replyOne(client, last), kAccepted);
        }
        EXPECT_EQ(sets[i].get(), allowed[programs[i]->processId()] ? STATUS_SUCCESS : STATUS_ACCESS_DENIED);
    }
    const CMB_DECISION_STATISTICS counters = decisions(client);
    EXPECT_EQ(counters.Held, 0u);
    EXPECT_EQ(counters.HeldPeak, programs.size());
    EXPECT_EQ(counters.Answered, programs.size());
    for (size_t i = 0; i < programs.size(); ++i) {
        programs[i]->close(keys[i]);
    }
}

TEST_F(HeldThreads, AreNoMoreThanTheLimit) {
    Client client(0, 0, 2);
    EXPECT_EQ(client.limits().MaxHeld, 2u);
    auto programs = actors(3);
    HANDLE key = programs[0]->create(path());
    HANDLE second = programs[1]->openKey(path()), third = programs[2]->openKey(path());
    for (bool closed : {false, true}) {
        const int64_t cookie = add(client, setting(), closed ? kAskClosed : kAsk);
        auto one = startSet(*programs[0], key), two = startSet(*programs[1], second);
        const std::vector<Record> asked = questions(client, 2);
        EXPECT_EQ(trySet(*programs[2], third, u"w"), closed ? STATUS_ACCESS_DENIED : STATUS_SUCCESS);
        const std::vector<Record> records = client.drain();
        ASSERT_EQ(records.size(), 1u);
        EXPECT_EQ(records[0]->NotifyClass, RegNtPostSetValueKey);
        EXPECT_EQ(records[0].decided().By, CMB_DECIDED_BY_LIMIT);
        EXPECT_EQ(reply(client, {allow(asked[0]), allow(asked[1])}), (std::vector<UINT32>{kAccepted, kAccepted}));
        EXPECT_EQ(one.get(), STATUS_SUCCESS);
        EXPECT_EQ(two.get(), STATUS_SUCCESS);
        EXPECT_EQ(client.drain().size(), 2u);
        const CMB_DECISION_STATISTICS counters = decisions(client, CMB_SCOPE_REGISTRATION, cookie);
        EXPECT_EQ(counters.UnaskedLimit, 1u);
        EXPECT_EQ(counters.Asked, 2u);
        EXPECT_EQ(counters.HeldPeak, 2u);
        EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    }
    programs[0]->close(key);
    programs[1]->close(second);
    programs[2]->close(third);
}

// The tokens of a rate limit are for what is only told.
TEST_F(HeldThreads, AreAskedAboutBeyondTheRateLimit) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    const int64_t cookie = add(client, setting(), kAskClosed, {.rate = 1});
    for (std::u16string name : {u"1", u"2", u"3"}) {
        auto set = startSet(actor, key, name);
        EXPECT_EQ(replyOne(client, allow(question(client))), kAccepted);
        EXPECT_EQ(set.get(), STATUS_SUCCESS);
        EXPECT_EQ(client.drain().at(0).decided().By, CMB_DECIDED_BY_CALLBACK);
    }
    EXPECT_EQ(decisions(client, CMB_SCOPE_REGISTRATION, cookie).Asked, 3u);
    EXPECT_EQ(decisions(client).UnaskedLimit, 0u);
    EXPECT_EQ(client.statistics().LostRateLimit, 0u);
    actor.close(key);
}

// The slots that are left are for others.
TEST_F(HeldThreads, OfOneProcessAreAtMostHalf) {
    Client client(0, 0, 4);
    Actor first;
    std::vector<std::unique_ptr<Actor>> greedy;
    std::vector<HANDLE> keys;
    HANDLE key = first.create(path());
    add(client, setting(), kAskClosed);
    for (int i = 0; i < 3; ++i) {
        greedy.push_back(std::make_unique<Actor>(first.process()));
        keys.push_back(greedy.back()->openKey(path()));
    }
    auto one = startSet(*greedy[0], keys[0]), two = startSet(*greedy[1], keys[1]);
    std::vector<Record> asked = questions(client, 2);
    EXPECT_EQ(trySet(*greedy[2], keys[2]), STATUS_ACCESS_DENIED);
    EXPECT_EQ(client.drain().at(0).decided().By, CMB_DECIDED_BY_LIMIT);
    Actor other;
    HANDLE others = other.openKey(path());
    auto three = startSet(other, others);
    asked.push_back(question(client));
    EXPECT_EQ(decisions(client).Held, 3u);
    EXPECT_EQ(decisions(client).UnaskedLimit, 1u);
    EXPECT_EQ(reply(client, {allow(asked[0]), allow(asked[1]), allow(asked[2])}),
              (std::vector<UINT32>{kAccepted, kAccepted, kAccepted}));
    EXPECT_EQ(one.get(), STATUS_SUCCESS);
    EXPECT_EQ(two.get(), STATUS_SUCCESS);
    EXPECT_EQ(three.get(), STATUS_SUCCESS);
    // What was given back can be had again.
    client.drain();
    auto again = startSet(*greedy[2], keys[2]);
    EXPECT_EQ(replyOne(client, allow(question(client))), kAccepted);
    EXPECT_EQ(again.get(), STATUS_SUCCESS);
    for (int i = 0; i < 3; ++i) {
        greedy[i]->close(keys[i]);
    }
    other.close(others);
    first.close(key);
}

TEST_F(HeldThreads, AreReleasedByUnregister) {
    // The table is full in the second round.
    for (uint32_t limit : {0u, 2u}) {
        Client client(0, 0, limit);
        auto programs = actors(3);
        HANDLE key = programs[0]->create(path());
        HANDLE second = programs[1]->openKey(path()), third = programs[2]->openKey(path());
        const int64_t open = add(client, setting(), kAsk);
        const int64_t closed =
            add(client, {.classes = kSet, .keys = {this->key()}, .processIds = {programs[1]->processId()}}, kAskClosed,
                {.altitude = u"385000"});
        auto one = startSet(*programs[0], key, u"one");
        const std::vector<Record> first = questions(client, 1);
        auto two = startSet(*programs[1], second, u"two");
        const Record other = questions(client, 1).at(0);
        EXPECT_EQ(other->Cookie, open);
        // That goes on to the second registration.
        EXPECT_EQ(replyOne(client, allow(other)), kAccepted);
        const Record below = questions(client, 1).at(0);
        EXPECT_EQ(below->Cookie, closed);
        EXPECT_EQ(client.remove(closed), STATUS_SUCCESS);
        EXPECT_EQ(two.get(), STATUS_ACCESS_DENIED);
        EXPECT_EQ(one.wait_for(std::chrono::milliseconds(0)), std::future_status::timeout);
        EXPECT_EQ(replyOne(client, allow(below)), static_cast<UINT32>(CMB_REPLY_RELEASED));
        EXPECT_EQ(client.remove(open), STATUS_SUCCESS);
        EXPECT_EQ(one.get(), STATUS_SUCCESS);
        // Posts tell of it.
        unsigned released = 0;
        for (const Record &record : client.drain()) {
            released += record.isDecided() && record.decided().By == CMB_DECIDED_BY_RELEASE;
        }
        EXPECT_EQ(released, 2u);
        const CMB_DECISION_STATISTICS counters = decisions(client);
        EXPECT_EQ(counters.Released, 2u);
        EXPECT_EQ(counters.LateReplies, 1u);
        EXPECT_EQ(counters.Held, 0u);
        programs[0]->close(key);
        programs[1]->close(second);
        programs[2]->close(third);
    }
}

// One that is held by the lower registration is in flight for the higher one, too.
TEST_F(HeldThreads, AreReleasedByClose) {
    Client observer;
    for (uint32_t limit : {0u, 1u}) {
        auto client = std::make_unique<Client>(0, 0, limit);
        Actor actor;
        HANDLE key = actor.create(path());
        Action slow = kAskClosed;
        slow.deadline = CMB_MAX_DEADLINE;
        add(*client, {.action = CMB_ACTION_NOTIFY, .classes = kSet | kPostSet},
            {.action = CMB_ACTION_NOTIFY, .deadline = 0}, {.altitude = u"400000"});
        add(*client, setting(), slow);
        auto set = startSet(actor, key, u"released");
        client->receive();
        while (decisions(*client).Held == 0) {
            std::this_thread::yield();
        }
        const auto before = std::chrono::steady_clock::now();
        client.reset();
        EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
        EXPECT_EQ(set.get(), STATUS_ACCESS_DENIED);
        actor.close(key);
    }
    // What closed sessions did is not forgotten.
    const CMB_DECISION_STATISTICS counters = decisions(observer, CMB_SCOPE_DRIVER);
    EXPECT_EQ(counters.Released, 2u);
    EXPECT_EQ(counters.Asked, 2u);
    EXPECT_EQ(counters.Held, 0u);
    EXPECT_EQ(counters.HeldPeak, 1u);
    EXPECT_EQ(decisions(observer).Asked, 0u);
}

TEST_F(HeldThreads, AreReleasedByTicketsOfTheirSessionOnly) {
    Client client, stranger;
    Actor actor;
    HANDLE key = actor.create(path());
    add(client, setting(), kAsk);
    add(stranger, {.classes = bit(RegNtPreDeleteKey)}, kAsk, {.altitude = u"1"});
    auto set = startSet(actor, key);
    const Record asked = question(client);
    const uint64_t ticket = asked.decided().Ticket;
    EXPECT_EQ(replyOne(stranger, block(asked)), kUnknown);
    for (uint64_t wrong : {uint64_t{0}, ticket + 1, ticket - 1, ticket + (1 << 14), ticket - (1 << 14), ~uint64_t{0}}) {
        EXPECT_EQ(replyOne(client, {.ticket = wrong}), kUnknown) << wrong;
    }
    EXPECT_EQ(replyOne(client, allow(asked)), kAccepted);
    EXPECT_EQ(set.get(), STATUS_SUCCESS);
    EXPECT_EQ(replyOne(client, block(asked)), static_cast<UINT32>(CMB_REPLY_ANSWERED));
    EXPECT_EQ(decisions(stranger).RefusedReplies, 1u);
    EXPECT_EQ(decisions(client).RefusedReplies, 7u);
    EXPECT_EQ(decisions(client).LateReplies, 0u);
    actor.close(key);
}

// A slot is given out again as late as can be: until then its ticket is known.
TEST_F(HeldThreads, AreNotReleasedByOldTickets) {
    Client client(0, 0, 3);
    Actor actor;
    HANDLE key = actor.create(path());
    add(client, setting(), kAsk);
    std::vector<Record> asked;
    for (int i = 0; i < 5; ++i) {
        auto set = startSet(actor, key);
        asked.push_back(question(client));
        EXPECT_EQ(replyOne(client, allow(asked.back())), kAccepted);
        EXPECT_EQ(set.get(), STATUS_SUCCESS);
        client.drain();
    }
    for (size_t i = 0; i < asked.size(); ++i) {
        EXPECT_EQ(replyOne(client, allow(asked[i])), i < 2 ? kUnknown : static_cast<UINT32>(CMB_REPLY_ANSWERED)) << i;
    }
    actor.close(key);
}

// Registrations come and go while threads are held for them, and answers come late, early and twice.
TEST_F(HeldThreads, SurviveAnswersDeadlinesAndEndsAtOnce) {
    auto client = std::make_unique<Client>(CMB_MIN_QUEUE_BYTES, 0, 3);
    auto programs = actors(4);
    std::vector<HANDLE> keys;
    for (auto &program : programs) {
        keys.push_back(program->create(path()));
    }
    std::atomic<bool> stop = false;
    std::atomic<unsigned> denied = 0, done = 0;
    Action action = kAskClosed;
    action.deadline = 20;
    for (size_t i = 0; i < programs.size(); ++i) {
        programs[i]->post([&, key = keys[i]] {
            std::u16string name = u"v";
            UNICODE_STRING value = unicode(name);
            ULONG data = 1;
            while (!stop) {
                const NTSTATUS status = NtSetValueKey(key, &value, 0, REG_DWORD, &data, sizeof(data));
                EXPECT_TRUE(status == STATUS_SUCCESS || status == STATUS_ACCESS_DENIED) << std::hex << status;
                denied += status == STATUS_ACCESS_DENIED;
                ++done;
            }
        });
    }
    std::thread answering([&] {
        std::mt19937 random(7);
        std::vector<uint64_t> output(CMB_MIN_RECEIVE_BYTES / 8);
        auto bytes = std::as_writable_bytes(std::span(output));
        while (!stop) {
            std::promise<simulator::IoResult> promise;
            auto future = promise.get_future();
            client->file().controlAsync(CMB_IOCTL_RECEIVE, {}, bytes, [&](auto result) { promise.set_value(result); });
            while (future.wait_for(std::chrono::milliseconds(10)) != std::future_status::ready) {
                if (stop) {
                    client->file().cancel();
                }
            }
            const auto result = future.get();
            if (result.status != STATUS_SUCCESS) {
                break;
            }
            std::vector<Answer> answers;
            for (const Record &record : parseBatch(bytes, result.information)) {
                if (record.isDecided() && record.decided().Ticket && random() % 8) {
                    answers.push_back(random() % 2 ? allow(record) : block(record));
                    if (random() % 4 == 0) {
                        answers.push_back(answers.back());
                    }
                }
            }
            if (!answers.empty()) {
                reply(*client, answers);
            }
        }
    });
    for (int round = 0; round < 60; ++round) {
        const int64_t cookie = add(*client, setting(), action, {.misses = 2, .coolDown = CMB_MIN_BREAKER_COOL_DOWN});
        std::this_thread::sleep_for(std::chrono::milliseconds(round % 7));
        EXPECT_EQ(client->remove(cookie), STATUS_SUCCESS);
    }
    add(*client, setting(), action);
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    stop = true;
    answering.join();
    client.reset();
    for (size_t i = 0; i < programs.size(); ++i) {
        programs[i]->close(keys[i]);
    }
    EXPECT_GT(done, denied);
    EXPECT_GT(denied, 0u);
}

} // namespace
} // namespace cmbridge::test
