// SPDX-License-Identifier: MIT
//
// Threads that take long to say what they are asked about: nobody but they themselves waits for that.

#include "test/driver/fixture/ask_fixture.h"
#include "test/driver/fixture/body_fixture.h"

#include <thread>

namespace cmbridge::test {
namespace {

class SlowQuestion : public AskTest {
  protected:
    // Before there is a rule.
    void prepare() {
        actor_ = std::make_unique<Actor>();
        key_ = actor_->create(path());
        actor_->setValue(key_, u"x", REG_BINARY, pattern(64));
    }
    // The question is about the answer to a query, and the page that this is in is on its way for a while.
    void stall() {
        buffer_ = std::make_unique<UserMemory<4096>>();
        buffer_->watch([this] {
            if (armed_.exchange(false)) {
                gate_.pass();
            }
        });
        // The configuration manager itself writes there before.
        low_ = std::make_unique<Rival>(u"1", [this](ULONG notifyClass, PVOID) {
            if (notifyClass == RegNtPostQueryValueKey) {
                armed_ = true;
            }
        });
        query_ = start(*actor_, [this] {
            ULONG size = 0;
            std::u16string text = u"x";
            UNICODE_STRING name = unicode(text);
            return NtQueryValueKey(key_, &name, KeyValuePartialInformation, buffer_->at(), 4096, &size);
        });
        gate_.awaitArrival();
    }
    NTSTATUS end() {
        gate_.let();
        const NTSTATUS status = query_.get();
        low_.reset();
        actor_->close(key_);
        actor_.reset();
        buffer_.reset();
        return status;
    }

  private:
    std::unique_ptr<Actor> actor_;
    HANDLE key_ = nullptr;
    std::unique_ptr<UserMemory<4096>> buffer_;
    std::unique_ptr<Rival> low_;
    Gate gate_;
    std::atomic<bool> armed_ = false;
    std::future<NTSTATUS> query_;
};

constexpr uint32_t kDeadline = 100;

TEST_F(SlowQuestion, HasNoSlotBeforeItIsPut) {
    Client client(0, 0, 1);
    Actor other;
    HANDLE key = other.create(path() + u"other");
    prepare();
    add(client, {.classes = kSet | bit(RegNtPostQueryValueKey)}, kAskClosed);
    stall();
    EXPECT_EQ(decisions(client).Held, 0u);
    // The only slot is for whoever has said all.
    auto set = startSet(other, key);
    EXPECT_EQ(replyOne(client, allow(question(client))), static_cast<UINT32>(CMB_REPLY_ACCEPTED));
    EXPECT_EQ(set.get(), STATUS_SUCCESS);
    client.drain();
    std::thread answer([&] {
        const Record asked = question(client);
        EXPECT_EQ(asked->NotifyClass, static_cast<UINT32>(RegNtPostQueryValueKey));
        EXPECT_EQ(replyOne(client, allow(asked)), static_cast<UINT32>(CMB_REPLY_ACCEPTED));
    });
    EXPECT_EQ(end(), STATUS_SUCCESS);
    answer.join();
    EXPECT_EQ(decisions(client).UnaskedLimit, 0u);
    other.close(key);
}

// Its deadline runs, the program is not to blame, and the breaker stays closed for all others.
TEST_F(SlowQuestion, IsNotPutAfterItsDeadline) {
    Client client;
    Action action = kAskClosed;
    action.deadline = kDeadline;
    prepare();
    const int64_t cookie = add(client, {.classes = bit(RegNtPostQueryValueKey)}, action, {.misses = 1});
    stall();
    std::this_thread::sleep_for(std::chrono::milliseconds(kDeadline + 20));
    EXPECT_EQ(end(), STATUS_ACCESS_DENIED);
    const std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].decided().By, CMB_DECIDED_BY_TIMEOUT);
    EXPECT_EQ(records[0].decided().Flags, 0u);
    const CMB_DECISION_STATISTICS counters = decisions(client, CMB_SCOPE_REGISTRATION, cookie);
    EXPECT_EQ(counters.Asked, 1u);
    EXPECT_EQ(counters.TimedOut, 1u);
    EXPECT_EQ(counters.Held, 0u);
    EXPECT_EQ(counters.BreakerTrips, 0u);
}

} // namespace
} // namespace cmbridge::test
