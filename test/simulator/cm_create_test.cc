// SPDX-License-Identifier: MIT

#include "cm_fixture.h"

using namespace cm_test;

namespace {

class CmCreate : public CmTest {};

TEST_F(CmCreate, CreateIsReportedWithTheNewestStructure) {
    Key software = Key::open(kSoftware);
    REG_CREATE_KEY_INFORMATION_V1 seen{};
    std::u16string classText;
    ULONG dispositionInPost = 0;
    PVOID result = nullptr, postObject = nullptr;
    ACCESS_MASK granted = 0;
    Filter filter('f', u"385100", nullptr, {RegNtPreCreateKeyEx, RegNtPostCreateKeyEx},
                  [&](ULONG notifyClass, void *information) {
                      if (notifyClass == RegNtPreCreateKeyEx) {
                          seen = *static_cast<REG_CREATE_KEY_INFORMATION_V1 *>(information);
                          classText = text(seen.Class);
                      } else {
                          auto pre = static_cast<REG_CREATE_KEY_INFORMATION_V1 *>(post(information)->PreInformation);
                          dispositionInPost = *pre->Disposition;
                          result = *pre->ResultObject;
                          postObject = post(information)->Object;
                          granted = pre->GrantedAccess;
                      }
                      return STATUS_SUCCESS;
                  });
    UNICODE_STRING name = text(u"Created"), keyClass = text(u"Kind");
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, software.get(), nullptr);
    HANDLE handle;
    ASSERT_EQ(NtCreateKey(&handle, GENERIC_READ | KEY_SET_VALUE | KEY_WOW64_64KEY, &attributes, 0, &keyClass,
                          REG_OPTION_VOLATILE, nullptr),
              STATUS_SUCCESS);
    EXPECT_EQ(seen.Version, 1u);
    EXPECT_EQ(seen.RootObject, software.object());
    EXPECT_EQ(seen.Options, ULONG{REG_OPTION_VOLATILE});
    EXPECT_EQ(seen.DesiredAccess, ACCESS_MASK{KEY_READ | KEY_SET_VALUE});
    EXPECT_EQ(seen.Wow64Flags, ULONG{KEY_WOW64_64KEY});
    EXPECT_EQ(seen.Attributes, ULONG{OBJ_CASE_INSENSITIVE});
    EXPECT_EQ(seen.CheckAccessMode, UserMode);
    EXPECT_EQ(seen.Transaction, nullptr);
    EXPECT_NE(seen.Disposition, nullptr);
    EXPECT_EQ(classText, u"Kind");
    EXPECT_EQ(dispositionInPost, ULONG{REG_CREATED_NEW_KEY});
    EXPECT_EQ(granted, ACCESS_MASK{KEY_READ | KEY_SET_VALUE});
    EXPECT_EQ(result, postObject);
    EXPECT_NE(result, nullptr);
    NtClose(handle);
}

TEST_F(CmCreate, OpenHasNeitherClassNorDisposition) {
    bool seen = false;
    Filter filter('f', u"385100", nullptr, {RegNtPreOpenKeyEx}, [&](ULONG, void *information) {
        auto info = static_cast<REG_OPEN_KEY_INFORMATION_V1 *>(information);
        seen = info->Class == nullptr && info->Disposition == nullptr && info->SecurityDescriptor == nullptr;
        return STATUS_SUCCESS;
    });
    Key::open(kSoftware);
    EXPECT_TRUE(seen);
}

TEST_F(CmCreate, CreateCanBeReportedWithTheOldStructure) {
    setOptions([](CM_OPTIONS &options) { options.CreateVersion = 0; });
    PVOID reserved = &log_;
    Filter filter('f', u"385100", nullptr, {RegNtPreOpenKeyEx}, [&](ULONG, void *information) {
        reserved = static_cast<REG_OPEN_KEY_INFORMATION *>(information)->Reserved;
        return STATUS_SUCCESS;
    });
    Key::open(kSoftware);
    EXPECT_EQ(reserved, nullptr);
}

TEST_F(CmCreate, AFailedOpenHasNoObject) {
    PVOID object = &log_;
    Filter filter('f', u"385100", nullptr, {RegNtPostOpenKeyEx}, [&](ULONG, void *information) {
        object = post(information)->Object;
        return STATUS_SUCCESS;
    });
    Key::open(u"\\REGISTRY\\MACHINE\\SOFTWARE\\Missing");
    EXPECT_EQ(object, nullptr);
}

