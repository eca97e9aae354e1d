// SPDX-License-Identifier: MIT
//
// What the descriptions of all kinds of bodies are made of.

#include "record/body_kinds.h"

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
