// SPDX-License-Identifier: MIT
//
// Asking a process for what its process record says, and writing it.

#include "process/process_facts.h"
#include "base/memory.h"

// ProcessCommandLineInformation: a UNICODE_STRING and, behind it, its characters. Windows 8.1; not every header has it.
#define PROCESS_COMMAND_LINE ((PROCESSINFOCLASS)60)
// PROCESS_QUERY_LIMITED_INFORMATION, for headers of drivers.
#define QUERY_LIMITED 0x1000

#define STRING_SPACE(String) ((String) ? (ULONG)ALIGN_UP_BY((String)->Length, 8) : 0)

C_ASSERT(sizeof(CMB_RECORD) + sizeof(CMB_BODY_PROCESS) + ALIGN_UP_BY(CMB_MAX_IMAGE_PATH_BYTES, 8) +
             ALIGN_UP_BY(CMB_MAX_COMMAND_LINE_BYTES, 8) + ALIGN_UP_BY(CMB_MAX_SID_BYTES, 8) <=
         CMB_MAX_RECORD_BYTES);

typedef struct PROCESS_FACTS {
    // Without spans.
    CMB_BODY_PROCESS Body;
    TOKEN_FACTS Token;
    // Owned, from the system's pool; NULL if it is not known.
    UNICODE_STRING *ImagePath;
    // Owned; NULL if it is not known.
    UNICODE_STRING *CommandLine;
    BOOLEAN Complete;
} PROCESS_FACTS;

static VOID NoteShortage(_Inout_ PROCESS_FACTS *Facts, _In_ NTSTATUS Status) {
    if (IdentityIsShortage(Status)) {
        Facts->Complete = FALSE;
    }
}

// Whether the answer is whole characters inside the block.
static BOOLEAN IsContained(_In_ const UNICODE_STRING *String, _In_ ULONG BlockSize) {
    const ULONG_PTR start = (ULONG_PTR)(String + 1);
    const ULONG_PTR end = (ULONG_PTR)String + BlockSize;
    const ULONG_PTR buffer = (ULONG_PTR)String->Buffer;
    return buffer >= start && buffer <= end && String->Length <= end - buffer && String->Length % sizeof(WCHAR) == 0;
}

// The process may change its command line at any time, also between the two questions.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID ReadCommandLine(_Inout_ PROCESS_FACTS *Facts, _In_ HANDLE Process) {
    ULONG size = 0;
    NTSTATUS status = ZwQueryInformationProcess(Process, PROCESS_COMMAND_LINE, NULL, 0, &size);
    if (size < sizeof(UNICODE_STRING) || size > sizeof(UNICODE_STRING) + MAXUSHORT + sizeof(WCHAR)) {
        NoteShortage(Facts, status);
        return;
    }
    UNICODE_STRING *line = MemoryAllocate(size);
    if (!line) {
        Facts->Complete = FALSE;
        return;
    }
    status = ZwQueryInformationProcess(Process, PROCESS_COMMAND_LINE, line, size, &size);
    if (NT_SUCCESS(status) && IsContained(line, size)) {
        Facts->CommandLine = line;
    } else {
        NoteShortage(Facts, status);
        MemoryFree(line);
    }
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID ReadByHandle(_Inout_ PROCESS_FACTS *Facts, _In_ PEPROCESS Process) {
    PROCESS_BASIC_INFORMATION basic;
    ULONG_PTR wow64 = 0;
    HANDLE handle;
    const NTSTATUS status =
        ObOpenObjectByPointer(Process, OBJ_KERNEL_HANDLE, NULL, QUERY_LIMITED, *PsProcessType, KernelMode, &handle);
    if (!NT_SUCCESS(status)) {
        NoteShortage(Facts, status);
        return;
    }
    if (NT_SUCCESS(ZwQueryInformationProcess(handle, ProcessBasicInformation, &basic, sizeof(basic), NULL))) {
        Facts->Body.ParentProcessId = (UINT32)basic.InheritedFromUniqueProcessId;
        Facts->Body.Flags |= CMB_PROCESS_PARENT;
    }
    if (NT_SUCCESS(ZwQueryInformationProcess(handle, ProcessWow64Information, &wow64, sizeof(wow64), NULL)) && wow64) {
        Facts->Body.Flags |= CMB_PROCESS_WOW64;
    }
    ReadCommandLine(Facts, handle);
    ZwClose(handle);
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID Read(_Out_ PROCESS_FACTS *Facts, _In_ const IDENTITY_PROCESS *Process) {
    RtlZeroMemory(Facts, sizeof(*Facts));
    Facts->Complete = IdentityGetImage(Process->Object, &Facts->ImagePath);
    Facts->Body.CreateTime = PsGetProcessCreateTimeQuadPart(Process->Object);
    if (Process->Object == PsInitialSystemProcess) {
        Facts->Body.Flags |= CMB_PROCESS_SYSTEM;
    }
    ReadByHandle(Facts, Process->Object);
    const PACCESS_TOKEN token = PsReferencePrimaryToken(Process->Object);
    if (token) {
        if (!IdentityReadToken(&Facts->Token, token)) {
            Facts->Complete = FALSE;
        }
        PsDereferencePrimaryToken(token);
    }
}

static ULONG SizeOfRecord(_In_ const PROCESS_FACTS *Facts) {
    return sizeof(CMB_RECORD) + sizeof(CMB_BODY_PROCESS) + STRING_SPACE(Facts->ImagePath) +
           STRING_SPACE(Facts->CommandLine) + IdentitySidSpace(&Facts->Token);
}

static ULONG WriteString(_In_opt_ const UNICODE_STRING *String, _Inout_ CMB_RECORD *Record, _In_ ULONG Offset,
                         _Inout_ CMB_SPAN *Span) {
    return String ? CaptureWrite(String->Buffer, String->Length & ~(ULONG)1, Record, Offset, Span) : Offset;
}

static VOID Write(_In_ const PROCESS_FACTS *Facts, _In_ const IDENTITY_PROCESS *Process, _Inout_ CMB_RECORD *Record) {
    CMB_BODY_PROCESS *body = (CMB_BODY_PROCESS *)(Record + 1);
    ULONG offset = sizeof(*Record) + sizeof(*body);
    Record->Size = SizeOfRecord(Facts);
    Record->HeaderSize = sizeof(*Record);
    Record->Kind = CMB_RECORD_PROCESS;
    Record->ProcessId = Process->Id;
    Record->ProcessKey = Process->Key;
    Record->ProcessSlot = Process->Slot;
    Record->BodySize = sizeof(*body);
    *body = Facts->Body;
    offset = WriteString(Facts->ImagePath, Record, offset, &body->ImagePath);
    offset = WriteString(Facts->CommandLine, Record, offset, &body->CommandLine);
    (VOID) IdentityWriteToken(&Facts->Token, Record, offset, &body->Token);
}

_Use_decl_annotations_
CMB_RECORD *ProcessFactsBuild(const IDENTITY_PROCESS *Process, BOOLEAN *Complete) {
    PROCESS_FACTS facts;
    Read(&facts, Process);
    CMB_RECORD *record = MemoryAllocate(SizeOfRecord(&facts));
    if (record) {
        Write(&facts, Process, record);
    }
    if (facts.ImagePath) {
        ExFreePoolWithTag(facts.ImagePath, 0);
    }
    MemoryFree(facts.CommandLine);
    *Complete = facts.Complete;
    return record;
}
