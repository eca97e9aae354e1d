// SPDX-License-Identifier: MIT
//
// What becomes of notifications under rules.

#include "test/driver/fixture/ruleset_fixture.h"
#include "test/driver/fixture/token_fixture.h"

namespace cmbridge::test {
namespace {

using Verdict = RulesetTest;

constexpr uint64_t kSet = bit(RegNtPreSetValueKey);
constexpr uint64_t kSetBoth = kSet | bit(RegNtPostSetValueKey);

TEST_F(Verdict, IsThatOfTheFirstMatch) {
    Client client;
    Actor actor;
    HANDLE mine = actor.create(path());
    HANDLE below = actor.create(u"Sub\\Deeper", mine, STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(below, nullptr);
    below = actor.create(u"Sub", mine);
    add(client,
        {{.action = CMB_ACTION_IGNORE, .keys = {key(u"\\Sub")}, .valueNames = {u"quiet*"}},
         {.action = CMB_ACTION_NOTIFY, .keys = {key(u"\\**")}},
         {.action = CMB_ACTION_IGNORE}},
        CMB_ACTION_NOTIFY, kSetBoth);
    set(actor, mine, u"quiet");
    set(actor, below, u"QUIETer");
    set(actor, below, u"loud");
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 4u);
    EXPECT_EQ(records[0].path(), path());
    EXPECT_EQ(records[2].path(), path() + u"\\Sub");
    EXPECT_EQ(records[3]->PreSequence, records[2]->Sequence);
    EXPECT_NE(records[3]->Duration, 0u);
    actor.close(below);
    actor.close(mine);
}

TEST_F(Verdict, KnowsValueTypeAndOutcome) {
    Client client;
    Actor actor;
    HANDLE mine = actor.create(path());
    const int64_t cookie = add(client, {{.valueTypes = {REG_DWORD}}}, CMB_ACTION_IGNORE, kSet);
    set(actor, mine, u"v", REG_BINARY);
    set(actor, mine, u"v", REG_DWORD);
    EXPECT_EQ(client.drain().size(), 1u);
    EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
    constexpr uint64_t both = bit(RegNtPreDeleteValueKey) | bit(RegNtPostDeleteValueKey);
    add(client, {{.outcomes = {CMB_OUTCOME_FAILURE}}}, CMB_ACTION_IGNORE, both);
    actor.deleteValue(mine, u"none", STATUS_OBJECT_NAME_NOT_FOUND);
    actor.deleteValue(mine, u"v");
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0]->NotifyClass, static_cast<UINT32>(RegNtPostDeleteValueKey));
    EXPECT_EQ(records[0]->Status, STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(records[0]->PreSequence, 0u);
    EXPECT_NE(records[0]->Duration, 0u);
    EXPECT_FALSE(records[0]->Flags & CMB_RECORD_PRE_UNKNOWN);
    actor.close(mine);
}

// In pre by what was asked for, in post by what was opened.
TEST_F(Verdict, OfACreateOrOpenIsThatOfTheRequestedPath) {
    Client client;
    Actor actor;
    const uint64_t open = bit(RegNtPreOpenKeyEx) | bit(RegNtPostOpenKeyEx);
    HANDLE mine = actor.create(path());
    actor.close(actor.create(u"Sub", mine));
    add(client, {{.keys = {key(u"\\Sub"), key(u"\\Missing"), u"REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services"}}},
        CMB_ACTION_IGNORE, open);
    // Relative to a handle.
    actor.close(actor.openKey(u"Sub", mine));
    EXPECT_EQ(client.drain().size(), 2u);
    actor.close(actor.openKey(path() + u"\\Sub"));
    EXPECT_EQ(client.drain().size(), 2u);
    actor.openKey(u"Missing", mine, STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(client.drain().size(), 2u);
    actor.close(actor.openKey(path()));
    EXPECT_EQ(client.drain().size(), 0u);
    // The name of a link leads elsewhere.
    actor.close(actor.openKey(u"\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet\\Services"));
    std::vector<Record> records = client.drain();
    ASSERT_GE(records.size(), 1u);
    EXPECT_EQ(records.back()->NotifyClass, static_cast<UINT32>(RegNtPostOpenKeyEx));
    EXPECT_EQ(records.back().path(), u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services");
    actor.close(mine);
}

// What fails was decided by the path that was asked for, in post, too.
TEST_F(Verdict, OfAFailedOpenIsThatOfTheRequestedPath) {
    Client client;
    Actor actor;
    const uint64_t open = bit(RegNtPreOpenKeyEx) | bit(RegNtPostOpenKeyEx);
    add(client, {{.action = CMB_ACTION_IGNORE, .keys = {key(u"\\**")}}}, CMB_ACTION_NOTIFY, open);
    actor.openKey(path() + u"\\Missing", nullptr, STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(client.drain().size(), 0u);
    actor.openKey(path() + u"Missing", nullptr, STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(client.drain().size(), 2u);
}

TEST_F(Verdict, OfARenameKnowsBothPaths) {
    Client client;
    Actor actor;
    HANDLE mine = actor.create(path()), sub = actor.create(u"Old", mine);
    const uint64_t rename = bit(RegNtPreRenameKey) | bit(RegNtPostRenameKey);
    const int64_t cookie = add(client, {{.keys = {key(u"\\New")}}}, CMB_ACTION_IGNORE, rename | kSet);
    set(actor, sub);
    EXPECT_EQ(client.drain().size(), 0u);
    actor.rename(sub, u"New");
    EXPECT_EQ(client.drain().size(), 2u);
    // What was remembered of the path is not taken for right any more.
    set(actor, sub);
    EXPECT_EQ(client.drain().size(), 1u);
    setRules(client, cookie, {{.keys = {key(u"\\New")}}});
    actor.rename(sub, u"Newer");
    EXPECT_EQ(client.drain().size(), 2u);
    actor.rename(sub, u"Newest");
    set(actor, sub);
    EXPECT_EQ(client.drain().size(), 0u);
    actor.close(sub);
    actor.close(mine);
}

// A deleted key has no path any more: its close is told, and matched, by the last one that it had.
TEST_F(Verdict, FollowsRenamesAndDeletes) {
    Client client;
    Actor actor;
    HANDLE mine = actor.create(path());
    const uint64_t closes = bit(RegNtPreKeyHandleClose) | bit(RegNtCallbackObjectContextCleanup);
    const auto closed = [&](const std::vector<TestRule> &rules, bool elsewhere) {
        const int64_t cookie = add(client, rules);
        HANDLE sub = actor.create(u"Old", mine);
        set(actor, sub);
        actor.rename(sub, u"New");
        actor.deleteKey(sub);
        if (elsewhere) {
            // What is remembered of other keys is out of date from now on.
            HANDLE other = actor.create(u"Other", mine);
            actor.rename(other, u"Another");
            actor.deleteKey(other);
            actor.close(other);
            client.drain();
        }
        actor.close(sub);
        std::vector<std::u16string> paths;
        for (const Record &record : client.drain()) {
            EXPECT_NE(bit(record->NotifyClass) & closes, 0u);
            paths.push_back(record.path());
        }
        EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
        return paths;
    };
    const std::vector<std::u16string> both(2, path() + u"\\New");
    for (bool elsewhere : {false, true}) {
        EXPECT_EQ(closed({{.classes = closes, .keys = {key(u"\\New")}}}, elsewhere), both);
        EXPECT_EQ(closed({{.classes = closes, .keys = {key(u"\\Old")}}}, elsewhere), std::vector<std::u16string>());
        EXPECT_EQ(closed({{.classes = closes, .keys = {key(u"\\New"), key(u"\\Old")}}}, elsewhere), both);
    }
    EXPECT_EQ(closed({{.classes = closes}}, false), both);
    actor.close(mine);
}

// Whoever is relayed the close is told who opened the key, also when nothing else of the key was relayed.
TEST_F(Verdict, OfACloseKnowsTheOpener) {
    Client client;
    Actor actor;
    HANDLE mine = actor.create(path());
    const uint64_t closes = bit(RegNtPreKeyHandleClose) | bit(RegNtCallbackObjectContextCleanup);
    add(client, {{.classes = closes, .keys = {key(u"\\Sub")}}});
    actor.close(actor.create(u"Other", mine));
    EXPECT_EQ(client.drain().size(), 0u);
    actor.close(actor.create(u"Sub", mine));
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 2u);
    for (const Record &record : records) {
        EXPECT_EQ(record.path(), path() + u"\\Sub");
        EXPECT_EQ(record.body<CMB_BODY_CLOSE>().OpenerProcessId, actor.processId());
    }
    actor.close(mine);
    EXPECT_EQ(client.drain().size(), 0u);
}

TEST_F(Verdict, KnowsTheProcess) {
    const std::string user = "S-1-5-21-1-2-3-1001", client = "S-1-5-21-1-2-3-1002";
    Client session;
    Actor one({.imagePath = u"\\Device\\HarddiskVolume1\\Tools\\one.exe",
               .token = {.userSid = user, .elevated = false, .sessionId = 7}});
    Actor two(simulator::ProcessOptions{.imagePath = u"\\Device\\HarddiskVolume1\\two.exe"});
    HANDLE mine = two.create(path()), same = one.openKey(path(), nullptr, STATUS_ACCESS_DENIED);
    EXPECT_EQ(same, nullptr);
    const uint64_t open = bit(RegNtPreOpenKeyEx);
    const int64_t cookie = add(session, {{}}, CMB_ACTION_IGNORE, open);
    const auto asSid = [](const std::string &text) {
        const Bytes bytes = sidBytes(text);
        Sid sid(bytes.size());
        std::memcpy(sid.data(), bytes.data(), bytes.size());
        return sid;
    };
    const auto heard = [&](const TestRule &rule) {
        setRules(session, cookie, {rule});
        const auto look = [&](Actor &actor) {
            actor.openKey(path() + u"None", nullptr, STATUS_OBJECT_NAME_NOT_FOUND);
            actor.openKey(path() + u"None", nullptr, STATUS_OBJECT_NAME_NOT_FOUND);
            return session.drain().size() / 2;
        };
        return std::pair{look(one), look(two)};
    };
    constexpr std::pair<size_t, size_t> first{1, 0}, second{0, 1};
    EXPECT_EQ(heard({.processIds = {one.processId()}}), first);
    EXPECT_EQ(heard({.images = {u"**\\TOOLS\\*"}}), first);
    EXPECT_EQ(heard({.images = {u"**\\t*.exe"}}), second);
    EXPECT_EQ(heard({.sessionIds = {7}}), first);
    EXPECT_EQ(heard({.elevated = {1}}), second);
    EXPECT_EQ(heard({.elevated = {0}}), first);
    EXPECT_EQ(heard({.users = {asSid(user)}}), first);
    EXPECT_EQ(heard({.users = {asSid(client)}}), (std::pair<size_t, size_t>{0, 0}));
    // Whom the thread acts for counts, and not whose process it is.
    EXPECT_EQ(two.thread().impersonate({.userSid = client}, 2), STATUS_SUCCESS);
    EXPECT_EQ(heard({.users = {asSid(client)}}), second);
    EXPECT_EQ(heard({.users = {asSid(user)}, .sessionIds = {7}}), first);
    two.thread().revert();
    // At APC_LEVEL nobody can be asked.
    session.allowUndescribed();
    for (auto [rule, expected] : {std::pair{TestRule{.images = {u"**"}}, 0u},
                                  {TestRule{.sessionIds = {1}}, 0u},
                                  {TestRule{.processIds = {two.processId()}}, 1u}}) {
        setRules(session, cookie, {rule});
        two.thread().runAtIrql(APC_LEVEL, [&] {
            std::u16string text = path();
            UNICODE_STRING name = unicode(text);
            OBJECT_ATTRIBUTES object = attributes(name);
            HANDLE opened = nullptr;
            EXPECT_EQ(NtOpenKey(&opened, KEY_READ, &object), STATUS_SUCCESS);
            EXPECT_EQ(NtClose(opened), STATUS_SUCCESS);
        });
        EXPECT_EQ(session.drain().size(), expected);
    }
    two.close(mine);
}

// What is ignored takes no memory of the driver, however much of it there is, and nothing stays when it is over.
TEST_F(Verdict, ToIgnoreTakesNoMemory) {
    const simulator::PoolUsage baseline = machine().poolUsage();
    {
        Client client;
        Actor actor;
        actor.stayOnOneProcessor();
        HANDLE root = actor.create(path());
        actor.close(actor.create(u"Sub", root));
        const simulator::PoolUsage open = machine().poolUsage();
        const int64_t cookie = add(client, {{.keys = {u"REGISTRY\\MACHINE\\SOFTWARE\\Elsewhere\\**"}},
                                            {.keys = {u"**\\Run"}, .valueNames = {u"a*"}},
                                            {.images = {u"**\\nobody.exe"}}});
        const auto work = [&](int rounds) {
            actor.run([&, sub = std::u16string(u"Sub"), value = std::u16string(u"Value")]() mutable {
                UNICODE_STRING subName = unicode(sub), valueName = unicode(value);
                OBJECT_ATTRIBUTES object = attributes(subName, root);
                std::vector<std::byte> answer(256);
                for (int i = 0; i < rounds; ++i) {
                    HANDLE key = nullptr;
                    ULONG needed = 0;
                    EXPECT_EQ(NtOpenKey(&key, KEY_ALL_ACCESS, &object), STATUS_SUCCESS);
                    EXPECT_EQ(NtSetValueKey(key, &valueName, 0, REG_DWORD, &i, sizeof(i)), STATUS_SUCCESS);
                    EXPECT_EQ(NtQueryValueKey(key, &valueName, KeyValuePartialInformation, answer.data(), 256, &needed),
                              STATUS_SUCCESS);
                    EXPECT_EQ(NtQueryKey(key, KeyBasicInformation, answer.data(), 256, &needed), STATUS_SUCCESS);
                    EXPECT_EQ(NtClose(key), STATUS_SUCCESS);
                }
            });
        };
        work(10);
        const uint64_t before = allocations();
        work(10000);
        EXPECT_EQ(allocations(), before);
        EXPECT_EQ(client.statistics().Callbacks, 0u);
        EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
        EXPECT_EQ(machine().poolUsage().blocks, open.blocks);
        EXPECT_EQ(machine().poolUsage().bytes, open.bytes);
        actor.close(root);
    }
    EXPECT_EQ(machine().poolUsage().blocks, baseline.blocks);
    EXPECT_EQ(machine().poolUsage().bytes, baseline.bytes);
}

// More keys at once than are remembered: for those beyond, the rules say the same, and nobody is told who opened them.
TEST_F(Verdict, IsTheSameForAKeyThatIsNotRemembered) {
    Client client;
    Actor actor;
    actor.stayOnOneProcessor();
    HANDLE root = actor.create(path()), low = actor.create(u"Low", root), other = actor.create(u"Other", root);
    add(client, {{.classes = kSet | bit(RegNtPreKeyHandleClose), .keys = {key(u"\\Low")}}});
    std::vector<HANDLE> many;
    for (int i = 0; i < KEY_MAX_OBJECTS / KEY_STRIPES; ++i) {
        many.push_back(actor.openKey(u"Other", root));
    }
    const auto told = [&](bool remembered) {
        HANDLE opened = actor.openKey(u"Low", root), openedOther = actor.openKey(u"Other", root);
        for (int round = 0; round < 2; ++round) {
            set(actor, opened);
            set(actor, openedOther);
        }
        actor.rename(low, u"Was");
        set(actor, opened);
        actor.rename(low, u"Low");
        actor.close(opened);
        actor.close(openedOther);
        std::vector<Record> records = client.drain();
        ASSERT_EQ(records.size(), 3u);
        for (const Record &record : records) {
            EXPECT_EQ(record.path(), path() + u"\\Low");
            EXPECT_EQ(record->KeyObject != 0, remembered);
        }
        EXPECT_EQ(records[2].body<CMB_BODY_CLOSE>().OpenerProcessId, remembered ? actor.processId() : 0);
    };
    told(false);
    for (HANDLE each : many) {
        actor.close(each);
    }
    told(true);
    for (HANDLE each : {other, low, root}) {
        actor.close(each);
    }
    client.drain();
}

// Anybody may rename a key of his own and take his time: what others are told of deleted keys does not depend on it.
TEST_F(Verdict, OfADeletedKeyIsTheSameWhileAnotherIsRenamed) {
    Client client;
    Actor actor, renamer;
    HANDLE root = actor.create(path()), low = actor.create(u"Low", root), other = renamer.create(path() + u"Other");
    add(client, {{.classes = bit(RegNtPreKeyHandleClose), .keys = {key(u"\\Low")}}});
    Gate gate;
    Rival below(u"0.5", [&](ULONG notifyClass, PVOID) {
        if (notifyClass == RegNtPreRenameKey) {
            gate.pass();
        }
    });
    renamer.post([&] {
        std::u16string name = u"Renamed";
        UNICODE_STRING text = unicode(name);
        EXPECT_EQ(NtRenameKey(other, &text), STATUS_SUCCESS);
    });
    gate.awaitArrival();
    actor.run([&] { EXPECT_EQ(NtDeleteKey(low), STATUS_SUCCESS); });
    actor.close(low);
    const std::vector<Record> records = client.drain();
    gate.let();
    renamer.run([] {});
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].path(), path() + u"\\Low");
    renamer.close(other);
    actor.close(root);
}

} // namespace
} // namespace cmbridge::test
