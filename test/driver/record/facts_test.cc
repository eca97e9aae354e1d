// SPDX-License-Identifier: MIT
//
// What only pre can find out about what is going to be changed: old values and the contents of keys.

#include "test/driver/fixture/body_fixture.h"

namespace cmbridge::test {
namespace {

constexpr uint64_t kChanges = bit(RegNtPreSetValueKey) | bit(RegNtPostSetValueKey) | bit(RegNtPreDeleteValueKey) |
                              bit(RegNtPostDeleteValueKey) | bit(RegNtPreDeleteKey) | bit(RegNtPostDeleteKey);

class OldFacts : public BodyTest {
  protected:
    void watch(uint64_t mask = kChanges, uint32_t maxData = 4096) {
        client().add(u"385100", mask, maxData, CMB_REGISTER_OLD_VALUES);
    }
    // The old value in both records of a pair, which must agree.
    static const CMB_OLD_VALUE &old(const Record &record) {
        return record->NotifyClass == RegNtPreSetValueKey || record->NotifyClass == RegNtPostSetValueKey
                   ? record.body<CMB_BODY_SET_VALUE>().Old
                   : record.body<CMB_BODY_DELETE_VALUE>().Old;
    }
    void expectOld(NTSTATUS status, UINT32 type, const Bytes &data, size_t fullSize) {
        for (const Record &record : pair()) {
            const CMB_OLD_VALUE &value = old(record);
            EXPECT_EQ(value.Flags, static_cast<UINT32>(CMB_OLD_VALUE_READ));
            EXPECT_EQ(value.Status, status);
            EXPECT_EQ(value.Type, type);
            EXPECT_EQ(value.Reserved, 0u);
            EXPECT_EQ(value.Data.Flags & CMB_SPAN_PRESENT, NT_SUCCESS(status) ? CMB_SPAN_PRESENT : 0u);
            EXPECT_EQ(value.Data.FullSize, fullSize);
            EXPECT_EQ(record.data(value.Data), data);
        }
    }
    void expectNoOld(NTSTATUS status) { expectOld(status, 0, {}, 0); }
    void raiseSet(const std::function<void(REG_SET_VALUE_KEY_INFORMATION &)> &before) {
        raise<REG_SET_VALUE_KEY_INFORMATION>(RegNtPreSetValueKey, RegNtPostSetValueKey, STATUS_ACCESS_DENIED, before);
    }
};

TEST_F(OldFacts, HaveTheValueBeforeASet) {
    watch();
    actor().setValue(key(), u"Name", REG_BINARY, pattern(5));
    expectNoOld(STATUS_OBJECT_NAME_NOT_FOUND);
    // The same again, another type and size, nothing.
    actor().setValue(key(), u"Name", REG_BINARY, pattern(5));
    expectOld(STATUS_SUCCESS, REG_BINARY, pattern(5), 5);
    actor().setValue(key(), u"NAME", REG_SZ, pattern(8, 3));
    expectOld(STATUS_SUCCESS, REG_BINARY, pattern(5), 5);
    actor().setValue(key(), u"Name", REG_NONE, {});
    expectOld(STATUS_SUCCESS, REG_SZ, pattern(8, 3), 8);
    actor().setValue(key(), u"Name", REG_DWORD, pattern(4));
    expectOld(STATUS_SUCCESS, REG_NONE, {}, 0);
    // The default value.
    actor().setValue(key(), u"", REG_SZ, pattern(2));
    expectNoOld(STATUS_OBJECT_NAME_NOT_FOUND);
    actor().setValue(key(), u"", REG_SZ, pattern(4));
    expectOld(STATUS_SUCCESS, REG_SZ, pattern(2), 2);
}

TEST_F(OldFacts, HaveTheValueBeforeADelete) {
    actor().setValue(key(), u"Name", REG_MULTI_SZ, pattern(12));
    watch();
    actor().deleteValue(key(), u"Name");
    expectOld(STATUS_SUCCESS, REG_MULTI_SZ, pattern(12), 12);
    actor().deleteValue(key(), u"Name", STATUS_OBJECT_NAME_NOT_FOUND);
    expectNoOld(STATUS_OBJECT_NAME_NOT_FOUND);
}

TEST_F(OldFacts, AreFoundByNamesWithNulAndOfFullLength) {
    watch();
    for (const std::u16string &name : {std::u16string(u"a\0b", 3), std::u16string(16383, u'x')}) {
        actor().setValue(key(), name, REG_SZ, pattern(2));
        expectNoOld(STATUS_OBJECT_NAME_NOT_FOUND);
        actor().deleteValue(key(), name);
        expectOld(STATUS_SUCCESS, REG_SZ, pattern(2), 2);
    }
}

TEST_F(OldFacts, AreBounded) {
    actor().setValue(key(), u"Name", REG_BINARY, pattern(CMB_MAX_DATA_BYTES + 1));
    for (uint32_t limit : {0u, 1u, 100u, static_cast<uint32_t>(CMB_MAX_DATA_BYTES)}) {
        Client other;
        other.add(u"385100", bit(RegNtPreSetValueKey), limit, CMB_REGISTER_OLD_VALUES);
        actor().setValue(key(), u"Name", REG_BINARY, pattern(CMB_MAX_DATA_BYTES + 1));
        const std::vector<Record> records = other.drain();
        ASSERT_EQ(records.size(), 1u);
        EXPECT_EQ(records[0].data(old(records[0]).Data), pattern(limit));
        EXPECT_EQ(old(records[0]).Data.FullSize, CMB_MAX_DATA_BYTES + 1u);
        EXPECT_TRUE(old(records[0]).Data.Flags & CMB_SPAN_TRUNCATED);
        EXPECT_EQ(old(records[0]).Status, STATUS_SUCCESS);
        EXPECT_EQ(old(records[0]).Type, static_cast<UINT32>(REG_BINARY));
    }
}

TEST_F(OldFacts, AreToldWhereOnlyPostIsWanted) {
    actor().setValue(key(), u"Name", REG_BINARY, pattern(5));
    watch(bit(RegNtPostSetValueKey) | bit(RegNtPostDeleteKey));
    actor().setValue(key(), u"Name", REG_BINARY, pattern(6));
    actor().deleteKey(key());
    const std::vector<Record> records = client().drain();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0].data(old(records[0]).Data), pattern(5));
    EXPECT_EQ(records[1].body<CMB_BODY_DELETE_KEY>().Values, 1u);
}

