// SPDX-License-Identifier: MIT

#include "cm_fixture.h"

using namespace cm_test;

namespace {

class CmClose : public CmTest {};

HANDLE id(const simulator::Process &process) {
    return reinterpret_cast<HANDLE>(static_cast<ULONG_PTR>(process.id()));
}

TEST_F(CmClose, CloseIsReportedOncePerObjectNotPerHandle) {
    Key key = scratch();
    PVOID object = key.object(), postObject = nullptr;
    Filter filter('f', u"385100", &log_, {RegNtPreKeyHandleClose, RegNtPostKeyHandleClose},
                  [&](ULONG notifyClass, void *information) {
                      if (notifyClass == RegNtPreKeyHandleClose) {
                          EXPECT_EQ(static_cast<REG_KEY_HANDLE_CLOSE_INFORMATION *>(information)->Object, object);
                          return STATUS_ACCESS_DENIED; // cannot block
                      }
                      postObject = post(information)->Object;
                      post(information)->ReturnStatus = STATUS_ACCESS_DENIED; // cannot override
                      return STATUS_CALLBACK_BYPASS;
                  });
    ObReferenceObject(object);
    EXPECT_EQ(key.close(), STATUS_SUCCESS);
    EXPECT_TRUE(log_.take().empty());
    ObDereferenceObject(object);
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'f', RegNtPreKeyHandleClose, 0}, {'f', RegNtPostKeyHandleClose, 0}}));
    EXPECT_NE(postObject, object);
    EXPECT_NE(postObject, nullptr);
    EXPECT_EQ(statistics().KeyObjects, 0u);
}

TEST_F(CmClose, ProcessExitClosesItsKeys) {
    {
        auto process = machine_->createProcess({.imagePath = u"C:\\Windows\\leaver.exe"});
        auto thread = process->createThread();
        thread->run([] {
            HANDLE handle;
            UNICODE_STRING name = text(kSoftware);
            OBJECT_ATTRIBUTES attributes;
            InitializeObjectAttributes(&attributes, &name, 0, nullptr, nullptr);
            EXPECT_EQ(NtOpenKey(&handle, KEY_READ, &attributes), STATUS_SUCCESS);
        });
        EXPECT_EQ(statistics().KeyObjects, 1u);
    }
    EXPECT_EQ(statistics().KeyObjects, 0u);
}

// The last reference need not go in the program that opened the key.
TEST_F(CmClose, ADuplicateInAnotherProcessDelaysTheCloseUntilItIsClosedThere) {
    auto other = machine_->createProcess({.imagePath = u"\\Device\\HarddiskVolume1\\heir.exe"});
    PEPROCESS process = nullptr;
    ASSERT_EQ(PsLookupProcessByProcessId(id(*other), &process), STATUS_SUCCESS);
    HANDLE target = nullptr, copy = nullptr;
    ASSERT_EQ(ObOpenObjectByPointer(process, OBJ_KERNEL_HANDLE, nullptr, PROCESS_DUP_HANDLE, *PsProcessType, KernelMode,
                                    &target),
              STATUS_SUCCESS);
    ObDereferenceObject(process);
    Key key = scratch();
    ASSERT_EQ(ZwDuplicateObject(NtCurrentProcess(), key.get(), target, &copy, 0, 0, DUPLICATE_SAME_ACCESS),
              STATUS_SUCCESS);
    ZwClose(target);
    std::vector<HANDLE> closers;
    Filter filter('f', u"385100", nullptr, {RegNtPreKeyHandleClose}, [&](ULONG, void *) {
        closers.push_back(PsGetCurrentProcessId());
        return STATUS_SUCCESS;
    });
    key.close();
    EXPECT_TRUE(closers.empty());
    other->createThread()->run([&] { EXPECT_EQ(NtClose(copy), STATUS_SUCCESS); });
    EXPECT_EQ(closers, std::vector<HANDLE>{id(*other)});
}

struct LateReference {
    PVOID object;
    KEVENT done;
};

VOID dropReference(PVOID context) {
    auto late = static_cast<LateReference *>(context);
    ObDereferenceObject(late->object);
    KeSetEvent(&late->done, 0, FALSE);
}

