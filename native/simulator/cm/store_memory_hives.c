// SPDX-License-Identifier: MIT
//
// The hive in memory: loading, saving and replacing parts of it.

#include "cmp.h"
#include "store_hive.h"

// Either a tree, from a file, or the bytes of one to be.
struct _CM_IMAGE {
    CM_NODE Root;
    PVOID Bytes;
    ULONG Length;
};

static NTSTATUS CmpReadFile(HANDLE File, PVOID Buffer, ULONG Length) {
    LARGE_INTEGER Offset = {.QuadPart = 0};

    while (Length != 0) {
        IO_STATUS_BLOCK Done = {.Information = 0};
        NTSTATUS Status = ZwReadFile(File, NULL, NULL, NULL, &Done, Buffer, Length, &Offset, NULL);

        if (!NT_SUCCESS(Status)) {
            return Status;
        }
        // Shorter than it was a moment ago.
        if (Done.Information == 0 || Done.Information > Length) {
            return STATUS_REGISTRY_IO_FAILED;
        }
        Buffer = (PUCHAR)Buffer + Done.Information;
        Length -= (ULONG)Done.Information;
        Offset.QuadPart += (LONGLONG)Done.Information;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS CmpWriteFile(HANDLE File, ULONG Position, const VOID *Buffer, ULONG Length) {
    LARGE_INTEGER Offset = {.QuadPart = Position};

    while (Length != 0) {
        IO_STATUS_BLOCK Done = {.Information = 0};
        NTSTATUS Status = ZwWriteFile(File, NULL, NULL, NULL, &Done, (PVOID)Buffer, Length, &Offset, NULL);

        if (!NT_SUCCESS(Status)) {
            return Status;
        }
        if (Done.Information == 0 || Done.Information > Length) {
            return STATUS_REGISTRY_IO_FAILED;
        }
        Buffer = (const UCHAR *)Buffer + Done.Information;
        Length -= (ULONG)Done.Information;
        Offset.QuadPart += (LONGLONG)Done.Information;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS CmpParseFile(PCM_MEMORY_STORE Memory, HANDLE File, ULONG Length, CM_NODE *Root) {
    static const UNICODE_STRING NoText;
    PVOID Bytes;
    NTSTATUS Status;

    if (Length == 0) {
        return CmpMakeNode(NULL, &NoText, 0, &NoText, FALSE, Root);
    }
    Bytes = CmStoreAllocate(Length);
    if (Bytes == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = CmpReadFile(File, Bytes, Length);
    if (NT_SUCCESS(Status)) {
        // For the descriptors, which all keys of the store share.
        CmpLockRegistry();
        Status = CmpReadHive(Memory, Bytes, Length, Root);
        CmpUnlockRegistry();
    }
    CmStoreFree(Bytes);
    return Status;
}

static NTSTATUS CmpMemoryReadImage(PVOID Context, HANDLE File, CM_IMAGE *Image) {
    FILE_STANDARD_INFORMATION Facts;
    IO_STATUS_BLOCK Done;
    CM_IMAGE Made;
    NTSTATUS Status = ZwQueryInformationFile(File, &Done, &Facts, sizeof(Facts), FileStandardInformation);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    if (Facts.EndOfFile.QuadPart < 0 || Facts.EndOfFile.QuadPart > CM_MAX_HIVE_FILE) {
        return STATUS_FILE_TOO_LARGE;
    }
    Made = CmStoreAllocate(sizeof(*Made));
    if (Made == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = CmpParseFile(Context, File, (ULONG)Facts.EndOfFile.QuadPart, &Made->Root);
    if (!NT_SUCCESS(Status)) {
        CmStoreFree(Made);
        return Status;
    }
    *Image = Made;
    return Status;
}

static NTSTATUS CmpMemoryOpenImage(PVOID Context, POBJECT_ATTRIBUTES SourceFile, ULONG Flags, CM_IMAGE *Image,
                                   PHANDLE File) {
    BOOLEAN ReadOnly = (Flags & REG_OPEN_READ_ONLY) != 0;
    IO_STATUS_BLOCK Done;
    HANDLE Opened;
    // Nobody else may open the file of a loaded hive.
    NTSTATUS Status = ZwCreateFile(&Opened, FILE_READ_DATA | SYNCHRONIZE | (ReadOnly ? 0 : FILE_WRITE_DATA | DELETE),
                                   SourceFile, &Done, NULL, FILE_ATTRIBUTE_NORMAL, ReadOnly ? FILE_SHARE_READ : 0,
                                   ReadOnly ? FILE_OPEN : FILE_OPEN_IF,
                                   FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, NULL, 0);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpMemoryReadImage(Context, Opened, Image);
    if (NT_SUCCESS(Status)) {
        *File = Opened;
    } else {
        ZwClose(Opened);
    }
    return Status;
}

// The header goes first and says that the rest is not there yet, then the rest, then the header as it is to be: whoever
// finds the file after a write that was cut short can tell.
static NTSTATUS CmpMemoryWriteImage(PVOID Context, CM_IMAGE Image, HANDLE File) {
    FILE_END_OF_FILE_INFORMATION End = {.EndOfFile.QuadPart = Image->Length};
    CM_HIVE_HEADER *Header = Image->Bytes;
    IO_STATUS_BLOCK Done;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(Context);
    Header->Sequence2--;
    Header->Checksum = CmpHiveChecksum(Header);
    Status = CmpWriteFile(File, 0, Header, sizeof(*Header));
    Header->Sequence2++;
    Header->Checksum = CmpHiveChecksum(Header);
    if (NT_SUCCESS(Status)) {
        Status = CmpWriteFile(File, sizeof(*Header), Header + 1, Image->Length - (ULONG)sizeof(*Header));
    }
    if (NT_SUCCESS(Status)) {
        Status = ZwSetInformationFile(File, &Done, &End, sizeof(End), FileEndOfFileInformation);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpWriteFile(File, 0, Header, sizeof(*Header));
    }
    return NT_SUCCESS(Status) ? ZwFlushBuffersFile(File, &Done) : Status;
}

static VOID CmpMemoryFreeImage(PVOID Context, CM_IMAGE Image) {
    UNREFERENCED_PARAMETER(Context);
    if (Image->Root != NULL) {
        CmpLockRegistry();
        CmpFreeTree(Image->Root);
        CmpUnlockRegistry();
    }
    CmStoreFree(Image->Bytes);
    CmStoreFree(Image);
}

static NTSTATUS CmpMemoryMakeImage(PVOID Context, CM_NODE High, CM_NODE Low, ULONG Format, CM_IMAGE *Image) {
    CM_IMAGE Made;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(Context);
    if (High->Deleted || (Low != NULL && Low->Deleted)) {
        return STATUS_KEY_DELETED;
    }
    Made = CmStoreAllocate(sizeof(*Made));
    if (Made == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = CmpWriteHive(High, Low, Format == REG_STANDARD_FORMAT ? 3 : 5, &Made->Bytes, &Made->Length);
    if (!NT_SUCCESS(Status)) {
        CmStoreFree(Made);
        return Status;
    }
    *Image = Made;
    return STATUS_SUCCESS;
}

// What has no descriptor in the file gets that of its parent.
static VOID CmpInheritSecurity(CM_NODE Node, CM_NODE From) {
    if (Node->Security == NULL) {
        CmpShareNodeSecurity(Node, From);
    }
    for (ULONG i = 0; i < Node->Children.Count; i++) {
        CmpInheritSecurity(Node->Children.Items[i], Node);
    }
}

static NTSTATUS CmpMemoryLoadHive(PVOID Context, CM_NODE Parent, PCUNICODE_STRING Name, CM_IMAGE Image,
                                  CM_NODE *Loaded) {
    CM_NODE Root = Image->Root;
    UNICODE_STRING Copy;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(Context);
    if (!Parent->Master || Parent->Parent == NULL) {
        return STATUS_INVALID_PARAMETER;
    }
    Status = CmpCaptureString(&Copy, Name, KernelMode);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    CmpReleaseString(&Root->Name);
    Root->Name = Copy;
    Status = CmpAttachNode(Parent, Root);
    if (NT_SUCCESS(Status)) {
        CmpInheritSecurity(Root, Parent);
        Root->HiveRoot = TRUE;
        Root->Loaded = TRUE;
        Root->Opens++;
        Image->Root = NULL;
        *Loaded = Root;
    }
    return Status;
}

static NTSTATUS CmpMemoryUnloadHive(PVOID Context, CM_NODE Root) {
    UNREFERENCED_PARAMETER(Context);
    if (Root->Deleted) {
        return STATUS_KEY_DELETED;
    }
    if (!Root->Loaded) {
        return STATUS_INVALID_PARAMETER;
    }
    CmpDetachNode(Root);
    CmpDeleteTree(Root);
    return STATUS_SUCCESS;
}

static VOID CmpMakeVolatile(CM_NODE Node) {
    Node->Volatile = TRUE;
    for (ULONG i = 0; i < Node->Children.Count; i++) {
        CmpMakeVolatile(Node->Children.Items[i]);
    }
}

static VOID CmpEmptyNode(CM_NODE Node) {
    for (ULONG i = 0; i < Node->Children.Count; i++) {
        CmpDeleteTree(Node->Children.Items[i]);
    }
    for (ULONG i = 0; i < Node->Values.Count; i++) {
        CmpFreeMemoryValue(Node->Values.Items[i]);
    }
    CmStoreFree(Node->Children.Items);
    CmStoreFree(Node->Values.Items);
    CmpReleaseString(&Node->Class);
}

static NTSTATUS CmpMemoryRestoreTree(PVOID Context, CM_NODE Node, CM_IMAGE Image, BOOLEAN Volatile) {
    CM_NODE From = Image->Root;

    UNREFERENCED_PARAMETER(Context);
    if (Node->Deleted) {
        return STATUS_KEY_DELETED;
    }
    if (Node->Master) {
        return STATUS_ACCESS_DENIED;
    }
    CmpEmptyNode(Node);
    CmpInheritSecurity(From, Node);
    CmpShareNodeSecurity(Node, From);
    if (Volatile || Node->Volatile) {
        CmpMakeVolatile(From);
        Node->Volatile = TRUE;
    }
    Node->Children = From->Children;
    Node->Values = From->Values;
    Node->Class = From->Class;
    Node->UserFlags = From->UserFlags;
    Node->MaxNameLength = From->MaxNameLength;
    Node->MaxClassLength = From->MaxClassLength;
    Node->MaxValueNameLength = From->MaxValueNameLength;
    Node->MaxValueDataLength = From->MaxValueDataLength;
    for (ULONG i = 0; i < Node->Children.Count; i++) {
        ((CM_NODE)Node->Children.Items[i])->Parent = Node;
    }
    RtlZeroMemory(&From->Children, sizeof(From->Children));
    RtlZeroMemory(&From->Values, sizeof(From->Values));
    RtlZeroMemory(&From->Class, sizeof(From->Class));
    CmpTouchNode(Node);
    return STATUS_SUCCESS;
}

static NTSTATUS CmpMemoryCheckHiveRoot(PVOID Context, CM_NODE Node) {
    UNREFERENCED_PARAMETER(Context);
    return Node->HiveRoot ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static ULONG64 CmpMemoryHiveChanges(PVOID Context, CM_NODE Root) {
    UNREFERENCED_PARAMETER(Context);
    return Root->Changes;
}

VOID CmpFillHiveRoutines(PCM_STORE Store) {
    Store->OpenImage = CmpMemoryOpenImage;
    Store->ReadImage = CmpMemoryReadImage;
    Store->WriteImage = CmpMemoryWriteImage;
    Store->FreeImage = CmpMemoryFreeImage;
    Store->MakeImage = CmpMemoryMakeImage;
    Store->LoadHive = CmpMemoryLoadHive;
    Store->UnloadHive = CmpMemoryUnloadHive;
    Store->RestoreTree = CmpMemoryRestoreTree;
    Store->CheckHiveRoot = CmpMemoryCheckHiveRoot;
    Store->HiveChanges = CmpMemoryHiveChanges;
}