TEST_F(OldFacts, AreNotReadUnasked) {
    actor().setValue(key(), u"Name", REG_BINARY, pattern(5));
    unsigned reads = 0;
    Rival below(u"1", [&](ULONG number, PVOID) { reads += number == RegNtPreQueryValueKey; });
    client().add(u"385100", kChanges);
    actor().setValue(key(), u"Name", REG_BINARY, pattern(6));
    for (const Record &record : pair()) {
        EXPECT_EQ(old(record).Flags, 0u);
        EXPECT_EQ(old(record).Status, 0);
        EXPECT_EQ(old(record).Data.Flags, 0u);
    }
    actor().deleteKey(key());
    for (const Record &record : pair()) {
        const auto &body = record.body<CMB_BODY_DELETE_KEY>();
        EXPECT_EQ(body.Flags | body.Values | body.SubKeys, 0u);
        EXPECT_EQ(body.Status, 0);
    }
    EXPECT_EQ(reads, 0u);
}

TEST_F(OldFacts, CountWhatADeletedKeyHeld) {
    HANDLE sub = actor().create(u"Sub", key());
    for (const char16_t *name : {u"A", u"B", u"C"}) {
        actor().setValue(key(), name, REG_SZ, pattern(2));
    }
    watch();
    actor().run([&] { EXPECT_EQ(NtDeleteKey(key()), STATUS_CANNOT_DELETE); });
    for (const Record &record : pair()) {
        const auto &body = record.body<CMB_BODY_DELETE_KEY>();
        EXPECT_EQ(body.Values, 3u);
        EXPECT_EQ(body.SubKeys, 1u);
        EXPECT_EQ(body.Status, STATUS_SUCCESS);
        EXPECT_EQ(body.Flags, static_cast<UINT32>(CMB_OLD_VALUE_READ));
    }
    actor().deleteKey(sub);
    for (const Record &record : pair()) {
        EXPECT_EQ(record.body<CMB_BODY_DELETE_KEY>().Values, 0u);
        EXPECT_EQ(record.body<CMB_BODY_DELETE_KEY>().SubKeys, 0u);
    }
    actor().close(sub);
}

