// SPDX-License-Identifier: MIT
//
// The system calls as kernel code makes them: previous mode KernelMode.

#include "calls.h"

#define CM_FROM_KERNEL(call)                                                                                           \
    KPROCESSOR_MODE Mode = CmPortSetPreviousMode(KernelMode);                                                          \
    NTSTATUS Status = call;                                                                                            \
    CmPortSetPreviousMode(Mode);                                                                                       \
    return Status

NTSTATUS NTAPI CM_ZW(CreateKey)(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                                ULONG TitleIndex, PUNICODE_STRING Class, ULONG CreateOptions, PULONG Disposition) {
    CM_FROM_KERNEL(
        CM_NT(CreateKey)(KeyHandle, DesiredAccess, ObjectAttributes, TitleIndex, Class, CreateOptions, Disposition));
}

NTSTATUS NTAPI CM_ZW(OpenKey)(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes) {
    CM_FROM_KERNEL(CM_NT(OpenKey)(KeyHandle, DesiredAccess, ObjectAttributes));
}

NTSTATUS NTAPI CM_ZW(OpenKeyEx)(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                                ULONG OpenOptions) {
    CM_FROM_KERNEL(CM_NT(OpenKeyEx)(KeyHandle, DesiredAccess, ObjectAttributes, OpenOptions));
}

NTSTATUS NTAPI CM_ZW(DeleteKey)(HANDLE KeyHandle) {
    CM_FROM_KERNEL(CM_NT(DeleteKey)(KeyHandle));
}

NTSTATUS NTAPI CM_ZW(DeleteValueKey)(HANDLE KeyHandle, PUNICODE_STRING ValueName) {
    CM_FROM_KERNEL(CM_NT(DeleteValueKey)(KeyHandle, ValueName));
}

NTSTATUS NTAPI CM_ZW(SetValueKey)(HANDLE KeyHandle, PUNICODE_STRING ValueName, ULONG TitleIndex, ULONG Type, PVOID Data,
                                  ULONG DataSize) {
    CM_FROM_KERNEL(CM_NT(SetValueKey)(KeyHandle, ValueName, TitleIndex, Type, Data, DataSize));
}

NTSTATUS NTAPI CM_ZW(RenameKey)(HANDLE KeyHandle, PUNICODE_STRING NewName) {
    CM_FROM_KERNEL(CM_NT(RenameKey)(KeyHandle, NewName));
}

NTSTATUS NTAPI CM_ZW(FlushKey)(HANDLE KeyHandle) {
    CM_FROM_KERNEL(CM_NT(FlushKey)(KeyHandle));
}

NTSTATUS NTAPI CM_ZW(SetInformationKey)(HANDLE KeyHandle, KEY_SET_INFORMATION_CLASS KeySetInformationClass,
                                        PVOID KeySetInformation, ULONG KeySetInformationLength) {
    CM_FROM_KERNEL(
        CM_NT(SetInformationKey)(KeyHandle, KeySetInformationClass, KeySetInformation, KeySetInformationLength));
}

NTSTATUS NTAPI CM_ZW(EnumerateKey)(HANDLE KeyHandle, ULONG Index, KEY_INFORMATION_CLASS KeyInformationClass,
                                   PVOID KeyInformation, ULONG Length, PULONG ResultLength) {
    CM_FROM_KERNEL(CM_NT(EnumerateKey)(KeyHandle, Index, KeyInformationClass, KeyInformation, Length, ResultLength));
}

NTSTATUS NTAPI CM_ZW(EnumerateValueKey)(HANDLE KeyHandle, ULONG Index,
                                        KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass, PVOID KeyValueInformation,
                                        ULONG Length, PULONG ResultLength) {
    CM_FROM_KERNEL(CM_NT(EnumerateValueKey)(KeyHandle, Index, KeyValueInformationClass, KeyValueInformation, Length,
                                            ResultLength));
}

NTSTATUS NTAPI CM_ZW(QueryKey)(HANDLE KeyHandle, KEY_INFORMATION_CLASS KeyInformationClass, PVOID KeyInformation,
                               ULONG Length, PULONG ResultLength) {
    CM_FROM_KERNEL(CM_NT(QueryKey)(KeyHandle, KeyInformationClass, KeyInformation, Length, ResultLength));
}

NTSTATUS NTAPI CM_ZW(QueryValueKey)(HANDLE KeyHandle, PUNICODE_STRING ValueName,
                                    KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass, PVOID KeyValueInformation,
                                    ULONG Length, PULONG ResultLength) {
    CM_FROM_KERNEL(CM_NT(QueryValueKey)(KeyHandle, ValueName, KeyValueInformationClass, KeyValueInformation, Length,
                                        ResultLength));
}

NTSTATUS NTAPI CM_ZW(QueryMultipleValueKey)(HANDLE KeyHandle, PKEY_VALUE_ENTRY ValueEntries, ULONG EntryCount,
                                            PVOID ValueBuffer, PULONG BufferLength, PULONG RequiredBufferLength) {
    CM_FROM_KERNEL(CM_NT(QueryMultipleValueKey)(KeyHandle, ValueEntries, EntryCount, ValueBuffer, BufferLength,
                                                RequiredBufferLength));
}

