// SPDX-License-Identifier: MIT
//
// Key paths that repeat: the fixture follows the stream, and whatever it finds must be the path that is meant.

#include "test/driver/fixture/fixture.h"

#include <set>

namespace cmbridge::test {
namespace {

using KeptPaths = DriverTest;

TEST_F(KeptPaths, AreSentOnceAndThenReferredTo) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path()), again = actor.openKey(path());
    client.add(u"2", bit(RegNtPreSetValueKey) | bit(RegNtPostSetValueKey));
    client.add(u"1", bit(RegNtPreSetValueKey));
    for (HANDLE handle : {key, again}) {
        actor.setValue(handle, u"v", REG_BINARY, pattern(8));
    }
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 6u);
    for (size_t i = 0; i < records.size(); ++i) {
        EXPECT_EQ((records[i]->KeyPath.Flags & CMB_SPAN_KEPT) != 0, i > 0);
        EXPECT_EQ(records[i].path(), path());
        EXPECT_EQ(records[i]->PathSerial, records[0]->PathSerial);
        EXPECT_EQ(records[i]->PathSlot, records[0]->PathSlot);
        EXPECT_TRUE(records[i]->Flags & CMB_RECORD_PATH_RESOLVED);
    }
    EXPECT_LT(records[1]->Size, records[0]->Size);
    // Another session knows nothing of it.
    Client other;
    other.add(u"3", bit(RegNtPreSetValueKey));
    actor.setValue(key, u"v", REG_BINARY, pattern(8));
    EXPECT_EQ(other.drain()[0]->KeyPath.Flags, static_cast<UINT32>(CMB_SPAN_PRESENT));
    actor.close(again);
    actor.close(key);
}

// More paths than slots: some take each other's place, time and again.
TEST_F(KeptPaths, TakeOverSlotsEvenly) {
    Client client;
    Actor actor;
    HANDLE root = actor.create(path());
    std::vector<HANDLE> keys;
    constexpr size_t kKeys = CMB_PATH_SLOTS + 200;
    auto name = [](size_t i) {
        const std::string text = "Key " + std::to_string(i);
        return std::u16string(text.begin(), text.end());
    };
    for (size_t i = 0; i < kKeys; ++i) {
        keys.push_back(actor.create(name(i), root));
    }
    client.add(u"1", bit(RegNtPreSetValueKey));
    size_t kept = 0, replaced = 0;
    std::set<uint32_t> used;
    for (int round = 0; round < 3; ++round) {
        for (HANDLE key : keys) {
            actor.setValue(key, u"v", REG_BINARY, pattern(8));
        }
        std::vector<Record> records = client.drain();
        ASSERT_EQ(records.size(), kKeys);
        for (size_t i = 0; i < kKeys; ++i) {
            ASSERT_EQ(records[i].path(), path() + u"\\" + name(i));
            const bool refers = records[i]->KeyPath.Flags & CMB_SPAN_KEPT;
            kept += refers;
            replaced += !refers && used.contains(records[i]->PathSlot);
            used.insert(records[i]->PathSlot);
        }
    }
    EXPECT_GT(kept, 100u);
    EXPECT_GT(replaced, 200u);
    // The slots are used evenly.
    EXPECT_GT(used.size(), CMB_PATH_SLOTS / 2u);
    // As much is held as the slots can hold, and given back with the session.
    const uint64_t blocks = machine().poolUsage().blocks;
    client.close();
    EXPECT_GE(blocks - machine().poolUsage().blocks, used.size());
    for (HANDLE key : keys) {
        actor.close(key);
    }
    actor.close(root);
}

TEST_F(KeptPaths, AreNotLong) {
    Client client;
    Actor actor;
    std::u16string text = path();
    std::vector<HANDLE> keys{actor.create(text)};
    for (char16_t letter : {u'a', u'b', u'c'}) {
        const std::u16string part(200, letter);
        text += u"\\" + part;
        keys.push_back(actor.create(part, keys.back()));
    }
    ASSERT_GT(text.size() * 2, static_cast<size_t>(CMB_MAX_KEPT_PATH_BYTES));
    client.add(u"1", bit(RegNtPreSetValueKey));
    for (int i = 0; i < 3; ++i) {
        actor.setValue(keys.back(), u"v", REG_BINARY, pattern(8));
    }
    for (const Record &record : client.drain()) {
        EXPECT_EQ(record.path(), text);
        EXPECT_EQ(record->PathSerial, 0u);
    }
    for (size_t i = keys.size(); i--;) {
        actor.close(keys[i]);
    }
}

// A record that found no room has told nobody of its path.
TEST_F(KeptPaths, AreNotThoseOfALostRecord) {
    Client client(0, 2);
    Actor actor;
    HANDLE first = actor.create(path()), second = actor.create(u"Second", first);
    client.add(u"1", bit(RegNtPreSetValueKey));
    actor.setValue(first, u"v", REG_BINARY, pattern(8));
    actor.setValue(first, u"v", REG_BINARY, pattern(8));
    actor.setValue(second, u"v", REG_BINARY, pattern(8));
    EXPECT_EQ(client.statistics().Lost, 1u);
    EXPECT_EQ(client.drain().size(), 3u);
    actor.setValue(second, u"v", REG_BINARY, pattern(8));
    actor.setValue(first, u"v", REG_BINARY, pattern(8));
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0]->KeyPath.Flags, static_cast<UINT32>(CMB_SPAN_PRESENT));
    EXPECT_EQ(records[0].path(), path() + u"\\Second");
    EXPECT_TRUE(records[1]->KeyPath.Flags & CMB_SPAN_KEPT);
    EXPECT_EQ(records[1].path(), path());
    actor.close(second);
    actor.close(first);
}

// Compared byte by byte: what differs in case only is another path.
TEST_F(KeptPaths, AreOtherPathsWhenSpelledOtherwise) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"1", bit(RegNtPreOpenKeyEx));
    std::u16string other = path();
    other.replace(other.find(u"SOFTWARE"), 8, u"Software");
    for (const std::u16string &text : {path(), other, path(), other}) {
        actor.close(actor.openKey(text));
    }
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 4u);
    for (size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(records[i].path(), i % 2 ? other : path());
    }
    EXPECT_NE(records[0]->PathSerial, records[1]->PathSerial);
    actor.close(key);
}

} // namespace
} // namespace cmbridge::test