TEST_F(CmCreate, ABypassedOpenGivesTheCallerTheFiltersObjectAndRights) {
    Key other = scratch(u"Other");
    ASSERT_EQ(other.set(u"v", 5), STATUS_SUCCESS);
    PVOID objectSeenAbove = nullptr;
    Filter above('a', u"385200", nullptr, {RegNtPostOpenKeyEx}, [&](ULONG, void *information) {
        objectSeenAbove = post(information)->Object;
        return STATUS_SUCCESS;
    });
    Filter filter('f', u"385100", nullptr, {RegNtPreOpenKeyEx}, [&](ULONG, void *information) {
        auto info = static_cast<REG_OPEN_KEY_INFORMATION_V1 *>(information);
        ObReferenceObjectByHandle(other.get(), 0, *CmKeyObjectType, KernelMode, info->ResultObject, nullptr);
        info->GrantedAccess = KEY_QUERY_VALUE;
        return STATUS_CALLBACK_BYPASS;
    });
    Key key = Key::open(u"\\REGISTRY\\MACHINE\\SOFTWARE\\Missing");
    ASSERT_EQ(key.status, STATUS_SUCCESS);
    filter.stop();
    above.stop();
    ULONG value = 0;
    EXPECT_EQ(key.query(u"v", &value), STATUS_SUCCESS);
    EXPECT_EQ(value, 5u);
    EXPECT_EQ(key.set(u"v", 6), STATUS_ACCESS_DENIED);
    EXPECT_EQ(objectSeenAbove, other.object());
}

TEST_F(CmCreate, AnOverriddenOpenCanFailAndCanSucceed) {
    Key other = scratch(u"Other");
    bool fail = false;
    Filter filter('f', u"385100", nullptr, {RegNtPostOpenKeyEx}, [&](ULONG, void *information) {
        auto info = static_cast<REG_OPEN_KEY_INFORMATION_V1 *>(post(information)->PreInformation);
        if (fail) {
            ObDereferenceObject(post(information)->Object);
            post(information)->Object = *info->ResultObject = nullptr;
            post(information)->ReturnStatus = STATUS_ACCESS_DENIED;
        } else {
            EXPECT_EQ(post(information)->Object, nullptr);
            ObReferenceObjectByHandle(other.get(), 0, *CmKeyObjectType, KernelMode, info->ResultObject, nullptr);
            post(information)->Object = *info->ResultObject;
            info->GrantedAccess = info->DesiredAccess;
            post(information)->ReturnStatus = STATUS_SUCCESS;
        }
        return STATUS_CALLBACK_BYPASS;
    });
    Key key = Key::open(u"\\REGISTRY\\MACHINE\\SOFTWARE\\Missing");
    EXPECT_EQ(key.status, STATUS_SUCCESS);
    fail = true;
    EXPECT_EQ(Key::open(kSoftware).status, STATUS_ACCESS_DENIED);
    filter.stop();
    key.close();
    other.close();
    EXPECT_EQ(statistics().KeyObjects, 0u);
}

TEST_F(CmCreate, AnObjectCannotBeOpenedByPointerInItsOwnPost) {
    NTSTATUS inside = STATUS_SUCCESS;
    Filter filter('f', u"385100", nullptr, {RegNtPostOpenKeyEx}, [&](ULONG, void *information) {
        HANDLE handle = nullptr;
        inside = ObOpenObjectByPointer(post(information)->Object, OBJ_KERNEL_HANDLE, nullptr, KEY_READ,
                                       *CmKeyObjectType, KernelMode, &handle);
        return STATUS_SUCCESS;
    });
    Key key = Key::open(kSoftware);
    EXPECT_FALSE(NT_SUCCESS(inside));
    HANDLE handle = nullptr;
    EXPECT_EQ(ObOpenObjectByPointer(key.object(), OBJ_KERNEL_HANDLE, nullptr, KEY_READ, *CmKeyObjectType, KernelMode,
                                    &handle),
              STATUS_SUCCESS);
    ZwClose(handle);
}

} // namespace
