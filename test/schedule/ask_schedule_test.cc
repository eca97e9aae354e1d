// SPDX-License-Identifier: MIT
//
// Questions, answers, deadlines and what ends a registration, all at the same time.

#include "test/schedule/schedule_fixture.h"

namespace cmbridge::test {
namespace {

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
};

TEST_F(AskSchedule, DecidesByTheAnswerThatWasAccepted) {
    expectEach(scenario("Reply", answering(false, false)), {1});
    expectEach(scenario("ReplyAndDeadline", answering(true, false), 2), {1});
    expectMany(scenario("ReplyDeadlineAndEnd", answering(true, true), 2), 1500);
    expectMany(scenario("ReplyAndEnd", answering(false, true), 2), 500);
}

} // namespace
} // namespace cmbridge::test
