// SPDX-License-Identifier: MIT
//
// Fills the hive in memory like that of a freshly installed machine, as far as programs and drivers expect it.

#include "cmp.h"
#include "store_furniture.h"
#include "store_memory.h"

static CM_NODE CmpChildNamed(CM_NODE Parent, PCUNICODE_STRING Name) {
    for (ULONG i = 0; i < Parent->Children.Count; i++) {
        CM_NODE Child = Parent->Children.Items[i];

        if (RtlEqualUnicodeString(&Child->Name, Name, TRUE)) {
            return Child;
        }
    }
    return NULL;
}

static UNICODE_STRING CmpText(const WCHAR *Text) {
    UNICODE_STRING String;

    RtlInitUnicodeString(&String, Text);
    return String;
}

static NTSTATUS CmpPlaceChild(CM_NODE Parent, PCUNICODE_STRING Name, CM_KIND Kind, CM_NODE *Made) {
    BOOLEAN Volatile = Kind == CmFrame || Kind == CmVolatileHive || Kind == CmVolatileLink ||
                       ((Kind == CmPlain || Kind == CmLink) && Parent->Volatile);
    NTSTATUS Status = CmpMakeNode(Parent, Name, 0, NULL, Volatile, Made);

    if (NT_SUCCESS(Status)) {
        (*Made)->Master = Kind == CmFrame;
        (*Made)->HiveRoot = Kind == CmHive || Kind == CmVolatileHive;
    }
    return Status;
}

// Makes the key at Path, below Root. What is missing on the way becomes plain keys.
static NTSTATUS CmpPlace(CM_NODE Root, PCUNICODE_STRING Path, CM_KIND Kind, CM_NODE *Made) {
    UNICODE_STRING Rest = *Path, Component;
    CM_NODE Node = Root;
    NTSTATUS Status = STATUS_SUCCESS;

    while (NT_SUCCESS(Status) && CmpNextComponent(&Rest, &Component)) {
        CM_NODE Child = CmpChildNamed(Node, &Component);

        if (Child == NULL) {
            Status = CmpPlaceChild(Node, &Component, Rest.Length == 0 ? Kind : CmPlain, &Child);
        }
        Node = Child;
    }
    *Made = Node;
    return Status;
}

// A text of several parts, for paths that are made up here.
typedef struct _CM_PATH {
    UNICODE_STRING Name;
    WCHAR Text[128];
} CM_PATH;

static PCUNICODE_STRING CmpCompose(CM_PATH *Path, const WCHAR *Head, const WCHAR *Middle, const WCHAR *Tail) {
    NTSTATUS Status;

    Path->Name.Buffer = Path->Text;
    Path->Name.Length = 0;
    Path->Name.MaximumLength = sizeof(Path->Text);
    RtlAppendUnicodeToString(&Path->Name, Head);
    RtlAppendUnicodeToString(&Path->Name, Middle);
    Status = RtlAppendUnicodeToString(&Path->Name, Tail);
    NT_ASSERT(NT_SUCCESS(Status));
    UNREFERENCED_PARAMETER(Status);
    return &Path->Name;
}

static NTSTATUS CmpPlaceLink(PCM_MEMORY_STORE Memory, PCUNICODE_STRING Path, CM_KIND Kind, PCUNICODE_STRING Target) {
    CM_NODE Node;
    NTSTATUS Status = CmpPlace(Memory->Root, Path, Kind, &Node);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Node->Link = TRUE;
    return Memory->Table.SetValue(Memory, Node, &CmpLinkValueName, 0, REG_LINK, Target->Buffer, Target->Length);
}

// What the 32-bit view of class registrations has of its own.
static NTSTATUS CmpFurnishClasses(CM_NODE Root, PCUNICODE_STRING Path) {
    NTSTATUS Status;
    CM_PATH Part;
    CM_NODE Classes, Key;

    Status = CmpPlace(Root, Path, CmPlain, &Classes);
    for (ULONG i = 0; NT_SUCCESS(Status) && i < CmpRedirectedClassCount; i++) {
        Status = CmpPlace(Classes, CmpCompose(&Part, CmpRedirectedClasses[i], L"", L""), CmPlain, &Key);
        if (NT_SUCCESS(Status)) {
            CmpCompose(&Part, L"WOW6432Node", L"\\", CmpRedirectedClasses[i]);
            Status = CmpPlace(Classes, &Part.Name, CmPlain, &Key);
        }
    }
    return Status;
}

