// SPDX-License-Identifier: MIT
//
// Handles that close and registrations that come and go while other requests and callbacks are at work.

#include "test/schedule/schedule_fixture.h"

namespace cmbridge::test {
namespace {

class SessionSchedule : public ScheduleTest {
  protected:
    // Nothing of a session that is gone answers or holds anybody.
    void expectNothingLeft() {
        together({actor([this] { EXPECT_EQ(setValue(), STATUS_SUCCESS); })}, false);
        CM_STATISTICS statistics;
        CmGetStatistics(&statistics);
        EXPECT_EQ(statistics.ObjectContexts, 0u);
        EXPECT_EQ(machine().poolUsage().blocks, before_);
    }
    std::function<void()> closing(std::function<std::vector<Job>(Device &device)> jobs, bool registered) {
        return [=, this] {
            before_ = machine().poolUsage().blocks;
            {
                Device device;
                EXPECT_EQ(device.hello(), STATUS_SUCCESS);
                if (registered) {
                    Program program = telling();
                    registerWith(device, bytesOfProgram(program), kSet);
                }
                std::vector<Job> all = jobs(device);
                all.push_back({[&device] { device.close(); }});
                together(all);
                // The file is still there, as for a request that has just been completed; the session is not.
                Device next;
                EXPECT_EQ(next.hello(), STATUS_SUCCESS);
                Program program = telling();
                EXPECT_EQ(unregister(next, registerWith(next, bytesOfProgram(program), kSet)), STATUS_SUCCESS);
            }
            expectNothingLeft();
        };
    }

  private:
    uint64_t before_ = 0;
};

TEST_F(SessionSchedule, EndsARegistrationThatComesWhileTheHandleCloses) {
    auto jobs = [this](Device &device) -> std::vector<Job> {
        return {{[this, &device] {
            NTSTATUS status = STATUS_SUCCESS;
            Program program = telling();
            registerWith(device, bytesOfProgram(program), kSet, &status);
            EXPECT_TRUE(status == STATUS_SUCCESS || status == STATUS_FILE_CLOSED ||
                        status == STATUS_INVALID_DEVICE_STATE)
                << status;
        }}};
    };
    EXPECT_EQ(schedule::exhaust(scenario("RegisterAndClose", closing(jobs, false)), 1, 3000).failed, "");
    EXPECT_EQ(schedule::sample(scenario("RegisterAndCloseOnTwo", closing(jobs, false), 2), 500).failed, "");
}

TEST_F(SessionSchedule, EndsWhileItsRequestsAndCallbacksAreAtWork) {
    auto jobs = [this](Device &device) -> std::vector<Job> {
        return {actor([this] { EXPECT_EQ(setValue(), STATUS_SUCCESS); }),
                {[&device] {
                    std::vector<Record> records;
                    device.receive(records);
                }},
                {[&device] {
                    std::vector<Record> records;
                    device.receive(records);
                }}};
    };
    EXPECT_EQ(schedule::exhaust(scenario("WorkAndClose", closing(jobs, true), 2), 1, 3000).failed, "");
    EXPECT_EQ(schedule::sample(scenario("WorkAndCloseAtRandom", closing(jobs, true), 2), 1500).failed, "");
}

// The last reference to the file goes with the request, which another thread completes, while the dispatch routine that
// pended it has still to come back.
TEST_F(SessionSchedule, IsFreedAfterTheDispatchRoutineThatIsAtWork) {
    auto body = [this] {
        std::vector<uint64_t> output(CMB_MIN_RECEIVE_BYTES / 8);
        KEVENT done;
        KeInitializeEvent(&done, NotificationEvent, FALSE);
        Device device;
        EXPECT_EQ(device.hello(), STATUS_SUCCESS);
        Program program = telling();
        registerWith(device, bytesOfProgram(program), kSet);
        std::shared_ptr<nt::Request> request =
            device.receiveLater(std::as_writable_bytes(std::span(output)), [&] { KeSetEvent(&done, 0, FALSE); });
        device.letGo();
        together({{[&] { nt::issue(request); }}, actor([&] { EXPECT_EQ(setValue(), STATUS_SUCCESS); }), {[&] {
                      KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, nullptr);
                      device.close();
                      nt::finish(request);
                  }}});
    };
    EXPECT_EQ(schedule::exhaust(scenario("FreeAndDispatch", body), 1, 3000).failed, "");
    EXPECT_EQ(schedule::sample(scenario("FreeAndDispatchOnTwo", body, 2), 500).failed, "");
}

} // namespace
} // namespace cmbridge::test
