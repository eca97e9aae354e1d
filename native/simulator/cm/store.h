// SPDX-License-Identifier: MIT
//
// What the configuration manager asks of the thing that keeps keys and values. The table is implemented in memory
// (store_memory.c) and, where a registry exists already, by calls to it.
//
// A node is the store's own handle on one key. The configuration manager holds at most one node for a key at a time,
// calls every routine under its own lock (so never two at once, at IRQL <= APC_LEVEL), checks names and lengths
// beforehand, and closes every node it was given. A node of a deleted or renamed key stays usable: deleted answers
// STATUS_KEY_DELETED, renamed goes on meaning the same key. Blocks that a routine hands out come from CmStoreAllocate;
// the caller frees them with CmStoreFree.

#ifndef CM_STORE_H
#define CM_STORE_H

#include "compat.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _CM_NODE *CM_NODE;

// What stands between a hive file and the keys, so that nobody waits for files while the registry is locked.
typedef struct _CM_IMAGE *CM_IMAGE;

// One block: the strings lie behind the structure.
typedef struct _CM_KEY_FACTS {
    LARGE_INTEGER LastWriteTime;
    ULONG TitleIndex;
    ULONG SubKeys;
    ULONG MaxNameLength; // of the subkeys; this and the others in bytes
    ULONG MaxClassLength;
    ULONG Values;
    ULONG MaxValueNameLength;
    ULONG MaxValueDataLength;
    BOOLEAN Volatile;
    BOOLEAN Link;        // a symbolic link: its value SymbolicLinkValue, of type REG_LINK, names the target
    ULONG UserFlags;     // the four bits that KeyWow64FlagsInformation sets
    UNICODE_STRING Name; // last component, in the case in which it was created
    UNICODE_STRING Class;
} CM_KEY_FACTS, *PCM_KEY_FACTS;

// One block: name and data lie behind the structure.
typedef struct _CM_VALUE {
    ULONG TitleIndex;
    ULONG Type;
    UNICODE_STRING Name;
    ULONG DataLength;
    PVOID Data; // NULL when DataLength is 0
} CM_VALUE, *PCM_VALUE;

