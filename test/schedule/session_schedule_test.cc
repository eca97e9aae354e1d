// SPDX-License-Identifier: MIT
//
// Handles that close and registrations that come and go while other requests and callbacks are at work.

#include "test/schedule/schedule_fixture.h"

namespace cmbridge::test {
namespace {

class SessionSchedule : public ScheduleTest {
  protected:
    std::function<void()> closing(std::function<std::vector<Job>(Device &device)> jobs, bool registered) {
        return [=, this] {
            const uint64_t before = machine().poolUsage().blocks;
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
            expectNothingLeft(before);
        };
    }

    // Requests that make and end sessions and registrations, all at once: each does what it says, or says that it was
    // too late.
    std::function<void()> beginning() {
        return [=, this] {
            const uint64_t before = machine().poolUsage().blocks;
            {
                Device device, other;
                EXPECT_EQ(other.hello(), STATUS_SUCCESS);
                NTSTATUS hello[2] = {}, registered = STATUS_SUCCESS, rival = STATUS_SUCCESS;
                Program program = telling();
                std::vector<Job> jobs;
                for (NTSTATUS &status : hello) {
                    jobs.push_back({[&] { status = device.hello(); }});
                }
                jobs.push_back({[&] {
                    const int64_t cookie = registerWith(device, bytesOfProgram(program), kSet, &registered);
                    if (registered == STATUS_SUCCESS) {
                        const NTSTATUS status = unregister(device, cookie);
                        EXPECT_TRUE(status == STATUS_SUCCESS || status == STATUS_INVALID_PARAMETER ||
                                    status == STATUS_FILE_CLOSED || status == STATUS_INVALID_DEVICE_STATE)
                            << status;
                    }
                }});
                // At the same altitude.
                jobs.push_back({[&] {
                    const int64_t cookie = registerWith(other, bytesOfProgram(program), kSet, &rival);
                    if (rival == STATUS_SUCCESS) {
                        EXPECT_EQ(unregister(other, cookie), STATUS_SUCCESS);
                    }
                }});
                jobs.push_back({[&] { device.close(); }});
                together(jobs);
                EXPECT_FALSE(hello[0] == STATUS_SUCCESS && hello[1] == STATUS_SUCCESS);
                for (NTSTATUS status : {hello[0], hello[1], registered, rival}) {
                    EXPECT_TRUE(status == STATUS_SUCCESS || status == STATUS_FILE_CLOSED ||
                                status == STATUS_INVALID_DEVICE_STATE || status == STATUS_DELETE_PENDING ||
                                status == STATUS_FLT_INSTANCE_ALTITUDE_COLLISION)
                        << status;
                }
                // What made them collide is gone.
                EXPECT_EQ(unregister(other, registerWith(other, bytesOfProgram(program), kSet)), STATUS_SUCCESS);
            }
            expectNothingLeft(before);
        };
    }
    std::function<void()> unregistering() {
        return [=, this] {
            const uint64_t before = machine().poolUsage().blocks;
            {
                Device device;
                EXPECT_EQ(device.hello(), STATUS_SUCCESS);
                Program program = blocking(STATUS_ACCESS_DENIED);
                const int64_t cookie = registerWith(device, bytesOfProgram(program), kSet);
                NTSTATUS first = STATUS_SUCCESS, second = STATUS_SUCCESS;
                bool ended = false;
                together({{[&] {
                              first = unregister(device, cookie);
                              ended |= NT_SUCCESS(first);
                          }},
                          {[&] {
                              second = unregister(device, cookie);
                              ended |= NT_SUCCESS(second);
                          }},
                          actor([&] {
                              const bool before = ended;
                              const NTSTATUS status = setValue();
                              EXPECT_TRUE(status == STATUS_SUCCESS || (status == STATUS_ACCESS_DENIED && !before));
                          })});
                EXPECT_NE(first == STATUS_SUCCESS, second == STATUS_SUCCESS);
                EXPECT_EQ(first == STATUS_SUCCESS ? second : first, STATUS_INVALID_PARAMETER);
            }
            expectNothingLeft(before);
        };
    }
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
    expectEach(scenario("RegisterAndClose", closing(jobs, false)), {1});
    expectMany(scenario("RegisterAndCloseOnTwo", closing(jobs, false), 2), 500);
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
    expectEach(scenario("WorkAndClose", closing(jobs, true), 2), {0});
    expectEach(scenario("WorkAndCloseAndOneMore", closing(jobs, true), 2), {1, 1});
    expectMany(scenario("WorkAndCloseAtRandom", closing(jobs, true), 2), 1500);
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
    expectEach(scenario("FreeAndDispatch", body), {0});
    expectEach(scenario("FreeAndDispatchAndOneMore", body), {1, 1});
    expectMany(scenario("FreeAndDispatchOnTwo", body, 2), 1000);
}

TEST_F(SessionSchedule, BeginsAndEndsWhateverComesFirst) {
    expectEach(scenario("Begin", beginning()), {0, 2});
    expectEach(scenario("BeginAndOneMore", beginning()), {1, 1});
    expectMany(scenario("BeginOnTwo", beginning(), 2), 1000);
}

TEST_F(SessionSchedule, EndsARegistrationOnceForWhoeverAsksFirst) {
    expectEach(scenario("Unregister", unregistering()), {1, 2});
    expectMany(scenario("UnregisterOnTwo", unregistering(), 2), 500);
}

} // namespace
} // namespace cmbridge::test
