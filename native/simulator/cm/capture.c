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

static DECLSPEC_NOINLINE VOID CmpProbeRead(const VOID *From, SIZE_T Length) {
    ProbeForRead((PVOID)From, Length, 1);
}

NTSTATUS CmpProbeIn(const VOID *From, SIZE_T Length, KPROCESSOR_MODE Mode) {
    if (Mode == KernelMode) {
        return STATUS_SUCCESS;
    }
    __try {
        CmpProbeRead(From, Length);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return STATUS_ACCESS_VIOLATION;
    }
    return STATUS_SUCCESS;
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

// The header is captured already, the text is not.
static NTSTATUS CmpCaptureText(PUNICODE_STRING To, PCUNICODE_STRING Header, KPROCESSOR_MODE Mode) {
    NTSTATUS Status;

    RtlZeroMemory(To, sizeof(*To));
    if (Header->Length == 0) {
        return STATUS_SUCCESS;
    }
    To->Buffer = CmStoreAllocate(Header->Length);
    if (To->Buffer == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    To->Length = To->MaximumLength = Header->Length;
    Status = CmpCopyIn(To->Buffer, Header->Buffer, Header->Length, Mode);
    if (!NT_SUCCESS(Status)) {
        CmpReleaseString(To);
    }
    return Status;
}

NTSTATUS CmpCaptureString(PUNICODE_STRING To, PCUNICODE_STRING From, KPROCESSOR_MODE Mode) {
    UNICODE_STRING Header = {0};
    NTSTATUS Status = STATUS_SUCCESS;

    RtlZeroMemory(To, sizeof(*To));
    if (From != NULL) {
        Status = CmpCopyIn(&Header, From, sizeof(Header), Mode);
    }
    return NT_SUCCESS(Status) ? CmpCaptureText(To, &Header, Mode) : Status;
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

BOOLEAN CmpIsRawInput(KPROCESSOR_MODE Mode) {
    return Mode == UserMode && CmpSystem.Options.RawInputs;
}

NTSTATUS CmpCaptureInput(PCM_INPUT Input, PCUNICODE_STRING From, KPROCESSOR_MODE Mode, CM_CAPTURE *Capture) {
    NTSTATUS Status;

    RtlZeroMemory(Input, sizeof(*Input));
    Input->Capture = Capture;
    Input->IsRaw = CmpIsRawInput(Mode) && From != NULL;
    if (!Input->IsRaw) {
        Status = Capture(&Input->Own, From, Mode);
        Input->Shown = Input->Own;
        return Status;
    }
    Status = CmpCopyIn(&Input->Raw, From, sizeof(Input->Raw), Mode);
    if (NT_SUCCESS(Status)) {
        Status = CmpProbeIn(Input->Raw.Buffer, Input->Raw.Length, Mode);
    }
    Input->Shown = Input->Raw;
    return Status;
}

NTSTATUS CmpReadInput(PCM_INPUT Input) {
    UNICODE_STRING Text;
    NTSTATUS Status;

    if (!Input->IsRaw) {
        return STATUS_SUCCESS; // there is a copy already
    }
    Status = CmpCaptureText(&Text, &Input->Raw, UserMode);
    if (NT_SUCCESS(Status)) {
        // With the rules of the kind of string.
        Status = Input->Capture(&Input->Own, &Text, KernelMode);
        CmpReleaseString(&Text);
        Input->IsRaw = FALSE;
    }
    return Status;
}

VOID CmpReleaseInput(PCM_INPUT Input) {
    CmpReleaseString(&Input->Own);
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
