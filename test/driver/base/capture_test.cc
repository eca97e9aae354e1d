// SPDX-License-Identifier: MIT
//
// Memory of the caller that is gone when the driver reads it. A rival filter above makes an argument point to memory
// that cannot be read, one below puts the argument back before the configuration manager goes on with it.

#include "test/driver/fixture/fixture.h"
#include "test/driver/fixture/rules_builder.h"

#include <array>

#include "nt/ob_internal.h"

namespace cmbridge::test {
namespace {

class CapturedMemory : public DriverTest {
  protected:
    void SetUp() override {
        DriverTest::SetUp();
        SimRegisterUserRange(memory_.data(), sizeof(memory_));
        SimSetUserRangeAccess(memory_.data(), FALSE, FALSE);
    }
    void TearDown() override {
        SimUnregisterUserRange(memory_.data());
        DriverTest::TearDown();
    }

    // Runs the operation while `argument` of the structure of `notifyClass` points to lost memory for filters between
    // the rivals.
    template <typename Information, typename Pointer>
    void withLost(ULONG notifyClass, Pointer Information::*argument, const std::function<void()> &operation) {
        Pointer kept = nullptr;
        Rival above(u"400000", [&](ULONG number, PVOID information) {
            if (number == notifyClass) {
                Pointer &pointer = static_cast<Information *>(information)->*argument;
                kept = pointer;
                pointer = reinterpret_cast<Pointer>(memory_.data());
            }
        });
        Rival below(u"1", [&](ULONG number, PVOID information) {
            if (number == notifyClass) {
                static_cast<Information *>(information)->*argument = kept;
            }
        });
        operation();
    }

    static constexpr UINT32 kFault = CMB_SPAN_PRESENT | CMB_SPAN_FAULT;

  private:
    alignas(16) std::array<std::byte, 256> memory_{};
};

TEST_F(CapturedMemory, MarksValueDataThatVanished) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100", bit(RegNtPreSetValueKey) | bit(RegNtPostSetValueKey));
    withLost(RegNtPreSetValueKey, &REG_SET_VALUE_KEY_INFORMATION::Data,
             [&] { actor.setValue(key, u"name", REG_BINARY, pattern(16)); });
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 2u);
    const auto &pre = records[0].body<CMB_BODY_SET_VALUE>();
    EXPECT_EQ(pre.Data.Flags, kFault);
    EXPECT_EQ(pre.Data.Size, 0u);
    EXPECT_EQ(pre.Data.FullSize, 16u);
    EXPECT_EQ(records[0].text(pre.ValueName), u"name");
    EXPECT_EQ(records[0].path(), path());
    // By post it is back.
    EXPECT_EQ(records[1].data(records[1].body<CMB_BODY_SET_VALUE>().Data), pattern(16));
    EXPECT_EQ(client.statistics().CaptureFaults, 1u);
    EXPECT_EQ(client.statistics().Lost, 0u);
    actor.close(key);
}

TEST_F(CapturedMemory, MarksANameWhoseStringVanished) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100", bit(RegNtPreDeleteValueKey));
    withLost(RegNtPreDeleteValueKey, &REG_DELETE_VALUE_KEY_INFORMATION::ValueName,
             [&] { actor.deleteValue(key, u"none", STATUS_OBJECT_NAME_NOT_FOUND); });
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].body<CMB_BODY_DELETE_VALUE>().ValueName.Flags, kFault);
    EXPECT_EQ(client.statistics().CaptureFaults, 1u);
    actor.close(key);
}

// The path of a create is put together from the request: without RemainingName the absolute name serves, without any
// name there is no path, in post either unless the key was opened.
TEST_F(CapturedMemory, MarksNamesOfACreateThatVanished) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    const int64_t cookie = client.add(u"385100", bit(RegNtPreOpenKeyEx) | bit(RegNtPostOpenKeyEx));
    withLost(RegNtPreOpenKeyEx, &REG_OPEN_KEY_INFORMATION_V1::RemainingName, [&] {
        actor.openKey(path() + u"\\A", nullptr, STATUS_OBJECT_NAME_NOT_FOUND);
        actor.openKey(u"B", key, STATUS_OBJECT_NAME_NOT_FOUND);
        actor.close(actor.openKey(u"", key));
    });
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 6u);
    EXPECT_EQ(records[0].path(), path() + u"\\A");
    EXPECT_EQ(records[1].path(), path() + u"\\A");
    for (size_t i : {2, 3, 4}) {
        EXPECT_TRUE(records[i]->Flags & CMB_RECORD_PATH_UNAVAILABLE) << i;
        EXPECT_EQ(records[i]->KeyPath.Flags, kFault) << i;
    }
    EXPECT_EQ(records[2].text(records[2].body<CMB_BODY_CREATE>().RequestedName), u"B");
    EXPECT_EQ(records[5].path(), path());
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, cookie).PathFailures, 3u);
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, cookie).Lost, 0u);
    actor.close(key);
}

