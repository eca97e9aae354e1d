// SPDX-License-Identifier: MIT

#include "cm_hive_files.h"

using namespace cm_test;

namespace {

constexpr NTSTATUS kNotFound = STATUS_OBJECT_NAME_NOT_FOUND;

class CmHive : public CmHiveFiles {};

TEST_F(CmHive, WhatIsSavedCanBeLoadedAndUnloaded) {
    for (ULONG format : {REG_STANDARD_FORMAT, REG_LATEST_FORMAT}) {
        makeHive("a.hiv", format);
        EXPECT_EQ(static_cast<unsigned char>(read("a.hiv")[24]), format == REG_STANDARD_FORMAT ? 3 : 5);
        ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
        {
            Key key = Key::open(kLoaded + u"\\Key");
            EXPECT_EQ(valueOf(key, u"Number"), 42u);
            EXPECT_EQ(key.name(), kLoaded + u"\\Key");
            EXPECT_EQ(Key::open(kLoaded + u"\\KEY\\below").status, STATUS_SUCCESS);
        }
        EXPECT_EQ(unload(), STATUS_SUCCESS);
        EXPECT_EQ(Key::open(kLoaded).status, kNotFound);
    }
}

TEST_F(CmHive, ProgramsOfHivexReadWhatIsSaved) {
    makeHive("a.hiv");
    EXPECT_EQ(run("hivexget " + host("a.hiv").string() + " '\\Key' Text"), "hello\n");
    EXPECT_EQ(run("hivexget " + host("a.hiv").string() + " '\\Key'"),
              "\"Number\"=dword:0000002a\n\"Text\"=\"hello\"\n");
    makeHive("b.hiv", REG_STANDARD_FORMAT);
    write("script", "cd Key\nls\nlsval Number\n");
    EXPECT_EQ(run("hivexsh -f " + host("script").string() + " " + host("b.hiv").string()), "Below\n42\n");
}

TEST_F(CmHive, WhatHivexWritesCanBeLoaded) {
    makeHive("a.hiv");
    std::string script = "cd Key\n";
    for (int i = 0; i < 40; i++) {
        script += "add Added" + std::to_string(i) + "\n";
    }
    script +=
        "cd Added7\nsetval 3\nNumber\ndword:7\nText\nstring:some text\n@\nhex:3:01,02,03,04,05,06\ncommit\nquit\n";
    write("script", script);
    run("hivexsh -w -f " + host("script").string() + " " + host("a.hiv").string());
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    EXPECT_EQ(valueOf(Key::open(kLoaded + u"\\Key"), u"Number"), 42u);
    EXPECT_EQ(valueOf(Key::open(kLoaded + u"\\Key\\Added7"), u"Number"), 7u);
    EXPECT_EQ(Key::open(kLoaded + u"\\Key\\ADDED39").status, STATUS_SUCCESS);
    EXPECT_EQ(unload(), STATUS_SUCCESS);
}

TEST_F(CmHive, ChangesReachTheFileByFlushAndByUnload) {
    makeHive("a.hiv");
    std::string before = read("a.hiv");
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    {
        Key key = Key::open(kLoaded + u"\\Key");
        EXPECT_EQ(NtFlushKey(key.get()), STATUS_SUCCESS);
        EXPECT_EQ(read("a.hiv"), before);
        EXPECT_EQ(Key::create(u"Gone", key.get(), REG_OPTION_VOLATILE).status, STATUS_SUCCESS);
        EXPECT_EQ(key.set(u"Flushed", 1), STATUS_SUCCESS);
        EXPECT_EQ(NtFlushKey(key.get()), STATUS_SUCCESS);
        EXPECT_NE(read("a.hiv").find("Flushed"), std::string::npos);
        EXPECT_EQ(read("a.hiv").find("Gone"), std::string::npos);
        EXPECT_EQ(key.set(u"Unloaded", 2), STATUS_SUCCESS);
        EXPECT_EQ(read("a.hiv").find("Unloaded"), std::string::npos);
    }
    EXPECT_EQ(unload(), STATUS_SUCCESS);
    EXPECT_NE(read("a.hiv").find("Unloaded"), std::string::npos);
    ASSERT_EQ(load("a.hiv", kLoaded, REG_OPEN_READ_ONLY), STATUS_SUCCESS);
    EXPECT_EQ(valueOf(Key::open(kLoaded + u"\\Key"), u"Unloaded"), 2u);
    EXPECT_EQ(Key::open(kLoaded + u"\\Key").set(u"ReadOnly", 3), STATUS_SUCCESS);
    EXPECT_EQ(unload(), STATUS_SUCCESS);
    EXPECT_EQ(read("a.hiv").find("ReadOnly"), std::string::npos);
}

TEST_F(CmHive, AMissingOrEmptyFileIsAnEmptyHive) {
    for (bool empty : {false, true}) {
        if (empty) {
            write("new.hiv", "");
        }
        std::filesystem::remove(host(empty ? "none" : "new.hiv"));
        ASSERT_EQ(load("new.hiv"), STATUS_SUCCESS);
        EXPECT_EQ(Key::create(kLoaded + u"\\First").status, STATUS_SUCCESS);
        EXPECT_EQ(unload(), STATUS_SUCCESS);
        EXPECT_EQ(run("hivexget " + host("new.hiv").string() + " '\\First'"), "");
    }
}

TEST_F(CmHive, HangsOnlyWhereHivesHang) {
    makeHive("a.hiv");
    EXPECT_EQ(load("a.hiv", u"\\REGISTRY\\MACHINE\\SOFTWARE\\CmLoaded"), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(load("a.hiv", u"\\REGISTRY\\CmLoaded"), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(load("a.hiv", u"\\REGISTRY\\A\\CmLoaded"), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(load("a.hiv", u"\\REGISTRY\\MACHINE\\Missing\\CmLoaded"), kNotFound);
    EXPECT_EQ(load("a.hiv", u"\\REGISTRY\\MACHINE\\Software"), STATUS_ACCESS_DENIED);
    EXPECT_EQ(load("a.hiv", u"\\REGISTRY"), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(load("a.hiv", u"\\Device\\Thing"), STATUS_OBJECT_PATH_NOT_FOUND);
    EXPECT_EQ(load("a.hiv", u"\\REGISTRY\\USER\\" + std::u16string(256, u'x')), STATUS_INVALID_PARAMETER);
    HANDLE root = nullptr;
    EXPECT_EQ(loadApplication("a.hiv", kLoaded, &root), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(unload(u"\\REGISTRY\\MACHINE\\SOFTWARE"), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(unload(u"\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft"), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(unload(), kNotFound);
    // The file was left alone each time.
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    EXPECT_EQ(load("a.hiv", u"\\REGISTRY\\USER\\CmLoaded"), STATUS_SHARING_VIOLATION);
    EXPECT_EQ(load("b.hiv"), STATUS_ACCESS_DENIED);
    EXPECT_FALSE(std::filesystem::exists(host("b.hiv")));
    EXPECT_EQ(NtDeleteKey(Key::open(kLoaded).get()), STATUS_CANNOT_DELETE);
    EXPECT_EQ(unload(), STATUS_SUCCESS);
}

TEST_F(CmHive, DamagedFilesAreRefused) {
    makeHive("a.hiv");
    write("text", "This is not a hive.");
    EXPECT_EQ(load("text"), STATUS_NOT_REGISTRY_FILE);
    std::string bytes = read("a.hiv");
    bytes[4096] = 'x';
    write("broken", bytes);
    Key key = scratch();
    ULONG blocks = statistics().Blocks;
    EXPECT_EQ(load("broken"), STATUS_REGISTRY_CORRUPT);
    EXPECT_EQ(Key::open(kLoaded).status, kNotFound);
    EXPECT_EQ(load("missing/a.hiv"), STATUS_OBJECT_PATH_NOT_FOUND);
    EXPECT_EQ(restore(key, "broken"), STATUS_REGISTRY_CORRUPT);
    EXPECT_EQ(restore(key, "text"), STATUS_NOT_REGISTRY_FILE);
    // Nothing keeps the files open, and nothing of them is kept.
    NtClose(openFile("broken", GENERIC_READ | GENERIC_WRITE, FILE_OPEN));
    EXPECT_EQ(statistics().Blocks, blocks);
}

TEST_F(CmHive, AnUnfinishedWriteIsTold) {
    makeHive("a.hiv");
    std::string bytes = read("a.hiv");
    auto *header = reinterpret_cast<ULONG *>(bytes.data());
    header[1]++;
    header[127] ^= header[1] ^ (header[1] - 1);
    write("a.hiv", bytes);
    EXPECT_EQ(load("a.hiv"), STATUS_REGISTRY_RECOVERED);
    EXPECT_EQ(valueOf(Key::open(kLoaded + u"\\Key"), u"Number"), 42u);
    EXPECT_EQ(unload(), STATUS_SUCCESS);
}

TEST_F(CmHive, IsNotUnloadedWhileItIsInUse) {
    makeHive("a.hiv");
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    Key below = Key::open(kLoaded + u"\\Key\\Below"), root = Key::open(kLoaded);
    EXPECT_EQ(unload(), STATUS_CANNOT_DELETE);
    EXPECT_EQ(unload(kLoaded, 2), STATUS_INVALID_PARAMETER);
    root.close();
    EXPECT_EQ(unload(), STATUS_CANNOT_DELETE);
    EXPECT_EQ(below.set(u"v", 1), STATUS_SUCCESS);
    EXPECT_EQ(unload(kLoaded, REG_FORCE_UNLOAD), STATUS_SUCCESS);
    EXPECT_EQ(below.set(u"v", 1), STATUS_KEY_DELETED);
    EXPECT_EQ(Key::open(u"", KEY_READ, below.get()).status, STATUS_KEY_DELETED);
    // The same name again is another hive.
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    EXPECT_EQ(valueOf(Key::open(kLoaded + u"\\Key\\Below"), u"v"), 1u);
    EXPECT_EQ(below.set(u"v", 1), STATUS_KEY_DELETED);
    EXPECT_EQ(unload(), STATUS_SUCCESS);
}

TEST_F(CmHive, AnApplicationHiveIsReachedByItsHandleOnly) {
    makeHive("a.hiv");
    HANDLE root = nullptr, second = nullptr;
    EXPECT_EQ(loadApplication("a.hiv", kApplication, nullptr), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(loadApplication("a.hiv", kApplication, &root, 0), STATUS_INVALID_PARAMETER);
    ASSERT_EQ(loadApplication("a.hiv", kApplication, &root), STATUS_SUCCESS);
    Key key = Key::open(u"Key", KEY_ALL_ACCESS, root);
    EXPECT_EQ(valueOf(key, u"Number"), 42u);
    EXPECT_EQ(key.name(), kApplication + u"\\Key");
    EXPECT_EQ(Key::open(kApplication).status, STATUS_ACCESS_DENIED);
    EXPECT_EQ(Key::open(kApplication + u"\\Key").status, STATUS_ACCESS_DENIED);
    // Who loads the file again gets the same hive.
    ASSERT_EQ(loadApplication("a.hiv", u"\\REGISTRY\\A\\Other", &second, KEY_READ), STATUS_SUCCESS);
    EXPECT_EQ(key.set(u"Shared", 1), STATUS_SUCCESS);
    EXPECT_EQ(valueOf(Key::open(u"Key", KEY_READ, second), u"Shared"), 1u);
    EXPECT_EQ(NtDeleteKey(second), STATUS_ACCESS_DENIED);
    HANDLE third = nullptr;
    EXPECT_EQ(loadApplication("a.hiv", u"\\REGISTRY\\A\\Third", &third, KEY_READ, REG_PROCESS_PRIVATE),
              STATUS_SHARING_VIOLATION);
    NtClose(root);
    NtClose(second);
    EXPECT_EQ(load("a.hiv"), STATUS_SHARING_VIOLATION);
    // With the last key the hive goes, and its file has what was changed.
    key.close();
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    EXPECT_EQ(valueOf(Key::open(kLoaded + u"\\Key"), u"Shared"), 1u);
    EXPECT_EQ(unload(), STATUS_SUCCESS);
}

TEST_F(CmHive, OfTwoKeysTheHigherIsSavedWhereBothHaveIt) {
    makeHive("low.hiv");
    ASSERT_EQ(load("low.hiv"), STATUS_SUCCESS);
    Key low = Key::open(kLoaded), high = scratch(u"High");
    // Stable, for volatile keys are not saved.
    Key top = Key::create(u"\\REGISTRY\\USER\\.DEFAULT\\Software\\CmHigh");
    Key key = Key::create(u"KEY", top.get());
    EXPECT_EQ(key.set(u"NUMBER", 43), STATUS_SUCCESS);
    EXPECT_EQ(key.set(u"Only", 44), STATUS_SUCCESS);
    HANDLE file = openFile("merged.hiv", GENERIC_WRITE, FILE_CREATE);
    EXPECT_EQ(NtSaveMergedKeys(top.get(), top.get(), file), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(NtSaveMergedKeys(top.get(), low.get(), file), STATUS_SUCCESS);
    NtClose(file);
    EXPECT_EQ(run("hivexget " + host("merged.hiv").string() + " '\\Key'"),
              "\"NUMBER\"=dword:0000002b\n\"Only\"=dword:0000002c\n\"Text\"=\"hello\"\n");
    EXPECT_EQ(NtDeleteKey(key.get()), STATUS_SUCCESS);
    EXPECT_EQ(NtDeleteKey(top.get()), STATUS_SUCCESS);
    EXPECT_EQ(NtDeleteKey(high.get()), STATUS_SUCCESS);
    low.close();
    EXPECT_EQ(unload(), STATUS_SUCCESS);
}

TEST_F(CmHive, RestoringReplacesEverythingBelow) {
    makeHive("a.hiv");
    Key top = Key::create(u"\\REGISTRY\\USER\\.DEFAULT\\Software\\CmRestored");
    Key old = Key::create(u"Old", top.get());
    EXPECT_EQ(top.set(u"v", 1), STATUS_SUCCESS);
    EXPECT_EQ(restore(top, "a.hiv"), STATUS_ACCESS_DENIED);
    EXPECT_EQ(restore(top, "a.hiv", 0x40), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(restore(top, "a.hiv", REG_FORCE_RESTORE | REG_WHOLE_HIVE_VOLATILE), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(restore(top, "a.hiv", REG_FORCE_RESTORE), STATUS_SUCCESS);
    EXPECT_EQ(old.set(u"v", 1), STATUS_KEY_DELETED);
    EXPECT_EQ(valueOf(top, u"v"), static_cast<ULONG>(kNotFound));
    EXPECT_EQ(valueOf(Key::open(u"Key", KEY_READ, top.get()), u"Number"), 42u);
    EXPECT_EQ(Key::open(u"Old", KEY_READ, top.get()).status, kNotFound);
    // Nothing else is open: then it takes no force.
    old.close();
    EXPECT_EQ(restore(top, "a.hiv"), STATUS_SUCCESS);
    EXPECT_EQ(restore(top, "a.hiv", REG_WHOLE_HIVE_VOLATILE), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(restore(Key::open(u"\\REGISTRY\\MACHINE"), "a.hiv", REG_FORCE_RESTORE), STATUS_ACCESS_DENIED);

    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    Key root = Key::open(kLoaded);
    EXPECT_EQ(root.set(u"Lost", 1), STATUS_SUCCESS);
    EXPECT_EQ(NtRestoreKey(root.get(), nullptr, REG_REFRESH_HIVE), STATUS_PRIVILEGE_NOT_HELD);
    EXPECT_EQ(ZwRestoreKey(root.get(), nullptr, REG_REFRESH_HIVE), STATUS_SUCCESS);
    EXPECT_EQ(valueOf(root, u"Lost"), static_cast<ULONG>(kNotFound));
    EXPECT_EQ(save(root, "copy.hiv", REG_NO_COMPRESSION), STATUS_SUCCESS);
    EXPECT_EQ(save(Key::open(u"Key", KEY_READ, root.get()), "b.hiv", REG_NO_COMPRESSION), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(restore(root, "copy.hiv", REG_WHOLE_HIVE_VOLATILE), STATUS_SUCCESS);
    EXPECT_EQ(Key::create(u"Stable", Key::open(u"Key", KEY_ALL_ACCESS, root.get()).get()).status,
              STATUS_CHILD_MUST_BE_VOLATILE);
    root.close();
    EXPECT_EQ(unload(), STATUS_SUCCESS);
    for (auto name : {u"Key\\Below", u"Key", u""}) {
        EXPECT_EQ(NtDeleteKey(Key::open(name, DELETE, top.get()).get()), STATUS_SUCCESS);
    }
}

TEST_F(CmHive, ReplacingTakesEffectWhenTheFileIsLoadedNext) {
    makeHive("a.hiv");
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    Key root = Key::open(kLoaded);
    EXPECT_EQ(save(root, "new.hiv"), STATUS_SUCCESS);
    EXPECT_EQ(root.set(u"Old", 1), STATUS_SUCCESS);
    write("text", "This is not a hive.");
    auto replace = [&](const Key &key, const std::string &newFile, const std::string &oldFile) {
        return NtReplaceKey(Attributes(nt(newFile)), key.get(), Attributes(nt(oldFile)));
    };
    EXPECT_EQ(replace(root, "missing", "old.hiv"), kNotFound);
    EXPECT_EQ(replace(root, "text", "old.hiv"), STATUS_NOT_REGISTRY_FILE);
    EXPECT_EQ(replace(root, "new.hiv", "text"), STATUS_OBJECT_NAME_COLLISION);
    EXPECT_EQ(replace(Key::open(u"Key", KEY_READ, root.get()), "new.hiv", "old.hiv"), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(replace(root, "new.hiv", "old.hiv"), STATUS_SUCCESS);
    EXPECT_FALSE(std::filesystem::exists(host("new.hiv")));
    EXPECT_EQ(valueOf(root, u"Old"), 1u);
    root.close();
    EXPECT_EQ(unload(), STATUS_SUCCESS);
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    EXPECT_EQ(valueOf(Key::open(kLoaded), u"Old"), static_cast<ULONG>(kNotFound));
    EXPECT_EQ(unload(), STATUS_SUCCESS);
    ASSERT_EQ(load("old.hiv"), STATUS_SUCCESS);
    EXPECT_EQ(valueOf(Key::open(kLoaded), u"Old"), 1u);
    EXPECT_EQ(unload(), STATUS_SUCCESS);
    // One of the machine's own hives has no file. Its keys are kept in the old one.
    makeHive("b.hiv");
    EXPECT_EQ(replace(Key::open(u"\\REGISTRY\\MACHINE\\SAM"), "b.hiv", "sam.hiv"), STATUS_SUCCESS);
    EXPECT_TRUE(std::filesystem::exists(host("b.hiv")));
    EXPECT_EQ(run("hivexget " + host("sam.hiv").string() + " '\\'"), "");
}

TEST_F(CmHive, LackOfMemoryIsReportedAndLeavesNothing) {
    makeHive("a.hiv");
    auto each = [&](const char *what, const std::function<NTSTATUS()> &call, const std::function<void()> &undo) {
        bool done = false;
        for (ULONG nth = 1; !done; nth++) {
            ASSERT_LT(nth, 200u) << what;
            ULONG blocks = statistics().Blocks;
            CmFailAllocation(nth);
            NTSTATUS status = call();
            CmFailAllocation(0);
            done = NT_SUCCESS(status);
            if (!done) {
                EXPECT_EQ(status, STATUS_INSUFFICIENT_RESOURCES) << what << nth;
                EXPECT_EQ(statistics().Blocks, blocks) << what << nth;
            }
        }
        undo();
    };
    Filter filter('f', u"385100", nullptr, {RegNtPreLoadKey});
    each(
        "load", [&] { return load("a.hiv"); }, [] {});
    Key key = Key::open(kLoaded + u"\\Key");
    std::string name = "s.hiv";
    each(
        "save", [&] { return save(key, name); }, [] {});
    each(
        "restore", [&] { return restore(key, name, REG_FORCE_RESTORE); }, [] {});
    each(
        "flush", [&] { return NtFlushKey(key.get()); }, [] {});
    each(
        "set", [&] { return key.set(u"v", 1); }, [] {});
    key.close();
    each(
        "unload", [&] { return unload(); }, [] {});
    HANDLE root = nullptr;
    // The list that it hangs in has room from now on.
    ASSERT_EQ(loadApplication("a.hiv", kApplication, &root), STATUS_SUCCESS);
    NtClose(root);
    each(
        "application", [&] { return loadApplication("a.hiv", kApplication, &root); }, [&] { NtClose(root); });
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    EXPECT_EQ(valueOf(Key::open(kLoaded + u"\\Key"), u"v"), 1u);
    EXPECT_EQ(unload(), STATUS_SUCCESS);
}

TEST_F(CmHive, AHiveLeftLoadedIsWrittenWhenTheMachineHalts) {
    makeHive("a.hiv");
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    EXPECT_EQ(Key::open(kLoaded + u"\\Key").set(u"Late", 5), STATUS_SUCCESS);
    machine_.reset();
    EXPECT_NE(read("a.hiv").find("Late"), std::string::npos);
    machine_ = simulator::Machine::shared();
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    EXPECT_EQ(valueOf(Key::open(kLoaded + u"\\Key"), u"Late"), 5u);
    EXPECT_EQ(unload(), STATUS_SUCCESS);
}

} // namespace
