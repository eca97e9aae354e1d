// SPDX-License-Identifier: MIT
//
// The threads of a schedule, who of them can run, and handing over.

#include "run.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace schedule {

constinit thread_local Thread *self = nullptr;

// A run that makes so many steps is taken to go in circles.
constexpr uint64_t kMostSteps = 2000000;

static constexpr uint8_t kDispatchLevel = 2;
static constexpr int32_t kNormalPriority = 8;

static uint8_t irqlOf(const Thread &thread) {
    return thread.irql != nullptr ? *thread.irql : 0;
}

static int32_t priorityOf(const Thread &thread) {
    return thread.priority != nullptr ? thread.priority->load() : kNormalPriority;
}

static bool runnable(const Run &run, const Thread &thread) {
    return !thread.done && !thread.frozen &&
           (thread.waitsFor == nullptr || thread.deadline <= run.now || (thread.ready && thread.ready()));
}

// The calling thread first, then by priority. Threads at DISPATCH_LEVEL have a processor, also when they spin; what is
// left of the processors belongs to the highest priorities of the others.
static std::vector<Thread *> candidates(const Run &run) {
    std::vector<Thread *> found, ready;
    int free = run.processors;
    for (const auto &thread : run.threads) {
        const bool holds = !thread->done && irqlOf(*thread) >= kDispatchLevel;
        free -= holds;
        if (runnable(run, *thread)) {
            (holds ? found : ready).push_back(thread.get());
        }
    }
    for (Thread *thread : ready) {
        const auto above = std::count_if(ready.begin(), ready.end(),
                                         [&](const Thread *other) { return priorityOf(*other) > priorityOf(*thread); });
        if (above < free) {
            found.push_back(thread);
        }
    }
    std::stable_sort(found.begin(), found.end(), [](const Thread *a, const Thread *b) {
        return (a == self) != (b == self) ? a == self : priorityOf(*a) > priorityOf(*b);
    });
    const auto active = [](const Thread *thread) { return !thread->paused; };
    if (std::any_of(found.begin(), found.end(), active)) {
        found.erase(std::remove_if(found.begin(), found.end(), [&](Thread *t) { return !active(t); }), found.end());
    }
    return found;
}

// Nobody can run: time goes on to the first timeout, or else those run that were stopped. False: it is a deadlock.
static bool goOn(Run &run) {
    int64_t first = kNever;
    bool frozen = false;
    for (const auto &thread : run.threads) {
        if (!thread->done) {
            frozen |= thread->frozen;
            first = thread->frozen ? first : std::min(first, thread->deadline);
        }
    }
    if (first != kNever) {
        run.now = std::max(run.now, first);
        return true;
    }
    for (const auto &thread : run.threads) {
        thread->frozen = false;
    }
    run.thaws += frozen;
    return frozen;
}

void die(const Run &run, const char *why) {
    fprintf(stderr, "*** %s\n", why);
    for (const auto &thread : run.threads) {
        if (!thread->done) {
            fprintf(stderr, "    %s (IRQL %u, priority %d) %s %s (%p)\n", thread->name.c_str(), irqlOf(*thread),
                    priorityOf(*thread), thread->waitsFor != nullptr ? "waits for" : "is at",
                    thread->waitsFor != nullptr ? thread->waitsFor : thread->at,
                    const_cast<const void *>(thread->where));
        }
    }
    abort();
}

static Thread *pickNext(Run &run) {
    if (++run.steps > kMostSteps) {
        die(run, "The schedule does not end.");
    }
    std::vector<Thread *> found = candidates(run);
    while (found.empty()) {
        if (!goOn(run)) {
            die(run, "Deadlock: no thread can run, and none waits with a timeout.");
        }
        found = candidates(run);
    }
    size_t choice = 0;
    if (run.choosing && found.size() > 1) {
        choice = run.choose(found);
    }
    Thread *next = found[choice];
    next->paused = false;
    for (const auto &thread : run.threads) {
        // Who only looked may look again once somebody else has done something.
        thread->paused = thread->paused && next == self;
    }
    if (next != self) {
        run.note(*self, *next);
    }
    return next;
}

static void awaitTurn(Run &run, Thread &thread, std::unique_lock<std::mutex> &lock) {
    // Only what the scheduler does not know can hold the others up for so long.
    constexpr auto kPatience = std::chrono::seconds(60);
    uint64_t seen = run.handovers;
    while (!thread.turn.wait_for(lock, kPatience, [&] { return run.running == &thread; })) {
        if (seen == run.handovers) {
            die(run, "A thread of the schedule waits for something that the scheduler does not know of.");
        }
        seen = run.handovers;
    }
}

