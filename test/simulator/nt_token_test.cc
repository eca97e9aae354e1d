// SPDX-License-Identifier: MIT

#include "nt_fixture.h"

#include <set>

namespace {

using simulator::ProcessOptions;
using simulator::TokenOptions;

constexpr const char *kUser = "S-1-5-21-3623811015-3361044348-30300820-1013";

std::string textOf(PSID sid) {
    auto id = static_cast<PISID>(sid);
    uint64_t authority = 0;
    for (UCHAR byte : id->IdentifierAuthority.Value) {
        authority = authority << 8 | byte;
    }
    std::string text = "S-1-" + std::to_string(authority);
    for (UCHAR i = 0; i < id->SubAuthorityCount; ++i) {
        text += "-" + std::to_string(*RtlSubAuthoritySid(sid, i));
    }
    return text;
}

// The primary token of the calling thread's process, or whom the thread impersonates.
class Token {
  public:
    Token() {
        SECURITY_IMPERSONATION_LEVEL level;
        BOOLEAN copy, effective;
        token_ = PsReferenceImpersonationToken(PsGetCurrentThread(), &copy, &effective, &level);
        primary_ = token_ == nullptr;
        if (primary_) {
            token_ = PsReferencePrimaryToken(PsGetCurrentProcess());
        }
    }
    ~Token() { primary_ ? PsDereferencePrimaryToken(token_) : PsDereferenceImpersonationToken(token_); }

    PACCESS_TOKEN get() const { return token_; }
    std::string user() const {
        PTOKEN_USER user = nullptr;
        EXPECT_EQ(SeQueryInformationToken(token_, TokenUser, reinterpret_cast<PVOID *>(&user)), STATUS_SUCCESS);
        EXPECT_EQ(user->User.Attributes, 0u);
        std::string text = textOf(user->User.Sid);
        ExFreePool(user);
        return text;
    }
    std::map<std::string, ULONG> groups() const {
        PTOKEN_GROUPS groups = nullptr;
        EXPECT_EQ(SeQueryInformationToken(token_, TokenGroups, reinterpret_cast<PVOID *>(&groups)), STATUS_SUCCESS);
        std::map<std::string, ULONG> all;
        for (ULONG i = 0; i < groups->GroupCount; ++i) {
            all[textOf(groups->Groups[i].Sid)] = groups->Groups[i].Attributes;
        }
        ExFreePool(groups);
        return all;
    }
    // Stored in the pointer itself; the rest of it must stay as it was.
    ULONG value(TOKEN_INFORMATION_CLASS type) const {
        uint64_t stored = 0xAAAAAAAA55555555;
        EXPECT_EQ(SeQueryInformationToken(token_, type, reinterpret_cast<PVOID *>(&stored)), STATUS_SUCCESS);
        EXPECT_EQ(stored >> 32, 0xAAAAAAAAu);
        return static_cast<ULONG>(stored);
    }
    ULONG block(TOKEN_INFORMATION_CLASS type) const {
        PULONG stored = nullptr;
        EXPECT_EQ(SeQueryInformationToken(token_, type, reinterpret_cast<PVOID *>(&stored)), STATUS_SUCCESS);
        ULONG value = *stored;
        ExFreePool(stored);
        return value;
    }

