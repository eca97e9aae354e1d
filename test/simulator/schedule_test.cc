// SPDX-License-Identifier: MIT
//
// The scheduler itself: faults that only some schedules show are found, and found again from what was told.

#include "nt_fixture.h"
#include "schedule/explore.h"

#include <ntifs.h>

#include <functional>

namespace {

// A thread of a process whose job is driver code: its interlocked operations are places to switch.
void postDriver(simulator::Thread &thread, std::function<void()> job) {
    thread.post([job = std::move(job)] {
        SIM_CALL_STATE before;
        SimEnterDriver(&before);
        job();
        SimLeaveDriver(&before, "A job", nullptr);
    });
}

class Schedule : public NtTest {
  protected:
    std::shared_ptr<simulator::Process> process = machine->createProcess({.imagePath = u"C:\\a.exe"});
    bool failed = false;

    schedule::Scenario scenario(std::function<void()> body, int processors = 1) {
        return {.name = "Schedule",
                .processors = processors,
                .body =
                    [this, body = std::move(body)] {
                        failed = false;
                        body();
                    },
                .failed = [this] { return failed; }};
    }

    // Jobs of threads of their own, from the moment on when all are there, until all are done.
    void together(const std::vector<std::function<void()>> &jobs, const std::vector<KPRIORITY> &priorities = {}) {
        std::vector<std::shared_ptr<simulator::Thread>> threads;
        for (size_t i = 0; i < jobs.size(); ++i) {
            threads.push_back(process->createThread());
            threads[i]->run(
                [&] { KeSetPriorityThread(KeGetCurrentThread(), i < priorities.size() ? priorities[i] : 8); });
        }
        schedule::choose(true);
        for (size_t i = 0; i < jobs.size(); ++i) {
            postDriver(*threads[i], jobs[i]);
        }
        threads.clear();
        schedule::choose(false);
    }

    // Two threads add to a number without one operation for it.
    schedule::Scenario lostUpdate(int processors = 1) {
        return scenario(
            [this] {
                LONG count = 0;
                auto add = [&] {
                    LONG read = ReadNoFence(&count);
                    WriteNoFence(&count, read + 1);
                };
                together({add, add});
                failed = count != 2;
            },
            processors);
    }
};

using ScheduleDeathTest = Schedule;

TEST_F(Schedule, FindsALostUpdateWithOnePreemptionAndNoneWithout) {
    schedule::Summary without = schedule::exhaust(lostUpdate(), {0});
    EXPECT_TRUE(without.complete);
    EXPECT_EQ(without.failed, "");
    schedule::Summary with = schedule::exhaust(lostUpdate(), {1});
    EXPECT_FALSE(with.complete);
    EXPECT_NE(with.failed, "");
}

TEST_F(Schedule, RunsAFailureAgainFromWhatItTold) {
    schedule::Summary found = schedule::sample(lostUpdate(), 200);
    ASSERT_NE(found.failed, "");
    for (int i = 0; i < 3; ++i) {
        schedule::Summary again = schedule::replay(lostUpdate(), found.failed);
        EXPECT_EQ(again.failed, found.failed);
        EXPECT_TRUE(failed);
    }
}

TEST_F(Schedule, TakesTheSameWayForTheSameSeed) {
    auto clean = [this] {
        return scenario([this] {
            LONG count = 0;
            auto add = [&] { InterlockedIncrement(&count); };
            together({add, add, add});
            failed = count != 3;
        });
    };
    schedule::Summary first = schedule::sample(clean(), 1, 7), second = schedule::sample(clean(), 1, 7);
    EXPECT_EQ(first.choices, second.choices);
    EXPECT_GT(first.choices, 0u);
    EXPECT_EQ(std::count(first.trace.begin(), first.trace.end(), '\n'),
              std::count(second.trace.begin(), second.trace.end(), '\n'));
    EXPECT_EQ(schedule::sample(clean(), 50).failed, "");
}

// One thread looks, and only then resets what it would have waited for.
TEST_F(ScheduleDeathTest, FindsALostWakeUp) {
    auto lost = scenario([this] {
        KEVENT event;
        KeInitializeEvent(&event, NotificationEvent, FALSE);
        LONG ready = 0;
        together({[&] {
                      if (ReadAcquire(&ready) == 0) {
                          KeResetEvent(&event);
                          KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, nullptr);
                      }
                  },
                  [&] {
                      WriteRelease(&ready, 1);
                      KeSetEvent(&event, 0, FALSE);
                  }});
    });
    EXPECT_DEATH(schedule::exhaust(lost, {1}), "Deadlock: .*waits for a dispatcher object.*CMB_SCHEDULE='Schedule@");
}

