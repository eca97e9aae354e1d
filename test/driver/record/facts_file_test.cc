// SPDX-License-Identifier: MIT
//
// The names of the files that keys are restored from and saved to. The files are objects of a type that this test makes
// up, so that it decides what they answer when they are asked for their names.

#include "test/driver/fixture/body_fixture.h"

#include <algorithm>
#include <filesystem>

namespace cmbridge::test {
namespace {

struct FakeFile {
    FILE_OBJECT file;
    const std::u16string *name;
    unsigned *questions;
};

NTSTATUS answerName(PVOID object, POBJECT_NAME_INFORMATION information, ULONG length, PULONG returned,
                    KPROCESSOR_MODE) {
    auto *file = static_cast<FakeFile *>(object);
    ++*file->questions;
    *returned = static_cast<ULONG>(sizeof(*information) + (file->name->size() + 1) * sizeof(char16_t));
    if (file->name->size() > 0x7FFF) {
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    }
    if (length < *returned) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    const auto bytes = static_cast<USHORT>(file->name->size() * sizeof(char16_t));
    information->Name = {bytes, static_cast<USHORT>(bytes + sizeof(char16_t)), reinterpret_cast<PWCH>(information + 1)};
    std::memcpy(information->Name.Buffer, file->name->data(), bytes);
    return STATUS_SUCCESS;
}

class FileName : public BodyTest {
  protected:
    void SetUp() override {
        BodyTest::SetUp();
        SIM_OBJECT_TYPE_INITIALIZER info = {};
        info.Name = "File";
        info.BodySize = sizeof(FakeFile);
        info.ValidAccess = FILE_ALL_ACCESS;
        info.QueryName = answerName;
        fakeType_ = SimCreateObjectType(&info);
        client().add(u"385100", bit(RegNtPreRestoreKey) | bit(RegNtPostRestoreKey) | bit(RegNtPreSaveKey) |
                                    bit(RegNtPostSaveKey) | bit(RegNtPreSaveMergedKey) | bit(RegNtPostSaveMergedKey));
    }
    void TearDown() override {
        SimDeleteObjectType(fakeType_);
        BodyTest::TearDown();
    }

    // Runs `use` with the handle of a file on a device of this type that answers with this name.
    void withFile(ULONG deviceType, const std::u16string &name, const std::function<void(HANDLE)> &use) {
        DEVICE_OBJECT device{};
        device.DeviceType = deviceType;
        HANDLE handle = nullptr;
        actor().run([&] {
            auto *file = static_cast<FakeFile *>(SimCreateObject(fakeType_));
            file->file.DeviceObject = &device;
            file->name = &name;
            file->questions = &questions_;
            ASSERT_EQ(SimInsertHandle(file, OBJ_KERNEL_HANDLE, FILE_ALL_ACCESS, &handle), STATUS_SUCCESS);
            ObDereferenceObject(file);
        });
        // Where the types are known for the driver's call only: the simulator has files of its own.
        const POBJECT_TYPE type = *IoFileObjectType;
        *IoFileObjectType = fakeType_;
        use(handle);
        *IoFileObjectType = type;
        actor().run([&] { EXPECT_EQ(ZwClose(handle), STATUS_SUCCESS); });
    }
    void save(HANDLE file) {
        raise<REG_SAVE_KEY_INFORMATION>(RegNtPreSaveKey, RegNtPostSaveKey, STATUS_SUCCESS,
                                        [&](REG_SAVE_KEY_INFORMATION &save) { save.FileHandle = file; });
    }
    void expectName(const std::u16string &name) {
        for (const Record &record : pair()) {
            const auto &body = record.body<CMB_BODY_FILE>();
            EXPECT_EQ(record.text(body.FileName), name);
            EXPECT_EQ(body.FileName.FullSize, name.size() * sizeof(char16_t));
        }
    }
    void expectNoName() {
        for (const Record &record : pair()) {
            EXPECT_EQ(record.body<CMB_BODY_FILE>().FileName.Flags, 0u);
        }
    }
    unsigned questions_ = 0;

