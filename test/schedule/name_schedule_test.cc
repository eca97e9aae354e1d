// SPDX-License-Identifier: MIT
//
// Keys that are renamed while others use them: what was found out about the old name is not said of the new one.

#include "test/schedule/schedule_fixture.h"

namespace cmbridge::test {
namespace {

class NameSchedule : public ScheduleTest {
  protected:
    static NTSTATUS set(HANDLE key) {
        UNICODE_STRING none{};
        ULONG data = 1;
        return NtSetValueKey(key, &none, 0, REG_DWORD, &data, sizeof(data));
    }
    static uint64_t recorded(Device &device) {
        CMB_STATISTICS_REQUEST request{{sizeof(request), CMB_STRUCTURE_VERSION, 0}, CMB_SCOPE_SESSION, 0, 0};
        CMB_STATISTICS_REPLY reply{};
        EXPECT_EQ(device.call(CMB_IOCTL_STATISTICS, request, reply), STATUS_SUCCESS);
        return reply.Recorded;
    }

    static std::u16string nameOf(HANDLE key) {
        uint64_t buffer[128];
        auto *information = reinterpret_cast<KEY_NAME_INFORMATION *>(buffer);
        ULONG size = 0;
        EXPECT_EQ(NtQueryKey(key, KeyNameInformation, information, sizeof(buffer), &size), STATUS_SUCCESS);
        return {reinterpret_cast<const char16_t *>(information->Name), information->NameLength / sizeof(char16_t)};
    }

    // A thread is stopped at its at-th point while it renames, and another one uses what is below: by the name that it
    // has then. False: it has fewer points, or the schedule has failed.
    bool renameAndStop(uint64_t at) {
        bool stopped = true;
        auto body = [&] {
            Device device;
            EXPECT_EQ(device.hello(), STATUS_SUCCESS);
            Program program = buildProgram({{.classes = kSet, .keys = {RulesetTest::key(u"\\High\\Leaf")}}});
            const int64_t cookie = registerWith(device, bytesOfProgram(program), kAllClasses);
            HANDLE parent = nullptr, leaf = nullptr;
            together({actor([&] {
                         parent = createBelow(keyHandle(), u"Low");
                         leaf = createBelow(parent, u"Leaf");
                         EXPECT_EQ(set(leaf), STATUS_SUCCESS);
                     })},
                     false);
            together({actor(
                          [&] {
                              std::u16string name = u"High";
                              UNICODE_STRING text = unicode(name);
                              schedule::freezeAt(at);
                              EXPECT_EQ(NtRenameKey(parent, &text), STATUS_SUCCESS);
                              stopped = schedule::wasFrozen();
                              schedule::freezeAt(0);
                          },
                          4),
                      actor([&] {
                          sleep(1);
                          for (int i = 0; i < 2; ++i) {
                              const bool meant = nameOf(leaf).ends_with(u"\\High\\Leaf");
                              const uint64_t before = recorded(device);
                              EXPECT_EQ(set(leaf), STATUS_SUCCESS);
                              EXPECT_EQ(recorded(device), before + meant);
                          }
                      })},
                     false);
            together({actor([&] {
                         for (HANDLE key : {leaf, parent}) {
                             EXPECT_EQ(NtDeleteKey(key), STATUS_SUCCESS);
                             EXPECT_EQ(NtClose(key), STATUS_SUCCESS);
                         }
                     })},
                     false);
            EXPECT_EQ(unregister(device, cookie), STATUS_SUCCESS);
        };
        const auto frozen = scenario("RenameAndStop" + std::to_string(at), body);
        return schedule::sample(frozen, 1).failed.empty() && stopped;
    }

    // A key whose parent is renamed from a name that no rule means to one that a rule means.
    std::function<void()> renaming(int sets) {
        return [=, this] {
            Device device;
            EXPECT_EQ(device.hello(), STATUS_SUCCESS);
            Program program = buildProgram({{.classes = kSet, .keys = {RulesetTest::key(u"\\High\\Leaf")}}});
            const int64_t cookie = registerWith(device, bytesOfProgram(program), kAllClasses);
            HANDLE parent = nullptr, leaf = nullptr;
            together({actor([&] {
                         parent = createBelow(keyHandle(), u"Low");
                         leaf = createBelow(parent, u"Leaf");
                         EXPECT_EQ(set(leaf), STATUS_SUCCESS);
                     })},
                     false);
            together({actor([&] {
                          std::u16string name = u"High";
                          UNICODE_STRING text = unicode(name);
                          EXPECT_EQ(NtRenameKey(parent, &text), STATUS_SUCCESS);
                      }),
                      actor([&] {
                          for (int i = 0; i < sets; ++i) {
                              EXPECT_EQ(set(leaf), STATUS_SUCCESS);
                          }
                      })});
            const uint64_t before = recorded(device);
            together({actor([&] { EXPECT_EQ(set(leaf), STATUS_SUCCESS); })}, false);
            EXPECT_EQ(recorded(device), before + 1);
            together({actor([&] {
                         for (HANDLE key : {leaf, parent}) {
                             EXPECT_EQ(NtDeleteKey(key), STATUS_SUCCESS);
                             EXPECT_EQ(NtClose(key), STATUS_SUCCESS);
                         }
                     })},
                     false);
            EXPECT_EQ(unregister(device, cookie), STATUS_SUCCESS);
        };
    }

