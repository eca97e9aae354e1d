// SPDX-License-Identifier: MIT
//
// The kernel headers, and what some of them lack. Three sets exist: the WDK, mingw-w64's ddk and the simulator's.
// Nothing outside this file asks which one is in use.
//
// Names that C++ reserves are declared here only where the headers decide what they are: the SAL annotations that a set
// lacks, and the macros by which mingw-w64's headers are told what to leave out.

#ifndef CMBRIDGE_COMPAT_H
#define CMBRIDGE_COMPAT_H

#if defined(_MSC_VER)

// ExAllocatePoolZero then works on systems whose pool cannot zero by itself.
#define POOL_ZERO_DOWN_LEVEL_SUPPORT 1
#include <ntifs.h>

// The kernel of Windows 10 1809 has these two, and the structure; the headers declare them for later systems, or for
// none.
NTKERNELAPI BOOLEAN PsIsThreadImpersonating(_In_ PETHREAD Thread);
NTSYSAPI NTSTATUS NTAPI ZwQueryInformationProcess(_In_ HANDLE ProcessHandle,
                                                  _In_ PROCESSINFOCLASS ProcessInformationClass,
                                                  _Out_writes_bytes_opt_(ProcessInformationLength)
                                                      PVOID ProcessInformation,
                                                  _In_ ULONG ProcessInformationLength, _Out_opt_ PULONG ReturnLength);
#if NTDDI_VERSION < NTDDI_WIN10_FE
typedef struct CMB_REG_SAVE_MERGED_KEY_INFORMATION {
    PVOID Object;
    HANDLE FileHandle;
    PVOID HighKeyObject;
    PVOID LowKeyObject;
    PVOID CallContext;
    PVOID ObjectContext;
    PVOID Reserved;
} REG_SAVE_MERGED_KEY_INFORMATION, *PREG_SAVE_MERGED_KEY_INFORMATION;
#endif

#elif defined(_WIN32)

#if !defined(_WIN32_WINNT)
#define _WIN32_WINNT 0x0A00
#endif
#if !defined(NTDDI_VERSION)
#define NTDDI_VERSION 0x0A000006
#endif
// winnt.h and wdm.h of mingw-w64 both define these two, one of them with external linkage.
#define __INTRINSIC_DEFINED_InterlockedBitTestAndSet
#define __INTRINSIC_DEFINED_InterlockedBitTestAndReset
// Inline in these headers, by instructions that only a processor in kernel mode has; Windows exports the routines too,
// and a kernel that runs as a program can offer nothing else.
#define KeLowerIrql CmbInlineKeLowerIrql
#define KeRaiseIrqlToDpcLevel CmbInlineKeRaiseIrqlToDpcLevel
#include <ntifs.h>
#undef KeLowerIrql
#undef KeRaiseIrqlToDpcLevel
#include <concurrencysal.h>
#include <driverspecs.h>

// The kernel's variable is the type. Declared as imported pointers to the type, as these headers do, they are read once
// too often; the WDK leaves "imported" away, and so means the import table's entry by the name.
#define CMB_IMPORT_OBJECT_TYPE(Name) extern __declspec(dllimport) POBJECT_TYPE Cmb##Name __asm__(#Name)
CMB_IMPORT_OBJECT_TYPE(CmKeyObjectType);
CMB_IMPORT_OBJECT_TYPE(IoFileObjectType);
CMB_IMPORT_OBJECT_TYPE(PsProcessType);
CMB_IMPORT_OBJECT_TYPE(TmTransactionObjectType);
#define CmKeyObjectType (&CmbCmKeyObjectType)
#define IoFileObjectType (&CmbIoFileObjectType)
#define PsProcessType (&CmbPsProcessType)
#define TmTransactionObjectType (&CmbTmTransactionObjectType)

#define DrvRtPoolNxOptIn 1
#define ExInitializeDriverRuntime(Flags) ((void)(Flags))
#define MdlMappingNoExecute 0x40000000
#define STATUS_BAD_DATA ((NTSTATUS)0xC000090B)
#define BitScanForward64 _BitScanForward64
#define RegNtPreSaveMergedKey ((REG_NOTIFY_CLASS)49)
#define RegNtPostSaveMergedKey ((REG_NOTIFY_CLASS)50)

typedef struct CMB_REG_QUERY_KEY_NAME {
    PVOID Object;
    POBJECT_NAME_INFORMATION ObjectNameInfo;
    ULONG Length;
    PULONG ReturnLength;
    PVOID CallContext;
    PVOID ObjectContext;
    PVOID Reserved;
} REG_QUERY_KEY_NAME, *PREG_QUERY_KEY_NAME;

