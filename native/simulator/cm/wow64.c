// SPDX-License-Identifier: MIT
//
// The 32-bit view of the registry.
//
// On Windows user mode makes it: wow64.dll for 32-bit processes, the Win32 functions for others that pass
// KEY_WOW64_32KEY. So a name says WOW6432Node already when callbacks see it, also one that is not found. No document
// says that; traces of 32-bit programs show such names for failed opens. Wow64Flags tells the bits that the caller
// passed, and nothing about the kind of the process. What the two views share is in the registry itself: links below
// WOW6432Node.
//
// Which names change is documented for Windows 7 and later; the answers for names that say WOW6432Node themselves are
// those that tests of the Wine project got from Windows.

#include "request.h"

const WCHAR *const CmpRedirectedClasses[] = {L"CLSID", L"DirectShow", L"Interface", L"Media Type", L"MediaFoundation"};
const ULONG CmpRedirectedClassCount = RTL_NUMBER_OF(CmpRedirectedClasses);

static UNICODE_STRING CmpText(const WCHAR *Text) {
    UNICODE_STRING String;

    RtlInitUnicodeString(&String, Text);
    return String;
}

static BOOLEAN CmpIs(PCUNICODE_STRING Component, const WCHAR *Text) {
    UNICODE_STRING Name = CmpText(Text);

    return RtlEqualUnicodeString(Component, &Name, TRUE);
}

// How a name is put together anew.
typedef struct _CM_VIEW {
    ULONG HeadLength;      // of what stays as it is at the start; bytes
    UNICODE_STRING Middle; // a component that follows it, or nothing
    BOOLEAN Insert;        // WOW6432Node
    UNICODE_STRING Tail;
} CM_VIEW;

static ULONG CmpEndOf(PCUNICODE_STRING Full, PCUNICODE_STRING Component) {
    return (ULONG)((PUCHAR)Component->Buffer - (PUCHAR)Full->Buffer) + Component->Length;
}

// Cuts Text off the start of Rest, if it is the next component.
static BOOLEAN CmpTakeComponent(PUNICODE_STRING Rest, const WCHAR *Text) {
    UNICODE_STRING After = *Rest, Component;

    if (!CmpNextComponent(&After, &Component) || !CmpIs(&Component, Text)) {
        return FALSE;
    }
    *Rest = After;
    return TRUE;
}

static BOOLEAN CmpIsRedirectedClass(const UNICODE_STRING *Rest) {
    UNICODE_STRING After = *Rest, Component;

    if (CmpNextComponent(&After, &Component)) {
        for (ULONG i = 0; i < CmpRedirectedClassCount; i++) {
            if (CmpIs(&Component, CmpRedirectedClasses[i])) {
                return TRUE;
            }
        }
    }
    return FALSE;
}

// Rest follows a key of class registrations, which are shared except for some.
static VOID CmpViewClasses(UNICODE_STRING Rest, CM_VIEW *View) {
    CmpTakeComponent(&Rest, L"WOW6432Node");
    View->Insert = CmpIsRedirectedClass(&Rest);
    View->Tail = Rest;
}

static BOOLEAN CmpViewSoftware(PCUNICODE_STRING Full, PCUNICODE_STRING Software, UNICODE_STRING Rest, CM_VIEW *View) {
    UNICODE_STRING Classes;
    BOOLEAN Named = CmpTakeComponent(&Rest, L"WOW6432Node");

    View->HeadLength = CmpEndOf(Full, Software);
    View->Tail = Rest;
    if (CmpNextComponent(&Rest, &Classes) && CmpIs(&Classes, L"Classes")) {
        View->Middle = Classes;
        CmpViewClasses(Rest, View);
        return TRUE;
    }
    View->Insert = !Named;
    return !Named;
}

static BOOLEAN CmpViewUser(PCUNICODE_STRING Full, UNICODE_STRING Rest, CM_VIEW *View) {
    static const WCHAR Suffix[] = L"_Classes";
    UNICODE_STRING Account, Component, End;

    if (!CmpNextComponent(&Rest, &Account)) {
        return FALSE;
    }
    End = Account;
    if (Account.Length >= sizeof(Suffix) - sizeof(WCHAR)) {
        End.Length = sizeof(Suffix) - sizeof(WCHAR);
        End.Buffer += (Account.Length - End.Length) / sizeof(WCHAR);
    }
    if (CmpIs(&End, Suffix)) {
        View->HeadLength = CmpEndOf(Full, &Account);
    } else if (CmpTakeComponent(&Rest, L"Software") && CmpNextComponent(&Rest, &Component) &&
               CmpIs(&Component, L"Classes")) {
        View->HeadLength = CmpEndOf(Full, &Component);
    } else {
        return FALSE;
    }
    CmpViewClasses(Rest, View);
    return TRUE;
}

// FALSE: the name means the same key in both views.
static BOOLEAN CmpViewName(PCUNICODE_STRING Full, CM_VIEW *View) {
    UNICODE_STRING Rest = *Full, Software;

    RtlZeroMemory(View, sizeof(*View));
    if (!CmpTakeComponent(&Rest, L"REGISTRY")) {
        return FALSE;
    }
    if (CmpTakeComponent(&Rest, L"USER")) {
        return CmpViewUser(Full, Rest, View);
    }
    return CmpTakeComponent(&Rest, L"MACHINE") && CmpNextComponent(&Rest, &Software) && CmpIs(&Software, L"SOFTWARE") &&
           CmpViewSoftware(Full, &Software, Rest, View);
}

