// SPDX-License-Identifier: MIT
//
// NtCreateKey and NtOpenKeyEx: from a name to a key object and a handle.

#include "cmp.h"
#include "calls.h"

#define CM_VALID_OPTIONS                                                                                               \
    (REG_OPTION_VOLATILE | REG_OPTION_CREATE_LINK | REG_OPTION_BACKUP_RESTORE | REG_OPTION_OPEN_LINK |                 \
     REG_OPTION_DONT_VIRTUALIZE)

// One request, with everything captured.
typedef struct _CM_REQUEST {
    BOOLEAN Create;
    KPROCESSOR_MODE Mode;
    ULONG Attributes;
    ULONG TitleIndex;
    ULONG Options;
    ACCESS_MASK DesiredAccess; // generic rights mapped, view flags taken out
    ULONG Wow64Flags;
    PVOID SecurityDescriptor;
    PVOID SecurityQualityOfService;
    PCM_KEY_BODY Root; // referenced
    UNICODE_STRING CompleteName;
    UNICODE_STRING RemainingName; // part of CompleteName
    UNICODE_STRING Class;
    ULONG Disposition;
    PVOID Result; // key object, referenced
    REG_CREATE_KEY_INFORMATION_V1 Information;
} CM_REQUEST, *PCM_REQUEST;

static ACCESS_MASK CmpMapAccess(ACCESS_MASK Access) {
    static const struct {
        ACCESS_MASK Generic, Specific;
    } Map[] = {{GENERIC_READ, KEY_READ},
               {GENERIC_WRITE, KEY_WRITE},
               {GENERIC_EXECUTE, KEY_EXECUTE},
               {GENERIC_ALL, KEY_ALL_ACCESS}};

    for (ULONG i = 0; i < RTL_NUMBER_OF(Map); i++) {
        if (Access & Map[i].Generic) {
            Access = (Access & ~Map[i].Generic) | Map[i].Specific;
        }
    }
    return Access;
}

static NTSTATUS CmpResolveRoot(PCM_REQUEST Request, HANDLE RootDirectory) {
    PVOID Root;
    NTSTATUS Status;

    if (Request->CompleteName.Length % sizeof(WCHAR) != 0) {
        return STATUS_OBJECT_NAME_INVALID;
    }
    Request->RemainingName = Request->CompleteName;
    if (RootDirectory == NULL) {
        Status = CmpStripRegistryPrefix(&Request->RemainingName);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
        CmPortReferenceObject(CmpSystem.RootBody);
        Request->Root = CmpSystem.RootBody;
    } else {
        if (Request->CompleteName.Length != 0 && Request->CompleteName.Buffer[0] == L'\\') {
            return STATUS_OBJECT_PATH_SYNTAX_BAD;
        }
        Status = CmPortReferenceKeyByHandle(RootDirectory, 0, Request->Mode, &Root);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
        Request->Root = Root;
    }
    CmpTrimSeparators(&Request->RemainingName);
    return STATUS_SUCCESS;
}

static NTSTATUS CmpCaptureRequest(PCM_REQUEST Request, POBJECT_ATTRIBUTES ObjectAttributes, PUNICODE_STRING Class) {
    OBJECT_ATTRIBUTES Attributes;
    NTSTATUS Status = CmpCopyIn(&Attributes, ObjectAttributes, sizeof(Attributes), Request->Mode);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    if (Attributes.Length != sizeof(Attributes)) {
        return STATUS_INVALID_PARAMETER;
    }
    Request->Attributes = Attributes.Attributes;
    if (Request->Mode == UserMode) {
        Request->Attributes &= ~(ULONG)OBJ_KERNEL_HANDLE;
    } else {
        // Security of keys is not kept here. A descriptor of user mode would have to be captured to be shown to
        // callbacks.
        Request->SecurityDescriptor = Request->Create ? Attributes.SecurityDescriptor : NULL;
        Request->SecurityQualityOfService = Request->Create ? Attributes.SecurityQualityOfService : NULL;
    }
    Status = CmpCaptureString(&Request->CompleteName, Attributes.ObjectName, Request->Mode);
    if (NT_SUCCESS(Status)) {
        Status = CmpCaptureString(&Request->Class, Class, Request->Mode);
    }
    return NT_SUCCESS(Status) ? CmpResolveRoot(Request, Attributes.RootDirectory) : Status;
}

static VOID CmpReleaseRequest(PCM_REQUEST Request) {
    if (Request->Root != NULL) {
        CmPortDereferenceObject(Request->Root);
    }
    CmpReleaseString(&Request->CompleteName);
    CmpReleaseString(&Request->Class);
}

