// SPDX-License-Identifier: MIT
//
// Bodies of changes to values.

#include "record/body_kinds.h"

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

_Use_decl_annotations_
VOID BodyDescribeSetValue(BODY *Body, const BODY_INPUT *Input) {
    const REG_SET_VALUE_KEY_INFORMATION *set = Input->Pre;
    BodyDescribeValueName(Body, Input, FIELD_OFFSET(CMB_BODY_SET_VALUE, ValueName), set->ValueName);
    CaptureDescribeBytes(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_SET_VALUE, Data)), set->Data, set->DataSize,
                         Input->MaxDataBytes);
    Body->SetValue.Type = set->Type;
    Body->SetValue.TitleIndex = set->TitleIndex;
    DescribeOld(Body, Input->Facts, &Body->SetValue.Old, FIELD_OFFSET(CMB_BODY_SET_VALUE, Old.Data));
}

_Use_decl_annotations_
VOID BodyDescribeDeleteValue(BODY *Body, const BODY_INPUT *Input) {
    const REG_DELETE_VALUE_KEY_INFORMATION *deletion = Input->Pre;
    BodyDescribeValueName(Body, Input, FIELD_OFFSET(CMB_BODY_DELETE_VALUE, ValueName), deletion->ValueName);
    DescribeOld(Body, Input->Facts, &Body->DeleteValue.Old, FIELD_OFFSET(CMB_BODY_DELETE_VALUE, Old.Data));
}
