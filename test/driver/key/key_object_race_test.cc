// SPDX-License-Identifier: MIT
//
// Threads that attach to the same key objects, and that read paths while others change them.

#include "test/driver/fixture/fixture.h"

#include <atomic>
#include <map>
#include <set>
#include <thread>

namespace cmbridge::test {
namespace {

constexpr uint64_t kSet = bit(RegNtPreSetValueKey);

class KeyObjectRace : public DriverTest {
  protected:
    static void set(Actor &actor, HANDLE key) { actor.setValue(key, u"v", REG_BINARY, pattern(4)); }
    static std::u16string leaf(const std::u16string &path) { return path.substr(path.rfind(u'\\') + 1); }
    static uint32_t contexts() {
        CM_STATISTICS statistics;
        CmGetStatistics(&statistics);
        return static_cast<uint32_t>(statistics.ObjectContexts);
    }
};

// Threads that use the same objects while registrations come and go: of those that attach at once one is heard, and
// everything comes back.
TEST_F(KeyObjectRace, ManyThreadsAttachToOneObject) {
    constexpr int kThreads = 4, kKeys = 8;
    Actor owner;
    std::vector<HANDLE> keys;
    for (int i = 0; i < kKeys; ++i) {
        keys.push_back(owner.create(path() + std::u16string(1, u'a' + i)));
    }
    std::atomic<bool> stop = false;
    std::vector<std::unique_ptr<Actor>> actors;
    for (int i = 0; i < kThreads; ++i) {
        actors.push_back(std::make_unique<Actor>(owner.process()));
        actors.back()->post([&] {
            UNICODE_STRING name{};
            ULONG data = 0;
            while (!stop) {
                for (HANDLE key : keys) {
                    EXPECT_EQ(NtSetValueKey(key, &name, 0, REG_DWORD, &data, sizeof(data)), STATUS_SUCCESS);
                }
            }
        });
    }
    for (int round = 0; round < 30; ++round) {
        Client client(0, 2000);
        const int64_t cookie = client.add(u"1", kSet);
        while (client.statistics().Callbacks < 200) {
            std::this_thread::yield();
        }
        EXPECT_EQ(client.remove(cookie), STATUS_SUCCESS);
        EXPECT_EQ(contexts(), 0u);
        std::map<std::u16string, std::set<uint64_t>> numbers;
        for (const Record &record : client.drain()) {
            if (!record.isGap() && record->KeyObject) {
                numbers[record.path()].insert(record->KeyObject);
            }
        }
        EXPECT_LE(numbers.size(), static_cast<size_t>(kKeys));
        for (const auto &[key, ofKey] : numbers) {
            EXPECT_EQ(ofKey.size(), 1u);
        }
    }
    stop = true;
    actors.clear();
    for (HANDLE key : keys) {
        owner.close(key);
    }
}

// Names change under threads that read them: each path is one that the key has had, and the last one holds.
TEST_F(KeyObjectRace, ManyThreadsReadPathsWhileOthersRename) {
    Client client(CMB_MAX_QUEUE_BYTES);
    Actor owner;
    HANDLE top = owner.create(path()), low = owner.create(u"Low", top);
    client.add(u"1", kSet);
    std::atomic<bool> stop = false;
    std::vector<std::unique_ptr<Actor>> actors;
    for (int i = 0; i < 2; ++i) {
        actors.push_back(std::make_unique<Actor>(owner.process()));
        actors.back()->post([&] {
            UNICODE_STRING name{};
            ULONG data = 0;
            while (!stop) {
                EXPECT_EQ(NtSetValueKey(low, &name, 0, REG_DWORD, &data, sizeof(data)), STATUS_SUCCESS);
            }
        });
    }
    std::set<std::u16string> allowed{path() + u"\\Low"};
    for (int i = 0; i < 8; ++i) {
        const std::u16string suffix(1, static_cast<char16_t>(u'a' + i % 7));
        owner.rename(top, leaf(path()) + suffix);
        allowed.insert(path() + suffix + u"\\Low");
        // Nobody renames now: what is said from here on is exact.
        set(owner, low);
        for (const Record &record : client.drain()) {
            ASSERT_TRUE(record.isGap() || allowed.contains(record.path()));
        }
        set(owner, low);
        std::vector<Record> records = client.drain();
        ASSERT_FALSE(records.empty());
        ASSERT_TRUE(records.back().path() == path() + suffix + u"\\Low");
    }
    stop = true;
    actors.clear();
    client.drain();
    owner.close(low);
    owner.close(top);
}

} // namespace
} // namespace cmbridge::test
