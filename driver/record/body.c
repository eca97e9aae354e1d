// SPDX-License-Identifier: MIT
//
// Bodies are described, and written into their records. Queries and security descriptors have files of their own.

#include "record/body_kinds.h"
#include "base/memory.h"

// The largest body of each family fits; a class whose bounds these do not cover has shorter spans of the same kinds.
C_ASSERT(sizeof(CMB_BODY_CREATE) + BODY_ALIGN(CMB_MAX_PATH_BYTES) + BODY_ALIGN(CMB_MAX_CLASS_NAME_BYTES) +
             BODY_ALIGN(CMB_MAX_SECURITY_DESCRIPTOR_BYTES) <=
         BODY_MAX_BYTES_TWO_PATHS);
C_ASSERT(sizeof(CMB_BODY_FILE) + BODY_ALIGN(CMB_MAX_FILE_NAME_BYTES) <= BODY_MAX_BYTES_TWO_PATHS);
C_ASSERT(sizeof(CMB_BODY_SET_VALUE) + BODY_ALIGN(CMB_MAX_VALUE_NAME_BYTES) +
             2 * (SIZE_T)BODY_ALIGN(CMB_MAX_DATA_BYTES) <=
         BODY_MAX_BYTES);
C_ASSERT(sizeof(CMB_BODY_QUERY_MULTIPLE) + CMB_MAX_VALUE_ENTRIES * (sizeof(CMB_VALUE_ENTRY) + 8) +
             BODY_ALIGN(CMB_MAX_ENTRY_NAMES_BYTES) + BODY_ALIGN(CMB_MAX_DATA_BYTES) <=
         BODY_MAX_BYTES);
C_ASSERT(sizeof(CMB_BODY_LOAD) + BODY_ALIGN(CMB_MAX_PATH_BYTES) + BODY_ALIGN(CMB_MAX_FILE_NAME_BYTES) <=
         BODY_MAX_BYTES);
C_ASSERT(sizeof(CMB_BODY_REPLACE) + 2 * (SIZE_T)BODY_ALIGN(CMB_MAX_FILE_NAME_BYTES) <= BODY_MAX_BYTES);

_Use_decl_annotations_
CAPTURE *BodyAddCapture(BODY *Body, const CMB_SPAN *Span) {
    NT_ASSERT(Body->Captures < BODY_MAX_CAPTURES);
    Body->SpanOffset[Body->Captures] = (ULONG)((const UCHAR *)Span - Body->Fixed);
    return &Body->Capture[Body->Captures++];
}

_Use_decl_annotations_
VOID BodyAddBytes(BODY *Body, const CMB_SPAN *Span, const volatile VOID *UnsafeBytes, ULONG FullSize, ULONG Limit) {
    CaptureDescribeBytes(BodyAddCapture(Body, Span), UnsafeBytes, FullSize, Limit);
}

_IRQL_requires_max_(APC_LEVEL)
static VOID AddString(_Inout_ BODY *Body, _In_ const CMB_SPAN *Span, _In_opt_ const volatile UNICODE_STRING *Unsafe,
                      _In_ ULONG Limit) {
    CaptureDescribeString(BodyAddCapture(Body, Span), Unsafe, Limit);
}

_Use_decl_annotations_
UINT32 BodyReadNumber(BODY *Body, const volatile ULONG *UnsafeNumber) {
    ULONG number;
    if (!CaptureBytes(&number, UnsafeNumber, sizeof(number))) {
        ++Body->Faults;
    }
    return number;
}

_Use_decl_annotations_
ULONG BodyBufferLength(BODY *Body, const BODY_INPUT *Input) {
    if (!Input->Facts) {
        return 0;
    }
    Body->Faults += !Input->Post && !NT_SUCCESS(Input->Facts->Status);
    return Input->Facts->BufferLength;
}

