// SPDX-License-Identifier: MIT

#ifndef CMBRIDGE_TEST_CM_TRANSACTIONS_H
#define CMBRIDGE_TEST_CM_TRANSACTIONS_H

#include "cm_fixture.h"

namespace cm_test {

inline constexpr NTSTATUS kNotFound = STATUS_OBJECT_NAME_NOT_FOUND;
inline constexpr const char16_t *kPath = u"\\REGISTRY\\MACHINE\\SOFTWARE\\CmTransaction";

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

} // namespace cm_test

#endif
