// SPDX-License-Identifier: MIT
//
// Rules that change while callbacks decide by them, while others change them, and while their registration ends.

#include "test/schedule/schedule_fixture.h"

namespace cmbridge::test {
namespace {

constexpr NTSTATUS kFirst = STATUS_ACCESS_DENIED;
constexpr NTSTATUS kSecond = STATUS_INVALID_PARAMETER;
constexpr NTSTATUS kThird = STATUS_NOT_SUPPORTED;

class RulesSchedule : public ScheduleTest {
  protected:
    // Who begins after SET_RULES has returned is decided about by the new rules, whatever was remembered of the key.
    std::function<void()> changing(int sets, bool ignored) {
        return [=, this] {
            Device device;
            EXPECT_EQ(device.hello(), STATUS_SUCCESS);
            Program first = ignored ? ignoring() : blocking(kFirst), second = blocking(kSecond);
            const NTSTATUS before = ignored ? STATUS_SUCCESS : kFirst;
            const int64_t cookie = registerWith(device, bytesOfProgram(first), kSet);
            together({actor([&] { EXPECT_EQ(setValue(), before); })}, false);
            bool changed = false;
            together({{[&] {
                          EXPECT_EQ(setRules(device, cookie, bytesOfProgram(second)), STATUS_SUCCESS);
                          changed = true;
                      }},
                      actor([&] {
                          for (int i = 0; i < sets; ++i) {
                              const bool late = changed;
                              const NTSTATUS status = setValue();
                              EXPECT_TRUE(status == kSecond || (status == before && !late));
                          }
                      })});
            together({actor([this] { EXPECT_EQ(setValue(), kSecond); })}, false);
            EXPECT_EQ(unregister(device, cookie), STATUS_SUCCESS);
        };
    }

    // Rules about another key.
    Program ignoring() const {
        TestRule rule{.classes = kSet, .keys = {RulesetTest::key(u"\\other")}};
        return buildProgram({rule});
    }

    // The rules that are in force last are those of the request that was served last, and each request has a number of
    // its own, which records tell.
    std::function<void()> changingTwice() {
        return [=, this] {
            Device device;
            EXPECT_EQ(device.hello(), STATUS_SUCCESS);
            Program first = blocking(kFirst), second = blocking(kSecond), third = blocking(kThird);
            const int64_t cookie = registerWith(device, bytesOfProgram(first), kSet | kPostSet);
            int served = 0;
            std::vector<std::pair<NTSTATUS, int>> ends;
            auto change = [&](const Program &program, NTSTATUS status) {
                const int before = served;
                EXPECT_EQ(setRules(device, cookie, bytesOfProgram(program)), STATUS_SUCCESS);
                ends.push_back({status, before});
                ++served;
            };
            together({{[&] { change(second, kSecond); }}, {[&] { change(third, kThird); }}, actor([&] {
                          const int before = served;
                          const NTSTATUS status = setValue();
                          EXPECT_TRUE(status == kSecond || status == kThird || (status == kFirst && before == 0));
                      })});
            NTSTATUS last = STATUS_SUCCESS;
            together({actor([&] { last = setValue(); })}, false);
            // One that began after the other had ended is the last one.
            EXPECT_TRUE(last == ends[1].first || (last == ends[0].first && ends[1].second == 0));
            std::vector<Record> records;
            while (records.size() < 2) {
                EXPECT_EQ(device.receive(records), STATUS_SUCCESS);
            }
            EXPECT_EQ(records[1].decided().Ruleset, 3u);
            EXPECT_EQ(unregister(device, cookie), STATUS_SUCCESS);
        };
    }

    // Records under the new rules have higher numbers than the one that SET_RULES tells.
    std::function<void()> numbering() {
        return [=, this] {
            Device device;
            EXPECT_EQ(device.hello(), STATUS_SUCCESS);
            Program first = blocking(kFirst), second = blocking(kSecond);
            const int64_t cookie = registerWith(device, bytesOfProgram(first), kSet | kPostSet);
            uint64_t sequence = 0;
            together({{[&] { EXPECT_EQ(setRules(device, cookie, bytesOfProgram(second), &sequence), STATUS_SUCCESS); }},
                      actor([&] { setValue(); }),
                      actor([&] { setValue(); })});
            std::vector<Record> records;
            while (records.size() < 2) {
                EXPECT_EQ(device.receive(records), STATUS_SUCCESS);
            }
            for (const Record &record : records) {
                EXPECT_TRUE(record.decided().Ruleset == 1 || record->Sequence > sequence);
            }
            EXPECT_EQ(unregister(device, cookie), STATUS_SUCCESS);
        };
    }

    std::function<void()> ending(bool closes) {
        return [=, this] {
            const uint64_t blocks = machine().poolUsage().blocks;
            {
                Device device;
                EXPECT_EQ(device.hello(), STATUS_SUCCESS);
                Program first = blocking(kFirst), second = blocking(kSecond);
                const int64_t cookie = registerWith(device, bytesOfProgram(first), kSet);
                bool ended = false;
                NTSTATUS changed = STATUS_SUCCESS;
                together({{[&] { changed = setRules(device, cookie, bytesOfProgram(second)); }},
                          actor([&] {
                              const bool before = ended;
                              const NTSTATUS status = setValue();
                              EXPECT_TRUE(status == STATUS_SUCCESS ||
                                          ((status == kFirst || status == kSecond) && !before));
                          }),
                          {[&] {
                              if (closes) {
                                  device.close();
                              } else {
                                  EXPECT_EQ(unregister(device, cookie), STATUS_SUCCESS);
                              }
                              ended = true;
                          }}});
                EXPECT_TRUE(changed == STATUS_SUCCESS || changed == STATUS_INVALID_PARAMETER ||
                            (closes && (changed == STATUS_FILE_CLOSED || changed == STATUS_INVALID_DEVICE_STATE)))
                    << changed;
            }
            expectNothingLeft(blocks);
        };
    }

