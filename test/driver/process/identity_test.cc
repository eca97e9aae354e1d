// SPDX-License-Identifier: MIT
//
// Whom a thread impersonates.

#include "test/driver/fixture/token_fixture.h"

namespace cmbridge::test {
namespace {

using simulator::TokenOptions;

constexpr uint64_t kSet = bit(RegNtPreSetValueKey);

class Identity : public DriverTest {
  protected:
    static void set(Actor &actor, HANDLE key) { actor.setValue(key, u"v", REG_BINARY, pattern(4)); }
};

TEST_F(Identity, TellsWhomAThreadImpersonates) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"1", kSet | bit(RegNtPostSetValueKey));
    const TokenOptions client1{
        .userSid = "S-1-5-21-9-8-7-500", .integrityLevel = 0x2000, .elevated = false, .sessionId = 3};
    const TokenOptions client2{.userSid = "S-1-5-18", .integrityLevel = 0x4000, .elevated = true, .sessionId = 0};
    for (int level = 0; level <= 3; ++level) {
        const TokenOptions &token = level % 2 ? client1 : client2;
        ASSERT_EQ(actor.thread().impersonate(token, level), STATUS_SUCCESS);
        set(actor, key);
        actor.thread().revert();
        set(actor, key);
        std::vector<Record> records = client.drain();
        ASSERT_EQ(records.size(), 4u);
        for (size_t i = 0; i < 2; ++i) {
            EXPECT_TRUE(records[i]->Flags & CMB_RECORD_IMPERSONATING);
            const CMB_IMPERSONATION impersonation = records[i].impersonation();
            EXPECT_EQ(impersonation.Level, static_cast<UINT32>(level));
            EXPECT_EQ(impersonation.Reserved, 0u);
            expectToken(records[i], impersonation.Token, token);
            EXPECT_FALSE(records[2 + i]->Flags & CMB_RECORD_IMPERSONATING);
            EXPECT_EQ(records[2 + i]->Impersonation.Flags, 0u);
        }
    }
    // The process is who it is.
    ASSERT_EQ(client.processes().size(), 1u);
    const Record &process = client.processes()[0];
    EXPECT_EQ(process.data(process.body<CMB_BODY_PROCESS>().Token.UserSid), sidBytes(TokenOptions{}.userSid));
    actor.close(key);
}

TEST_F(Identity, TellsAtApcLevelOnlyThatAThreadImpersonates) {
    Client client;
    Actor actor;
    HANDLE key = actor.create(path());
    client.add(u"1", kSet);
    set(actor, key);
    ASSERT_EQ(actor.thread().impersonate({}, 2), STATUS_SUCCESS);
    actor.thread().runAtIrql(APC_LEVEL, [&] {
        UNICODE_STRING name{};
        ULONG data = 0;
        EXPECT_EQ(NtSetValueKey(key, &name, 0, REG_DWORD, &data, sizeof(data)), STATUS_SUCCESS);
    });
    std::vector<Record> records = client.drain();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[1]->Flags & (CMB_RECORD_APC_LEVEL | CMB_RECORD_IMPERSONATING),
              static_cast<UINT32>(CMB_RECORD_APC_LEVEL | CMB_RECORD_IMPERSONATING));
    EXPECT_EQ(records[1]->Impersonation.Flags, 0u);
    actor.thread().revert();
    actor.close(key);
}

} // namespace
} // namespace cmbridge::test
