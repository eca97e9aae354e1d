// SPDX-License-Identifier: MIT
//
// Every notification class, known or not, and what must never be in a record: an address of the kernel.

#include "test/driver/fixture/fixture.h"

#include <array>
#include <set>

namespace cmbridge::test {
namespace {

class NotifyClass : public DriverTest {
  protected:
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

TEST_F(NotifyClass, EachIsRelayedKnownOrNot) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100");
    std::set<unsigned> expected;
    withObject(actor, key, [&](PVOID object) {
        for (ULONG number = 0; number < 64; ++number) {
            const NTSTATUS status = CmInjectNotification(object, number, STATUS_SUCCESS);
            EXPECT_TRUE(NT_SUCCESS(status)) << number << " " << std::hex << status;
        }
        // Cannot be named by a mask.
        CmInjectNotification(object, 64, STATUS_SUCCESS);
        CmInjectNotification(object, 0xFFFFFFFF, STATUS_SUCCESS);
    });
    std::vector<Record> records = client.drain();
    std::set<unsigned> seen;
    for (const Record &record : records) {
        seen.insert(record->NotifyClass);
        EXPECT_LT(record->NotifyClass, 64u);
    }
    for (unsigned number = 0; number < 64; ++number) {
        EXPECT_EQ(seen.count(number), 1u) << number;
    }
    for (const Record &record : records) {
        const unsigned number = record->NotifyClass;
        // Unknown, or of Windows XP only.
        const bool bare = number > 50 || (number >= 10 && number <= 13);
        EXPECT_EQ((record->Flags & CMB_RECORD_PATH_UNAVAILABLE) != 0, bare) << number;
        EXPECT_TRUE(!bare || !(record->Flags & CMB_RECORD_POST)) << number;
    }
    actor.close(key);
}

TEST_F(NotifyClass, PostFollowsItsPre) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100");
    withObject(actor, key, [&](PVOID object) {
        for (ULONG number = 0; number < 51; ++number) {
            CmInjectNotification(object, number, STATUS_ACCESS_DENIED);
        }
    });
    std::vector<Record> records = client.drain();
    size_t pairs = 0;
    for (size_t i = 0; i < records.size(); ++i) {
        const Record &post = records[i];
        if (!(post->Flags & CMB_RECORD_POST)) {
            continue;
        }
        ASSERT_GT(i, 0u);
        const Record &pre = records[i - 1];
        EXPECT_EQ(post->PreSequence, pre->Sequence) << post->NotifyClass;
        EXPECT_EQ(post.path(), pre.path()) << post->NotifyClass;
        EXPECT_FALSE(post->Flags & CMB_RECORD_PRE_UNKNOWN);
        ++pairs;
    }
    EXPECT_GE(pairs, 23u);
    actor.close(key);
}

// A symbolic link ends an open with STATUS_REPARSE, which is a success but opens nothing: Object means nothing then.
TEST_F(NotifyClass, OfAnOpenThatIsReparsedHasNoResolvedPath) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100", bit(RegNtPostOpenKeyEx) | bit(RegNtPostCreateKeyEx));
    withObject(actor, key, [&](PVOID object) {
        CmInjectNotification(object, RegNtPreOpenKeyEx, STATUS_REPARSE);
        CmInjectNotification(object, RegNtPreCreateKeyEx, STATUS_REPARSE);
        CmInjectNotification(object, RegNtPreOpenKeyEx, STATUS_SUCCESS);
    });
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_EQ((records[i]->Flags & CMB_RECORD_PATH_RESOLVED) != 0, i == 2) << i;
        EXPECT_EQ(records[i]->Status, i == 2 ? STATUS_SUCCESS : STATUS_REPARSE);
        EXPECT_EQ(records[i].body<CMB_BODY_CREATE>().Disposition, 0u);
    }
    actor.close(key);
}

// Nothing in a record may look like a pointer: the simulated kernel's objects lie on the heap and on stacks of this
// process, whose addresses are told apart from the numbers that belong into a record.
TEST_F(NotifyClass, NoneBringsAnAddressOfTheKernelOut) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"385100", kAllClasses, CMB_MAX_DATA_BYTES, CMB_REGISTER_OLD_VALUES);
    int onStack = 0;
    const auto onHeap = std::make_unique<int>(0);
    const uint64_t stack = reinterpret_cast<uint64_t>(&onStack) >> 36,
                   heap = reinterpret_cast<uint64_t>(onHeap.get()) >> 36;
    withObject(actor, key, [&](PVOID object) {
        for (ULONG number = 0; number < 64; ++number) {
            CmInjectNotification(object, number, STATUS_SUCCESS);
        }
    });
    actor.setValue(key, u"value", REG_BINARY, pattern(3));
    actor.setValue(key, u"value", REG_BINARY, pattern(4));
    actor.run([&] {
        // The answer starts with a pointer.
        std::array<uint64_t, 64> buffer{};
        ULONG length = sizeof(buffer);
        std::u16string text = u"value";
        UNICODE_STRING name = unicode(text);
        KEY_VALUE_ENTRY entry{&name, 0, 0, 0};
        EXPECT_EQ(NtQueryObject(key, ObjectNameInformation, buffer.data(), length, &length), STATUS_SUCCESS);
        length = sizeof(buffer);
        EXPECT_EQ(NtQueryMultipleValueKey(key, &entry, 1, buffer.data(), &length, nullptr), STATUS_SUCCESS);
    });
    ASSERT_EQ(actor.thread().impersonate({}, 2), STATUS_SUCCESS);
    actor.rename(key, path().substr(path().rfind(u'\\') + 1) + u"x");
    actor.close(key);
    actor.thread().revert();
    std::vector<Record> records = client.drain();
    ASSERT_FALSE(client.processes().empty());
    records.insert(records.end(), client.processes().begin(), client.processes().end());
    for (const Record &record : records) {
        const Bytes &bytes = record.bytes();
        for (size_t i = 0; i + 8 <= bytes.size(); i += 4) {
            uint64_t word = 0;
            std::memcpy(&word, bytes.data() + i, sizeof(word));
            // Clocks can have any value; a word that ends in the middle of one has, too.
            if (i == offsetof(CMB_RECORD, Cookie) || i == offsetof(CMB_RECORD, Time) ||
                i + 4 == offsetof(CMB_RECORD, Duration)) {
                continue;
            }
            EXPECT_FALSE(word >> 36 == stack && word >> 47 == 0) << record->NotifyClass << " at " << i;
            EXPECT_FALSE(heap != 0 && word >> 36 == heap) << record->NotifyClass << " at " << i;
        }
    }
}

} // namespace
} // namespace cmbridge::test