// A class name makes the answer longer than the counts.
TEST_F(OldFacts, CountWhatADeletedKeyWithAClassHeld) {
    HANDLE made = nullptr;
    actor().run([&, sub = path() + u"\\Classy"]() mutable {
        std::u16string className(500, u'c');
        UNICODE_STRING name = unicode(sub), text = unicode(className);
        OBJECT_ATTRIBUTES object = attributes(name);
        EXPECT_EQ(NtCreateKey(&made, KEY_ALL_ACCESS, &object, 0, &text, 0, nullptr), STATUS_SUCCESS);
    });
    actor().setValue(made, u"A", REG_SZ, pattern(2));
    watch();
    actor().deleteKey(made);
    EXPECT_EQ(pair()[0].body<CMB_BODY_DELETE_KEY>().Values, 1u);
    actor().close(made);
}

// The reads are seen by the filters below, not by the own registration and not by those above; each is closed again.
TEST_F(OldFacts, AreReadWhereOnlyLowerFiltersSeeIt) {
    std::vector<ULONG> above, below;
    const auto interesting = [](ULONG number) {
        return number == RegNtPreQueryValueKey || number == RegNtPreQueryKey || number == RegNtPreSetValueKey ||
               number == RegNtPreDeleteKey || number == RegNtPreOpenKeyEx || number == RegNtPreKeyHandleClose;
    };
    client().add(u"385100", kAllClasses, 4096, CMB_REGISTER_OLD_VALUES);
    {
        Rival high(u"400000", [&](ULONG number, PVOID) {
            if (interesting(number)) {
                above.push_back(number);
            }
        });
        Rival low(u"1", [&](ULONG number, PVOID) {
            if (interesting(number)) {
                below.push_back(number);
            }
        });
        actor().setValue(key(), u"Name", REG_BINARY, pattern(5));
        actor().deleteKey(key());
    }
    EXPECT_EQ(above, (std::vector<ULONG>{RegNtPreSetValueKey, RegNtPreDeleteKey}));
    EXPECT_EQ(below,
              (std::vector<ULONG>{RegNtPreQueryValueKey, RegNtPreSetValueKey, RegNtPreQueryKey, RegNtPreDeleteKey}));
    const std::vector<Record> records = client().drain();
    ASSERT_EQ(records.size(), 4u);
    EXPECT_EQ(records[0]->NotifyClass, static_cast<UINT32>(RegNtPreSetValueKey));
    EXPECT_EQ(records[2]->NotifyClass, static_cast<UINT32>(RegNtPreDeleteKey));
}

// A lower filter may answer with anything.
TEST_F(OldFacts, SurviveALowerFilterThatLies) {
    actor().setValue(key(), u"Name", REG_BINARY, pattern(5));
    Rival low(u"1", [&](ULONG number, PVOID information) {
        if (number == RegNtPostQueryValueKey) {
            auto *query = static_cast<REG_QUERY_VALUE_KEY_INFORMATION *>(
                static_cast<REG_POST_OPERATION_INFORMATION *>(information)->PreInformation);
            static_cast<KEY_VALUE_PARTIAL_INFORMATION *>(query->KeyValueInformation)->DataLength = 0xFFFFFFFF;
        }
    });
    watch(kChanges, 16);
    actor().setValue(key(), u"Name", REG_BINARY, pattern(5));
    Bytes expected = pattern(5);
    expected.resize(16);
    expectOld(STATUS_SUCCESS, REG_BINARY, expected, 0xFFFFFFFF);
}

