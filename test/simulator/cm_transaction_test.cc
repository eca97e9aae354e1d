// SPDX-License-Identifier: MIT

#include "cm_transactions.h"

using namespace cm_test;

namespace {

TEST_F(CmTransaction, ChangesAreSeenInsideOnlyUntilTheyAreCommitted) {
    Transaction transaction;
    Key inside = transaction.open(kPath);
    ASSERT_EQ(inside.status, STATUS_SUCCESS);
    EXPECT_EQ(valueOf(inside, u"Old"), 1u);
    EXPECT_EQ(inside.set(u"Old", 2), STATUS_SUCCESS);
    EXPECT_EQ(inside.set(u"New", 3), STATUS_SUCCESS);
    Key made = transaction.create(u"Made", inside.get(), 0, nullptr, u"Kind");
    ASSERT_EQ(made.status, STATUS_SUCCESS);
    EXPECT_EQ(made.set(u"v", 4), STATUS_SUCCESS);
    EXPECT_EQ(transaction.create(u"Below", made.get()).status, STATUS_SUCCESS);
    Key child = transaction.open(u"Child", inside.get());
    EXPECT_EQ(NtDeleteKey(child.get()), STATUS_SUCCESS);
    EXPECT_EQ(child.set(u"v", 1), STATUS_KEY_DELETED);

    EXPECT_EQ(valueOf(inside, u"old"), 2u);
    EXPECT_EQ(values(inside), "Old New");
    EXPECT_EQ(subkeys(inside), "Made");
    EXPECT_EQ(full(inside).SubKeys, 1u);
    EXPECT_EQ(full(inside).Values, 2u);
    EXPECT_EQ(full(made).ClassLength, 8u);
    EXPECT_EQ(full(made).SubKeys, 1u);
    EXPECT_EQ(made.name(), std::u16string(kPath) + u"\\Made");
    EXPECT_EQ(valueOf(plain_, u"Old"), 1u);
    EXPECT_EQ(values(plain_), "Old");
    EXPECT_EQ(subkeys(plain_), "Child");

    EXPECT_EQ(transaction.commit(), STATUS_SUCCESS);
    EXPECT_EQ(valueOf(plain_, u"Old"), 2u);
    EXPECT_EQ(values(plain_), "Old New");
    EXPECT_EQ(subkeys(plain_), "Made");
    Key after = Key::open(u"Made", KEY_ALL_ACCESS, plain_.get());
    EXPECT_EQ(valueOf(after, u"v"), 4u);
    EXPECT_EQ(full(after).ClassLength, 8u);
    EXPECT_EQ(subkeys(after), "Below");
    // What was bound to the transaction is of no more use.
    ULONG value;
    EXPECT_EQ(inside.query(u"Old", &value), STATUS_TRANSACTION_NOT_ACTIVE);
    EXPECT_EQ(inside.set(u"Old", 5), STATUS_TRANSACTION_NOT_ACTIVE);
    EXPECT_EQ(NtDeleteKey(made.get()), STATUS_TRANSACTION_NOT_ACTIVE);
    EXPECT_EQ(transaction.open(kPath).status, STATUS_TRANSACTION_NOT_ACTIVE);
}

TEST_F(CmTransaction, RollingBackAndClosingTheLastHandleUndo) {
    for (bool close : {false, true}) {
        Transaction transaction;
        Key inside = transaction.open(kPath);
        EXPECT_EQ(inside.set(u"Old", 2), STATUS_SUCCESS);
        EXPECT_EQ(inside.set(u"New", 3), STATUS_SUCCESS);
        EXPECT_EQ(transaction.create(u"Made", inside.get()).status, STATUS_SUCCESS);
        EXPECT_EQ(NtDeleteKey(transaction.open(u"Child", inside.get()).get()), STATUS_SUCCESS);
        if (close) {
            transaction.close();
        } else {
            EXPECT_EQ(transaction.rollback(), STATUS_SUCCESS);
        }
        EXPECT_EQ(inside.set(u"Old", 2), STATUS_TRANSACTION_NOT_ACTIVE);
        EXPECT_EQ(valueOf(plain_, u"Old"), 1u);
        EXPECT_EQ(values(plain_), "Old");
        EXPECT_EQ(subkeys(plain_), "Child");
    }
}

TEST_F(CmTransaction, DeletedValuesAndKeysComeAndGoInside) {
    Transaction transaction;
    Key inside = transaction.open(kPath);
    EXPECT_EQ(inside.remove(u"Missing"), kNotFound);
    EXPECT_EQ(inside.remove(u"OLD"), STATUS_SUCCESS);
    EXPECT_EQ(inside.remove(u"Old"), kNotFound);
    EXPECT_EQ(values(inside), "");
    EXPECT_EQ(full(inside).Values, 0u);
    EXPECT_EQ(inside.set(u"oLD", 7), STATUS_SUCCESS);
    EXPECT_EQ(values(inside), "oLD");
    EXPECT_EQ(inside.remove(u"Old"), STATUS_SUCCESS);
    // Made and deleted again: it never was.
    Key made = transaction.create(u"Made", inside.get());
    EXPECT_EQ(NtDeleteKey(inside.get()), STATUS_CANNOT_DELETE);
    EXPECT_EQ(NtDeleteKey(made.get()), STATUS_SUCCESS);
    EXPECT_EQ(subkeys(inside), "Child");
    // A tree is deleted from the leaves up, in whatever order its keys were changed before.
    Key child = transaction.open(u"Child", inside.get());
    EXPECT_EQ(child.set(u"v", 1), STATUS_SUCCESS);
    EXPECT_EQ(inside.set(u"w", 1), STATUS_SUCCESS);
    EXPECT_EQ(NtDeleteKey(child.get()), STATUS_SUCCESS);
    EXPECT_EQ(NtDeleteKey(inside.get()), STATUS_SUCCESS);
    EXPECT_EQ(transaction.open(kPath).status, kNotFound);
    EXPECT_EQ(Key::open(kPath).status, STATUS_SUCCESS);
    EXPECT_EQ(transaction.commit(), STATUS_SUCCESS);
    EXPECT_EQ(Key::open(kPath).status, kNotFound);
    EXPECT_EQ(plain_.set(u"v", 1), STATUS_KEY_DELETED);
}

TEST_F(CmTransaction, AKeyDeletedAndMadeAgainIsEmpty) {
    Transaction transaction;
    Key inside = transaction.open(kPath);
    EXPECT_EQ(NtDeleteKey(transaction.open(u"Child", inside.get()).get()), STATUS_SUCCESS);
    EXPECT_EQ(NtDeleteKey(inside.get()), STATUS_SUCCESS);
    ULONG disposition = 0;
    Key again = transaction.create(kPath, nullptr, 0, &disposition);
    ASSERT_EQ(again.status, STATUS_SUCCESS);
    EXPECT_EQ(disposition, ULONG{REG_CREATED_NEW_KEY});
    EXPECT_EQ(values(again) + subkeys(again), "");
    EXPECT_EQ(full(again).Values, 0u);
    EXPECT_EQ(full(again).SubKeys, 0u);
    EXPECT_EQ(again.remove(u"Old"), kNotFound);
    EXPECT_EQ(again.set(u"New", 9), STATUS_SUCCESS);
    EXPECT_EQ(transaction.create(u"child", again.get()).status, STATUS_SUCCESS);
    EXPECT_EQ(full(again).SubKeys, 1u);
    EXPECT_EQ(inside.set(u"v", 1), STATUS_KEY_DELETED);
    EXPECT_EQ(values(plain_) + subkeys(plain_), "OldChild");
    EXPECT_EQ(transaction.commit(), STATUS_SUCCESS);
    EXPECT_EQ(values(plain_), "New");
    EXPECT_EQ(subkeys(plain_), "Child");
}

TEST_F(CmTransaction, IsToldByTheCallAndByTheObject) {
    Transaction transaction;
    PVOID expected = transaction.object(), reported = nullptr, ofRoot = nullptr, ofKey = nullptr, ofValue = nullptr;
    LARGE_INTEGER *cookie = nullptr;
    Filter filter(
        'f', u"385100", nullptr, {RegNtPreCreateKeyEx, RegNtPreOpenKeyEx, RegNtPostCreateKeyEx, RegNtPreSetValueKey},
        [&](ULONG notifyClass, void *information) {
            if (notifyClass == RegNtPreSetValueKey) {
                ofValue =
                    CmGetBoundTransaction(cookie, static_cast<REG_SET_VALUE_KEY_INFORMATION *>(information)->Object);
            } else if (notifyClass == RegNtPostCreateKeyEx) {
                ofKey = CmGetBoundTransaction(cookie, post(information)->Object);
            } else {
                auto *info = static_cast<REG_CREATE_KEY_INFORMATION_V1 *>(information);
                reported = info->Transaction;
                ofRoot = CmGetBoundTransaction(cookie, info->RootObject);
            }
            return STATUS_SUCCESS;
        });
    cookie = &filter.cookie;
    Key inside = transaction.open(kPath);
    EXPECT_EQ(reported, expected);
    EXPECT_EQ(ofRoot, nullptr);
    // A plain call below a key that is bound belongs to the transaction, although it does not say so.
    Key made = Key::create(u"Made", inside.get());
    ASSERT_EQ(made.status, STATUS_SUCCESS);
    EXPECT_EQ(reported, nullptr);
    EXPECT_EQ(ofRoot, expected);
    EXPECT_EQ(ofKey, expected);
    EXPECT_EQ(made.set(u"v", 1), STATUS_SUCCESS);
    EXPECT_EQ(ofValue, expected);
    EXPECT_EQ(exists(u"Made", plain_), kNotFound);
    EXPECT_EQ(Key::open(u"Made", KEY_READ, inside.get()).status, STATUS_SUCCESS);
    EXPECT_EQ(plain_.set(u"Other", 1), STATUS_SUCCESS);
    EXPECT_EQ(ofValue, nullptr);
}

TEST_F(CmTransaction, EndsWithoutNotification) {
    Transaction first, second;
    EXPECT_EQ(first.open(kPath).set(u"Old", 2), STATUS_SUCCESS);
    EXPECT_EQ(second.create(u"\\REGISTRY\\MACHINE\\SOFTWARE\\CmOther").status, STATUS_SUCCESS);
    std::vector<ULONG> all(51);
    for (ULONG i = 0; i < all.size(); i++) {
        all[i] = i;
    }
    Filter filter('f', u"385100", &log_, all);
    EXPECT_EQ(first.commit(), STATUS_SUCCESS);
    EXPECT_EQ(second.rollback(), STATUS_SUCCESS);
    EXPECT_TRUE(log_.take().empty());
}

TEST_F(CmTransaction, AKeyHasOneIdentityInsideAndOutside) {
    Transaction transaction;
    Key inside = transaction.open(kPath), made = transaction.create(u"Made", inside.get());
    Filter filter('f', u"385100", nullptr, {});
    auto identity = [&](const Key &key) {
        ULONG_PTR id = 0;
        EXPECT_EQ(CmCallbackGetKeyObjectID(&filter.cookie, key.object(), &id, nullptr), STATUS_SUCCESS);
        return id;
    };
    EXPECT_EQ(identity(inside), identity(plain_));
    EXPECT_NE(identity(made), identity(plain_));
}

} // namespace
