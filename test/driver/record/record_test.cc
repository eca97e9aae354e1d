// SPDX-License-Identifier: MIT
//
// What each record says about the operation that it stands for.

#include "test/driver/fixture/fixture.h"

#include <algorithm>

namespace cmbridge::test {
namespace {

using Records = DriverTest;

const Record &find(const std::vector<Record> &records, uint32_t notifyClass) {
    auto found = std::find_if(records.begin(), records.end(),
                              [&](const Record &record) { return record->NotifyClass == notifyClass; });
    if (found == records.end()) {
        throw std::runtime_error("no record of class " + std::to_string(notifyClass));
    }
    return *found;
}

TEST_F(Records, OfACreateAndAnOpenHaveTheirFields) {
    Client client;
    Actor actor;
    const int64_t cookie = client.add(u"385100");
    HANDLE created = actor.create(path());
    HANDLE opened = actor.openKey(path() + u"\\");
    HANDLE relative = actor.create(u"Sub", created);
    actor.openKey(path() + u"\\Missing", nullptr, STATUS_OBJECT_NAME_NOT_FOUND);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 8u);
    for (size_t i = 0; i < records.size(); ++i) {
        const Record &record = records[i];
        EXPECT_EQ(record->Sequence, i + 1);
        EXPECT_EQ(record->Cookie, cookie);
        EXPECT_EQ(record->ProcessId, actor.processId());
        EXPECT_NE(record->ThreadId, 0u);
        EXPECT_EQ((record->Flags & CMB_RECORD_POST) != 0, i % 2 == 1);
        EXPECT_EQ(record->PreSequence, i % 2 ? i : 0);
        EXPECT_EQ(record->Flags & (CMB_RECORD_KERNEL_MODE | CMB_RECORD_PRE_UNKNOWN), 0u);
        EXPECT_GT(record->Time, 0);
        EXPECT_TRUE(i == 0 || record->Time >= records[i - 1]->Time);
    }
    EXPECT_EQ(records[0]->NotifyClass, RegNtPreCreateKeyEx);
    EXPECT_EQ(records[0].path(), path());
    EXPECT_FALSE(records[0]->Flags & CMB_RECORD_PATH_RESOLVED);
    const auto &pre = records[0].body<CMB_BODY_CREATE>();
    EXPECT_EQ(records[0].text(pre.RequestedName), path());
    EXPECT_EQ(pre.ClassName.Flags, 0u);
    EXPECT_EQ(pre.DesiredAccess, static_cast<UINT32>(KEY_ALL_ACCESS));
    EXPECT_EQ(pre.GrantedAccess, 0u);
    EXPECT_EQ(pre.Disposition, 0u);
    EXPECT_EQ(pre.StructureVersion, 1u);
    EXPECT_EQ(pre.CheckAccessMode, static_cast<UINT32>(UserMode));
    EXPECT_TRUE(pre.Attributes & OBJ_CASE_INSENSITIVE);
    EXPECT_EQ(records[1]->NotifyClass, RegNtPostCreateKeyEx);
    EXPECT_EQ(records[1]->Status, STATUS_SUCCESS);
    EXPECT_EQ(records[1].path(), path());
    EXPECT_TRUE(records[1]->Flags & CMB_RECORD_PATH_RESOLVED);
    EXPECT_EQ(records[1].body<CMB_BODY_CREATE>().Disposition, static_cast<UINT32>(REG_CREATED_NEW_KEY));
    EXPECT_EQ(records[1].body<CMB_BODY_CREATE>().GrantedAccess, static_cast<UINT32>(KEY_ALL_ACCESS));
    EXPECT_EQ(records[1].text(records[1].body<CMB_BODY_CREATE>().RequestedName), path());

    EXPECT_EQ(records[2]->NotifyClass, RegNtPreOpenKeyEx);
    EXPECT_EQ(records[3].path(), path());
    EXPECT_EQ(records[4].path(), path() + u"\\Sub");
    EXPECT_EQ(records[4].text(records[4].body<CMB_BODY_CREATE>().RequestedName), u"Sub");
    EXPECT_EQ(records[5].path(), path() + u"\\Sub");

