// SPDX-License-Identifier: MIT
//
// Hives: Wine reads and writes the files, as text of its own. What is not in there is lost: security descriptors and
// title indexes. Wine does not write what it unloads, so that is done here.

#include "store_zw.h"

#define MAX_PATH_BYTES 0xFFFE
#define SE_BACKUP 17
#define SE_RESTORE 18

// Where a hive comes from, or the key that is to be saved.
struct _CM_IMAGE {
    OBJECT_ATTRIBUTES Source;
    UNICODE_STRING Name;
    HANDLE Key;
};

// One that was loaded. All routines that see this list are called under the configuration manager's lock.
typedef struct HIVE {
    struct HIVE *Next;
    UNICODE_STRING Path; // of its root
    UNICODE_STRING File;
} HIVE;

static HIVE *Hives;

// Wine's server wants the privileges of the process that asks it: this one.
static NTSTATUS EnablePrivilege(ULONG Privilege) {
    TOKEN_PRIVILEGES wanted = {.PrivilegeCount = 1};
    NTSTATUS status;
    HANDLE token;

    wanted.Privileges[0].Luid.LowPart = Privilege;
    wanted.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
    status = ZwOpenProcessTokenEx(NtCurrentProcess(), TOKEN_ADJUST_PRIVILEGES, OBJ_KERNEL_HANDLE, &token);
    if (NT_SUCCESS(status)) {
        status = ZwAdjustPrivilegesToken(token, FALSE, &wanted, 0, NULL, NULL);
        ZwClose(token);
    }
    return status;
}

// The key below which application hives hang, which Wine lacks.
static NTSTATUS MakeFrame(CM_NODE Root) {
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING name;
    NTSTATUS status;
    HANDLE key;

    RtlInitUnicodeString(&name, L"A");
    CmkNameAttributes(&attributes, Root, &name);
    status = ZwCreateKey(&key, MAXIMUM_ALLOWED, &attributes, 0, NULL, 0, NULL);
    if (NT_SUCCESS(status)) {
        ZwClose(key);
    }
    return status;
}

NTSTATUS CmkPrepareHives(CM_NODE Root) {
    NTSTATUS status = EnablePrivilege(SE_BACKUP);

    if (NT_SUCCESS(status)) {
        status = EnablePrivilege(SE_RESTORE);
    }
    return NT_SUCCESS(status) ? MakeFrame(Root) : status;
}

NTSTATUS CmkOpenImage(PVOID Context, POBJECT_ATTRIBUTES SourceFile, ULONG Flags, CM_IMAGE *Image, PHANDLE File) {
    CM_IMAGE image = CmStoreAllocate(sizeof *image + SourceFile->ObjectName->Length);

    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Flags);
    if (!image) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    image->Name.Buffer = (PWCH)(image + 1);
    image->Name.Length = image->Name.MaximumLength = SourceFile->ObjectName->Length;
    RtlCopyMemory(image->Name.Buffer, SourceFile->ObjectName->Buffer, image->Name.Length);
    image->Source = *SourceFile;
    image->Source.ObjectName = &image->Name;
    *Image = image;
    *File = NULL;
    return STATUS_SUCCESS;
}

// For restoring, which Wine does not do.
NTSTATUS CmkReadImage(PVOID Context, HANDLE File, CM_IMAGE *Image) {
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(File);
    UNREFERENCED_PARAMETER(Image);
    return STATUS_NOT_SUPPORTED;
}

NTSTATUS CmkWriteImage(PVOID Context, CM_IMAGE Image, HANDLE File) {
    UNREFERENCED_PARAMETER(Context);
    return ZwSaveKey(Image->Key, File);
}

VOID CmkFreeImage(PVOID Context, CM_IMAGE Image) {
    UNREFERENCED_PARAMETER(Context);
    if (Image->Key) {
        ZwClose(Image->Key);
    }
    CmStoreFree(Image);
}

NTSTATUS CmkMakeImage(PVOID Context, CM_NODE High, CM_NODE Low, ULONG Format, CM_IMAGE *Image) {
    UNICODE_STRING itself = {0};
    OBJECT_ATTRIBUTES attributes;
    CM_IMAGE image;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Format);
    if (Low) {
        return STATUS_NOT_SUPPORTED;
    }
    image = CmStoreAllocate(sizeof *image);
    if (!image) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    // A handle of its own, for the node may be closed before the file is written.
    CmkNameAttributes(&attributes, High, &itself);
    status = ZwOpenKey(&image->Key, KEY_READ, &attributes);
    if (!NT_SUCCESS(status)) {
        CmStoreFree(image);
        return status;
    }
    *Image = image;
    return STATUS_SUCCESS;
}

