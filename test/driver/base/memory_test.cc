// SPDX-License-Identifier: MIT
//
// Loading, unloading, and every allocation that fails on the way.

#include "test/driver/fixture/fixture.h"

namespace cmbridge::test {
namespace {

using simulator::IoResult;
using simulator::Machine;

class Driver : public testing::Test {
  protected:
    static bool shortOfMemory(NTSTATUS status) {
        EXPECT_TRUE(status == STATUS_SUCCESS || status == STATUS_INSUFFICIENT_RESOURCES) << std::hex << status;
        return status != STATUS_SUCCESS;
    }
    template <typename Request, typename Reply>
    static NTSTATUS control(simulator::File &file, uint32_t code, const Request &request, Reply &reply) {
        return file.control(code, bytesOf(request), std::as_writable_bytes(std::span(&reply, 1))).status;
    }

    // Uses the driver from load to unload; whatever fails, the rest goes on as far as it can. Registry operations never
    // fail because the driver is short of memory.
    void scenario() {
        if (shortOfMemory(machine_->loadDriver(u"cmbridge", DriverEntry))) {
            EXPECT_EQ(machine_->poolUsage().blocks, 0u);
            return;
        }
        use();
        EXPECT_EQ(machine_->unloadDriver(u"cmbridge"), STATUS_SUCCESS);
        EXPECT_EQ(machine_->poolUsage().blocks, 0u);
        EXPECT_EQ(machine_->poolUsage().bytes, 0u);
        CM_STATISTICS statistics;
        CmGetStatistics(&statistics);
        EXPECT_EQ(statistics.Registrations, 0u);
        EXPECT_EQ(statistics.KeyNames, 0u);
    }

    void use() {
        std::unique_ptr<simulator::File> file;
        if (shortOfMemory(machine_->openFile(u"\\??\\CmBridge", &file))) {
            return;
        }
        CMB_HELLO_REQUEST hello{};
        CMB_HELLO_REPLY limits{};
        hello.Header = {sizeof(hello), CMB_STRUCTURE_VERSION, 0};
        hello.ProtocolMajor = CMB_PROTOCOL_MAJOR;
        while (shortOfMemory(control(*file, CMB_IOCTL_HELLO, hello, limits))) {
        }
        CMB_REGISTER_REPLY first{}, second{};
        const bool one =
            !shortOfMemory(registerRaw(*file, u"1", first, kAllClasses, 4096, CMB_REGISTER_OLD_VALUES).status) &&
            !shortOfMemory(first.Status);
        const bool two = !shortOfMemory(registerRaw(*file, u"2", second).status) && !shortOfMemory(second.Status);
        Actor actor;
        HANDLE key = actor.create(u"\\REGISTRY\\MACHINE\\SOFTWARE\\Memory");
        EXPECT_EQ(actor.thread().impersonate({}, 2), STATUS_SUCCESS);
        actor.setValue(key, u"v", REG_BINARY, pattern(10));
        actor.thread().revert();
        actor.deleteKey(key);
        actor.close(key);
        if (one || two) {
            receive(*file);
        }
        if (one) {
            CMB_UNREGISTER_REQUEST request{{sizeof(request), CMB_STRUCTURE_VERSION, 0}, first.Cookie};
            CMB_UNREGISTER_REPLY reply{};
            EXPECT_EQ(control(*file, CMB_IOCTL_UNREGISTER, request, reply), STATUS_SUCCESS);
            EXPECT_EQ(reply.Status, STATUS_SUCCESS);
        }
    }

    // Only a record that there is no memory to write is lost, and told; what another could not say is marked.
    void receive(simulator::File &file) {
        std::vector<uint64_t> output(CMB_MIN_RECEIVE_BYTES / 8);
        auto bytes = std::as_writable_bytes(std::span(output));
        IoResult result;
        do {
            result = file.control(CMB_IOCTL_RECEIVE, {}, bytes);
        } while (shortOfMemory(result.status));
        std::vector<Record> records = parseBatch(bytes, result.information);
        size_t operations = 0;
        uint64_t lost = 0;
        for (const Record &record : records) {
            if (record.isGap()) {
                lost += record.count();
                EXPECT_EQ(record.body<CMB_BODY_GAP>().NoMemory, record.count());
                continue;
            }
            // A context that could not be attached is not cleaned up.
            operations += !record.isProcess() && record->NotifyClass != RegNtCallbackObjectContextCleanup;
            unknown_ += (record->Flags & CMB_RECORD_PRE_UNKNOWN) != 0;
            unnamed_ += (record->Flags & CMB_RECORD_PATH_UNAVAILABLE) != 0;
            unattached_ += record->NotifyClass == RegNtPostCreateKeyEx && record->KeyObject == 0;
            const bool set = record->NotifyClass == RegNtPreSetValueKey || record->NotifyClass == RegNtPostSetValueKey;
            EXPECT_EQ((record->Flags & CMB_RECORD_IMPERSONATING) != 0, set);
            unasked_ += set && record.impersonation().Token.UserSid.Flags == 0;
            undescribed_ += record.isProcess() && record.body<CMB_BODY_PROCESS>().ImagePath.Flags == 0;
        }
        EXPECT_TRUE(lost || operations % 8 == 0);
        lost_ += lost;
    }

