// SPDX-License-Identifier: MIT

#include "nt_fixture.h"

#include <atomic>

using simulator::File;
using simulator::IoResult;

namespace {

TEST_F(SampleTest, BufferedCopiesInformationBytesOnly) {
    load();
    {
        auto file = open();
        std::array<char, 4> input = {'a', 'b', 'c', 'd'};
        std::array<char, 8> output;
        output.fill('-');
        IoResult result = file->control(SAMPLE_ECHO, in(input), out(output));
        EXPECT_EQ(result.status, STATUS_SUCCESS);
        EXPECT_EQ(result.information, 4u);
        EXPECT_EQ(std::string(output.data(), 8), "abcd----");
    }
    unload();
}

TEST_F(SampleTest, WarningsCarryDataAndErrorsDoNot) {
    load();
    {
        auto file = open();
        std::array<char, 2> input = {'x', 'y'};
        std::array<char, 2> output = {'-', '-'};
        EXPECT_EQ(file->control(SAMPLE_WARN, in(input), out(output)).status, STATUS_BUFFER_OVERFLOW);
        EXPECT_EQ(output[0], 'x');
        output = {'-', '-'};
        EXPECT_EQ(file->control(SAMPLE_FAIL_WITH_DATA, in(input), out(output)).status, STATUS_UNSUCCESSFUL);
        EXPECT_EQ(output[0], '-');
    }
    unload();
}

TEST_F(SampleTest, DirectAndNeitherReachTheCallersMemory) {
    load();
    {
        auto file = open();
        std::array<char, 4> input = {1, 2, 3, 4};
        std::array<char, 4> output = {};
        EXPECT_EQ(file->control(SAMPLE_ECHO_OUT_DIRECT, in(input), out(output)).status, STATUS_SUCCESS);
        EXPECT_EQ(output, input);
        EXPECT_EQ(file->control(SAMPLE_ECHO_OUT_DIRECT, in(input), {}).status, STATUS_INSUFFICIENT_RESOURCES);
        EXPECT_EQ(file->control(SAMPLE_SUM_IN_DIRECT, {}, out(output)).status, STATUS_SUCCESS);
        output = {};
        IoResult result = file->control(SAMPLE_ECHO_NEITHER, in(input), out(output));
        EXPECT_EQ(result.status, STATUS_SUCCESS);
        EXPECT_EQ(output, input);
    }
    unload();
}

TEST_F(SampleTest, MemoryThatVanishedIsAnAccessViolation) {
    load();
    {
        auto file = open();
        std::array<char, 4> input = {1, 2, 3, 4};
        std::array<char, 4> output = {};
        SimRegisterUserRange(output.data(), output.size());
        SimSetUserRangeAccess(output.data(), TRUE, FALSE);
        EXPECT_EQ(file->control(SAMPLE_ECHO, in(input), out(output)).status, STATUS_ACCESS_VIOLATION);
        EXPECT_EQ(file->control(SAMPLE_ECHO_OUT_DIRECT, in(input), out(output)).status, STATUS_ACCESS_VIOLATION);
        EXPECT_EQ(file->control(SAMPLE_ECHO_NEITHER, in(input), out(output)).status, STATUS_ACCESS_VIOLATION);
        IoResult refused = {};
        file->controlDirect(SAMPLE_ECHO_OUT_DIRECT, in(input), out(output), [&](IoResult result) { refused = result; });
        EXPECT_EQ(refused.status, STATUS_ACCESS_VIOLATION);
        EXPECT_EQ(output[0], 0);
        SimUnregisterUserRange(output.data());
    }
    unload();
}

TEST_F(SampleTest, AsyncCompletesOnAThreadOfTheProcessAtPassiveLevel) {
    load();
    {
        auto file = open();
        Pending pended;
        pended.start(*file, SAMPLE_PEND);
        EXPECT_EQ(pended.calls(), 0);
        std::array<char, 3> data = {7, 8, 9};
        EXPECT_EQ(file->control(SAMPLE_FEED, in(data), {}).status, STATUS_SUCCESS);
        IoResult result = pended.wait();
        EXPECT_EQ(result.status, STATUS_SUCCESS);
        EXPECT_EQ(result.information, 3u);
        EXPECT_EQ(pended.output_[2], 9);
        EXPECT_EQ(pended.irql_, PASSIVE_LEVEL);
        EXPECT_EQ(pended.process_, machine->hostProcess()->id());
        EXPECT_NE(pended.thread_, std::this_thread::get_id());

        Pending atOnce;
        atOnce.start(*file, SAMPLE_ECHO);
        EXPECT_EQ(atOnce.wait().status, STATUS_SUCCESS);
        EXPECT_NE(atOnce.thread_, std::this_thread::get_id());
    }
    unload();
}

TEST_F(SampleTest, DirectCompletesOnTheThreadThatCompletes) {
    load();
    Pending cancelled, closed;
    {
        auto file = open();
        Pending pended;
        pended.startDirect(*file, SAMPLE_PEND_DIRECT);
        EXPECT_EQ(pended.calls(), 0);
        std::array<char, 3> data = {7, 8, 9};
        EXPECT_EQ(file->control(SAMPLE_FEED, in(data), {}).status, STATUS_SUCCESS);
        EXPECT_EQ(pended.calls(), 1);
        EXPECT_EQ(pended.wait().status, STATUS_SUCCESS);
        EXPECT_EQ(pended.wait().information, 3u);
        EXPECT_EQ(pended.output_[2], 9);
        EXPECT_EQ(pended.irql_, DISPATCH_LEVEL);
        EXPECT_EQ(pended.thread_, std::this_thread::get_id());

        // The driver completes it before it returns.
        Pending atOnce;
        atOnce.startDirect(*file, SAMPLE_ECHO_OUT_DIRECT);
        EXPECT_EQ(atOnce.calls(), 1);
        EXPECT_EQ(atOnce.wait().status, STATUS_SUCCESS);

        Pending refused;
        EXPECT_THROW(refused.startDirect(*file, SAMPLE_PEND), std::invalid_argument);
        EXPECT_EQ(refused.calls(), 0);

        cancelled.startDirect(*file, SAMPLE_PEND_DIRECT);
        file->cancel();
        EXPECT_EQ(cancelled.calls(), 1);
        closed.startDirect(*file, SAMPLE_PEND_DIRECT);
    }
    EXPECT_EQ(cancelled.wait().status, STATUS_CANCELLED);
    EXPECT_EQ(closed.wait().status, STATUS_CANCELLED);
    EXPECT_EQ(Sample.Closes, 1);
    unload();
}

TEST_F(SampleTest, CancelCompletesWhatIsPended) {
    load();
    {
        auto file = open();
        Pending first, second;
        first.start(*file, SAMPLE_PEND);
        second.start(*file, SAMPLE_PEND);
        file->cancel();
        EXPECT_EQ(first.wait().status, STATUS_CANCELLED);
        EXPECT_EQ(second.wait().status, STATUS_CANCELLED);
        EXPECT_EQ(file->control(SAMPLE_FEED, {}, {}).status, STATUS_NOT_FOUND);
    }
    unload();
}

TEST_F(SampleTest, DestructionCancelsThenCleansUpThenCloses) {
    load();
    Pending pended;
    {
        auto file = open();
        pended.start(*file, SAMPLE_PEND);
    }
    EXPECT_EQ(pended.calls(), 1);
    EXPECT_EQ(pended.wait().status, STATUS_CANCELLED);
    EXPECT_EQ(Sample.Creates, 1);
    EXPECT_EQ(Sample.Cleanups, 1);
    EXPECT_EQ(Sample.Closes, 1);
    EXPECT_EQ(Sample.PendedAtCleanup, 0);
    unload();
}

TEST_F(SampleTest, CleanupMayCompleteWhatCannotBeCancelled) {
    load();
    Pending pended;
    {
        auto file = open();
        pended.start(*file, SAMPLE_PEND_STUBBORN);
    }
    EXPECT_EQ(pended.wait().status, STATUS_FILE_CLOSED);
    EXPECT_EQ(Sample.Closes, 1);
    unload();
}

TEST_F(SampleTest, AccessBitsOfTheCodeAndTheDescriptorCount) {
    load();
    auto limited = machine->createProcess(
        {.imagePath = u"\\Device\\HarddiskVolume1\\limited.exe", .token = simulator::TokenOptions()});
    auto elevated = machine->createProcess({.imagePath = u"\\Device\\HarddiskVolume1\\elevated.exe"});
    int32_t status = 0;
    std::unique_ptr<File> file;
    limited->createThread()->run([&] { status = machine->openFile(u"\\??\\Sample", &file); });
    EXPECT_EQ(status, STATUS_ACCESS_DENIED);
    EXPECT_EQ(file, nullptr);
    // The name below the device is protected, too, as the device asks for it.
    limited->createThread()->run([&] { status = machine->openFile(u"\\??\\Sample\\below", &file); });
    EXPECT_EQ(status, STATUS_ACCESS_DENIED);
    elevated->createThread()->run([&] { status = machine->openFile(u"\\DosDevices\\sample", &file); });
    EXPECT_EQ(status, STATUS_SUCCESS);
    file.reset();
    EXPECT_EQ(static_cast<uint32_t>(Sample.CleanupProcess), elevated->id());
    EXPECT_EQ(machine->openFile(u"\\??\\Other", &file), STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(Sample.Creates, 1);
    unload();
}

TEST_F(SampleTest, WithoutDescriptorEveryoneMayOpen) {
    Sample.NoSecurity = TRUE;
    load();
    auto limited = machine->createProcess(
        {.imagePath = u"\\Device\\HarddiskVolume1\\limited.exe", .token = simulator::TokenOptions()});
    int32_t status = -1;
    limited->createThread()->run([&] {
        std::unique_ptr<File> file;
        status = machine->openFile(u"\\Device\\Sample", &file);
    });
    EXPECT_EQ(status, STATUS_SUCCESS);
    unload();
}

TEST_F(SampleTest, ProcessExitClosesWhatItsFileHolds) {
    load();
    auto process = machine->createProcess({.imagePath = u"\\Device\\HarddiskVolume1\\killed.exe"});
    std::unique_ptr<File> file;
    Pending pended;
    process->createThread()->run([&] {
        ASSERT_EQ(machine->openFile(u"\\??\\Sample", &file), STATUS_SUCCESS);
        pended.start(*file, SAMPLE_PEND);
    });
    process.reset();
    EXPECT_EQ(pended.wait().status, STATUS_CANCELLED);
    EXPECT_EQ(Sample.Cleanups, 1);
    file.reset();
    EXPECT_EQ(Sample.Closes, 1);
    unload();
}

TEST_F(SampleTest, LoadsAreCountedAndUnloadWaitsForHandles) {
    load();
    load();
    unload();
    auto file = open();
    EXPECT_EQ(machine->unloadDriver(u"sample"), STATUS_SUCCESS);
    std::unique_ptr<File> second;
    EXPECT_EQ(machine->openFile(u"\\??\\Sample", &second), STATUS_NO_SUCH_DEVICE);
    EXPECT_EQ(machine->unloadDriver(u"Sample"), STATUS_OBJECT_NAME_NOT_FOUND);
    file.reset();
    EXPECT_EQ(machine->openFile(u"\\??\\Sample", &second), STATUS_OBJECT_NAME_NOT_FOUND);
    Sample.FailEntry = TRUE;
    EXPECT_EQ(machine->loadDriver(u"Sample", SampleEntry), STATUS_DEVICE_NOT_READY);
    Sample.FailEntry = FALSE;
    load();
    unload();
}

// A file with the WDM bit (0x2000) is one of Plug and Play, also without AddDevice. The bits of the last load count.
TEST_F(SampleTest, DriversOfPlugAndPlayAreNotUnloaded) {
    PDRIVER_OBJECT driver = nullptr;
    ASSERT_EQ(machine->loadDriver(u"Sample", SampleEntry, {.dllCharacteristics = 0x2160}), STATUS_SUCCESS);
    driver = Sample.Driver;
    EXPECT_EQ(driver->Flags & DRVO_LEGACY_DRIVER, 0u);
    EXPECT_EQ(machine->unloadDriver(u"Sample"), STATUS_INVALID_DEVICE_REQUEST);
    EXPECT_NE(open(), nullptr);
    driver->Flags |= DRVO_LEGACY_DRIVER;
    driver->DriverExtension->AddDevice = driver;
    EXPECT_EQ(machine->unloadDriver(u"Sample"), STATUS_INVALID_DEVICE_REQUEST);
    driver->DriverExtension->AddDevice = nullptr;
    unload();
    ASSERT_EQ(machine->loadDriver(u"Sample", SampleEntry, {.dllCharacteristics = 0x0160}), STATUS_SUCCESS);
    unload();
}

TEST_F(SampleTest, PendCancelAndFeedRace) {
    load();
    constexpr int kRounds = 300;
    {
        auto file = open();
        std::atomic<bool> stop{false};
        std::atomic<int> fed{0};
        std::thread feeder([&] {
            std::array<char, 1> data = {1};
            while (!stop) {
                fed += file->control(SAMPLE_FEED, in(data), {}).status == STATUS_SUCCESS;
            }
        });
        std::thread canceller([&] {
            while (!stop) {
                file->cancel();
                std::this_thread::yield();
            }
        });
        int succeeded = 0;
        for (int i = 0; i < kRounds; ++i) {
            Pending first, second;
            first.start(*file, SAMPLE_PEND);
            second.start(*file, SAMPLE_PEND);
            for (Pending *pended : {&first, &second}) {
                int32_t status = pended->wait().status;
                ASSERT_TRUE(status == STATUS_SUCCESS || status == STATUS_CANCELLED);
                ASSERT_EQ(pended->calls(), 1);
                succeeded += status == STATUS_SUCCESS;
            }
        }
        stop = true;
        feeder.join();
        canceller.join();
        EXPECT_EQ(fed, succeeded);
    }
    EXPECT_EQ(Sample.Pended, 0);
    unload();
}

TEST_F(SampleTest, OpenAndCloseFromManyThreads) {
    load();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 25; ++i) {
                std::unique_ptr<File> file;
                ASSERT_EQ(machine->openFile(u"\\??\\Sample", &file), STATUS_SUCCESS);
                Pending pended;
                pended.start(*file, SAMPLE_PEND);
                file.reset();
                EXPECT_EQ(pended.wait().status, STATUS_CANCELLED);
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(Sample.Creates, 100);
    EXPECT_EQ(Sample.Cleanups, 100);
    EXPECT_EQ(Sample.Closes, 100);
    unload();
}

} // namespace
