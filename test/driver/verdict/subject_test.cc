// SPDX-License-Identifier: MIT
//
// Which key an operation is about where no object says it: the hive of a load, the two keys of a save of merged keys.

#include "test/driver/fixture/ruleset_fixture.h"

namespace cmbridge::test {
namespace {

class Subject : public RulesetTest {
  protected:
    // Raises a pair of notifications for the key, with a structure that `complete` fills as a call would.
    template <typename Information>
    static void raise(Actor &actor, HANDLE key, ULONG pre, const std::function<void(Information &)> &complete) {
        Rival above(u"400000", [&](ULONG number, PVOID information) {
            if (number == pre) {
                complete(*static_cast<Information *>(information));
            }
        });
        withObject(actor, key, [&](PVOID object) { CmInjectNotification(object, pre, STATUS_SUCCESS); });
    }
    // The key object behind a handle of the actor, for as long as `use` runs on its thread.
    static void withObject(Actor &actor, HANDLE key, const std::function<void(PVOID)> &use) {
        actor.run([&] {
            PVOID object = nullptr;
            ASSERT_EQ(ObReferenceObjectByHandle(key, 0, nullptr, KernelMode, &object, nullptr), STATUS_SUCCESS);
            use(object);
            ObDereferenceObject(object);
        });
    }
};

TEST_F(Subject, OfALoadIsTheKeyOfTheHive) {
    Client client;
    Actor actor;
    HANDLE mine = actor.create(path());
    add(client, {{.keys = {key(u"\\Hive"), u"REGISTRY\\MACHINE\\Hive"}}}, CMB_ACTION_IGNORE,
        bit(RegNtPreLoadKey) | bit(RegNtPostLoadKey));
    const auto heard = [&](std::u16string name) {
        std::u16string file = u"\\??\\C:\\hive.dat";
        UNICODE_STRING nameString = unicode(name), fileString = unicode(file);
        raise<REG_LOAD_KEY_INFORMATION>(actor, mine, RegNtPreLoadKey, [&](REG_LOAD_KEY_INFORMATION &load) {
            load.KeyName = &nameString;
            load.SourceFile = &fileString;
        });
        return client.drain().size();
    };
    EXPECT_EQ(heard(u"Hive"), 2u);
    EXPECT_EQ(heard(u"Other"), 0u);
    EXPECT_EQ(heard(u"\\REGISTRY\\MACHINE\\Hive"), 2u);
    EXPECT_EQ(heard(u"\\REGISTRY\\MACHINE\\Other"), 0u);
    actor.close(mine);
}

TEST_F(Subject, OfASaveOfMergedKeysIsEitherOfThem) {
    Client client;
    Actor actor;
    HANDLE high = actor.create(path() + u"High"), low = actor.create(path() + u"Low");
    // It is there as long as its handle.
    PVOID lowObject = nullptr;
    withObject(actor, low, [&](PVOID object) { lowObject = object; });
    const int64_t cookie =
        add(client, {{}}, CMB_ACTION_IGNORE, bit(RegNtPreSaveMergedKey) | bit(RegNtPostSaveMergedKey));
    const auto heard = [&](const std::u16string &name, bool both = true) {
        setRules(client, cookie, {{.keys = {key(name)}}});
        raise<REG_SAVE_MERGED_KEY_INFORMATION>(
            actor, high, RegNtPreSaveMergedKey,
            [&](REG_SAVE_MERGED_KEY_INFORMATION &save) { save.LowKeyObject = both ? lowObject : nullptr; });
        return client.drain().size();
    };
    EXPECT_EQ(heard(u"High"), 2u);
    EXPECT_EQ(heard(u"Low"), 2u);
    EXPECT_EQ(heard(u"Other"), 0u);
    EXPECT_EQ(heard(u"Low", false), 0u);
    actor.close(low);
    actor.close(high);
}

} // namespace
} // namespace cmbridge::test
