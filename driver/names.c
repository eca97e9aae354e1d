// SPDX-License-Identifier: MIT

#include "names.h"

static const WCHAR PathSeparator = L'\\';

_Use_decl_annotations_
VOID PathSetUnavailable(PATH *Path) {
    RtlZeroMemory(Path, sizeof(*Path));
    Path->Flags = CMB_RECORD_PATH_UNAVAILABLE;
}

_Use_decl_annotations_
VOID PathSetBytes(PATH *Path, const VOID *Bytes, ULONG Size, ULONG FullSize, UINT32 Flags) {
    RtlZeroMemory(Path, sizeof(*Path));
    Path->Base = Bytes;
    Path->BaseSize = Size;
    Path->Size = Size;
    Path->FullSize = FullSize;
    Path->Flags = Flags;
}

// Two names of 65,535 bytes each and a separator do not overflow 32 bits.
static VOID SetSize(_Inout_ PATH *Path) {
    Path->FullSize = Path->BaseSize + (Path->Separator ? sizeof(WCHAR) : 0) + Path->TailSize;
    Path->Size = min(Path->FullSize, CMB_MAX_PATH_BYTES);
}

_Use_decl_annotations_
VOID PathOfObject(PATH *Path, PLARGE_INTEGER Cookie, VOID *Object) {
    PCUNICODE_STRING name = NULL;
    PathSetUnavailable(Path);
    if (!Object || !NT_SUCCESS(CmCallbackGetKeyObjectIDEx(Cookie, Object, NULL, &name, 0)) || !name) {
        return;
    }
    Path->Name = name;
    Path->Base = name->Buffer;
    Path->BaseSize = name->Length & ~(ULONG)1;
    Path->Flags = CMB_RECORD_PATH_RESOLVED;
    SetSize(Path);
}

// Puts the caller's name behind what Path holds already.
_IRQL_requires_max_(APC_LEVEL)
static VOID AppendName(_Inout_ PATH *Path, _In_ const CAPTURE *Name) {
    Path->Separator = Path->BaseSize != 0 && Name->Size != 0;
    Path->UnsafeTail = Name->UnsafeBytes;
    Path->TailSize = Name->Size;
    Path->Flags = Path->Separator || !Path->BaseSize ? 0 : Path->Flags;
    SetSize(Path);
}

// Whether a name of the caller's starts at the root of the registry and not at the root object.
_IRQL_requires_max_(APC_LEVEL)
static BOOLEAN IsAbsolute(_In_ const CAPTURE *Name) {
    WCHAR first;
    return Name->Size >= sizeof(first) && CaptureBytes(&first, Name->UnsafeBytes, sizeof(first)) &&
           first == PathSeparator;
}

_IRQL_requires_max_(APC_LEVEL)
static VOID PathOfRootAndName(_Out_ PATH *Path, _In_ PLARGE_INTEGER Cookie, _In_opt_ VOID *RootObject,
                              _In_ const CAPTURE *Name) {
    PathOfObject(Path, Cookie, RootObject);
    if (Name->Flags & CMB_SPAN_FAULT) {
        PathRelease(Path);
        Path->Fault = TRUE;
    } else if (Path->Name) {
        AppendName(Path, Name);
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID PathOfCreate(_Out_ PATH *Path, _In_ PLARGE_INTEGER Cookie,
                         _In_ const REG_CREATE_KEY_INFORMATION_V1 *Create) {
    CAPTURE complete;
    CAPTURE remaining;
    CaptureDescribeString(&complete, Create->CompleteName, MAXUSHORT);
    // RootObject is never NULL: an absolute CompleteName is relative to \REGISTRY for it, and RemainingName says how.
    // The structure before V1 ends at Version and has only CompleteName.
    if (Create->Version >= 1) {
        CaptureDescribeString(&remaining, Create->RemainingName, MAXUSHORT);
        PathOfRootAndName(Path, Cookie, Create->RootObject, &remaining);
        if (Path->Flags != CMB_RECORD_PATH_UNAVAILABLE) {
            return;
        }
    } else if (!IsAbsolute(&complete)) {
        PathOfRootAndName(Path, Cookie, Create->RootObject, &complete);
        return;
    }
    if (IsAbsolute(&complete)) {
        PathSetUnavailable(Path);
        AppendName(Path, &complete);
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID PathOfLoad(_Out_ PATH *Path, _In_ PLARGE_INTEGER Cookie, _In_ const REG_LOAD_KEY_INFORMATION *Load) {
    CAPTURE name;
    CaptureDescribeString(&name, Load->KeyName, MAXUSHORT);
    if (Load->Object && !IsAbsolute(&name)) {
        PathOfRootAndName(Path, Cookie, Load->Object, &name);
        return;
    }
    PathSetUnavailable(Path);
    if (name.Size) {
        AppendName(Path, &name);
    }
    Path->Fault = (name.Flags & CMB_SPAN_FAULT) != 0;
}

_Use_decl_annotations_
VOID PathOfPre(PATH *Path, PLARGE_INTEGER Cookie, const NOTIFY_CLASS *Class, const VOID *Pre) {
    switch (Class->Key) {
    case NotifyKeyObject:
        PathOfObject(Path, Cookie, *(VOID *const *)Pre);
        break;
    case NotifyKeyCreate:
        PathOfCreate(Path, Cookie, Pre);
        break;
    case NotifyKeyLoad:
        PathOfLoad(Path, Cookie, Pre);
        break;
    case NotifyKeySaveMerged:
        PathOfObject(Path, Cookie, ((const REG_SAVE_MERGED_KEY_INFORMATION *)Pre)->HighKeyObject);
        break;
    default:
        PathSetUnavailable(Path);
        break;
    }
}

_Use_decl_annotations_
BOOLEAN PathWrite(PATH *Path, VOID *Destination) {
    UCHAR *next = Destination;
    ULONG room = Path->Size;
    ULONG part = min(room, Path->BaseSize);
    if (part) {
        RtlCopyMemory(next, Path->Base, part);
    }
    next += part;
    room -= part;
    if (Path->Separator && room >= sizeof(PathSeparator)) {
        RtlCopyMemory(next, &PathSeparator, sizeof(PathSeparator));
        next += sizeof(PathSeparator);
        room -= sizeof(PathSeparator);
    }
    if (CaptureBytes(next, Path->UnsafeTail, min(room, Path->TailSize))) {
        return TRUE;
    }
    RtlZeroMemory(Destination, Path->Size);
    PathRelease(Path);
    Path->Fault = TRUE;
    return FALSE;
}

_Use_decl_annotations_
VOID PathRelease(PATH *Path) {
    if (Path->Name) {
        CmCallbackReleaseKeyObjectIDEx(Path->Name);
    }
    PathSetUnavailable(Path);
}
