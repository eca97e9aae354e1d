// SPDX-License-Identifier: MIT
//
// Load, unload, restore, save and replace.

#include "test/driver/fixture/body_fixture.h"

namespace cmbridge::test {
namespace {

class HiveBody : public BodyTest {
  protected:
    void TearDown() override {
        CmSetOptions(&options_);
        BodyTest::TearDown();
    }
    void SetUp() override {
        CmGetOptions(&options_);
        BodyTest::SetUp();
    }
    void loadVersion(UCHAR version) {
        CM_OPTIONS options = options_;
        options.LoadVersion = version;
        CmSetOptions(&options);
    }
    void raiseLoad(const std::function<void(REG_LOAD_KEY_INFORMATION_V2 &)> &before) {
        raise<REG_LOAD_KEY_INFORMATION_V2>(RegNtPreLoadKey, RegNtPostLoadKey, STATUS_SUCCESS, before);
    }

  private:
    CM_OPTIONS options_{};
};

TEST_F(HiveBody, TellsOfALoad) {
    std::u16string name = u"Hive", file = u"\\??\\C:\\hive.dat";
    UNICODE_STRING nameString = unicode(name), fileString = unicode(file);
    ULONG64 something = 0;
    HANDLE root = nullptr;
    const struct {
        PVOID trustClass;
        PVOID event;
        PHANDLE root;
        PVOID token;
        UCHAR version;
        UINT32 present;
    } cases[] = {
        {nullptr, nullptr, nullptr, nullptr, 2, 0},
        {&something, nullptr, nullptr, nullptr, 2, CMB_LOAD_TRUST_CLASS},
        {nullptr, &something, nullptr, nullptr, 2, CMB_LOAD_USER_EVENT},
        {nullptr, nullptr, &root, nullptr, 2, CMB_LOAD_ROOT_HANDLE},
        {nullptr, nullptr, nullptr, &something, 2, CMB_LOAD_FILE_ACCESS_TOKEN},
        // The older structure ends where the token would be.
        {nullptr, nullptr, nullptr, &something, 0, 0},
    };
    listen(RegNtPreLoadKey, RegNtPostLoadKey);
    for (const auto &one : cases) {
        loadVersion(one.version);
        raiseLoad([&](REG_LOAD_KEY_INFORMATION_V2 &load) {
            load.KeyName = &nameString;
            load.SourceFile = &fileString;
            load.Flags = REG_APP_HIVE | REG_NO_LAZY_FLUSH;
            load.DesiredAccess = KEY_READ;
            load.TrustClassObject = one.trustClass;
            load.UserEvent = one.event;
            load.RootHandle = one.root;
            load.FileAccessToken = one.token;
        });
        const auto [pre, post] = pair();
        for (const Record &record : {pre, post}) {
            const auto &body = record.body<CMB_BODY_LOAD>();
            EXPECT_EQ(record.text(body.KeyName), name);
            EXPECT_EQ(record.text(body.SourceFile), file);
            EXPECT_EQ(body.LoadFlags, static_cast<UINT32>(REG_APP_HIVE | REG_NO_LAZY_FLUSH));
            EXPECT_EQ(body.DesiredAccess, static_cast<UINT32>(KEY_READ));
            EXPECT_EQ(body.Present, one.present);
            EXPECT_EQ(body.StructureVersion, one.version);
            EXPECT_EQ(record.path(), path() + u"\\Hive");
        }
    }
}

TEST_F(HiveBody, SurvivesNamesOfALoadThatVanish) {
    UserMemory<32> memory;
    UNICODE_STRING bad{16, 16, memory.at<WCHAR>(16)};
    listen(RegNtPreLoadKey, RegNtPostLoadKey);
    memory.vanish();
    raiseLoad([&](REG_LOAD_KEY_INFORMATION_V2 &load) {
        load.KeyName = memory.at<UNICODE_STRING>();
        load.SourceFile = &bad;
    });
    const auto [pre, post] = pair();
    EXPECT_EQ(pre.body<CMB_BODY_LOAD>().KeyName.Flags, kFault);
    EXPECT_EQ(pre.body<CMB_BODY_LOAD>().SourceFile.Flags, kFault);
    EXPECT_EQ(pre.body<CMB_BODY_LOAD>().SourceFile.FullSize, 16u);
    EXPECT_TRUE(pre->Flags & CMB_RECORD_PATH_UNAVAILABLE);
}

TEST_F(HiveBody, TellsOfAnUnload) {
    ULONG64 event = 0;
    listen(RegNtPreUnLoadKey, RegNtPostUnLoadKey);
    for (PVOID object : {static_cast<PVOID>(&event), static_cast<PVOID>(nullptr)}) {
        raise<REG_UNLOAD_KEY_INFORMATION>(RegNtPreUnLoadKey, RegNtPostUnLoadKey, STATUS_SUCCESS,
                                          [&](REG_UNLOAD_KEY_INFORMATION &unload) { unload.UserEvent = object; });
        const auto [pre, post] = pair();
        EXPECT_EQ(pre.body<CMB_BODY_UNLOAD>().UserEvent, object ? 1u : 0u);
        EXPECT_EQ(post.body<CMB_BODY_UNLOAD>().UserEvent, object ? 1u : 0u);
    }
}

// A handle that means no file, or something else than a file: the operation is reported without a name.
TEST_F(HiveBody, SurvivesHandlesThatAreNoFiles) {
    HANDLE kernelKey = nullptr;
    client().add(u"385100", bit(RegNtPreRestoreKey) | bit(RegNtPostRestoreKey) | bit(RegNtPreSaveKey) |
                                bit(RegNtPostSaveKey) | bit(RegNtPreSaveMergedKey) | bit(RegNtPostSaveMergedKey));
    actor().run([&] {
        PVOID object = nullptr;
        ASSERT_EQ(ObReferenceObjectByHandle(key(), 0, nullptr, KernelMode, &object, nullptr), STATUS_SUCCESS);
        EXPECT_EQ(ObOpenObjectByPointer(object, OBJ_KERNEL_HANDLE, nullptr, 0, nullptr, KernelMode, &kernelKey),
                  STATUS_SUCCESS);
        ObDereferenceObject(object);
    });
    for (HANDLE handle : {static_cast<HANDLE>(nullptr), kernelKey, reinterpret_cast<HANDLE>(intptr_t{-0x7FFFF544})}) {
        raise<REG_RESTORE_KEY_INFORMATION>(RegNtPreRestoreKey, RegNtPostRestoreKey, STATUS_SUCCESS,
                                           [&](REG_RESTORE_KEY_INFORMATION &restore) {
                                               restore.FileHandle = handle;
                                               restore.Flags = 8;
                                           });
        raise<REG_SAVE_KEY_INFORMATION>(RegNtPreSaveKey, RegNtPostSaveKey, STATUS_SUCCESS,
                                        [&](REG_SAVE_KEY_INFORMATION &save) {
                                            save.FileHandle = handle;
                                            save.Format = 4;
                                        });
        raise<REG_SAVE_MERGED_KEY_INFORMATION>(
            RegNtPreSaveMergedKey, RegNtPostSaveMergedKey, STATUS_SUCCESS,
            [&](REG_SAVE_MERGED_KEY_INFORMATION &save) { save.FileHandle = handle; });
        const std::vector<Record> records = client().drain();
        ASSERT_EQ(records.size(), 6u);
        const UINT32 flags[] = {8, 8, 4, 4, 0, 0};
        for (size_t i = 0; i < records.size(); ++i) {
            EXPECT_EQ(records[i].body<CMB_BODY_FILE>().FileName.Flags, 0u);
            EXPECT_EQ(records[i].body<CMB_BODY_FILE>().FileFlags, flags[i]);
        }
    }
    actor().run([&] { EXPECT_EQ(ZwClose(kernelKey), STATUS_SUCCESS); });
}

TEST_F(HiveBody, TellsOfAReplace) {
    UserMemory<16> memory;
    std::u16string newFile = u"\\??\\C:\\new", oldFile = u"\\??\\C:\\old";
    UNICODE_STRING newString = unicode(newFile), oldString = unicode(oldFile);
    listen(RegNtPreReplaceKey, RegNtPostReplaceKey);
    raise<REG_REPLACE_KEY_INFORMATION>(
        RegNtPreReplaceKey, RegNtPostReplaceKey, STATUS_SUCCESS,
        [&](REG_REPLACE_KEY_INFORMATION &replace) {
            replace.NewFileName = &newString;
            replace.OldFileName = &oldString;
        },
        [&](REG_REPLACE_KEY_INFORMATION &replace) {
            memory.vanish();
            replace.OldFileName = memory.at<UNICODE_STRING>();
        });
    const auto [pre, post] = pair();
    EXPECT_EQ(pre.text(pre.body<CMB_BODY_REPLACE>().NewFileName), newFile);
    EXPECT_EQ(pre.text(pre.body<CMB_BODY_REPLACE>().OldFileName), oldFile);
    EXPECT_EQ(post.text(post.body<CMB_BODY_REPLACE>().NewFileName), newFile);
    EXPECT_EQ(post.body<CMB_BODY_REPLACE>().OldFileName.Flags, kFault);
}

} // namespace
} // namespace cmbridge::test
