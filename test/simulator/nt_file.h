// SPDX-License-Identifier: MIT
//
// A folder of the host, and its files as the kernel's services see them.

#ifndef TEST_SIMULATOR_NT_FILE_H
#define TEST_SIMULATOR_NT_FILE_H

#include "nt_fixture.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

inline constexpr ULONG kSynchronous = FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE;
inline constexpr ULONG kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

class FileTest : public NtTest {
  protected:
    FileTest() {
        std::string pattern = std::filesystem::temp_directory_path() / "nt_file_XXXXXX";
        folder = mkdtemp(pattern.data());
    }
    ~FileTest() override { std::filesystem::remove_all(folder); }

    // As the kernel names a file of the test's folder.
    std::u16string nameOf(std::u16string_view file, std::u16string_view prefix = u"\\??\\Z:") {
        std::u16string name(prefix);
        for (char c : folder.string()) {
            name += c == '/' ? u'\\' : static_cast<char16_t>(c);
        }
        return name + u"\\" + std::u16string(file);
    }

    struct Result {
        NTSTATUS status;
        HANDLE handle;
        ULONG_PTR information;
    };
    Result create(std::u16string name, ACCESS_MASK access, ULONG disposition, ULONG share = kShareAll,
                  ULONG options = kSynchronous, HANDLE root = nullptr) {
        auto bytes = static_cast<USHORT>(name.size() * sizeof(WCHAR));
        UNICODE_STRING text = {bytes, bytes, name.data()};
        OBJECT_ATTRIBUTES attributes;
        InitializeObjectAttributes(&attributes, &text, OBJ_CASE_INSENSITIVE, root, nullptr);
        Result result = {};
        IO_STATUS_BLOCK io = {};
        result.status = NtCreateFile(&result.handle, access | SYNCHRONIZE, &attributes, &io, nullptr,
                                     FILE_ATTRIBUTE_NORMAL, share, disposition, options, nullptr, 0);
        result.information = io.Information;
        return result;
    }
    HANDLE open(std::u16string_view file, ACCESS_MASK access = GENERIC_READ | GENERIC_WRITE | DELETE,
                ULONG disposition = FILE_OPEN_IF) {
        Result result = create(nameOf(file), access, disposition);
        EXPECT_EQ(result.status, STATUS_SUCCESS);
        return result.handle;
    }
    void make(const char *file, std::string_view content) { std::ofstream(folder / file) << content; }
    std::string content(const char *file) {
        std::ifstream stream(folder / file);
        return {std::istreambuf_iterator<char>(stream), {}};
    }

    NTSTATUS write(HANDLE handle, std::string text, const LARGE_INTEGER *offset = nullptr) {
        IO_STATUS_BLOCK io = {};
        LARGE_INTEGER at = offset != nullptr ? *offset : LARGE_INTEGER{};
        NTSTATUS status = NtWriteFile(handle, nullptr, nullptr, nullptr, &io, text.data(),
                                      static_cast<ULONG>(text.size()), offset != nullptr ? &at : nullptr, nullptr);
        EXPECT_TRUE(!NT_SUCCESS(status) || io.Information == text.size());
        return status;
    }
    std::string read(HANDLE handle, ULONG length, LONGLONG offset, NTSTATUS expected = STATUS_SUCCESS) {
        std::string text(length, '#');
        IO_STATUS_BLOCK io = {};
        LARGE_INTEGER at = {.QuadPart = offset};
        EXPECT_EQ(NtReadFile(handle, nullptr, nullptr, nullptr, &io, text.data(), length, offset < 0 ? nullptr : &at,
                             nullptr),
                  expected);
        text.resize(NT_SUCCESS(expected) ? io.Information : 0);
        return text;
    }
    template <typename T> NTSTATUS set(HANDLE handle, FILE_INFORMATION_CLASS type, T information) {
        IO_STATUS_BLOCK io;
        return NtSetInformationFile(handle, &io, &information, sizeof information, type);
    }
    NTSTATUS rename(HANDLE handle, std::u16string_view to, bool replace) {
        std::vector<std::byte> bytes(sizeof(FILE_RENAME_INFORMATION) + to.size() * sizeof(WCHAR));
        auto information = reinterpret_cast<PFILE_RENAME_INFORMATION>(bytes.data());
        information->ReplaceIfExists = replace;
        information->FileNameLength = static_cast<ULONG>(to.size() * sizeof(WCHAR));
        std::memcpy(bytes.data() + FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName), to.data(),
                    information->FileNameLength);
        IO_STATUS_BLOCK io;
        return NtSetInformationFile(handle, &io, bytes.data(), static_cast<ULONG>(bytes.size()), FileRenameInformation);
    }
    std::u16string objectName(HANDLE handle) {
        PVOID object;
        EXPECT_EQ(ObReferenceObjectByHandle(handle, 0, *IoFileObjectType, KernelMode, &object, nullptr),
                  STATUS_SUCCESS);
        ULONG needed = 0;
        EXPECT_EQ(ObQueryNameString(object, nullptr, 0, &needed), STATUS_INFO_LENGTH_MISMATCH);
        std::vector<std::byte> bytes(needed);
        auto information = reinterpret_cast<POBJECT_NAME_INFORMATION>(bytes.data());
        EXPECT_EQ(ObQueryNameString(object, information, needed, &needed), STATUS_SUCCESS);
        EXPECT_EQ(information->Name.Buffer[information->Name.Length / 2], 0);
        ObDereferenceObject(object);
        return {information->Name.Buffer, information->Name.Length / sizeof(WCHAR)};
    }

    std::filesystem::path folder;
};

#endif
