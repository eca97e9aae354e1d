// SPDX-License-Identifier: MIT
//
// What a freshly installed machine has in its registry, as far as programs and drivers expect to find it.

#include "cmp.h"
#include "store_memory.h"

typedef enum _CM_KIND { CmFrame, CmHive, CmVolatileHive, CmPlain } CM_KIND;

// A parent stands before its children.
static const struct {
    CM_KIND Kind;
    const WCHAR *Path;
} CmpFurniture[] = {
    {CmFrame, L"MACHINE"},
    {CmFrame, L"USER"},
    {CmFrame, L"A"},
    {CmHive, L"MACHINE\\BCD00000000"},
    {CmVolatileHive, L"MACHINE\\HARDWARE"},
    {CmHive, L"MACHINE\\SAM"},
    {CmHive, L"MACHINE\\SECURITY"},
    {CmHive, L"MACHINE\\SOFTWARE"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Classes"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Clients"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Explorer"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\RunOnce"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows NT"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Image File Execution Options"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Policies"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Policies\\Microsoft"},
    {CmPlain, L"MACHINE\\SOFTWARE\\WOW6432Node"},
    {CmPlain, L"MACHINE\\SOFTWARE\\WOW6432Node\\Microsoft"},
    {CmHive, L"MACHINE\\SYSTEM"},
    {CmPlain, L"MACHINE\\SYSTEM\\ControlSet001"},
    {CmPlain, L"MACHINE\\SYSTEM\\CurrentControlSet"},
    {CmPlain, L"MACHINE\\SYSTEM\\CurrentControlSet\\Control"},
    {CmPlain, L"MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Lsa"},
    {CmPlain, L"MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Session Manager"},
    {CmPlain, L"MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment"},
    {CmPlain, L"MACHINE\\SYSTEM\\CurrentControlSet\\Enum"},
    {CmPlain, L"MACHINE\\SYSTEM\\CurrentControlSet\\Services"},
    {CmPlain, L"MACHINE\\SYSTEM\\Select"},
    {CmPlain, L"MACHINE\\SYSTEM\\Setup"},
};

static const WCHAR *const CmpAccounts[] = {
    L".DEFAULT", L"S-1-5-18", L"S-1-5-19", L"S-1-5-20", L"S-1-5-21-3623811015-3361044348-30300820-1013",
};

static const WCHAR *const CmpAccountKeys[] = {
    L"Console",
    L"Control Panel",
    L"Control Panel\\Desktop",
    L"Environment",
    L"Software",
    L"Software\\Classes",
    L"Software\\Microsoft",
    L"Software\\Microsoft\\Windows",
    L"Software\\Microsoft\\Windows\\CurrentVersion",
    L"Software\\Microsoft\\Windows\\CurrentVersion\\Explorer",
    L"Software\\Microsoft\\Windows\\CurrentVersion\\Policies",
    L"Software\\Microsoft\\Windows\\CurrentVersion\\Run",
    L"Software\\Microsoft\\Windows\\CurrentVersion\\RunOnce",
    L"Software\\Policies",
    L"Volatile Environment",
};

static CM_NODE CmpChildNamed(CM_NODE Parent, PCUNICODE_STRING Name) {
    for (ULONG i = 0; i < Parent->Children.Count; i++) {
        CM_NODE Child = Parent->Children.Items[i];

        if (RtlEqualUnicodeString(&Child->Name, Name, TRUE)) {
            return Child;
        }
    }
    return NULL;
}

// Makes the key at Path, below Root; all but the last component exist.
static NTSTATUS CmpPlace(CM_NODE Root, const WCHAR *Path, CM_KIND Kind, CM_NODE *Made) {
    CM_NODE Node = Root;
    BOOLEAN Volatile;
    UNICODE_STRING Name;
    NTSTATUS Status;

    for (;;) {
        ULONG Length = 0;

        while (Path[Length] != 0 && Path[Length] != L'\\') {
            Length++;
        }
        Name.Buffer = (PWCH)Path;
        Name.Length = Name.MaximumLength = (USHORT)(Length * sizeof(WCHAR));
        if (Path[Length] == 0) {
            break;
        }
        Node = CmpChildNamed(Node, &Name);
        if (Node == NULL) {
            return STATUS_OBJECT_NAME_NOT_FOUND;
        }
        Path += Length + 1;
    }
    Volatile = Kind == CmFrame || Kind == CmVolatileHive || (Kind == CmPlain && Node->Volatile);
    Status = CmpMakeNode(Node, &Name, 0, NULL, Volatile, Made);
    if (NT_SUCCESS(Status)) {
        (*Made)->Master = Kind == CmFrame;
        (*Made)->HiveRoot = Kind == CmHive || Kind == CmVolatileHive;
    }
    return Status;
}

static NTSTATUS CmpFurnishAccount(CM_NODE Users, const WCHAR *Account) {
    CM_NODE Hive = NULL, Key;
    NTSTATUS Status = CmpPlace(Users, Account, CmHive, &Hive);

    for (ULONG i = 0; NT_SUCCESS(Status) && i < RTL_NUMBER_OF(CmpAccountKeys); i++) {
        Status = CmpPlace(Hive, CmpAccountKeys[i], CmPlain, &Key);
    }
    return Status;
}

NTSTATUS CmpFurnish(CM_NODE Root) {
    UNICODE_STRING UserName = {4 * sizeof(WCHAR), 4 * sizeof(WCHAR), (PWCH)L"USER"};
    NTSTATUS Status = STATUS_SUCCESS;
    CM_NODE Node;

    for (ULONG i = 0; NT_SUCCESS(Status) && i < RTL_NUMBER_OF(CmpFurniture); i++) {
        Status = CmpPlace(Root, CmpFurniture[i].Path, CmpFurniture[i].Kind, &Node);
    }
    for (ULONG i = 0; NT_SUCCESS(Status) && i < RTL_NUMBER_OF(CmpAccounts); i++) {
        Status = CmpFurnishAccount(CmpChildNamed(Root, &UserName), CmpAccounts[i]);
    }
    return Status;
}
