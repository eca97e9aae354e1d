// SPDX-License-Identifier: MIT
//
// The kinds of bodies: each is described, and written into its record. Queries and security descriptors have files of
// their own.

#include "record/body_kinds.h"
#include "base/memory.h"

#define BODY_ALIGN(Size) ((ULONG)ALIGN_UP_BY((Size), 8))

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
CAPTURE *BodyAddCapture(BODY *Body, ULONG SpanOffset) {
    NT_ASSERT(Body->Captures < BODY_MAX_CAPTURES);
    Body->SpanOffset[Body->Captures] = SpanOffset;
    return &Body->Capture[Body->Captures++];
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

_Use_decl_annotations_
VOID BodyDescribeValueName(BODY *Body, const BODY_INPUT *Input, ULONG SpanOffset, const UNICODE_STRING *UnsafeName) {
    CAPTURE *capture = BodyAddCapture(Body, SpanOffset);
    if (Input->ValueName) {
        *capture = *Input->ValueName;
    } else {
        CaptureDescribeString(capture, UnsafeName, CMB_MAX_VALUE_NAME_BYTES);
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeOld(_Inout_ BODY *Body, _In_opt_ const FACTS *Facts, _Out_ CMB_OLD_VALUE *Old,
                        _In_ ULONG SpanOffset) {
    if (!Facts || !Facts->Asked) {
        return;
    }
    Old->Flags = CMB_OLD_VALUE_READ;
    Old->Status = Facts->Status;
    Old->Type = Facts->Type;
    if (NT_SUCCESS(Facts->Status)) {
        CaptureDescribeBytes(BodyAddCapture(Body, SpanOffset), Facts->Bytes, Facts->FullSize, Facts->Size);
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeSetValue(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input) {
    const REG_SET_VALUE_KEY_INFORMATION *set = Input->Pre;
    BodyDescribeValueName(Body, Input, FIELD_OFFSET(CMB_BODY_SET_VALUE, ValueName), set->ValueName);
    CaptureDescribeBytes(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_SET_VALUE, Data)), set->Data, set->DataSize,
                         Input->MaxDataBytes);
    Body->SetValue.Type = set->Type;
    Body->SetValue.TitleIndex = set->TitleIndex;
    DescribeOld(Body, Input->Facts, &Body->SetValue.Old, FIELD_OFFSET(CMB_BODY_SET_VALUE, Old.Data));
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeDeleteValue(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input) {
    const REG_DELETE_VALUE_KEY_INFORMATION *deletion = Input->Pre;
    BodyDescribeValueName(Body, Input, FIELD_OFFSET(CMB_BODY_DELETE_VALUE, ValueName), deletion->ValueName);
    DescribeOld(Body, Input->Facts, &Body->DeleteValue.Old, FIELD_OFFSET(CMB_BODY_DELETE_VALUE, Old.Data));
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeCreate(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input) {
    const REG_CREATE_KEY_INFORMATION_V1 *create = Input->Pre;
    CMB_BODY_CREATE *body = &Body->Create;
    CaptureDescribeString(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_CREATE, RequestedName)), create->CompleteName,
                          CMB_MAX_PATH_BYTES);
    CaptureDescribeString(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_CREATE, ClassName)), create->Class,
                          CMB_MAX_CLASS_NAME_BYTES);
    BodyDescribeDescriptor(Body, FIELD_OFFSET(CMB_BODY_CREATE, SecurityDescriptor), create->SecurityDescriptor);
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
static VOID DescribeDeleteKey(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input) {
    const FACTS *facts = Input->Facts;
    if (facts && facts->Asked) {
        Body->DeleteKey.Values = facts->Values;
        Body->DeleteKey.SubKeys = facts->SubKeys;
        Body->DeleteKey.Status = facts->Status;
        Body->DeleteKey.Flags = CMB_OLD_VALUE_READ;
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeRename(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input) {
    const REG_RENAME_KEY_INFORMATION *rename = Input->Pre;
    CaptureDescribeString(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_RENAME, NewName)), rename->NewName,
                          CMB_MAX_PATH_BYTES);
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeSetInformation(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input) {
    const REG_SET_INFORMATION_KEY_INFORMATION *set = Input->Pre;
    CaptureDescribeBytes(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_SET_INFORMATION, Information)),
                         set->KeySetInformation, set->KeySetInformationLength, Input->MaxDataBytes);
    Body->SetInformation.InformationClass = set->KeySetInformationClass;
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeClose(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input) {
    if (Input->Opener) {
        Body->Close = *Input->Opener;
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeLoad(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input) {
    const REG_LOAD_KEY_INFORMATION_V2 *load = Input->Pre;
    CMB_BODY_LOAD *body = &Body->Load;
    CaptureDescribeString(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_LOAD, KeyName)), load->KeyName,
                          CMB_MAX_PATH_BYTES);
    CaptureDescribeString(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_LOAD, SourceFile)), load->SourceFile,
                          CMB_MAX_FILE_NAME_BYTES);
    body->LoadFlags = load->Flags;
    body->DesiredAccess = load->DesiredAccess;
    body->Present = (load->TrustClassObject ? CMB_LOAD_TRUST_CLASS : 0) | (load->UserEvent ? CMB_LOAD_USER_EVENT : 0) |
                    (load->RootHandle ? CMB_LOAD_ROOT_HANDLE : 0);
    // Before V2 this was a reserved pointer, and the last member.
    body->StructureVersion = (UINT32)min(load->Version, MAXUSHORT);
    if (load->Version >= 2 && load->FileAccessToken) {
        body->Present |= CMB_LOAD_FILE_ACCESS_TOKEN;
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeUnload(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input) {
    const REG_UNLOAD_KEY_INFORMATION *unload = Input->Pre;
    Body->Unload.UserEvent = unload->UserEvent != NULL;
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeFile(_Inout_ BODY *Body, _In_opt_ const FACTS *Facts, _In_ ULONG FileFlags) {
    if (Facts && Facts->Bytes) {
        CaptureDescribeBytes(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_FILE, FileName)), Facts->Bytes, Facts->FullSize,
                             Facts->Size);
    }
    Body->File.FileFlags = FileFlags;
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeRestore(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input) {
    const REG_RESTORE_KEY_INFORMATION *restore = Input->Pre;
    DescribeFile(Body, Input->Facts, restore->Flags);
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeSave(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input) {
    const REG_SAVE_KEY_INFORMATION *save = Input->Pre;
    DescribeFile(Body, Input->Facts, save->Format);
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeSaveMerged(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input) {
    DescribeFile(Body, Input->Facts, 0);
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeReplace(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input) {
    const REG_REPLACE_KEY_INFORMATION *replace = Input->Pre;
    CaptureDescribeString(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_REPLACE, NewFileName)), replace->NewFileName,
                          CMB_MAX_FILE_NAME_BYTES);
    CaptureDescribeString(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_REPLACE, OldFileName)), replace->OldFileName,
                          CMB_MAX_FILE_NAME_BYTES);
}

typedef struct BODY_KIND {
    ULONG Size;
    BODY_DESCRIBE *Describe;
} BODY_KIND;

static const BODY_KIND Kinds[NotifyBodyCount] = {
    [NotifyBodyCreate] = {sizeof(CMB_BODY_CREATE), DescribeCreate},
    [NotifyBodySetValue] = {sizeof(CMB_BODY_SET_VALUE), DescribeSetValue},
    [NotifyBodyDeleteValue] = {sizeof(CMB_BODY_DELETE_VALUE), DescribeDeleteValue},
    [NotifyBodyDeleteKey] = {sizeof(CMB_BODY_DELETE_KEY), DescribeDeleteKey},
    [NotifyBodyRename] = {sizeof(CMB_BODY_RENAME), DescribeRename},
    [NotifyBodySetInformation] = {sizeof(CMB_BODY_SET_INFORMATION), DescribeSetInformation},
    [NotifyBodyEnumerateKey] = {sizeof(CMB_BODY_QUERY), BodyDescribeEnumerateKey},
    [NotifyBodyEnumerateValue] = {sizeof(CMB_BODY_QUERY), BodyDescribeEnumerateValue},
    [NotifyBodyQueryKey] = {sizeof(CMB_BODY_QUERY), BodyDescribeQueryKey},
    [NotifyBodyQueryValue] = {sizeof(CMB_BODY_QUERY), BodyDescribeQueryValue},
    [NotifyBodyQueryMultiple] = {sizeof(CMB_BODY_QUERY_MULTIPLE), BodyDescribeQueryMultiple},
    [NotifyBodyClose] = {sizeof(CMB_BODY_CLOSE), DescribeClose},
    [NotifyBodyLoad] = {sizeof(CMB_BODY_LOAD), DescribeLoad},
    [NotifyBodyUnload] = {sizeof(CMB_BODY_UNLOAD), DescribeUnload},
    [NotifyBodyQuerySecurity] = {sizeof(CMB_BODY_SECURITY), BodyDescribeQuerySecurity},
    [NotifyBodySetSecurity] = {sizeof(CMB_BODY_SECURITY), BodyDescribeSetSecurity},
    [NotifyBodyRestore] = {sizeof(CMB_BODY_FILE), DescribeRestore},
    [NotifyBodySave] = {sizeof(CMB_BODY_FILE), DescribeSave},
    [NotifyBodySaveMerged] = {sizeof(CMB_BODY_FILE), DescribeSaveMerged},
    [NotifyBodyReplace] = {sizeof(CMB_BODY_REPLACE), DescribeReplace},
    [NotifyBodyQueryName] = {sizeof(CMB_BODY_QUERY_NAME), BodyDescribeQueryName},
};

C_ASSERT(FIELD_OFFSET(BODY, Fixed) + sizeof(CMB_BODY_CREATE) == FIELD_OFFSET(BODY, Captures));

_Use_decl_annotations_
VOID BodyDescribe(BODY *Body, const BODY_INPUT *Input) {
    const BODY_KIND *kind = &Kinds[Input->Class->Body];
    RtlZeroMemory(Body, sizeof(*Body));
    Body->Size = kind->Size;
    if (kind->Describe && (Input->Pre || kind->Describe == DescribeClose)) {
        kind->Describe(Body, Input);
    }
    Body->DataSize = BodySizeOfEntries(Body->Entries);
    for (ULONG i = 0; i < Body->Captures; ++i) {
        Body->DataSize += BODY_ALIGN(Body->Capture[i].Size);
    }
    NT_ASSERT(Body->Size + Body->DataSize <= BODY_MAX_BYTES);
}

_Use_decl_annotations_
ULONG BodyWrite(const BODY *Body, CMB_RECORD *Record, ULONG Offset) {
    UCHAR *fixed = (UCHAR *)Record + Record->HeaderSize;
    ULONG faults = Body->Faults;
    RtlCopyMemory(fixed, Body->Fixed, Body->Size);
    faults += BodyWriteEntries(Body->Entries, Record, Offset);
    Offset += BodySizeOfEntries(Body->Entries);
    for (ULONG i = 0; i < Body->Captures; ++i) {
        CMB_SPAN *span = (CMB_SPAN *)(fixed + Body->SpanOffset[i]);
        CaptureRead(&Body->Capture[i], (UCHAR *)Record, Offset, span);
        faults += (span->Flags & CMB_SPAN_FAULT) != 0;
        Offset += BODY_ALIGN(Body->Capture[i].Size);
    }
    return faults;
}

_Use_decl_annotations_
VOID BodyRelease(BODY *Body) {
    MemoryFree(Body->Entries);
    MemoryFree(Body->Descriptor);
    Body->Entries = NULL;
    Body->Descriptor = NULL;
}
