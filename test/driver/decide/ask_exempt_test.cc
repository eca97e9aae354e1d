// SPDX-License-Identifier: MIT
//
// Whose operations nobody is asked about: those of the session's own process and, if so registered, of its descendants.

#include "test/driver/fixture/ruleset_fixture.h"

namespace cmbridge::test {
namespace {

constexpr uint64_t kOpen = bit(RegNtPreOpenKeyEx);

class Exemption : public RulesetTest {
  protected:
    static std::unique_ptr<Actor> child(const Actor &parent) {
        return std::make_unique<Actor>(
            simulator::ProcessOptions{.imagePath = u"\\Device\\X\\child.exe", .parentId = parent.processId()});
    }
    // Nobody answers what this registration asks.
    static int64_t ask(Client &client, uint32_t options, const std::u16string &path) {
        TestRule rule = askRule(kOpen, CMB_RULE_FAIL_CLOSED);
        rule.deadline = CMB_MIN_DEADLINE;
        rule.keys = {path.substr(1)};
        return add(client, {rule}, CMB_ACTION_IGNORE, kOpen, u"1", options);
    }
    void expectAsked(Actor &actor) { actor.openKey(path(), nullptr, STATUS_ACCESS_DENIED); }
    void expectExempt(Actor &actor) { actor.close(actor.openKey(path())); }

    void SetUp() override {
        RulesetTest::SetUp();
        stranger_ = std::make_unique<Actor>();
        stranger_->close(stranger_->create(path()));
    }
    void TearDown() override {
        stranger_.reset();
        RulesetTest::TearDown();
    }
    Actor &stranger() { return *stranger_; }

  private:
    std::unique_ptr<Actor> stranger_;
};

TEST_F(Exemption, CoversTheOwnProcess) {
    Client client;
    Actor own(machine().hostProcess());
    auto below = child(own);
    const int64_t cookie = ask(client, 0, path());
    expectExempt(own);
    expectAsked(*below);
    expectAsked(stranger());
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, cookie).Decisions.UnaskedExemption, 1u);
}

TEST_F(Exemption, CoversDescendantsOnRequest) {
    Client client;
    Actor own(machine().hostProcess());
    auto before = child(own), below = child(*before);
    auto foreign = child(stranger());
    const int64_t cookie = ask(client, CMB_REGISTER_EXEMPT_CHILDREN, path());
    auto after = child(own), deep = child(*below);
    for (Actor *exempt : {&own, before.get(), below.get(), after.get(), deep.get()}) {
        expectExempt(*exempt);
    }
    expectAsked(stranger());
    expectAsked(*foreign);
    // They stay what they are when those between them and the session's process are gone.
    before.reset();
    below.reset();
    expectExempt(*deep);
    expectExempt(*child(*deep));
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, cookie).Decisions.UnaskedExemption, 7u);
    // Rules come and go, the exemption stays.
    TestRule rule = askRule(kOpen, CMB_RULE_FAIL_CLOSED);
    rule.deadline = CMB_MIN_DEADLINE;
    rule.keys = {key()};
    setRules(client, cookie, {rule});
    expectExempt(*deep);
    expectAsked(stranger());
    EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    expectExempt(stranger());
}

// Whose children nobody has told of are asked about.
TEST_F(Exemption, IsLimitedInDescendants) {
    Client client;
    Actor own(machine().hostProcess());
    ask(client, CMB_REGISTER_EXEMPT_CHILDREN, path());
    std::vector<std::shared_ptr<simulator::Process>> members;
    for (int i = 0; i < 4200; ++i) {
        members.push_back(machine().createProcess({.imagePath = u"x", .parentId = own.processId()}));
    }
    Actor first(members.front()), last(members.back());
    expectExempt(own);
    expectExempt(first);
    expectAsked(last);
    expectAsked(stranger());
}

// A rule that blocks asks nobody, and so it is for all.
TEST_F(Exemption, DoesNotHoldForBlocks) {
    Client client;
    Actor own(machine().hostProcess());
    auto below = child(own);
    TestRule rule = blockRule(kOpen);
    rule.keys = {key()};
    add(client, {rule}, CMB_ACTION_IGNORE, kOpen, u"1", CMB_REGISTER_EXEMPT_CHILDREN);
    for (Actor *actor : {&own, below.get(), &stranger()}) {
        actor->openKey(path(), nullptr, STATUS_ACCESS_DENIED);
    }
}

TEST_F(Exemption, SurvivesTheFailureOfEachAllocation) {
    Client client;
    const simulator::PoolUsage before = machine().poolUsage();
    bool succeeded = false;
    for (uint64_t nth = 1; !succeeded; ++nth) {
        ASSERT_LT(nth, 60u);
        CMB_REGISTER_REPLY reply{};
        machine().failAllocation(nth);
        const NTSTATUS status = registerRaw(client.file(), u"1", reply, kOpen, 0, CMB_REGISTER_EXEMPT_CHILDREN).status;
        machine().failAllocation(0);
        succeeded = status == STATUS_SUCCESS && reply.Status == STATUS_SUCCESS;
        if (succeeded) {
            EXPECT_GE(nth, 5u);
            EXPECT_EQ(client.remove(reply.Cookie), STATUS_SUCCESS);
        } else {
            EXPECT_TRUE(status == STATUS_INSUFFICIENT_RESOURCES || reply.Status == STATUS_INSUFFICIENT_RESOURCES);
        }
        EXPECT_EQ(machine().poolUsage().blocks, before.blocks) << nth;
    }
}

} // namespace
} // namespace cmbridge::test