typedef struct CMB_REG_LOAD_KEY_INFORMATION_V2 {
    PVOID Object;
    PUNICODE_STRING KeyName;
    PUNICODE_STRING SourceFile;
    ULONG Flags;
    PVOID TrustClassObject;
    PVOID UserEvent;
    ACCESS_MASK DesiredAccess;
    PHANDLE RootHandle;
    PVOID CallContext;
    PVOID ObjectContext;
    ULONG_PTR Version;
    PVOID FileAccessToken;
} REG_LOAD_KEY_INFORMATION_V2, *PREG_LOAD_KEY_INFORMATION_V2;

typedef struct CMB_REG_SAVE_MERGED_KEY_INFORMATION {
    PVOID Object;
    HANDLE FileHandle;
    PVOID HighKeyObject;
    PVOID LowKeyObject;
    PVOID CallContext;
    PVOID ObjectContext;
    PVOID Reserved;
} REG_SAVE_MERGED_KEY_INFORMATION, *PREG_SAVE_MERGED_KEY_INFORMATION;

typedef PVOID NTAPI ALLOCATE_FUNCTION_EX(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                         PLOOKASIDE_LIST_EX Lookaside);
typedef VOID NTAPI FREE_FUNCTION_EX(PVOID Buffer, PLOOKASIDE_LIST_EX Lookaside);

typedef VOID NTAPI IO_CSQ_REMOVE_IRP(PIO_CSQ Csq, PIRP Irp);
typedef PIRP NTAPI IO_CSQ_PEEK_NEXT_IRP(PIO_CSQ Csq, PIRP Irp, PVOID PeekContext);
typedef VOID NTAPI IO_CSQ_ACQUIRE_LOCK(PIO_CSQ Csq, PKIRQL Irql);
typedef VOID NTAPI IO_CSQ_RELEASE_LOCK(PIO_CSQ Csq, KIRQL Irql);
typedef VOID NTAPI IO_CSQ_COMPLETE_CANCELED_IRP(PIO_CSQ Csq, PIRP Irp);

NTKERNELAPI NTSTATUS NTAPI CmCallbackGetKeyObjectIDEx(PLARGE_INTEGER Cookie, PVOID Object, PULONG_PTR ObjectID,
                                                      PCUNICODE_STRING *ObjectName, ULONG Flags);
NTKERNELAPI VOID NTAPI CmCallbackReleaseKeyObjectIDEx(PCUNICODE_STRING ObjectName);
NTKERNELAPI VOID NTAPI KeLowerIrql(KIRQL NewIrql);
NTKERNELAPI KIRQL NTAPI KeRaiseIrqlToDpcLevel(VOID);
NTKERNELAPI ULONG64 NTAPI KeQueryInterruptTimePrecise(PULONG64 QpcTimeStamp);
NTKERNELAPI VOID NTAPI KeQuerySystemTimePrecise(PLARGE_INTEGER CurrentTime);
NTKERNELAPI ULONGLONG NTAPI PsGetProcessStartKey(PEPROCESS Process);
NTKERNELAPI BOOLEAN NTAPI PsIsThreadImpersonating(PETHREAD Thread);
NTKERNELAPI VOID NTAPI TmGetTransactionId(PVOID Transaction, PUOW TransactionId);

// The macro of the ddk is for 32-bit systems only.
#define KeMemoryBarrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)

// Pool that is not executable; the inline routine of this name in the WDK does the same on down-level systems.
static inline PVOID ExAllocatePoolZero(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag) {
    PVOID block = ExAllocatePoolWithTag(PoolType, NumberOfBytes, Tag);
    if (block) {
        RtlZeroMemory(block, NumberOfBytes);
    }
    return block;
}

static inline LONG ReadAcquire(const volatile LONG *Source) {
    return __atomic_load_n(Source, __ATOMIC_ACQUIRE);
}
static inline LONG64 ReadAcquire64(const volatile LONG64 *Source) {
    return __atomic_load_n(Source, __ATOMIC_ACQUIRE);
}
static inline VOID WriteRelease(volatile LONG *Destination, LONG Value) {
    __atomic_store_n(Destination, Value, __ATOMIC_RELEASE);
}

#else

#include <ntifs.h>

#endif

#if defined(_WIN32)
// No header for drivers declares it; ntdll.dll and ntoskrnl.exe export it.
NTSYSAPI NTSTATUS NTAPI ZwQuerySystemInformation(ULONG SystemInformationClass, PVOID SystemInformation,
                                                 ULONG SystemInformationLength, PULONG ReturnLength);
#endif

