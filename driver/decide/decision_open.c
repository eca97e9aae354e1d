// SPDX-License-Identifier: MIT
//
// Objects and names for the calls that the driver makes to carry a decision out.

#include "decide/decision_parts.h"
#include "base/memory.h"

_Use_decl_annotations_
NTSTATUS DecisionOpenObject(VOID *Object, POBJECT_TYPE Type, ACCESS_MASK Access, HANDLE *Handle) {
    *Handle = NULL;
    return ObOpenObjectByPointer(Object, OBJ_KERNEL_HANDLE, NULL, Access, Type, KernelMode, Handle);
}

_Use_decl_annotations_
NTSTATUS DecisionCopyString(UNICODE_STRING *Copy, const UNICODE_STRING *UnsafeString) {
    CAPTURE capture;
    RtlZeroMemory(Copy, sizeof(*Copy));
    CaptureDescribeString(&capture, UnsafeString, MAXUSHORT);
    if (capture.Flags & CMB_SPAN_FAULT) {
        return STATUS_ACCESS_VIOLATION;
    }
    if (capture.Size == 0) {
        return STATUS_SUCCESS;
    }
    Copy->Buffer = MemoryAllocate(capture.Size);
    if (!Copy->Buffer) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (!CaptureBytes(Copy->Buffer, capture.UnsafeBytes, capture.Size)) {
        MemoryFree(Copy->Buffer);
        Copy->Buffer = NULL;
        return STATUS_ACCESS_VIOLATION;
    }
    Copy->Length = Copy->MaximumLength = (USHORT)capture.Size;
    return STATUS_SUCCESS;
}