TEST_F(CmClose, AReferenceOfTheKernelDelaysTheCloseUntilAWorkerDropsIt) {
    Key key = scratch();
    LateReference late{key.object(), {}};
    KeInitializeEvent(&late.done, NotificationEvent, FALSE);
    ObReferenceObject(late.object);
    std::vector<HANDLE> closers;
    Filter filter('f', u"385100", &log_,
                  {RegNtPreKeyHandleClose, RegNtPostKeyHandleClose, RegNtCallbackObjectContextCleanup},
                  [&](ULONG notifyClass, void *) {
                      if (notifyClass == RegNtPreKeyHandleClose) {
                          closers.push_back(PsGetCurrentProcessId());
                      }
                      return STATUS_SUCCESS;
                  });
    ASSERT_EQ(CmSetCallbackObjectContext(late.object, &filter.cookie, this, nullptr), STATUS_SUCCESS);
    key.close();
    EXPECT_TRUE(log_.take().empty());
    HANDLE worker = nullptr;
    ASSERT_EQ(PsCreateSystemThread(&worker, SYNCHRONIZE, nullptr, nullptr, nullptr, dropReference, &late),
              STATUS_SUCCESS);
    KeWaitForSingleObject(&late.done, Executive, KernelMode, FALSE, nullptr);
    ZwWaitForSingleObject(worker, FALSE, nullptr);
    ZwClose(worker);
    EXPECT_EQ(closers, std::vector<HANDLE>{PsGetProcessId(PsInitialSystemProcess)});
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'f', RegNtPreKeyHandleClose, 0},
                                              {'f', RegNtCallbackObjectContextCleanup, 0},
                                              {'f', RegNtPostKeyHandleClose, 0}}));
}

using CmCloseDeath = CmClose;

TEST_F(CmCloseDeath, ReferencingTheObjectInPreCloseIsReported) {
    Key key = scratch();
    Filter filter('f', u"385100", nullptr, {RegNtPreKeyHandleClose}, [](ULONG, void *information) {
        ObReferenceObject(static_cast<REG_KEY_HANDLE_CLOSE_INFORMATION *>(information)->Object);
        return STATUS_SUCCESS;
    });
    EXPECT_DEATH(key.close(), "STOP: 0x00000018");
}

TEST_F(CmCloseDeath, UsingTheObjectOfAPostCloseIsReported) {
    Key key = scratch();
    Filter *self = nullptr;
    Filter filter('f', u"385100", nullptr, {RegNtPostKeyHandleClose}, [&](ULONG, void *information) {
        return CmCallbackGetKeyObjectIDEx(&self->cookie, post(information)->Object, nullptr, nullptr, 0);
    });
    self = &filter;
    EXPECT_DEATH(key.close(), "STOP: 0x000000C4 \\(0xC3000003");
}

TEST_F(CmClose, TheObjectNameIsReportedAndCannotBeOverridden) {
    Key key = scratch();
    Filter filter('f', u"385100", &log_, {RegNtPreQueryKeyName, RegNtPostQueryKeyName, RegNtPreQueryKey},
                  [](ULONG notifyClass, void *information) {
                      if (notifyClass == RegNtPostQueryKeyName) {
                          post(information)->ReturnStatus = STATUS_ACCESS_DENIED;
                          return STATUS_CALLBACK_BYPASS;
                      }
                      return STATUS_SUCCESS;
                  });
    struct {
        OBJECT_NAME_INFORMATION head;
        WCHAR rest[64];
    } buffer;
    ULONG length = 0;
    EXPECT_EQ(NtQueryObject(key.get(), ObjectNameInformation, &buffer, sizeof buffer, &length), STATUS_SUCCESS);
    EXPECT_EQ(text(&buffer.head.Name), u"\\REGISTRY\\MACHINE\\SOFTWARE\\CmTest");
    EXPECT_EQ(length, sizeof buffer.head + buffer.head.Name.Length + 2);
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'f', RegNtPreQueryKeyName, 0}, {'f', RegNtPostQueryKeyName, 0}}));
    EXPECT_EQ(NtQueryObject(key.get(), ObjectNameInformation, &buffer, 8, &length), STATUS_INFO_LENGTH_MISMATCH);
}

} // namespace
