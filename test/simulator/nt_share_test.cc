// SPDX-License-Identifier: MIT

#include "nt_file.h"

namespace {

TEST_F(FileTest, SharingIsEnforced) {
    make("a", "x");
    HANDLE exclusive = create(nameOf(u"a"), GENERIC_READ | GENERIC_WRITE, FILE_OPEN, 0).handle;
    EXPECT_EQ(create(nameOf(u"a"), GENERIC_READ, FILE_OPEN).status, STATUS_SHARING_VIOLATION);
    // Attributes alone disturb nobody.
    Result attributes = create(nameOf(u"A"), FILE_READ_ATTRIBUTES, FILE_OPEN, 0);
    EXPECT_EQ(attributes.status, STATUS_SUCCESS);
    NtClose(attributes.handle);
    NtClose(exclusive);
    HANDLE reader = create(nameOf(u"a"), GENERIC_READ, FILE_OPEN, FILE_SHARE_READ).handle;
    Result second = create(nameOf(u"a"), GENERIC_READ, FILE_OPEN, FILE_SHARE_READ);
    EXPECT_EQ(second.status, STATUS_SUCCESS);
    NtClose(second.handle);
    EXPECT_EQ(create(nameOf(u"a"), GENERIC_WRITE, FILE_OPEN).status, STATUS_SHARING_VIOLATION);
    EXPECT_EQ(create(nameOf(u"a"), DELETE, FILE_OPEN).status, STATUS_SHARING_VIOLATION);
    EXPECT_EQ(create(nameOf(u"a"), GENERIC_WRITE, FILE_OVERWRITE).status, STATUS_SHARING_VIOLATION);
    EXPECT_EQ(content("a"), "x");
    // The last handle counts, not the first.
    HANDLE duplicate;
    ASSERT_EQ(
        NtDuplicateObject(NtCurrentProcess(), reader, NtCurrentProcess(), &duplicate, 0, 0, DUPLICATE_SAME_ACCESS),
        STATUS_SUCCESS);
    NtClose(reader);
    EXPECT_EQ(create(nameOf(u"a"), GENERIC_WRITE, FILE_OPEN).status, STATUS_SHARING_VIOLATION);
    NtClose(duplicate);
    Result writer = create(nameOf(u"a"), GENERIC_WRITE, FILE_OPEN);
    EXPECT_EQ(writer.status, STATUS_SUCCESS);
    NtClose(writer.handle);
}

TEST_F(FileTest, DeletesWithTheLastHandle) {
    make("a", "x");
    HANDLE first = open(u"a"), second = open(u"a");
    EXPECT_EQ(set(first, FileDispositionInformation, FILE_DISPOSITION_INFORMATION{TRUE}), STATUS_SUCCESS);
    EXPECT_EQ(create(nameOf(u"a"), GENERIC_READ, FILE_OPEN).status, STATUS_DELETE_PENDING);
    NtClose(first);
    EXPECT_TRUE(std::filesystem::exists(folder / "a"));
    NtClose(second);
    EXPECT_FALSE(std::filesystem::exists(folder / "a"));
    Result temporary =
        create(nameOf(u"t"), GENERIC_WRITE | DELETE, FILE_CREATE, kShareAll, kSynchronous | FILE_DELETE_ON_CLOSE);
    EXPECT_TRUE(std::filesystem::exists(folder / "t"));
    NtClose(temporary.handle);
    EXPECT_FALSE(std::filesystem::exists(folder / "t"));
}

TEST_F(FileTest, EveryHandleFollowsARename) {
    HANDLE first = open(u"a"), second = open(u"a");
    EXPECT_EQ(rename(first, u"b", false), STATUS_SUCCESS);
    make("a", "another");
    EXPECT_EQ(objectName(second), nameOf(u"b", u"\\Device\\HarddiskVolume26"));
    EXPECT_EQ(set(second, FileDispositionInformation, FILE_DISPOSITION_INFORMATION{TRUE}), STATUS_SUCCESS);
    NtClose(first);
    NtClose(second);
    EXPECT_EQ(content("a"), "another");
    EXPECT_FALSE(std::filesystem::exists(folder / "b"));
}

TEST_F(FileTest, FoldersOfOpenFilesStay) {
    std::filesystem::create_directory(folder / "d");
    HANDLE directory = create(nameOf(u"d"), GENERIC_READ | DELETE, FILE_OPEN, kShareAll,
                              FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT)
                           .handle;
    HANDLE inside = open(u"d\\x");
    EXPECT_EQ(rename(directory, u"e", false), STATUS_ACCESS_DENIED);
    NtClose(inside);
    EXPECT_EQ(rename(directory, u"e", false), STATUS_SUCCESS);
    NtClose(directory);
    EXPECT_TRUE(std::filesystem::exists(folder / "e" / "x"));
}

TEST_F(FileTest, RenamesReplaceOnlyOnRequest) {
    make("there", "old");
    HANDLE handle = open(u"new");
    EXPECT_EQ(write(handle, "new"), STATUS_SUCCESS);
    EXPECT_EQ(rename(handle, u"there", false), STATUS_OBJECT_NAME_COLLISION);
    HANDLE held = open(u"there", GENERIC_READ, FILE_OPEN);
    EXPECT_EQ(rename(handle, nameOf(u"there"), true), STATUS_ACCESS_DENIED);
    NtClose(held);
    EXPECT_EQ(rename(handle, nameOf(u"there"), true), STATUS_SUCCESS);
    EXPECT_EQ(content("there"), "new");
    EXPECT_EQ(rename(handle, u"\\??\\Nowhere:\\x", true), STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(rename(handle, nameOf(u"no\\where"), true), STATUS_OBJECT_PATH_NOT_FOUND);
    NtClose(handle);
    HANDLE reader = open(u"there", GENERIC_READ, FILE_OPEN);
    EXPECT_EQ(rename(reader, u"other", false), STATUS_ACCESS_DENIED);
    NtClose(reader);
}

} // namespace
