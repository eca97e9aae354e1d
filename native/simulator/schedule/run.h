// SPDX-License-Identifier: MIT
//
// One run of a scenario.

#ifndef SIMULATOR_SCHEDULE_RUN_H
#define SIMULATOR_SCHEDULE_RUN_H

#include "explore.h"
#include "schedule.h"

#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace schedule {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

struct Run;

// Read and written by whichever thread runs.
struct Thread {
    Run *run = nullptr;
    int number = 0;
    std::string name;
    std::thread::id os;
    std::condition_variable turn;
    const uint8_t *irql = nullptr;
    const std::atomic<int32_t> *priority = nullptr;
    bool done = false;
    // Its last point, or what it waits for.
    const char *at = "its beginning";
    const char *waitsFor = nullptr;
    const volatile void *where = nullptr;
    std::function<bool()> ready;
    int64_t deadline = kNever;
    bool parked = false;
    bool paused = false;
    bool frozen = false;
    bool wasFrozen = false;
    uint64_t freezeIn = 0;
    // By which random schedules may go.
    uint64_t rank = 0;
};

struct Switch {
    const Thread *from;
    const Thread *to;
    const char *at;
    const volatile void *where;
    bool waits;
    uint64_t choice;
};

struct Run {
    std::mutex lock;
    // Under the lock; the rest belongs to the thread that it names.
    Thread *running = nullptr;
    uint64_t handovers = 0;
    std::vector<std::unique_ptr<Thread>> threads;
    int processors = 1;
    int64_t now = 0;
    uint64_t steps = 0;
    uint64_t thaws = 0;
    bool choosing = false;
    // Which of several threads runs next. The first goes on, if it is the calling one.
    std::function<size_t(const std::vector<Thread *> &)> choose;
    uint64_t choices = 0;
    // The latest ones.
    std::vector<Switch> switches;

    void note(const Thread &from, const Thread &to);
};

Thread &add(Run &run, const char *name);
void enter(Thread &thread);
void leave();
// Says why and who waits for what, and ends the process.
[[noreturn]] void die(const Run &run, const char *why);

} // namespace schedule

#endif
