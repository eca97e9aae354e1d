// SPDX-License-Identifier: MIT
//
// NtQuerySystemInformation.

#include "kernel.h"

#include <cstring>

namespace nt {
namespace {

std::u16string_view fileName(std::u16string_view path) {
    return path.substr(path.find_last_of(u'\\') + 1);
}

// Appends an entry; Buffer of the name is its offset until it is known where the caller has the list.
void append(std::vector<UCHAR> &list, size_t &last, ULONG_PTR id, const ProcessFacts &facts, LARGE_INTEGER created,
            ULONG session) {
    std::u16string_view name = fileName(facts.image);
    const size_t start = list.size();
    // Each ends with its name and a terminator, and the next one is aligned.
    const size_t size = (sizeof(SYSTEM_PROCESS_INFORMATION) + (name.size() + 1) * sizeof(WCHAR) + 7) & ~size_t{7};
    list.resize(start + size);
    SYSTEM_PROCESS_INFORMATION entry = {};
    entry.CreateTime = created;
    entry.BasePriority = 8;
    entry.UniqueProcessId = reinterpret_cast<HANDLE>(id);
    entry.InheritedFromUniqueProcessId = reinterpret_cast<HANDLE>(facts.parent);
    entry.SessionId = session;
    if (!name.empty()) {
        entry.ImageName.Length = static_cast<USHORT>(name.size() * sizeof(WCHAR));
        entry.ImageName.MaximumLength = static_cast<USHORT>(entry.ImageName.Length + sizeof(WCHAR));
        entry.ImageName.Buffer = reinterpret_cast<PWCH>(start + sizeof entry);
        std::memcpy(list.data() + start + sizeof entry, name.data(), entry.ImageName.Length);
    }
    std::memcpy(list.data() + start, &entry, sizeof entry);
    if (start != 0) {
        reinterpret_cast<PSYSTEM_PROCESS_INFORMATION>(list.data() + last)->NextEntryOffset =
            static_cast<ULONG>(start - last);
    }
    last = start;
}

// Threads are not listed: the simulator does not know which of them Windows would have. One that has exited is not
// listed although its object may live on.
std::vector<UCHAR> listProcesses() {
    std::vector<UCHAR> list;
    size_t last = 0;
    // The idle process comes first.
    append(list, last, 0, {}, {}, 0);
    std::lock_guard lock(kernel().threadLock);
    for (const auto &[id, process] : kernel().processes) {
        if (!process->exiting) {
            append(list, last, id, process->facts, process->createTime, PsGetProcessSessionId(process));
        }
    }
    return list;
}

void relocate(std::vector<UCHAR> &list, PVOID to) {
    for (size_t at = 0;;) {
        auto entry = reinterpret_cast<PSYSTEM_PROCESS_INFORMATION>(list.data() + at);
        if (entry->ImageName.Length != 0) {
            entry->ImageName.Buffer =
                reinterpret_cast<PWCH>(static_cast<UCHAR *>(to) + reinterpret_cast<ULONG_PTR>(entry->ImageName.Buffer));
        }
        if (entry->NextEntryOffset == 0) {
            return;
        }
        at += entry->NextEntryOffset;
    }
}

} // namespace
} // namespace nt

using namespace nt;

extern "C" {

NTSTATUS NtQuerySystemInformation(SYSTEM_INFORMATION_CLASS type, PVOID information, ULONG length, PULONG returned) {
    requireIrql(PASSIVE_LEVEL, "NtQuerySystemInformation");
    KPROCESSOR_MODE mode = ExGetPreviousMode();
    if (type != SystemProcessInformation) {
        return STATUS_INVALID_INFO_CLASS;
    }
    std::vector<UCHAR> list = listProcesses();
    auto needed = static_cast<ULONG>(list.size());
    if (returned != nullptr && !writeCaller(returned, &needed, sizeof needed, mode)) {
        return STATUS_ACCESS_VIOLATION;
    }
    if (length < needed) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    relocate(list, information);
    return writeCaller(information, list.data(), needed, mode) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

NTSTATUS ZwQuerySystemInformation(SYSTEM_INFORMATION_CLASS type, PVOID information, ULONG length, PULONG returned) {
    KernelCall kernelCall;
    return NtQuerySystemInformation(type, information, length, returned);
}

} // extern "C"
