// SPDX-License-Identifier: MIT
//
// NtCreateKey and NtOpenKeyEx: from a name to a key object and a handle.

#include "request.h"
#include "calls.h"
#include "hive.h"

#define CM_VALID_OPTIONS                                                                                               \
    (REG_OPTION_VOLATILE | REG_OPTION_CREATE_LINK | REG_OPTION_BACKUP_RESTORE | REG_OPTION_OPEN_LINK |                 \
     REG_OPTION_DONT_VIRTUALIZE)
#define CM_MAX_LINKS 64

ACCESS_MASK CmpMapAccess(ACCESS_MASK Access) {
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

static NTSTATUS CmpReferenceRoot(PCM_REQUEST Request, HANDLE RootDirectory) {
    PVOID Root;
    NTSTATUS Status;

    if (RootDirectory == NULL) {
        return STATUS_SUCCESS;
    }
    Status = CmPortReferenceKeyByHandle(RootDirectory, 0, Request->Mode, &Root);
    if (NT_SUCCESS(Status)) {
        Request->Root = Root;
    }
    return Status;
}

// Only of a create: opens are reported without them.
static NTSTATUS CmpCaptureSecurity(PCM_REQUEST Request, const OBJECT_ATTRIBUTES *Attributes) {
    NTSTATUS Status;

    if (Request->Mode == KernelMode) {
        Request->SecurityDescriptor = Attributes->SecurityDescriptor;
        Request->SecurityQualityOfService = Attributes->SecurityQualityOfService;
        return STATUS_SUCCESS;
    }
    if (Attributes->SecurityQualityOfService != NULL) {
        Status = CmpCopyIn(&Request->CapturedQuality, Attributes->SecurityQualityOfService,
                           sizeof(Request->CapturedQuality), UserMode);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
        Request->SecurityQualityOfService = &Request->CapturedQuality;
    }
    if (Attributes->SecurityDescriptor == NULL) {
        return STATUS_SUCCESS;
    }
    return CmPortCaptureDescriptor(Attributes->SecurityDescriptor, UserMode, &Request->SecurityDescriptor);
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
    }
    if (Request->Create) {
        Status = CmpCaptureSecurity(Request, &Attributes);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
    }
    Status = CmpCaptureString(&Request->CompleteName, Attributes.ObjectName, Request->Mode);
    if (NT_SUCCESS(Status)) {
        Status = CmpCaptureInput(&Request->Class, Class, Request->Mode, CmpCaptureString);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpReferenceRoot(Request, Attributes.RootDirectory);
    }
    if (NT_SUCCESS(Status)) {
        Status = CmpResolveName(Request);
    }
    return NT_SUCCESS(Status) ? CmpApplyView(Request) : Status;
}

static NTSTATUS CmpBindRequest(PCM_REQUEST Request, HANDLE Transaction) {
    if (Request->Transacted) {
        return CmpReferenceTransaction(Transaction, Request->Mode, &Request->Transaction);
    }
    Request->Transaction = Request->Root != NULL ? CmpTransactionOfKey(Request->Root->Key) : NULL;
    if (Request->Transaction != NULL) {
        CmpAddTransactionReference(Request->Transaction);
    }
    return STATUS_SUCCESS;
}

static VOID CmpReleaseRequest(PCM_REQUEST Request) {
    if (Request->Transaction != NULL) {
        CmpReleaseTransaction(Request->Transaction);
    }
    if (Request->Root != NULL) {
        CmPortDereferenceObject(Request->Root);
    }
    CmpReleaseString(&Request->CompleteName);
    CmpReleaseInput(&Request->Class);
    CmpReleaseString(&Request->Target);
    if (Request->Mode == UserMode) {
        CmStoreFree(Request->SecurityDescriptor);
    }
}

static VOID CmpFillInformation(PCM_REQUEST Request) {
    REG_CREATE_KEY_INFORMATION_V1 *Information = &Request->Information;

    RtlZeroMemory(Information, sizeof(*Information));
    Information->CompleteName = &Request->CompleteName;
    Information->RootObject = Request->Root;
    Information->ObjectType = CmPortKeyObjectType();
    Information->Options = Request->Options;
    Information->Class = Request->Class.Shown.Length != 0 ? &Request->Class.Shown : NULL;
    Information->SecurityDescriptor = Request->SecurityDescriptor;
    Information->SecurityQualityOfService = Request->SecurityQualityOfService;
    Information->DesiredAccess = Request->DesiredAccess;
    Information->Transaction = Request->Transacted ? CmpTransactionObject(Request->Transaction) : NULL;
    Information->Disposition = Request->Create ? &Request->Disposition : NULL;
    Information->ResultObject = &Request->Result;
    Information->Version = CmpSystem.Options.CreateVersion;
    if (Information->Version >= 1) {
        Information->RemainingName = &Request->RemainingName;
        Information->Wow64Flags = Request->Wow64Flags;
        Information->Attributes = Request->Attributes;
        Information->CheckAccessMode = CmpCheckMode(Request);
    }
}

static NTSTATUS CmpPerform(PCM_REQUEST Request) {
    PCM_KEY_BODY Body;
    PCM_KEY Key = NULL;
    NTSTATUS Status;

    Status = CmpReadInput(&Request->Class);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    CmpLockRegistry();
    Status = CmpParseKey(Request, &Key);
    CmpUnlockRegistry();
    if (Status != STATUS_SUCCESS) {
        return Status;
    }
    Status = CmpCreateBody(Key, &Body);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Body->View64 = Request->View64;
    Request->Result = Body;
    Request->Information.GrantedAccess = Request->GrantedAccess;
    return STATUS_SUCCESS;
}

