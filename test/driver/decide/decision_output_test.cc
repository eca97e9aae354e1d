// SPDX-License-Identifier: MIT
//
// What the caller of a query gets in place of the configuration manager's answer.

#include "test/driver/decide/decision_fixture.h"

namespace cmbridge::test {
namespace {

constexpr ULONG kPoolTag = 0x74736554;

class DecidedOutput : public DecisionTest {
  protected:
    static Wish answer(Bytes data, NTSTATUS status = STATUS_SUCCESS, UINT32 resultLength = 0) {
        const auto size = static_cast<UINT32>(data.size());
        return {.kind = CMB_DECISION_EMULATE,
                .flags = CMB_REPLY_OUTPUT,
                .status = status,
                .resultLength = status == STATUS_SUCCESS ? size : resultLength,
                .data = std::move(data)};
    }
    static Wish overrideWith(Wish wish) {
        wish.kind = CMB_DECISION_OVERRIDE;
        return wish;
    }
    // One of the calls that have a buffer, its length and a ResultLength.
    using Query = std::function<NTSTATUS(PVOID buffer, ULONG length, PULONG resultLength)>;
    Query query(ULONG pre) {
        switch (pre) {
        case RegNtPreQueryKey:
            return [this](PVOID buffer, ULONG length, PULONG needed) {
                return NtQueryKey(key(), KeyBasicInformation, buffer, length, needed);
            };
        case RegNtPreEnumerateKey:
            return [this](PVOID buffer, ULONG length, PULONG needed) {
                return NtEnumerateKey(key(), 7, KeyNodeInformation, buffer, length, needed);
            };
        case RegNtPreQueryValueKey:
            return [this](PVOID buffer, ULONG length, PULONG needed) {
                UNICODE_STRING name = unicode(valueName_);
                return NtQueryValueKey(key(), &name, KeyValueFullInformation, buffer, length, needed);
            };
        default:
            return [this](PVOID buffer, ULONG length, PULONG needed) {
                return NtEnumerateValueKey(key(), 3, KeyValuePartialInformation, buffer, length, needed);
            };
        }
    }
    // EXPECTs that the caller gets what the decision says, and nothing of its buffer behind that changes.
    void expectAnswer(const Query &call, Wish wish, ULONG number) {
        UserMemory<256> memory;
        Decider decider(u"300000", number, wish);
        const Bytes before(memory.at<std::byte>(), memory.at<std::byte>() + 256);
        NTSTATUS status = STATUS_SUCCESS;
        actor().run([&] { status = call(memory.at(), 64, memory.at<ULONG>(128)); });
        const DECISION_RESULT result = decider.result();
        EXPECT_EQ(status, wish.status);
        EXPECT_EQ(result.Status, wish.status);
        EXPECT_FALSE(result.Failed);
        EXPECT_EQ(*memory.at<ULONG>(128), wish.resultLength);
        EXPECT_TRUE(std::equal(wish.data.begin(), wish.data.end(), memory.at<std::byte>()));
        EXPECT_TRUE(std::equal(before.begin() + 132, before.end(), memory.at<std::byte>(132)));
        if (decider.outcomes()[0].subject.Class->Phase == NotifyPhasePre) {
            EXPECT_TRUE(std::equal(before.begin() + wish.data.size(), before.begin() + 128,
                                   memory.at<std::byte>(wish.data.size())));
        }
    }
    static constexpr std::pair<ULONG, ULONG> kQueries[] = {
        {RegNtPreQueryKey, RegNtPostQueryKey},
        {RegNtPreEnumerateKey, RegNtPostEnumerateKey},
        {RegNtPreQueryValueKey, RegNtPostQueryValueKey},
        {RegNtPreEnumerateValueKey, RegNtPostEnumerateValueKey},
    };

