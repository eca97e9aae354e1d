// SPDX-License-Identifier: MIT
//
// Runs a scenario under many schedules: all with few preemptions, or random ones. What fails is told as a text from
// which CMB_SCHEDULE runs it again.

#ifndef SIMULATOR_SCHEDULE_EXPLORE_H
#define SIMULATOR_SCHEDULE_EXPLORE_H

#include <cstdint>
#include <functional>
#include <limits>
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

// How far a schedule may be from the one in which each thread runs until it waits, and then the first that can.
struct Bound {
    // How often somebody else may run although the thread could go on.
    int preemptions;
    // How often not the first of those that can run may do so, whatever the reason.
    int departures = std::numeric_limits<int>::max();
};

struct Summary {
    uint64_t schedules = 0;
    // The most choices that one of them had.
    uint64_t choices = 0;
    // No schedule within the bound is left out, or only one was asked for.
    bool complete = false;
    // Of the first one that failed: what CMB_SCHEDULE takes.
    std::string failed;
    // What the last one did, switch by switch.
    std::string trace;
};

// Every schedule within the bound, depth first; it gives up after so many.
Summary exhaust(const Scenario &scenario, Bound bound, uint64_t most = 20000);
// Random ones: half of them with priorities of their own that change at a few places, half with a switch now and then.
// Under sanitizers an eighth of them.
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
// How often threads that were stopped had to go on in this run, because nobody else could.
uint64_t thaws();
// At how many points threads have been in this run.
uint64_t steps();

} // namespace schedule

#endif
