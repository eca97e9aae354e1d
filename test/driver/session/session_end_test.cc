// SPDX-License-Identifier: MIT
//
// The end of a session while an operation that has met one of its registrations is still on its way.

#include "test/driver/fixture/ask_fixture.h"

#include <thread>

namespace cmbridge::test {
namespace {

class SessionEnd : public AskTest {
  protected:
    void SetUp() override {
        AskTest::SetUp();
        client_ = std::make_unique<Client>();
        observer_ = std::make_unique<Client>();
        actor_ = std::make_unique<Actor>();
        stalled_ = std::make_unique<Actor>();
    }
    void TearDown() override {
        observer_.reset();
        actor_.reset();
        stalled_.reset();
        AskTest::TearDown();
    }

    // Two registrations, of which the first is in the way of an operation that another filter keeps back, and the
    // second has a rule.
    void begin(const Action &action) {
        stalledKey_ = stalled().create(path() + u"stalled");
        key_ = actor().create(path());
        client_->add(u"385100", kSet);
        add(*client_, setting(), action, {.altitude = u"385200"});
        below_ = std::make_unique<Rival>(u"1", [this](ULONG notifyClass, PVOID) {
            if (notifyClass == RegNtPreSetValueKey && armed_.exchange(false)) {
                gate_.pass();
            }
        });
        operation_ = startSet(stalled(), stalledKey_);
        gate_.awaitArrival();
        closer_ = std::thread([this] { client_->close(); });
        // The session ends, and both of its registrations with it.
        while (observer_->statistics(CMB_SCOPE_DRIVER).Registrations == 2) {
            std::this_thread::yield();
        }
    }
    void end() {
        gate_.let();
        EXPECT_EQ(operation_.get(), STATUS_SUCCESS);
        closer_.join();
        below_.reset();
        stalled().close(stalledKey_);
        actor().close(key_);
    }
    NTSTATUS set() { return trySet(actor(), key_); }
    Client &observer() { return *observer_; }

  private:
    Actor &actor() { return *actor_; }
    Actor &stalled() { return *stalled_; }

    std::unique_ptr<Client> client_, observer_;
    std::unique_ptr<Actor> actor_, stalled_;
    HANDLE key_ = nullptr;
    HANDLE stalledKey_ = nullptr;
    std::unique_ptr<Rival> below_;
    std::atomic<bool> armed_ = true;
    Gate gate_;
    std::future<NTSTATUS> operation_;
    std::thread closer_;
};

TEST_F(SessionEnd, EndsRulesThatAskAtOnce) {
    begin(kAskClosed);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(set(), STATUS_SUCCESS);
    }
    end();
    EXPECT_EQ(decisions(observer(), CMB_SCOPE_DRIVER).Asked, 0u);
}

TEST_F(SessionEnd, EndsRulesThatBlockAtOnce) {
    begin(kBlock);
    EXPECT_EQ(set(), STATUS_SUCCESS);
    end();
    EXPECT_EQ(decisions(observer(), CMB_SCOPE_DRIVER).Blocked, 0u);
}

// Whoever comes next is told that the altitudes will be free, whichever of the two is being removed.
TEST_F(SessionEnd, SaysThatItsAltitudesBecomeFree) {
    begin(kBlock);
    EXPECT_EQ(observer().tryAdd(u"0385100.0").Status, STATUS_DELETE_PENDING);
    EXPECT_EQ(observer().tryAdd(u"385200").Status, STATUS_DELETE_PENDING);
    end();
    EXPECT_EQ(observer().tryAdd(u"385100").Status, STATUS_SUCCESS);
    EXPECT_EQ(observer().tryAdd(u"385200").Status, STATUS_SUCCESS);
}

} // namespace
} // namespace cmbridge::test
