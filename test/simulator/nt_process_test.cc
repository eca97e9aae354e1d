// SPDX-License-Identifier: MIT

#include "nt_fixture.h"

namespace {

class ProcessTest : public NtTest {
  protected:
    struct Line {
        NTSTATUS status;
        ULONG returned;
        std::u16string text;
    };
    Line stringOf(HANDLE handle, PROCESSINFOCLASS type, ULONG length = 4096) {
        std::vector<std::byte> bytes(length, std::byte{0xCC});
        Line line = {};
        line.status = ZwQueryInformationProcess(handle, type, bytes.data(), length, &line.returned);
        if (NT_SUCCESS(line.status)) {
            auto string = reinterpret_cast<PUNICODE_STRING>(bytes.data());
            EXPECT_EQ(static_cast<PVOID>(string->Buffer), string + 1);
            line.text.assign(string->Buffer, string->Length / sizeof(WCHAR));
            EXPECT_EQ(string->Buffer[line.text.size()], 0);
        }
        return line;
    }
    // As a driver opens it.
    HANDLE handleOf(uint32_t id, ULONG attributes = OBJ_KERNEL_HANDLE) {
        PEPROCESS process;
        HANDLE handle = nullptr;
        EXPECT_EQ(PsLookupProcessByProcessId(reinterpret_cast<HANDLE>(uintptr_t{id}), &process), STATUS_SUCCESS);
        EXPECT_EQ(ObOpenObjectByPointer(process, attributes, nullptr, PROCESS_QUERY_LIMITED_INFORMATION, *PsProcessType,
                                        KernelMode, &handle),
                  STATUS_SUCCESS);
        ObDereferenceObject(process);
        return handle;
    }
};

TEST_F(ProcessTest, HasBasicInformation) {
    auto process = machine->createProcess({.imagePath = u"a.exe", .parentId = 1234});
    HANDLE handle = handleOf(process->id());
    PROCESS_BASIC_INFORMATION basic = {};
    ULONG returned = 0;
    EXPECT_EQ(ZwQueryInformationProcess(handle, ProcessBasicInformation, &basic, sizeof basic, &returned),
              STATUS_SUCCESS);
    EXPECT_EQ(returned, sizeof basic);
    EXPECT_EQ(basic.UniqueProcessId, process->id());
    EXPECT_EQ(basic.InheritedFromUniqueProcessId, 1234u);
    EXPECT_EQ(basic.ExitStatus, STATUS_PENDING);
    EXPECT_EQ(ZwQueryInformationProcess(handle, ProcessBasicInformation, &basic, sizeof basic - 1, &returned),
              STATUS_INFO_LENGTH_MISMATCH);
    KERNEL_USER_TIMES times = {};
    EXPECT_EQ(ZwQueryInformationProcess(handle, ProcessTimes, &times, sizeof times, nullptr), STATUS_SUCCESS);
    EXPECT_EQ(times.CreateTime.QuadPart, process->createTime());
    EXPECT_EQ(ZwQueryInformationProcess(handle, static_cast<PROCESSINFOCLASS>(999), &basic, sizeof basic, nullptr),
              STATUS_INVALID_INFO_CLASS);
    process.reset();
    EXPECT_EQ(ZwQueryInformationProcess(handle, ProcessBasicInformation, &basic, sizeof basic, nullptr),
              STATUS_SUCCESS);
    EXPECT_EQ(basic.ExitStatus, STATUS_SUCCESS);
    ZwClose(handle);
    EXPECT_EQ(ZwQueryInformationProcess(NtCurrentThread(), ProcessBasicInformation, &basic, sizeof basic, nullptr),
              STATUS_OBJECT_TYPE_MISMATCH);
}

TEST_F(ProcessTest, HasACommandLine) {
    // Whatever a process has there, also what is no text.
    static constexpr char16_t characters[] = u"a.exe /x \0 \xD800 \"y z\"";
    const std::u16string text(characters, std::size(characters) - 1);
    auto process = machine->createProcess({.imagePath = u"a.exe", .commandLine = text});
    process->createThread()->run([&] {
        Line line = stringOf(NtCurrentProcess(), ProcessCommandLineInformation);
        EXPECT_EQ(line.text, text);
        auto needed = static_cast<ULONG>(sizeof(UNICODE_STRING) + (text.size() + 1) * sizeof(WCHAR));
        EXPECT_EQ(line.returned, needed);
        for (ULONG length : {0u, 15u, needed - 1}) {
            Line small = stringOf(NtCurrentProcess(), ProcessCommandLineInformation, length);
            EXPECT_EQ(small.status, STATUS_INFO_LENGTH_MISMATCH);
            EXPECT_EQ(small.returned, needed);
        }
        EXPECT_EQ(stringOf(NtCurrentProcess(), ProcessCommandLineInformation, needed).text, text);
    });
    HANDLE handle = handleOf(process->id());
    EXPECT_EQ(stringOf(handle, ProcessCommandLineInformation).text, text);
    EXPECT_EQ(stringOf(handle, ProcessImageFileName).text, u"a.exe");
    ZwClose(handle);
    auto damaged = machine->createProcess({.imagePath = u"b.exe", .commandLine = std::nullopt});
    handle = handleOf(damaged->id());
    EXPECT_EQ(stringOf(handle, ProcessCommandLineInformation).status, STATUS_ACCESS_VIOLATION);
    ZwClose(handle);
    handle = handleOf(4);
    EXPECT_EQ(stringOf(handle, ProcessCommandLineInformation).status, STATUS_NOT_FOUND);
    ZwClose(handle);
}

TEST_F(ProcessTest, LongCommandLineIsCutWhereItsLengthEnds) {
    auto process = machine->createProcess({.imagePath = u"a.exe", .commandLine = std::u16string(40000, u'x')});
    HANDLE handle = handleOf(process->id());
    EXPECT_EQ(stringOf(handle, ProcessCommandLineInformation, 0x20000).text.size(), 32766u);
    ZwClose(handle);
}

TEST_F(ProcessTest, TellsWhetherItHas32Bits) {
    for (bool wow64 : {false, true}) {
        auto process = machine->createProcess({.imagePath = u"a.exe", .wow64 = wow64});
        process->createThread()->run([&] {
            ULONG_PTR block = 1;
            EXPECT_EQ(
                ZwQueryInformationProcess(NtCurrentProcess(), ProcessWow64Information, &block, sizeof block, nullptr),
                STATUS_SUCCESS);
            EXPECT_EQ(block != 0, wow64);
            EXPECT_EQ(PsGetProcessWow64Process(PsGetCurrentProcess()) != nullptr, wow64);
        });
    }
}

TEST_F(ProcessTest, UserModeNeedsARightAndMemory) {
    auto process = machine->createProcess({.imagePath = u"a.exe"});
    HANDLE handle = handleOf(process->id(), 0), weak, strong;
    PROCESS_BASIC_INFORMATION basic;
    EXPECT_EQ(NtQueryInformationProcess(handle, ProcessBasicInformation, &basic, sizeof basic, nullptr),
              STATUS_SUCCESS);
    EXPECT_EQ(
        NtQueryInformationProcess(handle, ProcessBasicInformation, reinterpret_cast<PVOID>(64), sizeof basic, nullptr),
        STATUS_ACCESS_VIOLATION);
    PEPROCESS object;
    ASSERT_EQ(PsLookupProcessByProcessId(reinterpret_cast<HANDLE>(uintptr_t{process->id()}), &object), STATUS_SUCCESS);
    ASSERT_EQ(ObOpenObjectByPointer(object, 0, nullptr, SYNCHRONIZE, *PsProcessType, KernelMode, &weak),
              STATUS_SUCCESS);
    ASSERT_EQ(ObOpenObjectByPointer(object, 0, nullptr, PROCESS_QUERY_INFORMATION, *PsProcessType, KernelMode, &strong),
              STATUS_SUCCESS);
    ObDereferenceObject(object);
    EXPECT_EQ(NtQueryInformationProcess(weak, ProcessBasicInformation, &basic, sizeof basic, nullptr),
              STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtQueryInformationProcess(strong, ProcessBasicInformation, &basic, sizeof basic, nullptr),
              STATUS_SUCCESS);
    for (HANDLE each : {handle, weak, strong}) {
        NtClose(each);
    }
    EXPECT_DEATH(
        {
            KfRaiseIrql(APC_LEVEL);
            ZwQueryInformationProcess(NtCurrentProcess(), ProcessBasicInformation, &basic, sizeof basic, nullptr);
        },
        "NtQueryInformationProcess was called at IRQL 1");
    EXPECT_DEATH(
        {
            KfRaiseIrql(HIGH_LEVEL);
            PsGetProcessStartKey(PsGetCurrentProcess());
        },
        "PsGetProcessStartKey was called at IRQL 15");
}

class DuplicateTest : public ProcessTest {
  protected:
    DuplicateTest() {
        EXPECT_EQ(NtCreateEvent(&event, EVENT_ALL_ACCESS, nullptr, NotificationEvent, FALSE), STATUS_SUCCESS);
    }
    ~DuplicateTest() override { NtClose(event); }

