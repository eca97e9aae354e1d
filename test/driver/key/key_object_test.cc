// SPDX-License-Identifier: MIT
//
// What is attached to key objects: numbers, paths that follow renames, who opened them; and that it comes back once.

#include "test/driver/fixture/fixture.h"

#include <map>
#include <set>
#include <thread>

namespace cmbridge::test {
namespace {

constexpr uint64_t kSet = bit(RegNtPreSetValueKey);
constexpr uint64_t kCleanUp = bit(RegNtCallbackObjectContextCleanup);

class KeyObject : public DriverTest {
  protected:
    static void set(Actor &actor, HANDLE key) { actor.setValue(key, u"v", REG_BINARY, pattern(4)); }
    static std::u16string leaf(const std::u16string &path) { return path.substr(path.rfind(u'\\') + 1); }
    static uint32_t contexts() {
        CM_STATISTICS statistics;
        CmGetStatistics(&statistics);
        return static_cast<uint32_t>(statistics.ObjectContexts);
    }
};

TEST_F(KeyObject, HasANumberForEachOpen) {
    Client client;
    Actor actor;
    client.add(u"1");
    HANDLE first = actor.create(path()), second = actor.openKey(path());
    set(actor, first);
    set(actor, second);
    set(actor, first);
    actor.close(first);
    actor.close(second);
    std::map<unsigned, std::vector<uint64_t>> numbers;
    for (const Record &record : client.drain()) {
        numbers[record->NotifyClass].push_back(record->KeyObject);
    }
    // What is asked for is not open yet.
    EXPECT_EQ(numbers[RegNtPreCreateKeyEx], std::vector<uint64_t>{0});
    const uint64_t one = numbers[RegNtPostCreateKeyEx].at(0), two = numbers[RegNtPostOpenKeyEx].at(0);
    EXPECT_NE(one, 0u);
    EXPECT_NE(two, 0u);
    EXPECT_NE(one, two);
    EXPECT_EQ(numbers[RegNtPreSetValueKey], (std::vector<uint64_t>{one, two, one}));
    EXPECT_EQ(numbers[RegNtPostSetValueKey], (std::vector<uint64_t>{one, two, one}));
    for (ULONG number : {RegNtPreKeyHandleClose, RegNtPostKeyHandleClose, RegNtCallbackObjectContextCleanup}) {
        EXPECT_EQ(numbers[number], (std::vector<uint64_t>{one, two})) << number;
    }
}

// A class that nobody wants neither attaches nor asks.
TEST_F(KeyObject, IsNotMadeForUnwantedClasses) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"1", bit(RegNtPreDeleteValueKey));
    const uint32_t before = contexts();
    const uint64_t blocks = machine().poolUsage().blocks;
    CmFailNameLookups(1, STATUS_INSUFFICIENT_RESOURCES);
    set(actor, key);
    actor.close(actor.openKey(path()));
    actor.rename(key, leaf(path()) + u"R");
    EXPECT_EQ(contexts(), before);
    EXPECT_EQ(machine().poolUsage().blocks, blocks);
    // The failure that nobody met is still there.
    actor.deleteValue(key, u"v");
    CmFailNameLookups(0, STATUS_SUCCESS);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_TRUE(records[0]->Flags & CMB_RECORD_PATH_UNAVAILABLE);
    actor.close(key);
}

TEST_F(KeyObject, AsksForItsPathOnce) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"1", kSet | bit(RegNtPostOpenKeyEx));
    set(actor, key);
    HANDLE opened = actor.openKey(path());
    CmFailNameLookups(1000, STATUS_INSUFFICIENT_RESOURCES);
    set(actor, key);
    set(actor, opened);
    CmFailNameLookups(0, STATUS_SUCCESS);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 4u);
    for (const Record &record : records) {
        EXPECT_EQ(record.path(), path());
        EXPECT_TRUE(record->Flags & CMB_RECORD_PATH_RESOLVED);
    }
    actor.close(opened);
    actor.close(key);
}

// Also if renames are not wanted themselves, and of an ancestor.
TEST_F(KeyObject, FollowsRenames) {
    Client client;
    Actor actor;
    HANDLE top = actor.create(path()), middle = actor.create(u"Middle", top), low = actor.create(u"Low", middle);
    client.add(u"1", kSet | bit(RegNtPostSetValueKey) | bit(RegNtPreCreateKeyEx));
    set(actor, low);
    set(actor, low);
    actor.rename(top, leaf(path()) + u"R");
    set(actor, low);
    actor.rename(middle, u"Centre");
    set(actor, low);
    actor.rename(low, u"Deep");
    set(actor, low);
    actor.close(actor.create(u"Sub", low));
    std::vector<std::u16string> paths;
    for (const Record &record : client.drain()) {
        paths.push_back(record.path());
    }
    const std::u16string renamed = path() + u"R";
    const std::vector<std::u16string> expected = {
        path() + u"\\Middle\\Low",   path() + u"\\Middle\\Low",        path() + u"\\Middle\\Low",
        path() + u"\\Middle\\Low",   renamed + u"\\Middle\\Low",       renamed + u"\\Middle\\Low",
        renamed + u"\\Centre\\Low",  renamed + u"\\Centre\\Low",       renamed + u"\\Centre\\Deep",
        renamed + u"\\Centre\\Deep", renamed + u"\\Centre\\Deep\\Sub",
    };
    EXPECT_EQ(paths, expected);
    for (HANDLE key : {low, middle, top}) {
        actor.close(key);
    }
}