static VOID CmpFillInformation(PCM_REQUEST Request) {
    REG_CREATE_KEY_INFORMATION_V1 *Information = &Request->Information;
    BOOLEAN Checked = Request->Mode == UserMode || (Request->Attributes & OBJ_FORCE_ACCESS_CHECK) != 0;

    Information->CompleteName = &Request->CompleteName;
    Information->RootObject = Request->Root;
    Information->ObjectType = CmPortKeyObjectType();
    Information->Options = Request->Options;
    Information->Class = Request->Class.Length != 0 ? &Request->Class : NULL;
    Information->SecurityDescriptor = Request->SecurityDescriptor;
    Information->SecurityQualityOfService = Request->SecurityQualityOfService;
    Information->DesiredAccess = Request->DesiredAccess;
    Information->Disposition = Request->Create ? &Request->Disposition : NULL;
    Information->ResultObject = &Request->Result;
    Information->Version = CmpSystem.Options.CreateVersion;
    if (Information->Version >= 1) {
        Information->RemainingName = &Request->RemainingName;
        Information->Wow64Flags = Request->Wow64Flags;
        Information->Attributes = Request->Attributes;
        Information->CheckAccessMode = Checked ? UserMode : KernelMode;
    }
}

static NTSTATUS CmpStep(PCM_REQUEST Request, PCM_KEY Key, PCUNICODE_STRING Component, BOOLEAN Last, PCM_KEY *Child) {
    NTSTATUS Status;

    if (Component->Length > CM_MAX_KEY_NAME_BYTES) {
        return STATUS_INVALID_PARAMETER;
    }
    Status = CmpOpenChildKey(Key, Component, Child);
    if (Status != STATUS_OBJECT_NAME_NOT_FOUND || !Last || !Request->Create) {
        return Status;
    }
    if (Request->Options & REG_OPTION_CREATE_LINK) {
        return STATUS_NOT_SUPPORTED;
    }
    Status = CmpCreateChildKey(Key, Component, Request->TitleIndex, &Request->Class, Request->Options, Child);
    if (NT_SUCCESS(Status)) {
        Request->Disposition = REG_CREATED_NEW_KEY;
    }
    return Status;
}

// With the registry locked: the key that the request means, referenced.
static NTSTATUS CmpWalk(PCM_REQUEST Request, PCM_KEY *Result) {
    UNICODE_STRING Rest = Request->RemainingName, Component, Next;
    PCM_KEY Key = Request->Root->Key;
    BOOLEAN More = CmpNextComponent(&Rest, &Component);
    NTSTATUS Status = Key->Deleted ? STATUS_KEY_DELETED : STATUS_SUCCESS;

    CmpReferenceKey(Key);
    Request->Disposition = REG_OPENED_EXISTING_KEY;
    while (NT_SUCCESS(Status) && More) {
        PCM_KEY Child = NULL;

        More = CmpNextComponent(&Rest, &Next);
        Status = CmpStep(Request, Key, &Component, !More, &Child);
        CmpDereferenceKey(Key);
        Key = Child;
        Component = Next;
    }
    if (!NT_SUCCESS(Status)) {
        CmpDereferenceKey(Key);
        Request->Disposition = 0;
        return Status;
    }
    *Result = Key;
    return STATUS_SUCCESS;
}

static NTSTATUS CmpPerform(PCM_REQUEST Request) {
    PCM_KEY_BODY Body;
    PCM_KEY Key = NULL;
    NTSTATUS Status;

    if (Request->DesiredAccess == 0 &&
        (Request->Mode == UserMode || (Request->Attributes & OBJ_FORCE_ACCESS_CHECK) != 0)) {
        return STATUS_ACCESS_DENIED;
    }
    CmpLockRegistry();
    Status = CmpWalk(Request, &Key);
    CmpUnlockRegistry();
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpCreateBody(Key, &Body);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Request->Result = Body;
    Request->Information.GrantedAccess = Request->DesiredAccess & MAXIMUM_ALLOWED
                                             ? (Request->DesiredAccess & ~(ACCESS_MASK)MAXIMUM_ALLOWED) | KEY_ALL_ACCESS
                                             : Request->DesiredAccess;
    return STATUS_SUCCESS;
}

