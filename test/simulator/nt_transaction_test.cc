// SPDX-License-Identifier: MIT

#include "nt/tm_internal.h"
#include "nt_fixture.h"

#include <set>

namespace {

struct Participant {
    NTSTATUS answer = STATUS_SUCCESS;
    std::vector<std::string> told = {};
    KIRQL irql = HIGH_LEVEL;
    std::thread::id thread = {};

    void hear(const char *what) {
        told.push_back(what);
        irql = KeGetCurrentIrql();
        thread = std::this_thread::get_id();
    }
};

const SIM_ENLISTMENT_ROUTINES routines = {
    .Prepare =
        [](PVOID context) {
            auto participant = static_cast<Participant *>(context);
            participant->hear("prepare");
            return participant->answer;
        },
    .Commit = [](PVOID context) { static_cast<Participant *>(context)->hear("commit"); },
    .Rollback = [](PVOID context) { static_cast<Participant *>(context)->hear("rollback"); },
};
const SIM_ENLISTMENT_ROUTINES withoutPrepare = {nullptr, routines.Commit, routines.Rollback};

using Told = std::vector<std::string>;

class TransactionTest : public NtTest {
  protected:
    HANDLE create(ACCESS_MASK access = TRANSACTION_ALL_ACCESS) {
        HANDLE handle = nullptr;
        EXPECT_EQ(NtCreateTransaction(&handle, access, nullptr, nullptr, nullptr, 0, 0, 0, nullptr, nullptr),
                  STATUS_SUCCESS);
        return handle;
    }

    // With a reference.
    PKTRANSACTION object(HANDLE handle) {
        PVOID found = nullptr;
        EXPECT_EQ(
            ObReferenceObjectByHandle(handle, TRANSACTION_ENLIST, *TmTransactionObjectType, UserMode, &found, nullptr),
            STATUS_SUCCESS);
        return static_cast<PKTRANSACTION>(found);
    }

    void enlist(HANDLE handle, Participant *participant, const SIM_ENLISTMENT_ROUTINES *which = &routines) {
        PKTRANSACTION transaction = object(handle);
        EXPECT_EQ(SimEnlistTransaction(transaction, which, participant), STATUS_SUCCESS);
        ObDereferenceObject(transaction);
    }

