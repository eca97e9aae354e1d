// SPDX-License-Identifier: MIT
//
// From a captured name to a key.

#include "request.h"

static WCHAR CmpLinkValueText[] = L"SymbolicLinkValue";
const UNICODE_STRING CmpLinkValueName = {sizeof(CmpLinkValueText) - sizeof(WCHAR), sizeof(CmpLinkValueText),
                                         CmpLinkValueText};

// Application hives are reached through the handle that loading them gave, never by a name that starts at \REGISTRY.
// That this holds for \REGISTRY\A itself, and before callbacks hear of it, only observation says.
static BOOLEAN CmpIsApplicationHivePath(PCM_REQUEST Request) {
    UNICODE_STRING Rest = Request->RemainingName, First, Frame = {sizeof(WCHAR), sizeof(WCHAR), (PWCH)L"A"};

    return Request->Root->Key == CmpSystem.RootKey && CmpNextComponent(&Rest, &First) &&
           RtlEqualUnicodeString(&First, &Frame, TRUE);
}

NTSTATUS CmpResolveName(PCM_REQUEST Request) {
    NTSTATUS Status;

    if (Request->CompleteName.Length % sizeof(WCHAR) != 0) {
        return STATUS_OBJECT_NAME_INVALID;
    }
    Request->RemainingName = Request->CompleteName;
    if (Request->Root == NULL) {
        Status = CmpStripRegistryPrefix(&Request->RemainingName);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
        CmPortReferenceObject(CmpSystem.RootBody);
        Request->Root = CmpSystem.RootBody;
    } else if (Request->CompleteName.Length != 0 && Request->CompleteName.Buffer[0] == L'\\') {
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    }
    CmpTrimSeparators(&Request->RemainingName);
    return CmpIsApplicationHivePath(Request) ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
}

NTSTATUS CmpFollowLink(PCM_REQUEST Request) {
    CmPortDereferenceObject(Request->Root);
    Request->Root = NULL;
    CmpReleaseString(&Request->CompleteName);
    Request->CompleteName = Request->Target;
    RtlZeroMemory(&Request->Target, sizeof(Request->Target));
    return CmpResolveName(Request);
}