typedef struct _CM_STORE {
    PVOID Context;

    // The key \REGISTRY.
    NTSTATUS (*OpenRoot)(PVOID Context, CM_NODE *Root);
    // STATUS_OBJECT_NAME_NOT_FOUND if there is no such child. Names compare case-insensitively, here and below. A link
    // is not followed.
    NTSTATUS (*OpenChild)(PVOID Context, CM_NODE Parent, PCUNICODE_STRING Name, CM_NODE *Child);
    // Called after OpenChild has failed to find it. Options is CreateOptions of NtCreateKey; Class may be empty.
    // STATUS_CHILD_MUST_BE_VOLATILE for a stable child of a volatile key.
    NTSTATUS(*CreateChild)
    (PVOID Context, CM_NODE Parent, PCUNICODE_STRING Name, ULONG TitleIndex, PCUNICODE_STRING Class, ULONG Options,
     CM_NODE *Child);
    VOID (*CloseNode)(PVOID Context, CM_NODE Node);
    // STATUS_CANNOT_DELETE for a key with subkeys or the root of a hive.
    NTSTATUS (*DeleteNode)(PVOID Context, CM_NODE Node);
    // STATUS_CANNOT_DELETE when another child of the parent has the name, STATUS_ACCESS_DENIED for the root of a hive.
    NTSTATUS (*RenameNode)(PVOID Context, CM_NODE Node, PCUNICODE_STRING NewName);

    NTSTATUS (*ReadKey)(PVOID Context, CM_NODE Node, PCM_KEY_FACTS *Facts);
    // STATUS_NO_MORE_ENTRIES past the end. Counts and maxima of the subkey are filled too.
    NTSTATUS (*ReadSubkey)(PVOID Context, CM_NODE Node, ULONG Index, PCM_KEY_FACTS *Facts);
    NTSTATUS (*SetWriteTime)(PVOID Context, CM_NODE Node, LARGE_INTEGER Time);
    NTSTATUS (*SetUserFlags)(PVOID Context, CM_NODE Node, ULONG Flags);
    NTSTATUS (*FlushNode)(PVOID Context, CM_NODE Node);

    // Security descriptors are self-relative. A new key has that of its parent until another is written. The block that
    // is read comes from CmStoreAllocate.
    NTSTATUS (*ReadSecurity)(PVOID Context, CM_NODE Node, PSECURITY_DESCRIPTOR *Descriptor, ULONG *Length);
    NTSTATUS (*WriteSecurity)(PVOID Context, CM_NODE Node, PSECURITY_DESCRIPTOR Descriptor, ULONG Length);

    NTSTATUS(*SetValue)
    (PVOID Context, CM_NODE Node, PCUNICODE_STRING Name, ULONG TitleIndex, ULONG Type, const VOID *Data,
     ULONG DataLength);
    // STATUS_OBJECT_NAME_NOT_FOUND when there is none; the same for ReadValue.
    NTSTATUS (*DeleteValue)(PVOID Context, CM_NODE Node, PCUNICODE_STRING Name);
    NTSTATUS (*ReadValue)(PVOID Context, CM_NODE Node, PCUNICODE_STRING Name, PCM_VALUE *Value);
    // STATUS_NO_MORE_ENTRIES past the end.
    NTSTATUS (*ReadValueAt)(PVOID Context, CM_NODE Node, ULONG Index, PCM_VALUE *Value);

    // Hives. The first four are called at PASSIVE_LEVEL, without the lock. File: a handle that kernel mode may use.

    // Opens the hive file that is going to be loaded, with Flags of NtLoadKeyEx; makes it if there is none. *File is to
    // stay open as long as the hive is loaded; NULL: the store keeps the file, and writes it, by itself.
    NTSTATUS (*OpenImage)(PVOID Context, POBJECT_ATTRIBUTES SourceFile, ULONG Flags, CM_IMAGE *Image, PHANDLE File);
    // STATUS_NOT_REGISTRY_FILE, STATUS_REGISTRY_CORRUPT, or STATUS_REGISTRY_RECOVERED, which is a success: the file was
    // not written to its end. An empty file is an empty hive.
    NTSTATUS (*ReadImage)(PVOID Context, HANDLE File, CM_IMAGE *Image);
    NTSTATUS (*WriteImage)(PVOID Context, CM_IMAGE Image, HANDLE File);
    VOID (*FreeImage)(PVOID Context, CM_IMAGE Image);
    // Of High and what is below it, without what is volatile; merged with Low and what is below it, unless that is
    // NULL: of two values with the same name that of High counts. Format: REG_STANDARD_FORMAT and so on.
    NTSTATUS (*MakeImage)(PVOID Context, CM_NODE High, CM_NODE Low, ULONG Format, CM_IMAGE *Image);
    // The image, from ReadImage, becomes the hive Name below Parent, where OpenChild has not found that name, and is
    // empty afterwards. STATUS_INVALID_PARAMETER where hives cannot hang.
    NTSTATUS (*LoadHive)(PVOID Context, CM_NODE Parent, PCUNICODE_STRING Name, CM_IMAGE Image, CM_NODE *Root);
    // STATUS_INVALID_PARAMETER for what LoadHive has not made. Nodes of the hive's keys are then those of deleted keys.
    NTSTATUS (*UnloadHive)(PVOID Context, CM_NODE Root);
    // Subkeys, values, class and security of Node are replaced by those of the image. Nodes below it are then those of
    // deleted keys. Volatile: all the new keys are.
    NTSTATUS (*RestoreTree)(PVOID Context, CM_NODE Node, CM_IMAGE Image, BOOLEAN Volatile);
    // STATUS_INVALID_PARAMETER if the node is not the root of a hive.
    NTSTATUS (*CheckHiveRoot)(PVOID Context, CM_NODE Node);
    // How often the hive, given by its root, was changed so far. 0 if the store writes hives by itself.
    ULONG64 (*HiveChanges)(PVOID Context, CM_NODE Root);
} CM_STORE, *PCM_STORE;

// Non-paged pool, zeroed. NULL when there is none, or when a test asked for that (CmFailAllocation).
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
PVOID CmStoreAllocate(SIZE_T Size);
_IRQL_requires_max_(APC_LEVEL)
VOID CmStoreFree(PVOID Block);

// Allocate and fill the blocks described above; STATUS_INSUFFICIENT_RESOURCES otherwise. The strings are copied.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS CmStoreMakeFacts(PCUNICODE_STRING Name, PCUNICODE_STRING Class, PCM_KEY_FACTS *Facts);
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS CmStoreMakeValue(PCUNICODE_STRING Name, const VOID *Data, ULONG DataLength, PCM_VALUE *Value);

// The hive in memory, filled like a freshly installed machine.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS CmMemoryStoreCreate(PCM_STORE *Store);
_IRQL_requires_max_(APC_LEVEL)
VOID CmMemoryStoreDestroy(PCM_STORE Store);

#ifdef __cplusplus
}
#endif

#endif