// The notifications and what lies between them. On success Result is a referenced key object.
static NTSTATUS CmpRunOnce(PCM_REQUEST Request) {
    CM_OPERATION Operation;
    NTSTATUS Status;
    PCM_KEY_BODY Made = NULL;
    PVOID Object;

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
        CmpFinishOpening(Made);
    }
    if ((Status == STATUS_SUCCESS) != (Request->Result != NULL) ||
        (Request->Result != NULL && !CmpIsLiveBody(Request->Result))) {
        CmpViolation(CmViolationResultObject, (ULONG_PTR)(ULONG)Status, (ULONG_PTR)Request->Result, 0);
        return NT_SUCCESS(Status) ? STATUS_UNSUCCESSFUL : Status;
    }
    return Status;
}

// One pair of notifications for the name as it was given, and one for each link.
static NTSTATUS CmpRunRequest(PCM_REQUEST Request) {
    for (ULONG Hops = 0;; Hops++) {
        NTSTATUS Status = CmpRunOnce(Request);

        if (Status != STATUS_REPARSE || Request->Target.Buffer == NULL) {
            return Status;
        }
        if (Request->Attributes & OBJ_DONT_REPARSE) {
            return STATUS_REPARSE_POINT_ENCOUNTERED;
        }
        // The limit was seen on real systems and is not documented, nor is the status: tests of the Wine project found
        // this one for a loop on Windows 10 1607 and later, STATUS_NAME_TOO_LONG on older systems.
        if (Hops == CM_MAX_LINKS) {
            return STATUS_INVALID_PARAMETER;
        }
        Status = CmpFollowLink(Request);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
    }
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
                                POBJECT_ATTRIBUTES ObjectAttributes, PUNICODE_STRING Class, HANDLE Transaction,
                                PULONG Disposition) {
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
        Status = CmpBindRequest(Request, Transaction);
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

NTSTATUS CmpOpenKeyObject(POBJECT_ATTRIBUTES ObjectAttributes, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode,
                          PCM_KEY_BODY *Body) {
    CM_REQUEST Request = {.Mode = Mode, .DesiredAccess = DesiredAccess};
    NTSTATUS Status = CmpCaptureRequest(&Request, ObjectAttributes, NULL);

    if (NT_SUCCESS(Status)) {
        Status = CmpRunRequest(&Request);
    }
    if (Status == STATUS_SUCCESS) {
        *Body = Request.Result;
    }
    CmpReleaseRequest(&Request);
    return Status;
}

NTSTATUS NTAPI CM_NT(CreateKey)(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                                ULONG TitleIndex, PUNICODE_STRING Class, ULONG CreateOptions, PULONG Disposition) {
    CM_REQUEST Request = {.Create = TRUE, .TitleIndex = TitleIndex, .Options = CreateOptions};

    return CmpCreateOrOpen(&Request, KeyHandle, DesiredAccess, ObjectAttributes, Class, NULL, Disposition);
}

NTSTATUS NTAPI CM_NT(CreateKeyTransacted)(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                                          POBJECT_ATTRIBUTES ObjectAttributes, ULONG TitleIndex, PUNICODE_STRING Class,
                                          ULONG CreateOptions, HANDLE TransactionHandle, PULONG Disposition) {
    CM_REQUEST Request = {.Create = TRUE, .TitleIndex = TitleIndex, .Options = CreateOptions, .Transacted = TRUE};

    return CmpCreateOrOpen(&Request, KeyHandle, DesiredAccess, ObjectAttributes, Class, TransactionHandle, Disposition);
}

static NTSTATUS CmpOpen(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                        ULONG OpenOptions, BOOLEAN Transacted, HANDLE TransactionHandle) {
    CM_REQUEST Request = {.Create = FALSE, .Options = OpenOptions, .Transacted = Transacted};

    if (OpenOptions & ~(ULONG)(REG_OPTION_OPEN_LINK | REG_OPTION_BACKUP_RESTORE)) {
        return STATUS_INVALID_PARAMETER;
    }
    return CmpCreateOrOpen(&Request, KeyHandle, DesiredAccess, ObjectAttributes, NULL, TransactionHandle, NULL);
}

NTSTATUS NTAPI CM_NT(OpenKeyEx)(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                                ULONG OpenOptions) {
    return CmpOpen(KeyHandle, DesiredAccess, ObjectAttributes, OpenOptions, FALSE, NULL);
}

NTSTATUS NTAPI CM_NT(OpenKey)(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes) {
    return CmpOpen(KeyHandle, DesiredAccess, ObjectAttributes, 0, FALSE, NULL);
}

NTSTATUS NTAPI CM_NT(OpenKeyTransactedEx)(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                                          POBJECT_ATTRIBUTES ObjectAttributes, ULONG OpenOptions,
                                          HANDLE TransactionHandle) {
    return CmpOpen(KeyHandle, DesiredAccess, ObjectAttributes, OpenOptions, TRUE, TransactionHandle);
}

NTSTATUS NTAPI CM_NT(OpenKeyTransacted)(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                                        POBJECT_ATTRIBUTES ObjectAttributes, HANDLE TransactionHandle) {
    return CmpOpen(KeyHandle, DesiredAccess, ObjectAttributes, 0, TRUE, TransactionHandle);
}
