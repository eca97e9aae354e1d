// SPDX-License-Identifier: MIT
//
// Keys and values of the configuration manager are those of the Wine prefix: a node is one of Wine's own key handles.

#include "store_zw.h"

// Query routines of Wine fill at most this much without a second try.
#define FIRST_TRY 512

static NTSTATUS MakeNode(HANDLE Key, ULONG Options, CM_NODE *Node) {
    CM_NODE node = CmStoreAllocate(sizeof *node);

    if (!node) {
        ZwClose(Key);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    node->Key = Key;
    node->Volatile = (Options & REG_OPTION_VOLATILE) != 0;
    node->Link = (Options & REG_OPTION_CREATE_LINK) != 0;
    *Node = node;
    return STATUS_SUCCESS;
}

VOID CmkNameAttributes(POBJECT_ATTRIBUTES Attributes, CM_NODE Parent, PCUNICODE_STRING Name) {
    InitializeObjectAttributes(Attributes, (PUNICODE_STRING)Name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE,
                               Parent ? Parent->Key : NULL, NULL);
}

static VOID CloseNode(PVOID Context, CM_NODE Node) {
    UNREFERENCED_PARAMETER(Context);
    if (Node->Key) {
        ZwClose(Node->Key);
    }
    CmStoreFree(Node);
}

static NTSTATUS OpenRoot(PVOID Context, CM_NODE *Root) {
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
    NTSTATUS status;
    HANDLE key;

    RtlInitUnicodeString(&name, L"\\Registry");
    CmkNameAttributes(&attributes, NULL, &name);
    status = ZwOpenKey(&key, MAXIMUM_ALLOWED, &attributes);
    if (NT_SUCCESS(status)) {
        status = MakeNode(key, 0, Root);
    }
    if (NT_SUCCESS(status)) {
        status = CmkPrepareHives(*Root);
        if (!NT_SUCCESS(status)) {
            CloseNode(Context, *Root);
        }
    }
    return status;
}

// Wine does not tell which keys are links. One that has a target has a value of this name and type; one that has none
// cannot be opened without OBJ_OPENLINK.
static BOOLEAN IsLink(const OBJECT_ATTRIBUTES *Attributes, HANDLE Key) {
    OBJECT_ATTRIBUTES attributes = *Attributes;
    KEY_VALUE_BASIC_INFORMATION information;
    UNICODE_STRING name;
    ULONG length;
    NTSTATUS status;
    HANDLE other;

    RtlInitUnicodeString(&name, L"SymbolicLinkValue");
    status = ZwQueryValueKey(Key, &name, KeyValueBasicInformation, &information, sizeof information, &length);
    if (status == STATUS_SUCCESS || status == STATUS_BUFFER_OVERFLOW) {
        return information.Type == REG_LINK;
    }
    attributes.Attributes &= ~(ULONG)OBJ_OPENLINK;
    status = ZwOpenKey(&other, MAXIMUM_ALLOWED, &attributes);
    if (NT_SUCCESS(status)) {
        ZwClose(other);
    }
    return status == STATUS_OBJECT_NAME_NOT_FOUND;
}

NTSTATUS CmkOpenChild(PVOID Context, CM_NODE Parent, PCUNICODE_STRING Name, CM_NODE *Child) {
    OBJECT_ATTRIBUTES attributes;
    NTSTATUS status;
    HANDLE key;

    UNREFERENCED_PARAMETER(Context);
    CmkNameAttributes(&attributes, Parent, Name);
    attributes.Attributes |= OBJ_OPENLINK;
    status = ZwOpenKey(&key, MAXIMUM_ALLOWED, &attributes);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    return MakeNode(key, IsLink(&attributes, key) ? REG_OPTION_CREATE_LINK : 0, Child);
}

static NTSTATUS CreateChild(PVOID Context, CM_NODE Parent, PCUNICODE_STRING Name, ULONG TitleIndex,
                            PCUNICODE_STRING Class, ULONG Options, CM_NODE *Child) {
    OBJECT_ATTRIBUTES attributes;
    ULONG disposition;
    NTSTATUS status;
    HANDLE key;

    UNREFERENCED_PARAMETER(Context);
    CmkNameAttributes(&attributes, Parent, Name);
    status = ZwCreateKey(&key, MAXIMUM_ALLOWED, &attributes, TitleIndex, Class->Length ? (PUNICODE_STRING)Class : NULL,
                         Options, &disposition);
    return NT_SUCCESS(status) ? MakeNode(key, Options, Child) : status;
}

typedef struct QUERY {
    NTSTATUS (*Run)(const struct QUERY *Query, ULONG Class, PVOID Buffer, ULONG Size, PULONG Length);
    HANDLE Key;
    PCUNICODE_STRING Name;
    ULONG Index;
} QUERY;

// A block of the size that the answer takes.
static NTSTATUS Ask(const QUERY *Query, ULONG Class, PVOID *Answer) {
    ULONG size = FIRST_TRY;

    for (;;) {
        PVOID buffer = CmStoreAllocate(size);
        ULONG length = 0;
        NTSTATUS status;

        if (!buffer) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        status = Query->Run(Query, Class, buffer, size, &length);
        if (NT_SUCCESS(status)) {
            *Answer = buffer;
            return status;
        }
        CmStoreFree(buffer);
        if ((status != STATUS_BUFFER_OVERFLOW && status != STATUS_BUFFER_TOO_SMALL) || length <= size) {
            return status;
        }
        size = length;
    }
}

static NTSTATUS AskKey(const QUERY *Query, ULONG Class, PVOID Buffer, ULONG Size, PULONG Length) {
    return ZwQueryKey(Query->Key, Class, Buffer, Size, Length);
}

static NTSTATUS AskSubkey(const QUERY *Query, ULONG Class, PVOID Buffer, ULONG Size, PULONG Length) {
    return ZwEnumerateKey(Query->Key, Query->Index, Class, Buffer, Size, Length);
}

static NTSTATUS AskValue(const QUERY *Query, ULONG Class, PVOID Buffer, ULONG Size, PULONG Length) {
    return ZwQueryValueKey(Query->Key, (PUNICODE_STRING)Query->Name, Class, Buffer, Size, Length);
}

static NTSTATUS AskValueAt(const QUERY *Query, ULONG Class, PVOID Buffer, ULONG Size, PULONG Length) {
    return ZwEnumerateValueKey(Query->Key, Query->Index, Class, Buffer, Size, Length);
}

static NTSTATUS ReadFacts(const QUERY *Query, CM_NODE Node, PCM_KEY_FACTS *Facts) {
    PKEY_FULL_INFORMATION full;
    PKEY_BASIC_INFORMATION basic;
    UNICODE_STRING name;
    UNICODE_STRING class;
    NTSTATUS status;

    status = Ask(Query, KeyFullInformation, (PVOID *)&full);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = Ask(Query, KeyBasicInformation, (PVOID *)&basic);
    if (!NT_SUCCESS(status)) {
        CmStoreFree(full);
        return status;
    }
    name.Buffer = basic->Name;
    name.Length = name.MaximumLength = (USHORT)basic->NameLength;
    class.Buffer = full->Class;
    class.Length = class.MaximumLength = (USHORT)full->ClassLength;
    status = CmStoreMakeFacts(&name, &class, Facts);
    if (NT_SUCCESS(status)) {
        (*Facts)->LastWriteTime = full->LastWriteTime;
        (*Facts)->TitleIndex = full->TitleIndex;
        (*Facts)->SubKeys = full->SubKeys;
        (*Facts)->MaxNameLength = full->MaxNameLen;
        (*Facts)->MaxClassLength = full->MaxClassLen;
        (*Facts)->Values = full->Values;
        (*Facts)->MaxValueNameLength = full->MaxValueNameLen;
        (*Facts)->MaxValueDataLength = full->MaxValueDataLen;
        (*Facts)->Volatile = Node->Volatile;
        (*Facts)->Link = Node->Link;
    }
    CmStoreFree(basic);
    CmStoreFree(full);
    return status;
}

static NTSTATUS ReadKey(PVOID Context, CM_NODE Node, PCM_KEY_FACTS *Facts) {
    QUERY query = {.Run = AskKey, .Key = Node->Key};

    UNREFERENCED_PARAMETER(Context);
    return ReadFacts(&query, Node, Facts);
}

static NTSTATUS ReadSubkey(PVOID Context, CM_NODE Node, ULONG Index, PCM_KEY_FACTS *Facts) {
    QUERY query = {.Run = AskSubkey, .Key = Node->Key, .Index = Index};

    UNREFERENCED_PARAMETER(Context);
    return ReadFacts(&query, Node, Facts);
}

static NTSTATUS MakeValue(const QUERY *Query, PCM_VALUE *Value) {
    PKEY_VALUE_FULL_INFORMATION full;
    UNICODE_STRING name;
    NTSTATUS status;

    status = Ask(Query, KeyValueFullInformation, (PVOID *)&full);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    name.Buffer = full->Name;
    name.Length = name.MaximumLength = (USHORT)full->NameLength;
    status = CmStoreMakeValue(&name, (const UCHAR *)full + full->DataOffset, full->DataLength, Value);
    if (NT_SUCCESS(status)) {
        (*Value)->TitleIndex = full->TitleIndex;
        (*Value)->Type = full->Type;
    }
    CmStoreFree(full);
    return status;
}

static NTSTATUS ReadValue(PVOID Context, CM_NODE Node, PCUNICODE_STRING Name, PCM_VALUE *Value) {
    QUERY query = {.Run = AskValue, .Key = Node->Key, .Name = Name};

    UNREFERENCED_PARAMETER(Context);
    return MakeValue(&query, Value);
}

static NTSTATUS ReadValueAt(PVOID Context, CM_NODE Node, ULONG Index, PCM_VALUE *Value) {
    QUERY query = {.Run = AskValueAt, .Key = Node->Key, .Index = Index};

    UNREFERENCED_PARAMETER(Context);
    return MakeValue(&query, Value);
}

static NTSTATUS SetValue(PVOID Context, CM_NODE Node, PCUNICODE_STRING Name, ULONG TitleIndex, ULONG Type,
                         const VOID *Data, ULONG DataLength) {
    UNREFERENCED_PARAMETER(Context);
    return ZwSetValueKey(Node->Key, (PUNICODE_STRING)Name, TitleIndex, Type, (PVOID)Data, DataLength);
}

static NTSTATUS DeleteValue(PVOID Context, CM_NODE Node, PCUNICODE_STRING Name) {
    UNREFERENCED_PARAMETER(Context);
    return ZwDeleteValueKey(Node->Key, (PUNICODE_STRING)Name);
}

static NTSTATUS DeleteNode(PVOID Context, CM_NODE Node) {
    QUERY query = {.Run = AskKey, .Key = Node->Key};
    PKEY_FULL_INFORMATION full;
    ULONG subkeys;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(Context);
    status = Ask(&query, KeyFullInformation, (PVOID *)&full);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    subkeys = full->SubKeys;
    CmStoreFree(full);
    // Wine answers STATUS_ACCESS_DENIED.
    return subkeys ? STATUS_CANNOT_DELETE : ZwDeleteKey(Node->Key);
}

// A key whose new name keeps it before the same sibling overwrites that in the list of Wine's server, which crashes
// then. A key that is the last one is moved rightly; so it becomes that first, under a name that nobody uses.
static NTSTATUS RenameNode(PVOID Context, CM_NODE Node, PCUNICODE_STRING NewName) {
    static WCHAR last[] = {0xFFFD, 0xFFFD};
    UNICODE_STRING between = {sizeof last, sizeof last, last};
    QUERY query = {.Run = AskKey, .Key = Node->Key};
    PKEY_BASIC_INFORMATION before;
    UNICODE_STRING name;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(Context);
    status = Ask(&query, KeyBasicInformation, (PVOID *)&before);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = ZwRenameKey(Node->Key, &between);
    if (NT_SUCCESS(status)) {
        status = ZwRenameKey(Node->Key, (PUNICODE_STRING)NewName);
        if (!NT_SUCCESS(status)) {
            name.Buffer = before->Name;
            name.Length = name.MaximumLength = (USHORT)before->NameLength;
            ZwRenameKey(Node->Key, &name);
        }
    }
    CmStoreFree(before);
    return status;
}

static NTSTATUS SetWriteTime(PVOID Context, CM_NODE Node, LARGE_INTEGER Time) {
    UNREFERENCED_PARAMETER(Context);
    return ZwSetInformationKey(Node->Key, KeyWriteTimeInformation, &Time, sizeof Time);
}

static NTSTATUS FlushNode(PVOID Context, CM_NODE Node) {
    UNREFERENCED_PARAMETER(Context);
    return ZwFlushKey(Node->Key);
}

// Wine's registry does not keep them.
static NTSTATUS SetUserFlags(PVOID Context, CM_NODE Node, ULONG Flags) {
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Node);
    UNREFERENCED_PARAMETER(Flags);
    return STATUS_NOT_SUPPORTED;
}

