// SPDX-License-Identifier: MIT
//
// Which schedules are run, and how one is told and run again.

#include "run.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <sstream>

extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace schedule {

// Sanitizers make each schedule several times slower; what they add is seen in few as well as in many.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kShare = 8;
#else
constexpr uint64_t kShare = 1;
#endif

namespace {

// One place where several threads could run.
struct Choice {
    size_t taken;
    size_t count;
    // The calling thread could go on: somebody else is a preemption.
    bool couldGoOn;

    bool preempts() const { return couldGoOn && taken != 0; }
};

using Chooser = std::function<size_t(uint64_t number, const std::vector<Thread *> &found)>;

struct Current {
    const Scenario *scenario = nullptr;
    Run *run = nullptr;
    std::vector<Choice> choices;
};
Current current;

} // namespace

void Run::note(const Thread &from, const Thread &to) {
    constexpr size_t kMost = 4000;
    if (switches.size() == kMost) {
        switches.erase(switches.begin(), switches.begin() + kMost / 2);
    }
    const bool waits = from.waitsFor != nullptr;
    switches.push_back({&from, &to,
                        from.done ? "its end"
                        : waits   ? from.waitsFor
                                  : from.at,
                        from.where, waits, choices});
}

static std::string text() {
    std::string said = current.scenario->name + "@";
    for (size_t i = 0; i < current.choices.size(); ++i) {
        if (current.choices[i].taken != 0) {
            said +=
                (said.back() == '@' ? "" : ",") + std::to_string(i) + ":" + std::to_string(current.choices[i].taken);
        }
    }
    return said;
}

static std::string trace(const Run &run) {
    std::ostringstream out;
    for (const Switch &s : run.switches) {
        out << "    " << s.choice << ": " << s.from->name << (s.waits ? " waits for " : " is at ") << s.at << " ("
            << const_cast<const void *>(s.where) << "), " << s.to->name << " runs\n";
    }
    return out.str();
}

static void tell(const std::string &schedule) {
    fprintf(stderr, "*** This schedule failed: CMB_SCHEDULE='%s' runs it again.\n", schedule.c_str());
}

// Also from a handler of a signal, when the process ends anyway.
static void tellOfEnd() {
    if (current.run != nullptr) {
        tell(text());
        current.run = nullptr;
    }
}

static void onSignal(int number) {
    std::signal(number, SIG_DFL);
    tellOfEnd();
    std::raise(number);
}

namespace {
// While one of these is there an end of the process tells of the schedule.
class Mortal {
  public:
    Mortal() {
        if (__sanitizer_set_death_callback != nullptr) {
            __sanitizer_set_death_callback(tellOfEnd);
        } else {
            segv_ = std::signal(SIGSEGV, onSignal);
        }
        abort_ = std::signal(SIGABRT, onSignal);
    }
    ~Mortal() {
        current = {};
        std::signal(SIGABRT, abort_);
        if (__sanitizer_set_death_callback == nullptr) {
            std::signal(SIGSEGV, segv_);
        }
    }
    Mortal(const Mortal &) = delete;
    Mortal &operator=(const Mortal &) = delete;

  private:
    void (*abort_)(int) = nullptr;
    void (*segv_)(int) = nullptr;
};
} // namespace

// True: the run was well.
static bool runOnce(const Scenario &scenario, const Chooser &chooser, Summary &summary) {
    Run run;
    run.processors = scenario.processors;
    current = {&scenario, &run, {}};
    run.choose = [&](const std::vector<Thread *> &found) {
        const size_t taken = std::min(chooser(run.choices, found), found.size() - 1);
        current.choices.push_back({taken, found.size(), found[0] == self});
        ++run.choices;
        return taken;
    };
    Thread &first = add(run, "The scenario");
    run.running = &first;
    std::thread thread([&] {
        enter(first);
        scenario.body();
        choose(false);
        block("the end of all threads", &run, [&] {
            return std::all_of(run.threads.begin(), run.threads.end(),
                               [&](const auto &other) { return other->done || other.get() == &first; });
        });
        self = nullptr;
    });
    thread.join();
    current.run = nullptr;
    ++summary.schedules;
    summary.choices = std::max(summary.choices, run.choices);
    summary.trace = trace(run);
    if (scenario.failed()) {
        summary.failed = text();
        tell(summary.failed);
        return false;
    }
    return true;
}

// A schedule of the environment takes the place of all others; those of other scenarios are none of ours.
static bool fromEnvironment(const Scenario &scenario, Summary &summary) {
    const char *wanted = std::getenv("CMB_SCHEDULE");
    if (wanted == nullptr) {
        return false;
    }
    const std::string said = wanted;
    if (said.substr(0, said.find('@')) == scenario.name) {
        summary = replay(scenario, said);
        fprintf(stderr, "%s", summary.trace.c_str());
    }
    return true;
}

static uint64_t fromEnvironment(const char *name, uint64_t otherwise) {
    const char *wanted = std::getenv(name);
    return wanted == nullptr ? otherwise : std::strtoull(wanted, nullptr, 10);
}

Summary replay(const Scenario &scenario, const std::string &said) {
    Mortal mortal;
    Summary summary;
    std::map<uint64_t, size_t> taken;
    std::istringstream in(said.substr(said.find('@') + 1));
    uint64_t number;
    size_t choice;
    char colon;
    while (in >> number >> colon >> choice) {
        taken[number] = choice;
        in >> colon;
    }
    runOnce(
        scenario, [&](uint64_t at, const auto &) { return taken.contains(at) ? taken[at] : 0; }, summary);
    return summary;
}

Summary exhaust(const Scenario &scenario, Bound bound, uint64_t most) {
    Summary summary;
    if (fromEnvironment(scenario, summary)) {
        summary.complete = true;
        return summary;
    }
    Mortal mortal;
    std::vector<Choice> prefix;
    const auto chooser = [&](uint64_t at, const auto &) { return at < prefix.size() ? prefix[at].taken : 0; };
    while (summary.schedules < most && runOnce(scenario, chooser, summary)) {
        // The last place where something else may be taken.
        std::vector<Choice> done = std::move(current.choices);
        auto preemptions = std::count_if(done.begin(), done.end(), [](const Choice &c) { return c.preempts(); });
        auto departures = std::count_if(done.begin(), done.end(), [](const Choice &c) { return c.taken != 0; });
        for (;; done.pop_back()) {
            if (done.empty()) {
                summary.complete = true;
                return summary;
            }
            Choice &last = done.back();
            preemptions -= last.preempts();
            departures -= last.taken != 0;
            if (last.taken + 1 < last.count && departures < bound.departures &&
                (preemptions < bound.preemptions || !last.couldGoOn)) {
                ++last.taken;
                break;
            }
        }
        prefix = std::move(done);
    }
    return summary;
}

Summary sample(const Scenario &scenario, uint64_t count, uint64_t seed) {
    Summary summary;
    if (fromEnvironment(scenario, summary)) {
        return summary;
    }
    Mortal mortal;
    count = fromEnvironment("CMB_SCHEDULES", std::max<uint64_t>(count / kShare, 1));
    seed = fromEnvironment("CMB_SCHEDULE_SEED", seed);
    while (summary.schedules < count) {
        std::mt19937_64 random(seed + summary.schedules);
        const uint64_t length = std::max<uint64_t>(summary.choices, 16);
        // Priorities: who has the highest rank runs, and at a few places the one that runs falls behind all others.
        std::vector<uint64_t> falls(1 + random() % 4);
        std::generate(falls.begin(), falls.end(), [&] { return random() % length; });
        // Or a switch at every n-th place or so.
        const uint64_t every = uint64_t{2} << random() % 6;
        const bool byRank = random() % 2 == 0;
        const auto chooser = [&](uint64_t at, const std::vector<Thread *> &found) -> size_t {
            if (!byRank) {
                return found[0] == self && random() % every != 0 ? 0 : random() % found.size();
            }
            for (Thread *thread : found) {
                thread->rank = thread->rank != 0 ? thread->rank : (random() >> 1) + length;
            }
            if (std::find(falls.begin(), falls.end(), at) != falls.end()) {
                found[0]->rank = length - std::min(at, length - 1);
            }
            return static_cast<size_t>(
                std::max_element(found.begin(), found.end(), [](auto *a, auto *b) { return a->rank < b->rank; }) -
                found.begin());
        };
        if (!runOnce(scenario, chooser, summary)) {
            break;
        }
    }
    return summary;
}

} // namespace schedule