  private:
    std::u16string valueName_ = u"Value";
};

TEST_F(DecidedOutput, IsWhatTheCallerOfAQueryGets) {
    for (const auto &[pre, post] : kQueries) {
        for (const ULONG number : {pre, post}) {
            const auto wish = [&, phase = number == post](Wish given) { return phase ? overrideWith(given) : given; };
            // Whole, with the last byte that there is room for, and nothing at all.
            expectAnswer(query(pre), wish(answer(pattern(40, 3))), number);
            expectAnswer(query(pre), wish(answer(pattern(64, 5))), number);
            // Too small.
            expectAnswer(query(pre), wish(answer(pattern(64, 7), STATUS_BUFFER_OVERFLOW, 5000)), number);
            expectAnswer(query(pre), wish(answer({}, STATUS_BUFFER_TOO_SMALL, 44)), number);
        }
    }
}

TEST_F(DecidedOutput, MayBeAStatusAlone) {
    for (const auto &[pre, post] : kQueries) {
        for (const NTSTATUS status : {STATUS_OBJECT_NAME_NOT_FOUND, STATUS_NO_MORE_ENTRIES}) {
            UserMemory<256> memory;
            Decider decider(u"300000", pre, {.kind = CMB_DECISION_EMULATE, .status = status});
            actor().run([&] { EXPECT_EQ(query(pre)(memory.at(), 64, memory.at<ULONG>(128)), status); });
            EXPECT_EQ(decider.result().Return, status);
            EXPECT_TRUE(std::all_of(memory.at<std::byte>(), memory.at<std::byte>(256),
                                    [](std::byte byte) { return byte == std::byte{0xAA}; }));
        }
    }
}

// Both the buffer and ResultLength, in pre and in post.
TEST_F(DecidedOutput, SurvivesBuffersThatVanish) {
    actor().setValue(key(), u"Value", REG_DWORD, pattern(4));
    for (const bool buffer : {true, false}) {
        for (const bool post : {true, false}) {
            UserMemory<64> gone;
            UserMemory<64> there;
            Decider decider(u"300000", post ? RegNtPostQueryValueKey : RegNtPreQueryValueKey,
                            post ? overrideWith(answer(pattern(40))) : answer(pattern(40)));
            decider.before([&] { gone.vanish(); });
            actor().run([&] {
                EXPECT_EQ(query(RegNtPreQueryValueKey)(buffer ? gone.at() : there.at(), 64,
                                                       buffer ? there.at<ULONG>() : gone.at<ULONG>()),
                          STATUS_ACCESS_VIOLATION);
            });
            EXPECT_TRUE(decider.result().Failed);
            EXPECT_EQ(decider.result().Status, STATUS_ACCESS_VIOLATION);
        }
    }
}

// A structure with an address of the kernel, or none, where the caller is in user mode.
TEST_F(DecidedOutput, IsNotWrittenToAddressesThatUserModeCannotHave) {
    auto *kernel = static_cast<std::byte *>(ExAllocatePoolZero(NonPagedPoolNx, 64, kPoolTag));
    ASSERT_NE(kernel, nullptr);
    std::byte *const addresses[] = {kernel, nullptr};
    for (std::byte *bad : addresses) {
        UserMemory<64> there;
        {
            Decider decider(u"300000", RegNtPreQueryKey, answer(pattern(40)));
            raise<REG_QUERY_KEY_INFORMATION>(RegNtPreQueryKey, RegNtPostQueryKey, STATUS_SUCCESS,
                                             [&](REG_QUERY_KEY_INFORMATION &query) {
                                                 query.KeyInformation = bad;
                                                 query.Length = 64;
                                                 query.ResultLength = there.at<ULONG>();
                                             });
            EXPECT_EQ(decider.result().Status, STATUS_ACCESS_VIOLATION);
        }
        {
            Decider decider(u"300000", RegNtPreEnumerateValueKey, answer(pattern(40)));
            raise<REG_ENUMERATE_VALUE_KEY_INFORMATION>(RegNtPreEnumerateValueKey, RegNtPostEnumerateValueKey,
                                                       STATUS_SUCCESS, [&](REG_ENUMERATE_VALUE_KEY_INFORMATION &query) {
                                                           query.KeyValueInformation = there.at();
                                                           query.Length = 64;
                                                           query.ResultLength = reinterpret_cast<PULONG>(bad);
                                                       });
            EXPECT_EQ(decider.result().Status, STATUS_ACCESS_VIOLATION);
        }
        {
            Decider decider(u"300000", RegNtPreQueryKeySecurity, answer(Bytes(32), STATUS_BUFFER_OVERFLOW, 100));
            ULONG length = 64;
            raise<REG_QUERY_KEY_SECURITY_INFORMATION>(RegNtPreQueryKeySecurity, RegNtPostQueryKeySecurity,
                                                      STATUS_SUCCESS, [&](REG_QUERY_KEY_SECURITY_INFORMATION &query) {
                                                          query.SecurityDescriptor = bad;
                                                          query.Length = &length;
                                                      });
            EXPECT_EQ(decider.result().Status, STATUS_ACCESS_VIOLATION);
        }
    }
    for (size_t i = 0; i < 64; ++i) {
        EXPECT_EQ(kernel[i], std::byte{0});
    }
    ExFreePoolWithTag(kernel, kPoolTag);
}

// The caller then has the configuration manager's answer.
TEST_F(DecidedOutput, IsRefusedWhereTheBufferIsTooSmall) {
    UserMemory<128> memory;
    Decider decider(u"300000", RegNtPreQueryKey, answer(pattern(65)));
    actor().run([&] {
        EXPECT_EQ(NtQueryKey(key(), KeyBasicInformation, memory.at(), 64, memory.at<ULONG>(64)), STATUS_SUCCESS);
    });
    ASSERT_EQ(decider.outcomes().size(), 1u);
    EXPECT_EQ(decider.outcomes()[0].check, static_cast<UINT32>(CMB_REPLY_TOO_LARGE));
    EXPECT_EQ(decider.outcomes()[0].subject.OutputSize, 64u);
    const auto *information = memory.at<KEY_BASIC_INFORMATION>();
    EXPECT_TRUE(path().ends_with(std::u16string(information->Name, information->NameLength / sizeof(WCHAR))));
}

class DecidedOutputOfMultipleValues : public DecidedOutput {
  protected:
    struct Layout {
        KEY_VALUE_ENTRY entries[2];
        ULONG bufferLength;
        ULONG required;
        std::byte buffer[64];
    };
    static Wish values(std::vector<CMB_MULTIPLE_ENTRY> entries, Bytes data, NTSTATUS status = STATUS_SUCCESS,
                       UINT32 needed = 0) {
        auto head = std::as_bytes(std::span(entries));
        Bytes all(head.begin(), head.end());
        all.insert(all.end(), data.begin(), data.end());
        Wish wish = answer(std::move(all), status, needed);
        if (status == STATUS_SUCCESS) {
            wish.resultLength = static_cast<UINT32>(data.size());
        }
        return wish;
    }
    NTSTATUS ask(UserMemory<256> &memory, bool required = true, PVOID buffer = nullptr) {
        NTSTATUS status = STATUS_SUCCESS;
        actor().run([&] {
            auto *layout = memory.at<Layout>();
            UNICODE_STRING first = unicode(first_), second = unicode(second_);
            layout->entries[0] = {&first, 111, 111, 111};
            layout->entries[1] = {&second, 222, 222, 222};
            layout->bufferLength = sizeof(layout->buffer);
            status = NtQueryMultipleValueKey(key(), layout->entries, 2, buffer ? buffer : layout->buffer,
                                             &layout->bufferLength, required ? &layout->required : nullptr);
        });
        return status;
    }