TEST_F(ScheduleDeathTest, FindsLocksInTwoOrders) {
    auto crossed = scenario(
        [this] {
            KSPIN_LOCK first, second;
            KeInitializeSpinLock(&first);
            KeInitializeSpinLock(&second);
            auto both = [](PKSPIN_LOCK a, PKSPIN_LOCK b) {
                KIRQL irql;
                KeAcquireSpinLock(a, &irql);
                KeAcquireSpinLockAtDpcLevel(b);
                KeReleaseSpinLockFromDpcLevel(b);
                KeReleaseSpinLock(a, irql);
            };
            together({[&] { both(&first, &second); }, [&] { both(&second, &first); }});
        },
        2);
    EXPECT_DEATH(schedule::exhaust(crossed, {2}), "Deadlock: .*IRQL 2.*waits for a spin lock.*IRQL 2.*CMB_SCHEDULE=");
}

// With one processor nobody else runs while a thread is at DISPATCH_LEVEL; with two the other one does.
TEST_F(Schedule, KeepsTheProcessorAtDispatchLevel) {
    auto raised = [this](int processors) {
        return scenario(
            [this] {
                LONG count = 0;
                auto add = [&] {
                    KIRQL old = KeRaiseIrqlToDpcLevel();
                    LONG read = ReadNoFence(&count);
                    WriteNoFence(&count, read + 1);
                    KeLowerIrql(old);
                };
                together({add, add});
                failed = count != 2;
            },
            processors);
    };
    schedule::Summary one = schedule::exhaust(raised(1), {2}), two = schedule::exhaust(raised(2), {2});
    EXPECT_TRUE(one.complete);
    EXPECT_EQ(one.failed, "");
    EXPECT_NE(two.failed, "");
}

TEST_F(Schedule, RunsTheHigherPriorityFirst) {
    auto ranked = [this](int processors) {
        return scenario(
            [this] {
                LONG low = 0;
                KEVENT event;
                KeInitializeEvent(&event, NotificationEvent, FALSE);
                together({[&] {
                              KeSetEvent(&event, 0, FALSE);
                              InterlockedIncrement(&low);
                          },
                          [&] {
                              KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, nullptr);
                              failed |= ReadNoFence(&low) != 0;
                          }},
                         {4, 12});
            },
            processors);
    };
    schedule::Summary one = schedule::exhaust(ranked(1), {2}), two = schedule::exhaust(ranked(2), {2});
    EXPECT_TRUE(one.complete);
    EXPECT_EQ(one.failed, "");
    EXPECT_NE(two.failed, "");
}

// A timeout of an hour passes at once where nobody can run, and not at all where somebody can.
TEST_F(Schedule, LetsTimePassWhereNobodyCanRun) {
    auto timed = [this](bool comes) {
        return scenario([this, comes] {
            KEVENT event;
            KeInitializeEvent(&event, NotificationEvent, FALSE);
            NTSTATUS status = STATUS_SUCCESS;
            const ULONGLONG before = KeQueryInterruptTime();
            together({[&] {
                          LARGE_INTEGER hour = {.QuadPart = -LONGLONG{36000000000}};
                          status = KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, &hour);
                      },
                      [&] {
                          if (comes) {
                              KeSetEvent(&event, 0, FALSE);
                          }
                      }});
            failed = (status == STATUS_SUCCESS) != comes ||
                     KeQueryInterruptTime() - before != (comes ? 0 : ULONGLONG{36000000000});
        });
    };
    EXPECT_EQ(schedule::exhaust(timed(false), {2}).failed, "");
    EXPECT_EQ(schedule::exhaust(timed(true), {2}).failed, "");
}

// Whoever is stopped holds nobody up who does not need it, and goes on when all others are through.
TEST_F(Schedule, StopsAThreadAtEachOfItsPoints) {
    for (uint64_t at = 1, stopped = true; stopped; ++at) {
        auto frozen = scenario([&] {
            LONG low = 0, seen = -1;
            together({[&] {
                          schedule::freezeAt(at);
                          for (int i = 0; i < 3; ++i) {
                              InterlockedIncrement(&low);
                          }
                          stopped = schedule::wasFrozen();
                      },
                      [&] { seen = ReadNoFence(&low); }});
            failed = low != 3 || (stopped && at <= 3 && seen != static_cast<LONG>(at) - 1);
        });
        EXPECT_EQ(schedule::replay(frozen, "Schedule@").failed, "");
        ASSERT_LT(at, 20u);
    }
}

} // namespace
