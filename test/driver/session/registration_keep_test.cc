// SPDX-License-Identifier: MIT
//
// Registrations that outlive their session: CMB_REGISTER_PERSIST.

#include "test/driver/fixture/ruleset_fixture.h"

#include <atomic>
#include <chrono>
#include <thread>

namespace cmbridge::test {
namespace {

constexpr uint64_t kSet = bit(RegNtPreSetValueKey) | bit(RegNtPostSetValueKey);
constexpr uint32_t kPersist = CMB_REGISTER_PERSIST;

class LastingRegistration : public RulesetTest {
  protected:
    void SetUp() override {
        RulesetTest::SetUp();
        actor_ = std::make_unique<Actor>();
        mine_ = actor_->create(path());
    }
    void TearDown() override {
        actor_->close(mine_);
        actor_.reset();
        RulesetTest::TearDown();
    }
    Actor &actor() { return *actor_; }
    HANDLE mine() const { return mine_; }

    NTSTATUS setValue(std::u16string name) {
        NTSTATUS status = STATUS_UNSUCCESSFUL;
        actor_->run([&] { status = setValueHere(mine_, name); });
        return status;
    }
    static NTSTATUS setValueHere(HANDLE key, std::u16string &name) {
        UNICODE_STRING value = unicode(name);
        uint32_t data = 1;
        return NtSetValueKey(key, &value, 0, REG_DWORD, &data, sizeof(data));
    }
    TestRule onName(TestRule rule, std::u16string name) const {
        rule.keys = {key()};
        rule.valueNames = {std::move(name)};
        return rule;
    }
    std::vector<TestRule> policy() const {
        return {onName(blockRule(bit(RegNtPreSetValueKey)), u"blocked"),
                onName(bypassRule(bit(RegNtPreSetValueKey)), u"bypassed"),
                onName(askRule(bit(RegNtPreSetValueKey), CMB_RULE_FAIL_CLOSED), u"closed"),
                onName(askRule(bit(RegNtPreSetValueKey)), u"open"),
                {.keys = {key()}}};
    }
    int64_t keep(std::u16string_view altitude = u"1", uint32_t options = kPersist) {
        Client client;
        return add(client, policy(), CMB_ACTION_IGNORE, kSet, altitude, options);
    }
    void expectKept() {
        EXPECT_EQ(setValue(u"blocked"), STATUS_ACCESS_DENIED);
        EXPECT_EQ(setValue(u"closed"), STATUS_ACCESS_DENIED);
        EXPECT_EQ(setValue(u"bypassed"), STATUS_SUCCESS);
        EXPECT_EQ(setValue(u"open"), STATUS_SUCCESS);
        EXPECT_EQ(setValue(u"other"), STATUS_SUCCESS);
    }

