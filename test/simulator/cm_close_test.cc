// SPDX-License-Identifier: MIT

#include "cm_fixture.h"

using namespace cm_test;

namespace {

class CmClose : public CmTest {};

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