TEST_F(OldFacts, AreMissingWhereTheKeyIsGone) {
    HANDLE sub = actor().create(u"Sub", key());
    watch();
    actor().run([&] {
        PVOID object = nullptr;
        ASSERT_EQ(ObReferenceObjectByHandle(sub, 0, nullptr, KernelMode, &object, nullptr), STATUS_SUCCESS);
        EXPECT_EQ(NtDeleteKey(sub), STATUS_SUCCESS);
        pair();
        CmInjectNotification(object, RegNtPreSetValueKey, STATUS_KEY_DELETED);
        ObDereferenceObject(object);
    });
    expectNoOld(STATUS_KEY_DELETED);
    actor().close(sub);
}

TEST_F(OldFacts, AreNotReadAtApcLevel) {
    actor().setValue(key(), u"Injected", REG_BINARY, pattern(5));
    watch();
    client().allowUndescribed();
    const auto injected = [&](const std::function<void(PVOID)> &routine) {
        actor().run([&] {
            PVOID object = nullptr;
            ASSERT_EQ(ObReferenceObjectByHandle(key(), 0, nullptr, KernelMode, &object, nullptr), STATUS_SUCCESS);
            routine(object);
            ObDereferenceObject(object);
        });
    };
    for (ULONG number : {RegNtPreSetValueKey, RegNtPreDeleteValueKey, RegNtPreDeleteKey}) {
        const std::function<void(PVOID)> ways[] = {[&](PVOID object) {
                                                       KIRQL irql;
                                                       KeRaiseIrql(APC_LEVEL, &irql);
                                                       CmInjectNotification(object, number, STATUS_ACCESS_DENIED);
                                                       KeLowerIrql(irql);
                                                   },
                                                   [&](PVOID object) {
                                                       KeEnterGuardedRegion();
                                                       CmInjectNotification(object, number, STATUS_ACCESS_DENIED);
                                                       KeLeaveGuardedRegion();
                                                   }};
        for (const auto &way : ways) {
            injected(way);
            if (number == RegNtPreDeleteKey) {
                for (const Record &record : pair()) {
                    EXPECT_EQ(record.body<CMB_BODY_DELETE_KEY>().Status, STATUS_CANT_WAIT);
                    EXPECT_EQ(record.body<CMB_BODY_DELETE_KEY>().Flags, static_cast<UINT32>(CMB_OLD_VALUE_READ));
                }
            } else {
                expectNoOld(STATUS_CANT_WAIT);
            }
        }
    }
    // Normal APCs are always disabled in a callback, and that is no obstacle.
    injected([&](PVOID object) {
        KeEnterCriticalRegion();
        CmInjectNotification(object, RegNtPreSetValueKey, STATUS_ACCESS_DENIED);
        KeLeaveCriticalRegion();
    });
    expectOld(STATUS_SUCCESS, REG_BINARY, pattern(5), 5);
}

// What reads them calls filters below on the same stack.
TEST_F(OldFacts, AreMissingWhereLittleStackIsLeft) {
    watch();
    actor().setValue(key(), u"Name", REG_BINARY, pattern(5));
    expectNoOld(STATUS_OBJECT_NAME_NOT_FOUND);
    const auto setWithStack = [&](size_t bytes) {
        actor().thread().runWithStack(bytes, [&] {
            std::u16string text = u"Name";
            UNICODE_STRING name = unicode(text);
            Bytes data = pattern(5);
            EXPECT_EQ(NtSetValueKey(key(), &name, 0, REG_BINARY, data.data(), 5), STATUS_SUCCESS);
        });
    };
    setWithStack(8192);
    expectNoOld(STATUS_CANT_WAIT);
    setWithStack(0x100000);
    expectOld(STATUS_SUCCESS, REG_BINARY, pattern(5), 5);
}

