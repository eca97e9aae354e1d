// SPDX-License-Identifier: MIT
//
// System services. Nt: the current previous mode decides whether arguments are probed; Zw: previous mode is KernelMode.

#ifndef SIMULATOR_KM_ZW_H
#define SIMULATOR_KM_ZW_H

#include "ke.h"
#include "key.h"
#include "ob.h"

SIM_BEGIN_C

typedef enum _OBJECT_INFORMATION_CLASS {
    ObjectBasicInformation = 0,
    ObjectNameInformation = 1,
    ObjectTypeInformation = 2
} OBJECT_INFORMATION_CLASS;

NTSTATUS NtClose(HANDLE Handle);
NTSTATUS ZwClose(HANDLE Handle);
#define EVENT_QUERY_STATE 0x0001
#define EVENT_MODIFY_STATE 0x0002
#define EVENT_ALL_ACCESS (STANDARD_RIGHTS_REQUIRED | SYNCHRONIZE | 0x3)
// Events have no names here.
NTSTATUS NtCreateEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                       EVENT_TYPE EventType, BOOLEAN InitialState);
NTSTATUS ZwCreateEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                       EVENT_TYPE EventType, BOOLEAN InitialState);
#define DUPLICATE_CLOSE_SOURCE 0x00000001
#define DUPLICATE_SAME_ACCESS 0x00000002
#define DUPLICATE_SAME_ATTRIBUTES 0x00000004
NTSTATUS NtDuplicateObject(HANDLE SourceProcessHandle, HANDLE SourceHandle, HANDLE TargetProcessHandle,
                           PHANDLE TargetHandle, ACCESS_MASK DesiredAccess, ULONG HandleAttributes, ULONG Options);
NTSTATUS ZwDuplicateObject(HANDLE SourceProcessHandle, HANDLE SourceHandle, HANDLE TargetProcessHandle,
                           PHANDLE TargetHandle, ACCESS_MASK DesiredAccess, ULONG HandleAttributes, ULONG Options);
NTSTATUS NtSetSecurityObject(HANDLE Handle, SECURITY_INFORMATION SecurityInformation,
                             PSECURITY_DESCRIPTOR SecurityDescriptor);
NTSTATUS ZwSetSecurityObject(HANDLE Handle, SECURITY_INFORMATION SecurityInformation,
                             PSECURITY_DESCRIPTOR SecurityDescriptor);
NTSTATUS NtQuerySecurityObject(HANDLE Handle, SECURITY_INFORMATION SecurityInformation,
                               PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Length, PULONG LengthNeeded);
NTSTATUS ZwQuerySecurityObject(HANDLE Handle, SECURITY_INFORMATION SecurityInformation,
                               PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Length, PULONG LengthNeeded);
NTSTATUS ZwWaitForSingleObject(HANDLE Handle, BOOLEAN Alertable, PLARGE_INTEGER Timeout);

#define SIM_KEY_SERVICE(name, parameters)                                                                              \
    NTSTATUS Nt##name parameters;                                                                                      \
    NTSTATUS Zw##name parameters;

SIM_KEY_SERVICE(CreateKey, (PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                            ULONG TitleIndex, PUNICODE_STRING Class, ULONG CreateOptions, PULONG Disposition))
SIM_KEY_SERVICE(OpenKey, (PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes))
SIM_KEY_SERVICE(OpenKeyEx,
                (PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes, ULONG OpenOptions))
SIM_KEY_SERVICE(DeleteKey, (HANDLE KeyHandle))
SIM_KEY_SERVICE(DeleteValueKey, (HANDLE KeyHandle, PUNICODE_STRING ValueName))
SIM_KEY_SERVICE(SetValueKey,
                (HANDLE KeyHandle, PUNICODE_STRING ValueName, ULONG TitleIndex, ULONG Type, PVOID Data, ULONG DataSize))