    std::shared_ptr<Machine> machine_ = Machine::shared();
    // Records that say less for want of memory, or were lost.
    void expectShortage(bool short_) {
        for (uint64_t count : {uint64_t{unknown_}, uint64_t{unnamed_}, uint64_t{unattached_}, lost_}) {
            EXPECT_EQ(count != 0, short_);
        }
    }

    uint64_t lost_ = 0;
    unsigned unknown_ = 0, unnamed_ = 0, unattached_ = 0, unasked_ = 0, undescribed_ = 0;
};

TEST_F(Driver, LoadsAndUnloads) {
    for (int i = 0; i < 3; ++i) {
        scenario();
    }
    expectShortage(false);
    EXPECT_EQ(unasked_ + undescribed_, 0u);
}

TEST_F(Driver, SurvivesTheFailureOfEachCallStackThatAllocates) {
    machine_->failEachStackOnce(true);
    uint64_t before = 0;
    int passes = 0;
    do {
        before = machine_->failedAllocations();
        scenario();
        ++passes;
    } while (machine_->failedAllocations() != before && passes < 100);
    machine_->failEachStackOnce(false);
    EXPECT_LT(passes, 100);
    // Session, ring, kept paths, registration, merge table, call context, mapping.
    EXPECT_GE(machine_->failedAllocations(), 7u);
    EXPECT_GT(lost_, 0u);
}

TEST_F(Driver, SurvivesTheFailureOfEachAllocation) {
    for (uint64_t nth = 1;; ++nth) {
        ASSERT_LT(nth, 1000u);
        const uint64_t before = machine_->failedAllocations();
        machine_->failAllocation(nth);
        scenario();
        const bool reached = machine_->failedAllocations() != before;
        machine_->failAllocation(0);
        if (!reached) {
            EXPECT_GT(nth, 5u);
            break;
        }
    }
    expectShortage(true);
}

NTSTATUS takeLink(PDRIVER_OBJECT driver, PUNICODE_STRING) {
    std::u16string linkText = u"\\DosDevices\\CmBridge", deviceText = u"\\Device\\Elsewhere";
    UNICODE_STRING link = unicode(linkText), device = unicode(deviceText);
    driver->DriverUnload = [](PDRIVER_OBJECT) {
        std::u16string text = u"\\DosDevices\\CmBridge";
        UNICODE_STRING name = unicode(text);
        IoDeleteSymbolicLink(&name);
    };
    return IoCreateSymbolicLink(&link, &device);
}

NTSTATUS takeDevice(PDRIVER_OBJECT driver, PUNICODE_STRING) {
    std::u16string text = u"\\Device\\CmBridge";
    UNICODE_STRING name = unicode(text);
    PDEVICE_OBJECT device = nullptr;
    driver->DriverUnload = [](PDRIVER_OBJECT driver) { IoDeleteDevice(driver->DeviceObject); };
    return IoCreateDevice(driver, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
}

TEST_F(Driver, DoesNotLoadWhereItsNamesAreTaken) {
    for (auto entry : {takeLink, takeDevice}) {
        ASSERT_EQ(machine_->loadDriver(u"rival", entry), STATUS_SUCCESS);
        EXPECT_EQ(machine_->loadDriver(u"cmbridge", DriverEntry), STATUS_OBJECT_NAME_COLLISION);
        EXPECT_EQ(machine_->unloadDriver(u"rival"), STATUS_SUCCESS);
        EXPECT_EQ(machine_->poolUsage().blocks, 0u);
    }
    scenario();
}

TEST_F(Driver, LetsOnlyAdministratorsOpenItsDevice) {
    ASSERT_EQ(machine_->loadDriver(u"cmbridge", DriverEntry), STATUS_SUCCESS);
    for (bool elevated : {false, true}) {
        auto process = machine_->createProcess({.imagePath = u"C:\\user.exe", .token = {.elevated = elevated}});
        auto thread = process->createThread();
        thread->run([&] {
            std::unique_ptr<simulator::File> file;
            EXPECT_EQ(machine_->openFile(u"\\??\\CmBridge", &file), elevated ? STATUS_SUCCESS : STATUS_ACCESS_DENIED);
        });
    }
    EXPECT_EQ(machine_->unloadDriver(u"cmbridge"), STATUS_SUCCESS);
}

} // namespace
} // namespace cmbridge::test