NTSTATUS NTAPI CM_ZW(LoadKey)(POBJECT_ATTRIBUTES TargetKey, POBJECT_ATTRIBUTES SourceFile) {
    CM_FROM_KERNEL(CM_NT(LoadKey)(TargetKey, SourceFile));
}

NTSTATUS NTAPI CM_ZW(LoadKey2)(POBJECT_ATTRIBUTES TargetKey, POBJECT_ATTRIBUTES SourceFile, ULONG Flags) {
    CM_FROM_KERNEL(CM_NT(LoadKey2)(TargetKey, SourceFile, Flags));
}

NTSTATUS NTAPI CM_ZW(LoadKeyEx)(POBJECT_ATTRIBUTES TargetKey, POBJECT_ATTRIBUTES SourceFile, ULONG Flags,
                                HANDLE TrustClassKey, HANDLE Event, ACCESS_MASK DesiredAccess, PHANDLE RootHandle,
                                PVOID Reserved) {
    CM_FROM_KERNEL(
        CM_NT(LoadKeyEx)(TargetKey, SourceFile, Flags, TrustClassKey, Event, DesiredAccess, RootHandle, Reserved));
}

NTSTATUS NTAPI CM_ZW(UnloadKey)(POBJECT_ATTRIBUTES TargetKey) {
    CM_FROM_KERNEL(CM_NT(UnloadKey)(TargetKey));
}

NTSTATUS NTAPI CM_ZW(UnloadKey2)(POBJECT_ATTRIBUTES TargetKey, ULONG Flags) {
    CM_FROM_KERNEL(CM_NT(UnloadKey2)(TargetKey, Flags));
}

NTSTATUS NTAPI CM_ZW(UnloadKeyEx)(POBJECT_ATTRIBUTES TargetKey, HANDLE Event) {
    CM_FROM_KERNEL(CM_NT(UnloadKeyEx)(TargetKey, Event));
}

NTSTATUS NTAPI CM_ZW(SaveKey)(HANDLE KeyHandle, HANDLE FileHandle) {
    CM_FROM_KERNEL(CM_NT(SaveKey)(KeyHandle, FileHandle));
}

NTSTATUS NTAPI CM_ZW(SaveKeyEx)(HANDLE KeyHandle, HANDLE FileHandle, ULONG Format) {
    CM_FROM_KERNEL(CM_NT(SaveKeyEx)(KeyHandle, FileHandle, Format));
}

NTSTATUS NTAPI CM_ZW(SaveMergedKeys)(HANDLE HighPrecedenceKeyHandle, HANDLE LowPrecedenceKeyHandle, HANDLE FileHandle) {
    CM_FROM_KERNEL(CM_NT(SaveMergedKeys)(HighPrecedenceKeyHandle, LowPrecedenceKeyHandle, FileHandle));
}

NTSTATUS NTAPI CM_ZW(RestoreKey)(HANDLE KeyHandle, HANDLE FileHandle, ULONG Flags) {
    CM_FROM_KERNEL(CM_NT(RestoreKey)(KeyHandle, FileHandle, Flags));
}

NTSTATUS NTAPI CM_ZW(ReplaceKey)(POBJECT_ATTRIBUTES NewFile, HANDLE TargetHandle, POBJECT_ATTRIBUTES OldFile) {
    CM_FROM_KERNEL(CM_NT(ReplaceKey)(NewFile, TargetHandle, OldFile));
}

NTSTATUS NTAPI CM_ZW(CreateKeyTransacted)(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                                          POBJECT_ATTRIBUTES ObjectAttributes, ULONG TitleIndex, PUNICODE_STRING Class,
                                          ULONG CreateOptions, HANDLE TransactionHandle, PULONG Disposition) {
    CM_FROM_KERNEL(CM_NT(CreateKeyTransacted)(KeyHandle, DesiredAccess, ObjectAttributes, TitleIndex, Class,
                                              CreateOptions, TransactionHandle, Disposition));
}

NTSTATUS NTAPI CM_ZW(OpenKeyTransacted)(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                                        POBJECT_ATTRIBUTES ObjectAttributes, HANDLE TransactionHandle) {
    CM_FROM_KERNEL(CM_NT(OpenKeyTransacted)(KeyHandle, DesiredAccess, ObjectAttributes, TransactionHandle));
}

NTSTATUS NTAPI CM_ZW(OpenKeyTransactedEx)(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                                          POBJECT_ATTRIBUTES ObjectAttributes, ULONG OpenOptions,
                                          HANDLE TransactionHandle) {
    CM_FROM_KERNEL(
        CM_NT(OpenKeyTransactedEx)(KeyHandle, DesiredAccess, ObjectAttributes, OpenOptions, TransactionHandle));
}