_IRQL_requires_max_(APC_LEVEL)
static VOID AddValueName(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input, _In_ const CMB_SPAN *Span,
                         _In_opt_ const UNICODE_STRING *UnsafeName) {
    if (Input->ValueName) {
        *BodyAddCapture(Body, Span) = *Input->ValueName;
    } else {
        AddString(Body, Span, UnsafeName, CMB_MAX_VALUE_NAME_BYTES);
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeOld(_Inout_ BODY *Body, _In_opt_ const FACTS *Facts, _Inout_ CMB_OLD_VALUE *Old) {
    if (!Facts || !Facts->Asked) {
        return;
    }
    Old->Flags = CMB_OLD_VALUE_READ;
    Old->Status = Facts->Status;
    Old->Type = Facts->Type;
    if (NT_SUCCESS(Facts->Status)) {
        BodyAddBytes(Body, &Old->Data, Facts->Bytes, Facts->FullSize, Facts->Size);
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeCreate(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input) {
    const REG_CREATE_KEY_INFORMATION_V1 *create = &Input->Pre->Create;
    CMB_BODY_CREATE *body = &Body->Create;
    AddString(Body, &body->RequestedName, create->CompleteName, CMB_MAX_PATH_BYTES);
    AddString(Body, &body->ClassName, create->Class, CMB_MAX_CLASS_NAME_BYTES);
    BodyDescribeDescriptor(Body, &body->SecurityDescriptor, create->SecurityDescriptor);
    body->DesiredAccess = create->DesiredAccess;
    body->Options = create->Options;
    // Before V1 this was a reserved pointer.
    body->StructureVersion = (UINT32)min(create->Version, MAXUSHORT);
    // Later versions of the structure only append members.
    if (create->Version >= 1) {
        body->Attributes = create->Attributes;
        body->Wow64Flags = create->Wow64Flags;
        body->CheckAccessMode = (UCHAR)create->CheckAccessMode;
    }
    // STATUS_REPARSE is a success, too, but nothing was opened.
    if (Input->Post && Input->Post->Status == STATUS_SUCCESS) {
        body->GrantedAccess = create->GrantedAccess;
        body->Disposition = create->Disposition ? BodyReadNumber(Body, create->Disposition) : 0;
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeLoad(_Inout_ BODY *Body, _In_ const REG_LOAD_KEY_INFORMATION_V2 *Load) {
    CMB_BODY_LOAD *body = &Body->Load;
    AddString(Body, &body->KeyName, Load->KeyName, CMB_MAX_PATH_BYTES);
    AddString(Body, &body->SourceFile, Load->SourceFile, CMB_MAX_FILE_NAME_BYTES);
    body->LoadFlags = Load->Flags;
    body->DesiredAccess = Load->DesiredAccess;
    body->Present = (Load->TrustClassObject ? CMB_LOAD_TRUST_CLASS : 0) | (Load->UserEvent ? CMB_LOAD_USER_EVENT : 0) |
                    (Load->RootHandle ? CMB_LOAD_ROOT_HANDLE : 0);
    // Before V2 this was a reserved pointer, and the last member.
    body->StructureVersion = (UINT32)min(Load->Version, MAXUSHORT);
    if (Load->Version >= 2 && Load->FileAccessToken) {
        body->Present |= CMB_LOAD_FILE_ACCESS_TOKEN;
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeFile(_Inout_ BODY *Body, _In_opt_ const FACTS *Facts, _In_ ULONG FileFlags) {
    if (Facts && Facts->Bytes) {
        BodyAddBytes(Body, &Body->File.FileName, Facts->Bytes, Facts->FullSize, Facts->Size);
    }
    Body->File.FileFlags = FileFlags;
}

// Of a class that changes something.
_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeChange(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input) {
    const NOTIFY_PRE *pre = Input->Pre;
    switch (Input->Class->Body) {
    case NotifyBodySetValue:
        AddValueName(Body, Input, &Body->SetValue.ValueName, pre->SetValue.ValueName);
        BodyAddBytes(Body, &Body->SetValue.Data, pre->SetValue.Data, pre->SetValue.DataSize, Input->MaxDataBytes);
        Body->SetValue.Type = pre->SetValue.Type;
        Body->SetValue.TitleIndex = pre->SetValue.TitleIndex;
        DescribeOld(Body, Input->Facts, &Body->SetValue.Old);
        break;
    case NotifyBodyDeleteValue:
        AddValueName(Body, Input, &Body->DeleteValue.ValueName, pre->DeleteValue.ValueName);
        DescribeOld(Body, Input->Facts, &Body->DeleteValue.Old);
        break;
    case NotifyBodyDeleteKey:
        if (Input->Facts && Input->Facts->Asked) {
            Body->DeleteKey = (CMB_BODY_DELETE_KEY){Input->Facts->Values, Input->Facts->SubKeys, Input->Facts->Status,
                                                    CMB_OLD_VALUE_READ};
        }
        break;
    case NotifyBodyRename:
        AddString(Body, &Body->Rename.NewName, pre->Rename.NewName, CMB_MAX_PATH_BYTES);
        break;
    case NotifyBodySetInformation:
        BodyAddBytes(Body, &Body->SetInformation.Information, pre->SetInformation.KeySetInformation,
                     pre->SetInformation.KeySetInformationLength, Input->MaxDataBytes);
        Body->SetInformation.InformationClass = pre->SetInformation.KeySetInformationClass;
        break;
    case NotifyBodyLoad:
        DescribeLoad(Body, &pre->Load);
        break;
    case NotifyBodyUnload:
        Body->Unload.UserEvent = pre->Unload.UserEvent != NULL;
        break;
    case NotifyBodySetSecurity:
        BodyDescribeDescriptor(Body, &Body->Security.Descriptor, pre->SetSecurity.SecurityDescriptor);
        Body->Security.SecurityInformation = BodyReadNumber(Body, pre->SetSecurity.SecurityInformation);
        break;
    case NotifyBodyFile:
        DescribeFile(Body, Input->Facts, pre->Restore.Flags);
        break;
    case NotifyBodySaveMerged:
        DescribeFile(Body, Input->Facts, 0);
        break;
    case NotifyBodyReplace:
        AddString(Body, &Body->Replace.NewFileName, pre->Replace.NewFileName, CMB_MAX_FILE_NAME_BYTES);
        AddString(Body, &Body->Replace.OldFileName, pre->Replace.OldFileName, CMB_MAX_FILE_NAME_BYTES);
        break;
    default:
        break;
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID Describe(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input) {
    switch (Input->Class->Body) {
    case NotifyBodyCreate:
        DescribeCreate(Body, Input);
        break;
    case NotifyBodyQueryValue:
        AddValueName(Body, Input, &Body->Query.ValueName, Input->Pre->QueryValue.ValueName);
        BodyDescribeQuery(Body, Input);
        break;
    case NotifyBodyEnumerate:
    case NotifyBodyQueryKey:
        BodyDescribeQuery(Body, Input);
        break;
    case NotifyBodyQueryMultiple:
        BodyDescribeQueryMultiple(Body, Input);
        break;
    case NotifyBodyQuerySecurity:
        BodyDescribeQuerySecurity(Body, Input);
        break;
    case NotifyBodyQueryName:
        BodyDescribeQueryName(Body, Input);
        break;
    default:
        DescribeChange(Body, Input);
        break;
    }
}

static const UCHAR Sizes[NotifyBodyCount] = {
    [NotifyBodyCreate] = sizeof(CMB_BODY_CREATE),
    [NotifyBodySetValue] = sizeof(CMB_BODY_SET_VALUE),
    [NotifyBodyDeleteValue] = sizeof(CMB_BODY_DELETE_VALUE),
    [NotifyBodyDeleteKey] = sizeof(CMB_BODY_DELETE_KEY),
    [NotifyBodyRename] = sizeof(CMB_BODY_RENAME),
    [NotifyBodySetInformation] = sizeof(CMB_BODY_SET_INFORMATION),
    [NotifyBodyEnumerate] = sizeof(CMB_BODY_QUERY),
    [NotifyBodyQueryKey] = sizeof(CMB_BODY_QUERY),
    [NotifyBodyQueryValue] = sizeof(CMB_BODY_QUERY),
    [NotifyBodyQueryMultiple] = sizeof(CMB_BODY_QUERY_MULTIPLE),
    [NotifyBodyClose] = sizeof(CMB_BODY_CLOSE),
    [NotifyBodyLoad] = sizeof(CMB_BODY_LOAD),
    [NotifyBodyUnload] = sizeof(CMB_BODY_UNLOAD),
    [NotifyBodyQuerySecurity] = sizeof(CMB_BODY_SECURITY),
    [NotifyBodySetSecurity] = sizeof(CMB_BODY_SECURITY),
    [NotifyBodyFile] = sizeof(CMB_BODY_FILE),
    [NotifyBodySaveMerged] = sizeof(CMB_BODY_FILE),
    [NotifyBodyReplace] = sizeof(CMB_BODY_REPLACE),
    [NotifyBodyQueryName] = sizeof(CMB_BODY_QUERY_NAME),
};

C_ASSERT(FIELD_OFFSET(BODY, Fixed) + sizeof(CMB_BODY_CREATE) == FIELD_OFFSET(BODY, Captures));

_Use_decl_annotations_
VOID BodyDescribe(BODY *Body, const BODY_INPUT *Input) {
    RtlZeroMemory(Body, sizeof(*Body));
    Body->Size = Sizes[Input->Class->Body];
    if (Input->Opener && Input->Class->Body == NotifyBodyClose) {
        Body->Close = *Input->Opener;
    } else if (Input->Pre) {
        Describe(Body, Input);
    }
    for (ULONG i = 0; i < Body->Captures; ++i) {
        Body->DataSize += BODY_ALIGN(Body->Capture[i].Size);
    }
    NT_ASSERT(Body->Size + Body->DataSize <= BODY_MAX_BYTES);
}

// The names of entries lie behind them, and count from the start of the record. The span is that of the entries alone.
static VOID PlaceEntries(_In_ const BODY *Body, _Inout_ CMB_RECORD *Record, _Inout_ CMB_SPAN *Span) {
    CMB_VALUE_ENTRY *entries = (CMB_VALUE_ENTRY *)((UCHAR *)Record + Span->Offset);
    for (ULONG i = 0; i < Body->Entries; ++i) {
        entries[i].ValueName.Offset += entries[i].ValueName.Flags ? Span->Offset : 0;
    }
    Span->Size = Body->Entries * (ULONG)sizeof(CMB_VALUE_ENTRY);
    Span->Flags = CMB_SPAN_PRESENT | (Span->Size < Span->FullSize ? CMB_SPAN_TRUNCATED : 0);
}

_Use_decl_annotations_
ULONG BodyWrite(const BODY *Body, CMB_RECORD *Record, ULONG Offset) {
    UCHAR *fixed = (UCHAR *)Record + Record->HeaderSize;
    ULONG faults = Body->Faults;
    RtlCopyMemory(fixed, Body->Fixed, Body->Size);
    for (ULONG i = 0; i < Body->Captures; ++i) {
        CMB_SPAN *span = (CMB_SPAN *)(fixed + Body->SpanOffset[i]);
        CaptureRead(&Body->Capture[i], (UCHAR *)Record, Offset, span);
        faults += (span->Flags & CMB_SPAN_FAULT) != 0;
        Offset += BODY_ALIGN(Body->Capture[i].Size);
    }
    if (Body->Entries) {
        PlaceEntries(Body, Record, &((CMB_BODY_QUERY_MULTIPLE *)fixed)->Entries);
    }
    return faults;
}

_Use_decl_annotations_
VOID BodyRelease(BODY *Body) {
    MemoryFree(Body->Block);
    Body->Block = NULL;
}
