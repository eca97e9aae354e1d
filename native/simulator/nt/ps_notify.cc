// SPDX-License-Identifier: MIT
//
// Routines of drivers that are told when processes begin and end.

#include "kernel.h"

#include <algorithm>

namespace nt {

// As on Windows Vista and later.
constexpr size_t kMostRoutines = 64;

void notifyProcess(PEPROCESS process, bool created) {
    Kernel &k = kernel();
    // Whoever removes a routine waits for the calls of it.
    std::shared_lock lock(k.processRoutineLock);
    for (PCREATE_PROCESS_NOTIFY_ROUTINE routine : k.processRoutines) {
        SIM_CALL_STATE before;
        KeEnterCriticalRegion();
        SimEnterDriver(&before);
        routine(reinterpret_cast<HANDLE>(process->facts.parent), PsGetProcessId(process), created);
        SimLeaveDriver(&before, "A process notify routine", reinterpret_cast<PVOID>(routine));
        KeLeaveCriticalRegion();
    }
}

size_t processRoutines() {
    std::shared_lock lock(kernel().processRoutineLock);
    return kernel().processRoutines.size();
}

} // namespace nt

extern "C" {

NTSTATUS PsSetCreateProcessNotifyRoutine(PCREATE_PROCESS_NOTIFY_ROUTINE routine, BOOLEAN remove) {
    nt::requireIrql(PASSIVE_LEVEL, "PsSetCreateProcessNotifyRoutine");
    nt::Kernel &k = nt::kernel();
    std::unique_lock lock(k.processRoutineLock);
    auto found = std::find(k.processRoutines.begin(), k.processRoutines.end(), routine);
    if (remove) {
        if (found == k.processRoutines.end()) {
            // Not documented; so ReactOS has it.
            return STATUS_PROCEDURE_NOT_FOUND;
        }
        k.processRoutines.erase(found);
        return STATUS_SUCCESS;
    }
    if (found != k.processRoutines.end() || k.processRoutines.size() == nt::kMostRoutines) {
        return STATUS_INVALID_PARAMETER;
    }
    k.processRoutines.push_back(routine);
    return STATUS_SUCCESS;
}

} // extern "C"