NTSTATUS CmpJoinName(PUNICODE_STRING To, const VOID *Head, ULONG HeadLength, PCUNICODE_STRING Tail) {
    ULONG Length = HeadLength + (Tail->Length != 0 ? sizeof(WCHAR) + Tail->Length : 0);

    if (Length > 0xFFFE) {
        return STATUS_NAME_TOO_LONG;
    }
    To->Buffer = CmStoreAllocate(Length);
    if (To->Buffer == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    To->Length = To->MaximumLength = (USHORT)Length;
    RtlCopyMemory(To->Buffer, Head, HeadLength);
    if (Tail->Length != 0) {
        To->Buffer[HeadLength / sizeof(WCHAR)] = L'\\';
        RtlCopyMemory(To->Buffer + HeadLength / sizeof(WCHAR) + 1, Tail->Buffer, Tail->Length);
    }
    return STATUS_SUCCESS;
}

// Rest is what follows the link in the name.
static NTSTATUS CmpReadLink(PCM_REQUEST Request, PCM_KEY Link, PUNICODE_STRING Rest) {
    PCM_VALUE Value;
    NTSTATUS Status = CmpKeyStore(Link, ReadValue, Link->Node, &CmpLinkValueName, &Value);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    if (Value->Type != REG_LINK || Value->DataLength == 0 || Value->DataLength % sizeof(WCHAR) != 0) {
        Status = STATUS_OBJECT_NAME_NOT_FOUND;
    } else if (*(PWCH)Value->Data != L'\\') {
        // Since Windows 10 1607; STATUS_OBJECT_NAME_NOT_FOUND before.
        Status = STATUS_OBJECT_NAME_INVALID;
    } else {
        CmpTrimSeparators(Rest);
        Status = CmpJoinName(&Request->Target, Value->Data, Value->DataLength, Rest);
    }
    CmStoreFree(Value);
    return NT_SUCCESS(Status) ? STATUS_REPARSE : Status;
}

// Tests of the Wine project found that NtOpenKeyEx of Windows goes by the attribute alone; the option is documented to
// mean the same, and the Win32 functions translate it.
static BOOLEAN CmpWantsLink(const CM_REQUEST *Request) {
    return (Request->Attributes & OBJ_OPENLINK) != 0 || (Request->Options & REG_OPTION_OPEN_LINK) != 0;
}

// What a caller with these privileges gets instead of what it asked for.
static NTSTATUS CmpGrantBackupAccess(PCM_REQUEST Request) {
    Request->GrantedAccess = 0;
    if (CmPortHoldsPrivilege(SE_BACKUP_PRIVILEGE, CmpCheckMode(Request))) {
        Request->GrantedAccess |= ACCESS_SYSTEM_SECURITY | KEY_READ;
    }
    if (CmPortHoldsPrivilege(SE_RESTORE_PRIVILEGE, CmpCheckMode(Request))) {
        Request->GrantedAccess |= ACCESS_SYSTEM_SECURITY | DELETE | KEY_WRITE;
    }
    return Request->GrantedAccess != 0 ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
}

static NTSTATUS CmpGrantAccess(PCM_REQUEST Request, PCM_KEY Key) {
    if (Request->Options & REG_OPTION_BACKUP_RESTORE) {
        return CmpGrantBackupAccess(Request);
    }
    if (Request->Disposition == REG_CREATED_NEW_KEY) {
        // The creator of an object gets what it asks for.
        Request->GrantedAccess = Request->DesiredAccess;
        if (Request->GrantedAccess & MAXIMUM_ALLOWED) {
            Request->GrantedAccess = (Request->GrantedAccess & ~(ACCESS_MASK)MAXIMUM_ALLOWED) | KEY_ALL_ACCESS;
        }
        return STATUS_SUCCESS;
    }
    return CmpCheckKeyAccess(Key, Request->DesiredAccess, CmpCheckMode(Request), &Request->GrantedAccess);
}

// The parent's descriptor decides, whatever rights the handle has that the name is relative to. That KEY_CREATE_LINK,
// too, is needed on the parent is not documented.
static NTSTATUS CmpCheckCreate(PCM_REQUEST Request, PCM_KEY Parent) {
    ACCESS_MASK Access = KEY_CREATE_SUB_KEY, Granted;

    if (Request->Options & REG_OPTION_BACKUP_RESTORE) {
        return CmpGrantBackupAccess(Request);
    }
    if (Request->DesiredAccess == 0 && CmpCheckMode(Request) == UserMode) {
        return STATUS_ACCESS_DENIED;
    }
    if (Request->Options & REG_OPTION_CREATE_LINK) {
        Access |= KEY_CREATE_LINK;
    }
    return Parent->Deleted ? STATUS_KEY_DELETED : CmpCheckKeyAccess(Parent, Access, CmpCheckMode(Request), &Granted);
}

static NTSTATUS CmpCreateLast(PCM_REQUEST Request, PCM_KEY Parent, PCUNICODE_STRING Name, PCM_KEY *Child) {
    NTSTATUS Status = CmpCheckCreate(Request, Parent);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    CmpBreakTransactions(Parent, Name, FALSE);
    Status = CmpCreateChildKey(Parent, Name, Request->TitleIndex, &Request->Class.Own, Request->Options, Child);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpAssignKeySecurity(Parent, *Child, Request->SecurityDescriptor);
    if (!NT_SUCCESS(Status)) {
        if (NT_SUCCESS(CmpKeyStore(*Child, DeleteNode, (*Child)->Node))) {
            CmpDetachDeletedKey(*Child);
        }
        CmpDereferenceKey(*Child);
        return Status;
    }
    Request->Disposition = REG_CREATED_NEW_KEY;
    return STATUS_SUCCESS;
}

static NTSTATUS CmpStep(PCM_REQUEST Request, PCM_KEY Key, PCUNICODE_STRING Component, BOOLEAN Last, PCM_KEY *Child) {
    NTSTATUS Status;

    if (Component->Length > CM_MAX_KEY_NAME_BYTES) {
        return STATUS_INVALID_PARAMETER;
    }
    Status = CmpOpenChildKey(Key, Component, Child);
    if (!Last || !Request->Create) {
        return Status;
    }
    if (Status == STATUS_OBJECT_NAME_NOT_FOUND) {
        return CmpCreateLast(Request, Key, Component, Child);
    }
    if (NT_SUCCESS(Status) && (Request->Options & REG_OPTION_CREATE_LINK) != 0) {
        CmpDereferenceKey(*Child);
        return STATUS_OBJECT_NAME_COLLISION;
    }
    return Status;
}

NTSTATUS CmpParseKey(PCM_REQUEST Request, PCM_KEY *Result) {
    UNICODE_STRING Rest = Request->RemainingName;
    PCM_KEY Key = Request->Root->Key;
    NTSTATUS Status = Key->Deleted ? STATUS_KEY_DELETED : STATUS_SUCCESS;

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    if (Request->Transaction == NULL) {
        CmpReferenceKey(Key);
    } else {
        Status = CmpKeyInTransaction(Request->Transaction, Key, &Key);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
    }
    Request->Disposition = REG_OPENED_EXISTING_KEY;
    while (NT_SUCCESS(Status)) {
        PCM_KEY Child = NULL;
        UNICODE_STRING Component;

        if (Key->Link && Request->Disposition == REG_OPENED_EXISTING_KEY &&
            (Rest.Length != 0 || !CmpWantsLink(Request))) {
            Status = CmpReadLink(Request, Key, &Rest);
            break;
        }
        if (!CmpNextComponent(&Rest, &Component)) {
            Status = CmpGrantAccess(Request, Key);
            if (!NT_SUCCESS(Status)) {
                break;
            }
            *Result = Key;
            return STATUS_SUCCESS;
        }
        Status = CmpStep(Request, Key, &Component, Rest.Length == 0, &Child);
        if (NT_SUCCESS(Status)) {
            CmpDereferenceKey(Key);
            Key = Child;
        }
    }
    CmpDereferenceKey(Key);
    Request->Disposition = 0;
    return Status;
}
