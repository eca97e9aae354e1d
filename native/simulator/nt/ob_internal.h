// SPDX-License-Identifier: MIT
//
// What kernel components beside nt (the configuration manager, the host) need beyond the documented routines.

#ifndef SIMULATOR_NT_OB_INTERNAL_H
#define SIMULATOR_NT_OB_INTERNAL_H

#include "ntifs.h"

SIM_BEGIN_C

// What a type of object does. Absent procedures may be NULL.
typedef struct _SIM_OBJECT_TYPE_INITIALIZER {
    // Also shown in bug checks. Must outlive the type.
    const char *Name;
    ULONG BodySize;
    ACCESS_MASK ValidAccess;
    GENERIC_MAPPING Mapping;
    // The last reference went: PASSIVE_LEVEL or APC_LEVEL, in the thread that dropped it, reference count 0. It is a
    // bug check to reference the object again. The body is freed when it returns.
    VOID (*Delete)(PVOID Object);
    // A handle was closed. HandleCount is what is left over all processes.
    VOID (*Close)(PEPROCESS Process, PVOID Object, ACCESS_MASK GrantedAccess, ULONG HandleCount);
    // A handle to an existing object is made by ObOpenObjectByPointer. A failure status refuses.
    NTSTATUS (*Open)(PEPROCESS Process, PVOID Object, ACCESS_MASK GrantedAccess);
    // ObQueryNameString and NtQueryObject(ObjectNameInformation). ObjectNameInfo may be user memory when Mode is
    // UserMode.
    NTSTATUS(*QueryName)
    (PVOID Object, POBJECT_NAME_INFORMATION ObjectNameInfo, ULONG Length, PULONG ReturnLength, KPROCESSOR_MODE Mode);
    // NtSetSecurityObject. The descriptor is a captured, valid, self-relative one. The handle has the rights that the
    // information asks for.
    NTSTATUS(*SetSecurity)
    (PVOID Object, SECURITY_INFORMATION SecurityInformation, PSECURITY_DESCRIPTOR SecurityDescriptor,
     KPROCESSOR_MODE Mode);
    // NtQuerySecurityObject. SecurityDescriptor is the caller's buffer of *Length bytes, user memory when Mode is
    // UserMode; Length is not. It is set to what is needed, also with STATUS_BUFFER_TOO_SMALL.
    NTSTATUS(*QuerySecurity)
    (PVOID Object, SECURITY_INFORMATION SecurityInformation, PSECURITY_DESCRIPTOR SecurityDescriptor, PULONG Length,
     KPROCESSOR_MODE Mode);
    // Whether the body starts with a DISPATCHER_HEADER that can be waited for.
    BOOLEAN Waitable;
} SIM_OBJECT_TYPE_INITIALIZER;

POBJECT_TYPE SimCreateObjectType(const SIM_OBJECT_TYPE_INITIALIZER *Initializer);
// Bug check if objects of the type are left.
VOID SimDeleteObjectType(POBJECT_TYPE Type);
// Zeroed body with one reference. NULL when memory is short (never by fault injection).
PVOID SimCreateObject(POBJECT_TYPE Type);
// A new handle in the current process, or in the kernel's table with OBJ_KERNEL_HANDLE. Takes a reference of its own.
NTSTATUS SimInsertHandle(PVOID Object, ULONG HandleAttributes, ACCESS_MASK GrantedAccess, PHANDLE Handle);
// The kernel handle is the kernel's own: drivers may be unloaded while it is open.
VOID SimExemptHandle(HANDLE Handle);
LONG_PTR SimObjectReferences(PVOID Object);

// Sets the previous mode of the current thread and returns the former one. Zw routines bracket their Nt twin with it.
KPROCESSOR_MODE SimSetPreviousMode(KPROCESSOR_MODE Mode);

// A pointer that belongs to the current thread, NULL at first.
PVOID *SimThreadSlot(VOID);

// From the caller's frame on the current thread has so many bytes of stack left, as IoGetStackLimits tells: nothing
// keeps it from using more, since the frames of the simulator are larger than Windows'. MAXULONG_PTR: as many as the OS
// thread.
VOID SimSetRemainingStack(SIZE_T Bytes);

// What MmGetSystemRoutineAddress finds beside nt's own routines. The name must outlive the machine.
VOID SimRegisterSystemRoutine(const char *Name, PVOID Address);

// Pool blocks with this tag belong to the kernel: no fault injection, not among the driver's blocks.
VOID SimExemptPoolTag(ULONG Tag);
// Blocks with the tag that are allocated now.
ULONG64 SimPoolBlocksOfTag(ULONG Tag);

// Address ranges that stand for user memory and may vanish. A probe of, or a copy from or to, a range without the
// access raises STATUS_ACCESS_VIOLATION, as does the zero page; touching a registered range at DISPATCH_LEVEL is a bug
// check. Memory that is neither registered nor pool passes probes.
VOID SimRegisterUserRange(PVOID Start, SIZE_T Length);
VOID SimUnregisterUserRange(PVOID Start);
VOID SimSetUserRangeAccess(PVOID Start, BOOLEAN Readable, BOOLEAN Writable);
// Routine runs in every thread that is about to touch the range, before it does: it may change or take away the memory
// as other threads of the process can, or take its time as a page fault can. Also for locked pages that are mapped.
typedef VOID SIM_USER_RANGE_WATCH(PVOID Context);
VOID SimWatchUserRange(PVOID Start, SIM_USER_RANGE_WATCH *Routine, PVOID Context);

// Runs a routine of a driver and bug checks if it leaves the IRQL raised, locks held or APCs disabled differently than
// before.
typedef struct _SIM_CALL_STATE {
    KIRQL Irql;
    ULONG SpinLocks;
    LONG KernelApcDisable;
    LONG SpecialApcDisable;
    PVOID SehFrame;
    // Where the driver's part of the stack began for an outer call.
    ULONG_PTR StackBoundary;
} SIM_CALL_STATE;
VOID SimEnterDriver(SIM_CALL_STATE *State);
VOID SimLeaveDriver(const SIM_CALL_STATE *State, const char *Routine, PVOID Address);

SIM_END_C

#endif
