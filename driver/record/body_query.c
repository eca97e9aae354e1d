// SPDX-License-Identifier: MIT
//
// Bodies of queries and enumerations. The output of the configuration manager stands in the caller's buffer, where the
// caller can change or unmap it at any time: it is copied once and not looked into. The lengths of that copy come from
// the structure, whose Length was checked against the buffer before the callbacks.

#include "record/body_kinds.h"

// Returns whether an operation that has ended with Status has told the caller how much room the output needs.
static BOOLEAN HasLength(_In_opt_ const REG_POST_OPERATION_INFORMATION *Post) {
    return Post && (NT_SUCCESS(Post->Status) || Post->Status == STATUS_BUFFER_OVERFLOW ||
                    Post->Status == STATUS_BUFFER_TOO_SMALL || Post->Status == STATUS_INFO_LENGTH_MISMATCH);
}

static BOOLEAN HasResult(_In_opt_ const REG_POST_OPERATION_INFORMATION *Post) {
    return Post && (NT_SUCCESS(Post->Status) || Post->Status == STATUS_BUFFER_OVERFLOW);
}

_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeResult(_Inout_ BODY *Body, _In_ const BODY_INPUT *Input, _In_ ULONG InformationClass,
                           _In_opt_ const VOID *UnsafeBuffer, _In_ ULONG Length,
                           _In_opt_ const volatile ULONG *UnsafeResultLength) {
    ULONG needed;
    Body->Query.InformationClass = InformationClass;
    Body->Query.Length = Length;
    if (!HasLength(Input->Post)) {
        return;
    }
    const BOOLEAN read = CaptureBytes(&needed, UnsafeResultLength, sizeof(needed));
    Body->Query.ResultLength = needed;
    if (!HasResult(Input->Post)) {
        Body->Faults += !read;
        return;
    }
    CAPTURE *capture = BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_QUERY, Information));
    if (read) {
        CaptureDescribeBytes(capture, UnsafeBuffer, min(needed, Length), Input->MaxDataBytes);
    } else {
        // It is not known how much of the buffer is output.
        CaptureDescribeFault(capture);
    }
}

_Use_decl_annotations_
VOID BodyDescribeEnumerateKey(BODY *Body, const BODY_INPUT *Input) {
    const REG_ENUMERATE_KEY_INFORMATION *enumerate = Input->Pre;
    Body->Query.Index = enumerate->Index;
    DescribeResult(Body, Input, enumerate->KeyInformationClass, enumerate->KeyInformation, enumerate->Length,
                   enumerate->ResultLength);
}

_Use_decl_annotations_
VOID BodyDescribeEnumerateValue(BODY *Body, const BODY_INPUT *Input) {
    const REG_ENUMERATE_VALUE_KEY_INFORMATION *enumerate = Input->Pre;
    Body->Query.Index = enumerate->Index;
    DescribeResult(Body, Input, enumerate->KeyValueInformationClass, enumerate->KeyValueInformation, enumerate->Length,
                   enumerate->ResultLength);
}

_Use_decl_annotations_
VOID BodyDescribeQueryKey(BODY *Body, const BODY_INPUT *Input) {
    const REG_QUERY_KEY_INFORMATION *query = Input->Pre;
    DescribeResult(Body, Input, query->KeyInformationClass, query->KeyInformation, query->Length, query->ResultLength);
}

_Use_decl_annotations_
VOID BodyDescribeQueryValue(BODY *Body, const BODY_INPUT *Input) {
    const REG_QUERY_VALUE_KEY_INFORMATION *query = Input->Pre;
    BodyDescribeValueName(Body, Input, FIELD_OFFSET(CMB_BODY_QUERY, ValueName), query->ValueName);
    DescribeResult(Body, Input, query->KeyValueInformationClass, query->KeyValueInformation, query->Length,
                   query->ResultLength);
}

// The name that the caller got: a string whose Buffer points behind it in the caller's buffer. Nothing else that Buffer
// may say by now is followed, and Buffer itself, an address, does not go into the record.
_IRQL_requires_max_(APC_LEVEL)
static VOID DescribeName(_Out_ CAPTURE *Capture, _In_opt_ const OBJECT_NAME_INFORMATION *UnsafeInformation,
                         _In_ ULONG Length) {
    const ULONG_PTR start = (ULONG_PTR)UnsafeInformation;
    UNICODE_STRING name;
    if (Length < sizeof(name) || !CaptureBytes(&name, UnsafeInformation, sizeof(name))) {
        CaptureDescribeFault(Capture);
        return;
    }
    const ULONG_PTR offset = (ULONG_PTR)name.Buffer - start;
    if (name.Length == 0) {
        CaptureDescribeBytes(Capture, NULL, 0, 0);
    } else if (offset < sizeof(name) || offset > Length || name.Length > Length - offset) {
        CaptureDescribeFault(Capture);
    } else {
        CaptureDescribeBytes(Capture, name.Buffer, name.Length, name.Length & ~(ULONG)1);
    }
}

_Use_decl_annotations_
VOID BodyDescribeQueryName(BODY *Body, const BODY_INPUT *Input) {
    const REG_QUERY_KEY_NAME *query = Input->Pre;
    Body->QueryName.Length = query->Length;
    if (HasLength(Input->Post) && query->ReturnLength) {
        Body->QueryName.ReturnLength = BodyReadNumber(Body, query->ReturnLength);
    }
    if (Input->Post && NT_SUCCESS(Input->Post->Status)) {
        DescribeName(BodyAddCapture(Body, FIELD_OFFSET(CMB_BODY_QUERY_NAME, Name)), query->ObjectNameInfo,
                     query->Length);
    }
}
