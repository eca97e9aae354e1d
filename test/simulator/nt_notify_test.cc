// SPDX-License-Identifier: MIT
//
// Routines that are told of processes, and the list of those that run.

#include "nt_fixture.h"

namespace {

struct Told {
    ULONG_PTR parent, process;
    bool created;
    KIRQL irql;
    BOOLEAN apcs;
};
std::vector<Told> told;

VOID note(HANDLE parent, HANDLE process, BOOLEAN create) {
    told.push_back({reinterpret_cast<ULONG_PTR>(parent), reinterpret_cast<ULONG_PTR>(process), create != FALSE,
                    KeGetCurrentIrql(), KeAreApcsDisabled()});
    PEPROCESS found = nullptr;
    EXPECT_EQ(PsLookupProcessByProcessId(process, &found), STATUS_SUCCESS);
    ObDereferenceObject(found);
    if (!create) {
        EXPECT_EQ(PsGetCurrentProcessId(), process);
    }
}

class NotifyTest : public NtTest {};

TEST_F(NotifyTest, BirthAndExitAreTold) {
    told.clear();
    EXPECT_EQ(PsSetCreateProcessNotifyRoutine(note, TRUE), STATUS_PROCEDURE_NOT_FOUND);
    ASSERT_EQ(PsSetCreateProcessNotifyRoutine(note, FALSE), STATUS_SUCCESS);
    EXPECT_EQ(PsSetCreateProcessNotifyRoutine(note, FALSE), STATUS_INVALID_PARAMETER);
    auto process = machine->createProcess({.imagePath = u"a.exe", .parentId = 1234});
    const ULONG_PTR id = process->id();
    process.reset();
    EXPECT_EQ(PsSetCreateProcessNotifyRoutine(note, TRUE), STATUS_SUCCESS);
    machine->createProcess({.imagePath = u"b.exe"});
    ASSERT_EQ(told.size(), 2u);
    EXPECT_EQ(told[0].parent, 1234u);
    for (const Told &each : told) {
        EXPECT_EQ(each.process, id);
        EXPECT_EQ(each.irql, PASSIVE_LEVEL);
        EXPECT_TRUE(each.apcs);
    }
    EXPECT_TRUE(told[0].created);
    EXPECT_FALSE(told[1].created);
}

TEST_F(NotifyTest, ProcessesAreListed) {
    auto process = machine->createProcess({.imagePath = u"\\Device\\X\\listed.exe", .parentId = 4});
    ULONG needed = 0;
    EXPECT_EQ(ZwQuerySystemInformation(SystemProcessInformation, nullptr, 0, &needed), STATUS_INFO_LENGTH_MISMATCH);
    std::vector<uint64_t> list(needed / 8 + 1);
    ASSERT_EQ(ZwQuerySystemInformation(SystemProcessInformation, list.data(), needed, &needed), STATUS_SUCCESS);
    bool found = false;
    auto entry = reinterpret_cast<PSYSTEM_PROCESS_INFORMATION>(list.data());
    EXPECT_EQ(entry->UniqueProcessId, nullptr);
    for (;;) {
        if (entry->UniqueProcessId == reinterpret_cast<HANDLE>(uintptr_t{process->id()})) {
            found = true;
            EXPECT_EQ(entry->InheritedFromUniqueProcessId, reinterpret_cast<HANDLE>(uintptr_t{4}));
            EXPECT_EQ(entry->CreateTime.QuadPart, process->createTime());
            EXPECT_EQ(std::u16string(entry->ImageName.Buffer, entry->ImageName.Length / 2), u"listed.exe");
        }
        if (entry->NextEntryOffset == 0) {
            break;
        }
        entry =
            reinterpret_cast<PSYSTEM_PROCESS_INFORMATION>(reinterpret_cast<UCHAR *>(entry) + entry->NextEntryOffset);
    }
    EXPECT_TRUE(found);
    EXPECT_EQ(ZwQuerySystemInformation(static_cast<SYSTEM_INFORMATION_CLASS>(999), list.data(), needed, &needed),
              STATUS_INVALID_INFO_CLASS);
}

} // namespace
