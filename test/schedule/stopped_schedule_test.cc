// SPDX-License-Identifier: MIT
//
// A thread of low priority that is stopped for good, wherever that may be, holds nobody up: what others do ends after a
// bounded number of steps.

#include "test/driver/fixture/body_fixture.h"
#include "test/schedule/schedule_fixture.h"

namespace cmbridge::test {
namespace {

struct Limits {
    uint32_t held = 4;
    // In milliseconds.
    uint32_t deadline = 5000;
    // So long after the thread that is stopped the other one begins.
    int64_t later = 1;
    // A session with a registration that the thread may be in closes at the same time.
    bool closes = false;
};

class StoppedSchedule : public ScheduleTest {
  protected:
    void SetUp() override {
        ScheduleTest::SetUp();
        slow_ = std::make_unique<UserMemory<4096>>();
    }
    void TearDown() override {
        slow_.reset();
        ScheduleTest::TearDown();
    }

    // Of the device whose rules ask about setting values and tell of queries.
    struct Session {
        Device &device;
        int64_t cookie;
        // Set when a query was told of.
        KEVENT told;
    };
    using Deed = std::function<void(Session &)>;

    struct Stopped {
        std::string name;
        Deed deed;
        // It has at least so many points.
        uint64_t points;
    };

    // What the thread does that is stopped.
    std::vector<Stopped> stopped() {
        return {
            {"Set", [this](Session &) { setValue(); }, 80},
            {"Query", [this](Session &) { query(slow_->at(), 4096); }, 40},
            {"Rename", [this](Session &) { rename(); }, 40},
            {"Open", [this](Session &) { open(); }, 40},
            {"Receive",
             [](Session &session) {
                 std::vector<Record> records;
                 session.device.receive(records);
             },
             10},
            {"Rules",
             [this](Session &session) {
                 Program program = rules(5000);
                 setRules(session.device, session.cookie, bytesOfProgram(program));
             },
             20},
        };
    }

    // Stops the thread at each of its points, one after the other, while somebody else does what must not take long.
    void stopEverywhere(const std::string &name, const Stopped &stopped, bool asActor, const Deed &other,
                        const Limits &limits = {}) {
        uint64_t at = 1;
        while (at < kMostPoints && stopAt(name + stopped.name, at, stopped.deed, asActor, other, limits)) {
            at += kStride;
        }
        EXPECT_GE(at, stopped.points) << name << stopped.name;
        EXPECT_TRUE(at < kMostPoints || std::getenv("CMB_SCHEDULE") != nullptr) << name << stopped.name;
    }
    // False: the thread has fewer points, or the schedule has failed.
    bool stopAt(const std::string &name, uint64_t at, const Deed &deed, bool asActor, const Deed &other,
                const Limits &limits) {
        bool wasStopped = true;
        auto body = [&] {
            Device device;
            EXPECT_EQ(device.hello(limits.held), STATUS_SUCCESS);
            Program program = rules(limits.deadline);
            Session session{.device = device,
                            .cookie = registerWith(device, bytesOfProgram(program), kSet | kPostQuery | kNames),
                            .told = {}};
            KeInitializeEvent(&session.told, NotificationEvent, FALSE);
            std::optional<Device> second;
            if (limits.closes) {
                Program telling = this->telling();
                EXPECT_EQ(second.emplace().hello(), STATUS_SUCCESS);
                registerWith(*second, bytesOfProgram(telling), kSet | kPostQuery, nullptr, {.altitude = u"385200"});
            }
            bool through = false;
            auto undisturbed = [&] {
                sleep(limits.later);
                const uint64_t thaws = schedule::thaws(), steps = schedule::steps();
                const ULONGLONG time = KeQueryInterruptTime();
                other(session);
                EXPECT_EQ(schedule::thaws(), thaws);
                EXPECT_LT(schedule::steps() - steps, kMostSteps);
                EXPECT_LT(KeQueryInterruptTime() - time, kMostTime);
                through = true;
                device.cancel();
            };
            std::vector<Job> jobs{actor(
                                      [&] {
                                          schedule::freezeAt(at);
                                          deed(session);
                                          wasStopped = schedule::wasFrozen();
                                          schedule::freezeAt(0);
                                      },
                                      4),
                                  {undisturbed, 8, asActor},
                                  {[&] { serve(session, through); }}};
            if (second) {
                jobs.push_back({[&] {
                    sleep(limits.later);
                    second->close();
                }});
            }
            together(jobs);
            // What the stopped thread asked expired, or was answered.
            EXPECT_EQ(unregister(device, session.cookie), STATUS_SUCCESS);
        };
        const bool failed = !schedule::sample(scenario(name + std::to_string(at), body), 1, at).failed.empty();
        return wasStopped && !failed;
    }

