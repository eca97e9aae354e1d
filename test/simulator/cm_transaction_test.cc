// SPDX-License-Identifier: MIT

#include "cm_fixture.h"

#include <thread>

using namespace cm_test;

namespace {

constexpr NTSTATUS kNotFound = STATUS_OBJECT_NAME_NOT_FOUND;
constexpr const char16_t *kPath = u"\\REGISTRY\\MACHINE\\SOFTWARE\\CmTransaction";

class Transaction {
  public:
    Transaction() {
        EXPECT_EQ(
            NtCreateTransaction(&handle_, TRANSACTION_ALL_ACCESS, nullptr, nullptr, nullptr, 0, 0, 0, nullptr, nullptr),
            STATUS_SUCCESS);
    }
    ~Transaction() { close(); }
    Transaction(const Transaction &) = delete;
    HANDLE get() const { return handle_; }
    NTSTATUS commit() { return NtCommitTransaction(handle_, TRUE); }
    NTSTATUS rollback() { return NtRollbackTransaction(handle_, TRUE); }
    void close() {
        if (handle_ != nullptr) {
            NtClose(std::exchange(handle_, nullptr));
        }
    }
    PVOID object() const {
        PVOID object = nullptr;
        EXPECT_EQ(ObReferenceObjectByHandle(handle_, 0, *TmTransactionObjectType, KernelMode, &object, nullptr),
                  STATUS_SUCCESS);
        ObDereferenceObject(object);
        return object;
    }
    Key open(std::u16string_view path, HANDLE root = nullptr, ACCESS_MASK access = KEY_ALL_ACCESS) const {
        return Key::with(path, root, [&](PHANDLE handle, POBJECT_ATTRIBUTES attributes) {
            return NtOpenKeyTransactedEx(handle, access, attributes, 0, handle_);
        });
    }
    Key create(std::u16string_view path, HANDLE root = nullptr, ULONG options = 0, ULONG *disposition = nullptr,
               std::u16string_view className = {}) const {
        return Key::with(path, root, [&](PHANDLE handle, POBJECT_ATTRIBUTES attributes) {
            UNICODE_STRING name = text(className);
            return NtCreateKeyTransacted(handle, KEY_ALL_ACCESS, attributes, 0, className.empty() ? nullptr : &name,
                                         options, handle_, disposition);
        });
    }

  private:
    HANDLE handle_ = nullptr;
};

class CmTransaction : public CmTest {
  protected:
    void SetUp() override {
        CmTest::SetUp();
        plain_ = Key::create(kPath);
        ASSERT_EQ(plain_.status, STATUS_SUCCESS);
        ASSERT_EQ(plain_.set(u"Old", 1), STATUS_SUCCESS);
        ASSERT_EQ(Key::create(u"Child", plain_.get()).status, STATUS_SUCCESS);
    }
    static NTSTATUS exists(std::u16string_view name, const Key &parent) {
        return Key::open(name, KEY_READ, parent.get()).status;
    }
    static ULONG valueOf(const Key &key, std::u16string_view name) {
        ULONG value = 0xBAD;
        NTSTATUS status = key.query(name, &value);
        return status == STATUS_SUCCESS ? value : static_cast<ULONG>(status);
    }
    static KEY_FULL_INFORMATION full(const Key &key) {
        KEY_FULL_INFORMATION information{};
        ULONG length = 0;
        NTSTATUS status = NtQueryKey(key.get(), KeyFullInformation, &information, sizeof information, &length);
        EXPECT_TRUE(status == STATUS_SUCCESS || status == STATUS_BUFFER_OVERFLOW) << std::hex << status;
        return information;
    }
    static std::string subkeys(const Key &key) {
        std::string names;
        for (ULONG i = 0;; i++) {
            struct {
                KEY_BASIC_INFORMATION head;
                WCHAR rest[256];
            } buffer;
            ULONG length = 0;
            NTSTATUS status = NtEnumerateKey(key.get(), i, KeyBasicInformation, &buffer, sizeof buffer, &length);
            if (status != STATUS_SUCCESS) {
                EXPECT_EQ(status, STATUS_NO_MORE_ENTRIES);
                return names;
            }
            names += (i == 0 ? "" : " ") + std::string(buffer.head.Name, buffer.head.Name + buffer.head.NameLength / 2);
        }
    }
    static std::string values(const Key &key) {
        std::string names;
        for (ULONG i = 0;; i++) {
            struct {
                KEY_VALUE_BASIC_INFORMATION head;
                WCHAR rest[256];
            } buffer;
            ULONG length = 0;
            NTSTATUS status =
                NtEnumerateValueKey(key.get(), i, KeyValueBasicInformation, &buffer, sizeof buffer, &length);
            if (status != STATUS_SUCCESS) {
                EXPECT_EQ(status, STATUS_NO_MORE_ENTRIES);
                return names;
            }
            names += (i == 0 ? "" : " ") + std::string(buffer.head.Name, buffer.head.Name + buffer.head.NameLength / 2);
        }
    }

    Key plain_;
};

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

TEST_F(CmTransaction, TwoThatChangeTheSameConflict) {
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

TEST_F(CmTransaction, AChangeFromOutsideEndsIt) {
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

TEST_F(CmTransaction, RefusesWhatItCannotDo) {
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

TEST_F(CmTransaction, SurvivesLackOfMemoryAtEveryAllocation) {
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

TEST_F(CmTransaction, ManyThreadsEachWithTheirOwn) {
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