static void handOver(Run &run, Thread &next) {
    ++run.handovers;
    run.running = &next;
    next.turn.notify_one();
}

static void turn(Run &run) {
    Thread *next = pickNext(run);
    if (next == self) {
        return;
    }
    std::unique_lock lock(run.lock);
    handOver(run, *next);
    awaitTurn(run, *self, lock);
}

void point(const char *what, const volatile void *where) {
    Run &run = *self->run;
    self->at = what;
    self->where = where;
    if (self->freezeIn != 0 && irqlOf(*self) < kDispatchLevel && --self->freezeIn == 0) {
        self->frozen = self->wasFrozen = true;
    }
    turn(run);
}

void pause() {
    self->run->now += 10;
    self->paused = true;
    point("a pause", nullptr);
}

static bool waitUntil(const char *what, const volatile void *where, std::function<bool()> ready, int64_t deadline) {
    Thread &thread = *self;
    thread.waitsFor = what;
    thread.where = where;
    thread.ready = std::move(ready);
    thread.deadline = deadline;
    turn(*thread.run);
    const bool inTime = deadline == kNever || thread.ready();
    thread.waitsFor = nullptr;
    thread.ready = nullptr;
    thread.deadline = kNever;
    return inTime;
}

bool block(const char *what, const volatile void *where, std::function<bool()> ready) {
    return waitUntil(what, where, std::move(ready), kNever);
}

bool block(const char *what, const volatile void *where, std::function<bool()> ready, int64_t patience) {
    return waitUntil(what, where, std::move(ready), self->run->now + patience);
}

void park(const char *what, const volatile void *where) {
    Thread &thread = *self;
    thread.parked = true;
    block(what, where, [&thread] { return !thread.parked; });
}

void wake(const volatile void *where) {
    for (const auto &thread : self->run->threads) {
        thread->parked = thread->parked && thread->where != where;
    }
}

int64_t now() {
    return self->run->now;
}

int processors() {
    return self->run->processors;
}

int processor() {
    return self->number % self->run->processors;
}

void watch(const uint8_t *irql, const std::atomic<int32_t> *priority) {
    if (self != nullptr) {
        self->irql = irql;
        self->priority = priority;
    }
}

Thread &add(Run &run, const char *name) {
    auto thread = std::make_unique<Thread>();
    thread->run = &run;
    thread->number = static_cast<int>(run.threads.size());
    thread->name = name + (" " + std::to_string(run.threads.size()));
    run.threads.push_back(std::move(thread));
    return *run.threads.back();
}

void enter(Thread &thread) {
    self = &thread;
    std::unique_lock lock(thread.run->lock);
    awaitTurn(*thread.run, thread, lock);
}

// Whoever joins the thread finds that it is through, and waits no longer than an OS thread takes to end.
void leave() {
    Run &run = *self->run;
    self->done = true;
    self->irql = nullptr;
    self->priority = nullptr;
    Thread *next = pickNext(run);
    std::lock_guard lock(run.lock);
    handOver(run, *next);
    self = nullptr;
}

std::thread start(const char *name, std::function<void()> body) {
    if (!active()) {
        return std::thread(std::move(body));
    }
    Thread &thread = add(*self->run, name);
    std::thread started([&thread, body = std::move(body)]() mutable {
        enter(thread);
        body();
        // What it holds ends inside of the schedule.
        body = nullptr;
        leave();
    });
    thread.os = started.get_id();
    return started;
}

void join(std::thread &thread) {
    if (active()) {
        const auto &threads = self->run->threads;
        const auto found = std::find_if(threads.begin(), threads.end(), [&](const auto &other) {
            return other->os == thread.get_id() && !other->done;
        });
        // There may be more of them before this one is through.
        if (Thread *other = found == threads.end() ? nullptr : found->get()) {
            block("the end of a thread", other, [other] { return other->done; });
        }
    }
    thread.join();
}

void freezeAt(uint64_t count) {
    self->freezeIn = count;
    self->wasFrozen = false;
}

bool wasFrozen() {
    return self->wasFrozen;
}

uint64_t thaws() {
    return self->run->thaws;
}

uint64_t steps() {
    return self->run->steps;
}

void choose(bool on) {
    self->run->choosing = on;
}

} // namespace schedule