SIM_KEY_SERVICE(RenameKey, (HANDLE KeyHandle, PUNICODE_STRING NewName))
SIM_KEY_SERVICE(FlushKey, (HANDLE KeyHandle))
SIM_KEY_SERVICE(SetInformationKey, (HANDLE KeyHandle, KEY_SET_INFORMATION_CLASS KeySetInformationClass,
                                    PVOID KeySetInformation, ULONG KeySetInformationLength))
SIM_KEY_SERVICE(EnumerateKey, (HANDLE KeyHandle, ULONG Index, KEY_INFORMATION_CLASS KeyInformationClass,
                               PVOID KeyInformation, ULONG Length, PULONG ResultLength))
SIM_KEY_SERVICE(EnumerateValueKey, (HANDLE KeyHandle, ULONG Index, KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
                                    PVOID KeyValueInformation, ULONG Length, PULONG ResultLength))
SIM_KEY_SERVICE(QueryKey, (HANDLE KeyHandle, KEY_INFORMATION_CLASS KeyInformationClass, PVOID KeyInformation,
                           ULONG Length, PULONG ResultLength))
SIM_KEY_SERVICE(QueryValueKey,
                (HANDLE KeyHandle, PUNICODE_STRING ValueName, KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
                 PVOID KeyValueInformation, ULONG Length, PULONG ResultLength))
SIM_KEY_SERVICE(QueryMultipleValueKey, (HANDLE KeyHandle, PKEY_VALUE_ENTRY ValueEntries, ULONG EntryCount,
                                        PVOID ValueBuffer, PULONG BufferLength, PULONG RequiredBufferLength))
SIM_KEY_SERVICE(LoadKey, (POBJECT_ATTRIBUTES TargetKey, POBJECT_ATTRIBUTES SourceFile))
SIM_KEY_SERVICE(LoadKey2, (POBJECT_ATTRIBUTES TargetKey, POBJECT_ATTRIBUTES SourceFile, ULONG Flags))
SIM_KEY_SERVICE(LoadKeyEx,
                (POBJECT_ATTRIBUTES TargetKey, POBJECT_ATTRIBUTES SourceFile, ULONG Flags, HANDLE TrustClassKey,
                 HANDLE Event, ACCESS_MASK DesiredAccess, PHANDLE RootHandle, PVOID Reserved))
SIM_KEY_SERVICE(UnloadKey, (POBJECT_ATTRIBUTES TargetKey))
SIM_KEY_SERVICE(UnloadKey2, (POBJECT_ATTRIBUTES TargetKey, ULONG Flags))
SIM_KEY_SERVICE(UnloadKeyEx, (POBJECT_ATTRIBUTES TargetKey, HANDLE Event))
SIM_KEY_SERVICE(SaveKey, (HANDLE KeyHandle, HANDLE FileHandle))
SIM_KEY_SERVICE(SaveKeyEx, (HANDLE KeyHandle, HANDLE FileHandle, ULONG Format))
SIM_KEY_SERVICE(SaveMergedKeys, (HANDLE HighPrecedenceKeyHandle, HANDLE LowPrecedenceKeyHandle, HANDLE FileHandle))
SIM_KEY_SERVICE(RestoreKey, (HANDLE KeyHandle, HANDLE FileHandle, ULONG Flags))
SIM_KEY_SERVICE(ReplaceKey, (POBJECT_ATTRIBUTES NewFile, HANDLE TargetHandle, POBJECT_ATTRIBUTES OldFile))
SIM_KEY_SERVICE(CreateKeyTransacted,
                (PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes, ULONG TitleIndex,
                 PUNICODE_STRING Class, ULONG CreateOptions, HANDLE TransactionHandle, PULONG Disposition))
SIM_KEY_SERVICE(OpenKeyTransacted, (PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                                    HANDLE TransactionHandle))
SIM_KEY_SERVICE(OpenKeyTransactedEx, (PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                                      ULONG OpenOptions, HANDLE TransactionHandle))
SIM_KEY_SERVICE(QueryObject, (HANDLE Handle, OBJECT_INFORMATION_CLASS ObjectInformationClass, PVOID ObjectInformation,
                              ULONG ObjectInformationLength, PULONG ReturnLength))

SIM_END_C

#endif