// Code that only DriverEntry runs; the system throws the section away afterwards.
#if defined(_MSC_VER)
#define CMB_INIT_CODE __declspec(code_seg("INIT"))
#elif defined(_WIN32)
#define CMB_INIT_CODE __attribute__((section("INIT"), noinline))
#else
#define CMB_INIT_CODE
#endif

#ifndef _Post_maybenull_
#define _Post_maybenull_
#endif
#ifndef _Post_ptr_invalid_
#define _Post_ptr_invalid_
#endif
#ifndef _Post_writable_byte_size_
#define _Post_writable_byte_size_(size)
#endif
#ifndef _Dispatch_type_
#define _Dispatch_type_(type)
#endif
#ifndef _Function_class_
#define _Function_class_(name)
#endif
#ifndef _Guarded_by_
#define _Guarded_by_(lock)
#endif
#ifndef _Interlocked_
#define _Interlocked_
#endif
#ifndef UNREFERENCED_PARAMETER
#define UNREFERENCED_PARAMETER(P) ((void)(P))
#endif
#ifndef NT_ASSERT
#define NT_ASSERT(expression) ((void)0)
#endif
#ifndef SYSTEM_CACHE_ALIGNMENT_SIZE
#define SYSTEM_CACHE_ALIGNMENT_SIZE 64
#endif
#ifndef DECLSPEC_NOINLINE
#define DECLSPEC_NOINLINE __attribute__((noinline))
#endif

// A word for reading memory of any type.
#if defined(__GNUC__)
typedef UINT64 __attribute__((may_alias)) CMB_ANY_WORD;
#else
typedef UINT64 CMB_ANY_WORD;
#endif

// In place of RtlEqualMemory, which is memcmp: not every kernel exports that.
static inline BOOLEAN CmbEqualBytes(_In_reads_bytes_(Size) const VOID *First, _In_reads_bytes_(Size) const VOID *Second,
                                    _In_ ULONG Size) {
    const UCHAR *first = (const UCHAR *)First;
    const UCHAR *second = (const UCHAR *)Second;
    // SIDs of one machine, and altitudes of one group, differ at their ends.
    while (Size > 0 && first[Size - 1] == second[Size - 1]) {
        --Size;
    }
    return Size == 0;
}

// Layouts on which notify_class.c and the bodies rely, checked against whichever headers are in use (64-bit systems
// only).
C_ASSERT(sizeof(PVOID) == 8);
C_ASSERT(sizeof(REG_POST_OPERATION_INFORMATION) == 0x38);
C_ASSERT(FIELD_OFFSET(REG_POST_OPERATION_INFORMATION, CallContext) == 0x20);
C_ASSERT(sizeof(REG_CREATE_KEY_INFORMATION_V1) == 0x88);
C_ASSERT(FIELD_OFFSET(REG_CREATE_KEY_INFORMATION_V1, CallContext) == 0x50);
C_ASSERT(FIELD_OFFSET(REG_CREATE_KEY_INFORMATION_V1, Version) == 0x68);
C_ASSERT(FIELD_OFFSET(REG_LOAD_KEY_INFORMATION, CallContext) == 0x40);
C_ASSERT(sizeof(REG_LOAD_KEY_INFORMATION) == 0x58);
C_ASSERT(sizeof(REG_LOAD_KEY_INFORMATION_V2) == 0x60);
C_ASSERT(FIELD_OFFSET(REG_LOAD_KEY_INFORMATION_V2, CallContext) == 0x40);
C_ASSERT(FIELD_OFFSET(REG_LOAD_KEY_INFORMATION_V2, Version) == 0x50);
C_ASSERT(sizeof(REG_SAVE_MERGED_KEY_INFORMATION) == 0x38);
C_ASSERT(FIELD_OFFSET(REG_SAVE_MERGED_KEY_INFORMATION, FileHandle) == 0x08);
C_ASSERT(sizeof(REG_QUERY_KEY_NAME) == 0x38);
C_ASSERT(FIELD_OFFSET(REG_QUERY_KEY_NAME, CallContext) == 0x20);
C_ASSERT(FIELD_OFFSET(REG_QUERY_KEY_SECURITY_INFORMATION, CallContext) == 0x20);
C_ASSERT(FIELD_OFFSET(REG_SET_KEY_SECURITY_INFORMATION, CallContext) == 0x18);
C_ASSERT(FIELD_OFFSET(REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION, CallContext) == 0x30);
C_ASSERT(FIELD_OFFSET(REG_QUERY_VALUE_KEY_INFORMATION, CallContext) == 0x30);
C_ASSERT(FIELD_OFFSET(REG_SET_VALUE_KEY_INFORMATION, CallContext) == 0x28);
C_ASSERT(sizeof(KEY_VALUE_ENTRY) == 0x18);

#endif