// Between pre and post of a rename nobody knows which name holds, so that none is kept.
TEST_F(KeyObject, DoesNotUseItsPathDuringARename) {
    Client client;
    Actor actor, renamer;
    HANDLE top = actor.create(path()), low = actor.create(u"Low", top), theirs = renamer.openKey(path());
    client.add(u"2", kSet);
    set(actor, low);
    Gate before, after;
    Rival below(u"1", [&](ULONG notifyClass, PVOID) {
        if (notifyClass == RegNtPreRenameKey) {
            before.pass();
        } else if (notifyClass == RegNtPostRenameKey) {
            after.pass();
        }
    });
    std::thread thread([&] { renamer.rename(theirs, leaf(path()) + u"R"); });
    before.awaitArrival();
    set(actor, low);
    before.let();
    after.awaitArrival();
    // The name has changed; the driver above has not seen post yet.
    set(actor, low);
    after.let();
    thread.join();
    set(actor, low);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 4u);
    EXPECT_EQ(records[0].path(), path() + u"\\Low");
    EXPECT_EQ(records[1].path(), path() + u"\\Low");
    EXPECT_EQ(records[2].path(), path() + u"R\\Low");
    EXPECT_EQ(records[3].path(), path() + u"R\\Low");
    renamer.close(theirs);
    actor.close(low);
    actor.close(top);
}

// The path of a deleted key is its last one, and unknown rather than wrong where memory is short.
TEST_F(KeyObject, HasNoPathWhereItCannotBeHadAgain) {
    Client client;
    Actor actor;
    HANDLE top = actor.create(path()), low = actor.create(u"Low", top), gone = actor.create(u"Gone", top);
    client.add(u"1", kSet | bit(RegNtPreKeyHandleClose));
    set(actor, low);
    set(actor, gone);
    actor.deleteKey(gone);
    actor.rename(top, leaf(path()) + u"R");
    CmFailNameLookups(1, STATUS_INSUFFICIENT_RESOURCES);
    set(actor, low);
    CmFailNameLookups(0, STATUS_SUCCESS);
    set(actor, low);
    actor.close(gone);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 5u);
    EXPECT_TRUE(records[2]->Flags & CMB_RECORD_PATH_UNAVAILABLE);
    EXPECT_EQ(records[3].path(), path() + u"R\\Low");
    EXPECT_EQ(records[4].path(), path() + u"\\Gone");
    actor.close(low);
    actor.close(top);
}

// Whoever may open keys decides how long their paths are and how many are open.
TEST_F(KeyObject, TakesLittleMemoryHoweverLongItsPath) {
    constexpr size_t kHandles = 100;
    Client client;
    Actor actor;
    const std::u16string part(250, u'p');
    std::vector<HANDLE> parents{actor.create(path())};
    for (int depth = 0; depth < 100; ++depth) {
        parents.push_back(actor.create(part, parents.back()));
    }
    client.add(u"1", kSet | bit(RegNtPostOpenKeyEx) | bit(RegNtPreKeyHandleClose));
    const uint64_t before = machine().poolUsage().bytes;
    std::vector<HANDLE> open;
    for (size_t i = 0; i < kHandles; ++i) {
        open.push_back(actor.openKey(u"", parents.back()));
        set(actor, open.back());
        for (const Record &record : client.drain()) {
            EXPECT_GT(record.path().size(), 100 * part.size());
        }
    }
    EXPECT_LT((machine().poolUsage().bytes - before) / kHandles, 1024u);
    for (HANDLE key : open) {
        actor.close(key);
    }
    while (!parents.empty()) {
        actor.close(parents.back());
        parents.pop_back();
    }
    client.drain();
}

