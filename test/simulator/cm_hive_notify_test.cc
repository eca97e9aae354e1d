// SPDX-License-Identifier: MIT
//
// What callbacks see of calls on hives, and what is refused before they see anything.

#include "cm_hive_files.h"
#include "nt/ob_internal.h"

using namespace cm_test;

namespace {

std::vector<ULONG> everything() {
    std::vector<ULONG> all(51);
    for (ULONG i = 0; i < all.size(); i++) {
        all[i] = i;
    }
    return all;
}

class CmHiveNotify : public CmHiveFiles {
  protected:
    void SetUp() override {
        CmHiveFiles::SetUp();
        makeHive("a.hiv");
    }
};

TEST_F(CmHiveNotify, LoadTellsWhereAndWhat) {
    REG_LOAD_KEY_INFORMATION_V2 seen{};
    std::u16string name, source;
    PVOID postObject = nullptr;
    Filter filter('f', u"385100", &log_, everything(), [&](ULONG notifyClass, void *information) {
        if (notifyClass == RegNtPreLoadKey) {
            seen = *static_cast<REG_LOAD_KEY_INFORMATION_V2 *>(information);
            name = text(seen.KeyName);
            source = text(seen.SourceFile);
        } else if (notifyClass == RegNtPostLoadKey) {
            postObject = post(information)->Object;
        }
        return STATUS_SUCCESS;
    });
    EXPECT_EQ(load("a.hiv", kLoaded, REG_NO_LAZY_FLUSH), STATUS_SUCCESS);
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'f', RegNtPreLoadKey, 0}, {'f', RegNtPostLoadKey, 0}}));
    EXPECT_EQ(name, kLoaded);
    EXPECT_EQ(source, nt("a.hiv"));
    EXPECT_EQ(seen.Object, nullptr);
    EXPECT_EQ(seen.Flags, ULONG{REG_NO_LAZY_FLUSH});
    EXPECT_EQ(seen.Version, 2u);
    EXPECT_EQ(seen.RootHandle, nullptr);
    // No address that could be one.
    EXPECT_NE(reinterpret_cast<uintptr_t>(postObject) >> 48, 0u);
    EXPECT_EQ(unload(), STATUS_SUCCESS);

    setOptions([](CM_OPTIONS &options) { options.LoadVersion = 0; });
    Key machine = Key::open(u"\\REGISTRY\\MACHINE");
    EXPECT_EQ(NtLoadKeyEx(Attributes(u"CmLoaded", machine.get()), Attributes(nt("a.hiv")), 0, machine.get(), nullptr, 0,
                          nullptr, nullptr),
              STATUS_SUCCESS);
    EXPECT_EQ(seen.Object, machine.object());
    EXPECT_EQ(seen.TrustClassObject, machine.object());
    EXPECT_EQ(name, u"CmLoaded");
    EXPECT_EQ(seen.Version, 0u);
    EXPECT_EQ(unload(), STATUS_SUCCESS);
    HANDLE root = nullptr;
    EXPECT_EQ(loadApplication("a.hiv", kApplication, &root, KEY_READ), STATUS_SUCCESS);
    EXPECT_EQ(seen.Flags, ULONG{REG_APP_HIVE});
    EXPECT_EQ(seen.DesiredAccess, ACCESS_MASK{KEY_READ});
    EXPECT_EQ(seen.RootHandle, &root);
    NtClose(root);
}

TEST_F(CmHiveNotify, UnloadOpensTheHiveFirst) {
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    PVOID opened = nullptr, unloaded = nullptr, closed = nullptr, after = nullptr;
    Filter filter('f', u"385100", &log_, everything(), [&](ULONG notifyClass, void *information) {
        if (notifyClass == RegNtPostOpenKeyEx) {
            opened = post(information)->Object;
        } else if (notifyClass == RegNtPreUnLoadKey) {
            unloaded = static_cast<REG_UNLOAD_KEY_INFORMATION *>(information)->Object;
        } else if (notifyClass == RegNtPostUnLoadKey) {
            after = post(information)->Object;
        } else if (notifyClass == RegNtPreKeyHandleClose) {
            closed = static_cast<REG_KEY_HANDLE_CLOSE_INFORMATION *>(information)->Object;
        }
        return STATUS_SUCCESS;
    });
    EXPECT_EQ(unload(), STATUS_SUCCESS);
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'f', RegNtPreOpenKeyEx, 0},
                                              {'f', RegNtPostOpenKeyEx, 0},
                                              {'f', RegNtPreUnLoadKey, 0},
                                              {'f', RegNtPostUnLoadKey, 0},
                                              {'f', RegNtPreKeyHandleClose, 0},
                                              {'f', RegNtPostKeyHandleClose, 0}}));
    EXPECT_NE(unloaded, nullptr);
    EXPECT_EQ(opened, unloaded);
    EXPECT_EQ(closed, unloaded);
    EXPECT_NE(after, unloaded);
}

