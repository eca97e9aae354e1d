// SPDX-License-Identifier: MIT
//
// Memory of the caller that changes under way: what is captured, and what Windows 7 did not capture.

#include <array>
#include <cstring>

#include "cm_fixture.h"
#include "nt/ob_internal.h"

using namespace cm_test;

namespace {

// Memory of the calling program that a test can change while an operation runs.
template <size_t Size> class UserMemory {
  public:
    UserMemory() { SimRegisterUserRange(bytes_.data(), bytes_.size()); }
    ~UserMemory() { SimUnregisterUserRange(bytes_.data()); }
    UserMemory(const UserMemory &) = delete;

    void write(std::u16string_view text) { std::memcpy(bytes_.data(), text.data(), text.size() * sizeof(char16_t)); }
    void write(ULONG number) { std::memcpy(bytes_.data(), &number, sizeof number); }
    void vanish() { SimSetUserRangeAccess(bytes_.data(), FALSE, FALSE); }
    UNICODE_STRING string(size_t characters) {
        auto bytes = static_cast<USHORT>(characters * sizeof(char16_t));
        return {bytes, bytes, reinterpret_cast<PWCH>(bytes_.data())};
    }
    void *get() { return bytes_.data(); }
    bool holds(const void *pointer) const {
        auto at = static_cast<const std::byte *>(pointer);
        return at >= bytes_.data() && at < bytes_.data() + bytes_.size();
    }

  private:
    alignas(8) std::array<std::byte, Size> bytes_{};
};

class CmInput : public CmTest {
  protected:
    static bool hasValue(const Key &key, std::u16string_view name) {
        ULONG value;
        return key.query(name, &value) == STATUS_SUCCESS;
    }
    UserMemory<64> user_;
};

// The profile of Windows 7.
class CmRawInput : public CmInput {
  protected:
    CmRawInput() {
        setOptions([](CM_OPTIONS &options) { options.RawInputs = TRUE; });
    }
};

TEST_F(CmInput, NamesAreCapturedBeforeCallbacksSeeThem) {
    Key key = scratch();
    key.set(u"first", 1);
    key.set(u"other", 2);
    user_.write(u"first");
    UNICODE_STRING name = user_.string(5);
    bool captured = false;
    Filter filter('f', u"385100", nullptr, {RegNtPreDeleteValueKey}, [&](ULONG, void *information) {
        auto info = static_cast<REG_DELETE_VALUE_KEY_INFORMATION *>(information);
        user_.write(u"other");
        captured = !user_.holds(info->ValueName->Buffer) && text(info->ValueName) == u"first";
        return STATUS_SUCCESS;
    });
    EXPECT_EQ(NtDeleteValueKey(key.get(), &name), STATUS_SUCCESS);
    filter.stop();
    EXPECT_TRUE(captured);
    EXPECT_FALSE(hasValue(key, u"first"));
    EXPECT_TRUE(hasValue(key, u"other"));
}

TEST_F(CmInput, AnOutputCanChangeBetweenTwoReadsOfACallback) {
    Key key = scratch();
    key.set(u"v", 0x11);
    UNICODE_STRING name = text(u"v");
    auto answer = static_cast<KEY_VALUE_PARTIAL_INFORMATION *>(user_.get());
    ULONG length = 0, first = 0, second = 0;
    Filter filter('f', u"385100", nullptr, {RegNtPostQueryValueKey}, [&](ULONG, void *information) {
        auto pre = static_cast<REG_QUERY_VALUE_KEY_INFORMATION *>(post(information)->PreInformation);
        auto seen = static_cast<KEY_VALUE_PARTIAL_INFORMATION *>(pre->KeyValueInformation);
        std::memcpy(&first, seen->Data, sizeof first);
        ULONG other = 0x22; // another thread of the program
        std::memcpy(answer->Data, &other, sizeof other);
        std::memcpy(&second, seen->Data, sizeof second);
        return STATUS_SUCCESS;
    });
    EXPECT_EQ(NtQueryValueKey(key.get(), &name, KeyValuePartialInformation, answer, 64, &length), STATUS_SUCCESS);
    EXPECT_EQ(first, 0x11u);
    EXPECT_EQ(second, 0x22u);
}

TEST_F(CmRawInput, TheNameOfADeletedValueIsReadAfterTheCallbacks) {
    Key key = scratch();
    key.set(u"first", 1);
    key.set(u"other", 2);
    user_.write(u"first");
    UNICODE_STRING name = user_.string(5);
    bool raw = false;
    Filter filter('f', u"385100", nullptr, {RegNtPreDeleteValueKey}, [&](ULONG, void *information) {
        auto info = static_cast<REG_DELETE_VALUE_KEY_INFORMATION *>(information);
        raw = info->ValueName != &name && info->ValueName->Buffer == name.Buffer;
        user_.write(u"other");
        return STATUS_SUCCESS;
    });
    EXPECT_EQ(NtDeleteValueKey(key.get(), &name), STATUS_SUCCESS);
    filter.stop();
    EXPECT_TRUE(raw);
    EXPECT_TRUE(hasValue(key, u"first"));
    EXPECT_FALSE(hasValue(key, u"other"));
}

TEST_F(CmRawInput, ANameThatVanishesFailsTheOperationVisiblyInPost) {
    Key key = scratch();
    key.set(u"first", 1);
    user_.write(u"first");
    UNICODE_STRING name = user_.string(5);
    ULONG room[16], length;
    Filter filter('f', u"385100", &log_, {RegNtPreQueryValueKey, RegNtPostQueryValueKey}, [&](ULONG, void *) {
        user_.vanish();
        return STATUS_SUCCESS;
    });
    EXPECT_EQ(NtQueryValueKey(key.get(), &name, KeyValuePartialInformation, room, sizeof room, &length),
              STATUS_ACCESS_VIOLATION);
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'f', RegNtPreQueryValueKey, 0},
                                              {'f', RegNtPostQueryValueKey, STATUS_ACCESS_VIOLATION}}));
}

