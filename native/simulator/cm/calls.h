// SPDX-License-Identifier: MIT
//
// The system calls made here, where they do not go by their real names. CM_NT: previous mode as it is; CM_ZW:
// KernelMode.

#ifndef CM_CALLS_H
#define CM_CALLS_H

#include "port.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef CM_PREFIXED_CALLS

#define CM_CALL(name, parameters)                                                                                      \
    NTSTATUS NTAPI CmNt##name parameters;                                                                              \
    NTSTATUS NTAPI CmZw##name parameters;

CM_CALL(CreateKey, (PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes, ULONG TitleIndex,
                    PUNICODE_STRING Class, ULONG CreateOptions, PULONG Disposition))
CM_CALL(OpenKey, (PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes))
CM_CALL(OpenKeyEx,
        (PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes, ULONG OpenOptions))
CM_CALL(DeleteKey, (HANDLE KeyHandle))
CM_CALL(DeleteValueKey, (HANDLE KeyHandle, PUNICODE_STRING ValueName))
CM_CALL(SetValueKey,
        (HANDLE KeyHandle, PUNICODE_STRING ValueName, ULONG TitleIndex, ULONG Type, PVOID Data, ULONG DataSize))
CM_CALL(RenameKey, (HANDLE KeyHandle, PUNICODE_STRING NewName))
CM_CALL(FlushKey, (HANDLE KeyHandle))
CM_CALL(SetInformationKey, (HANDLE KeyHandle, KEY_SET_INFORMATION_CLASS KeySetInformationClass, PVOID KeySetInformation,
                            ULONG KeySetInformationLength))
CM_CALL(EnumerateKey, (HANDLE KeyHandle, ULONG Index, KEY_INFORMATION_CLASS KeyInformationClass, PVOID KeyInformation,
                       ULONG Length, PULONG ResultLength))
CM_CALL(EnumerateValueKey, (HANDLE KeyHandle, ULONG Index, KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
                            PVOID KeyValueInformation, ULONG Length, PULONG ResultLength))
CM_CALL(QueryKey, (HANDLE KeyHandle, KEY_INFORMATION_CLASS KeyInformationClass, PVOID KeyInformation, ULONG Length,
                   PULONG ResultLength))
CM_CALL(QueryValueKey,
        (HANDLE KeyHandle, PUNICODE_STRING ValueName, KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
         PVOID KeyValueInformation, ULONG Length, PULONG ResultLength))
CM_CALL(QueryMultipleValueKey, (HANDLE KeyHandle, PKEY_VALUE_ENTRY ValueEntries, ULONG EntryCount, PVOID ValueBuffer,
                                PULONG BufferLength, PULONG RequiredBufferLength))

CM_CALL(LoadKey, (POBJECT_ATTRIBUTES TargetKey, POBJECT_ATTRIBUTES SourceFile))
CM_CALL(LoadKey2, (POBJECT_ATTRIBUTES TargetKey, POBJECT_ATTRIBUTES SourceFile, ULONG Flags))
CM_CALL(LoadKeyEx, (POBJECT_ATTRIBUTES TargetKey, POBJECT_ATTRIBUTES SourceFile, ULONG Flags, HANDLE TrustClassKey,
                    HANDLE Event, ACCESS_MASK DesiredAccess, PHANDLE RootHandle, PVOID Reserved))
CM_CALL(UnloadKey, (POBJECT_ATTRIBUTES TargetKey))
CM_CALL(UnloadKey2, (POBJECT_ATTRIBUTES TargetKey, ULONG Flags))
CM_CALL(UnloadKeyEx, (POBJECT_ATTRIBUTES TargetKey, HANDLE Event))
CM_CALL(SaveKey, (HANDLE KeyHandle, HANDLE FileHandle))
CM_CALL(SaveKeyEx, (HANDLE KeyHandle, HANDLE FileHandle, ULONG Format))
CM_CALL(SaveMergedKeys, (HANDLE HighPrecedenceKeyHandle, HANDLE LowPrecedenceKeyHandle, HANDLE FileHandle))
CM_CALL(RestoreKey, (HANDLE KeyHandle, HANDLE FileHandle, ULONG Flags))
CM_CALL(ReplaceKey, (POBJECT_ATTRIBUTES NewFile, HANDLE TargetHandle, POBJECT_ATTRIBUTES OldFile))
CM_CALL(CreateKeyTransacted,
        (PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes, ULONG TitleIndex,
         PUNICODE_STRING Class, ULONG CreateOptions, HANDLE TransactionHandle, PULONG Disposition))
CM_CALL(OpenKeyTransacted,
        (PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes, HANDLE TransactionHandle))
CM_CALL(OpenKeyTransactedEx, (PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                              ULONG OpenOptions, HANDLE TransactionHandle))

#undef CM_CALL

#endif

#ifdef __cplusplus
}
#endif

#endif
