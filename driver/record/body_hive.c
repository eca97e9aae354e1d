// SPDX-License-Identifier: MIT
//
// Bodies of operations on whole hives and their files.

#include "record/body_kinds.h"

_Use_decl_annotations_
VOID BodyDescribeLoad(BODY *Body, const BODY_INPUT *Input) {
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

_Use_decl_annotations_
VOID BodyDescribeUnload(BODY *Body, const BODY_INPUT *Input) {
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

_Use_decl_annotations_
VOID BodyDescribeRestore(BODY *Body, const BODY_INPUT *Input) {
    const REG_RESTORE_KEY_INFORMATION *restore = Input->Pre;
    DescribeFile(Body, Input->Facts, restore->Flags);
}

_Use_decl_annotations_
VOID BodyDescribeSave(BODY *Body, const BODY_INPUT *Input) {
    const REG_SAVE_KEY_INFORMATION *save = Input->Pre;
    DescribeFile(Body, Input->Facts, save->Format);
}

_Use_decl_annotations_
VOID BodyDescribeSaveMerged(BODY *Body, const BODY_INPUT *Input) {
    DescribeFile(Body, Input->Facts, 0);
}

_Use_decl_annotations_
VOID BodyDescribeReplace(BODY *Body, const BODY_INPUT *Input) {
    const REG_REPLACE_KEY_INFORMATION *replace = Input->Pre;
    CaptureDescribeString(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_REPLACE, NewFileName)), replace->NewFileName,
                          CMB_MAX_FILE_NAME_BYTES);
    CaptureDescribeString(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_REPLACE, OldFileName)), replace->OldFileName,
                          CMB_MAX_FILE_NAME_BYTES);
}