// The probe looks at addresses, not at what is there.
TEST_F(CmRawInput, OnlyAddressesOfTheKernelAreRefusedBeforeCallbacks) {
    Key key = scratch();
    UNICODE_STRING gone = user_.string(5), kernels = gone;
    PVOID pool = ExAllocatePoolWithTag(NonPagedPool, 64, 0x74736554);
    kernels.Buffer = static_cast<PWCH>(pool);
    user_.vanish();
    Filter filter('f', u"385100", &log_, {RegNtPreDeleteValueKey, RegNtPreRenameKey});
    EXPECT_EQ(NtDeleteValueKey(key.get(), &kernels), STATUS_ACCESS_VIOLATION);
    EXPECT_EQ(NtRenameKey(key.get(), &kernels), STATUS_ACCESS_VIOLATION);
    EXPECT_TRUE(log_.take().empty());
    EXPECT_EQ(NtDeleteValueKey(key.get(), &gone), STATUS_ACCESS_VIOLATION);
    EXPECT_EQ(NtRenameKey(key.get(), &gone), STATUS_ACCESS_VIOLATION);
    EXPECT_EQ(log_.take().size(), 2u);
    ExFreePoolWithTag(pool, 0x74736554);
}

TEST_F(CmRawInput, TheNewNameOfAKeyIsReadAndCheckedAfterTheCallbacks) {
    Key key = scratch();
    user_.write(u"First");
    UNICODE_STRING name = user_.string(5);
    std::u16string replacement;
    Filter filter('f', u"385100", nullptr, {RegNtPreRenameKey}, [&](ULONG, void *information) {
        EXPECT_EQ(static_cast<REG_RENAME_KEY_INFORMATION *>(information)->NewName->Buffer, name.Buffer);
        user_.write(replacement);
        return STATUS_SUCCESS;
    });
    replacement = u"A\\bad";
    EXPECT_EQ(NtRenameKey(key.get(), &name), STATUS_INVALID_PARAMETER);
    replacement = u"Other";
    EXPECT_EQ(NtRenameKey(key.get(), &name), STATUS_SUCCESS);
    filter.stop();
    EXPECT_EQ(key.name(), std::u16string(kSoftware) + u"\\Other");
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
}

