// SPDX-License-Identifier: MIT

#ifndef CMBRIDGE_TEST_CM_FIXTURE_H
#define CMBRIDGE_TEST_CM_FIXTURE_H

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cm/cm.h"
#include "simulator.h"

namespace cm_test {

inline constexpr const char16_t *kSoftware = u"\\REGISTRY\\MACHINE\\SOFTWARE";

inline UNICODE_STRING text(std::u16string_view view) {
    auto bytes = static_cast<USHORT>(view.size() * sizeof(char16_t));
    return {bytes, bytes, const_cast<PWCH>(view.data())};
}

inline std::u16string text(const UNICODE_STRING *string) {
    return string == nullptr ? std::u16string() : std::u16string(string->Buffer, string->Length / sizeof(WCHAR));
}

// A handle of a key, made with the rights and the mode of the caller.
class Key {
  public:
    Key() = default;
    Key(Key &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)), status(other.status) {}
    Key &operator=(Key &&other) noexcept {
        close();
        handle_ = std::exchange(other.handle_, nullptr);
        status = other.status;
        return *this;
    }
    ~Key() { close(); }

    static Key open(std::u16string_view path, ACCESS_MASK access = KEY_ALL_ACCESS, HANDLE root = nullptr) {
        return make(path, root, [access](PHANDLE handle, POBJECT_ATTRIBUTES attributes) {
            return NtOpenKeyEx(handle, access, attributes, 0);
        });
    }
    static Key create(std::u16string_view path, HANDLE root = nullptr, ULONG options = 0, ULONG *disposition = nullptr,
                      std::u16string_view classText = {}) {
        return make(path, root, [&](PHANDLE handle, POBJECT_ATTRIBUTES attributes) {
            UNICODE_STRING name = text(classText);
            return NtCreateKey(handle, KEY_ALL_ACCESS, attributes, 0, classText.empty() ? nullptr : &name, options,
                               disposition);
        });
    }

    // How a key is opened or created where the short forms above do not do.
    struct How {
        ACCESS_MASK access = KEY_ALL_ACCESS;
        HANDLE root = nullptr;
        ULONG attributes = OBJ_CASE_INSENSITIVE;
        ULONG options = 0;
        PSECURITY_DESCRIPTOR descriptor = nullptr;
    };
    static Key openAs(std::u16string_view path, const How &how) {
        return make(path, how.root, [&](PHANDLE handle, POBJECT_ATTRIBUTES attributes) {
            attributes->Attributes = how.attributes;
            return NtOpenKeyEx(handle, how.access, attributes, how.options);
        });
    }
    static Key createAs(std::u16string_view path, const How &how, ULONG *disposition = nullptr) {
        return make(path, how.root, [&](PHANDLE handle, POBJECT_ATTRIBUTES attributes) {
            attributes->Attributes = how.attributes;
            attributes->SecurityDescriptor = how.descriptor;
            return NtCreateKey(handle, how.access, attributes, 0, nullptr, how.options, disposition);
        });
    }

    // By another call; it gets the place for the handle and the attributes.
    template <typename Call> static Key with(std::u16string_view path, HANDLE root, Call call) {
        return make(path, root, call);
    }

    HANDLE get() const { return handle_; }
    NTSTATUS close() { return handle_ == nullptr ? STATUS_SUCCESS : NtClose(std::exchange(handle_, nullptr)); }
    // The object behind the handle, without a reference of its own.
    PVOID object() const {
        PVOID object = nullptr;
        EXPECT_EQ(ObReferenceObjectByHandle(handle_, 0, *CmKeyObjectType, KernelMode, &object, nullptr),
                  STATUS_SUCCESS);
        ObDereferenceObject(object);
        return object;
    }
    NTSTATUS set(std::u16string_view name, ULONG value) const {
        UNICODE_STRING string = text(name);
        return NtSetValueKey(handle_, &string, 0, REG_DWORD, &value, sizeof value);
    }
    NTSTATUS setLink(std::u16string_view target) const {
        UNICODE_STRING string = text(u"SymbolicLinkValue");
        return NtSetValueKey(handle_, &string, 0, REG_LINK, const_cast<char16_t *>(target.data()),
                             static_cast<ULONG>(target.size() * sizeof(char16_t)));
    }
    // The canonical name, as KeyNameInformation tells it.
    std::u16string name() const {
        alignas(KEY_NAME_INFORMATION) UCHAR buffer[1024];
        auto information = reinterpret_cast<KEY_NAME_INFORMATION *>(buffer);
        ULONG length = 0;
        if (NtQueryKey(handle_, KeyNameInformation, information, sizeof buffer, &length) != STATUS_SUCCESS) {
            return {};
        }
        return {information->Name, information->NameLength / sizeof(WCHAR)};
    }
    NTSTATUS remove() const { return NtDeleteKey(handle_); }
    NTSTATUS remove(std::u16string_view name) const {
        UNICODE_STRING string = text(name);
        return NtDeleteValueKey(handle_, &string);
    }
    NTSTATUS query(std::u16string_view name, ULONG *value) const {
        struct {
            KEY_VALUE_PARTIAL_INFORMATION head;
            UCHAR rest[64];
        } buffer;
        UNICODE_STRING string = text(name);
        ULONG length = 0;
        NTSTATUS status =
            NtQueryValueKey(handle_, &string, KeyValuePartialInformation, &buffer, sizeof buffer, &length);
        if (status == STATUS_SUCCESS) {
            RtlCopyMemory(value, buffer.head.Data, sizeof *value);
        }
        return status;
    }