    NTSTATUS query(void *output, ULONG size) const {
        UNICODE_STRING name{};
        ULONG length = 0;
        return NtQueryValueKey(keyHandle(), &name, KeyValuePartialInformation, output, size, &length);
    }
    void open() const {
        std::u16string name = path();
        UNICODE_STRING text = unicode(name);
        OBJECT_ATTRIBUTES object = attributes(text);
        HANDLE key = nullptr;
        EXPECT_EQ(NtOpenKey(&key, KEY_ALL_ACCESS, &object), STATUS_SUCCESS);
        setOther(key);
        NtClose(key);
    }
    void rename() const {
        HANDLE key = nullptr;
        std::u16string name = u"Low", renamed = u"High";
        UNICODE_STRING text = unicode(name), next = unicode(renamed);
        OBJECT_ATTRIBUTES object = attributes(text, keyHandle());
        EXPECT_EQ(NtCreateKey(&key, KEY_ALL_ACCESS, &object, 0, nullptr, REG_OPTION_NON_VOLATILE, nullptr),
                  STATUS_SUCCESS);
        EXPECT_EQ(NtRenameKey(key, &next), STATUS_SUCCESS);
        EXPECT_EQ(NtDeleteKey(key), STATUS_SUCCESS);
        NtClose(key);
    }

    void ask() const { EXPECT_EQ(setValue(), STATUS_ACCESS_DENIED); }
    void tell(Session &session) const {
        uint64_t output[8];
        query(output, sizeof(output));
        KeWaitForSingleObject(&session.told, Executive, KernelMode, FALSE, nullptr);
    }

  private:
    static constexpr uint64_t kPostQuery = bit(RegNtPostQueryValueKey);
    static constexpr uint64_t kNames = bit(RegNtPostRenameKey) | bit(RegNtPostOpenKeyEx) | bit(RegNtPostCreateKeyEx);
    // Of virtual time, which stands still while anybody can run: 100 ms.
    static constexpr ULONGLONG kMostTime = 1000000;
    static constexpr uint64_t kMostSteps = 2000;
    static constexpr uint64_t kMostPoints = 1000;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    static constexpr uint64_t kStride = 11;
#else
    static constexpr uint64_t kStride = 1;
#endif

    static void setOther(HANDLE key) {
        std::u16string name = u"other";
        UNICODE_STRING text = unicode(name);
        ULONG data = 1;
        NtSetValueKey(key, &text, 0, REG_DWORD, &data, sizeof(data));
    }
    Program rules(uint32_t deadline) const {
        TestRule ask = setting(), tell = setting(kPostQuery);
        ask.action = CMB_ACTION_ASK;
        Program program = buildProgram({ask, tell, {.classes = kNames}});
        program.rule(0).Deadline = deadline;
        return program;
    }
    // Answers each question at once, until what the other does is through.
    void serve(Session &session, const bool &through) {
        std::vector<Record> records;
        while (!through && session.device.receive(records) == STATUS_SUCCESS) {
            for (const Record &record : std::exchange(records, {})) {
                if (record.isDecided() && (record.decided().Flags & CMB_DECIDED_HELD)) {
                    answer(session.device, block(record));
                } else if (record->NotifyClass == RegNtPostQueryValueKey) {
                    KeSetEvent(&session.told, 0, FALSE);
                }
            }
        }
    }

    std::unique_ptr<UserMemory<4096>> slow_;
};

TEST_F(StoppedSchedule, AnswersWhatAnotherThreadAsks) {
    for (const Stopped &stopped : stopped()) {
        stopEverywhere("Ask", stopped, true, [this](Session &) { ask(); });
    }
}

// The only slot is free once the deadline of the question in it has passed, whether or not its thread gets to run.
TEST_F(StoppedSchedule, AnswersWhereTheThreadIsHeldBeyondItsDeadline) {
    const Limits one{.held = 1, .deadline = CMB_MIN_DEADLINE, .later = 2 * CMB_MIN_DEADLINE};
    stopEverywhere(
        "Expired", stopped().front(), true, [this](Session &) { ask(); }, one);
}

TEST_F(StoppedSchedule, DeliversWhatAnotherThreadDoes) {
    for (const Stopped &stopped : stopped()) {
        stopEverywhere("Tell", stopped, true, [this](Session &session) { tell(session); });
    }
}

TEST_F(StoppedSchedule, ClosesAnotherSession) {
    for (const Stopped &stopped : stopped()) {
        stopEverywhere("Close", stopped, false, [](Session &) {
            Device other;
            EXPECT_EQ(other.hello(), STATUS_SUCCESS);
            other.close();
        });
    }
}

// A registration is gone when nobody is in its callbacks, which is the system's condition: but that wait is nobody
// else's.
TEST_F(StoppedSchedule, AnswersWhileAnotherRegistrationGoes) {
    for (const Stopped &stopped : stopped()) {
        stopEverywhere("Gone", stopped, true, [this](Session &) { ask(); }, {.closes = true});
    }
}

TEST_F(StoppedSchedule, ChangesRules) {
    for (const Stopped &stopped : stopped()) {
        stopEverywhere("Change", stopped, false, [this](Session &session) {
            Program program = telling();
            EXPECT_EQ(setRules(session.device, session.cookie, bytesOfProgram(program)), STATUS_SUCCESS);
        });
    }
}

} // namespace
} // namespace cmbridge::test
