// SPDX-License-Identifier: MIT
//
// Rules about processes and their descendants.

#include "test/driver/fixture/ruleset_fixture.h"

#include <atomic>
#include <set>

namespace cmbridge::test {
namespace {

class ProcessTrees : public RulesetTest {
  protected:
    static std::unique_ptr<Actor> child(const Actor &parent, std::optional<uint32_t> id = {}) {
        return std::make_unique<Actor>(simulator::ProcessOptions{
            .imagePath = u"\\Device\\X\\child.exe", .parentId = parent.processId(), .id = id});
    }
    // Whether what the process does is relayed.
    bool hears(Client &client, Actor &actor) {
        actor.openKey(path() + u"None", nullptr, STATUS_OBJECT_NAME_NOT_FOUND);
        return client.drain().size() == 1;
    }
    static constexpr uint64_t kOpen = bit(RegNtPreOpenKeyEx);
};

TEST_F(ProcessTrees, HoldThoseThatRunAndThoseThatAreBorn) {
    Client client;
    auto root = std::make_unique<Actor>();
    Actor stranger;
    auto before = child(*root);
    auto below = child(*before);
    const int64_t cookie = add(client, {{.trees = {root->processId()}}}, CMB_ACTION_IGNORE, kOpen);
    auto after = child(*root);
    auto deep = child(*below);
    for (Actor *member : {root.get(), before.get(), below.get(), after.get(), deep.get()}) {
        EXPECT_TRUE(hears(client, *member));
    }
    EXPECT_FALSE(hears(client, stranger));
    EXPECT_FALSE(hears(client, *child(stranger)));
    // They stay members when those that they come from are gone, and when the same rules come again.
    const uint32_t id = root->processId();
    root.reset();
    before.reset();
    EXPECT_TRUE(hears(client, *deep));
    auto late = child(*after);
    EXPECT_TRUE(hears(client, *late));
    setRules(client, cookie, {{.trees = {id}}});
    EXPECT_TRUE(hears(client, *deep));
    EXPECT_TRUE(hears(client, *late));
    // Whoever gets the id of the root is no member, and a child of that one neither.
    Actor again(simulator::ProcessOptions{.imagePath = u"\\Device\\X\\again.exe", .id = id});
    EXPECT_FALSE(hears(client, again));
    EXPECT_FALSE(hears(client, *child(again)));
    EXPECT_EQ(client.statistics().Lost, 0u);
}

TEST_F(ProcessTrees, MayBeSeveral) {
    Client client;
    Actor first, second;
    auto both = child(first);
    const int64_t cookie = add(client,
                               {{.action = CMB_ACTION_IGNORE, .trees = {both->processId()}},
                                {.trees = {first.processId(), second.processId()}}},
                               CMB_ACTION_IGNORE, kOpen);
    EXPECT_TRUE(hears(client, first));
    EXPECT_TRUE(hears(client, second));
    EXPECT_FALSE(hears(client, *both));
    EXPECT_FALSE(hears(client, *child(*both)));
    EXPECT_TRUE(hears(client, *child(first)));
    EXPECT_EQ(trySet(client, cookie, {}).Status, STATUS_SUCCESS);
}

// A table that is full of living members says so: what cannot be decided is lost, and counted.
TEST_F(ProcessTrees, AreLimitedInMembers) {
    Client client;
    Actor root, stranger;
    add(client, {{.trees = {root.processId()}}}, CMB_ACTION_IGNORE, kOpen);
    std::vector<std::shared_ptr<simulator::Process>> members;
    // One by one they come and go: nobody is forgotten.
    for (int i = 0; i < 5000; ++i) {
        machine().createProcess({.imagePath = u"x", .parentId = root.processId()});
    }
    EXPECT_TRUE(hears(client, root));
    EXPECT_FALSE(hears(client, stranger));
    for (int i = 0; i < 4200; ++i) {
        members.push_back(machine().createProcess({.imagePath = u"x", .parentId = root.processId()}));
    }
    EXPECT_TRUE(hears(client, root));
    EXPECT_EQ(client.statistics().Lost, 0u);
    stranger.openKey(path() + u"None", nullptr, STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(client.statistics().LostNoMemory, 1u);
    client.drain();
}

// Each operation is decided by one of two programs, both phases by the same.
TEST_F(ProcessTrees, AreSwappedUnderLoad) {
    Client client(CMB_MAX_QUEUE_BYTES);
    std::vector<std::unique_ptr<Actor>> actors;
    std::atomic<bool> stop = false;
    Actor owner;
    HANDLE mine = owner.create(path());
    const std::vector<TestRule> even{{.keys = {key()}, .valueNames = {u"even"}}},
        odd{{.keys = {key()}, .valueNames = {u"odd"}}};
    constexpr uint64_t both = bit(RegNtPreSetValueKey) | bit(RegNtPostSetValueKey);
    const int64_t cookie = add(client, even, CMB_ACTION_IGNORE, both);
    for (int i = 0; i < 2; ++i) {
        actors.push_back(std::make_unique<Actor>());
        HANDLE key = actors.back()->openKey(path());
        actors.back()->post([key, &stop] {
            for (uint32_t turn = 0; !stop; ++turn) {
                std::u16string name = turn % 2 ? u"odd" : u"even";
                UNICODE_STRING value = unicode(name);
                EXPECT_EQ(NtSetValueKey(key, &value, 0, REG_DWORD, &turn, sizeof(turn)), STATUS_SUCCESS);
            }
            NtClose(key);
        });
    }
    // The numbers after which the other program decides what begins.
    std::vector<uint64_t> borders;
    for (int i = 0; i < 60; ++i) {
        borders.push_back(setRules(client, cookie, i % 2 ? even : odd).Sequence);
    }
    stop = true;
    actors.clear();
    std::set<uint64_t> open;
    for (const Record &record : client.drain()) {
        if (record.isGap()) {
            continue;
        }
        if (!(record->Flags & CMB_RECORD_POST)) {
            open.insert(record->Sequence);
        } else {
            EXPECT_EQ(open.erase(record->PreSequence), 1u);
        }
    }
    EXPECT_TRUE(open.empty() || client.statistics().Lost != 0);
    owner.close(mine);
}

} // namespace
} // namespace cmbridge::test