  private:
    PACCESS_TOKEN token_;
    bool primary_;
};

class TokenTest : public NtTest {
  protected:
    void in(const ProcessOptions &options, const std::function<void()> &job) {
        auto process = machine->createProcess(options);
        ASSERT_NE(process, nullptr);
        process->createThread()->run(job);
    }
    bool holds(ULONG privilege, KPROCESSOR_MODE mode = UserMode) {
        return SeSinglePrivilegeCheck(RtlConvertLongToLuid(static_cast<LONG>(privilege)), mode);
    }
};

TEST_F(TokenTest, AnElevatedProcessHasAnElevatedOne) {
    in({.imagePath = u"a.exe"}, [&] {
        Token token;
        EXPECT_EQ(token.user(), kUser);
        EXPECT_EQ(token.value(TokenIntegrityLevel), 0x3000u);
        EXPECT_EQ(token.value(TokenSessionId), 1u);
        EXPECT_EQ(token.value(TokenIsAppContainer), 0u);
        EXPECT_EQ(token.block(TokenElevation), 1u);
        EXPECT_EQ(token.block(TokenType), static_cast<ULONG>(TokenPrimary));
        auto groups = token.groups();
        EXPECT_TRUE(groups["S-1-5-32-544"] & SE_GROUP_ENABLED);
        EXPECT_TRUE(groups["S-1-1-0"] & SE_GROUP_ENABLED);
        EXPECT_EQ(groups["S-1-16-12288"], static_cast<ULONG>(SE_GROUP_INTEGRITY | SE_GROUP_INTEGRITY_ENABLED));
        EXPECT_TRUE(SeTokenIsAdmin(token.get()));
        EXPECT_TRUE(holds(SE_BACKUP_PRIVILEGE));
        EXPECT_TRUE(holds(SE_RESTORE_PRIVILEGE));
        PVOID level = nullptr;
        EXPECT_EQ(SeQueryInformationToken(token.get(), TokenImpersonationLevel, &level), STATUS_INVALID_INFO_CLASS);
        EXPECT_EQ(SeQueryInformationToken(token.get(), TokenLinkedToken, &level), STATUS_INVALID_INFO_CLASS);
        EXPECT_EQ(level, nullptr);
    });
}

TEST_F(TokenTest, ALimitedProcessHasALimitedOne) {
    in({.imagePath = u"a.exe", .token = {.userSid = "S-1-5-21-1-2-3-500", .integrityLevel = 0x1000, .sessionId = 7}},
       [&] {
           Token token;
           EXPECT_EQ(token.user(), "S-1-5-21-1-2-3-500");
           EXPECT_EQ(token.value(TokenIntegrityLevel), 0x1000u);
           EXPECT_EQ(token.value(TokenSessionId), 7u);
           EXPECT_EQ(token.block(TokenElevation), 0u);
           EXPECT_EQ(token.groups()["S-1-5-32-544"], static_cast<ULONG>(SE_GROUP_USE_FOR_DENY_ONLY));
           EXPECT_FALSE(SeTokenIsAdmin(token.get()));
           ULONG session = 0;
           EXPECT_EQ(SeQuerySessionIdToken(token.get(), &session), STATUS_SUCCESS);
           EXPECT_EQ(session, 7u);
           EXPECT_FALSE(holds(SE_BACKUP_PRIVILEGE));
           EXPECT_TRUE(holds(SE_BACKUP_PRIVILEGE, KernelMode));
           EXPECT_TRUE(holds(SE_CHANGE_NOTIFY_PRIVILEGE));
       });
}

TEST_F(TokenTest, TheSystemHasItsOwn) {
    machine->systemProcess()->createThread()->run([&] {
        Token token;
        EXPECT_EQ(ExGetPreviousMode(), KernelMode);
        EXPECT_TRUE(PsIsSystemThread(PsGetCurrentThread()));
        EXPECT_TRUE(PsIsSystemProcess(PsGetCurrentProcess()));
        EXPECT_EQ(token.user(), "S-1-5-18");
        EXPECT_EQ(token.value(TokenIntegrityLevel), 0x4000u);
        EXPECT_EQ(token.value(TokenSessionId), 0u);
        EXPECT_TRUE(SeTokenIsAdmin(token.get()));
        EXPECT_EQ(token.groups().count("S-1-5-32-545"), 0u);
    });
    EXPECT_EQ(machine->systemProcess()->id(), 4u);
}

TEST_F(TokenTest, WrongOptionsAreRefused) {
    simulator::Status status = STATUS_SUCCESS;
    for (const char *sid : {"", "S-1-5", "S-2-5-18", "S-1-5-", "S-1-5-18-", "S-1-5-4294967296", "S-1-5-x", "Everyone",
                            "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16", "S-1-281474976710656-1"}) {
        EXPECT_EQ(machine->createProcess({.imagePath = u"a.exe", .token = {.userSid = sid}}, &status), nullptr) << sid;
        EXPECT_EQ(status, STATUS_INVALID_SID) << sid;
    }
    EXPECT_EQ(machine->createProcess({.imagePath = u"a.exe", .id = 6}, &status), nullptr);
    EXPECT_EQ(status, STATUS_INVALID_PARAMETER);
    EXPECT_EQ(machine->createProcess({.imagePath = u"a.exe", .id = 4}, &status), nullptr);
    EXPECT_EQ(status, STATUS_OBJECT_NAME_COLLISION);
    EXPECT_NE(machine->createProcess({.imagePath = u"a.exe"}, &status), nullptr);
    EXPECT_EQ(status, STATUS_SUCCESS);
}

TEST_F(TokenTest, IdsAreUsedAgainButNotStartKeys) {
    std::set<uint64_t> keys;
    uint32_t id = 0;
    for (int i = 0; i < 3; ++i) {
        auto process = i == 0 ? machine->createProcess({.imagePath = u"a.exe"})
                              : machine->createProcess({.imagePath = u"b.exe", .id = id});
        ASSERT_NE(process, nullptr);
        id = process->id();
        keys.insert(process->startKey());
        process->createThread()->run([&] {
            EXPECT_EQ(PsGetProcessStartKey(PsGetCurrentProcess()), process->startKey());
            EXPECT_EQ(PsGetProcessCreateTimeQuadPart(PsGetCurrentProcess()), process->createTime());
            EXPECT_EQ(reinterpret_cast<uintptr_t>(PsGetCurrentProcessId()), id);
        });
        EXPECT_EQ(machine->createProcess({.imagePath = u"c.exe", .id = id}), nullptr);
    }
    // An id is taken as long as something refers to the process.
    auto process = machine->createProcess({.imagePath = u"a.exe", .id = id});
    keys.insert(process->startKey());
    PEPROCESS object;
    ASSERT_EQ(PsLookupProcessByProcessId(reinterpret_cast<HANDLE>(uintptr_t{id}), &object), STATUS_SUCCESS);
    process.reset();
    EXPECT_EQ(machine->createProcess({.imagePath = u"c.exe", .id = id}), nullptr);
    ObDereferenceObject(object);
    EXPECT_NE(machine->createProcess({.imagePath = u"c.exe", .id = id}), nullptr);
    EXPECT_EQ(keys.size(), 4u);
}

TEST_F(TokenTest, ThreadsImpersonate) {
    auto process = machine->createProcess({.imagePath = u"a.exe"});
    auto thread = process->createThread(), other = process->createThread();
    TokenOptions client = {.userSid = "S-1-5-21-9-9-9-1001", .integrityLevel = 0x2000, .sessionId = 3};
    EXPECT_EQ(thread->impersonate(client, SecurityImpersonation), STATUS_SUCCESS);
    thread->run([&] {
        EXPECT_TRUE(PsIsThreadImpersonating(PsGetCurrentThread()));
        Token token;
        EXPECT_EQ(token.user(), "S-1-5-21-9-9-9-1001");
        EXPECT_EQ(token.value(TokenSessionId), 3u);
        EXPECT_EQ(token.block(TokenImpersonationLevel), static_cast<ULONG>(SecurityImpersonation));
        EXPECT_FALSE(holds(SE_BACKUP_PRIVILEGE));
        SECURITY_SUBJECT_CONTEXT context;
        SeCaptureSubjectContext(&context);
        EXPECT_EQ(context.ClientToken, token.get());
        EXPECT_EQ(context.ImpersonationLevel, SecurityImpersonation);
        EXPECT_NE(context.PrimaryToken, token.get());
        simulator::revertToSelf();
        // What was captured does not change.
        EXPECT_EQ(SeQuerySubjectContextToken(&context), token.get());
        SeReleaseSubjectContext(&context);
    });
    thread->run([&] { EXPECT_EQ(Token().user(), kUser); });
    EXPECT_EQ(thread->impersonate(client, SecurityIdentification), STATUS_SUCCESS);
    other->run([&] {
        EXPECT_FALSE(PsIsThreadImpersonating(PsGetCurrentThread()));
        EXPECT_TRUE(holds(SE_BACKUP_PRIVILEGE));
    });
    thread->run([&] { EXPECT_FALSE(holds(SE_CHANGE_NOTIFY_PRIVILEGE)); });
    thread->revert();
    thread->run([&] { EXPECT_FALSE(PsIsThreadImpersonating(PsGetCurrentThread())); });
    EXPECT_EQ(thread->impersonate({.userSid = "nobody"}, SecurityImpersonation), STATUS_INVALID_SID);
    EXPECT_EQ(thread->impersonate(client, 4), STATUS_BAD_IMPERSONATION_LEVEL);
    // A thread that ends while it impersonates gives the token back: the machine would tell at its end.
    EXPECT_EQ(thread->impersonate(client, SecurityDelegation), STATUS_SUCCESS);
}

TEST_F(TokenTest, JobsMayRunAtApcLevel) {
    auto thread = machine->hostProcess()->createThread();
    thread->runAtIrql(APC_LEVEL, [] { EXPECT_EQ(KeGetCurrentIrql(), APC_LEVEL); });
    thread->run([] { EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL); });
    EXPECT_DEATH(thread->runAtIrql(APC_LEVEL, [] { KeLowerIrql(PASSIVE_LEVEL + 2); }), "KeLowerIrql");
}

