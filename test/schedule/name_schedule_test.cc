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
    EXPECT_EQ(schedule::exhaust(scenario("Rename", renaming(1)), 2, 4000).failed, "");
    EXPECT_EQ(schedule::sample(scenario("RenameAtRandom", renaming(2), 2), 1000).failed, "");
}

} // namespace
} // namespace cmbridge::test