TEST_F(CapturedMemory, MarksARequestedNameThatVanished) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100", bit(RegNtPreOpenKeyEx));
    withLost(RegNtPreOpenKeyEx, &REG_OPEN_KEY_INFORMATION_V1::CompleteName,
             [&] { actor.close(actor.openKey(path())); });
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].path(), path());
    EXPECT_EQ(records[0].body<CMB_BODY_CREATE>().RequestedName.Flags, kFault);
    actor.close(key);
}

// A rule that asks for what cannot be read might decide: the notification is lost, and counted. One that decides before
// it does not care.
TEST_F(CapturedMemory, LosesANotificationWhoseRulesNeedAValueNameThatVanished) {
    for (bool decided : {false, true}) {
        Client client;
        Actor actor;
        HANDLE key = actor.create(path());
        std::vector<TestRule> rules{{.valueNames = {u"name"}}};
        if (decided) {
            rules.insert(rules.begin(), TestRule{.valueTypes = {REG_BINARY}});
        }
        const int64_t cookie = client.add(u"385100", bit(RegNtPreSetValueKey));
        Program program = buildProgram(rules);
        CMB_SET_RULES_REQUEST request{};
        CMB_SET_RULES_REPLY reply{};
        request.Header = {static_cast<UINT32>(sizeof(request) + program.size()), CMB_STRUCTURE_VERSION, 0};
        request.Cookie = cookie;
        request.ProgramSize = program.size();
        Bytes input(request.Header.Size);
        std::memcpy(input.data(), &request, sizeof(request));
        std::memcpy(input.data() + sizeof(request), program.bytes(), program.size());
        EXPECT_EQ(
            client.file().control(CMB_IOCTL_SET_RULES, input, std::as_writable_bytes(std::span(&reply, 1))).status,
            STATUS_SUCCESS);
        EXPECT_EQ(reply.Status, STATUS_SUCCESS);
        withLost(RegNtPreSetValueKey, &REG_SET_VALUE_KEY_INFORMATION::ValueName,
                 [&] { actor.setValue(key, u"name", REG_BINARY, pattern(16)); });
        EXPECT_EQ(client.statistics().LostCaptureFault, decided ? 0u : 1u);
        std::vector<Record> records = client.drain();
        ASSERT_EQ(records.size(), 1u);
        EXPECT_EQ(records[0].isGap(), !decided);
        actor.close(key);
    }
}

// The same for want of memory.
TEST_F(CapturedMemory, LosesANotificationWhoseRulesNeedAKeyThatCannotBeNamed) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    const int64_t cookie = client.add(u"385100", bit(RegNtPreSetValueKey));
    Program program = buildProgram({{.keys = {u"**\\None"}}});
    CMB_SET_RULES_REQUEST request{};
    CMB_SET_RULES_REPLY reply{};
    request.Header = {static_cast<UINT32>(sizeof(request) + program.size()), CMB_STRUCTURE_VERSION, 0};
    request.Cookie = cookie;
    request.ProgramSize = program.size();
    Bytes input(request.Header.Size);
    std::memcpy(input.data(), &request, sizeof(request));
    std::memcpy(input.data() + sizeof(request), program.bytes(), program.size());
    client.file().control(CMB_IOCTL_SET_RULES, input, std::as_writable_bytes(std::span(&reply, 1)));
    ASSERT_EQ(reply.Status, STATUS_SUCCESS);
    CmFailNameLookups(1, STATUS_INSUFFICIENT_RESOURCES);
    actor.setValue(key, u"name", REG_BINARY, pattern(16));
    EXPECT_EQ(client.statistics().LostNoMemory, 1u);
    actor.setValue(key, u"name", REG_BINARY, pattern(16));
    EXPECT_EQ(client.statistics().Callbacks, 1u);
    client.drain();
    actor.close(key);
}

} // namespace
} // namespace cmbridge::test