TEST_F(CmRawInput, TheDataOfAValueIsReadAfterTheCallbacks) {
    Key key = scratch();
    UNICODE_STRING name = text(u"v");
    user_.write(1u);
    PVOID seen = nullptr;
    Filter filter('f', u"385100", nullptr, {RegNtPreSetValueKey}, [&](ULONG, void *information) {
        auto info = static_cast<REG_SET_VALUE_KEY_INFORMATION *>(information);
        seen = info->Data;
        EXPECT_NE(info->ValueName->Buffer, name.Buffer); // this one is captured
        user_.write(2u);
        return STATUS_SUCCESS;
    });
    EXPECT_EQ(NtSetValueKey(key.get(), &name, 0, REG_DWORD, user_.get(), sizeof(ULONG)), STATUS_SUCCESS);
    filter.stop();
    ULONG value = 0;
    EXPECT_EQ(key.query(u"v", &value), STATUS_SUCCESS);
    EXPECT_EQ(seen, user_.get());
    EXPECT_EQ(value, 2u);
    user_.vanish();
    EXPECT_EQ(NtSetValueKey(key.get(), &name, 0, REG_DWORD, user_.get(), sizeof(ULONG)), STATUS_ACCESS_VIOLATION);
}

TEST_F(CmRawInput, TheClassOfANewKeyIsReadAfterTheCallbacks) {
    Key software = Key::open(kSoftware);
    user_.write(u"Kind");
    UNICODE_STRING keyClass = user_.string(4), name = text(u"CmTest");
    Filter filter('f', u"385100", nullptr, {RegNtPreCreateKeyEx}, [&](ULONG, void *information) {
        EXPECT_EQ(static_cast<REG_CREATE_KEY_INFORMATION_V1 *>(information)->Class->Buffer, keyClass.Buffer);
        user_.write(u"Else");
        return STATUS_SUCCESS;
    });
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, software.get(), nullptr);
    HANDLE handle = nullptr;
    ASSERT_EQ(NtCreateKey(&handle, KEY_ALL_ACCESS, &attributes, 0, &keyClass, REG_OPTION_VOLATILE, nullptr),
              STATUS_SUCCESS);
    alignas(KEY_FULL_INFORMATION) UCHAR buffer[128];
    auto full = reinterpret_cast<KEY_FULL_INFORMATION *>(buffer);
    ULONG length = 0;
    EXPECT_EQ(NtQueryKey(handle, KeyFullInformation, full, sizeof buffer, &length), STATUS_SUCCESS);
    EXPECT_EQ(std::u16string(full->Class, full->ClassLength / sizeof(WCHAR)), u"Else");
    EXPECT_EQ(NtDeleteKey(handle), STATUS_SUCCESS);
    NtClose(handle);
}

TEST_F(CmRawInput, TheLengthOfAQueryOfSeveralValuesIsTheCallersOwn) {
    Key key = scratch();
    key.set(u"v", 1);
    UNICODE_STRING name = text(u"v");
    KEY_VALUE_ENTRY entry = {&name, 0, 0, 0};
    ULONG room[4], length = sizeof room;
    PVOID seen = nullptr;
    Filter filter('f', u"385100", nullptr, {RegNtPreQueryMultipleValueKey}, [&](ULONG, void *information) {
        seen = static_cast<REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION *>(information)->BufferLength;
        return STATUS_SUCCESS;
    });
    EXPECT_EQ(NtQueryMultipleValueKey(key.get(), &entry, 1, room, &length, nullptr), STATUS_SUCCESS);
    EXPECT_EQ(seen, &length);
    EXPECT_EQ(length, sizeof(ULONG));
}

TEST_F(CmRawInput, KernelModeCallersAreNotProbed) {
    Key key = scratch();
    key.set(u"v", 1);
    UNICODE_STRING name = text(u"v");
    Filter filter('f', u"385100", nullptr, {RegNtPreDeleteValueKey}, [&](ULONG, void *information) {
        EXPECT_EQ(text(static_cast<REG_DELETE_VALUE_KEY_INFORMATION *>(information)->ValueName), u"v");
        return STATUS_SUCCESS;
    });
    EXPECT_EQ(ZwDeleteValueKey(key.get(), &name), STATUS_SUCCESS);
}

} // namespace
