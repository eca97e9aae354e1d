// SPDX-License-Identifier: MIT
//
// Notifications that no operation caused, for the tests of drivers.

#include "cmp.h"

// Everything that a structure may point to. Lives as long as the notification.
typedef struct _CM_INJECTION {
    union {
        REG_DELETE_KEY_INFORMATION Plain; // also flush and close, and the head of all that start with Object
        REG_SET_VALUE_KEY_INFORMATION SetValue;
        REG_DELETE_VALUE_KEY_INFORMATION DeleteValue;
        REG_SET_INFORMATION_KEY_INFORMATION SetInformation;
        REG_RENAME_KEY_INFORMATION Rename;
        REG_ENUMERATE_KEY_INFORMATION EnumerateKey;
        REG_ENUMERATE_VALUE_KEY_INFORMATION EnumerateValue;
        REG_QUERY_KEY_INFORMATION QueryKey;
        REG_QUERY_VALUE_KEY_INFORMATION QueryValue;
        REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION QueryMultiple;
        REG_POST_CREATE_KEY_INFORMATION OldPost; // 10-13; the pre structure is its head
        REG_CREATE_KEY_INFORMATION_V1 Create;
        REG_LOAD_KEY_INFORMATION_V2 Load;
        REG_UNLOAD_KEY_INFORMATION Unload;
        REG_QUERY_KEY_SECURITY_INFORMATION QuerySecurity;
        REG_SET_KEY_SECURITY_INFORMATION SetSecurity;
        REG_RESTORE_KEY_INFORMATION Restore;
        REG_SAVE_KEY_INFORMATION Save;
        REG_REPLACE_KEY_INFORMATION Replace;
        REG_QUERY_KEY_NAME QueryName;
        REG_SAVE_MERGED_KEY_INFORMATION SaveMerged;
        UCHAR Room[256]; // what an unknown class may have
    } Information;
    UNICODE_STRING Name;
    UNICODE_STRING SourceFile;
    UNICODE_STRING OldFile;
    KEY_VALUE_ENTRY Entry;
    ULONG64 Output[16];
    ULONG OutputLength;
    ULONG RequiredLength;
    ULONG Disposition;
    SECURITY_INFORMATION Security;
    // A self-relative descriptor without owner, group and lists.
    struct {
        UCHAR Revision, Sbz1;
        USHORT Control;
        ULONG Owner, Group, Sacl, Dacl;
    } Descriptor;
    LARGE_INTEGER Time;
    ULONG Data;
    HANDLE RootHandle;
    PVOID Result;
} CM_INJECTION, *PCM_INJECTION;

// No file is open behind it; what is checked is that callbacks pass it on or leave it alone.
#define CM_INJECTED_FILE ((HANDLE)(LONG_PTR)-0x7FFFF544)

static VOID CmpSetText(PUNICODE_STRING String, const WCHAR *Text, USHORT Length) {
    String->Buffer = (PWCH)Text;
    String->Length = String->MaximumLength = Length;
}

#define CM_SET_TEXT(string, text) CmpSetText(string, text, sizeof(text) - sizeof(WCHAR))

static VOID CmpPrepare(PCM_INJECTION In, PCUNICODE_STRING Name) {
    if (Name != NULL) {
        In->Name = *Name;
    } else {
        CM_SET_TEXT(&In->Name, L"Injected");
    }
    CM_SET_TEXT(&In->SourceFile, L"\\SystemRoot\\Temp\\injected.hiv");
    CM_SET_TEXT(&In->OldFile, L"\\SystemRoot\\Temp\\before.hiv");
    In->Entry.ValueName = &In->Name;
    In->OutputLength = sizeof(In->Output);
    In->Security = DACL_SECURITY_INFORMATION;
    In->Descriptor.Revision = 1;
    In->Descriptor.Control = 0x8000;
    In->Data = 0x12345678;
}

static VOID CmpFillValueClass(PCM_INJECTION In, ULONG NotifyClass, PVOID Object) {
    switch (NotifyClass) {
    case RegNtPreSetValueKey:
        In->Information.SetValue = (REG_SET_VALUE_KEY_INFORMATION){.Object = Object,
                                                                   .ValueName = &In->Name,
                                                                   .Type = REG_DWORD,
                                                                   .Data = &In->Data,
                                                                   .DataSize = sizeof(In->Data)};
        break;
    case RegNtPreDeleteValueKey:
        In->Information.DeleteValue = (REG_DELETE_VALUE_KEY_INFORMATION){.Object = Object, .ValueName = &In->Name};
        break;
    case RegNtPreEnumerateValueKey:
        In->Information.EnumerateValue =
            (REG_ENUMERATE_VALUE_KEY_INFORMATION){.Object = Object,
                                                  .KeyValueInformationClass = KeyValueFullInformation,
                                                  .KeyValueInformation = In->Output,
                                                  .Length = sizeof(In->Output),
                                                  .ResultLength = &In->RequiredLength};
        break;
    case RegNtPreQueryValueKey:
        In->Information.QueryValue =
            (REG_QUERY_VALUE_KEY_INFORMATION){.Object = Object,
                                              .ValueName = &In->Name,
                                              .KeyValueInformationClass = KeyValuePartialInformation,
                                              .KeyValueInformation = In->Output,
                                              .Length = sizeof(In->Output),
                                              .ResultLength = &In->RequiredLength};
        break;
    default:
        In->Information.QueryMultiple =
            (REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION){.Object = Object,
                                                       .ValueEntries = &In->Entry,
                                                       .EntryCount = 1,
                                                       .ValueBuffer = In->Output,
                                                       .BufferLength = &In->OutputLength,
                                                       .RequiredBufferLength = &In->RequiredLength};
        break;
    }
}

