// SPDX-License-Identifier: MIT
//
// MDLs, whose pages are locked and mapped where they lie; kernel routines that drivers look up by name.

#include "kernel.h"

#include <cstdlib>
#include <cstring>
#include <iterator>

namespace nt {

static std::string ascii(const UNICODE_STRING *string) {
    std::string text;
    for (WCHAR c : view(string)) {
        text += c < 0x80 ? static_cast<char>(c) : '?';
    }
    return text;
}

template <typename Routine> static PVOID address(Routine *routine) {
    return reinterpret_cast<PVOID>(routine);
}

// Optional routines that drivers look up because older systems lack them.
static const struct {
    const char *name;
    PVOID routine;
} kRoutines[] = {
    {"ExAllocatePool2", address(ExAllocatePool2)},
    {"ExFreePool2", address(ExFreePool2)},
    {"ExAllocatePoolWithTag", address(ExAllocatePoolWithTag)},
    {"ExFreePoolWithTag", address(ExFreePoolWithTag)},
    {"KeQuerySystemTimePrecise", address(KeQuerySystemTimePrecise)},
    {"KeQueryInterruptTimePrecise", address(KeQueryInterruptTimePrecise)},
    {"RtlGetVersion", address(RtlGetVersion)},
    {"SeLocateProcessImageName", address(SeLocateProcessImageName)},
};

} // namespace nt

using namespace nt;

extern "C" {

PMDL IoAllocateMdl(PVOID va, ULONG length, BOOLEAN secondary, BOOLEAN, PIRP irp) {
    requireIrql(DISPATCH_LEVEL, "IoAllocateMdl");
    if (failHere()) {
        return nullptr;
    }
    auto mdl = static_cast<PMDL>(std::calloc(1, sizeof(MDL)));
    if (mdl == nullptr) {
        return nullptr;
    }
    mdl->Size = sizeof(MDL);
    mdl->StartVa = PAGE_ALIGN(va);
    mdl->ByteOffset = BYTE_OFFSET(va);
    mdl->ByteCount = length;
    if (irp != nullptr && !secondary) {
        irp->MdlAddress = mdl;
    }
    return mdl;
}

VOID IoFreeMdl(PMDL mdl) {
    if (mdl->MdlFlags & MDL_PAGES_LOCKED) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x3C, reinterpret_cast<ULONG_PTR>(mdl), 0, 0,
                 "An MDL is freed whose pages are locked.");
    }
    std::free(mdl);
}

PVOID MmGetMdlVirtualAddress(PMDL mdl) {
    return static_cast<char *>(mdl->StartVa) + mdl->ByteOffset;
}

VOID MmProbeAndLockPages(PMDL mdl, KPROCESSOR_MODE mode, LOCK_OPERATION operation) {
    requireIrql(APC_LEVEL, "MmProbeAndLockPages");
    PVOID va = MmGetMdlVirtualAddress(mdl);
    if (mode == UserMode && isPoolAddress(va)) {
        ExRaiseStatus(STATUS_ACCESS_VIOLATION);
    }
    touch(va, mdl->ByteCount, operation != IoReadAccess);
    mdl->MdlFlags = static_cast<CSHORT>(mdl->MdlFlags | MDL_PAGES_LOCKED);
    mdl->Process = IoGetCurrentProcess();
}

VOID MmUnlockPages(PMDL mdl) {
    requireIrql(DISPATCH_LEVEL, "MmUnlockPages");
    if (!(mdl->MdlFlags & MDL_PAGES_LOCKED)) {
        bugCheck(0x4E, reinterpret_cast<ULONG_PTR>(mdl), 0, 0, 0, "MmUnlockPages of pages that are not locked.");
    }
    mdl->MdlFlags = static_cast<CSHORT>(mdl->MdlFlags & ~(MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA));
    mdl->MappedSystemVa = nullptr;
}

VOID MmBuildMdlForNonPagedPool(PMDL mdl) {
    mdl->MappedSystemVa = MmGetMdlVirtualAddress(mdl);
    mdl->MdlFlags = static_cast<CSHORT>(mdl->MdlFlags | MDL_SOURCE_IS_NONPAGED_POOL);
}

PVOID MmGetSystemAddressForMdlSafe(PMDL mdl, ULONG) {
    requireIrql(DISPATCH_LEVEL, "MmGetSystemAddressForMdlSafe");
    if (mdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)) {
        return mdl->MappedSystemVa;
    }
    if (!(mdl->MdlFlags & MDL_PAGES_LOCKED)) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x80, reinterpret_cast<ULONG_PTR>(mdl), 0, 0,
                 "An MDL is mapped whose pages are not locked.");
    }
    if (failHere()) {
        return nullptr;
    }
    // Locked pages stay valid although the process may unmap its view of them.
    mdl->MappedSystemVa = MmGetMdlVirtualAddress(mdl);
    mdl->MdlFlags = static_cast<CSHORT>(mdl->MdlFlags | MDL_MAPPED_TO_SYSTEM_VA);
    return mdl->MappedSystemVa;
}

VOID SimRegisterSystemRoutine(const char *name, PVOID routine) {
    std::lock_guard lock(kernel().routineLock);
    kernel().routines[name] = routine;
}

PVOID MmGetSystemRoutineAddress(PUNICODE_STRING name) {
    requireIrql(PASSIVE_LEVEL, "MmGetSystemRoutineAddress");
    std::string text = ascii(name);
    for (auto &entry : kRoutines) {
        if (text == entry.name) {
            return entry.routine;
        }
    }
    std::lock_guard lock(kernel().routineLock);
    auto found = kernel().routines.find(text);
    return found == kernel().routines.end() ? nullptr : found->second;
}

} // extern "C"
