// SPDX-License-Identifier: MIT

#include "nt_fixture.h"

#include <atomic>

namespace {

struct Body {
    int value;
    std::atomic<int> *deleted;
};

std::atomic<int> closes;
std::atomic<int> lastHandles;
bool resurrect;

void deleteBody(PVOID object) {
    ++*static_cast<Body *>(object)->deleted;
    if (resurrect) {
        ObReferenceObject(object);
    }
}

void closeBody(PEPROCESS, PVOID, ACCESS_MASK, ULONG handles) {
    ++closes;
    lastHandles = static_cast<int>(handles);
}

NTSTATUS openBody(PEPROCESS, PVOID object, ACCESS_MASK) {
    return static_cast<Body *>(object)->value == 13 ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
}

class ObTest : public NtTest {
  protected:
    ObTest() {
        SIM_OBJECT_TYPE_INITIALIZER info = {};
        info.Name = "Test";
        info.BodySize = sizeof(Body);
        info.Delete = deleteBody;
        info.Close = closeBody;
        info.Open = openBody;
        info.Mapping.GenericAll = 0x1F;
        type = SimCreateObjectType(&info);
        closes = 0;
        object = static_cast<Body *>(SimCreateObject(type));
        object->deleted = &deleted;
    }
    ~ObTest() override {
        if (object != nullptr) {
            ObDereferenceObject(object);
        }
        SimDeleteObjectType(type);
    }

