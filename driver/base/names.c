// SPDX-License-Identifier: MIT
//
// Making paths: of the configuration manager's names, and of a root and what the caller calls a key.

#include "base/names.h"
#include "base/memory.h"
#include "base/words.h"

static const WCHAR PathSeparator = L'\\';

C_ASSERT(FIELD_OFFSET(NAME, Bytes) % sizeof(UINT64) == 0);

_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
static NAME *CreateName(_In_ ULONG FullSize, _In_ UINT32 Flags) {
    const ULONG size = min(FullSize, CMB_MAX_PATH_BYTES);
    NAME *name = MemoryAllocate(FIELD_OFFSET(NAME, Bytes) + ALIGN_UP_BY(size, sizeof(UINT64)));
    if (name) {
        name->References = 1;
        name->Flags = Flags;
        name->Size = size;
        name->FullSize = FullSize;
    }
    return name;
}

static ULONG CountWords(_In_ const NAME *Name) {
    return (ULONG)(ALIGN_UP_BY(Name->Size, sizeof(UINT64)) / sizeof(UINT64));
}

// To be called when the bytes are complete.
static VOID FinishName(_Inout_ NAME *Name) {
    if (Name->Size <= CMB_MAX_KEPT_PATH_BYTES) {
        Name->Hash = WordsHash((const CMB_ANY_WORD *)Name->Bytes, CountWords(Name), Name->Size);
    }
}

_Use_decl_annotations_
BOOLEAN NameEquals(const NAME *First, const NAME *Second) {
    return First->Hash == Second->Hash && First->Size == Second->Size &&
           WordsEqual((const CMB_ANY_WORD *)First->Bytes, (const CMB_ANY_WORD *)Second->Bytes, CountWords(First));
}

_Use_decl_annotations_
NAME *NameOfString(PCUNICODE_STRING String) {
    NAME *name = CreateName(String->Length & ~(ULONG)1, CMB_RECORD_PATH_RESOLVED);
    if (name && name->Size) {
        RtlCopyMemory(name->Bytes, String->Buffer, name->Size);
        FinishName(name);
    }
    return name;
}

// A path of which a part of the caller's could not be read.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
static NAME *CreateFaultName(VOID) {
    NAME *name = CreateName(0, 0);
    if (name) {
        name->Fault = TRUE;
    }
    return name;
}

// The name is that of the root, a separator if there is something on both sides of it, and the caller's name. Two names
// of 65,535 bytes each and a separator do not overflow 32 bits.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static NAME *JoinName(_In_opt_ const NAME *Root, _In_ const CAPTURE *Tail) {
    if (Tail->Flags & CMB_SPAN_FAULT) {
        return CreateFaultName();
    }
    const ULONG rootSize = Root ? Root->Size : 0;
    const ULONG separatorSize = rootSize && Tail->Size ? sizeof(PathSeparator) : 0;
    NAME *name = CreateName(rootSize + separatorSize + Tail->Size, Root && !Tail->Size ? Root->Flags : 0);
    if (!name) {
        return NULL;
    }
    name->RootSize = rootSize;
    ULONG used = rootSize;
    if (rootSize) {
        RtlCopyMemory(name->Bytes, Root->Bytes, rootSize);
    }
    if (name->Size - used >= sizeof(PathSeparator) && separatorSize) {
        RtlCopyMemory(name->Bytes + used, &PathSeparator, sizeof(PathSeparator));
        used += sizeof(PathSeparator);
    }
    if (!CaptureBytes(name->Bytes + used, Tail->UnsafeBytes, name->Size - used)) {
        name->Flags = 0;
        name->Size = name->FullSize = name->RootSize = 0;
        name->Fault = TRUE;
    }
    FinishName(name);
    return name;
}

// Whether a name of the caller's starts at the root of the registry and not at the root object.
_IRQL_requires_max_(APC_LEVEL)
static BOOLEAN IsAbsolute(_In_ const CAPTURE *Name) {
    WCHAR first;
    return Name->Size >= sizeof(first) && CaptureBytes(&first, Name->UnsafeBytes, sizeof(first)) &&
           first == PathSeparator;
}

// RootObject is never NULL: an absolute CompleteName is relative to \REGISTRY for it, and RemainingName says how. The
// structure before V1 ends at Version and has only CompleteName.
_Use_decl_annotations_
VOID NameDescribeCreate(NAME_TAIL *Tail, const REG_CREATE_KEY_INFORMATION_V1 *Create, BOOLEAN RootKnown) {
    const BOOLEAN remaining = RootKnown && Create->Version >= 1;
    CaptureDescribeString(&Tail->Text, remaining ? Create->RemainingName : Create->CompleteName, MAXUSHORT);
    Tail->Absolute = !remaining && IsAbsolute(&Tail->Text);
}

_Use_decl_annotations_
VOID NameDescribeLoad(NAME_TAIL *Tail, const REG_LOAD_KEY_INFORMATION *Load) {
    CaptureDescribeString(&Tail->Text, Load->KeyName, MAXUSHORT);
    Tail->Absolute = !Load->Object || IsAbsolute(&Tail->Text);
}

_Use_decl_annotations_
NAME *NameOfTail(const NAME *Root, const NAME_TAIL *Tail) {
    if (!Tail->Absolute && Root) {
        return JoinName(Root, &Tail->Text);
    }
    if (Tail->Text.Flags & CMB_SPAN_FAULT) {
        return CreateFaultName();
    }
    // What is left of a relative name without its root is no path.
    return Tail->Absolute && Tail->Text.Size ? JoinName(NULL, &Tail->Text) : NULL;
}

_Use_decl_annotations_
NAME *NameOfCreate(const NAME *Root, const REG_CREATE_KEY_INFORMATION_V1 *Create, const NAME_TAIL *Tail) {
    NAME_TAIL tail;
    if (Tail && (Root || Tail->Absolute)) {
        return NameOfTail(Root, Tail);
    }
    NameDescribeCreate(&tail, Create, Root != NULL);
    NAME *name = NameOfTail(Root, &tail);
    if (name && name->Fault && Root) {
        NameDescribeCreate(&tail, Create, FALSE);
        if (tail.Absolute) {
            NameRelease(name);
            name = NameOfTail(NULL, &tail);
        }
    }
    return name;
}

_Use_decl_annotations_
NAME *NameOfLoad(const NAME *Root, const REG_LOAD_KEY_INFORMATION *Load, const NAME_TAIL *Tail) {
    NAME_TAIL tail;
    if (Tail) {
        return NameOfTail(Root, Tail);
    }
    NameDescribeLoad(&tail, Load);
    return NameOfTail(Root, &tail);
}

_Use_decl_annotations_
NAME *NameReference(NAME *Name) {
    if (Name) {
        InterlockedIncrement(&Name->References);
    }
    return Name;
}

_Use_decl_annotations_
VOID NameRelease(NAME *Name) {
    if (Name && InterlockedDecrement(&Name->References) == 0) {
        MemoryFree(Name);
    }
}