    ULONG outcome(HANDLE handle) {
        TRANSACTION_BASIC_INFORMATION basic = {};
        ULONG length = 0;
        EXPECT_EQ(NtQueryInformationTransaction(handle, TransactionBasicInformation, &basic, sizeof basic, &length),
                  STATUS_SUCCESS);
        EXPECT_EQ(length, sizeof basic);
        return basic.Outcome;
    }
};

TEST_F(TransactionTest, CommitTellsEveryParticipantOnce) {
    HANDLE handle = create();
    Participant first, second;
    enlist(handle, &first);
    enlist(handle, &second, &withoutPrepare);
    EXPECT_EQ(outcome(handle), static_cast<ULONG>(TransactionOutcomeUndetermined));
    EXPECT_EQ(NtCommitTransaction(handle, TRUE), STATUS_SUCCESS);
    EXPECT_EQ(first.told, (Told{"prepare", "commit"}));
    EXPECT_EQ(second.told, Told{"commit"});
    EXPECT_EQ(first.irql, PASSIVE_LEVEL);
    EXPECT_EQ(first.thread, std::this_thread::get_id());
    EXPECT_EQ(outcome(handle), static_cast<ULONG>(TransactionOutcomeCommitted));
    EXPECT_EQ(ZwWaitForSingleObject(handle, FALSE, nullptr), STATUS_SUCCESS);
    EXPECT_EQ(NtCommitTransaction(handle, TRUE), STATUS_TRANSACTION_ALREADY_COMMITTED);
    EXPECT_EQ(NtRollbackTransaction(handle, TRUE), STATUS_TRANSACTION_ALREADY_COMMITTED);
    PKTRANSACTION transaction = object(handle);
    EXPECT_FALSE(TmIsTransactionActive(transaction));
    EXPECT_EQ(SimEnlistTransaction(transaction, &routines, &first), STATUS_TRANSACTION_NOT_ACTIVE);
    ObDereferenceObject(transaction);
    EXPECT_EQ(NtClose(handle), STATUS_SUCCESS);
    EXPECT_EQ(first.told.size(), 2u);
}

TEST_F(TransactionTest, OneRefusalRollsEverybodyBack) {
    HANDLE handle = create();
    Participant willing, unwilling = {.answer = STATUS_NO_LOG_SPACE}, late;
    enlist(handle, &willing);
    enlist(handle, &unwilling);
    enlist(handle, &late);
    EXPECT_EQ(NtCommitTransaction(handle, TRUE), STATUS_TRANSACTION_ALREADY_ABORTED);
    EXPECT_EQ(willing.told, (Told{"prepare", "rollback"}));
    EXPECT_EQ(unwilling.told, (Told{"prepare", "rollback"}));
    EXPECT_EQ(late.told, Told{"rollback"});
    EXPECT_EQ(outcome(handle), static_cast<ULONG>(TransactionOutcomeAborted));
    EXPECT_EQ(NtCommitTransaction(handle, TRUE), STATUS_TRANSACTION_ALREADY_ABORTED);
    NtClose(handle);
}

TEST_F(TransactionTest, RollsBackWhenTheLastHandleCloses) {
    HANDLE handle = create(), duplicate;
    ASSERT_EQ(
        NtDuplicateObject(NtCurrentProcess(), handle, NtCurrentProcess(), &duplicate, 0, 0, DUPLICATE_SAME_ACCESS),
        STATUS_SUCCESS);
    Participant participant;
    enlist(handle, &participant);
    PKTRANSACTION transaction = object(handle);
    NtClose(handle);
    EXPECT_TRUE(participant.told.empty());
    EXPECT_TRUE(TmIsTransactionActive(transaction));
    NtClose(duplicate);
    EXPECT_EQ(participant.told, Told{"rollback"});
    EXPECT_FALSE(TmIsTransactionActive(transaction));
    EXPECT_EQ(SimObjectReferences(transaction), 1);
    ObDereferenceObject(transaction);
}

TEST_F(TransactionTest, ProcessExitRollsBack) {
    Participant participant;
    {
        auto process = machine->createProcess({.imagePath = u"a.exe"});
        process->createThread()->run([&] { enlist(create(), &participant); });
        EXPECT_TRUE(participant.told.empty());
    }
    EXPECT_EQ(participant.told, Told{"rollback"});
}

TEST_F(TransactionTest, HandlesHaveTheirRights) {
    HANDLE reader = create(GENERIC_READ);
    EXPECT_EQ(NtCommitTransaction(reader, TRUE), STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtRollbackTransaction(reader, TRUE), STATUS_ACCESS_DENIED);
    EXPECT_EQ(outcome(reader), static_cast<ULONG>(TransactionOutcomeUndetermined));
    PVOID found;
    EXPECT_EQ(
        ObReferenceObjectByHandle(reader, TRANSACTION_ENLIST, *TmTransactionObjectType, UserMode, &found, nullptr),
        STATUS_ACCESS_DENIED);
    EXPECT_EQ(ZwRollbackTransaction(reader, TRUE), STATUS_SUCCESS);
    EXPECT_EQ(NtRollbackTransaction(NtCurrentProcess(), TRUE), STATUS_OBJECT_TYPE_MISMATCH);
    NtClose(reader);
    EXPECT_EQ(NtCommitTransaction(reader, TRUE), STATUS_INVALID_HANDLE);
}

TEST_F(TransactionTest, IdsAreUniqueUnlessGiven) {
    std::set<std::string> ids;
    for (int i = 0; i < 8; ++i) {
        HANDLE handle = create();
        PKTRANSACTION transaction = object(handle);
        UOW id;
        TmGetTransactionId(transaction, &id);
        ids.emplace(reinterpret_cast<char *>(&id), sizeof id);
        ObDereferenceObject(transaction);
        NtClose(handle);
    }
    EXPECT_EQ(ids.size(), 8u);
    GUID wanted = {1, 2, 3, {4, 5, 6, 7, 8, 9, 10, 11}};
    HANDLE handle;
    ASSERT_EQ(NtCreateTransaction(&handle, GENERIC_ALL, nullptr, &wanted, nullptr, 0, 0, 0, nullptr, nullptr),
              STATUS_SUCCESS);
    TRANSACTION_BASIC_INFORMATION basic = {};
    EXPECT_EQ(NtQueryInformationTransaction(handle, TransactionBasicInformation, &basic, sizeof basic, nullptr),
              STATUS_SUCCESS);
    EXPECT_EQ(std::memcmp(&basic.TransactionId, &wanted, sizeof wanted), 0);
    EXPECT_EQ(NtQueryInformationTransaction(handle, TransactionBasicInformation, &basic, 8, nullptr),
              STATUS_INFO_LENGTH_MISMATCH);
    NtClose(handle);
}

TEST_F(TransactionTest, BadArgumentsAreRefused) {
    HANDLE handle;
    EXPECT_EQ(NtCreateTransaction(reinterpret_cast<PHANDLE>(16), GENERIC_ALL, nullptr, nullptr, nullptr, 0, 0, 0,
                                  nullptr, nullptr),
              STATUS_ACCESS_VIOLATION);
    EXPECT_EQ(NtCreateTransaction(&handle, GENERIC_ALL, nullptr, nullptr, nullptr, 0x80, 0, 0, nullptr, nullptr),
              STATUS_INVALID_PARAMETER);
    OBJECT_ATTRIBUTES attributes = {};
    EXPECT_EQ(NtCreateTransaction(&handle, GENERIC_ALL, &attributes, nullptr, nullptr, 0, 0, 0, nullptr, nullptr),
              STATUS_INVALID_PARAMETER);
    char16_t text[65] = u"x";
    UNICODE_STRING description = {sizeof text, sizeof text, text};
    EXPECT_EQ(NtCreateTransaction(&handle, GENERIC_ALL, nullptr, nullptr, nullptr, 0, 0, 0, nullptr, &description),
              STATUS_INVALID_PARAMETER);
}

TEST_F(TransactionTest, CommitAndRollbackRace) {
    for (int i = 0; i < 50; ++i) {
        HANDLE handle = create();
        Participant participant;
        enlist(handle, &participant);
        NTSTATUS rolled = STATUS_SUCCESS;
        std::thread other([&] { rolled = NtRollbackTransaction(handle, TRUE); });
        NTSTATUS committed = NtCommitTransaction(handle, TRUE);
        other.join();
        EXPECT_NE(NT_SUCCESS(committed), NT_SUCCESS(rolled));
        EXPECT_EQ(participant.told.back(), NT_SUCCESS(committed) ? "commit" : "rollback");
        EXPECT_EQ(participant.told.size(), NT_SUCCESS(committed) ? 2u : 1u);
        NtClose(handle);
    }
}

TEST_F(TransactionTest, MisuseIsReported) {
    HANDLE handle = create();
    EXPECT_DEATH(
        {
            KfRaiseIrql(APC_LEVEL);
            NtCommitTransaction(handle, TRUE);
        },
        "NtCommitTransaction was called at IRQL 1");
    PKTRANSACTION transaction = object(handle);
    EXPECT_DEATH(
        {
            UOW id;
            KfRaiseIrql(DISPATCH_LEVEL);
            TmGetTransactionId(transaction, &id);
        },
        "TmGetTransactionId was called at IRQL 2");
    EXPECT_DEATH(
        {
            NtClose(handle);
            machine.reset();
        },
        "1 TmTx object.*are left");
    ObDereferenceObject(transaction);
    NtClose(handle);
}

} // namespace