  private:
    std::unique_ptr<Actor> actor_;
    HANDLE mine_ = nullptr;
};

TEST_F(LastingRegistration, StaysWithoutItsSession) {
    const auto start = std::chrono::steady_clock::now();
    Client other;
    const CMB_STATISTICS_REPLY before = other.statistics(CMB_SCOPE_DRIVER);
    const uint64_t bytesBefore = machine().poolUsage().bytes;
    keep();
    for (int round = 0; round < 20; ++round) {
        expectKept();
    }
    const CMB_STATISTICS_REPLY after = other.statistics(CMB_SCOPE_DRIVER);
    EXPECT_EQ(after.Sessions, 1u);
    EXPECT_EQ(after.Registrations, 1u);
    // Nothing is recorded, lost or held; what is decided is counted.
    EXPECT_EQ(after.Callbacks, 0u);
    EXPECT_EQ(after.QueueBytesLimit, before.QueueBytesLimit);
    EXPECT_EQ(after.Decisions.Asked, 40u);
    EXPECT_EQ(after.Decisions.Released, 40u);
    EXPECT_EQ(after.Decisions.HeldPeak, 0u);
    EXPECT_EQ(after.Decisions.Blocked, 40u);
    EXPECT_EQ(after.Decisions.Bypassed, 20u);
    // The queue of the session is gone.
    EXPECT_LT(machine().poolUsage().bytes, bytesBefore + 1024 * 1024);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
    EXPECT_TRUE(other.drain().empty());
}

// Without the option it ends with its session.
TEST_F(LastingRegistration, IsOnlyWhatWasRegisteredSo) {
    keep(u"1", 0);
    EXPECT_EQ(setValue(u"blocked"), STATUS_SUCCESS);
    EXPECT_EQ(setValue(u"closed"), STATUS_SUCCESS);
}

// A rehearsal stays one.
TEST_F(LastingRegistration, InADryRunDecidesNothing) {
    Client other;
    keep(u"1", kPersist | CMB_REGISTER_DRY_RUN);
    EXPECT_EQ(setValue(u"blocked"), STATUS_SUCCESS);
    EXPECT_EQ(other.statistics(CMB_SCOPE_DRIVER).Decisions.DryRun, 1u);
}

TEST_F(LastingRegistration, IsRemovedByAnySession) {
    Client owner, other;
    const simulator::PoolUsage before = machine().poolUsage();
    const int64_t cookie = keep(u"1"), second = keep(u"2");
    const int64_t live = add(owner, policy(), CMB_ACTION_IGNORE, kSet, u"3", kPersist);
    EXPECT_EQ(other.remove(live), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(other.remove(cookie ^ second), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(trySet(other, cookie, {}).Status, STATUS_INVALID_PARAMETER);
    EXPECT_EQ(other.remove(cookie), STATUS_SUCCESS);
    EXPECT_EQ(other.remove(cookie), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(owner.remove(live), STATUS_SUCCESS);
    expectKept();
    EXPECT_EQ(owner.remove(second), STATUS_SUCCESS);
    EXPECT_EQ(setValue(u"blocked"), STATUS_SUCCESS);
    EXPECT_EQ(other.statistics(CMB_SCOPE_DRIVER).Registrations, 0u);
    EXPECT_EQ(machine().poolUsage().bytes, before.bytes);
}

// Several of one session, some of them kept; the session goes with the last.
TEST_F(LastingRegistration, MayBeOneOfSeveralOfASession) {
    Client other;
    const simulator::PoolUsage before = machine().poolUsage();
    int64_t first, second;
    {
        Client client;
        first =
            add(client, {onName(blockRule(bit(RegNtPreSetValueKey)), u"a")}, CMB_ACTION_IGNORE, kSet, u"1", kPersist);
        add(client, {onName(blockRule(bit(RegNtPreSetValueKey)), u"b")}, CMB_ACTION_IGNORE, kSet, u"2", 0);
        second = add(client, {}, CMB_ACTION_IGNORE, kSet, u"3", kPersist | CMB_REGISTER_EXEMPT_CHILDREN);
        setRules(client, second, {onName(blockRule(bit(RegNtPreSetValueKey)), u"c")});
    }
    EXPECT_EQ(setValue(u"a"), STATUS_ACCESS_DENIED);
    EXPECT_EQ(setValue(u"b"), STATUS_SUCCESS);
    EXPECT_EQ(setValue(u"c"), STATUS_ACCESS_DENIED);
    EXPECT_EQ(other.statistics(CMB_SCOPE_DRIVER).Registrations, 2u);
    EXPECT_EQ(other.remove(first), STATUS_SUCCESS);
    EXPECT_EQ(setValue(u"a"), STATUS_SUCCESS);
    EXPECT_EQ(setValue(u"c"), STATUS_ACCESS_DENIED);
    EXPECT_EQ(other.remove(second), STATUS_SUCCESS);
    EXPECT_EQ(setValue(u"c"), STATUS_SUCCESS);
    EXPECT_EQ(machine().poolUsage().bytes, before.bytes);
}

// What is registered where a kept one is takes its place; the spelling of the number does not matter.
TEST_F(LastingRegistration, MakesRoomForTheSameAltitude) {
    Client client;
    keep(u"385100.5");
    keep(u"385100.05");
    const int64_t cookie =
        add(client, {onName(blockRule(bit(RegNtPreSetValueKey)), u"new")}, CMB_ACTION_IGNORE, kSet, u"0385100.50");
    EXPECT_EQ(setValue(u"new"), STATUS_ACCESS_DENIED);
    // The other one is still there.
    EXPECT_EQ(setValue(u"blocked"), STATUS_ACCESS_DENIED);
    EXPECT_EQ(client.statistics(CMB_SCOPE_DRIVER).Registrations, 2u);
    add(client, {}, CMB_ACTION_IGNORE, kSet, u"385100.050");
    EXPECT_EQ(setValue(u"blocked"), STATUS_SUCCESS);
    // One that has its session does not.
    EXPECT_EQ(client.tryAdd(u"385100.5").Status, STATUS_FLT_INSTANCE_ALTITUDE_COLLISION);
    EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    EXPECT_EQ(setValue(u"new"), STATUS_SUCCESS);
}

// The program that is refused costs nothing.
TEST_F(LastingRegistration, IsLeftByARegistrationThatIsRefused) {
    Client client;
    keep(u"1");
    Program program = buildProgram(policy());
    program.header().Version = 9;
    EXPECT_EQ(tryRegister(client, u"1", bytesOfProgram(program), kSet).Status, STATUS_BAD_DATA);
    expectKept();
}

TEST_F(LastingRegistration, LetsAHeldThreadGo) {
    std::atomic<bool> done = false;
    NTSTATUS held = STATUS_UNSUCCESSFUL;
    int64_t cookie;
    {
        Client client;
        TestRule rule = onName(askRule(bit(RegNtPreSetValueKey), CMB_RULE_FAIL_CLOSED), u"held");
        rule.deadline = CMB_MAX_DEADLINE;
        cookie = add(client, {rule}, CMB_ACTION_IGNORE, kSet, u"1", kPersist);
        actor().post([&] {
            std::u16string name = u"held";
            held = setValueHere(mine(), name);
            done = true;
        });
        EXPECT_EQ(client.receive().size(), 1u);
        EXPECT_FALSE(done);
    }
    // Closing has let it go, and has waited until it was out.
    actor().run([] {});
    EXPECT_EQ(held, STATUS_ACCESS_DENIED);
    EXPECT_EQ(setValue(u"held"), STATUS_ACCESS_DENIED);
    EXPECT_EQ(Client().remove(cookie), STATUS_SUCCESS);
}

// The driver is unloaded while there is one: it goes with the driver, which the fixture checks.
TEST_F(LastingRegistration, EndsWithTheDriver) {
    keep(u"1");
    keep(u"2");
    expectKept();
}

TEST_F(LastingRegistration, IsLimitedInNumber) {
    std::vector<std::unique_ptr<Client>> clients;
    const auto at = [](int number) {
        const std::string text = std::to_string(number);
        return std::u16string(text.begin(), text.end());
    };
    for (int i = 0; i < CMB_MAX_PERSISTENT_REGISTRATIONS; ++i) {
        keep(at(i));
    }
    Client client;
    CMB_REGISTER_REPLY reply{};
    EXPECT_EQ(registerRaw(client.file(), u"1000", reply, kSet, 0, kPersist).status, STATUS_QUOTA_EXCEEDED);
    EXPECT_EQ(client.tryAdd(u"1000").Status, STATUS_SUCCESS);
    // One goes, and there is room again.
    client.add(u"5");
    EXPECT_EQ(client.tryAdd(u"1001", kSet, 0, kPersist).Status, STATUS_SUCCESS);
}

// Ending takes no memory.
TEST_F(LastingRegistration, SurvivesTheFailureOfEachAllocation) {
    Client other;
    const simulator::PoolUsage before = machine().poolUsage();
    for (uint64_t nth = 1; nth < 6; ++nth) {
        Client client;
        const int64_t cookie = add(client, policy(), CMB_ACTION_IGNORE, kSet, u"1", kPersist);
        machine().failAllocation(nth);
        client.close();
        machine().failAllocation(0);
        EXPECT_EQ(setValue(u"blocked"), STATUS_ACCESS_DENIED);
        EXPECT_EQ(other.remove(cookie), STATUS_SUCCESS);
    }
    EXPECT_EQ(machine().poolUsage().bytes, before.bytes);
    bool succeeded = false;
    for (uint64_t nth = 1; !succeeded; ++nth) {
        ASSERT_LT(nth, 60u);
        CMB_REGISTER_REPLY reply{};
        machine().failAllocation(nth);
        const NTSTATUS status = registerRaw(other.file(), u"1", reply, kSet, 0, kPersist).status;
        machine().failAllocation(0);
        succeeded = status == STATUS_SUCCESS && reply.Status == STATUS_SUCCESS;
        if (succeeded) {
            EXPECT_EQ(other.remove(reply.Cookie), STATUS_SUCCESS);
        }
        EXPECT_EQ(machine().poolUsage().bytes, before.bytes) << nth;
    }
    // None of those that failed counts.
    std::vector<int64_t> cookies;
    for (int i = 0; i < CMB_MAX_REGISTRATIONS; ++i) {
        cookies.push_back(other.add(std::u16string(1, static_cast<char16_t>(u'1' + i % 9)) +
                                        std::u16string(static_cast<size_t>(i / 9), u'0'),
                                    kSet, 0, kPersist));
    }
    for (int64_t cookie : cookies) {
        EXPECT_EQ(other.remove(cookie), STATUS_SUCCESS);
    }
}

// Under load nothing is let through when a session ends, and nothing is used that has gone.
TEST_F(LastingRegistration, EndsUnderLoad) {
    Client other;
    std::vector<std::unique_ptr<Actor>> actors;
    std::atomic<bool> stop = false;
    // Odd while there is a registration.
    std::atomic<uint64_t> armed = 0, blocked = 0, slipped = 0;
    for (int i = 0; i < 3; ++i) {
        actors.push_back(std::make_unique<Actor>());
        HANDLE key = actors.back()->openKey(path());
        actors.back()->post([&, key, turn = 0]() mutable {
            while (!stop) {
                std::u16string names[] = {u"blocked", u"other", u"closed"};
                const uint64_t sure = armed;
                const NTSTATUS status = setValueHere(key, names[++turn % 2 ? 0 : 1 + turn / 2 % 2]);
                blocked += status == STATUS_ACCESS_DENIED;
                // It was registered all the time, and the name is one that is blocked or closed.
                slipped += sure % 2 && sure == armed && turn % 2 && status != STATUS_ACCESS_DENIED;
            }
            NtClose(key);
        });
    }
    for (int round = 0; round < 30; ++round) {
        int64_t cookie;
        {
            Client client(CMB_MIN_QUEUE_BYTES);
            std::vector<TestRule> rules = policy();
            rules[2].deadline = CMB_MIN_DEADLINE;
            cookie = add(client, rules, CMB_ACTION_IGNORE, kSet, u"7", kPersist);
            ++armed;
            if (round % 2) {
                client.receive();
            }
        }
        const uint64_t before = blocked;
        while (blocked < before + 20) {
            std::this_thread::yield();
        }
        ++armed;
        if (round % 3) {
            EXPECT_EQ(other.remove(cookie), STATUS_SUCCESS);
        }
    }
    stop = true;
    actors.clear();
    EXPECT_EQ(slipped, 0u);
}

// Another session asks for it at the moment when its own ends.
TEST_F(LastingRegistration, MayBeRemovedWhileItsSessionEnds) {
    Actor owner(machine().hostProcess()), stranger(machine().hostProcess());
    Client other;
    for (int round = 0; round < 100; ++round) {
        auto client = std::make_unique<Client>(CMB_MIN_QUEUE_BYTES);
        const int64_t cookie = add(*client, policy(), CMB_ACTION_IGNORE, kSet, u"7", kPersist);
        owner.post([&] { client.reset(); });
        stranger.post([&] {
            if (other.remove(cookie) != STATUS_SUCCESS) {
                std::this_thread::yield();
            }
        });
        owner.run([] {});
        stranger.run([] {});
        other.remove(cookie);
        EXPECT_EQ(setValue(u"blocked"), STATUS_SUCCESS);
    }
    EXPECT_EQ(other.statistics(CMB_SCOPE_DRIVER).Registrations, 0u);
}

} // namespace
} // namespace cmbridge::test