    // Two keys are renamed at the same time, each seen by two filters, while others use what is below.
    std::function<void()> renamingBoth() {
        return [=, this] {
            const uint64_t blocks = machine().poolUsage().blocks;
            {
                Device devices[2];
                constexpr std::u16string_view kAltitudes[] = {u"385100", u"385200"};
                Program program =
                    buildProgram({{.classes = kSet,
                                   .keys = {RulesetTest::key(u"\\High0\\Leaf"), RulesetTest::key(u"\\High1\\Leaf")}}});
                for (int i = 0; i < 2; ++i) {
                    EXPECT_EQ(devices[i].hello(), STATUS_SUCCESS);
                    registerWith(devices[i], bytesOfProgram(program), kAllClasses, nullptr,
                                 {.altitude = kAltitudes[i]});
                }
                HANDLE parents[2] = {}, leaves[2] = {};
                together({actor([&] {
                             for (int i = 0; i < 2; ++i) {
                                 parents[i] = createBelow(keyHandle(), i == 0 ? u"Low0" : u"Low1");
                                 leaves[i] = createBelow(parents[i], u"Leaf");
                                 EXPECT_EQ(set(leaves[i]), STATUS_SUCCESS);
                             }
                         })},
                         false);
                std::vector<Job> jobs;
                for (int i = 0; i < 2; ++i) {
                    jobs.push_back(actor([&parents, i] {
                        std::u16string name = i == 0 ? u"High0" : u"High1";
                        UNICODE_STRING text = unicode(name);
                        EXPECT_EQ(NtRenameKey(parents[i], &text), STATUS_SUCCESS);
                    }));
                }
                jobs.push_back(actor([&] {
                    EXPECT_EQ(set(leaves[0]), STATUS_SUCCESS);
                    EXPECT_EQ(set(leaves[1]), STATUS_SUCCESS);
                }));
                together(jobs);
                const uint64_t before[] = {recorded(devices[0]), recorded(devices[1])};
                together({actor([&] {
                             EXPECT_EQ(set(leaves[0]), STATUS_SUCCESS);
                             EXPECT_EQ(set(leaves[1]), STATUS_SUCCESS);
                         })},
                         false);
                EXPECT_EQ(recorded(devices[0]), before[0] + 2);
                EXPECT_EQ(recorded(devices[1]), before[1] + 2);
                together({actor([&] {
                             for (HANDLE key : {leaves[0], leaves[1], parents[0], parents[1]}) {
                                 EXPECT_EQ(NtDeleteKey(key), STATUS_SUCCESS);
                                 EXPECT_EQ(NtClose(key), STATUS_SUCCESS);
                             }
                         })},
                         false);
            }
            expectNothingLeft(blocks);
        };
    }

  private:
    static HANDLE createBelow(HANDLE root, std::u16string name) {
        HANDLE key = nullptr;
        UNICODE_STRING text = unicode(name);
        OBJECT_ATTRIBUTES object = attributes(text, root);
        EXPECT_EQ(NtCreateKey(&key, KEY_ALL_ACCESS, &object, 0, nullptr, REG_OPTION_NON_VOLATILE, nullptr),
                  STATUS_SUCCESS);
        return key;
    }
};

TEST_F(NameSchedule, ForgetsWhatTheRulesSaidOfTheNameBefore) {
    expectEach(scenario("Rename", renaming(1)), {2});
    expectMany(scenario("RenameAtRandom", renaming(2), 2), 1000);
}

// Whoever renames may be stopped between the new name and the notification that tells of it.
TEST_F(NameSchedule, GoesByTheNameThatAKeyHasWhileARenameIsStopped) {
    uint64_t at = 1;
    while (at < 400 && renameAndStop(at)) {
        ++at;
    }
    EXPECT_GT(at, 5u);
}

TEST_F(NameSchedule, ForgetsWhatTheRulesSaidWhenTwoAreRenamedAtOnce) {
    expectEach(scenario("RenameBoth", renamingBoth()), {1, 1});
    expectMany(scenario("RenameBothAtRandom", renamingBoth(), 2), 1000);
}

} // namespace
} // namespace cmbridge::test
