// SPDX-License-Identifier: MIT
//
// A folder of the host for hive files, and the calls on them with names as NT writes them.

#ifndef CMBRIDGE_TEST_CM_HIVE_FILES_H
#define CMBRIDGE_TEST_CM_HIVE_FILES_H

#include "cm_fixture.h"

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace cm_test {

class CmHiveFiles : public CmTest {
  protected:
    void SetUp() override {
        CmTest::SetUp();
        std::string name = (std::filesystem::temp_directory_path() / "cmbridge-hives-XXXXXX").string();
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override {
        CmTest::TearDown();
        std::filesystem::remove_all(folder_);
    }

    std::filesystem::path host(const std::string &name) const { return folder_ / name; }
    // \??\Z:\... of a file in the folder.
    std::u16string nt(const std::string &name) const {
        std::string path = host(name).string();
        std::replace(path.begin(), path.end(), '/', '\\');
        return u"\\??\\Z:" + std::u16string(path.begin(), path.end());
    }
    std::string read(const std::string &name) const {
        std::ifstream file(host(name), std::ios::binary);
        std::ostringstream all;
        all << file.rdbuf();
        return all.str();
    }
    void write(const std::string &name, const std::string &bytes) const {
        std::ofstream(host(name), std::ios::binary) << bytes;
    }
    // What a program prints; it must succeed.
    static std::string run(const std::string &command) {
        std::string output;
        FILE *pipe = popen((command + " 2>&1").c_str(), "r");
        char buffer[256];
        while (pipe != nullptr && fgets(buffer, sizeof buffer, pipe) != nullptr) {
            output += buffer;
        }
        int status = pipe == nullptr ? -1 : pclose(pipe);
        EXPECT_EQ(status, 0) << command << "\n" << output;
        return output;
    }

    class Attributes {
      public:
        explicit Attributes(std::u16string name, HANDLE root = nullptr) : text_(std::move(name)), string_(text(text_)) {
            InitializeObjectAttributes(&attributes_, &string_, OBJ_CASE_INSENSITIVE, root, nullptr);
        }
        Attributes(const Attributes &) = delete;
        operator POBJECT_ATTRIBUTES() { return &attributes_; }

      private:
        std::u16string text_;
        UNICODE_STRING string_;
        OBJECT_ATTRIBUTES attributes_{};
    };

    HANDLE openFile(const std::string &name, ACCESS_MASK access, ULONG disposition) {
        HANDLE handle = nullptr;
        IO_STATUS_BLOCK done;
        EXPECT_EQ(NtCreateFile(&handle, access | SYNCHRONIZE, Attributes(nt(name)), &done, nullptr,
                               FILE_ATTRIBUTE_NORMAL, 0, disposition,
                               FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, nullptr, 0),
                  STATUS_SUCCESS)
            << name;
        return handle;
    }
    NTSTATUS save(const Key &key, const std::string &name, ULONG format = REG_LATEST_FORMAT) {
        HANDLE file = openFile(name, GENERIC_WRITE, FILE_OVERWRITE_IF);
        NTSTATUS status = NtSaveKeyEx(key.get(), file, format);
        NtClose(file);
        return status;
    }
    NTSTATUS restore(const Key &key, const std::string &name, ULONG flags = 0) {
        HANDLE file = openFile(name, GENERIC_READ, FILE_OPEN);
        NTSTATUS status = NtRestoreKey(key.get(), file, flags);
        NtClose(file);
        return status;
    }
    NTSTATUS load(const std::string &name, const std::u16string &path = kLoaded, ULONG flags = 0) {
        return NtLoadKey2(Attributes(path), Attributes(nt(name)), flags);
    }
    NTSTATUS unload(const std::u16string &path = kLoaded, ULONG flags = 0) {
        return NtUnloadKey2(Attributes(path), flags);
    }
    NTSTATUS loadApplication(const std::string &name, const std::u16string &path, HANDLE *root,
                             ACCESS_MASK access = KEY_ALL_ACCESS, ULONG flags = 0) {
        return NtLoadKeyEx(Attributes(path), Attributes(nt(name)), REG_APP_HIVE | flags, nullptr, nullptr, access, root,
                           nullptr);
    }
    // A hive with \Key, which has the values Number and Text, and \Key\Below.
    void makeHive(const std::string &name, ULONG format = REG_LATEST_FORMAT) {
        Key root = scratch(u"HiveSource");
        Key source = Key::create(u"\\REGISTRY\\USER\\.DEFAULT\\Software\\HiveSource");
        Key key = Key::create(u"Key", source.get(), 0, nullptr, u"Kind");
        EXPECT_EQ(key.set(u"Number", 42), STATUS_SUCCESS);
        UNICODE_STRING valueName = text(u"Text");
        WCHAR data[] = u"hello";
        EXPECT_EQ(NtSetValueKey(key.get(), &valueName, 0, REG_SZ, data, sizeof data), STATUS_SUCCESS);
        EXPECT_EQ(Key::create(u"Below", key.get()).status, STATUS_SUCCESS);
        EXPECT_EQ(save(source, name, format), STATUS_SUCCESS);
        EXPECT_EQ(NtDeleteKey(Key::open(u"Below", DELETE, key.get()).get()), STATUS_SUCCESS);
        EXPECT_EQ(NtDeleteKey(key.get()), STATUS_SUCCESS);
        EXPECT_EQ(NtDeleteKey(source.get()), STATUS_SUCCESS);
        EXPECT_EQ(NtDeleteKey(root.get()), STATUS_SUCCESS);
    }
    static ULONG valueOf(const Key &key, std::u16string_view name) {
        ULONG value = 0xBAD;
        NTSTATUS status = key.query(name, &value);
        return status == STATUS_SUCCESS ? value : static_cast<ULONG>(status);
    }

    static inline const std::u16string kLoaded = u"\\REGISTRY\\MACHINE\\CmLoaded";
    static inline const std::u16string kApplication = u"\\REGISTRY\\A\\{7E0D4B1E-0B6E-4C5B-9B57-1C8B3A1F0A01}";
    std::filesystem::path folder_;
};

} // namespace cm_test

#endif