static NTSTATUS CmpAppendComponent(PUNICODE_STRING Name, PCUNICODE_STRING Component) {
    static const UNICODE_STRING Separator = {sizeof(WCHAR), sizeof(WCHAR), (PWCH)L"\\"};
    NTSTATUS Status = STATUS_SUCCESS;

    if (Component->Length != 0) {
        Status = RtlAppendUnicodeStringToString(Name, &Separator);
    }
    return NT_SUCCESS(Status) ? RtlAppendUnicodeStringToString(Name, Component) : Status;
}

static NTSTATUS CmpBuildView(PCUNICODE_STRING Full, CM_VIEW *View, PUNICODE_STRING Name) {
    UNICODE_STRING Node = CmpText(View->Insert ? L"WOW6432Node" : L"");
    ULONG Room = View->HeadLength + View->Middle.Length + Node.Length + View->Tail.Length + 3 * sizeof(WCHAR);
    NTSTATUS Status;

    if (Room > 0xFFFE) {
        return STATUS_NAME_TOO_LONG;
    }
    Name->Buffer = CmStoreAllocate(Room);
    if (Name->Buffer == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    CmpTrimSeparators(&View->Tail);
    Name->MaximumLength = (USHORT)Room;
    Name->Length = (USHORT)View->HeadLength;
    RtlCopyMemory(Name->Buffer, Full->Buffer, Name->Length);
    Status = CmpAppendComponent(Name, &View->Middle);
    if (NT_SUCCESS(Status)) {
        Status = CmpAppendComponent(Name, &Node);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpAppendComponent(Name, &View->Tail);
    }
    return Status;
}

// The whole name that the request means; RootLength of it comes from the root.
static NTSTATUS CmpFullName(PCM_REQUEST Request, PUNICODE_STRING Full, ULONG *RootLength) {
    UNICODE_STRING Root;
    NTSTATUS Status;

    CmpLockRegistry();
    Status = CmpBuildName(Request->Root->Key, &Root);
    CmpUnlockRegistry();
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    *RootLength = Root.Length;
    Status = CmpJoinName(Full, Root.Buffer, Root.Length, &Request->RemainingName);
    CmpReleaseString(&Root);
    return Status;
}

// The name stays relative to its root if the root is still on the way.
static NTSTATUS CmpReplaceName(PCM_REQUEST Request, PCUNICODE_STRING Name, PCUNICODE_STRING Full, ULONG RootLength) {
    ULONG RootCharacters = RootLength / sizeof(WCHAR);
    UNICODE_STRING New, Rest = *Name;
    NTSTATUS Status;

    if (Request->Root != CmpSystem.RootBody && Name->Length > RootLength && Name->Buffer[RootCharacters] == L'\\' &&
        RtlCompareMemory(Name->Buffer, Full->Buffer, RootLength) == RootLength) {
        Rest.Buffer += RootCharacters + 1;
        Rest.Length -= (USHORT)(RootLength + sizeof(WCHAR));
    }
    Status = CmpCaptureString(&New, &Rest, KernelMode);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    CmpReleaseString(&Request->CompleteName);
    Request->CompleteName = New;
    if (Rest.Length == Name->Length) {
        CmPortDereferenceObject(Request->Root);
        Request->Root = NULL;
    }
    return CmpResolveName(Request);
}

static NTSTATUS CmpViewRequest(PCM_REQUEST Request, PCUNICODE_STRING Full, ULONG RootLength) {
    UNICODE_STRING Name = {0};
    CM_VIEW View;
    NTSTATUS Status;

    if (!CmpViewName(Full, &View)) {
        return STATUS_SUCCESS;
    }
    Status = CmpBuildView(Full, &View, &Name);
    if (NT_SUCCESS(Status) && !RtlEqualUnicodeString(&Name, Full, FALSE)) {
        Status = CmpReplaceName(Request, &Name, Full, RootLength);
    }
    CmpReleaseString(&Name);
    return Status;
}

NTSTATUS CmpApplyView(PCM_REQUEST Request) {
    UNICODE_STRING Full;
    ULONG RootLength;
    NTSTATUS Status;

    // Without flags a handle of the 64-bit view passes that on to what is opened relative to it.
    Request->View64 = Request->Wow64Flags == KEY_WOW64_64KEY || (Request->Wow64Flags == 0 && Request->Root->View64);
    // Names of kernel mode mean what they say. That its handles keep the view, too, is not documented.
    if (Request->Mode != UserMode) {
        return STATUS_SUCCESS;
    }
    if (Request->Wow64Flags == KEY_WOW64_RES) {
        return STATUS_INVALID_PARAMETER;
    }
    if (Request->View64 || (Request->Wow64Flags == 0 && !CmPortIsWow64Process())) {
        return STATUS_SUCCESS;
    }
    Status = CmpFullName(Request, &Full, &RootLength);
    if (NT_SUCCESS(Status)) {
        Status = CmpViewRequest(Request, &Full, RootLength);
        CmpReleaseString(&Full);
    }
    return Status;
}
