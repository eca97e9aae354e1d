// SPDX-License-Identifier: MIT
//
// The runtime library: linked lists, memory, strings, numbers as text, the system's version.

#ifndef SIMULATOR_KM_RTL_H
#define SIMULATOR_KM_RTL_H

#include "types.h"
#include "status.h"

#define RTL_CONSTANT_STRING(s)                                                                                         \
    { sizeof(s) - sizeof((s)[0]), sizeof(s), (PWCH)(s) }
#define DECLARE_CONST_UNICODE_STRING(variable, string)                                                                 \
    static const WCHAR variable##_buffer[] = string;                                                                   \
    static const UNICODE_STRING variable = {sizeof(string) - sizeof(WCHAR), sizeof(string), (PWCH)variable##_buffer}
#define DECLARE_UNICODE_STRING_SIZE(variable, characters)                                                              \
    WCHAR variable##_buffer[characters];                                                                               \
    UNICODE_STRING variable = {0, (characters) * sizeof(WCHAR), variable##_buffer}
#define UNICODE_NULL ((WCHAR)0)
#define UNICODE_STRING_MAX_BYTES ((USHORT)65534)
#define UNICODE_STRING_MAX_CHARS (32767)
#define OBJ_NAME_PATH_SEPARATOR ((WCHAR)'\\')

FORCEINLINE void InitializeListHead(PLIST_ENTRY head) {
    head->Flink = head->Blink = head;
}
FORCEINLINE BOOLEAN IsListEmpty(const LIST_ENTRY *head) {
    return head->Flink == head;
}
SIM_BEGIN_C
DECLSPEC_NORETURN VOID SimCorruptList(const LIST_ENTRY *Entry);
SIM_END_C
FORCEINLINE void SimCheckList(const LIST_ENTRY *entry) {
    // Windows' fast fail on a corrupt list.
    if (entry->Flink->Blink != entry || entry->Blink->Flink != entry) {
        SimCorruptList(entry);
    }
}
FORCEINLINE BOOLEAN RemoveEntryList(PLIST_ENTRY entry) {
    PLIST_ENTRY next = entry->Flink, previous = entry->Blink;
    SimCheckList(entry);
    previous->Flink = next;
    next->Blink = previous;
    return next == previous;
}
FORCEINLINE PLIST_ENTRY RemoveHeadList(PLIST_ENTRY head) {
    PLIST_ENTRY entry = head->Flink;
    RemoveEntryList(entry);
    return entry;
}
FORCEINLINE PLIST_ENTRY RemoveTailList(PLIST_ENTRY head) {
    PLIST_ENTRY entry = head->Blink;
    RemoveEntryList(entry);
    return entry;
}
FORCEINLINE void InsertTailList(PLIST_ENTRY head, PLIST_ENTRY entry) {
    PLIST_ENTRY last = head->Blink;
    SimCheckList(head);
    entry->Flink = head;
    entry->Blink = last;
    last->Flink = entry;
    head->Blink = entry;
}
FORCEINLINE void InsertHeadList(PLIST_ENTRY head, PLIST_ENTRY entry) {
    PLIST_ENTRY first = head->Flink;
    SimCheckList(head);
    entry->Flink = first;
    entry->Blink = head;
    first->Blink = entry;
    head->Flink = entry;
}
FORCEINLINE void AppendTailList(PLIST_ENTRY head, PLIST_ENTRY list) {
    PLIST_ENTRY end = head->Blink;
    head->Blink->Flink = list;
    head->Blink = list->Blink;
    list->Blink->Flink = head;
    list->Blink = end;
}
FORCEINLINE PSINGLE_LIST_ENTRY PopEntryList(PSINGLE_LIST_ENTRY head) {
    PSINGLE_LIST_ENTRY first = head->Next;
    if (first != NULL) {
        head->Next = first->Next;
    }
    return first;
}
FORCEINLINE void PushEntryList(PSINGLE_LIST_ENTRY head, PSINGLE_LIST_ENTRY entry) {
    entry->Next = head->Next;
    head->Next = entry;
}

// FALSE, and nothing in Index, if no bit is set.
FORCEINLINE BOOLEAN BitScanForward64(ULONG *Index, ULONG64 Mask) {
    if (Mask == 0) {
        return FALSE;
    }
    *Index = (ULONG)__builtin_ctzll(Mask);
    return TRUE;
}

SIM_BEGIN_C

// Real routines, for both may touch simulated user memory that is gone: then they raise STATUS_ACCESS_VIOLATION.
VOID RtlCopyMemory(VOID *Destination, const VOID *Source, SIZE_T Length);
VOID RtlMoveMemory(VOID *Destination, const VOID *Source, SIZE_T Length);
VOID RtlFillMemory(VOID *Destination, SIZE_T Length, UCHAR Fill);
VOID RtlZeroMemory(VOID *Destination, SIZE_T Length);
PVOID RtlSecureZeroMemory(PVOID Destination, SIZE_T Length);
SIZE_T RtlCompareMemory(const VOID *Source1, const VOID *Source2, SIZE_T Length);
#define RtlEqualMemory(a, b, length) (RtlCompareMemory((a), (b), (length)) == (SIZE_T)(length))
#define RtlCopyBytes RtlCopyMemory
#define RtlZeroBytes RtlZeroMemory

VOID RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString);
NTSTATUS RtlInitUnicodeStringEx(PUNICODE_STRING DestinationString, PCWSTR SourceString);
#define RtlInitEmptyUnicodeString(string, buffer, size)                                                                \
    ((string)->Buffer = (buffer), (string)->MaximumLength = (USHORT)(size), (string)->Length = 0)
VOID RtlInitAnsiString(PANSI_STRING DestinationString, PCSZ SourceString);
VOID RtlCopyUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString);
LONG RtlCompareUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive);
BOOLEAN RtlEqualUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive);
BOOLEAN RtlPrefixUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive);
BOOLEAN RtlSuffixUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive);
NTSTATUS RtlAppendUnicodeStringToString(PUNICODE_STRING Destination, PCUNICODE_STRING Source);
NTSTATUS RtlAppendUnicodeToString(PUNICODE_STRING Destination, PCWSTR Source);
WCHAR RtlUpcaseUnicodeChar(WCHAR SourceCharacter);
WCHAR RtlDowncaseUnicodeChar(WCHAR SourceCharacter);
NTSTATUS RtlUpcaseUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString, BOOLEAN Allocate);
VOID RtlFreeUnicodeString(PUNICODE_STRING UnicodeString);
NTSTATUS RtlHashUnicodeString(PCUNICODE_STRING String, BOOLEAN CaseInSensitive, ULONG HashAlgorithm, PULONG HashValue);
NTSTATUS RtlIntegerToUnicodeString(ULONG Value, ULONG Base, PUNICODE_STRING String);
NTSTATUS RtlInt64ToUnicodeString(ULONGLONG Value, ULONG Base, PUNICODE_STRING String);
NTSTATUS RtlUnicodeStringToInteger(PCUNICODE_STRING String, ULONG Base, PULONG Value);
ULONG RtlRandomEx(PULONG Seed);

typedef struct _OSVERSIONINFOW {
    ULONG dwOSVersionInfoSize;
    ULONG dwMajorVersion;
    ULONG dwMinorVersion;
    ULONG dwBuildNumber;
    ULONG dwPlatformId;
    WCHAR szCSDVersion[128];
} OSVERSIONINFOW, *POSVERSIONINFOW, *PRTL_OSVERSIONINFOW, RTL_OSVERSIONINFOW;
NTSTATUS RtlGetVersion(PRTL_OSVERSIONINFOW VersionInformation);

SIM_END_C

#define HASH_STRING_ALGORITHM_DEFAULT 0
#define HASH_STRING_ALGORITHM_X65599 1

#endif
