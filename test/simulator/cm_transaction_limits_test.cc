// SPDX-License-Identifier: MIT
//
// Conflicts, what is refused, lack of memory, and many at once.

#include "cm_transactions.h"

#include <thread>

using namespace cm_test;

namespace {

// A suite of its own name, for the same fixture.
class CmTransactionLimits : public CmTransaction {};

TEST_F(CmTransactionLimits, TwoThatChangeTheSameConflict) {
    Transaction first, second;
    Key one = first.open(kPath), two = second.open(kPath);
    EXPECT_EQ(one.set(u"a", 1), STATUS_SUCCESS);
    EXPECT_EQ(valueOf(two, u"Old"), 1u);
    EXPECT_EQ(two.set(u"b", 1), STATUS_TRANSACTIONAL_CONFLICT);
    EXPECT_EQ(two.remove(u"Old"), STATUS_TRANSACTIONAL_CONFLICT);
    EXPECT_EQ(first.create(u"Same", one.get()).status, STATUS_SUCCESS);
    EXPECT_EQ(second.create(u"SAME", two.get()).status, STATUS_TRANSACTIONAL_CONFLICT);
    EXPECT_EQ(second.create(u"Other", two.get()).status, STATUS_SUCCESS);
    EXPECT_EQ(NtDeleteKey(second.open(u"Child", two.get()).get()), STATUS_SUCCESS);
    EXPECT_EQ(NtDeleteKey(first.open(u"Child", one.get()).get()), STATUS_TRANSACTIONAL_CONFLICT);
    EXPECT_EQ(first.create(u"Below", first.open(u"Child", one.get()).get()).status, STATUS_TRANSACTIONAL_CONFLICT);
    EXPECT_EQ(first.commit(), STATUS_SUCCESS);
    EXPECT_EQ(two.set(u"b", 1), STATUS_SUCCESS);
    EXPECT_EQ(second.commit(), STATUS_SUCCESS);
    EXPECT_EQ(subkeys(plain_), "Other Same");
    EXPECT_EQ(values(plain_), "Old a b");
    // The handle of one does not go with the other.
    Transaction third, fourth;
    EXPECT_EQ(third.open(u"Same", fourth.open(kPath).get()).status, STATUS_INVALID_TRANSACTION);
}

TEST_F(CmTransactionLimits, AChangeFromOutsideEndsIt) {
    using Change = std::function<NTSTATUS(const Key &)>;
    const Change inside[] = {[](const Key &key) { return key.set(u"Old", 2); },
                             [](const Key &key) { return Key::create(u"Made", key.get()).status; },
                             [](const Key &key) { return NtDeleteKey(Key::open(u"Child", DELETE, key.get()).get()); }};
    const Change outside[] = {
        [](const Key &key) { return key.set(u"Else", 2); },
        [](const Key &key) { return Key::create(u"MADE", key.get()).status; },
        [](const Key &key) {
            return Key::create(u"Below", Key::open(u"Child", KEY_ALL_ACCESS, key.get()).get()).status;
        }};
    for (size_t i = 0; i < std::size(inside); i++) {
        Transaction transaction;
        Key key = transaction.open(kPath);
        EXPECT_EQ(inside[i](key), STATUS_SUCCESS) << i;
        // What touches something else does not matter.
        EXPECT_EQ(Key::create(u"Unrelated" + std::u16string(1, static_cast<char16_t>(u'0' + i)), plain_.get()).status,
                  STATUS_SUCCESS);
        EXPECT_EQ(key.set(u"Own", 1), STATUS_SUCCESS) << i;
        EXPECT_EQ(outside[i](plain_), STATUS_SUCCESS) << i;
        EXPECT_EQ(key.set(u"Own", 1), STATUS_TRANSACTION_NOT_ACTIVE) << i;
        EXPECT_FALSE(NT_SUCCESS(transaction.commit())) << i;
        EXPECT_EQ(valueOf(plain_, u"Own"), static_cast<ULONG>(kNotFound)) << i;
    }
    EXPECT_EQ(exists(u"Child", plain_), STATUS_SUCCESS);
}

TEST_F(CmTransactionLimits, RefusesWhatItCannotDo) {
    Transaction transaction;
    Key inside = transaction.open(kPath);
    UNICODE_STRING name = text(u"Renamed");
    EXPECT_EQ(NtRenameKey(inside.get(), &name), STATUS_NOT_SUPPORTED);
    EXPECT_EQ(transaction.create(u"\\REGISTRY\\MACHINE\\New").status, STATUS_INVALID_PARAMETER);
    EXPECT_EQ(NtDeleteKey(transaction.open(kSoftware).get()), STATUS_CANNOT_DELETE);
    EXPECT_EQ(NtFlushKey(inside.get()), STATUS_SUCCESS);
    Key gone = transaction.create(u"Volatile", inside.get(), REG_OPTION_VOLATILE);
    EXPECT_EQ(transaction.create(u"Stable", gone.get()).status, STATUS_CHILD_MUST_BE_VOLATILE);
    HANDLE handle = nullptr;
    UNICODE_STRING path = text(kPath);
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &path, OBJ_CASE_INSENSITIVE, nullptr, nullptr);
    EXPECT_EQ(NtOpenKeyTransacted(&handle, KEY_READ, &attributes, reinterpret_cast<HANDLE>(0x7770)),
              STATUS_INVALID_HANDLE);
    EXPECT_EQ(NtOpenKeyTransacted(&handle, KEY_READ, &attributes, plain_.get()), STATUS_OBJECT_TYPE_MISMATCH);
    EXPECT_EQ(NtOpenKeyTransactedEx(&handle, KEY_READ, &attributes, 0x40, transaction.get()), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(ZwOpenKeyTransacted(&handle, KEY_READ, &attributes, transaction.get()), STATUS_SUCCESS);
    EXPECT_EQ(NtClose(handle), STATUS_SUCCESS);
}

TEST_F(CmTransactionLimits, SurvivesLackOfMemoryAtEveryAllocation) {
    bool done = false;
    for (ULONG nth = 1; !done; nth++) {
        ASSERT_LT(nth, 400u);
        ULONG blocks = statistics().Blocks;
        {
            Transaction transaction;
            CmFailAllocation(nth);
            Key inside = transaction.open(kPath);
            NTSTATUS status = inside.status;
            if (NT_SUCCESS(status)) {
                status = inside.set(u"Old", 5);
            }
            if (NT_SUCCESS(status)) {
                status = inside.set(u"New", 6);
            }
            Key made;
            if (NT_SUCCESS(status)) {
                made = transaction.create(u"Made", inside.get(), 0, nullptr, u"Kind");
                status = made.status;
            }
            if (NT_SUCCESS(status)) {
                status = made.set(u"v", 7);
            }
            if (NT_SUCCESS(status)) {
                status = NtDeleteKey(Key::open(u"Child", DELETE, inside.get()).get());
                // The open that came before.
                status = status == STATUS_INVALID_HANDLE ? STATUS_INSUFFICIENT_RESOURCES : status;
            }
            if (NT_SUCCESS(status)) {
                status = transaction.create(u"Child", inside.get()).status;
            }
            if (NT_SUCCESS(status)) {
                status = transaction.commit();
                done = NT_SUCCESS(status);
                EXPECT_TRUE(done || status == STATUS_TRANSACTION_ALREADY_ABORTED) << std::hex << status;
            } else {
                EXPECT_EQ(status, STATUS_INSUFFICIENT_RESOURCES) << nth;
            }
            CmFailAllocation(0);
        }
        if (!done) {
            EXPECT_EQ(values(plain_), "Old") << nth;
            EXPECT_EQ(valueOf(plain_, u"Old"), 1u) << nth;
            EXPECT_EQ(subkeys(plain_), "Child") << nth;
            EXPECT_EQ(statistics().Blocks, blocks) << nth;
        }
    }
    EXPECT_EQ(values(plain_), "Old New");
    EXPECT_EQ(subkeys(plain_), "Child Made");
}

TEST_F(CmTransactionLimits, ManyThreadsHaveOneEach) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) {
        threads.emplace_back([i, this] {
            std::u16string name = u"Thread" + std::u16string(1, static_cast<char16_t>(u'0' + i));
            for (int round = 0; round < 50; round++) {
                Transaction transaction;
                Key key = transaction.create(name, plain_.get());
                EXPECT_EQ(key.status, STATUS_SUCCESS);
                EXPECT_EQ(key.set(u"v", static_cast<ULONG>(round)), STATUS_SUCCESS);
                Key shared = transaction.open(kPath);
                NTSTATUS status = shared.set(u"Contended", 1);
                EXPECT_TRUE(status == STATUS_SUCCESS || status == STATUS_TRANSACTIONAL_CONFLICT) << std::hex << status;
                EXPECT_EQ(round % 2 == 0 ? transaction.commit() : transaction.rollback(), STATUS_SUCCESS);
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    for (int i = 0; i < 4; i++) {
        Key key = Key::open(u"Thread" + std::u16string(1, static_cast<char16_t>(u'0' + i)), KEY_READ, plain_.get());
        EXPECT_EQ(valueOf(key, u"v"), 48u);
    }
}

} // namespace
