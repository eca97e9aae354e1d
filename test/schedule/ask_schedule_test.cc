// SPDX-License-Identifier: MIT
//
// Questions, answers, deadlines and what ends a registration, all at the same time; and threads that are stopped
// anywhere while others are asked.

#include "test/schedule/schedule_fixture.h"

namespace cmbridge::test {
namespace {

struct Limits {
    uint32_t limit = 4;
    // In milliseconds.
    uint32_t deadline = 5000;
    // So long after the thread that is stopped the other one is asked.
    int64_t later = 1;
};

class AskSchedule : public ScheduleTest {
  protected:
    // Receives until there is a question; NULL if the session ended.
    static std::optional<Record> nextQuestion(Device &device) {
        for (;;) {
            std::vector<Record> records;
            if (device.receive(records) != STATUS_SUCCESS) {
                return std::nullopt;
            }
            for (Record &record : records) {
                if (record.isDecided() && (record.decided().Flags & CMB_DECIDED_HELD)) {
                    return std::move(record);
                }
            }
        }
    }

    // What is accepted happens, and only that. `late`: the answer comes when the deadline passes.
    std::function<void()> answering(bool late, bool ends) {
        return [=, this] {
            Device device;
            EXPECT_EQ(device.hello(), STATUS_SUCCESS);
            Program program = asking(CMB_MIN_DEADLINE);
            const int64_t cookie = registerWith(device, bytesOfProgram(program), kSet);
            NTSTATUS status = STATUS_SUCCESS;
            bool accepted = false;
            std::vector<Job> jobs{actor([&] { status = setValue(); }), {[&] {
                                      std::optional<Record> asked = nextQuestion(device);
                                      if (asked) {
                                          sleep(late ? CMB_MIN_DEADLINE : 0);
                                          accepted = answer(device, block(*asked)) == CMB_REPLY_ACCEPTED;
                                      }
                                  }}};
            if (ends) {
                jobs.push_back({[&] {
                    sleep(late ? CMB_MIN_DEADLINE : 0);
                    device.cancel();
                    EXPECT_EQ(unregister(device, cookie), STATUS_SUCCESS);
                    // The reader may wait for what does not come any more.
                    device.close();
                }});
            }
            together(jobs);
            EXPECT_EQ(status, accepted ? STATUS_ACCESS_DENIED : STATUS_SUCCESS);
            EXPECT_TRUE(accepted || late || ends);
        };
    }

    // A thread of low priority is stopped at its at-th point while it does `job`; another one is asked and must have
    // its answer, which comes at once.
    bool askWhileStopped(const char *name, uint64_t at, const std::function<void(Device &)> &job,
                         const Limits &held = {}) {
        bool stopped = true;
        auto frozen = scenario(name + std::to_string(at), [&] {
            Device device;
            EXPECT_EQ(device.hello(held.limit), STATUS_SUCCESS);
            Program program = asking(held.deadline);
            const int64_t cookie = registerWith(device, bytesOfProgram(program), kSet);
            bool through = false;
            KEVENT end;
            KeInitializeEvent(&end, NotificationEvent, FALSE);
            auto ask = [&] {
                const ULONGLONG before = KeQueryInterruptTime();
                EXPECT_EQ(setValue(), STATUS_ACCESS_DENIED);
                EXPECT_LT(KeQueryInterruptTime() - before, kBound);
            };
            together({actor(
                          [&] {
                              schedule::freezeAt(at);
                              job(device);
                              stopped = schedule::wasFrozen();
                              schedule::freezeAt(0);
                          },
                          4),
                      actor([&] {
                          sleep(held.later);
                          ask();
                          through = true;
                          KeSetEvent(&end, 0, FALSE);
                          device.cancel();
                      }),
                      {[&] {
                          // Several may come at once.
                          std::vector<Record> records;
                          while (!through && device.receive(records) == STATUS_SUCCESS) {
                              for (const Record &record : std::exchange(records, {})) {
                                  if (record.isDecided() && (record.decided().Flags & CMB_DECIDED_HELD)) {
                                      answer(device, block(record));
                                  }
                              }
                          }
                      }}});
            // What the stopped thread asked expired, or was answered.
            EXPECT_EQ(unregister(device, cookie), STATUS_SUCCESS);
        });
        const bool failed = !schedule::sample(frozen, 1, at).failed.empty();
        return stopped && !failed;
    }

    // Of virtual time, which stands still while anybody can run: 100 ms.
    static constexpr ULONGLONG kBound = 1000000;
    // An operation has fewer.
    static constexpr uint64_t kMostPoints = 400;
};

TEST_F(AskSchedule, DecidesByTheAnswerThatWasAccepted) {
    EXPECT_EQ(schedule::exhaust(scenario("Reply", answering(false, false)), 1, 2000).failed, "");
    EXPECT_EQ(schedule::exhaust(scenario("ReplyAndDeadline", answering(true, false), 2), 1, 3000).failed, "");
    EXPECT_EQ(schedule::sample(scenario("ReplyDeadlineAndEnd", answering(true, true), 2), 1500).failed, "");
    EXPECT_EQ(schedule::sample(scenario("ReplyAndEnd", answering(false, true), 2), 500).failed, "");
}

TEST_F(AskSchedule, AnswersWhileAnotherThreadIsStoppedThatSetsAValue) {
    uint64_t at = 1;
    while (at < kMostPoints && askWhileStopped("StoppedSet", at, [this](Device &) { setValue(); })) {
        ++at;
    }
    EXPECT_GT(at, 50u);
}

// The only slot is free once the deadline of the question in it has passed, whether or not its thread gets to run.
TEST_F(AskSchedule, AnswersWhereAStoppedThreadIsHeldBeyondItsDeadline) {
    uint64_t at = 1;
    const Limits one{.limit = 1, .deadline = CMB_MIN_DEADLINE, .later = 2 * CMB_MIN_DEADLINE};
    while (at < kMostPoints && askWhileStopped(
                                   "StoppedHeld", at, [this](Device &) { setValue(); }, one)) {
        ++at;
    }
    EXPECT_GT(at, 50u);
}

TEST_F(AskSchedule, AnswersWhileAnotherThreadIsStoppedThatReceives) {
    uint64_t at = 1;
    auto receive = [](Device &device) {
        std::vector<Record> records;
        device.receive(records);
    };
    while (at < kMostPoints && askWhileStopped("StoppedReceive", at, receive)) {
        ++at;
    }
    EXPECT_GT(at, 5u);
}

} // namespace
} // namespace cmbridge::test
