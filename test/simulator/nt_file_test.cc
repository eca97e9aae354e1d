// SPDX-License-Identifier: MIT

#include "nt_file.h"

#include <sys/stat.h>

namespace {

TEST_F(FileTest, WritesAndReadsTheHostsFile) {
    Result made = create(nameOf(u"a.txt"), GENERIC_READ | GENERIC_WRITE, FILE_CREATE);
    ASSERT_EQ(made.status, STATUS_SUCCESS);
    EXPECT_EQ(made.information, static_cast<ULONG_PTR>(FILE_CREATED));
    EXPECT_EQ(write(made.handle, "hello"), STATUS_SUCCESS);
    EXPECT_EQ(write(made.handle, " world"), STATUS_SUCCESS);
    EXPECT_EQ(content("a.txt"), "hello world");
    EXPECT_EQ(read(made.handle, 5, 6), "world");
    EXPECT_EQ(read(made.handle, 100, 9), "ld");
    read(made.handle, 1, 11, STATUS_END_OF_FILE);
    EXPECT_EQ(read(made.handle, 0, 11), "");
    IO_STATUS_BLOCK io;
    EXPECT_EQ(NtFlushBuffersFile(made.handle, &io), STATUS_SUCCESS);
    LARGE_INTEGER end = {.QuadPart = -1}, far = {.QuadPart = 14};
    EXPECT_EQ(write(made.handle, "!", &end), STATUS_SUCCESS);
    EXPECT_EQ(write(made.handle, "?", &far), STATUS_SUCCESS);
    EXPECT_EQ(content("a.txt"), std::string("hello world!\0\0?", 15));
    EXPECT_EQ(NtClose(made.handle), STATUS_SUCCESS);
}

TEST_F(FileTest, KeepsAPositionWhenOpenedForSynchronousUse) {
    make("a", "0123456789");
    HANDLE handle = open(u"a");
    EXPECT_EQ(set(handle, FilePositionInformation, FILE_POSITION_INFORMATION{{.QuadPart = 4}}), STATUS_SUCCESS);
    EXPECT_EQ(read(handle, 2, -1), "45");
    EXPECT_EQ(read(handle, 2, -1), "67");
    FILE_POSITION_INFORMATION position;
    IO_STATUS_BLOCK io;
    EXPECT_EQ(NtQueryInformationFile(handle, &io, &position, sizeof position, FilePositionInformation), STATUS_SUCCESS);
    EXPECT_EQ(position.CurrentByteOffset.QuadPart, 8);
    EXPECT_EQ(set(handle, FilePositionInformation, FILE_POSITION_INFORMATION{{.QuadPart = -4}}),
              STATUS_INVALID_PARAMETER);
    NtClose(handle);
    Result other = create(nameOf(u"a"), GENERIC_READ, FILE_OPEN, kShareAll, FILE_NON_DIRECTORY_FILE);
    read(other.handle, 2, -1, STATUS_INVALID_PARAMETER);
    EXPECT_EQ(read(other.handle, 2, 1), "12");
    NtClose(other.handle);
}

TEST_F(FileTest, DispositionsDecide) {
    make("there", "old");
    auto run = [&](const char16_t *name, ULONG disposition) {
        Result result = create(nameOf(name), GENERIC_WRITE, disposition);
        if (NT_SUCCESS(result.status)) {
            NtClose(result.handle);
        }
        return std::pair(result.status, result.information);
    };
    using Pair = std::pair<NTSTATUS, ULONG_PTR>;
    EXPECT_EQ(run(u"none", FILE_OPEN), Pair(STATUS_OBJECT_NAME_NOT_FOUND, FILE_DOES_NOT_EXIST));
    EXPECT_EQ(run(u"none", FILE_OVERWRITE), Pair(STATUS_OBJECT_NAME_NOT_FOUND, FILE_DOES_NOT_EXIST));
    EXPECT_EQ(run(u"there", FILE_CREATE), Pair(STATUS_OBJECT_NAME_COLLISION, FILE_EXISTS));
    EXPECT_EQ(run(u"there", FILE_OPEN_IF), Pair(STATUS_SUCCESS, FILE_OPENED));
    EXPECT_EQ(content("there"), "old");
    EXPECT_EQ(run(u"there", FILE_OVERWRITE_IF), Pair(STATUS_SUCCESS, FILE_OVERWRITTEN));
    EXPECT_EQ(content("there"), "");
    EXPECT_EQ(run(u"there", FILE_SUPERSEDE), Pair(STATUS_SUCCESS, FILE_SUPERSEDED));
    EXPECT_EQ(run(u"new", FILE_SUPERSEDE), Pair(STATUS_SUCCESS, FILE_CREATED));
    EXPECT_EQ(run(u"there", 6).first, STATUS_INVALID_PARAMETER);
    EXPECT_EQ(run(u"no\\where", FILE_CREATE).first, STATUS_OBJECT_PATH_NOT_FOUND);
    EXPECT_EQ(run(u"a\\..\\b", FILE_CREATE).first, STATUS_OBJECT_NAME_INVALID);
    EXPECT_EQ(run(u"a/b", FILE_CREATE).first, STATUS_OBJECT_NAME_INVALID);
    EXPECT_EQ(run(u"a?", FILE_CREATE).first, STATUS_OBJECT_NAME_INVALID);
    EXPECT_EQ(run(u"a\xD800", FILE_CREATE).first, STATUS_OBJECT_NAME_INVALID);
    EXPECT_EQ(run(u"\u00E4\u6F22\U0001F600", FILE_CREATE).first, STATUS_SUCCESS);
    EXPECT_TRUE(std::filesystem::exists(folder / u8"\u00E4\u6F22\U0001F600"));
}

TEST_F(FileTest, NamesAreFoundInAnyCase) {
    make("Mixed.Dat", "x");
    HANDLE handle = open(u"mIXED.dAT", GENERIC_READ, FILE_OPEN);
    EXPECT_EQ(read(handle, 1, 0), "x");
    NtClose(handle);
    // A file of just that name comes first.
    make("mixed.dat", "y");
    handle = open(u"mixed.dat", GENERIC_READ, FILE_OPEN);
    EXPECT_EQ(read(handle, 1, 0), "y");
    NtClose(handle);
}

TEST_F(FileTest, ObjectsHaveNames) {
    HANDLE handle = open(u"Some.File");
    EXPECT_EQ(objectName(handle), nameOf(u"Some.File", u"\\Device\\HarddiskVolume26"));
    EXPECT_EQ(rename(handle, u"Other.File", false), STATUS_SUCCESS);
    EXPECT_EQ(objectName(handle), nameOf(u"Other.File", u"\\Device\\HarddiskVolume26"));
    NtClose(handle);
    EXPECT_TRUE(std::filesystem::exists(folder / "Other.File"));
    Result same = create(nameOf(u"Other.File", u"\\Device\\HarddiskVolume26"), GENERIC_READ, FILE_OPEN);
    EXPECT_EQ(same.status, STATUS_SUCCESS);
    NtClose(same.handle);
}

TEST_F(FileTest, InformationHasItsLengths) {
    make("a", "12345");
    HANDLE handle = open(u"a");
    FILE_STANDARD_INFORMATION standard = {};
    IO_STATUS_BLOCK io = {};
    EXPECT_EQ(NtQueryInformationFile(handle, &io, &standard, sizeof standard, FileStandardInformation), STATUS_SUCCESS);
    EXPECT_EQ(io.Information, sizeof standard);
    EXPECT_EQ(standard.EndOfFile.QuadPart, 5);
    EXPECT_EQ(standard.NumberOfLinks, 1u);
    EXPECT_FALSE(standard.Directory);
    EXPECT_EQ(NtQueryInformationFile(handle, &io, &standard, sizeof standard - 1, FileStandardInformation),
              STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(NtQueryInformationFile(handle, &io, &standard, sizeof standard, static_cast<FILE_INFORMATION_CLASS>(200)),
              STATUS_INVALID_INFO_CLASS);
    EXPECT_EQ(set(handle, FileEndOfFileInformation, FILE_END_OF_FILE_INFORMATION{{.QuadPart = 2}}), STATUS_SUCCESS);
    EXPECT_EQ(content("a"), "12");
    EXPECT_EQ(set(handle, FileEndOfFileInformation, FILE_END_OF_FILE_INFORMATION{{.QuadPart = -2}}),
              STATUS_INVALID_PARAMETER);
    FILE_BASIC_INFORMATION basic = {};
    EXPECT_EQ(NtQueryInformationFile(handle, &io, &basic, sizeof basic, FileBasicInformation), STATUS_SUCCESS);
    EXPECT_EQ(basic.FileAttributes, static_cast<ULONG>(FILE_ATTRIBUTE_ARCHIVE));
    LARGE_INTEGER now;
    KeQuerySystemTimePrecise(&now);
    EXPECT_LT(std::abs(now.QuadPart - basic.LastWriteTime.QuadPart), 600000000);
    FILE_NAME_INFORMATION name;
    EXPECT_EQ(NtQueryInformationFile(handle, &io, &name, sizeof name, FileNameInformation), STATUS_BUFFER_OVERFLOW);
    EXPECT_EQ(name.FileNameLength, nameOf(u"a", u"").size() * sizeof(WCHAR));
    NtClose(handle);
}

TEST_F(FileTest, HandlesHaveTheirRights) {
    make("a", "x");
    HANDLE reader = open(u"a", GENERIC_READ, FILE_OPEN);
    EXPECT_EQ(write(reader, "y"), STATUS_ACCESS_DENIED);
    EXPECT_EQ(set(reader, FileEndOfFileInformation, FILE_END_OF_FILE_INFORMATION{}), STATUS_ACCESS_DENIED);
    EXPECT_EQ(set(reader, FileDispositionInformation, FILE_DISPOSITION_INFORMATION{TRUE}), STATUS_ACCESS_DENIED);
    NtClose(reader);
    HANDLE appender = open(u"a", FILE_APPEND_DATA, FILE_OPEN);
    LARGE_INTEGER start = {};
    EXPECT_EQ(write(appender, "y", &start), STATUS_SUCCESS);
    EXPECT_EQ(content("a"), "xy");
    read(appender, 1, 0, STATUS_ACCESS_DENIED);
    NtClose(appender);
}

TEST_F(FileTest, DirectoriesAreOpenedAsSuch) {
    Result made = create(nameOf(u"d"), GENERIC_READ | DELETE, FILE_CREATE, kShareAll,
                         FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT);
    ASSERT_EQ(made.status, STATUS_SUCCESS);
    EXPECT_EQ(create(nameOf(u"d"), GENERIC_READ, FILE_OPEN).status, STATUS_FILE_IS_A_DIRECTORY);
    Result inside = create(u"below", GENERIC_WRITE, FILE_CREATE, kShareAll, kSynchronous, made.handle);
    EXPECT_EQ(inside.status, STATUS_SUCCESS);
    EXPECT_EQ(objectName(inside.handle), nameOf(u"d\\below", u"\\Device\\HarddiskVolume26"));
    EXPECT_EQ(create(u"\\below", GENERIC_WRITE, FILE_OPEN, kShareAll, kSynchronous, made.handle).status,
              STATUS_OBJECT_NAME_INVALID);
    NtClose(inside.handle);
    EXPECT_EQ(set(made.handle, FileDispositionInformation, FILE_DISPOSITION_INFORMATION{TRUE}),
              STATUS_DIRECTORY_NOT_EMPTY);
    std::filesystem::remove(folder / "d" / "below");
    EXPECT_EQ(set(made.handle, FileDispositionInformation, FILE_DISPOSITION_INFORMATION{TRUE}), STATUS_SUCCESS);
    NtClose(made.handle);
    EXPECT_FALSE(std::filesystem::exists(folder / "d"));
    make("f", "");
    EXPECT_EQ(create(nameOf(u"f"), GENERIC_READ, FILE_OPEN, kShareAll, FILE_DIRECTORY_FILE).status,
              STATUS_NOT_A_DIRECTORY);
    // A pipe of the host would block who opens it.
    ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
    EXPECT_EQ(create(nameOf(u"pipe"), GENERIC_READ, FILE_OPEN).status, STATUS_ACCESS_DENIED);
}

TEST_F(FileTest, BadArgumentsAreRefused) {
    make("a", "x");
    EXPECT_EQ(create(u"relative", GENERIC_READ, FILE_OPEN).status, STATUS_OBJECT_PATH_SYNTAX_BAD);
    EXPECT_EQ(create(u"\\??\\Y:\\a", GENERIC_READ, FILE_OPEN).status, STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(create(u"\\??\\Z:", GENERIC_READ, FILE_OPEN).status, STATUS_ACCESS_DENIED);
    EXPECT_EQ(create(nameOf(u"a"), GENERIC_READ, FILE_OPEN, 8).status, STATUS_INVALID_PARAMETER);
    EXPECT_EQ(create(nameOf(u"a"), GENERIC_READ, FILE_OPEN, 0, FILE_DIRECTORY_FILE | FILE_NON_DIRECTORY_FILE).status,
              STATUS_INVALID_PARAMETER);
    HANDLE handle = open(u"a");
    IO_STATUS_BLOCK io;
    LARGE_INTEGER offset = {};
    EXPECT_EQ(NtReadFile(handle, nullptr, nullptr, nullptr, &io, reinterpret_cast<PVOID>(16), 4, &offset, nullptr),
              STATUS_ACCESS_VIOLATION);
    char page[16] = {};
    SimRegisterUserRange(page, sizeof page);
    SimSetUserRangeAccess(page, TRUE, FALSE);
    EXPECT_EQ(NtReadFile(handle, nullptr, nullptr, nullptr, &io, page, 1, &offset, nullptr), STATUS_ACCESS_VIOLATION);
    EXPECT_EQ(NtWriteFile(handle, nullptr, nullptr, nullptr, &io, page, 1, &offset, nullptr), STATUS_SUCCESS);
    SimUnregisterUserRange(page);
    offset.QuadPart = -7;
    EXPECT_EQ(NtReadFile(handle, nullptr, nullptr, nullptr, &io, page, 1, &offset, nullptr), STATUS_INVALID_PARAMETER);
    NtClose(handle);
    EXPECT_EQ(NtReadFile(handle, nullptr, nullptr, nullptr, &io, page, 1, nullptr, nullptr), STATUS_INVALID_HANDLE);
    EXPECT_EQ(NtFlushBuffersFile(NtCurrentProcess(), &io), STATUS_OBJECT_TYPE_MISMATCH);
}

TEST_F(FileTest, KernelHandlesOutliveTheirCreator) {
    std::u16string name = nameOf(u"a");
    HANDLE handle = nullptr;
    {
        auto process = machine->createProcess({.imagePath = u"a.exe"});
        process->createThread()->run([&] {
            auto bytes = static_cast<USHORT>(name.size() * sizeof(WCHAR));
            UNICODE_STRING text = {bytes, bytes, name.data()};
            OBJECT_ATTRIBUTES attributes;
            InitializeObjectAttributes(&attributes, &text, OBJ_KERNEL_HANDLE, nullptr, nullptr);
            IO_STATUS_BLOCK io;
            EXPECT_EQ(ZwCreateFile(&handle, GENERIC_WRITE, &attributes, &io, nullptr, 0, 0, FILE_OPEN_IF, kSynchronous,
                                   nullptr, 0),
                      STATUS_SUCCESS);
        });
    }
    IO_STATUS_BLOCK io;
    char data[] = "late";
    EXPECT_EQ(ZwWriteFile(handle, nullptr, nullptr, nullptr, &io, data, 4, nullptr, nullptr), STATUS_SUCCESS);
    EXPECT_EQ(content("a"), "late");
    EXPECT_EQ(ZwClose(handle), STATUS_SUCCESS);
}

TEST_F(FileTest, ManyThreadsAppend) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            HANDLE handle = open(u"log", FILE_APPEND_DATA);
            for (int i = 0; i < 25; ++i) {
                EXPECT_EQ(write(handle, "line\n"), STATUS_SUCCESS);
            }
            NtClose(handle);
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(content("log").size(), 500u);
}

TEST_F(FileTest, MisuseIsReported) {
    HANDLE handle = open(u"a");
    IO_STATUS_BLOCK io;
    EXPECT_DEATH(
        {
            KfRaiseIrql(APC_LEVEL);
            NtFlushBuffersFile(handle, &io);
        },
        "NtFlushBuffersFile was called at IRQL 1");
    PVOID object;
    ASSERT_EQ(ObReferenceObjectByHandle(handle, 0, *IoFileObjectType, KernelMode, &object, nullptr), STATUS_SUCCESS);
    NtClose(handle);
    EXPECT_DEATH(machine.reset(), "1 file.*still open when the machine halts");
    ObDereferenceObject(object);
}

} // namespace