  private:
    template <typename Call> static Key make(std::u16string_view path, HANDLE root, Call call) {
        Key key;
        UNICODE_STRING name = text(path);
        OBJECT_ATTRIBUTES attributes;
        InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, root, nullptr);
        key.status = call(&key.handle_, &attributes);
        return key;
    }

    HANDLE handle_ = nullptr;

  public:
    NTSTATUS status = STATUS_UNSUCCESSFUL;
};

struct Call {
    char filter;
    ULONG notifyClass;
    NTSTATUS status; // post only
    bool operator==(const Call &) const = default;
};

inline void PrintTo(const Call &call, std::ostream *out) {
    *out << call.filter << call.notifyClass << "/0x" << std::hex << static_cast<uint32_t>(call.status) << std::dec;
}

// What all filters of a test saw, in order.
class Log {
  public:
    void add(Call call) {
        std::lock_guard lock(mutex_);
        calls_.push_back(call);
    }
    std::vector<Call> take() {
        std::lock_guard lock(mutex_);
        return std::exchange(calls_, {});
    }

  private:
    std::mutex mutex_;
    std::vector<Call> calls_;
};

inline bool isPost(ULONG notifyClass) {
    static const std::vector<ULONG> posts = {15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 27,
                                             29, 31, 33, 35, 37, 39, 42, 44, 46, 48, 50};
    return std::find(posts.begin(), posts.end(), notifyClass) != posts.end();
}

inline REG_POST_OPERATION_INFORMATION *post(void *information) {
    return static_cast<REG_POST_OPERATION_INFORMATION *>(information);
}

// A registered callback. Notifications of other classes than `watched` are answered with STATUS_SUCCESS and not logged.
class Filter {
  public:
    using Handler = std::function<NTSTATUS(ULONG notifyClass, void *information)>;

    Filter(char name, std::u16string_view altitude, Log *log, std::vector<ULONG> watched, Handler handler = {})
        : name_(name), altitude_(altitude), log_(log), watched_(std::move(watched)), handler_(std::move(handler)) {
        status = start();
    }
    ~Filter() {
        if (NT_SUCCESS(status)) {
            stop();
        }
    }
    Filter(const Filter &) = delete;

    NTSTATUS start() {
        UNICODE_STRING altitude = text(altitude_);
        return CmRegisterCallbackEx(&Filter::entry, &altitude, &driver_, this, &cookie, nullptr);
    }
    NTSTATUS stop() {
        status = STATUS_UNSUCCESSFUL;
        return CmUnRegisterCallback(cookie);
    }

    LARGE_INTEGER cookie{};
    NTSTATUS status = STATUS_UNSUCCESSFUL;

  private:
    static NTSTATUS entry(PVOID context, PVOID first, PVOID second) {
        auto self = static_cast<Filter *>(context);
        auto notifyClass = static_cast<ULONG>(reinterpret_cast<ULONG_PTR>(first));
        if (std::find(self->watched_.begin(), self->watched_.end(), notifyClass) == self->watched_.end()) {
            return STATUS_SUCCESS;
        }
        if (self->log_ != nullptr) {
            self->log_->add({self->name_, notifyClass, isPost(notifyClass) ? post(second)->Status : 0});
        }
        return self->handler_ ? self->handler_(notifyClass, second) : STATUS_SUCCESS;
    }

    char name_;
    std::u16string altitude_;
    Log *log_;
    std::vector<ULONG> watched_;
    Handler handler_;
    // The configuration manager only looks whether there is one.
    static inline char driver_;
};

class CmTest : public ::testing::Test {
  protected:
    CmTest() {
        CM_OPTIONS options;
        CmGetOptions(&options);
        initial_ = options;
    }
    ~CmTest() override {
        CmFailAllocation(0);
        CmFailNameLookups(0, STATUS_SUCCESS);
        CmSetOptions(&initial_);
    }
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
    void TearDown() override {
        CM_STATISTICS left = statistics();
        EXPECT_EQ(left.ObjectContexts, 0u);
        EXPECT_EQ(left.KeyNames, 0u);
        EXPECT_EQ(left.Operations, 0u);
    }

    static CM_STATISTICS statistics() {
        CM_STATISTICS now;
        CmGetStatistics(&now);
        return now;
    }
    void setOptions(void (*change)(CM_OPTIONS &options)) {
        CM_OPTIONS options;
        CmGetOptions(&options);
        change(options);
        CmSetOptions(&options);
    }
    // A key below SOFTWARE that is gone after the test.
    Key scratch(std::u16string_view name = u"CmTest") {
        Key software = Key::open(kSoftware);
        EXPECT_EQ(software.status, STATUS_SUCCESS);
        Key key = Key::create(name, software.get(), REG_OPTION_VOLATILE);
        EXPECT_EQ(key.status, STATUS_SUCCESS);
        return key;
    }

    // Declared first: the machine halts after everything else is gone, and checks that nothing is left.
    std::shared_ptr<simulator::Machine> machine_ = simulator::Machine::shared();
    Log log_;

  private:
    CM_OPTIONS initial_{};
};

} // namespace cm_test

#endif