TEST_F(CmHiveNotify, AnEventTellsOfADeferredUnload) {
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    Key root = Key::open(kLoaded);
    PVOID reported = nullptr;
    Filter filter('f', u"385100", nullptr, {RegNtPreUnLoadKey}, [&](ULONG, void *information) {
        reported = static_cast<REG_UNLOAD_KEY_INFORMATION *>(information)->UserEvent;
        return STATUS_SUCCESS;
    });
    HANDLE event = nullptr;
    auto *object = static_cast<PRKEVENT>(SimCreateObject(*ExEventObjectType));
    KeInitializeEvent(object, NotificationEvent, FALSE);
    ASSERT_EQ(SimInsertHandle(object, 0, EVENT_MODIFY_STATE, &event), STATUS_SUCCESS);
    EXPECT_EQ(NtUnloadKeyEx(Attributes(kLoaded), event), STATUS_PENDING);
    EXPECT_EQ(reported, object);
    EXPECT_EQ(KeReadStateEvent(object), 0);
    EXPECT_EQ(root.set(u"v", 1), STATUS_SUCCESS);
    root.close();
    EXPECT_NE(KeReadStateEvent(object), 0);
    EXPECT_EQ(Key::open(kLoaded).status, STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(NtUnloadKeyEx(Attributes(kLoaded), root.get()), STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(NtUnloadKeyEx(Attributes(kLoaded), reinterpret_cast<HANDLE>(0x7770)), STATUS_INVALID_HANDLE);
    NtClose(event);
    ObDereferenceObject(object);
}

TEST_F(CmHiveNotify, SaveRestoreAndReplaceTellTheirArguments) {
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    Key root = Key::open(kLoaded), other = Key::open(u"\\REGISTRY\\MACHINE\\SAM");
    REG_SAVE_KEY_INFORMATION saved{};
    REG_RESTORE_KEY_INFORMATION restored{};
    REG_SAVE_MERGED_KEY_INFORMATION merged{};
    std::u16string newName, oldName;
    PVOID replaced = nullptr;
    std::vector<PVOID> afterwards;
    HANDLE own = nullptr;
    auto isFile = [&](HANDLE handle) {
        // It means the caller's file, by a handle of the kernel's own.
        PVOID theirs = nullptr, mine = nullptr;
        EXPECT_NE(handle, own);
        EXPECT_EQ(ObReferenceObjectByHandle(handle, 0, *IoFileObjectType, KernelMode, &theirs, nullptr),
                  STATUS_SUCCESS);
        EXPECT_EQ(ObReferenceObjectByHandle(own, 0, *IoFileObjectType, KernelMode, &mine, nullptr), STATUS_SUCCESS);
        EXPECT_EQ(theirs, mine);
        ObDereferenceObject(theirs);
        ObDereferenceObject(mine);
    };
    Filter filter('f', u"385100", &log_, {41, 42, 43, 44, 45, 46, 49, 50}, [&](ULONG notifyClass, void *information) {
        switch (notifyClass) {
        case RegNtPreSaveKey:
            saved = *static_cast<REG_SAVE_KEY_INFORMATION *>(information);
            isFile(saved.FileHandle);
            break;
        case RegNtPreRestoreKey:
            restored = *static_cast<REG_RESTORE_KEY_INFORMATION *>(information);
            isFile(restored.FileHandle);
            break;
        case RegNtPreReplaceKey: {
            auto *info = static_cast<REG_REPLACE_KEY_INFORMATION *>(information);
            replaced = info->Object;
            newName = text(info->NewFileName);
            oldName = text(info->OldFileName);
            break;
        }
        case 49:
            merged = *static_cast<REG_SAVE_MERGED_KEY_INFORMATION *>(information);
            isFile(merged.FileHandle);
            break;
        default:
            afterwards.push_back(post(information)->Object);
        }
        return STATUS_SUCCESS;
    });
    own = openFile("s.hiv", GENERIC_READ | GENERIC_WRITE, FILE_CREATE);
    EXPECT_EQ(NtSaveKey(root.get(), own), STATUS_SUCCESS);
    EXPECT_EQ(saved.Format, ULONG{REG_STANDARD_FORMAT});
    EXPECT_EQ(NtSaveKeyEx(root.get(), own, REG_LATEST_FORMAT), STATUS_SUCCESS);
    EXPECT_EQ(saved.Object, root.object());
    EXPECT_EQ(saved.Format, ULONG{REG_LATEST_FORMAT});
    EXPECT_EQ(NtRestoreKey(root.get(), own, REG_FORCE_RESTORE), STATUS_SUCCESS);
    EXPECT_EQ(restored.Object, root.object());
    EXPECT_EQ(restored.Flags, ULONG{REG_FORCE_RESTORE});
    EXPECT_EQ(NtSaveMergedKeys(root.get(), other.get(), own), STATUS_SUCCESS);
    EXPECT_EQ(merged.Object, nullptr);
    EXPECT_EQ(merged.HighKeyObject, root.object());
    EXPECT_EQ(merged.LowKeyObject, other.object());
    NtClose(own);
    EXPECT_EQ(NtReplaceKey(Attributes(nt("s.hiv")), root.get(), Attributes(nt("old.hiv"))), STATUS_SUCCESS);
    EXPECT_EQ(replaced, root.object());
    EXPECT_EQ(newName, nt("s.hiv"));
    EXPECT_EQ(oldName, nt("old.hiv"));
    PVOID object = root.object();
    EXPECT_EQ(afterwards, (std::vector<PVOID>{object, object, object, nullptr, object}));
    std::vector<Call> calls;
    for (ULONG pre : {43u, 43u, 41u, 49u, 45u}) {
        calls.push_back({'f', pre, 0});
        calls.push_back({'f', pre + 1, 0});
    }
    EXPECT_EQ(log_.take(), calls);
    root.close();
    EXPECT_EQ(unload(), STATUS_SUCCESS);
}

TEST_F(CmHiveNotify, KernelCallersKeepTheirFileHandle) {
    HANDLE seen = nullptr, file = openFile("s.hiv", GENERIC_WRITE, FILE_CREATE);
    Filter filter('f', u"385100", nullptr, {RegNtPreSaveKey}, [&](ULONG, void *information) {
        seen = static_cast<REG_SAVE_KEY_INFORMATION *>(information)->FileHandle;
        return STATUS_SUCCESS;
    });
    EXPECT_EQ(ZwSaveKey(Key::open(u"\\REGISTRY\\MACHINE\\SAM").get(), file), STATUS_SUCCESS);
    EXPECT_EQ(seen, file);
    NtClose(file);
}

TEST_F(CmHiveNotify, WhatACallbackBlocksIsNotDone) {
    NTSTATUS answer = STATUS_ACCESS_DENIED;
    Filter filter('f', u"385100", nullptr, {32, 34, 41, 43, 45, 49}, [&](ULONG, void *) { return answer; });
    HANDLE root = nullptr;
    EXPECT_EQ(load("a.hiv"), STATUS_ACCESS_DENIED);
    EXPECT_EQ(loadApplication("a.hiv", kApplication, &root), STATUS_ACCESS_DENIED);
    EXPECT_EQ(root, nullptr);
    Key sam = Key::open(u"\\REGISTRY\\MACHINE\\SAM"), security = Key::open(u"\\REGISTRY\\MACHINE\\SECURITY");
    EXPECT_EQ(save(sam, "s.hiv"), STATUS_ACCESS_DENIED);
    EXPECT_EQ(read("s.hiv"), "");
    EXPECT_EQ(restore(sam, "a.hiv", REG_FORCE_RESTORE), STATUS_ACCESS_DENIED);
    EXPECT_EQ(Key::open(u"Key", KEY_READ, sam.get()).status, STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(NtReplaceKey(Attributes(nt("a.hiv")), sam.get(), Attributes(nt("old.hiv"))), STATUS_ACCESS_DENIED);
    EXPECT_FALSE(std::filesystem::exists(host("old.hiv")));
    answer = STATUS_SUCCESS;
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    answer = STATUS_CALLBACK_BYPASS;
    EXPECT_EQ(unload(), STATUS_SUCCESS);
    EXPECT_EQ(Key::open(kLoaded).status, STATUS_SUCCESS);
    answer = STATUS_SUCCESS;
    EXPECT_EQ(unload(), STATUS_SUCCESS);
}

TEST_F(CmHiveNotify, ALoadThatAPostCallbackTurnsIntoAFailureLeavesNoHandle) {
    Filter filter('f', u"385100", nullptr, {RegNtPostLoadKey}, [&](ULONG, void *information) {
        post(information)->ReturnStatus = STATUS_ACCESS_DENIED;
        return STATUS_CALLBACK_BYPASS;
    });
    HANDLE root = nullptr;
    EXPECT_EQ(loadApplication("a.hiv", kApplication, &root), STATUS_ACCESS_DENIED);
    filter.stop();
    // It was unloaded with the handle.
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    EXPECT_EQ(unload(), STATUS_SUCCESS);
}

TEST_F(CmHiveNotify, IsRefusedBeforeAnyCallback) {
    ASSERT_EQ(load("a.hiv"), STATUS_SUCCESS);
    Filter filter('f', u"385100", &log_, everything());
    auto limited = machine_->createProcess({.imagePath = u"\\Device\\HarddiskVolume1\\limited.exe",
                                            .token = {.integrityLevel = 0x2000, .elevated = false}});
    limited->createThread()->run([&] {
        EXPECT_EQ(load("a.hiv", u"\\REGISTRY\\MACHINE\\CmOther"), STATUS_PRIVILEGE_NOT_HELD);
        EXPECT_EQ(unload(), STATUS_PRIVILEGE_NOT_HELD);
        EXPECT_EQ(NtUnloadKeyEx(Attributes(kLoaded), nullptr), STATUS_PRIVILEGE_NOT_HELD);
        HANDLE none = nullptr;
        EXPECT_EQ(NtSaveKey(none, none), STATUS_PRIVILEGE_NOT_HELD);
        EXPECT_EQ(NtSaveMergedKeys(none, none, none), STATUS_PRIVILEGE_NOT_HELD);
        EXPECT_EQ(NtRestoreKey(none, none, 0), STATUS_PRIVILEGE_NOT_HELD);
        EXPECT_EQ(NtReplaceKey(Attributes(u"a"), none, Attributes(u"b")), STATUS_PRIVILEGE_NOT_HELD);
    });
    auto *wild = reinterpret_cast<POBJECT_ATTRIBUTES>(8);
    auto bad = reinterpret_cast<HANDLE>(0x7770);
    OBJECT_ATTRIBUTES shortOne{};
    EXPECT_EQ(NtLoadKey(wild, Attributes(nt("a.hiv"))), STATUS_ACCESS_VIOLATION);
    EXPECT_EQ(NtLoadKey(Attributes(kLoaded), wild), STATUS_ACCESS_VIOLATION);
    EXPECT_EQ(NtLoadKey(&shortOne, Attributes(nt("a.hiv"))), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(NtUnloadKey(wild), STATUS_ACCESS_VIOLATION);
    EXPECT_EQ(load("a.hiv", kLoaded, 0x80000000), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(NtLoadKeyEx(Attributes(kApplication), Attributes(nt("a.hiv")), REG_APP_HIVE, nullptr, nullptr, KEY_READ,
                          reinterpret_cast<PHANDLE>(8), nullptr),
              STATUS_ACCESS_VIOLATION);
    EXPECT_EQ(NtLoadKeyEx(Attributes(u"x", bad), Attributes(nt("a.hiv")), 0, nullptr, nullptr, 0, nullptr, nullptr),
              STATUS_INVALID_HANDLE);
    EXPECT_EQ(NtLoadKeyEx(Attributes(kLoaded), Attributes(nt("a.hiv")), 0, bad, nullptr, 0, nullptr, nullptr),
              STATUS_INVALID_HANDLE);
    EXPECT_EQ(NtLoadKeyEx(Attributes(kLoaded), Attributes(nt("a.hiv")), 0, nullptr, bad, 0, nullptr, nullptr),
              STATUS_INVALID_HANDLE);
    log_.take();
    Key sam = Key::open(u"\\REGISTRY\\MACHINE\\SAM");
    log_.take();
    EXPECT_EQ(NtSaveKey(bad, bad), STATUS_INVALID_HANDLE);
    EXPECT_EQ(NtSaveKey(sam.get(), bad), STATUS_INVALID_HANDLE);
    EXPECT_EQ(NtSaveKey(sam.get(), sam.get()), STATUS_OBJECT_TYPE_MISMATCH);
    EXPECT_EQ(NtSaveKeyEx(sam.get(), bad, 3), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(NtRestoreKey(sam.get(), bad, 0), STATUS_INVALID_HANDLE);
    EXPECT_EQ(NtReplaceKey(wild, sam.get(), Attributes(u"b")), STATUS_ACCESS_VIOLATION);
    HANDLE readOnly = openFile("b", GENERIC_READ, FILE_OPEN_IF), writeOnly = openFile("c", GENERIC_WRITE, FILE_CREATE);
    EXPECT_EQ(NtSaveKey(sam.get(), readOnly), STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtRestoreKey(sam.get(), writeOnly, 0), STATUS_ACCESS_DENIED);
    NtClose(readOnly);
    NtClose(writeOnly);
    EXPECT_TRUE(log_.take().empty());
    filter.stop();
    EXPECT_EQ(unload(), STATUS_SUCCESS);
}

TEST_F(CmHiveNotify, AnApplicationHiveTakesNoPrivilege) {
    auto limited = machine_->createProcess({.imagePath = u"\\Device\\HarddiskVolume1\\limited.exe",
                                            .token = {.integrityLevel = 0x2000, .elevated = false}});
    limited->createThread()->run([&] {
        HANDLE root = nullptr;
        EXPECT_EQ(loadApplication("a.hiv", kApplication, &root, KEY_READ), STATUS_SUCCESS);
        EXPECT_EQ(Key::open(u"Key", KEY_READ, root).status, STATUS_SUCCESS);
        NtClose(root);
    });
}

} // namespace
