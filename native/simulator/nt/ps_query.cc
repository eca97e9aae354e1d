// SPDX-License-Identifier: MIT
//
// NtQueryInformationProcess.

#include "se_internal.h"

#include <cstring>

namespace nt {

// Where the environment block of a 64-bit process would lie; nothing is there.
static const PVOID kPeb = reinterpret_cast<PVOID>(0x7FFFFFDE000);

namespace {

struct Answer {
    NTSTATUS status;
    std::vector<UCHAR> bytes;
    // Classes of one size want exactly that; the others, at least what they need.
    bool exact = true;
};

template <typename T> Answer fixed(const T &value) {
    auto at = reinterpret_cast<const UCHAR *>(&value);
    return {STATUS_SUCCESS, {at, at + sizeof value}};
}

// The string lies behind the structure that points to it, with a terminator. The pointer is set when it is known where
// the caller has it.
Answer string(std::u16string_view text) {
    constexpr size_t kLongest = UNICODE_STRING_MAX_CHARS - 1;
    text = text.substr(0, kLongest);
    UNICODE_STRING header = {static_cast<USHORT>(text.size() * sizeof(WCHAR)),
                             static_cast<USHORT>((text.size() + 1) * sizeof(WCHAR)), nullptr};
    Answer answer = {STATUS_SUCCESS, std::vector<UCHAR>(sizeof header + header.MaximumLength), false};
    std::memcpy(answer.bytes.data(), &header, sizeof header);
    std::memcpy(answer.bytes.data() + sizeof header, text.data(), header.Length);
    return answer;
}

Answer answerFor(PEPROCESS process, PROCESSINFOCLASS type) {
    switch (type) {
    case ProcessBasicInformation: {
        PROCESS_BASIC_INFORMATION basic = {};
        basic.ExitStatus = process->exiting ? STATUS_SUCCESS : STATUS_PENDING;
        basic.PebBaseAddress = PsIsSystemProcess(process) ? nullptr : kPeb;
        basic.AffinityMask = 1;
        basic.BasePriority = 8;
        basic.UniqueProcessId = process->id;
        basic.InheritedFromUniqueProcessId = process->facts.parent;
        return fixed(basic);
    }
    case ProcessTimes: {
        KERNEL_USER_TIMES times = {};
        times.CreateTime = process->createTime;
        return fixed(times);
    }
    case ProcessSessionInformation:
        return fixed(tokenOf(process->token).session);
    case ProcessWow64Information:
        return fixed(reinterpret_cast<ULONG_PTR>(PsGetProcessWow64Process(process)));
    case ProcessImageFileName:
        return string(process->facts.image);
    case ProcessCommandLineInformation:
        // Not documented: what a process without an environment block answers, and one whose block is damaged.
        if (PsIsSystemProcess(process)) {
            return {STATUS_NOT_FOUND, {}};
        }
        if (!process->facts.commandLine) {
            return {STATUS_ACCESS_VIOLATION, {}};
        }
        return string(*process->facts.commandLine);
    }
    return {STATUS_INVALID_INFO_CLASS, {}};
}

} // namespace

static NTSTATUS referenceQueried(HANDLE handle, KPROCESSOR_MODE mode, PEPROCESS *process) {
    PVOID object;
    NTSTATUS status =
        ObReferenceObjectByHandle(handle, PROCESS_QUERY_LIMITED_INFORMATION, *PsProcessType, mode, &object, nullptr);
    // The stronger right contains the weaker one.
    if (status == STATUS_ACCESS_DENIED) {
        status = ObReferenceObjectByHandle(handle, PROCESS_QUERY_INFORMATION, *PsProcessType, mode, &object, nullptr);
    }
    if (NT_SUCCESS(status)) {
        *process = static_cast<PEPROCESS>(object);
    }
    return status;
}

} // namespace nt

using namespace nt;

extern "C" {

NTSTATUS NtQueryInformationProcess(HANDLE handle, PROCESSINFOCLASS type, PVOID information, ULONG length,
                                   PULONG returned) {
    requireIrql(PASSIVE_LEVEL, "NtQueryInformationProcess");
    KPROCESSOR_MODE mode = ExGetPreviousMode();
    PEPROCESS process;
    NTSTATUS status = referenceQueried(handle, mode, &process);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    Answer answer = answerFor(process, type);
    ObfDereferenceObject(process);
    if (!NT_SUCCESS(answer.status)) {
        return answer.status;
    }
    auto needed = static_cast<ULONG>(answer.bytes.size());
    if (returned != nullptr && !writeCaller(returned, &needed, sizeof needed, mode)) {
        return STATUS_ACCESS_VIOLATION;
    }
    if (length < needed || (answer.exact && length != needed)) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    if (!answer.exact) {
        auto header = reinterpret_cast<PUNICODE_STRING>(answer.bytes.data());
        header->Buffer = reinterpret_cast<PWCH>(static_cast<PUNICODE_STRING>(information) + 1);
    }
    return writeCaller(information, answer.bytes.data(), needed, mode) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

NTSTATUS ZwQueryInformationProcess(HANDLE handle, PROCESSINFOCLASS type, PVOID information, ULONG length,
                                   PULONG returned) {
    KernelCall kernelCall;
    return NtQueryInformationProcess(handle, type, information, length, returned);
}

} // extern "C"