static NTSTATUS ReadPath(CM_NODE Node, PKEY_NAME_INFORMATION *Path) {
    PKEY_NAME_INFORMATION path = CmStoreAllocate(sizeof *path + MAX_PATH_BYTES);
    NTSTATUS status;
    ULONG length;

    if (!path) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    status = ZwQueryKey(Node->Key, KeyNameInformation, path, sizeof *path + MAX_PATH_BYTES, &length);
    if (!NT_SUCCESS(status)) {
        CmStoreFree(path);
        return status;
    }
    *Path = path;
    return STATUS_SUCCESS;
}

static UNICODE_STRING PathOf(PKEY_NAME_INFORMATION Path) {
    UNICODE_STRING path = {(USHORT)Path->NameLength, (USHORT)Path->NameLength, Path->Name};

    return path;
}

static NTSTATUS Remember(CM_NODE Root, PCUNICODE_STRING File) {
    PKEY_NAME_INFORMATION path;
    NTSTATUS status = ReadPath(Root, &path);
    HIVE *hive;

    if (!NT_SUCCESS(status)) {
        return status;
    }
    hive = CmStoreAllocate(sizeof *hive + path->NameLength + File->Length);
    if (!hive) {
        CmStoreFree(path);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    hive->Path = PathOf(path);
    hive->Path.Buffer = (PWCH)(hive + 1);
    RtlCopyMemory(hive->Path.Buffer, path->Name, path->NameLength);
    hive->File = *File;
    hive->File.Buffer = (PWCH)((PUCHAR)hive->Path.Buffer + hive->Path.Length);
    hive->File.MaximumLength = File->Length;
    RtlCopyMemory(hive->File.Buffer, File->Buffer, File->Length);
    hive->Next = Hives;
    Hives = hive;
    CmStoreFree(path);
    return STATUS_SUCCESS;
}

NTSTATUS CmkLoadHive(PVOID Context, CM_NODE Parent, PCUNICODE_STRING Name, CM_IMAGE Image, CM_NODE *Root) {
    OBJECT_ATTRIBUTES attributes;
    NTSTATUS status;

    CmkNameAttributes(&attributes, Parent, Name);
    status = ZwLoadKey(&attributes, &Image->Source);
    if (NT_SUCCESS(status)) {
        status = CmkOpenChild(Context, Parent, Name, Root);
    }
    return NT_SUCCESS(status) ? Remember(*Root, &Image->Name) : status;
}

static NTSTATUS WriteBack(CM_NODE Root, PUNICODE_STRING File) {
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK io;
    NTSTATUS status;
    HANDLE file;

    InitializeObjectAttributes(&attributes, File, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    status = ZwCreateFile(&file, GENERIC_WRITE | SYNCHRONIZE, &attributes, &io, NULL, FILE_ATTRIBUTE_NORMAL, 0,
                          FILE_OVERWRITE_IF, FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, NULL, 0);
    if (NT_SUCCESS(status)) {
        status = ZwSaveKey(Root->Key, file);
        ZwClose(file);
    }
    return status;
}

// Wine does not unload a key that is open.
static NTSTATUS Unload(CM_NODE Root, PUNICODE_STRING Path) {
    OBJECT_ATTRIBUTES attributes;
    NTSTATUS status;

    ZwClose(Root->Key);
    Root->Key = NULL;
    CmkNameAttributes(&attributes, NULL, Path);
    status = ZwUnloadKey(&attributes);
    if (!NT_SUCCESS(status) && !NT_SUCCESS(ZwOpenKey(&Root->Key, MAXIMUM_ALLOWED, &attributes))) {
        Root->Key = NULL;
    }
    return status;
}

NTSTATUS CmkUnloadHive(PVOID Context, CM_NODE Root) {
    PKEY_NAME_INFORMATION path;
    UNICODE_STRING name;
    NTSTATUS status = ReadPath(Root, &path);
    HIVE **link = &Hives;
    HIVE *hive;

    UNREFERENCED_PARAMETER(Context);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    name = PathOf(path);
    while (*link && !RtlEqualUnicodeString(&(*link)->Path, &name, TRUE)) {
        link = &(*link)->Next;
    }
    hive = *link;
    status = hive ? WriteBack(Root, &hive->File) : STATUS_INVALID_PARAMETER;
    if (NT_SUCCESS(status)) {
        status = Unload(Root, &name);
    }
    if (NT_SUCCESS(status)) {
        *link = hive->Next;
        CmStoreFree(hive);
    }
    CmStoreFree(path);
    return status;
}

NTSTATUS CmkRestoreTree(PVOID Context, CM_NODE Node, CM_IMAGE Image, BOOLEAN Volatile) {
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Node);
    UNREFERENCED_PARAMETER(Image);
    UNREFERENCED_PARAMETER(Volatile);
    return STATUS_NOT_SUPPORTED;
}

// Wine does not tell, and what is asked for roots only it cannot do.
NTSTATUS CmkCheckHiveRoot(PVOID Context, CM_NODE Node) {
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Node);
    return STATUS_NOT_SUPPORTED;
}

ULONG64 CmkHiveChanges(PVOID Context, CM_NODE Root) {
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Root);
    return 0;
}