TEST_F(TokenTest, RegistryCallsMayComeAtApcLevel) {
    auto process = machine->createProcess({.imagePath = u"a.exe"});
    process->createThread()->runAtIrql(APC_LEVEL, [] {
        std::u16string path = u"\\Registry\\Machine\\Software\\Apc", text = u"v";
        auto string = [](std::u16string &of) {
            auto bytes = static_cast<USHORT>(of.size() * sizeof(WCHAR));
            return UNICODE_STRING{bytes, bytes, of.data()};
        };
        UNICODE_STRING name = string(path), value = string(text);
        OBJECT_ATTRIBUTES attributes;
        InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, nullptr, nullptr);
        HANDLE key = nullptr, again = nullptr;
        ULONG data = 7;
        EXPECT_EQ(NtCreateKey(&key, KEY_ALL_ACCESS, &attributes, 0, nullptr, 0, nullptr), STATUS_SUCCESS);
        EXPECT_EQ(NtOpenKey(&again, KEY_READ, &attributes), STATUS_SUCCESS);
        EXPECT_EQ(NtSetValueKey(key, &value, 0, REG_DWORD, &data, sizeof data), STATUS_SUCCESS);
        EXPECT_EQ(NtDeleteKey(key), STATUS_SUCCESS);
        EXPECT_EQ(NtClose(key), STATUS_SUCCESS);
        EXPECT_EQ(NtClose(again), STATUS_SUCCESS);
        EXPECT_EQ(KeGetCurrentIrql(), APC_LEVEL);
    });
}

