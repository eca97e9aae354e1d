// SPDX-License-Identifier: MIT
//
// RECEIVEs that wait, records that come, and cancelling: under every schedule with few preemptions.

#include "test/schedule/schedule_fixture.h"

namespace cmbridge::test {
namespace {

class ReceiveSchedule : public ScheduleTest {
  protected:
    // RECEIVEs are on their way while values are set, and all that wait may be cancelled once. A record that lies in
    // the queue while a RECEIVE waits is a deadlock.
    void receiveWhile(Device &device, size_t sets, size_t receives, bool cancels) {
        std::vector<Record> records;
        KEVENT changed;
        KeInitializeEvent(&changed, SynchronizationEvent, FALSE);
        size_t ended = 0;
        std::vector<Job> jobs;
        for (size_t i = 0; i < sets; ++i) {
            jobs.push_back(actor([this] { EXPECT_EQ(setValue(), STATUS_SUCCESS); }));
        }
        for (size_t i = 0; i < receives; ++i) {
            jobs.push_back({[&] {
                NTSTATUS status = device.receive(records);
                EXPECT_TRUE(status == STATUS_SUCCESS || status == STATUS_CANCELLED);
                ++ended;
                KeSetEvent(&changed, 0, FALSE);
            }});
        }
        if (cancels) {
            jobs.push_back({[&] { device.cancel(); }});
        }
        jobs.push_back({[&] {
            while (records.size() < sets && ended < receives) {
                KeWaitForSingleObject(&changed, Executive, KernelMode, FALSE, nullptr);
            }
            // Those that nothing is left for; some may not have come yet.
            while (ended < receives) {
                device.cancel();
                sleep(1);
            }
        }});
        together(jobs);
        while (records.size() < sets) {
            EXPECT_EQ(device.receive(records), STATUS_SUCCESS);
        }
        EXPECT_EQ(records.size(), sets);
    }
    std::function<void()> body(size_t sets, size_t receives, bool cancels) {
        return [=, this] {
            Device device;
            EXPECT_EQ(device.hello(), STATUS_SUCCESS);
            Program program = telling();
            const int64_t cookie = registerWith(device, bytesOfProgram(program), kSet);
            receiveWhile(device, sets, receives, cancels);
            EXPECT_EQ(unregister(device, cookie), STATUS_SUCCESS);
        };
    }
};

TEST_F(ReceiveSchedule, FindsTheRecordThatComesAtTheSameTime) {
    expectEach(scenario("Receive", body(1, 1, false)), {1, 2});
    expectMany(scenario("ReceiveOnTwo", body(1, 1, false), 2), 500);
}

TEST_F(ReceiveSchedule, CompletesWhatIsNotCancelled) {
    expectEach(scenario("ReceiveAndCancel", body(1, 1, true), 2), {0});
    expectEach(scenario("ReceiveAndCancelAndOneMore", body(1, 1, true), 2), {1, 1});
    expectMany(scenario("ReceivesAndCancel", body(2, 2, true), 2), 1500);
}

// One RECEIVE is cancelled while whoever has a record looks for it, and another RECEIVE comes while that one still
// looks: both of the former are stopped at each of their points.
TEST_F(ReceiveSchedule, CompletesTheOneThatComesWhileTheLastIsCancelled) {
    // Only where no schedule is run, as CMB_SCHEDULE names another one, there seem to be so many.
    constexpr uint64_t kMostPoints = 400;
    bool cancelStopped = true;
    for (uint64_t c = 1; cancelStopped && c < kMostPoints; ++c) {
        bool setStopped = true;
        for (uint64_t s = 1; setStopped && s < kMostPoints && !HasFailure(); ++s) {
            auto body = [&] {
                std::vector<std::vector<uint64_t>> outputs(2, std::vector<uint64_t>(CMB_MIN_RECEIVE_BYTES / 8));
                KEVENT done[2];
                Device device;
                EXPECT_EQ(device.hello(), STATUS_SUCCESS);
                Program program = telling();
                const int64_t cookie = registerWith(device, bytesOfProgram(program), kSet);
                std::vector<std::shared_ptr<nt::Request>> requests;
                for (int i = 0; i < 2; ++i) {
                    KeInitializeEvent(&done[i], NotificationEvent, FALSE);
                    requests.push_back(device.receiveLater(std::as_writable_bytes(std::span(outputs[i])),
                                                           [&done, i] { KeSetEvent(&done[i], 0, FALSE); }));
                }
                nt::issue(requests[0]);
                together({{[&] {
                               schedule::freezeAt(c);
                               device.cancel();
                               cancelStopped = schedule::wasFrozen();
                               schedule::freezeAt(0);
                           },
                           12},
                          actor(
                              [&] {
                                  schedule::freezeAt(s);
                                  EXPECT_EQ(setValue(), STATUS_SUCCESS);
                                  setStopped = schedule::wasFrozen();
                                  schedule::freezeAt(0);
                              },
                              10),
                          {[&] { nt::issue(requests[1]); }}},
                         false);
                KeWaitForSingleObject(&done[0], Executive, KernelMode, FALSE, nullptr);
                if (requests[0]->result.Status == STATUS_SUCCESS) {
                    together({actor([&] { EXPECT_EQ(setValue(), STATUS_SUCCESS); })}, false);
                }
                KeWaitForSingleObject(&done[1], Executive, KernelMode, FALSE, nullptr);
                for (auto &request : requests) {
                    nt::finish(request);
                }
                EXPECT_EQ(unregister(device, cookie), STATUS_SUCCESS);
            };
            schedule::sample(scenario("CancelAndNext" + std::to_string(c) + "-" + std::to_string(s), body), 1);
        }
    }
}

} // namespace
} // namespace cmbridge::test
