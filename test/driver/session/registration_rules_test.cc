// SPDX-License-Identifier: MIT
//
// Rule programs that come through the device: what is wrong with one is said, and what was in force stays so.

#include "test/driver/decide/decision_fixture.h"
#include "test/driver/fixture/ask_fixture.h"

#include <atomic>
#include <random>

namespace cmbridge::test {
namespace {

class RegistrationRules : public AskTest {
  protected:
    using AskTest::add;
    using AskTest::trySet;
    using RulesetTest::add;
    using RulesetTest::trySet;
};

TEST_F(RegistrationRules, ComeWithRegisterAndAreSetAnew) {
    Client client;
    Actor actor;
    HANDLE mine = actor.create(path());
    HANDLE other = actor.create(path() + u"Other");
    const int64_t cookie = add(client, {{.classes = kSet, .keys = {key()}}});
    set(actor, mine);
    set(actor, other);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].path(), path());
    // Later records have higher numbers than the reply.
    const CMB_SET_RULES_REPLY reply = setRules(client, cookie, {{.classes = kSet, .keys = {key(u"Other")}}});
    EXPECT_EQ(reply.Sequence, records[0]->Sequence);
    set(actor, mine);
    set(actor, other);
    records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].path(), path() + u"Other");
    // Without a program there are no rules, and everything is relayed again.
    EXPECT_EQ(trySet(client, cookie, {}).Status, STATUS_SUCCESS);
    set(actor, mine);
    EXPECT_EQ(countOf(client.drain(), RegNtPreSetValueKey), 1u);
    EXPECT_EQ(client.statistics().Lost, 0u);
    actor.close(mine);
    actor.close(other);
}

TEST_F(RegistrationRules, StayWhereAProgramIsRefused) {
    Client client, stranger;
    Actor actor;
    HANDLE mine = actor.create(path());
    const int64_t cookie = add(client, {{.classes = kSet, .keys = {key()}}});
    Program program = buildProgram({{.keys = {u"A\\*B\\**"}, .valueNames = {u"x*y"}}});
    const auto bytes = bytesOfProgram(program);
    // Every truncation.
    for (size_t size = 1; size < bytes.size(); ++size) {
        const CMB_SET_RULES_REPLY reply = trySet(client, cookie, bytes.first(size));
        EXPECT_EQ(reply.Status, STATUS_BAD_DATA) << size;
        EXPECT_NE(reply.Reason, 0u) << size;
        const CMB_REGISTER_REPLY registered = tryRegister(client, u"2", bytes.first(size));
        EXPECT_EQ(registered.Status, STATUS_BAD_DATA) << size;
        EXPECT_EQ(registered.Cookie, 0);
        EXPECT_NE(registered.Reason, 0u) << size;
    }
    EXPECT_EQ(client.statistics().Registrations, 1u);
    program.rule(0).Action = CMB_ACTION_BYPASS + 1;
    CMB_SET_RULES_REPLY reply = trySet(client, cookie, bytes);
    EXPECT_EQ(reply.Status, STATUS_BAD_DATA);
    EXPECT_EQ(reply.Reason, static_cast<UINT32>(CMB_RULES_REASON_ACTION));
    EXPECT_EQ(reply.Offset, program.offsetOf(&program.rule(0)) + offsetof(CMB_RULE, Action));
    EXPECT_EQ(reply.Sequence, 0u);
    program.rule(0).Action = CMB_ACTION_NOTIFY;
    // A cookie of nobody, and one of another session.
    EXPECT_EQ(trySet(client, 12345, bytes).Status, STATUS_INVALID_PARAMETER);
    EXPECT_EQ(trySet(stranger, cookie, bytes).Status, STATUS_INVALID_PARAMETER);
    set(actor, mine);
    EXPECT_EQ(countOf(client.drain(), RegNtPreSetValueKey), 1u);
    actor.close(mine);
}

