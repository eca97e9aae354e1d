// SPDX-License-Identifier: MIT
//
// The driver goes while callbacks of a registration that was kept are at work, and while somebody opens its device.

#include "test/schedule/schedule_fixture.h"

namespace cmbridge::test {
namespace {

class UnloadSchedule : public ScheduleTest {
  protected:
    // The scenario loads the driver again, as the fixture expects it to be there.
    void reload() { EXPECT_EQ(machine().loadDriver(u"cmbridge", DriverEntry), STATUS_SUCCESS); }
    int64_t keep() {
        Device device;
        EXPECT_EQ(device.hello(), STATUS_SUCCESS);
        Program program = blocking(STATUS_ACCESS_DENIED);
        return registerWith(device, bytesOfProgram(program), kSet, nullptr, {.options = CMB_REGISTER_PERSIST});
    }
};

TEST_F(UnloadSchedule, WaitsForTheCallbacksOfARegistrationThatIsKept) {
    auto body = [this] {
        keep();
        bool unloaded = false;
        together({{[&] {
                      EXPECT_EQ(machine().unloadDriver(u"cmbridge"), STATUS_SUCCESS);
                      unloaded = true;
                  }},
                  actor([&] {
                      const bool before = unloaded;
                      const NTSTATUS status = setValue();
                      EXPECT_TRUE(status == STATUS_SUCCESS || (status == STATUS_ACCESS_DENIED && !before));
                  })});
        expectNothingLeft(0);
        reload();
    };
    expectEach(scenario("Unload", body, 2), {1});
    expectMany(scenario("UnloadAtRandom", body, 2), 500);
}

// Whoever has opened the device keeps the driver, and the session that was kept is his to end.
TEST_F(UnloadSchedule, HappensBeforeOrAfterAHandle) {
    auto body = [this] {
        const int64_t cookie = keep();
        bool opened = false;
        together({{[&] { EXPECT_EQ(machine().unloadDriver(u"cmbridge"), STATUS_SUCCESS); }},
                  {[&] {
                      HANDLE handle = nullptr;
                      PFILE_OBJECT file = nullptr;
                      const NTSTATUS status =
                          nt::openDevice(u"\\??\\CmBridge", GENERIC_READ | GENERIC_WRITE, &handle, &file);
                      opened = NT_SUCCESS(status);
                      if (opened) {
                          Device device(handle, file);
                          EXPECT_EQ(device.hello(), STATUS_SUCCESS);
                          EXPECT_EQ(unregister(device, cookie), STATUS_SUCCESS);
                      }
                  }},
                  actor([&] {
                      const NTSTATUS status = setValue();
                      EXPECT_TRUE(status == STATUS_SUCCESS || status == STATUS_ACCESS_DENIED);
                  })});
        expectNothingLeft(0);
        reload();
    };
    expectEach(scenario("UnloadAndOpen", body), {1, 1});
    expectMany(scenario("UnloadAndOpenAtRandom", body, 2), 500);
}

} // namespace
} // namespace cmbridge::test
