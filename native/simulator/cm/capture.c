// SPDX-License-Identifier: MIT
//
// All access to the memory of callers. Each touch is a call of a routine that is not inlined, inside __try: compilers
// other than MSVC need that to emit a handler.

#include "cmp.h"

static DECLSPEC_NOINLINE VOID CmpProbeAndRead(VOID *To, const VOID *From, SIZE_T Length) {
    ProbeForRead((PVOID)From, Length, 1);
    RtlCopyMemory(To, From, Length);
}

static DECLSPEC_NOINLINE VOID CmpProbeAndWrite(VOID *To, const VOID *From, SIZE_T Length, ULONG Alignment) {
    ProbeForWrite(To, Length, Alignment);
    RtlCopyMemory(To, From, Length);
}

static DECLSPEC_NOINLINE VOID CmpProbe(VOID *To, SIZE_T Length, ULONG Alignment) {
    ProbeForWrite(To, Length, Alignment);
}

NTSTATUS CmpCopyIn(VOID *To, const VOID *From, SIZE_T Length, KPROCESSOR_MODE Mode) {
    if (Mode == KernelMode) {
        RtlCopyMemory(To, From, Length);
        return STATUS_SUCCESS;
    }
    __try {
        CmpProbeAndRead(To, From, Length);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return STATUS_ACCESS_VIOLATION;
    }
    return STATUS_SUCCESS;
}

NTSTATUS CmpCopyOut(VOID *To, const VOID *From, SIZE_T Length, ULONG Alignment, KPROCESSOR_MODE Mode) {
    if (Mode == KernelMode) {
        RtlCopyMemory(To, From, Length);
        return STATUS_SUCCESS;
    }
    __try {
        CmpProbeAndWrite(To, From, Length, Alignment);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return STATUS_ACCESS_VIOLATION;
    }
    return STATUS_SUCCESS;
}

NTSTATUS CmpProbeOut(VOID *To, SIZE_T Length, ULONG Alignment, KPROCESSOR_MODE Mode) {
    if (Mode == KernelMode) {
        return STATUS_SUCCESS;
    }
    __try {
        CmpProbe(To, Length, Alignment);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return STATUS_ACCESS_VIOLATION;
    }
    return STATUS_SUCCESS;
}

NTSTATUS CmpCaptureString(PUNICODE_STRING To, PCUNICODE_STRING From, KPROCESSOR_MODE Mode) {
    UNICODE_STRING Header = {0};
    NTSTATUS Status;

    RtlZeroMemory(To, sizeof(*To));
    if (From == NULL) {
        return STATUS_SUCCESS;
    }
    Status = CmpCopyIn(&Header, From, sizeof(Header), Mode);
    if (!NT_SUCCESS(Status) || Header.Length == 0) {
        return Status;
    }
    To->Buffer = CmStoreAllocate(Header.Length);
    if (To->Buffer == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    To->Length = To->MaximumLength = Header.Length;
    Status = CmpCopyIn(To->Buffer, Header.Buffer, Header.Length, Mode);
    if (!NT_SUCCESS(Status)) {
        CmpReleaseString(To);
    }
    return Status;
}

NTSTATUS CmpCaptureValueName(PUNICODE_STRING To, PCUNICODE_STRING From, KPROCESSOR_MODE Mode) {
    NTSTATUS Status = CmpCaptureString(To, From, Mode);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    if (To->Length % sizeof(WCHAR) != 0 || To->Length > CM_MAX_VALUE_NAME_BYTES) {
        CmpReleaseString(To);
        return STATUS_INVALID_PARAMETER;
    }
    while (To->Length != 0 && To->Buffer[To->Length / sizeof(WCHAR) - 1] == 0) {
        To->Length -= sizeof(WCHAR);
    }
    return STATUS_SUCCESS;
}

VOID CmpReleaseString(PUNICODE_STRING String) {
    CmStoreFree(String->Buffer);
    RtlZeroMemory(String, sizeof(*String));
}

NTSTATUS CmpAnswer(const VOID *Information, ULONG FixedLength, ULONG FullLength, PVOID Buffer, ULONG Length,
                   PULONG ResultLength, KPROCESSOR_MODE Mode) {
    NTSTATUS Status = CmpCopyOut(ResultLength, &FullLength, sizeof(FullLength), sizeof(ULONG), Mode);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    if (Length < FixedLength) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    Status = CmpCopyOut(Buffer, Information, Length < FullLength ? Length : FullLength, sizeof(ULONG), Mode);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    return Length < FullLength ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}