    ACCESS_MASK accessOf(HANDLE handle) {
        PVOID object;
        OBJECT_HANDLE_INFORMATION information = {};
        EXPECT_EQ(ObReferenceObjectByHandle(handle, 0, *ExEventObjectType, KernelMode, &object, &information),
                  STATUS_SUCCESS);
        ObDereferenceObject(object);
        return information.GrantedAccess;
    }
    NTSTATUS duplicate(HANDLE from, PHANDLE to, ACCESS_MASK access, ULONG options) {
        return NtDuplicateObject(NtCurrentProcess(), from, NtCurrentProcess(), to, access, 0, options);
    }

    HANDLE event = nullptr;
};

TEST_F(DuplicateTest, HasTheSameOrLessAccess) {
    HANDLE same, less, more;
    ASSERT_EQ(duplicate(event, &same, 0, DUPLICATE_SAME_ACCESS), STATUS_SUCCESS);
    EXPECT_NE(same, event);
    EXPECT_EQ(accessOf(same), static_cast<ACCESS_MASK>(EVENT_ALL_ACCESS));
    ASSERT_EQ(duplicate(event, &less, SYNCHRONIZE, 0), STATUS_SUCCESS);
    EXPECT_EQ(accessOf(less), static_cast<ACCESS_MASK>(SYNCHRONIZE));
    EXPECT_EQ(duplicate(less, &more, EVENT_MODIFY_STATE, 0), STATUS_ACCESS_DENIED);
    NtClose(same);
    NtClose(less);
}

TEST_F(DuplicateTest, MayCloseTheSource) {
    HANDLE first, second;
    ASSERT_EQ(duplicate(event, &first, 0, DUPLICATE_SAME_ACCESS), STATUS_SUCCESS);
    ASSERT_EQ(duplicate(first, &second, 0, DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE), STATUS_SUCCESS);
    EXPECT_EQ(NtClose(first), STATUS_INVALID_HANDLE);
    EXPECT_EQ(NtDuplicateObject(NtCurrentProcess(), second, nullptr, nullptr, 0, 0, DUPLICATE_CLOSE_SOURCE),
              STATUS_SUCCESS);
    EXPECT_EQ(NtClose(second), STATUS_INVALID_HANDLE);
    EXPECT_EQ(duplicate(second, &first, 0, DUPLICATE_SAME_ACCESS), STATUS_INVALID_HANDLE);
    EXPECT_EQ(duplicate(event, reinterpret_cast<PHANDLE>(8), 0, DUPLICATE_SAME_ACCESS), STATUS_ACCESS_VIOLATION);
}

TEST_F(DuplicateTest, GoesToAnotherProcess) {
    auto process = machine->createProcess({.imagePath = u"a.exe"});
    PEPROCESS object;
    HANDLE target, there;
    ASSERT_EQ(PsLookupProcessByProcessId(reinterpret_cast<HANDLE>(uintptr_t{process->id()}), &object), STATUS_SUCCESS);
    ASSERT_EQ(ObOpenObjectByPointer(object, 0, nullptr, PROCESS_DUP_HANDLE, *PsProcessType, KernelMode, &target),
              STATUS_SUCCESS);
    ObDereferenceObject(object);
    ASSERT_EQ(NtDuplicateObject(NtCurrentProcess(), event, target, &there, 0, 0, DUPLICATE_SAME_ACCESS),
              STATUS_SUCCESS);
    process->createThread()->run([&] { EXPECT_EQ(NtClose(there), STATUS_SUCCESS); });
    // A pseudo handle becomes a real one.
    HANDLE self;
    ASSERT_EQ(duplicate(NtCurrentProcess(), &self, 0, DUPLICATE_SAME_ACCESS), STATUS_SUCCESS);
    EXPECT_EQ(NtClose(self), STATUS_SUCCESS);
    HANDLE weak;
    ASSERT_EQ(duplicate(target, &weak, PROCESS_QUERY_INFORMATION, 0), STATUS_ACCESS_DENIED);
    NtClose(target);
}

} // namespace
