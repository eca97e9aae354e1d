// SPDX-License-Identifier: MIT

#include "body.h"

// The next capture that the body needs, for the span at SpanOffset.
static CAPTURE *AddCapture(_Inout_ BODY *Body, _In_ ULONG SpanOffset) {
    Body->SpanOffset[Body->Captures] = SpanOffset;
    return &Body->Capture[Body->Captures++];
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeCreate(_Inout_ BODY *Body, _In_ const REG_CREATE_KEY_INFORMATION_V1 *Create,
                           _In_opt_ const REG_POST_OPERATION_INFORMATION *Post) {
    CMB_BODY_CREATE *body = &Body->Create;
    CaptureDescribeString(AddCapture(Body, FIELD_OFFSET(CMB_BODY_CREATE, RequestedName)), Create->CompleteName,
                          CMB_MAX_PATH_BYTES);
    CaptureDescribeString(AddCapture(Body, FIELD_OFFSET(CMB_BODY_CREATE, ClassName)), Create->Class,
                          CMB_MAX_CLASS_NAME_BYTES);
    body->DesiredAccess = Create->DesiredAccess;
    body->Options = Create->Options;
    // Before V1 this was a reserved pointer.
    body->StructureVersion = (UINT32)min(Create->Version, MAXUSHORT);
    // Later structures only append.
    if (Create->Version >= 1) {
        body->Attributes = Create->Attributes;
        body->Wow64Flags = Create->Wow64Flags;
        body->CheckAccessMode = (UCHAR)Create->CheckAccessMode;
    }
    // STATUS_REPARSE is a success, too, but nothing was opened.
    if (Post && Post->Status == STATUS_SUCCESS) {
        body->GrantedAccess = Create->GrantedAccess;
        if (Create->Disposition && !CaptureBytes(&body->Disposition, Create->Disposition, sizeof(body->Disposition))) {
            ++Body->Faults;
        }
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeSetValue(_Inout_ BODY *Body, _In_ const REG_SET_VALUE_KEY_INFORMATION *SetValue,
                             _In_ ULONG MaxDataBytes) {
    CaptureDescribeString(AddCapture(Body, FIELD_OFFSET(CMB_BODY_SET_VALUE, ValueName)), SetValue->ValueName,
                          CMB_MAX_VALUE_NAME_BYTES);
    CaptureDescribeBytes(AddCapture(Body, FIELD_OFFSET(CMB_BODY_SET_VALUE, Data)), SetValue->Data, SetValue->DataSize,
                         MaxDataBytes);
    Body->SetValue.Type = SetValue->Type;
    Body->SetValue.TitleIndex = SetValue->TitleIndex;
}

_Use_decl_annotations_
VOID BodyDescribe(BODY *Body, const BODY_INPUT *Input) {
    const VOID *Pre = Input->Pre;
    RtlZeroMemory(Body, sizeof(*Body));
    switch (Input->Class->Body) {
    case NotifyBodyCreate:
        Body->Size = sizeof(Body->Create);
        if (Pre) {
            DescribeCreate(Body, Pre, Input->Post);
        }
        break;
    case NotifyBodySetValue:
        Body->Size = sizeof(Body->SetValue);
        if (Pre) {
            DescribeSetValue(Body, Pre, Input->MaxDataBytes);
        }
        break;
    case NotifyBodyDeleteValue:
        Body->Size = sizeof(Body->DeleteValue);
        if (Pre) {
            CaptureDescribeString(AddCapture(Body, FIELD_OFFSET(CMB_BODY_DELETE_VALUE, ValueName)),
                                  ((const REG_DELETE_VALUE_KEY_INFORMATION *)Pre)->ValueName, CMB_MAX_VALUE_NAME_BYTES);
        }
        break;
    case NotifyBodyRename:
        Body->Size = sizeof(Body->Rename);
        if (Pre) {
            CaptureDescribeString(AddCapture(Body, FIELD_OFFSET(CMB_BODY_RENAME, NewName)),
                                  ((const REG_RENAME_KEY_INFORMATION *)Pre)->NewName, CMB_MAX_PATH_BYTES);
        }
        break;
    default:
        break;
    }
    for (ULONG i = 0; i < Body->Captures; ++i) {
        Body->DataSize += (ULONG)ALIGN_UP_BY(Body->Capture[i].Size, 8);
    }
}

_Use_decl_annotations_
ULONG BodyWrite(const BODY *Body, CMB_RECORD *Record, ULONG Offset) {
    UCHAR *body = (UCHAR *)(Record + 1);
    ULONG faults = Body->Faults;
    RtlCopyMemory(body, &Body->Create, Body->Size);
    for (ULONG i = 0; i < Body->Captures; ++i) {
        CMB_SPAN *span = (CMB_SPAN *)(body + Body->SpanOffset[i]);
        CaptureRead(&Body->Capture[i], (UCHAR *)Record, Offset, span);
        faults += (span->Flags & CMB_SPAN_FAULT) != 0;
        Offset += (ULONG)ALIGN_UP_BY(Body->Capture[i].Size, 8);
    }
    return faults;
}

_Use_decl_annotations_
VOID BodyRelease(BODY *Body) {
    RtlZeroMemory(Body, sizeof(*Body));
}