    std::atomic<int> deleted{0};
    POBJECT_TYPE type;
    Body *object;
};

TEST_F(ObTest, CountsReferences) {
    EXPECT_EQ(ObReferenceObject(object), 2);
    EXPECT_EQ(ObDereferenceObject(object), 1);
    EXPECT_EQ(deleted, 0);
    EXPECT_EQ(ObDereferenceObject(object), 0);
    EXPECT_EQ(deleted, 1);
    object = nullptr;
}

TEST_F(ObTest, MisuseIsReported) {
    EXPECT_DEATH(SimDeleteObjectType(type), "1 Test object.*are left");
    EXPECT_DEATH(
        {
            resurrect = true;
            ObDereferenceObject(object);
        },
        "STOP: 0x00000018.*\n.*being deleted");
    EXPECT_DEATH(
        {
            KfRaiseIrql(DISPATCH_LEVEL);
            ObDereferenceObject(object);
        },
        "The last ObDereferenceObject was called at IRQL 2");
    alignas(16) char garbage[128] = {};
    EXPECT_DEATH(ObReferenceObject(garbage + 64), "STOP: 0x00000018.*\n.*is no object");
}

TEST_F(ObTest, HandlesBelongToAProcess) {
    HANDLE handle;
    ASSERT_EQ(SimInsertHandle(object, 0, 0x3, &handle), STATUS_SUCCESS);
    EXPECT_EQ(SimObjectReferences(object), 2);
    PVOID found;
    OBJECT_HANDLE_INFORMATION info;
    ASSERT_EQ(ObReferenceObjectByHandle(handle, 0x1, type, UserMode, &found, &info), STATUS_SUCCESS);
    EXPECT_EQ(found, object);
    EXPECT_EQ(info.GrantedAccess, 0x3u);
    ObDereferenceObject(found);
    EXPECT_EQ(ObReferenceObjectByHandle(handle, 0x4, type, UserMode, &found, nullptr), STATUS_ACCESS_DENIED);
    EXPECT_EQ(ObReferenceObjectByHandle(handle, 0x4, type, KernelMode, &found, nullptr), STATUS_SUCCESS);
    ObDereferenceObject(found);
    EXPECT_EQ(ObReferenceObjectByHandle(handle, 0, *PsThreadType, KernelMode, &found, nullptr),
              STATUS_OBJECT_TYPE_MISMATCH);

    auto other = machine->createProcess({.imagePath = u"other.exe"});
    other->createThread()->run([&] {
        PVOID here;
        EXPECT_EQ(ObReferenceObjectByHandle(handle, 0, type, UserMode, &here, nullptr), STATUS_INVALID_HANDLE);
        EXPECT_EQ(ObReferenceObjectByHandle(reinterpret_cast<HANDLE>(-1), 0, *PsProcessType, UserMode, &here, nullptr),
                  STATUS_SUCCESS);
        EXPECT_EQ(reinterpret_cast<uintptr_t>(PsGetProcessId(static_cast<PEPROCESS>(here))), other->id());
        ObDereferenceObject(here);
    });
    EXPECT_EQ(NtClose(handle), STATUS_SUCCESS);
    EXPECT_EQ(NtClose(handle), STATUS_INVALID_HANDLE);
    EXPECT_EQ(closes, 1);
    EXPECT_EQ(lastHandles, 0);
}

TEST_F(ObTest, KernelHandlesAreNotForUserMode) {
    HANDLE handle;
    ASSERT_EQ(ObOpenObjectByPointer(object, OBJ_KERNEL_HANDLE, nullptr, GENERIC_ALL, type, KernelMode, &handle),
              STATUS_SUCCESS);
    PVOID found;
    EXPECT_EQ(ObReferenceObjectByHandle(handle, 0, type, UserMode, &found, nullptr), STATUS_INVALID_HANDLE);
    EXPECT_EQ(NtClose(handle), STATUS_INVALID_HANDLE);
    OBJECT_HANDLE_INFORMATION info;
    ASSERT_EQ(ObReferenceObjectByHandle(handle, 0, type, KernelMode, &found, &info), STATUS_SUCCESS);
    EXPECT_EQ(info.GrantedAccess, 0x1Fu);
    ObDereferenceObject(found);
    EXPECT_EQ(ZwClose(handle), STATUS_SUCCESS);
    EXPECT_DEATH(ZwClose(handle), "STOP: 0x00000093");
    object->value = 13;
    EXPECT_EQ(ObOpenObjectByPointer(object, OBJ_KERNEL_HANDLE, nullptr, 0, type, KernelMode, &handle),
              STATUS_ACCESS_DENIED);
    EXPECT_EQ(ObOpenObjectByPointer(object, 0, nullptr, 0, *PsThreadType, KernelMode, &handle),
              STATUS_OBJECT_TYPE_MISMATCH);
    EXPECT_EQ(SimObjectReferences(object), 1);
}

TEST_F(ObTest, ProcessExitClosesHandles) {
    auto process = machine->createProcess({.imagePath = u"\\Device\\HarddiskVolume1\\leaver.exe"});
    process->createThread()->run([&] {
        HANDLE first, second;
        EXPECT_EQ(SimInsertHandle(object, 0, 0, &first), STATUS_SUCCESS);
        EXPECT_EQ(SimInsertHandle(object, 0, 0, &second), STATUS_SUCCESS);
        EXPECT_NE(first, second);
    });
    auto id = reinterpret_cast<HANDLE>(uintptr_t{process->id()});
    PEPROCESS found;
    ASSERT_EQ(PsLookupProcessByProcessId(id, &found), STATUS_SUCCESS);
    PUNICODE_STRING name;
    ASSERT_EQ(SeLocateProcessImageName(found, &name), STATUS_SUCCESS);
    EXPECT_EQ(std::u16string_view(name->Buffer, name->Length / 2), process->imagePath());
    ExFreePool(name);
    ObDereferenceObject(found);
    process.reset();
    EXPECT_EQ(closes, 2);
    EXPECT_EQ(SimObjectReferences(object), 1);
    EXPECT_EQ(PsLookupProcessByProcessId(id, &found), STATUS_INVALID_CID);
}

TEST_F(ObTest, PreviousModeFollowsTheCaller) {
    EXPECT_EQ(ExGetPreviousMode(), UserMode);
    EXPECT_EQ(SimSetPreviousMode(KernelMode), UserMode);
    EXPECT_EQ(ExGetPreviousMode(), KernelMode);
    SimSetPreviousMode(UserMode);
    EXPECT_EQ(*SimThreadSlot(), nullptr);
    machine->hostProcess()->createThread()->run([&] {
        EXPECT_EQ(ExGetPreviousMode(), UserMode);
        EXPECT_EQ(reinterpret_cast<uintptr_t>(PsGetCurrentProcessId()), machine->hostProcess()->id());
        EXPECT_FALSE(PsIsSystemThread(PsGetCurrentThread()));
    });
}

class MachineTest : public testing::Test {};

TEST_F(MachineTest, IsOneAndBootsAgain) {
    auto first = simulator::Machine::shared();
    EXPECT_EQ(first, simulator::Machine::shared());
    first.reset();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([] {
            for (int i = 0; i < 20; ++i) {
                auto machine = simulator::Machine::shared();
                EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
                EXPECT_EQ(reinterpret_cast<uintptr_t>(PsGetCurrentProcessId()), machine->hostProcess()->id());
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
}

TEST_F(MachineTest, ThreadsMayOutliveIt) {
    std::atomic<int> stage{0};
    auto machine = simulator::Machine::shared();
    std::thread other([&] {
        EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
        stage = 1;
        while (stage != 2) {
            std::this_thread::yield();
        }
        EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
        stage = 3;
        while (stage != 4) {
            std::this_thread::yield();
        }
    });
    while (stage != 1) {
        std::this_thread::yield();
    }
    machine.reset();
    machine = simulator::Machine::shared();
    stage = 2;
    while (stage != 3) {
        std::this_thread::yield();
    }
    machine.reset();
    stage = 4;
    other.join();
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(KeGetCurrentIrql(), "while no machine runs");
}

TEST_F(MachineTest, JobsRunInOrder) {
    auto machine = simulator::Machine::shared();
    auto process = machine->createProcess({.imagePath = u"a.exe"});
    std::vector<int> order;
    {
        auto thread = process->createThread();
        for (int i = 0; i < 50; ++i) {
            thread->post([&order, i] { order.push_back(i); });
        }
    }
    ASSERT_EQ(order.size(), 50u);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

} // namespace
