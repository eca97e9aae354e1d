// SPDX-License-Identifier: MIT
//
// Memory of kernel-mode callers that is gone when the driver reads it. A rival filter above takes the memory away
// before the driver's pre callback and gives it back before the configuration manager itself reads it.

#include "fixture.h"

#include "nt/ob_internal.h"

namespace cmbridge::test {
namespace {

struct Thief {
    PVOID range;
    bool taking;
    ULONG notifyClass;
};

NTSTATUS NTAPI steal(PVOID context, PVOID argument1, PVOID) {
    auto *thief = static_cast<Thief *>(context);
    if (thief->range && reinterpret_cast<ULONG_PTR>(argument1) == thief->notifyClass) {
        SimSetUserRangeAccess(thief->range, !thief->taking, !thief->taking);
    }
    return STATUS_SUCCESS;
}

PDRIVER_OBJECT rivalDriver;

class CaptureTest : public DriverTest {
  protected:
    void SetUp() override {
        DriverTest::SetUp();
        ASSERT_EQ(machine().loadDriver(u"rival",
                                       [](PDRIVER_OBJECT driver, PUNICODE_STRING) -> NTSTATUS {
                                           driver->DriverUnload = [](PDRIVER_OBJECT) {};
                                           rivalDriver = driver;
                                           return STATUS_SUCCESS;
                                       }),
                  STATUS_SUCCESS);
        SimRegisterUserRange(memory_.data(), sizeof(memory_));
    }
    void TearDown() override {
        SimUnregisterUserRange(memory_.data());
        ASSERT_EQ(machine().unloadDriver(u"rival"), STATUS_SUCCESS);
        DriverTest::TearDown();
    }

    // Runs an operation of kernel mode whose argument lies in memory_, which the driver cannot read in `notifyClass`.
    void withoutMemory(ULONG notifyClass, Actor &actor, const std::function<void()> &operation) {
        Thief above{memory_.data(), true, notifyClass}, below{memory_.data(), false, notifyClass};
        std::u16string high = u"400000", low = u"1";
        UNICODE_STRING highAltitude = unicode(high), lowAltitude = unicode(low);
        LARGE_INTEGER highCookie{}, lowCookie{};
        ASSERT_EQ(CmRegisterCallbackEx(steal, &highAltitude, rivalDriver, &above, &highCookie, nullptr),
                  STATUS_SUCCESS);
        ASSERT_EQ(CmRegisterCallbackEx(steal, &lowAltitude, rivalDriver, &below, &lowCookie, nullptr), STATUS_SUCCESS);
        actor.run(operation);
        EXPECT_EQ(CmUnRegisterCallback(highCookie), STATUS_SUCCESS);
        EXPECT_EQ(CmUnRegisterCallback(lowCookie), STATUS_SUCCESS);
    }

    std::array<std::byte, 256> memory_{};
};

TEST_F(CaptureTest, ValueDataIsGone) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100", bit(RegNtPreSetValueKey) | bit(RegNtPostSetValueKey));
    withoutMemory(RegNtPreSetValueKey, actor, [&] {
        std::u16string text = u"name";
        UNICODE_STRING name = unicode(text);
        EXPECT_EQ(ZwSetValueKey(key, &name, 0, REG_BINARY, memory_.data(), 16), STATUS_SUCCESS);
    });
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 2u);
    const auto &pre = records[0].body<CMB_BODY_SET_VALUE>();
    EXPECT_EQ(pre.Data.Flags, static_cast<UINT32>(CMB_SPAN_PRESENT | CMB_SPAN_FAULT));
    EXPECT_EQ(pre.Data.Size, 0u);
    EXPECT_EQ(pre.Data.FullSize, 16u);
    EXPECT_EQ(records[0].text(pre.ValueName), u"name");
    EXPECT_EQ(records[0].path(), path());
    EXPECT_EQ(records[1].body<CMB_BODY_SET_VALUE>().Data.Size, 16u);
    EXPECT_EQ(client.statistics().CaptureFaults, 1u);
    EXPECT_EQ(client.statistics().Lost, 0u);
    actor.close(key);
}

TEST_F(CaptureTest, StringDescriptorIsGone) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100", bit(RegNtPreDeleteValueKey));
    std::u16string text = u"none";
    UNICODE_STRING name = unicode(text);
    std::memcpy(memory_.data(), &name, sizeof(name));
    withoutMemory(RegNtPreDeleteValueKey, actor, [&] {
        EXPECT_EQ(ZwDeleteValueKey(key, reinterpret_cast<PUNICODE_STRING>(memory_.data())),
                  STATUS_OBJECT_NAME_NOT_FOUND);
    });
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].body<CMB_BODY_DELETE_VALUE>().ValueName.Flags,
              static_cast<UINT32>(CMB_SPAN_PRESENT | CMB_SPAN_FAULT));
    EXPECT_EQ(client.statistics().CaptureFaults, 1u);
    actor.close(key);
}

} // namespace
} // namespace cmbridge::test