TEST_F(OldFacts, AreMissingWhereTheNameVanishes) {
    UserMemory<32> memory;
    UNICODE_STRING bad{16, 16, memory.at<WCHAR>(16)};
    watch();
    memory.vanish();
    for (UNICODE_STRING *name : {memory.at<UNICODE_STRING>(), &bad}) {
        raiseSet([&](REG_SET_VALUE_KEY_INFORMATION &set) { set.ValueName = name; });
        expectNoOld(STATUS_ACCESS_VIOLATION);
    }
}

// The name that the registry is asked for is a copy: what the caller makes of the original meanwhile does not matter.
TEST_F(OldFacts, AreReadByACopyOfTheName) {
    UserMemory<32> memory;
    std::memcpy(memory.at(), u"Name", 8);
    UNICODE_STRING name{8, 8, memory.at<WCHAR>()};
    actor().setValue(key(), u"Name", REG_BINARY, pattern(5));
    watch();
    Rival low(u"0", [&](ULONG number, PVOID) {
        if (number == RegNtPreQueryValueKey) {
            memory.vanish();
        }
    });
    raiseSet([&](REG_SET_VALUE_KEY_INFORMATION &set) { set.ValueName = &name; });
    expectOld(STATUS_SUCCESS, REG_BINARY, pattern(5), 5);
}

// The operation takes place whatever the driver lacks.
TEST_F(OldFacts, AreMissingWithoutMemory) {
    watch();
    unsigned unanswered = 0, unknown = 0;
    actor().setValue(key(), u"Name", REG_BINARY, pattern(5));
    client().drain();
    failAllocations([&] { actor().setValue(key(), u"Name", REG_BINARY, pattern(5)); },
                    [&](const std::vector<Record> &records) {
                        ASSERT_EQ(records.size(), 2u);
                        unanswered += old(records[0]).Status == STATUS_INSUFFICIENT_RESOURCES;
                        EXPECT_TRUE(old(records[0]).Flags & CMB_OLD_VALUE_READ);
                        if (records[1]->Flags & CMB_RECORD_PRE_UNKNOWN) {
                            EXPECT_EQ(old(records[1]).Flags, 0u);
                            EXPECT_EQ(records[0].data(old(records[0]).Data), pattern(5));
                            ++unknown;
                        } else {
                            EXPECT_EQ(old(records[0]).Status, old(records[1]).Status);
                        }
                    });
    // The value and the copy of its name have a block each.
    EXPECT_EQ(unanswered, 2u);
    EXPECT_EQ(unknown, 1u);
}

TEST_F(OldFacts, AreReadByManyThreads) {
    watch(kChanges, 64);
    std::vector<std::unique_ptr<Actor>> actors;
    std::vector<HANDLE> keys;
    for (size_t i = 0; i < 4; ++i) {
        actors.push_back(std::make_unique<Actor>());
        keys.push_back(actors[i]->openKey(path()));
    }
    for (size_t i = 0; i < actors.size(); ++i) {
        actors[i]->post([key = keys[i], i] {
            std::u16string text = u"Shared";
            for (int turn = 0; turn < 50; ++turn) {
                UNICODE_STRING name = unicode(text);
                Bytes data = pattern(i + 1);
                EXPECT_EQ(NtSetValueKey(key, &name, 0, REG_BINARY, data.data(), static_cast<ULONG>(data.size())),
                          STATUS_SUCCESS);
            }
        });
    }
    for (size_t i = 0; i < actors.size(); ++i) {
        actors[i]->close(keys[i]);
    }
    const std::vector<Record> records = client().drain();
    EXPECT_EQ(records.size(), 400u);
    for (const Record &record : records) {
        // Somebody's value, or none yet.
        const Bytes data = record.data(old(record).Data);
        EXPECT_TRUE(data.size() <= 4 && data == pattern(data.size()));
    }
}

} // namespace
} // namespace cmbridge::test