    // The key was never opened, so what was asked for is the best name there is.
    EXPECT_EQ(records[7]->Status, STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(records[7].path(), path() + u"\\Missing");
    EXPECT_FALSE(records[7]->Flags & CMB_RECORD_PATH_RESOLVED);
    EXPECT_EQ(records[7].body<CMB_BODY_CREATE>().GrantedAccess, 0u);
    for (HANDLE key : {created, opened, relative}) {
        actor.close(key);
    }
}

// Which part of a requested path is the root's, and what became of it.
TEST_F(Records, HaveTheRequestedPath) {
    Client client;
    Actor actor;
    client.add(u"385100");
    const std::u16string root = u"\\REGISTRY";
    HANDLE created = actor.create(path());
    HANDLE relative = actor.create(u"Sub", created), again = actor.openKey(u"", created);
    actor.openKey(u"Missing", created, STATUS_OBJECT_NAME_NOT_FOUND);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 8u);
    const std::u16string requested[] = {path(), path() + u"\\Sub", path(), path() + u"\\Missing"};
    const size_t rootLength[] = {root.size(), path().size(), path().size(), path().size()};
    for (size_t i = 0; i < 4; ++i) {
        const Record &pre = records[2 * i], &post = records[2 * i + 1];
        EXPECT_EQ(pre.path(), requested[i]);
        EXPECT_EQ(pre->OtherPath.Flags, 0u);
        EXPECT_EQ(pre->RootSize, rootLength[i] * 2);
        EXPECT_EQ(post->RootSize, rootLength[i] * 2);
        if (i < 3) {
            EXPECT_EQ(post.otherPath(), requested[i]);
            EXPECT_TRUE(post->Flags & CMB_RECORD_PATH_RESOLVED);
        } else {
            EXPECT_EQ(post.path(), requested[i]);
            EXPECT_EQ(post->OtherPath.Flags, 0u);
        }
    }
    for (HANDLE key : {created, relative, again}) {
        actor.close(key);
    }
}

// As the configuration manager passes the transaction of a transacted call.
TEST_F(Records, NameTheTransaction) {
    Client client;
    Actor actor;
    client.add(u"1", bit(RegNtPreCreateKeyEx) | bit(RegNtPostCreateKeyEx));
    HANDLE handle = nullptr;
    PVOID transaction = nullptr;
    GUID id{};
    actor.run([&] {
        ASSERT_EQ(
            NtCreateTransaction(&handle, TRANSACTION_ALL_ACCESS, nullptr, nullptr, nullptr, 0, 0, 0, nullptr, nullptr),
            STATUS_SUCCESS);
        ASSERT_EQ(ObReferenceObjectByHandle(handle, 0, *TmTransactionObjectType, KernelMode, &transaction, nullptr),
                  STATUS_SUCCESS);
        TmGetTransactionId(static_cast<PKTRANSACTION>(transaction), &id);
    });
    HANDLE plain = actor.create(path());
    HANDLE transacted = nullptr;
    {
        Rival above(u"2", [&](ULONG number, PVOID information) {
            if (number == RegNtPreCreateKeyEx) {
                static_cast<REG_CREATE_KEY_INFORMATION_V1 *>(information)->Transaction = transaction;
            }
        });
        transacted = actor.create(path());
    }
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 4u);
    Bytes expected(sizeof(id));
    std::memcpy(expected.data(), &id, sizeof(id));
    EXPECT_NE(expected, Bytes(sizeof(id)));
    for (size_t i = 0; i < 4; ++i) {
        EXPECT_EQ((records[i]->Flags & CMB_RECORD_TRANSACTED) != 0, i >= 2);
        EXPECT_EQ(records[i].data(records[i]->Transaction), i < 2 ? Bytes{} : expected);
    }
    actor.run([&] {
        ObDereferenceObject(transaction);
        EXPECT_EQ(NtClose(handle), STATUS_SUCCESS);
    });
    actor.close(plain);
    actor.close(transacted);
}

TEST_F(Records, OfPostHaveTheDuration) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100", bit(RegNtPreSetValueKey) | bit(RegNtPostSetValueKey));
    Rival slow(u"1", [](ULONG notifyClass, PVOID) {
        if (notifyClass == RegNtPreSetValueKey) {
            LARGE_INTEGER interval{.QuadPart = -50000};
            KeDelayExecutionThread(KernelMode, FALSE, &interval);
        }
    });
    LARGE_INTEGER start, end;
    KeQuerySystemTimePrecise(&start);
    actor.setValue(key, u"v", REG_BINARY, pattern(1));
    KeQuerySystemTimePrecise(&end);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0]->Duration, 0u);
    EXPECT_GE(records[1]->Duration, 5000000u);
    // Another clock: it may run a little faster.
    EXPECT_LE(records[1]->Duration, static_cast<UINT64>(end.QuadPart - start.QuadPart) * 100 + 1000000);
    actor.close(key);
}