  private:
    POBJECT_TYPE fakeType_ = nullptr;
};

const std::u16string kName = u"\\Device\\HarddiskVolume1\\hive.dat";

TEST_F(FileName, IsToldForEachClassWithAFile) {
    withFile(FILE_DEVICE_UNKNOWN, kName, [&](HANDLE file) {
        save(file);
        expectName(kName);
        raise<REG_RESTORE_KEY_INFORMATION>(RegNtPreRestoreKey, RegNtPostRestoreKey, STATUS_SUCCESS,
                                           [&](REG_RESTORE_KEY_INFORMATION &restore) { restore.FileHandle = file; });
        expectName(kName);
        raise<REG_SAVE_MERGED_KEY_INFORMATION>(RegNtPreSaveMergedKey, RegNtPostSaveMergedKey, STATUS_SUCCESS,
                                               [&](REG_SAVE_MERGED_KEY_INFORMATION &save) { save.FileHandle = file; });
        expectName(kName);
    });
    // Asked in pre, for both phases.
    EXPECT_EQ(questions_, 3u);
}

TEST_F(FileName, MayBeTheLongest) {
    const std::u16string longest(0x7FFF, u'n'), longer(0x8000, u'n');
    withFile(FILE_DEVICE_UNKNOWN, longest, [&](HANDLE file) {
        save(file);
        expectName(longest);
    });
    withFile(FILE_DEVICE_UNKNOWN, longer, [&](HANDLE file) {
        save(file);
        expectNoName();
    });
}

TEST_F(FileName, IsMissingWhereTheFileHasNone) {
    withFile(FILE_DEVICE_UNKNOWN, u"", [&](HANDLE file) {
        save(file);
        expectNoName();
    });
}

// Their answer may never come.
TEST_F(FileName, IsNotAskedOfPipes) {
    for (ULONG type : {FILE_DEVICE_NAMED_PIPE, FILE_DEVICE_MAILSLOT}) {
        withFile(type, kName, [&](HANDLE file) {
            save(file);
            expectNoName();
        });
    }
    EXPECT_EQ(questions_, 0u);
}

TEST_F(FileName, IsNotAskedForAtApcLevel) {
    client().allowUndescribed();
    withFile(FILE_DEVICE_UNKNOWN, kName, [&](HANDLE file) {
        Rival above(u"400000", [&](ULONG number, PVOID information) {
            if (number == RegNtPreSaveKey) {
                static_cast<REG_SAVE_KEY_INFORMATION *>(information)->FileHandle = file;
            }
        });
        actor().run([&] {
            PVOID object = nullptr;
            KIRQL irql;
            ASSERT_EQ(ObReferenceObjectByHandle(key(), 0, nullptr, KernelMode, &object, nullptr), STATUS_SUCCESS);
            KeRaiseIrql(APC_LEVEL, &irql);
            CmInjectNotification(object, RegNtPreSaveKey, STATUS_SUCCESS);
            KeLowerIrql(irql);
            ObDereferenceObject(object);
        });
        expectNoName();
    });
    EXPECT_EQ(questions_, 0u);
}

TEST_F(FileName, IsMissingWithoutMemory) {
    unsigned without = 0;
    withFile(FILE_DEVICE_UNKNOWN, kName, [&](HANDLE file) {
        failAllocations([&] { save(file); },
                        [&](const std::vector<Record> &records) {
                            ASSERT_EQ(records.size(), 2u);
                            without += records[0].body<CMB_BODY_FILE>().FileName.Flags == 0;
                        });
    });
    EXPECT_EQ(without, 1u);
}

// A file of the host, whose name the simulator's own object manager tells.
TEST_F(FileName, OfARealFileIsItsPath) {
    const std::string base = "cmbridge-driver-test-" + std::to_string(actor().processId());
    const std::filesystem::path host = std::filesystem::temp_directory_path() / base;
    std::u16string tail = host.u16string();
    std::replace(tail.begin(), tail.end(), u'/', u'\\');
    std::u16string path = u"\\??\\Z:" + tail;
    HANDLE file = nullptr;
    actor().run([&] {
        UNICODE_STRING name = unicode(path);
        OBJECT_ATTRIBUTES object;
        IO_STATUS_BLOCK io;
        InitializeObjectAttributes(&object, &name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, nullptr, nullptr);
        EXPECT_EQ(ZwCreateFile(&file, FILE_GENERIC_WRITE, &object, &io, nullptr, 0, 0, FILE_CREATE,
                               FILE_SYNCHRONOUS_IO_NONALERT, nullptr, 0),
                  STATUS_SUCCESS);
    });
    save(file);
    expectName(u"\\Device\\HarddiskVolume26" + tail);
    actor().run([&] { EXPECT_EQ(ZwClose(file), STATUS_SUCCESS); });
    std::filesystem::remove(host);
}

} // namespace
} // namespace cmbridge::test