static NTSTATUS CmpFurnishAccount(CM_NODE Root, const WCHAR *Account) {
    CM_NODE Hive = NULL, Key;
    CM_PATH Path;
    NTSTATUS Status = CmpPlace(Root, CmpCompose(&Path, L"USER\\", Account, L""), CmHive, &Hive);

    for (ULONG i = 0; NT_SUCCESS(Status) && i < CmpAccountKeyCount; i++) {
        Status = CmpPlace(Hive, CmpCompose(&Path, CmpAccountKeys[i], L"", L""), CmPlain, &Key);
    }
    return Status;
}

// The class registrations of a user are a hive beside the user's own, which has a link to it.
static NTSTATUS CmpFurnishUser(PCM_MEMORY_STORE Memory, const WCHAR *User) {
    CM_PATH Path, Target;
    CM_NODE Hive;
    NTSTATUS Status = CmpPlace(Memory->Root, CmpCompose(&Path, L"USER\\", User, L"_Classes"), CmHive, &Hive);

    if (NT_SUCCESS(Status)) {
        Status = CmpFurnishClasses(Memory->Root, &Path.Name);
    }
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    CmpCompose(&Path, L"USER\\", User, L"\\Software\\Classes");
    CmpCompose(&Target, L"\\REGISTRY\\USER\\", User, L"_Classes");
    return CmpPlaceLink(Memory, &Path.Name, CmLink, &Target.Name);
}

static NTSTATUS CmpFurnishSharedKey(PCM_MEMORY_STORE Memory, const WCHAR *Shared) {
    CM_PATH Path, Target;
    CM_NODE Key;
    NTSTATUS Status = CmpPlace(Memory->Root, CmpCompose(&Path, L"MACHINE\\SOFTWARE\\", Shared, L""), CmPlain, &Key);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    CmpCompose(&Path, L"MACHINE\\SOFTWARE\\", L"WOW6432Node\\", Shared);
    CmpCompose(&Target, L"\\REGISTRY\\MACHINE\\SOFTWARE\\", Shared, L"");
    return CmpPlaceLink(Memory, &Path.Name, CmLink, &Target.Name);
}

static NTSTATUS CmpFurnishTables(PCM_MEMORY_STORE Memory) {
    NTSTATUS Status = STATUS_SUCCESS;
    UNICODE_STRING Path, Target;
    CM_NODE Node;

    for (ULONG i = 0; NT_SUCCESS(Status) && i < CmpFurnitureCount; i++) {
        Path = CmpText(CmpFurniture[i].Path);
        Status = CmpPlace(Memory->Root, &Path, CmpFurniture[i].Kind, &Node);
    }
    for (ULONG i = 0; NT_SUCCESS(Status) && i < CmpLinkCount; i++) {
        Path = CmpText(CmpLinks[i].Path);
        Target = CmpText(CmpLinks[i].Target);
        Status = CmpPlaceLink(Memory, &Path, CmpLinks[i].Kind, &Target);
    }
    return Status;
}

// Which control set the machine was started with.
static NTSTATUS CmpFurnishSelect(PCM_MEMORY_STORE Memory) {
    static const struct {
        const WCHAR *Name;
        ULONG Number;
    } Values[] = {{L"Current", 1}, {L"Default", 1}, {L"Failed", 0}, {L"LastKnownGood", 1}};
    UNICODE_STRING Path = CmpText(L"MACHINE\\SYSTEM\\Select");
    CM_NODE Key;
    NTSTATUS Status = CmpPlace(Memory->Root, &Path, CmPlain, &Key);

    for (ULONG i = 0; NT_SUCCESS(Status) && i < RTL_NUMBER_OF(Values); i++) {
        UNICODE_STRING Name = CmpText(Values[i].Name);

        Status = Memory->Table.SetValue(Memory, Key, &Name, 0, REG_DWORD, &Values[i].Number, sizeof(ULONG));
    }
    return Status;
}

NTSTATUS CmpFurnish(PCM_MEMORY_STORE Memory) {
    UNICODE_STRING Classes = CmpText(L"MACHINE\\SOFTWARE\\Classes");
    NTSTATUS Status = CmpFurnishTables(Memory);

    if (NT_SUCCESS(Status)) {
        Status = CmpFurnishSelect(Memory);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpFurnishClasses(Memory->Root, &Classes);
    }
    for (ULONG i = 0; NT_SUCCESS(Status) && i < CmpAccountCount; i++) {
        Status = CmpFurnishAccount(Memory->Root, CmpAccounts[i]);
    }
    for (ULONG i = 0; NT_SUCCESS(Status) && i < CmpUserCount; i++) {
        Status = CmpFurnishUser(Memory, CmpUsers[i]);
    }
    for (ULONG i = 0; NT_SUCCESS(Status) && i < CmpSharedKeyCount; i++) {
        Status = CmpFurnishSharedKey(Memory, CmpSharedKeys[i]);
    }
    return NT_SUCCESS(Status) ? CmpSecureFurniture(Memory) : Status;
}