// The notifications and what lies between them. On success Result is a referenced key object.
static NTSTATUS CmpRunRequest(PCM_REQUEST Request) {
    CM_OPERATION Operation;
    NTSTATUS Status;
    PCM_KEY_BODY Made = NULL;
    PVOID Object;
    KIRQL OldIrql;

    CmpFillInformation(Request);
    Status = CmpPreNotify(&Operation, Request->Create ? RegNtPreCreateKeyEx : RegNtPreOpenKeyEx, &Request->Information,
                          Request->Root);
    if (!Operation.Stopped) {
        Status = CmpPerform(Request);
        Made = Request->Result;
    }
    // An object only comes with plain success. After STATUS_REPARSE the field means nothing.
    Object = Status == STATUS_SUCCESS ? Request->Result : Status == STATUS_REPARSE ? CmpPoison() : NULL;
    Status = CmpPostNotify(&Operation, Status, Object);
    if (Made != NULL && Request->Result == Made) {
        KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
        Made->Opening = FALSE;
        KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
    }
    if ((Status == STATUS_SUCCESS) != (Request->Result != NULL) ||
        (Request->Result != NULL && !CmpIsLiveBody(Request->Result))) {
        CmpViolation(CmViolationResultObject, (ULONG_PTR)(ULONG)Status, (ULONG_PTR)Request->Result, 0);
        return NT_SUCCESS(Status) ? STATUS_UNSUCCESSFUL : Status;
    }
    return Status;
}

static NTSTATUS CmpGiveHandle(PCM_REQUEST Request, PHANDLE KeyHandle, PULONG Disposition) {
    HANDLE Handle = NULL;
    NTSTATUS Status = CmPortCreateHandle(Request->Result, Request->Information.GrantedAccess, Request->Attributes,
                                         Request->Mode, &Handle);

    CmPortDereferenceObject(Request->Result);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpCopyOut(KeyHandle, &Handle, sizeof(Handle), sizeof(ULONG), Request->Mode);
    if (NT_SUCCESS(Status) && Disposition != NULL) {
        Status = CmpCopyOut(Disposition, &Request->Disposition, sizeof(*Disposition), sizeof(ULONG), Request->Mode);
    }
    if (!NT_SUCCESS(Status)) {
        CmPortCloseHandle(Handle, Request->Mode);
    }
    return Status;
}

static NTSTATUS CmpCreateOrOpen(PCM_REQUEST Request, PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                                POBJECT_ATTRIBUTES ObjectAttributes, PUNICODE_STRING Class, PULONG Disposition) {
    NTSTATUS Status;

    CmpCheckIrql(APC_LEVEL);
    Request->Mode = ExGetPreviousMode();
    Request->Wow64Flags = DesiredAccess & KEY_WOW64_RES;
    Request->DesiredAccess = CmpMapAccess(DesiredAccess & ~(ACCESS_MASK)KEY_WOW64_RES);
    if (Request->Options & ~(ULONG)CM_VALID_OPTIONS) {
        return STATUS_INVALID_PARAMETER;
    }
    Status = CmpProbeOut(KeyHandle, sizeof(*KeyHandle), sizeof(ULONG), Request->Mode);
    if (NT_SUCCESS(Status) && Disposition != NULL) {
        Status = CmpProbeOut(Disposition, sizeof(*Disposition), sizeof(ULONG), Request->Mode);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpCaptureRequest(Request, ObjectAttributes, Class);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpRunRequest(Request);
    }
    if (Status == STATUS_SUCCESS) {
        Status = CmpGiveHandle(Request, KeyHandle, Disposition);
    }
    CmpReleaseRequest(Request);
    return Status;
}

NTSTATUS NTAPI CM_NT(CreateKey)(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                                ULONG TitleIndex, PUNICODE_STRING Class, ULONG CreateOptions, PULONG Disposition) {
    CM_REQUEST Request = {.Create = TRUE, .TitleIndex = TitleIndex, .Options = CreateOptions};

    return CmpCreateOrOpen(&Request, KeyHandle, DesiredAccess, ObjectAttributes, Class, Disposition);
}

NTSTATUS NTAPI CM_NT(OpenKeyEx)(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                                ULONG OpenOptions) {
    CM_REQUEST Request = {.Create = FALSE, .Options = OpenOptions};

    if (OpenOptions & ~(ULONG)(REG_OPTION_OPEN_LINK | REG_OPTION_BACKUP_RESTORE)) {
        return STATUS_INVALID_PARAMETER;
    }
    return CmpCreateOrOpen(&Request, KeyHandle, DesiredAccess, ObjectAttributes, NULL, NULL);
}

NTSTATUS NTAPI CM_NT(OpenKey)(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes) {
    return CM_NT(OpenKeyEx)(KeyHandle, DesiredAccess, ObjectAttributes, 0);
}