  private:
    std::u16string first_ = u"First", second_ = u"Second";
};

TEST_F(DecidedOutputOfMultipleValues, IsWhatTheCallerGets) {
    for (const bool required : {true, false}) {
        UserMemory<256> memory;
        Decider decider(u"300000", RegNtPreQueryMultipleValueKey,
                        values({{4, 0, REG_DWORD, 0}, {5, 4, REG_BINARY, 0}}, pattern(9)));
        EXPECT_EQ(ask(memory, required), STATUS_SUCCESS);
        EXPECT_EQ(decider.outcomes()[0].subject.OutputSize, 64u);
        EXPECT_EQ(decider.outcomes()[0].subject.Entries, 2u);
        EXPECT_EQ(decider.result().Return, STATUS_CALLBACK_BYPASS);
        const auto *layout = memory.at<Layout>();
        EXPECT_EQ(layout->entries[0].DataLength, 4u);
        EXPECT_EQ(layout->entries[0].DataOffset, 0u);
        EXPECT_EQ(layout->entries[0].Type, static_cast<ULONG>(REG_DWORD));
        EXPECT_EQ(layout->entries[1].DataLength, 5u);
        EXPECT_EQ(layout->entries[1].DataOffset, 4u);
        EXPECT_EQ(layout->entries[1].Type, static_cast<ULONG>(REG_BINARY));
        EXPECT_EQ(layout->bufferLength, 9u);
        EXPECT_EQ(layout->required, required ? 9u : 0xAAAAAAAA);
        EXPECT_EQ(Bytes(layout->buffer, layout->buffer + 9), pattern(9));
        EXPECT_EQ(layout->buffer[9], std::byte{0xAA});
    }
}

TEST_F(DecidedOutputOfMultipleValues, TellsTheLengthWhereTheBufferIsTooSmall) {
    UserMemory<256> memory;
    Decider decider(u"300000", RegNtPreQueryMultipleValueKey,
                    values({{4, 0, REG_DWORD, 0}, {96, 4, REG_BINARY, 0}}, pattern(4), STATUS_BUFFER_OVERFLOW, 100));
    EXPECT_EQ(ask(memory), STATUS_BUFFER_OVERFLOW);
    const auto *layout = memory.at<Layout>();
    EXPECT_EQ(layout->required, 100u);
    EXPECT_EQ(Bytes(layout->buffer, layout->buffer + 4), pattern(4));
    EXPECT_EQ(decider.result().Return, STATUS_BUFFER_OVERFLOW);
}

TEST_F(DecidedOutputOfMultipleValues, IsBoundedByTheBufferInPostToo) {
    actor().setValue(key(), u"First", REG_DWORD, pattern(4, 50));
    actor().setValue(key(), u"Second", REG_BINARY, pattern(8, 60));
    UserMemory<256> memory;
    Decider decider(u"300000", RegNtPostQueryMultipleValueKey,
                    overrideWith(values({{4, 0, REG_DWORD, 0}, {8, 4, REG_BINARY, 0}}, pattern(12, 1))));
    EXPECT_EQ(ask(memory), STATUS_SUCCESS);
    // The size that the buffer had, although the configuration manager has put that of the answer in its place.
    EXPECT_EQ(decider.outcomes()[0].subject.OutputSize, 64u);
    EXPECT_FALSE(decider.result().Failed);
    const auto *layout = memory.at<Layout>();
    EXPECT_EQ(Bytes(layout->buffer, layout->buffer + 12), pattern(12, 1));
    EXPECT_EQ(layout->required, 12u);
}

TEST_F(DecidedOutputOfMultipleValues, SurvivesMemoryThatVanishes) {
    UserMemory<64> gone;
    UserMemory<256> memory;
    Decider decider(u"300000", RegNtPreQueryMultipleValueKey,
                    values({{4, 0, REG_DWORD, 0}, {5, 4, REG_BINARY, 0}}, pattern(9)));
    decider.before([&] { gone.vanish(); });
    EXPECT_EQ(ask(memory, true, gone.at()), STATUS_ACCESS_VIOLATION);
    EXPECT_TRUE(decider.result().Failed);
    // Nothing behind what could not be written was.
    EXPECT_EQ(memory.at<Layout>()->required, 0xAAAAAAAA);
    EXPECT_EQ(memory.at<Layout>()->entries[0].DataLength, 111u);
}

class DecidedSecurityDescriptor : public DecidedOutput {
  protected:
    // A descriptor with an owner and nothing else.
    static Bytes owned() {
        SECURITY_DESCRIPTOR_RELATIVE header{};
        header.Revision = SECURITY_DESCRIPTOR_REVISION;
        header.Control = SE_SELF_RELATIVE;
        header.Owner = sizeof(header);
        const UCHAR owner[12] = {1, 1, 0, 0, 0, 0, 0, 5, 18};
        Bytes bytes(sizeof(header) + sizeof(owner));
        std::memcpy(bytes.data(), &header, sizeof(header));
        std::memcpy(bytes.data() + sizeof(header), owner, sizeof(owner));
        return bytes;
    }
    NTSTATUS ask(PVOID buffer, ULONG length, ULONG *needed) {
        NTSTATUS status = STATUS_SUCCESS;
        actor().run([&] { status = NtQuerySecurityObject(key(), OWNER_SECURITY_INFORMATION, buffer, length, needed); });
        return status;
    }
};

TEST_F(DecidedSecurityDescriptor, IsWhatTheCallerGets) {
    for (const bool post : {false, true}) {
        UserMemory<256> memory;
        Decider decider(u"300000", post ? RegNtPostQueryKeySecurity : RegNtPreQueryKeySecurity,
                        post ? overrideWith(answer(owned())) : answer(owned()));
        EXPECT_EQ(ask(memory.at(), 128, memory.at<ULONG>(200)), STATUS_SUCCESS);
        EXPECT_EQ(decider.outcomes()[0].subject.OutputSize, 128u);
        EXPECT_FALSE(decider.result().Failed);
        EXPECT_EQ(*memory.at<ULONG>(200), owned().size());
        EXPECT_EQ(Bytes(memory.at<std::byte>(), memory.at<std::byte>(owned().size())), owned());
    }
}

TEST_F(DecidedSecurityDescriptor, TellsItsLengthFirst) {
    ULONG needed = 0;
    Decider decider(u"300000", RegNtPreQueryKeySecurity, answer({}, STATUS_BUFFER_TOO_SMALL, 4711));
    EXPECT_EQ(ask(nullptr, 0, &needed), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(needed, 4711u);
    EXPECT_FALSE(decider.result().Failed);
}

TEST_F(DecidedSecurityDescriptor, SurvivesABufferThatVanishes) {
    UserMemory<128> memory;
    ULONG needed = 0;
    Decider decider(u"300000", RegNtPreQueryKeySecurity, answer(owned()));
    decider.before([&] { memory.vanish(); });
    EXPECT_EQ(ask(memory.at(), 128, &needed), STATUS_ACCESS_VIOLATION);
    EXPECT_TRUE(decider.result().Failed);
}

} // namespace
} // namespace cmbridge::test
