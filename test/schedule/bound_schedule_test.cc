// SPDX-License-Identifier: MIT
//
// How much is done for an operation that is ignored: counted in points, which is where processors meet.

#include "test/schedule/schedule_fixture.h"

namespace cmbridge::test {
namespace {

class BoundSchedule : public ScheduleTest {
  protected:
    static void expectOnce(const schedule::Scenario &scenario) { EXPECT_EQ(schedule::sample(scenario, 1).failed, ""); }
    // The points of setting a value of a key that was set before.
    uint64_t pointsOfSetting() {
        uint64_t points = 0;
        together({actor([&] {
                     EXPECT_EQ(setValue(), STATUS_SUCCESS);
                     const uint64_t before = schedule::steps();
                     EXPECT_EQ(setValue(), STATUS_SUCCESS);
                     points = schedule::steps() - before;
                 })},
                 false);
        return points;
    }
};

// Pre and post are ignored by what the key object knows.
TEST_F(BoundSchedule, OfAnOperationThatIsIgnored) {
    expectMany(scenario("Ignored",
                        [this] {
                            const uint64_t without = pointsOfSetting();
                            Device device;
                            EXPECT_EQ(device.hello(), STATUS_SUCCESS);
                            Program program =
                                buildProgram({{.classes = kSet | kPostSet, .keys = {RulesetTest::key(u"\\other")}}});
                            const int64_t cookie = registerWith(device, bytesOfProgram(program), kAllClasses);
                            const uint64_t added = pointsOfSetting() - without;
                            EXPECT_LE(added, 12u);
                            EXPECT_EQ(unregister(device, cookie), STATUS_SUCCESS);
                        }),
               1);
}

} // namespace
} // namespace cmbridge::test