    // Somebody is asked about by the old rules, and has the answer only after the new ones are in force.
    std::function<void()> asked() {
        return [=, this] {
            Device device;
            EXPECT_EQ(device.hello(), STATUS_SUCCESS);
            Program first = asking(), second = telling();
            const int64_t cookie = registerWith(device, bytesOfProgram(first), kSet);
            KEVENT question;
            KeInitializeEvent(&question, NotificationEvent, FALSE);
            const ULONGLONG before = KeQueryInterruptTime();
            together({actor([&] { EXPECT_EQ(setValue(), STATUS_ACCESS_DENIED); }),
                      {[&] {
                          std::vector<Record> records;
                          while (records.empty()) {
                              EXPECT_EQ(device.receive(records), STATUS_SUCCESS);
                          }
                          KeSetEvent(&question, 0, FALSE);
                          EXPECT_EQ(setRules(device, cookie, bytesOfProgram(second)), STATUS_SUCCESS);
                          EXPECT_EQ(answer(device, block(records[0])), static_cast<UINT32>(CMB_REPLY_ACCEPTED));
                      }},
                      {[&] {
                          KeWaitForSingleObject(&question, Executive, KernelMode, FALSE, nullptr);
                          EXPECT_EQ(setRules(device, cookie, bytesOfProgram(second)), STATUS_SUCCESS);
                      }}});
            // No deadline had to pass.
            EXPECT_LT(KeQueryInterruptTime() - before, 1000000u);
            EXPECT_EQ(unregister(device, cookie), STATUS_SUCCESS);
        };
    }

    // A thread of low priority is stopped at its at-th point while it sets a value. The rules are replaced before it
    // goes on, and what it has used goes with it. FALSE: it has fewer points.
    bool setWhileStopped(uint64_t at) {
        bool stopped = true;
        auto frozen = scenario("StoppedInRules" + std::to_string(at), [&] {
            Device device;
            EXPECT_EQ(device.hello(), STATUS_SUCCESS);
            // Names of values are read from the caller's memory each time.
            TestRule named = setting();
            named.action = CMB_ACTION_BLOCK;
            named.valueNames = {u"v"};
            Program first = buildProgram({named}), second = buildProgram({named});
            first.rule(0).Status = kFirst;
            second.rule(0).Status = kSecond;
            const int64_t cookie = registerWith(device, bytesOfProgram(first), kSet);
            // What is remembered of the key comes before.
            together({actor([this] { setValue(); })}, false);
            const uint64_t blocks = machine().poolUsage().blocks;
            together({actor(
                          [&] {
                              schedule::freezeAt(at);
                              const NTSTATUS status = setValue();
                              stopped = schedule::wasFrozen();
                              schedule::freezeAt(0);
                              EXPECT_TRUE(status == kFirst || status == kSecond) << status;
                          },
                          4),
                      actor([&] {
                          sleep(1);
                          const uint64_t thaws = schedule::thaws();
                          EXPECT_EQ(setRules(device, cookie, bytesOfProgram(second)), STATUS_SUCCESS);
                          EXPECT_EQ(setValue(), kSecond);
                          EXPECT_EQ(schedule::thaws(), thaws);
                      })});
            EXPECT_EQ(machine().poolUsage().blocks, blocks);
            EXPECT_EQ(unregister(device, cookie), STATUS_SUCCESS);
        });
        return schedule::sample(frozen, 1, at).failed.empty() && stopped;
    }
};

TEST_F(RulesSchedule, AreReplacedWhileAThreadIsStoppedThatDecidesByTheFormerOnes) {
    uint64_t at = 1;
    while (at < 400 && setWhileStopped(at)) {
        ++at;
    }
    EXPECT_GT(at, 30u);
    EXPECT_LT(at, 400u);
}

TEST_F(RulesSchedule, AreInForceOnceSetRulesHasReturned) {
    expectEach(scenario("Rules", changing(1, false)), {1});
    expectEach(scenario("RulesOfWhatWasIgnored", changing(1, true)), {1});
    expectMany(scenario("RulesAtRandom", changing(3, false), 2), 300);
    expectMany(scenario("RulesOfWhatWasIgnoredAtRandom", changing(3, true), 2), 300);
}

TEST_F(RulesSchedule, AreThoseOfTheRequestThatWasServedLast) {
    expectEach(scenario("RulesTwice", changingTwice()), {1, 1});
    expectMany(scenario("RulesTwiceAtRandom", changingTwice(), 2), 500);
}

TEST_F(RulesSchedule, AreTheOldOnesUpToTheNumberThatSetRulesTells) {
    expectEach(scenario("RulesNumber", numbering()), {1, 1});
    expectMany(scenario("RulesNumberAtRandom", numbering(), 2), 500);
}

TEST_F(RulesSchedule, EndWithTheirRegistration) {
    expectEach(scenario("RulesAndUnregister", ending(false)), {1, 1});
    expectMany(scenario("RulesAndUnregisterAtRandom", ending(false), 2), 500);
    expectMany(scenario("RulesAndClose", ending(true), 2), 500);
}

TEST_F(RulesSchedule, ChangeWhileSomebodyIsHeldByTheOldOnes) {
    expectEach(scenario("RulesAndQuestion", asked()), {1, 1});
    expectMany(scenario("RulesAndQuestionAtRandom", asked(), 2), 500);
}

} // namespace
} // namespace cmbridge::test