TEST_F(RegistrationRules, AreNotTakenFromForgedRequests) {
    Client client;
    const int64_t cookie = add(client, {{}});
    Program program = buildProgram({{}});
    CMB_SET_RULES_REPLY reply{};
    auto send = [&](auto change, size_t cut = 0, size_t output = sizeof(reply)) {
        CMB_SET_RULES_REQUEST request{};
        request.Cookie = cookie;
        request.ProgramSize = program.size();
        request.Header = {static_cast<UINT32>(sizeof(request) + program.size()), CMB_STRUCTURE_VERSION, 0};
        change(request);
        Bytes input(sizeof(request) + program.size());
        std::memcpy(input.data(), &request, sizeof(request));
        std::memcpy(input.data() + sizeof(request), program.bytes(), program.size());
        input.resize(input.size() - cut);
        return client.file()
            .control(CMB_IOCTL_SET_RULES, input, std::as_writable_bytes(std::span(&reply, 1)).first(output))
            .status;
    };
    EXPECT_EQ(send([](auto &) {}), STATUS_SUCCESS);
    EXPECT_EQ(reply.Status, STATUS_SUCCESS);
    EXPECT_EQ(send([](auto &) {}, 1), STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(send([](auto &) {}, 0, sizeof(reply) - 1), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(send([](auto &r) { r.Header.Version = 2; }), STATUS_REVISION_MISMATCH);
    EXPECT_EQ(send([](auto &r) { r.Header.Flags = 1; }), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(send([](auto &r) { r.Reserved = 1; }), STATUS_INVALID_PARAMETER);
    for (UINT32 size : {0u, 8u, program.size() + 8u, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFF8u, 0xFFFFFFFFu}) {
        EXPECT_EQ(send([=](auto &r) { r.ProgramSize = size; }), STATUS_INFO_LENGTH_MISMATCH) << size;
        EXPECT_EQ(send([=](auto &r) { r.ProgramSize = size, r.Header.Size = static_cast<UINT32>(sizeof(r) + size); }),
                  STATUS_INFO_LENGTH_MISMATCH)
            << size;
    }
}

// A thread that is held keeps the rules that it was held by, however often they are replaced, and nobody waits for it.
TEST_F(RegistrationRules, GoWithTheLastWhoUsesThem) {
    Client client;
    Actor actor;
    HANDLE mine = actor.create(path());
    const int64_t cookie = add(client, setting(), kAsk);
    std::future<NTSTATUS> held = startSet(actor, mine);
    const Record asked = question(client);
    EXPECT_EQ(asked.decided().Ruleset, 1u);
    // The one that is held by stays, those between go at once.
    setRules(client, cookie, {{.classes = kSet, .keys = {key(u"A")}}});
    const uint64_t blocks = machine().poolUsage().blocks;
    for (int i = 0; i < 3; ++i) {
        setRules(client, cookie, {{.classes = kSet, .keys = {key(u"B")}}});
        EXPECT_EQ(machine().poolUsage().blocks, blocks);
    }
    EXPECT_EQ(replyOne(client, block(asked)), static_cast<UINT32>(CMB_REPLY_ACCEPTED));
    EXPECT_EQ(held.get(), STATUS_ACCESS_DENIED);
    // At least the ruleset and its rules.
    EXPECT_LE(machine().poolUsage().blocks, blocks - 2);
    actor.close(mine);
}

// Between pre and post they are kept by what pre has left for post.
TEST_F(RegistrationRules, AreThoseOfPreInPost) {
    Client client;
    Actor actor;
    HANDLE mine = actor.create(path());
    const int64_t cookie = add(client, setting(kSet | kPostSet), kAsk, {.mask = kSet | kPostSet});
    std::future<NTSTATUS> held = startSet(actor, mine);
    const Record first = question(client);
    setRules(client, cookie, {{.classes = kSet, .keys = {key(u"A")}}});
    EXPECT_EQ(replyOne(client, allow(first)), static_cast<UINT32>(CMB_REPLY_ACCEPTED));
    // Only the former rules ask about post.
    const Record second = question(client);
    EXPECT_EQ(second->NotifyClass, static_cast<UINT32>(RegNtPostSetValueKey));
    EXPECT_EQ(second.decided().Ruleset, 1u);
    EXPECT_EQ(replyOne(client, allow(second)), static_cast<UINT32>(CMB_REPLY_ACCEPTED));
    EXPECT_EQ(held.get(), STATUS_SUCCESS);
    actor.close(mine);
}

// Pre sees a key that nobody wants. A filter below opens another one, and the rules are set meanwhile: those that are
// in force in post decide, which sees that key for the first time.
TEST_F(RegistrationRules, DecideAboutAKeyThatAFilterBelowOpensWhileTheyAreSet) {
    constexpr uint64_t kOpen = bit(RegNtPostOpenKeyEx);
    Client client;
    Actor actor, setter(machine().hostProcess());
    actor.close(actor.create(path() + u"Asked"));
    actor.close(actor.create(path() + u"Opened"));
    const std::vector<TestRule> opened{{.classes = kOpen, .keys = {key(u"Opened")}}};
    const std::vector<TestRule> none{{.classes = kOpen, .keys = {key(u"None")}}};
    for (bool wanted : {true, false}) {
        const int64_t cookie = add(client, wanted ? none : opened, CMB_ACTION_IGNORE, kOpen, u"385100");
        Decider below(u"200000", RegNtPreOpenKeyEx, redirectTo(path() + u"Opened"));
        below.before([&] { setter.run([&] { setRules(client, cookie, wanted ? opened : none); }); });
        actor.close(actor.openKey(path() + u"Asked"));
        EXPECT_FALSE(below.result().Failed);
        const std::vector<Record> records = client.drain();
        ASSERT_EQ(records.size(), wanted ? 1u : 0u);
        if (wanted) {
            EXPECT_EQ(records[0].path(), path() + u"Opened");
        }
        EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    }
}

TEST_F(RegistrationRules, StayWhereThereIsNoMemoryForNewOnes) {
    Client client;
    Actor actor;
    HANDLE mine = actor.create(path());
    const int64_t cookie = add(client, {{.classes = kSet, .keys = {key()}}});
    const Program next = buildProgram(
        {{.classes = kSet, .keys = {key(u"A")}, .elevated = {1}}, {.keys = {key(u"B")}, .trees = {actor.processId()}}});
    CMB_SET_RULES_REQUEST request{};
    request.Cookie = cookie;
    request.ProgramSize = next.size();
    request.Header = {static_cast<UINT32>(sizeof(request) + next.size()), CMB_STRUCTURE_VERSION, 0};
    Bytes input(sizeof(request) + next.size());
    std::memcpy(input.data(), &request, sizeof(request));
    std::memcpy(input.data() + sizeof(request), next.bytes(), next.size());
    CMB_SET_RULES_REPLY reply{};
    const auto output = std::as_writable_bytes(std::span(&reply, 1));
    // What is remembered of the key and the process comes first.
    set(actor, mine);
    client.drain();
    const uint64_t blocks = machine().poolUsage().blocks;
    NTSTATUS status = STATUS_UNSUCCESSFUL;
    for (uint64_t nth = 1; status != STATUS_SUCCESS; ++nth) {
        ASSERT_LT(nth, 60u);
        machine().failAllocation(nth);
        status = client.file().control(CMB_IOCTL_SET_RULES, input, output).status;
        machine().failAllocation(0);
        if (status != STATUS_SUCCESS) {
            EXPECT_EQ(status, STATUS_INSUFFICIENT_RESOURCES) << nth;
            EXPECT_EQ(machine().poolUsage().blocks, blocks) << nth;
            set(actor, mine);
            EXPECT_EQ(countOf(client.drain(), RegNtPreSetValueKey), 1u) << nth;
        }
    }
    set(actor, mine);
    EXPECT_EQ(countOf(client.drain(), RegNtPreSetValueKey), 0u);
    actor.close(mine);
}

// Several threads replace them while others decide.
TEST_F(RegistrationRules, AreReplacedByManyUnderLoad) {
    Client client(CMB_MIN_QUEUE_BYTES);
    Actor first, second;
    std::array<std::unique_ptr<Actor>, 2> setters{std::make_unique<Actor>(machine().hostProcess()),
                                                  std::make_unique<Actor>(machine().hostProcess())};
    HANDLE mine = first.create(path());
    HANDLE same = second.openKey(path());
    const int64_t cookie = add(client, setting(), kBlock);
    // What is remembered of the keys and the processes comes first.
    EXPECT_EQ(trySet(first, mine), STATUS_ACCESS_DENIED);
    EXPECT_EQ(trySet(second, same), STATUS_ACCESS_DENIED);
    const uint64_t blocks = machine().poolUsage().blocks;
    std::atomic<bool> stop = false;
    std::atomic<uint64_t> slipped = 0, done = 0;
    auto work = [&](HANDLE key) {
        return [&, key] {
            while (!stop) {
                std::u16string name = u"v";
                UNICODE_STRING value = unicode(name);
                slipped += NtSetValueKey(key, &value, 0, REG_DWORD, &name[0], 2) != STATUS_ACCESS_DENIED;
                ++done;
            }
        };
    };
    first.post(work(mine));
    second.post(work(same));
    for (const auto &setter : setters) {
        setter->post([&] {
            for (int i = 0; i < 300; ++i) {
                EXPECT_EQ(setRule(client, cookie, setting(), kBlock).Status, STATUS_SUCCESS);
            }
        });
    }
    setters = {};
    stop = true;
    first.run([] {});
    second.run([] {});
    EXPECT_GT(done, 0u);
    EXPECT_EQ(slipped, 0u);
    EXPECT_EQ(machine().poolUsage().blocks, blocks);
    EXPECT_EQ(trySet(first, mine), STATUS_ACCESS_DENIED);
    client.drain();
    first.close(mine);
    second.close(same);
}

// Whatever is sent, the driver takes it or says what is wrong with it, while a thread does what rules are asked about.
TEST_F(RegistrationRules, SurviveMutatedProgramsUnderLoad) {
    Client client(CMB_MIN_QUEUE_BYTES);
    Actor actor;
    HANDLE mine = actor.create(path());
    const int64_t cookie = add(client, {{.keys = {key()}}});
    std::atomic<bool> stop = false;
    actor.post([&] {
        for (uint32_t i = 0; !stop; ++i) {
            std::u16string name = i % 2 ? u"Value" : u"x*y";
            UNICODE_STRING value = unicode(name);
            EXPECT_EQ(NtSetValueKey(mine, &value, 0, REG_DWORD, &i, sizeof(i)), STATUS_SUCCESS);
        }
    });
    Program seed = buildProgram({{.keys = {key(), u"REGISTRY\\**\\Driver*"}, .valueNames = {u"x*y", u"Value"}},
                                 {.action = CMB_ACTION_IGNORE, .images = {u"**\\actor.exe"}, .valueTypes = {REG_DWORD}},
                                 {.outcomes = {CMB_OUTCOME_SUCCESS}, .elevated = {1}, .trees = {actor.processId()}}});
    std::mt19937 random(4711);
    size_t accepted = 0, refused = 0;
    for (int i = 0; i < 1500; ++i) {
        std::vector<uint8_t> bytes(seed.bytes(), seed.bytes() + seed.size());
        for (unsigned change = random() % 3 + 1; change > 0; --change) {
            uint8_t &target = bytes[random() % bytes.size()];
            target =
                random() % 2 ? static_cast<uint8_t>(random()) : static_cast<uint8_t>(target ^ (1u << random() % 8));
        }
        const CMB_SET_RULES_REPLY reply = trySet(client, cookie, bytes);
        ASSERT_TRUE(reply.Status == STATUS_SUCCESS || reply.Status == STATUS_BAD_DATA) << std::hex << reply.Status;
        EXPECT_EQ(reply.Status == STATUS_BAD_DATA, reply.Reason != 0);
        EXPECT_LT(reply.Offset, bytes.size());
        ++(reply.Status == STATUS_SUCCESS ? accepted : refused);
    }
    stop = true;
    actor.close(mine);
    EXPECT_GT(accepted, 0u);
    EXPECT_GT(refused, accepted);
    client.drain();
}

} // namespace
} // namespace cmbridge::test
