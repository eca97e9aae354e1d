// SPDX-License-Identifier: MIT
//
// What a driver must not do: each is a bug check with a code and a sentence.

#include "nt_fixture.h"

namespace {

class DriverBug : public SampleTest {
  protected:
    void commit(ULONG crime) {
        load();
        auto file = open();
        std::array<char, 8> output;
        file->control(SAMPLE_MISBEHAVE(crime), {}, out(output));
    }
};

TEST_F(DriverBug, ReturningWithRaisedIrqlIsReported) {
    EXPECT_DEATH(commit(SampleRaiseIrql), "STOP: 0x000000C8.*\n.*returned at IRQL 1");
}
TEST_F(DriverBug, ReturningWithASpinLockIsReported) {
    EXPECT_DEATH(commit(SampleKeepSpinLock), "STOP: 0x000000C8.*\n.*returned at IRQL 2");
}
TEST_F(DriverBug, ReturningWithAFastMutexIsReported) {
    EXPECT_DEATH(commit(SampleKeepFastMutex), "STOP: 0x000000C8.*\n.*returned at IRQL 1");
}
TEST_F(DriverBug, ReturningInACriticalRegionIsReported) {
    EXPECT_DEATH(commit(SampleStayInCriticalRegion), "STOP: 0x00000001.*\n.*critical or guarded region");
}
TEST_F(DriverBug, ForgettingToCompleteIsReported) {
    EXPECT_DEATH(commit(SampleForgetCompletion), "STOP: 0x000000C9.*\n.*did not complete");
}
TEST_F(DriverBug, PendingAnUnmarkedIrpIsReported) {
    EXPECT_DEATH(commit(SamplePendUnmarked), "STOP: 0x000000C9.*\n.*did not call IoMarkIrpPending");
}
TEST_F(DriverBug, MarkingWithoutPendingIsReported) {
    EXPECT_DEATH(commit(SampleMarkButFail), "STOP: 0x000000C9.*\n.*marked the IRP pending");
}
TEST_F(DriverBug, CompletingTwiceIsReported) {
    EXPECT_DEATH(commit(SampleCompleteTwice), "STOP: 0x00000044.*\n.*IoCompleteRequest.*completed already");
}
TEST_F(DriverBug, UsingACompletedIrpIsReported) {
    EXPECT_DEATH(commit(SampleUseAfterCompletion), "STOP: 0x00000044.*\n.*IoGetCurrentIrpStackLocation");
}
TEST_F(DriverBug, ReturningAnotherStatusIsReported) {
    EXPECT_DEATH(commit(SampleOtherStatus), "STOP: 0x000000C9.*\n.*completed the IRP with 0xC0000001");
}
TEST_F(DriverBug, TooMuchInformationIsReported) {
    EXPECT_DEATH(commit(SampleTooMuchInformation), "STOP: 0x000000C9.*\n.*1000 bytes of information");
}
TEST_F(DriverBug, CompletingWithStatusPendingIsReported) {
    EXPECT_DEATH(commit(SampleCompletePending), "STOP: 0x000000C9.*\n.*with STATUS_PENDING");
}
TEST_F(DriverBug, CompletingACancelableIrpIsReported) {
    EXPECT_DEATH(commit(SampleCompleteCancelable), "STOP: 0x00000048.*\n.*cancel routine");
}
TEST_F(DriverBug, AnUnhandledExceptionIsReported) {
    EXPECT_DEATH(commit(SampleRaise), "STOP: 0x0000001E.*\n.*0xC0000005 was not handled");
}

TEST_F(DriverBug, PoolThatIsLeftIsReported) {
    Sample.LeakOnUnload = TRUE;
    EXPECT_DEATH(
        {
            Sample.LeakOnUnload = TRUE;
            load();
            unload();
        },
        "Pool left: .*24 bytes, tag 'Smpl'(.*\n)+.*STOP: 0x000000C4 .0x62, 0x1, 0x18");
}

TEST_F(DriverBug, ADeviceThatIsLeftIsReported) {
    EXPECT_DEATH(
        {
            Sample.LeaveDevice = TRUE;
            load();
            unload();
        },
        "STOP: 0x000000CE.*\n.*left a device object");
}

TEST_F(DriverBug, AThreadThatIsLeftIsReported) {
    EXPECT_DEATH(
        {
            Sample.LeaveThread = TRUE;
            load();
            unload();
        },
        "STOP: 0x000000CE.*\n.*1 system thread");
}

TEST_F(DriverBug, HaltingWithADriverLoadedIsReported) {
    EXPECT_DEATH(
        {
            load();
            machine.reset();
        },
        "STOP: 0x000000C9.*\n.*halts with 1 driver");
}

} // namespace