// Without the audit list, which takes a privilege.
#define KEPT (OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION)

static NTSTATUS AskSecurity(const QUERY *Query, ULONG Class, PVOID Buffer, ULONG Size, PULONG Length) {
    return ZwQuerySecurityObject(Query->Key, Class, Buffer, Size, Length);
}

static NTSTATUS ReadSecurity(PVOID Context, CM_NODE Node, PSECURITY_DESCRIPTOR *Descriptor, ULONG *Length) {
    QUERY query = {.Run = AskSecurity, .Key = Node->Key};
    NTSTATUS status;

    UNREFERENCED_PARAMETER(Context);
    status = Ask(&query, KEPT, (PVOID *)Descriptor);
    if (NT_SUCCESS(status)) {
        *Length = RtlLengthSecurityDescriptor(*Descriptor);
    }
    return status;
}

static NTSTATUS WriteSecurity(PVOID Context, CM_NODE Node, PSECURITY_DESCRIPTOR Descriptor, ULONG Length) {
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Length);
    return ZwSetSecurityObject(Node->Key, KEPT, Descriptor);
}

CM_STORE CmkRegistryStore = {
    .OpenRoot = OpenRoot,
    .OpenChild = CmkOpenChild,
    .CreateChild = CreateChild,
    .CloseNode = CloseNode,
    .DeleteNode = DeleteNode,
    .RenameNode = RenameNode,
    .ReadKey = ReadKey,
    .ReadSubkey = ReadSubkey,
    .SetWriteTime = SetWriteTime,
    .SetUserFlags = SetUserFlags,
    .ReadSecurity = ReadSecurity,
    .WriteSecurity = WriteSecurity,
    .FlushNode = FlushNode,
    .SetValue = SetValue,
    .DeleteValue = DeleteValue,
    .ReadValue = ReadValue,
    .ReadValueAt = ReadValueAt,
    .OpenImage = CmkOpenImage,
    .ReadImage = CmkReadImage,
    .WriteImage = CmkWriteImage,
    .FreeImage = CmkFreeImage,
    .MakeImage = CmkMakeImage,
    .LoadHive = CmkLoadHive,
    .UnloadHive = CmkUnloadHive,
    .RestoreTree = CmkRestoreTree,
    .CheckHiveRoot = CmkCheckHiveRoot,
    .HiveChanges = CmkHiveChanges,
};