TEST_F(Records, HaveTheClassName) {
    Client client;
    Actor actor;
    client.add(u"385100", bit(RegNtPreCreateKeyEx));
    actor.run([path = path()]() mutable {
        std::u16string className = u"Shell";
        UNICODE_STRING name = unicode(path), text = unicode(className);
        OBJECT_ATTRIBUTES object = attributes(name);
        HANDLE key = nullptr;
        EXPECT_EQ(NtCreateKey(&key, KEY_READ, &object, 0, &text, REG_OPTION_VOLATILE, nullptr), STATUS_SUCCESS);
        NtClose(key);
    });
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].text(records[0].body<CMB_BODY_CREATE>().ClassName), u"Shell");
    EXPECT_EQ(records[0].body<CMB_BODY_CREATE>().Options, static_cast<UINT32>(REG_OPTION_VOLATILE));
}

TEST_F(Records, OfValuesRenameDeleteAndCloseHaveTheirFields) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100");
    actor.setValue(key, u"Name", REG_BINARY, pattern(5));
    actor.setValue(key, u"", REG_SZ, {});
    actor.deleteValue(key, u"Name");
    actor.deleteValue(key, u"None", STATUS_OBJECT_NAME_NOT_FOUND);
    actor.rename(key, path().substr(path().rfind(u'\\') + 1) + u"New");
    actor.deleteKey(key);
    actor.close(key);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 15u);
    for (const Record &record : records) {
        if (record->NotifyClass != RegNtCallbackObjectContextCleanup && record->NotifyClass != RegNtPreKeyHandleClose &&
            record->NotifyClass != RegNtPostKeyHandleClose && record->NotifyClass != RegNtPreDeleteKey &&
            record->NotifyClass != RegNtPostDeleteKey) {
            EXPECT_EQ(record.path(), path());
            EXPECT_TRUE(record->Flags & CMB_RECORD_PATH_RESOLVED);
        }
    }
    for (size_t phase = 0; phase < 2; ++phase) {
        const auto &set = records[phase].body<CMB_BODY_SET_VALUE>();
        EXPECT_EQ(records[phase].text(set.ValueName), u"Name");
        EXPECT_EQ(records[phase].data(set.Data), pattern(5));
        EXPECT_EQ(set.Data.FullSize, 5u);
        EXPECT_EQ(set.Type, static_cast<UINT32>(REG_BINARY));
        const auto &empty = records[2 + phase].body<CMB_BODY_SET_VALUE>();
        EXPECT_EQ(empty.ValueName.Flags, static_cast<UINT32>(CMB_SPAN_PRESENT));
        EXPECT_EQ(empty.ValueName.FullSize, 0u);
        EXPECT_EQ(empty.Data.Flags, static_cast<UINT32>(CMB_SPAN_PRESENT));
        EXPECT_EQ(empty.Data.FullSize, 0u);
        EXPECT_EQ(records[4 + phase].text(records[4 + phase].body<CMB_BODY_DELETE_VALUE>().ValueName), u"Name");
        EXPECT_EQ(records[8 + phase].text(records[8 + phase].body<CMB_BODY_RENAME>().NewName),
                  path().substr(path().rfind(u'\\') + 1) + u"New");
    }
    EXPECT_EQ(records[7]->Status, STATUS_OBJECT_NAME_NOT_FOUND);
    // Only pre could still ask for the name of the deleted key.
    EXPECT_EQ(find(records, RegNtPreDeleteKey).path(), path() + u"New");
    EXPECT_EQ(find(records, RegNtPostDeleteKey).path(), path() + u"New");
    // The last name that the deleted key had.
    EXPECT_EQ(find(records, RegNtPreKeyHandleClose).path(), path() + u"New");
    EXPECT_EQ(find(records, RegNtPostKeyHandleClose).path(), path() + u"New");
    EXPECT_EQ(find(records, RegNtCallbackObjectContextCleanup).path(), path() + u"New");
    EXPECT_EQ(find(records, RegNtPreRenameKey)->OtherPath.Flags, 0u);
    EXPECT_EQ(find(records, RegNtPostRenameKey).otherPath(), path() + u"New");
    EXPECT_EQ(find(records, RegNtPostKeyHandleClose)->PreSequence, find(records, RegNtPreKeyHandleClose)->Sequence);
    EXPECT_EQ(client.statistics().CaptureFaults, 0u);
}

TEST_F(Records, BoundTheirData) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"3", bit(RegNtPreSetValueKey), 0);
    client.add(u"2", bit(RegNtPreSetValueKey), 100);
    client.add(u"1", bit(RegNtPreSetValueKey), CMB_MAX_DATA_BYTES);
    actor.setValue(key, u"Large", REG_BINARY, pattern(CMB_MAX_DATA_BYTES + 5));
    actor.setValue(key, u"Small", REG_BINARY, pattern(100));
    actor.close(key);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 6u);
    const uint32_t limits[] = {0, 100, CMB_MAX_DATA_BYTES};
    for (size_t i = 0; i < 3; ++i) {
        const auto &large = records[i].body<CMB_BODY_SET_VALUE>().Data;
        EXPECT_EQ(records[i].data(large), pattern(limits[i]));
        EXPECT_EQ(large.FullSize, CMB_MAX_DATA_BYTES + 5u);
        EXPECT_TRUE(large.Flags & CMB_SPAN_TRUNCATED);
        const auto &small = records[3 + i].body<CMB_BODY_SET_VALUE>().Data;
        EXPECT_EQ(small.Size, std::min(limits[i], 100u));
        EXPECT_EQ((small.Flags & CMB_SPAN_TRUNCATED) != 0, i == 0);
    }
}

