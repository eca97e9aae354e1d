// SPDX-License-Identifier: MIT
//
// Runs a scenario under many schedules: all with few preemptions, or random ones. What fails is told as a text from
// which CMB_SCHEDULE runs it again.

#ifndef SIMULATOR_SCHEDULE_EXPLORE_H
#define SIMULATOR_SCHEDULE_EXPLORE_H

#include <cstdint>
#include <functional>
#include <string>

namespace schedule {

struct Scenario {
    // Also tells the schedules of several scenarios of one test apart.
    std::string name;
    // At PASSIVE_LEVEL and APC_LEVEL the highest priorities run, so many at a time; a thread at DISPATCH_LEVEL keeps
    // its processor.
    int processors = 1;
    // Runs on a thread that takes part, with all that it starts and that they start. It begins without choices.
    std::function<void()> body;
    // Whether the run so far has failed.
    std::function<bool()> failed;
};

struct Summary {
    uint64_t schedules = 0;
    // The most choices that one of them had.
    uint64_t choices = 0;
    // No schedule with so few preemptions is left out.
    bool complete = false;
    // Of the first one that failed: what CMB_SCHEDULE takes.
    std::string failed;
    // What the last one did, switch by switch.
    std::string trace;
};

// Every schedule with at most so many preemptions, depth first, `most` at most. Under sanitizers both take fewer.
Summary exhaust(const Scenario &scenario, int preemptions, uint64_t most = 20000);
// Random ones: half of them with priorities of their own that change at a few places, half with a switch now and then.
Summary sample(const Scenario &scenario, uint64_t count, uint64_t seed = 1);
// The one that the text says: "name@" and "number:choice" with commas.
Summary replay(const Scenario &scenario, const std::string &text);

// For threads of a scenario.

// From here on, or no longer, what comes next is a choice. Otherwise a thread runs until it waits.
void choose(bool on);
// The calling thread stops at its count-th point below DISPATCH_LEVEL from here on, for as long as anybody else can run
// or waits with a timeout.
void freezeAt(uint64_t count);
// Whether the calling thread has been stopped so.
bool wasFrozen();

} // namespace schedule

#endif
