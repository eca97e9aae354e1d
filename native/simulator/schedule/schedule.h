// SPDX-License-Identifier: MIT
//
// What the machine tells the scheduler of the native tests: where another thread may run, who waits for what, and which
// threads begin and end. Without CMB_SCHEDULE all of it is nothing.
//
// While a schedule runs, one OS thread of it runs at any time. What the machine keeps under locks of its own needs no
// lock against the others then, as long as no point lies inside of such a lock.

#ifndef SIMULATOR_SCHEDULE_SCHEDULE_H
#define SIMULATOR_SCHEDULE_SCHEDULE_H

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace schedule {

#ifdef CMB_SCHEDULE

struct Thread;
// The calling thread's part in a schedule, or NULL.
extern constinit thread_local Thread *self;

inline bool active() {
    return self != nullptr;
}

// The rest is for threads that take part.

// Another thread may run here. `where` is for the trace.
void point(const char *what, const volatile void *where);
// The thread looks for something that only another thread can bring: the others run first. Time goes on by 1 us.
void pause();
// Waits until `ready`, which whatever thread runs may ask, or until so much time has passed (100 ns). False: it has.
bool block(const char *what, const volatile void *where, std::function<bool()> ready);
bool block(const char *what, const volatile void *where, std::function<bool()> ready, int64_t patience);
// Waits until somebody wakes the place.
void park(const char *what, const volatile void *where);
void wake(const volatile void *where);
// Units of 100 ns since the schedule began.
int64_t now();
int processors();
// One of them, for the calling thread: the same all the time, although it may run on any.
int processor();
// Where the IRQL and the priority of the calling thread stand. NULL: PASSIVE_LEVEL and 8.
void watch(const uint8_t *irql, const std::atomic<int32_t> *priority);

// An OS thread that takes part if its creator does.
std::thread start(const char *name, std::function<void()> body);
void join(std::thread &thread);

// condition_variable::wait with the predicate.
template <typename Ready>
void await(std::condition_variable &changed, std::unique_lock<std::mutex> &lock, const char *what, Ready ready) {
    if (!active()) {
        changed.wait(lock, ready);
        return;
    }
    if (!ready()) {
        lock.unlock();
        block(what, &changed, ready);
        lock.lock();
    }
}

// A mutex that is held while drivers run: who waits for it waits as a thread of the schedule.
template <typename Mutex> class Lock {
  public:
    void lock() {
        take([this] { return mutex_.try_lock(); }, [this] { mutex_.lock(); });
    }
    void unlock() {
        mutex_.unlock();
        passOn();
    }
    void lock_shared() {
        take([this] { return mutex_.try_lock_shared(); }, [this] { mutex_.lock_shared(); });
    }
    void unlock_shared() {
        mutex_.unlock_shared();
        passOn();
    }

  private:
    template <typename Try, typename Wait> void take(Try attempt, Wait wait) {
        if (!active()) {
            wait();
            return;
        }
        while (!attempt()) {
            park("a mutex of the machine", this);
        }
    }
    void passOn() {
        if (active()) {
            wake(this);
        }
    }
    Mutex mutex_;
};

#else

inline constexpr bool active() {
    return false;
}
inline void point(const char *, const volatile void *) {}
inline void pause() {}
template <typename Ready> bool block(const char *, const volatile void *, Ready) {
    return true;
}
template <typename Ready> bool block(const char *, const volatile void *, Ready, int64_t) {
    return true;
}
inline void park(const char *, const volatile void *) {}
inline void wake(const volatile void *) {}
inline int64_t now() {
    return 0;
}
inline int processors() {
    return 1;
}
inline int processor() {
    return 0;
}
inline void watch(const uint8_t *, const std::atomic<int32_t> *) {}
template <typename Body> std::thread start(const char *, Body body) {
    return std::thread(std::move(body));
}
inline void join(std::thread &thread) {
    thread.join();
}
template <typename Ready>
void await(std::condition_variable &changed, std::unique_lock<std::mutex> &lock, const char *, Ready ready) {
    changed.wait(lock, ready);
}
template <typename Mutex> using Lock = Mutex;

#endif

} // namespace schedule

#endif