static VOID CmpFillKeyClass(PCM_INJECTION In, ULONG NotifyClass, PVOID Object) {
    switch (NotifyClass) {
    case RegNtPreSetInformationKey:
        CmPortSystemTime(&In->Time);
        In->Information.SetInformation =
            (REG_SET_INFORMATION_KEY_INFORMATION){.Object = Object,
                                                  .KeySetInformationClass = KeyWriteTimeInformation,
                                                  .KeySetInformation = &In->Time,
                                                  .KeySetInformationLength = sizeof(In->Time)};
        break;
    case RegNtPreRenameKey:
        In->Information.Rename = (REG_RENAME_KEY_INFORMATION){.Object = Object, .NewName = &In->Name};
        break;
    case RegNtPreEnumerateKey:
        In->Information.EnumerateKey = (REG_ENUMERATE_KEY_INFORMATION){.Object = Object,
                                                                       .KeyInformationClass = KeyBasicInformation,
                                                                       .KeyInformation = In->Output,
                                                                       .Length = sizeof(In->Output),
                                                                       .ResultLength = &In->RequiredLength};
        break;
    case RegNtPreQueryKey:
        In->Information.QueryKey = (REG_QUERY_KEY_INFORMATION){.Object = Object,
                                                               .KeyInformationClass = KeyFullInformation,
                                                               .KeyInformation = In->Output,
                                                               .Length = sizeof(In->Output),
                                                               .ResultLength = &In->RequiredLength};
        break;
    case RegNtPreQueryKeyName:
        In->Information.QueryName = (REG_QUERY_KEY_NAME){.Object = Object,
                                                         .ObjectNameInfo = (POBJECT_NAME_INFORMATION)In->Output,
                                                         .Length = sizeof(In->Output),
                                                         .ReturnLength = &In->RequiredLength};
        break;
    case RegNtPreQueryKeySecurity:
        In->Information.QuerySecurity =
            (REG_QUERY_KEY_SECURITY_INFORMATION){.Object = Object,
                                                 .SecurityInformation = &In->Security,
                                                 .SecurityDescriptor = (PSECURITY_DESCRIPTOR)In->Output,
                                                 .Length = &In->OutputLength};
        break;
    case RegNtPreSetKeySecurity:
        In->Information.SetSecurity =
            (REG_SET_KEY_SECURITY_INFORMATION){.Object = Object,
                                               .SecurityInformation = &In->Security,
                                               .SecurityDescriptor = (PSECURITY_DESCRIPTOR)&In->Descriptor};
        break;
    default: // delete, flush, close, unload
        In->Information.Plain.Object = Object;
        break;
    }
}

static VOID CmpFillHiveClass(PCM_INJECTION In, ULONG NotifyClass, PVOID Object) {
    switch (NotifyClass) {
    case RegNtPreLoadKey:
        In->Information.Load = (REG_LOAD_KEY_INFORMATION_V2){.Object = Object,
                                                             .KeyName = &In->Name,
                                                             .SourceFile = &In->SourceFile,
                                                             .Flags = REG_APP_HIVE,
                                                             .DesiredAccess = KEY_READ,
                                                             .RootHandle = &In->RootHandle};
        // The older structure ends behind this field, where it is called Reserved and is 0.
        In->Information.Load.Version = CmpSystem.Options.LoadVersion;
        break;
    case RegNtPreRestoreKey:
        In->Information.Restore =
            (REG_RESTORE_KEY_INFORMATION){.Object = Object, .FileHandle = CM_INJECTED_FILE, .Flags = 8};
        break;
    case RegNtPreSaveKey:
        In->Information.Save =
            (REG_SAVE_KEY_INFORMATION){.Object = Object, .FileHandle = CM_INJECTED_FILE, .Format = 2};
        break;
    case RegNtPreReplaceKey:
        In->Information.Replace = (REG_REPLACE_KEY_INFORMATION){
            .Object = Object, .OldFileName = &In->OldFile, .NewFileName = &In->SourceFile};
        break;
    default:
        In->Information.SaveMerged = (REG_SAVE_MERGED_KEY_INFORMATION){
            .FileHandle = CM_INJECTED_FILE, .HighKeyObject = Object, .LowKeyObject = CmpSystem.RootBody};
        break;
    }
}

