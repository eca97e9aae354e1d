// SPDX-License-Identifier: MIT
//
// Bodies of operations on keys themselves.

#include "record/body_kinds.h"

_Use_decl_annotations_
VOID BodyDescribeCreate(BODY *Body, const BODY_INPUT *Input) {
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

_Use_decl_annotations_
VOID BodyDescribeDeleteKey(BODY *Body, const BODY_INPUT *Input) {
    const FACTS *facts = Input->Facts;
    if (facts && facts->Asked) {
        Body->DeleteKey.Values = facts->Values;
        Body->DeleteKey.SubKeys = facts->SubKeys;
        Body->DeleteKey.Status = facts->Status;
        Body->DeleteKey.Flags = CMB_OLD_VALUE_READ;
    }
}

_Use_decl_annotations_
VOID BodyDescribeRename(BODY *Body, const BODY_INPUT *Input) {
    const REG_RENAME_KEY_INFORMATION *rename = Input->Pre;
    CaptureDescribeString(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_RENAME, NewName)), rename->NewName,
                          CMB_MAX_PATH_BYTES);
}

_Use_decl_annotations_
VOID BodyDescribeSetInformation(BODY *Body, const BODY_INPUT *Input) {
    const REG_SET_INFORMATION_KEY_INFORMATION *set = Input->Pre;
    CaptureDescribeBytes(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_SET_INFORMATION, Information)),
                         set->KeySetInformation, set->KeySetInformationLength, Input->MaxDataBytes);
    Body->SetInformation.InformationClass = set->KeySetInformationClass;
}

_Use_decl_annotations_
VOID BodyDescribeClose(BODY *Body, const BODY_INPUT *Input) {
    if (Input->Opener) {
        Body->Close = *Input->Opener;
    }
}