// What a driver may not do.
class DriverCode {
  public:
    DriverCode() { SimEnterDriver(&state_); }
    ~DriverCode() { SimLeaveDriver(&state_, "A test", nullptr); }

  private:
    SIM_CALL_STATE state_;
};

TEST_F(TokenTest, MisuseIsReported) {
    PACCESS_TOKEN token = PsReferencePrimaryToken(PsGetCurrentProcess());
    PVOID information;
    EXPECT_DEATH(
        {
            KfRaiseIrql(APC_LEVEL);
            SeQueryInformationToken(token, TokenUser, &information);
        },
        "SeQueryInformationToken was called at IRQL 1");
    EXPECT_DEATH(
        {
            DriverCode driver;
            KfRaiseIrql(APC_LEVEL);
            PsReferencePrimaryToken(PsGetCurrentProcess());
        },
        "PsReferencePrimaryToken was called at IRQL 1");
    EXPECT_DEATH(SeQueryInformationToken(PsGetCurrentProcess(), TokenUser, &information), "is no token");
    EXPECT_DEATH(
        {
            SECURITY_SUBJECT_CONTEXT context;
            SeCaptureSubjectContext(&context);
            SeReleaseSubjectContext(&context);
            SeReleaseSubjectContext(&context);
        },
        "released already");
    PsDereferencePrimaryToken(token);
    EXPECT_DEATH(
        {
            PsReferencePrimaryToken(PsGetCurrentProcess());
            machine.reset();
        },
        "Token object.*are left");
    EXPECT_DEATH(
        {
            PACCESS_TOKEN mine = PsReferencePrimaryToken(PsGetCurrentProcess());
            SeQueryInformationToken(mine, TokenUser, &information);
            PsDereferencePrimaryToken(mine);
            machine.reset();
        },
        "Pool left: .*tag 'SeTk'");
}

TEST_F(TokenTest, InformationMayFailForLackOfMemory) {
    Token token;
    for (TOKEN_INFORMATION_CLASS type : {TokenUser, TokenGroups, TokenElevation, TokenPrivileges, TokenOwner}) {
        PVOID information = nullptr;
        machine->failAllocation(1);
        EXPECT_EQ(SeQueryInformationToken(token.get(), type, &information), STATUS_INSUFFICIENT_RESOURCES);
        EXPECT_EQ(information, nullptr);
        ASSERT_EQ(SeQueryInformationToken(token.get(), type, &information), STATUS_SUCCESS);
        ExFreePool(information);
    }
    EXPECT_EQ(machine->poolUsage().blocks, 0u);
}

} // namespace