// Phases and classes that are not wanted cost no number; post keeps what pre knew although pre was not relayed.
TEST_F(Records, AreMadeOfWantedClassesOnly) {
    Client client;
    Actor actor;
    const int64_t cookie = client.add(u"385100", bit(RegNtPostDeleteKey) | bit(RegNtPostKeyHandleClose));
    HANDLE key = actor.create(path());
    actor.setValue(key, u"v", REG_SZ, pattern(2));
    actor.deleteKey(key);
    actor.close(key);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0]->NotifyClass, RegNtPostDeleteKey);
    EXPECT_EQ(records[0].path(), path());
    EXPECT_EQ(records[0]->PreSequence, 0u);
    EXPECT_FALSE(records[0]->Flags & CMB_RECORD_PRE_UNKNOWN);
    EXPECT_EQ(records[1]->NotifyClass, RegNtPostKeyHandleClose);
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, cookie).Callbacks, 2u);
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, cookie).Delivered, 2u);
}

TEST_F(Records, SayThatANameCannotBeHad) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    const int64_t cookie = client.add(u"385100", bit(RegNtPreSetValueKey) | bit(RegNtPostSetValueKey));
    CmFailNameLookups(1, STATUS_INSUFFICIENT_RESOURCES);
    actor.setValue(key, u"v", REG_SZ, pattern(2));
    actor.setValue(key, u"v", REG_SZ, pattern(2));
    CmFailNameLookups(0, STATUS_SUCCESS);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 4u);
    for (size_t i = 0; i < 4; ++i) {
        EXPECT_EQ((records[i]->Flags & CMB_RECORD_PATH_UNAVAILABLE) != 0, i < 2);
    }
    EXPECT_EQ(client.statistics(CMB_SCOPE_REGISTRATION, cookie).PathFailures, 2u);
    // An absolute name is a path by itself.
    CmFailNameLookups(1, STATUS_INSUFFICIENT_RESOURCES);
    client.add(u"385101", bit(RegNtPreOpenKeyEx));
    HANDLE again = actor.openKey(path());
    CmFailNameLookups(0, STATUS_SUCCESS);
    records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].path(), path());
    actor.close(again);
    actor.close(key);
}

TEST_F(Records, AreMadeOfStructuresOfVersionZero) {
    CM_OPTIONS options;
    CmGetOptions(&options);
    CM_OPTIONS old = options;
    old.CreateVersion = 0;
    CmSetOptions(&old);
    {
        Client client;
        Actor actor;
        client.add(u"385100", bit(RegNtPreCreateKeyEx));
        HANDLE key = actor.create(path());
        HANDLE sub = actor.create(u"Sub", key);
        std::vector<Record> records = client.drain();
        ASSERT_EQ(records.size(), 2u);
        EXPECT_EQ(records[0].path(), path());
        EXPECT_EQ(records[1].path(), path() + u"\\Sub");
        EXPECT_EQ(records[1].body<CMB_BODY_CREATE>().StructureVersion, 0u);
        EXPECT_EQ(records[1].body<CMB_BODY_CREATE>().Attributes, 0u);
        actor.close(sub);
        actor.close(key);
    }
    CmSetOptions(&options);
}

TEST_F(Records, KnowKernelModeCallers) {
    Client client;
    Actor actor;
    HANDLE key = nullptr;
    client.add(u"385100", bit(RegNtPreCreateKeyEx));
    actor.run([&, path = path()]() mutable {
        UNICODE_STRING name = unicode(path);
        OBJECT_ATTRIBUTES object;
        InitializeObjectAttributes(&object, &name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, nullptr, nullptr);
        EXPECT_EQ(ZwCreateKey(&key, KEY_READ, &object, 0, nullptr, 0, nullptr), STATUS_SUCCESS);
        EXPECT_EQ(ZwClose(key), STATUS_SUCCESS);
    });
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_TRUE(records[0]->Flags & CMB_RECORD_KERNEL_MODE);
    EXPECT_EQ(records[0].body<CMB_BODY_CREATE>().Attributes & OBJ_KERNEL_HANDLE,
              static_cast<UINT32>(OBJ_KERNEL_HANDLE));
}

} // namespace
} // namespace cmbridge::test