static VOID CmpFillCreateClass(PCM_INJECTION In, ULONG NotifyClass, PVOID Object) {
    REG_CREATE_KEY_INFORMATION_V1 *Create = &In->Information.Create;

    Create->CompleteName = &In->Name;
    Create->RootObject = Object;
    Create->ObjectType = CmPortKeyObjectType();
    Create->DesiredAccess = KEY_READ;
    Create->Disposition = NotifyClass == RegNtPreCreateKeyEx ? &In->Disposition : NULL;
    Create->ResultObject = &In->Result;
    Create->Version = CmpSystem.Options.CreateVersion;
    if (Create->Version >= 1) {
        Create->RemainingName = &In->Name;
        Create->Attributes = OBJ_CASE_INSENSITIVE;
        Create->CheckAccessMode = UserMode;
    }
}

static VOID CmpFill(PCM_INJECTION In, ULONG NotifyClass, PVOID Object) {
    switch (NotifyClass) {
    case RegNtPreSetValueKey:
    case RegNtPreDeleteValueKey:
    case RegNtPreEnumerateValueKey:
    case RegNtPreQueryValueKey:
    case RegNtPreQueryMultipleValueKey:
        CmpFillValueClass(In, NotifyClass, Object);
        break;
    case RegNtPreLoadKey:
    case RegNtPreRestoreKey:
    case RegNtPreSaveKey:
    case RegNtPreReplaceKey:
    case 49:
        CmpFillHiveClass(In, NotifyClass, Object);
        break;
    case RegNtPreCreateKeyEx:
    case RegNtPreOpenKeyEx:
        CmpFillCreateClass(In, NotifyClass, Object);
        break;
    default:
        CmpFillKeyClass(In, NotifyClass, Object);
        break;
    }
}

static ULONG CmpPreClassOf(ULONG NotifyClass) {
    if (CmpClassOf(NotifyClass)->Post != 0) {
        return NotifyClass;
    }
    for (ULONG Pre = 0; Pre < 51; Pre++) {
        if (CmpClassOf(Pre)->Post == NotifyClass && NotifyClass != 0) {
            return Pre;
        }
    }
    return NotifyClass;
}

static PVOID CmpPostObject(ULONG Pre, PVOID Object, NTSTATUS Status) {
    switch (Pre) {
    case RegNtPreKeyHandleClose:
    case RegNtPreLoadKey:
        return CmpPoison();
    case RegNtPreUnLoadKey:
        return NT_SUCCESS(Status) ? CmpPoison() : Object;
    case 49:
        return NULL;
    case RegNtPreCreateKeyEx:
    case RegNtPreOpenKeyEx:
        return Status == STATUS_SUCCESS ? Object : Status == STATUS_REPARSE ? CmpPoison() : NULL;
    default:
        return Object;
    }
}

static NTSTATUS CmpInjectPair(PCM_INJECTION In, ULONG Pre, PVOID Object, NTSTATUS OperationStatus) {
    BOOLEAN MakesObject = Pre == RegNtPreCreateKeyEx || Pre == RegNtPreOpenKeyEx;
    CM_OPERATION Operation;
    NTSTATUS Status;

    CmpFill(In, Pre, Object);
    Status = CmpPreNotify(&Operation, Pre, &In->Information, Pre == 49 ? NULL : Object);
    if (!Operation.Stopped) {
        Status = OperationStatus;
        if (MakesObject && Status == STATUS_SUCCESS) {
            CmPortReferenceObject(Object);
            In->Result = Object;
            In->Disposition = REG_OPENED_EXISTING_KEY;
            In->Information.Create.GrantedAccess = KEY_READ;
        }
    }
    Status = CmpPostNotify(&Operation, Status, CmpPostObject(Pre, In->Result != NULL ? In->Result : Object, Status));
    if (In->Result != NULL) {
        CmPortDereferenceObject(In->Result);
    }
    return Status;
}

NTSTATUS CmInjectNotification(PVOID Object, ULONG NotifyClass, NTSTATUS OperationStatus) {
    return CmInjectNamedNotification(Object, NotifyClass, NULL, OperationStatus);
}

NTSTATUS CmInjectNamedNotification(PVOID Object, ULONG NotifyClass, PCUNICODE_STRING Name, NTSTATUS OperationStatus) {
    // On the stack: callers of user mode could not have their buffers in the pool, and callbacks may probe them.
    CM_INJECTION In;
    ULONG Pre = CmpPreClassOf(NotifyClass);

    RtlZeroMemory(&In, sizeof(In));
    CmpPrepare(&In, Name);
    if (NotifyClass == RegNtCallbackObjectContextCleanup && CmpHasContexts(Object)) {
        CmpCleanupBodyContexts(Object, FALSE);
        return STATUS_SUCCESS;
    }
    if (CmpClassOf(Pre)->Post != 0) {
        return CmpInjectPair(&In, Pre, Object, OperationStatus);
    }
    if (NotifyClass >= RegNtPreCreateKey && NotifyClass <= RegNtPostOpenKey) {
        In.Information.OldPost =
            (REG_POST_CREATE_KEY_INFORMATION){.CompleteName = &In.Name, .Object = Object, .Status = OperationStatus};
    } else {
        // Also class 40, whose ObjectContext comes second and stays NULL.
        In.Information.Plain.Object = Object;
    }
    CmpNotifyAll(NotifyClass, &In.Information);
    return STATUS_SUCCESS;
}
