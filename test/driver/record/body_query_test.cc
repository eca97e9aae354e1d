// SPDX-License-Identifier: MIT
//
// Queries and enumerations: what was asked, and the answer as it stands in the caller's buffer.

#include "test/driver/fixture/body_fixture.h"

namespace cmbridge::test {
namespace {

using QueryBody = BodyTest;

TEST_F(QueryBody, TellsOfAnEnumeratedKey) {
    HANDLE sub = actor().create(u"Sub", key());
    listen(RegNtPreEnumerateKey, RegNtPostEnumerateKey);
    std::array<std::byte, 64> buffer{};
    ULONG needed = 0;
    actor().run([&] {
        EXPECT_EQ(NtEnumerateKey(key(), 0, KeyBasicInformation, buffer.data(), buffer.size(), &needed), STATUS_SUCCESS);
    });
    const auto [pre, post] = pair();
    for (const Record &record : {pre, post}) {
        const auto &body = record.body<CMB_BODY_QUERY>();
        EXPECT_EQ(body.Index, 0u);
        EXPECT_EQ(body.InformationClass, static_cast<UINT32>(KeyBasicInformation));
        EXPECT_EQ(body.Length, buffer.size());
        EXPECT_EQ(body.ValueName.Flags, 0u);
    }
    EXPECT_EQ(pre.body<CMB_BODY_QUERY>().Information.Flags, 0u);
    EXPECT_EQ(pre.body<CMB_BODY_QUERY>().ResultLength, 0u);
    const auto &body = post.body<CMB_BODY_QUERY>();
    EXPECT_EQ(needed, 0x10u + 6);
    EXPECT_EQ(body.ResultLength, needed);
    EXPECT_EQ(body.Information.FullSize, needed);
    EXPECT_EQ(post.data(body.Information), Bytes(buffer.begin(), buffer.begin() + needed));
    actor().close(sub);
}

TEST_F(QueryBody, HasNoAnswerAtTheEndOfAnEnumeration) {
    listen(RegNtPreEnumerateValueKey, RegNtPostEnumerateValueKey);
    actor().run([&] {
        std::array<std::byte, 64> buffer{};
        ULONG needed = 0x55555555;
        EXPECT_EQ(NtEnumerateValueKey(key(), 7, KeyValueBasicInformation, buffer.data(), buffer.size(), &needed),
                  STATUS_NO_MORE_ENTRIES);
    });
    const auto [pre, post] = pair();
    const auto &body = post.body<CMB_BODY_QUERY>();
    EXPECT_EQ(post->Status, STATUS_NO_MORE_ENTRIES);
    EXPECT_EQ(body.Index, 7u);
    // What the caller's variable holds was not put there by the operation.
    EXPECT_EQ(body.ResultLength, 0u);
    EXPECT_EQ(body.Information.Flags, 0u);
}

TEST_F(QueryBody, TellsOfAQueriedValue) {
    actor().setValue(key(), u"Name", REG_BINARY, pattern(30));
    listen(RegNtPreQueryValueKey, RegNtPostQueryValueKey);
    // The whole, a part, and not even the fixed part of the answer.
    const struct {
        ULONG length;
        NTSTATUS status;
        ULONG written;
    } cases[] = {{64, STATUS_SUCCESS, 42}, {20, STATUS_BUFFER_OVERFLOW, 20}, {4, STATUS_BUFFER_TOO_SMALL, 0}};
    for (const auto &[length, status, written] : cases) {
        Bytes buffer(64, std::byte{0xEE});
        actor().run([&, length = length, status = status] {
            std::u16string name = u"Name";
            UNICODE_STRING string = unicode(name);
            ULONG needed = 0;
            EXPECT_EQ(NtQueryValueKey(key(), &string, KeyValuePartialInformation, buffer.data(), length, &needed),
                      status);
        });
        const auto [pre, post] = pair();
        const auto &body = post.body<CMB_BODY_QUERY>();
        EXPECT_EQ(pre.text(pre.body<CMB_BODY_QUERY>().ValueName), u"Name");
        EXPECT_EQ(post.text(body.ValueName), u"Name");
        EXPECT_EQ(post->Status, status);
        EXPECT_EQ(body.Length, length);
        EXPECT_EQ(body.ResultLength, 42u);
        EXPECT_EQ(body.Information.FullSize, written);
        EXPECT_EQ(post.data(body.Information), Bytes(buffer.begin(), buffer.begin() + written));
        EXPECT_EQ(body.Information.Flags, written ? CMB_SPAN_PRESENT : 0u);
    }
}

TEST_F(QueryBody, TellsOfAQueriedKeyWithinItsBound) {
    listen(RegNtPreQueryKey, RegNtPostQueryKey, 10);
    Bytes buffer(512);
    ULONG needed = 0;
    actor().run([&] {
        EXPECT_EQ(NtQueryKey(key(), KeyNameInformation, buffer.data(), static_cast<ULONG>(buffer.size()), &needed),
                  STATUS_SUCCESS);
    });
    const auto [pre, post] = pair();
    const auto &body = post.body<CMB_BODY_QUERY>();
    EXPECT_EQ(body.InformationClass, static_cast<UINT32>(KeyNameInformation));
    EXPECT_EQ(body.Information.Flags, static_cast<UINT32>(CMB_SPAN_PRESENT | CMB_SPAN_TRUNCATED));
    EXPECT_EQ(body.Information.FullSize, needed);
    EXPECT_EQ(post.data(body.Information), Bytes(buffer.begin(), buffer.begin() + 10));
}

TEST_F(QueryBody, TellsOfAQueriedName) {
    listen(RegNtPreQueryKeyName, RegNtPostQueryKeyName);
    std::array<uint64_t, 64> buffer{};
    ULONG needed = 0;
    actor().run([&] {
        EXPECT_EQ(NtQueryObject(key(), ObjectNameInformation, buffer.data(), sizeof(buffer), &needed), STATUS_SUCCESS);
    });
    const auto [pre, post] = pair();
    EXPECT_EQ(pre.body<CMB_BODY_QUERY_NAME>().Length, sizeof(buffer));
    EXPECT_EQ(pre.body<CMB_BODY_QUERY_NAME>().Name.Flags, 0u);
    EXPECT_EQ(pre.body<CMB_BODY_QUERY_NAME>().ReturnLength, 0u);
    EXPECT_EQ(post.text(post.body<CMB_BODY_QUERY_NAME>().Name), path());
    EXPECT_EQ(post.body<CMB_BODY_QUERY_NAME>().Length, sizeof(buffer));
    EXPECT_EQ(post.body<CMB_BODY_QUERY_NAME>().ReturnLength, needed);
}

TEST_F(QueryBody, TellsOfANameThatDidNotFit) {
    listen(RegNtPreQueryKeyName, RegNtPostQueryKeyName);
    std::array<uint64_t, 2> buffer{};
    ULONG needed = 0;
    NTSTATUS status = STATUS_SUCCESS;
    actor().run([&] { status = NtQueryObject(key(), ObjectNameInformation, buffer.data(), sizeof(buffer), &needed); });
    EXPECT_FALSE(NT_SUCCESS(status));
    const auto [pre, post] = pair();
    EXPECT_EQ(post->Status, status);
    EXPECT_EQ(post.body<CMB_BODY_QUERY_NAME>().ReturnLength, needed);
    EXPECT_EQ(post.body<CMB_BODY_QUERY_NAME>().Name.Flags, 0u);
}

// By the time of post the caller can have put anything where the name was.
TEST_F(QueryBody, SurvivesAForgedName) {
    constexpr ULONG kLength = 64;
    UserMemory<kLength> memory;
    auto *string = memory.at<UNICODE_STRING>();
    const struct {
        USHORT length;
        std::byte *buffer;
        bool good;
    } cases[] = {
        {48, memory.at<std::byte>(16), true},
        {47, memory.at<std::byte>(16), true},
        {2, memory.at<std::byte>(62), true},
        {0, nullptr, true},
        {0, reinterpret_cast<std::byte *>(~uintptr_t{0}), true},
        {50, memory.at<std::byte>(16), false},
        {4, memory.at<std::byte>(62), false},
        {2, memory.at<std::byte>(8), false},
        {2, memory.at<std::byte>(0) - 2, false},
        {2, memory.at<std::byte>(0) + kLength, false},
        {0xFFFE, memory.at<std::byte>(16), false},
        {2, reinterpret_cast<std::byte *>(~uintptr_t{0} - 1), false},
        {2, nullptr, false},
    };
    listen(RegNtPreQueryKeyName, RegNtPostQueryKeyName);
    for (const auto &forged : cases) {
        raise<REG_QUERY_KEY_NAME>(
            RegNtPreQueryKeyName, RegNtPostQueryKeyName, STATUS_SUCCESS,
            [&](REG_QUERY_KEY_NAME &query) {
                query.ObjectNameInfo = memory.at<OBJECT_NAME_INFORMATION>();
                query.Length = kLength;
            },
            [&](REG_QUERY_KEY_NAME &) {
                *string = {forged.length, forged.length, reinterpret_cast<PWCH>(forged.buffer)};
            });
        const auto [pre, post] = pair();
        const auto &name = post.body<CMB_BODY_QUERY_NAME>().Name;
        if (forged.good) {
            EXPECT_EQ(post.data(name), Bytes(forged.buffer, forged.buffer + (forged.length & ~1)));
            EXPECT_EQ(name.FullSize, forged.length);
        } else {
            EXPECT_EQ(name.Flags, kFault) << forged.length << " at " << static_cast<void *>(forged.buffer);
        }
    }
}

TEST_F(QueryBody, SurvivesABufferTooSmallForAName) {
    UserMemory<16> memory;
    listen(RegNtPreQueryKeyName, RegNtPostQueryKeyName);
    raise<REG_QUERY_KEY_NAME>(RegNtPreQueryKeyName, RegNtPostQueryKeyName, STATUS_SUCCESS,
                              [&](REG_QUERY_KEY_NAME &query) {
                                  query.ObjectNameInfo = memory.at<OBJECT_NAME_INFORMATION>();
                                  query.Length = 15;
                                  query.ReturnLength = nullptr;
                              });
    EXPECT_EQ(pair()[1].body<CMB_BODY_QUERY_NAME>().Name.Flags, kFault);
    EXPECT_EQ(client().statistics().CaptureFaults, 1u);
}

template <typename Information> struct Query {
    ULONG pre;
    ULONG post;
    PVOID Information::*buffer;
};

template <typename Information> class AnswerBody : public BodyTest {};

struct EnumerateKeyAnswer {
    using Information = REG_ENUMERATE_KEY_INFORMATION;
    static constexpr Query<Information> query{RegNtPreEnumerateKey, RegNtPostEnumerateKey,
                                              &Information::KeyInformation};
};
struct EnumerateValueAnswer {
    using Information = REG_ENUMERATE_VALUE_KEY_INFORMATION;
    static constexpr Query<Information> query{RegNtPreEnumerateValueKey, RegNtPostEnumerateValueKey,
                                              &Information::KeyValueInformation};
};
struct QueryKeyAnswer {
    using Information = REG_QUERY_KEY_INFORMATION;
    static constexpr Query<Information> query{RegNtPreQueryKey, RegNtPostQueryKey, &Information::KeyInformation};
};
struct QueryValueAnswer {
    using Information = REG_QUERY_VALUE_KEY_INFORMATION;
    static constexpr Query<Information> query{RegNtPreQueryValueKey, RegNtPostQueryValueKey,
                                              &Information::KeyValueInformation};
};

using Answers = testing::Types<EnumerateKeyAnswer, EnumerateValueAnswer, QueryKeyAnswer, QueryValueAnswer>;
TYPED_TEST_SUITE(AnswerBody, Answers);

TYPED_TEST(AnswerBody, SurvivesABufferThatVanishes) {
    using Information = typename TypeParam::Information;
    constexpr auto query = TypeParam::query;
    UserMemory<64> buffer;
    this->listen(query.pre, query.post);
    this->template raise<Information>(
        query.pre, query.post, STATUS_SUCCESS,
        [&](Information &information) {
            information.*query.buffer = buffer.at();
            information.Length = 64;
        },
        [&](Information &information) {
            *information.ResultLength = 40;
            buffer.vanish();
        });
    const auto [pre, post] = this->pair();
    EXPECT_EQ(post.template body<CMB_BODY_QUERY>().Information.Flags, kFault);
    EXPECT_EQ(post.template body<CMB_BODY_QUERY>().Information.FullSize, 40u);
    EXPECT_EQ(post.template body<CMB_BODY_QUERY>().ResultLength, 40u);
    EXPECT_EQ(this->client().statistics().CaptureFaults, 1u);
}

// Without its length nothing of the answer is read.
TYPED_TEST(AnswerBody, SurvivesALengthThatVanishes) {
    using Information = typename TypeParam::Information;
    constexpr auto query = TypeParam::query;
    UserMemory<64> buffer;
    UserMemory<8> length;
    bool touched = false;
    this->listen(query.pre, query.post);
    this->template raise<Information>(
        query.pre, query.post, STATUS_SUCCESS,
        [&](Information &information) {
            information.*query.buffer = buffer.at();
            information.Length = 64;
            information.ResultLength = length.template at<ULONG>();
        },
        [&](Information &) {
            length.vanish();
            buffer.watch([&] { touched = true; });
        });
    const auto [pre, post] = this->pair();
    EXPECT_EQ(post.template body<CMB_BODY_QUERY>().Information.Flags, kFault);
    EXPECT_EQ(post.template body<CMB_BODY_QUERY>().ResultLength, 0u);
    EXPECT_EQ(this->client().statistics().CaptureFaults, 1u);
    EXPECT_FALSE(touched);
}

// The length is read once; whatever the caller makes of it, no byte beyond the buffer that was checked is copied.
TYPED_TEST(AnswerBody, SurvivesALengthThatLies) {
    using Information = typename TypeParam::Information;
    constexpr auto query = TypeParam::query;
    UserMemory<64> buffer;
    UserMemory<8> length;
    int reads = 0;
    this->listen(query.pre, query.post, CMB_MAX_DATA_BYTES);
    this->template raise<Information>(
        query.pre, query.post, STATUS_BUFFER_OVERFLOW,
        [&](Information &information) {
            information.*query.buffer = buffer.at();
            information.Length = 32;
            information.ResultLength = length.template at<ULONG>();
        },
        [&](Information &information) {
            *information.ResultLength = 0xFFFFFFFF;
            length.watch([&] {
                ++reads;
                *length.template at<ULONG>() = reads == 1 ? 0xFFFFFFFF : 0x10000;
            });
        });
    const auto [pre, post] = this->pair();
    EXPECT_EQ(reads, 1);
    EXPECT_EQ(post.template body<CMB_BODY_QUERY>().ResultLength, 0xFFFFFFFF);
    EXPECT_EQ(post.data(post.template body<CMB_BODY_QUERY>().Information), Bytes(32, std::byte{0xAA}));
    EXPECT_EQ(this->client().statistics().CaptureFaults, 0u);
}

TYPED_TEST(AnswerBody, SurvivesNullPointers) {
    using Information = typename TypeParam::Information;
    constexpr auto query = TypeParam::query;
    this->listen(query.pre, query.post);
    for (NTSTATUS status : {STATUS_SUCCESS, STATUS_BUFFER_TOO_SMALL, STATUS_ACCESS_VIOLATION}) {
        this->template raise<Information>(query.pre, query.post, status, [&](Information &information) {
            information.*query.buffer = nullptr;
            information.ResultLength = nullptr;
        });
        const auto [pre, post] = this->pair();
        EXPECT_EQ(post.template body<CMB_BODY_QUERY>().Information.Flags, status == STATUS_SUCCESS ? kFault : 0u);
    }
    EXPECT_EQ(this->client().statistics().CaptureFaults, 2u);
}

} // namespace
} // namespace cmbridge::test