TEST_F(KeyObject, IsCleanedUpOnce) {
    Client client;
    Actor actor;
    const int64_t cookie = client.add(u"1", kCleanUp);
    HANDLE key = actor.create(path());
    actor.rename(key, leaf(path()) + u"R");
    actor.close(key);
    HANDLE kept = actor.create(path() + u"Kept"), renamed = actor.create(path() + u"Old");
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].path(), path() + u"R");
    EXPECT_NE(records[0]->KeyObject, 0u);
    const auto &body = records[0].body<CMB_BODY_CLOSE>();
    EXPECT_EQ(body.OpenerProcessId, actor.processId());
    EXPECT_EQ(body.OpenerKey, actor.process()->startKey());
    EXPECT_EQ(body.OpenerSlot, actor.process()->startKey() % CMB_PROCESS_SLOTS);
    // What is still open comes back when the registration goes, on the thread that removes it.
    EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    records = client.drain();
    ASSERT_EQ(records.size(), 2u);
    std::set<std::u16string> paths;
    for (const Record &record : records) {
        paths.insert(record.path());
        EXPECT_NE(record->ProcessId, actor.processId());
        EXPECT_EQ(record.body<CMB_BODY_CLOSE>().OpenerProcessId, actor.processId());
    }
    EXPECT_EQ(paths, (std::set<std::u16string>{path() + u"Kept", path() + u"Old"}));
    EXPECT_EQ(contexts(), 0u);
    actor.close(kept);
    actor.close(renamed);
    EXPECT_EQ(client.statistics().Callbacks, 3u);
}

// At that time the object cannot be asked any more: a path that may be outdated is none.
TEST_F(KeyObject, HasNoPathAtRemovalWhenItIsOutdated) {
    Client client;
    Actor actor;
    const int64_t cookie = client.add(u"1", kCleanUp);
    HANDLE top = actor.create(path()), low = actor.create(u"Low", top);
    actor.rename(top, leaf(path()) + u"R");
    EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 2u);
    for (const Record &record : records) {
        EXPECT_TRUE(record->Flags & CMB_RECORD_PATH_UNAVAILABLE);
        EXPECT_NE(record->KeyObject, 0u);
    }
    actor.close(low);
    actor.close(top);
}

// Neither unregistering nor closing the session waits for keys to be closed; the fixture finds what would be left.
TEST_F(KeyObject, IsGoneWithItsRegistrationThoughTheKeyIsOpen) {
    Actor actor;
    HANDLE key = actor.create(path());
    const uint64_t idle = machine().poolUsage().blocks;
    for (bool closing : {false, true}) {
        Client client;
        const int64_t cookie = client.add(u"1");
        HANDLE second = actor.openKey(path());
        set(actor, key);
        EXPECT_GE(contexts(), 2u);
        if (closing) {
            client.close();
        } else {
            EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
        }
        EXPECT_EQ(contexts(), 0u);
        // Session, work item, ring, the table of kept paths and the one path in it, the table of who is held.
        EXPECT_LE(machine().poolUsage().blocks - idle, closing ? 0u : 6u);
        set(actor, key);
        actor.close(second);
    }
    actor.close(key);
}

// The last reference goes in another process: closed by one, opened by another.
TEST_F(KeyObject, KnowsItsOpener) {
    Client client;
    Actor opener, closer;
    HANDLE early = opener.create(path());
    client.add(u"1", bit(RegNtPreKeyHandleClose) | bit(RegNtPostKeyHandleClose));
    HANDLE late = opener.openKey(path());
    PVOID object = nullptr;
    opener.run(
        [&] { EXPECT_EQ(ObReferenceObjectByHandle(late, 0, nullptr, KernelMode, &object, nullptr), STATUS_SUCCESS); });
    opener.close(late);
    closer.run([&] { ObDereferenceObject(object); });
    opener.close(early);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 4u);
    for (size_t i = 0; i < 4; ++i) {
        const auto &body = records[i].body<CMB_BODY_CLOSE>();
        EXPECT_EQ(records[i].path(), path());
        EXPECT_EQ(records[i]->ProcessId, (i < 2 ? closer : opener).processId());
        EXPECT_EQ(body.OpenerProcessId, i < 2 ? opener.processId() : 0);
        EXPECT_EQ(body.OpenerKey, i < 2 ? opener.process()->startKey() : 0);
        // Nothing can be attached to what is being closed.
        EXPECT_EQ(records[i]->KeyObject != 0, i < 2);
    }
}

// What post close tells comes from pre: the object is dead, as strict checks of the simulator would find.
TEST_F(KeyObject, IsKnownToAPostCloseWithoutPre) {
    Client client;
    Actor actor;
    HANDLE early = actor.create(path());
    client.add(u"1", bit(RegNtPostKeyHandleClose));
    HANDLE late = actor.openKey(path());
    actor.close(late);
    actor.close(early);
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 2u);
    for (const Record &record : records) {
        EXPECT_EQ(record.path(), path());
        EXPECT_FALSE(record->Flags & CMB_RECORD_PRE_UNKNOWN);
        EXPECT_EQ(record->PreSequence, 0u);
    }
    EXPECT_NE(records[0]->KeyObject, 0u);
    EXPECT_EQ(records[0].body<CMB_BODY_CLOSE>().OpenerProcessId, actor.processId());
}

} // namespace
} // namespace cmbridge::test
