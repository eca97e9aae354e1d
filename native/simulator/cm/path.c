// SPDX-License-Identifier: MIT
//
// Key paths as strings.

#include "cmp.h"

VOID CmpTrimSeparators(PUNICODE_STRING Name) {
    while (Name->Length != 0 && Name->Buffer[0] == L'\\') {
        Name->Buffer++;
        Name->Length -= sizeof(WCHAR);
    }
    while (Name->Length != 0 && Name->Buffer[Name->Length / sizeof(WCHAR) - 1] == L'\\') {
        Name->Length -= sizeof(WCHAR);
    }
    Name->MaximumLength = Name->Length;
}

NTSTATUS CmpStripRegistryPrefix(PUNICODE_STRING Name) {
    static WCHAR Text[] = L"\\REGISTRY";
    UNICODE_STRING Prefix = {sizeof(Text) - sizeof(WCHAR), sizeof(Text), Text};
    UNICODE_STRING Head = *Name;

    if (Name->Length < sizeof(WCHAR) || Name->Buffer[0] != L'\\') {
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    }
    Head.Length = Head.Length < Prefix.Length ? Head.Length : Prefix.Length;
    if (RtlEqualUnicodeString(&Head, &Prefix, TRUE) &&
        (Name->Length == Prefix.Length || Name->Buffer[Prefix.Length / sizeof(WCHAR)] == L'\\')) {
        Name->Buffer += Prefix.Length / sizeof(WCHAR);
        Name->Length -= Prefix.Length;
        return STATUS_SUCCESS;
    }
    for (ULONG i = 1; i < Name->Length / sizeof(WCHAR); i++) {
        if (Name->Buffer[i] == L'\\') {
            return STATUS_OBJECT_PATH_NOT_FOUND;
        }
    }
    return STATUS_OBJECT_NAME_NOT_FOUND;
}

BOOLEAN CmpNextComponent(PUNICODE_STRING Rest, PUNICODE_STRING Component) {
    while (Rest->Length != 0 && Rest->Buffer[0] == L'\\') {
        Rest->Buffer++;
        Rest->Length -= sizeof(WCHAR);
    }
    *Component = *Rest;
    Component->Length = 0;
    while (Rest->Length != 0 && Rest->Buffer[0] != L'\\') {
        Rest->Buffer++;
        Rest->Length -= sizeof(WCHAR);
        Component->Length += sizeof(WCHAR);
    }
    Component->MaximumLength = Component->Length;
    return Component->Length != 0;
}
