// SPDX-License-Identifier: MIT
//
// Finds out the key and the value name of a notification.

#include "verdict/subject.h"
#include "base/memory.h"

// A rename is also about the path that the key is to have.
#define RENAME (1ULL << RegNtPreRenameKey | 1ULL << RegNtPostRenameKey)

// The subject is not zeroed as a whole, for the room for texts is large and rarely used.
_Use_decl_annotations_
VOID SubjectBegin(SUBJECT *Subject, KEY_FILTER *Filter, const RULES *Rules, const NOTIFY_CLASS *Class, VOID *Pre) {
    RtlZeroMemory(Subject, FIELD_OFFSET(SUBJECT, Text.Short));
    Subject->Filter = Filter;
    Subject->Rules = Rules;
    Subject->Class = Class;
    Subject->Pre = Pre;
    Subject->Key = FactAbsent;
    if (Pre && Class->Phase == NotifyPhasePre && Class->Key != NotifyKeyNone) {
        Subject->Key = FactNotAsked;
        Subject->KeySource = Class->Key;
        if (Class->Key == NotifyKeyObject) {
            Subject->Object = *(VOID *const *)Pre;
            Subject->KeyObject = *NotifyClassObjectContext(Class, Pre);
        }
    }
}

_Use_decl_annotations_
VOID SubjectSetObject(SUBJECT *Subject, VOID *Object, KEY_OBJECT *KeyObject) {
    Subject->Key = FactNotAsked;
    Subject->KeySource = NotifyKeyObject;
    Subject->Object = Object;
    Subject->KeyObject = KeyObject;
}

static RULES_TEXT TextOfName(_In_ const NAME *Name) {
    return (RULES_TEXT){.Units = (const WCHAR *)Name->Bytes, .Count = Name->Size / sizeof(WCHAR)};
}

static VOID SetParts(_Inout_ SUBJECT *Subject, _In_ RULES_TEXT First, _In_opt_ const RULES_TEXT *Second) {
    Subject->Parts[0] = First;
    Subject->PartCount = 1;
    if (Second) {
        Subject->Parts[Subject->PartCount++] = *Second;
    }
    Subject->Key = FactKnown;
}

_Use_decl_annotations_
VOID SubjectSetDead(SUBJECT *Subject, KEY_OBJECT *KeyObject) {
    SUBJECT_PATH *path = &Subject->Paths[0];
    path->Name = KeyObjectGetLastName(KeyObject);
    if (path->Name && !path->Name->Fault) {
        SetParts(Subject, TextOfName(path->Name), NULL);
    } else if (Subject->Rules && KeyObjectFindLastHits(KeyObject, RulesGetSerial(Subject->Rules), &Subject->Hits)) {
        Subject->HitsKnown = TRUE;
        Subject->Key = FactKnown;
    }
}

// Only a deleted key has no path. One that cannot be told for any other reason, as too long a one, is not known: rules
// that fail closed must not be passed by it.
static FACT_STATE StateOf(_In_ NTSTATUS Status) {
    return Status == STATUS_KEY_DELETED ? FactAbsent : FactNoMemory;
}

_IRQL_requires_max_(APC_LEVEL)
static VOID CopyText(_Inout_ SUBJECT_TEXT *Text, _In_ const CAPTURE *Capture) {
    WCHAR *units = Text->Short;
    MemoryFree(Text->Long);
    Text->Long = NULL;
    Text->Present = Capture->Flags != 0;
    Text->Count = Capture->Size / sizeof(WCHAR);
    Text->FullSize = Capture->FullSize;
    Text->Units = units;
    if (Capture->Flags & CMB_SPAN_FAULT) {
        Text->State = FactFault;
        return;
    }
    if (Text->Count > SUBJECT_SHORT_UNITS) {
        units = Text->Long = MemoryAllocate(Capture->Size);
        Text->Units = units;
    }
    if (!units) {
        Text->State = FactNoMemory;
    } else {
        Text->State = CaptureBytes(units, Capture->UnsafeBytes, Capture->Size) ? FactKnown : FactFault;
    }
}

// Describes the copy as if it were the caller's own text.
static VOID DescribeCopy(_In_ const SUBJECT_TEXT *Text, _In_ ULONG Limit, _Out_ CAPTURE *Capture) {
    const ULONG size = Text->Count * sizeof(WCHAR);
    if (Text->State == FactFault) {
        CaptureDescribeFault(Capture);
    } else if (Text->State == FactKnown && Text->Present) {
        CaptureDescribeBytes(Capture, Text->Units, Text->FullSize, min(size, Limit));
    } else if (Text->State == FactKnown) {
        RtlZeroMemory(Capture, sizeof(*Capture));
    }
}

static RULES_TEXT TextOfCopy(_In_ const SUBJECT_TEXT *Text) {
    return (RULES_TEXT){.Units = Text->Units, .Count = Text->Count};
}

static FACT_STATE TextOfPath(_In_ const SUBJECT_PATH *Path, _Out_ RULES_TEXT *Text) {
    RtlZeroMemory(Text, sizeof(*Text));
    if (Path->Name && !Path->Name->Fault) {
        *Text = TextOfName(Path->Name);
    } else if (Path->Path.Given) {
        Text->Units = Path->Path.Given->Buffer;
        Text->Count = Path->Path.Given->Length / sizeof(WCHAR);
    } else {
        return StateOf(Path->Path.Status);
    }
    return FactKnown;
}

// Finds the path of a live object. KeyObject is where it may be remembered.
_IRQL_requires_max_(APC_LEVEL)
static FACT_STATE FindPath(_Inout_ SUBJECT *Subject, _Inout_ SUBJECT_PATH *Path, _In_ VOID *Object,
                           _Inout_opt_ KEY_OBJECT *KeyObject, _Out_ RULES_TEXT *Text) {
    Path->Name = KeyObjectTakeName(KeyObject, &Path->Path.Generation);
    if (!Path->Name) {
        KeyPathGet(&Path->Path, Subject->Filter, Object);
        if (Path->Path.Status == STATUS_KEY_DELETED) {
            Path->Name = KeyObjectGetLastName(KeyObject);
        }
    }
    return TextOfPath(Path, Text);
}

_Use_decl_annotations_
VOID SubjectRecallKey(SUBJECT *Subject) {
    if (Subject->Key == FactNotAsked && Subject->KeySource == NotifyKeyObject &&
        Subject->Class->Body != NotifyBodyRename &&
        KeyObjectFindHits(Subject->KeyObject, RulesGetSerial(Subject->Rules), &Subject->Hits, &Subject->Generation)) {
        Subject->HitsKnown = TRUE;
        Subject->Key = FactKnown;
    }
}

// Matches the path of the key, once for all the classes that are asked about.
_IRQL_requires_max_(APC_LEVEL)
static VOID FindHits(_Inout_ SUBJECT *Subject) {
    Subject->Hits.Count = 0;
    if (RulesCanEndWith(Subject->Rules, &Subject->Parts[Subject->PartCount - 1])) {
        RulesFind(Subject->Rules, RulesKey, Subject->Parts, Subject->PartCount, &Subject->Hits);
    }
    Subject->HitsKnown = Subject->Hits.Count != RULES_HITS_MANY;
}

_IRQL_requires_max_(APC_LEVEL)
static VOID FindObject(_Inout_ SUBJECT *Subject) {
    const UINT64 serial = RulesGetSerial(Subject->Rules);
    SUBJECT_PATH *path = &Subject->Paths[0];
    RULES_TEXT text;
    SubjectRecallKey(Subject);
    if (Subject->Key == FactKnown) {
        return;
    }
    Subject->Key = FindPath(Subject, path, Subject->Object, Subject->KeyObject, &text);
    if (Subject->Key != FactKnown) {
        if (path->Path.Status == STATUS_KEY_DELETED &&
            KeyObjectFindLastHits(Subject->KeyObject, serial, &Subject->Hits)) {
            Subject->HitsKnown = TRUE;
            Subject->Key = FactKnown;
        }
        return;
    }
    SetParts(Subject, text, NULL);
    FindHits(Subject);
    // Nothing can be attached any more to an object that is being closed.
    if (Subject->Class->Body != NotifyBodyClose) {
        Subject->KeyObject = KeyObjectAttach(Subject->Filter, Subject->Object, Subject->KeyObject, Subject->Opener);
    }
    Subject->Generation = path->Path.Generation;
    KeyObjectKeepHits(Subject->KeyObject, serial, &Subject->Hits, Subject->Generation,
                      Subject->Hits.Count ? 0 : RulesGetUnmatched(Subject->Rules) & ~RENAME);
}

// The parts are the path, and the path that the key is to have: the same but for the last component.
_IRQL_requires_max_(APC_LEVEL)
static VOID FindRename(_Inout_ SUBJECT *Subject) {
    const REG_RENAME_KEY_INFORMATION *rename = Subject->Pre;
    RULES_TEXT text;
    CAPTURE name;
    const FACT_STATE state = FindPath(Subject, &Subject->Paths[0], Subject->Object, Subject->KeyObject, &text);
    if (state != FactKnown) {
        Subject->Key = state;
        return;
    }
    CaptureDescribeString(&name, rename->NewName, MAXUSHORT);
    CopyText(&Subject->Text, &name);
    if (Subject->Text.State != FactKnown) {
        Subject->Key = Subject->Text.State;
        return;
    }
    SetParts(Subject, text, NULL);
    while (text.Count && text.Units[text.Count - 1] != L'\\') {
        --text.Count;
    }
    Subject->OtherParts[0] = text;
    Subject->OtherParts[1] = TextOfCopy(&Subject->Text);
    Subject->OtherPartCount = 2;
}

// The parts are the root, if the name is relative to one, and the name.
_IRQL_requires_max_(APC_LEVEL)
static VOID SetTail(_Inout_ SUBJECT *Subject, _In_ FACT_STATE RootState, _In_ RULES_TEXT Root) {
    const RULES_TEXT text = TextOfCopy(&Subject->Text);
    DescribeCopy(&Subject->Text, MAXUSHORT, &Subject->Tail.Text);
    if (Subject->Text.State != FactKnown) {
        Subject->Key = Subject->Text.State;
    } else if (Subject->Tail.Absolute) {
        SetParts(Subject, text, NULL);
    } else if (RootState != FactKnown) {
        Subject->Key = RootState;
    } else {
        SetParts(Subject, Root, &text);
    }
}

// Finds the path of the root of a create or an open, which is remembered with the root.
_IRQL_requires_max_(APC_LEVEL)
static FACT_STATE FindRoot(_Inout_ SUBJECT *Subject, _In_ VOID *Object, _Out_ RULES_TEXT *Text) {
    SUBJECT_PATH *path = &Subject->Paths[0];
    KEY_OBJECT *root =
        KeyObjectAttach(Subject->Filter, Object, *NotifyClassObjectContext(Subject->Class, Subject->Pre), NULL);
    RtlZeroMemory(Text, sizeof(*Text));
    path->Name = KeyObjectGetRoot(Subject->Filter, Object, root, &path->Path);
    if (!path->Name && path->Path.Status == STATUS_KEY_DELETED) {
        path->Name = KeyObjectGetLastName(root);
    }
    return TextOfPath(path, Text);
}

_IRQL_requires_max_(APC_LEVEL)
static VOID FindCreate(_Inout_ SUBJECT *Subject) {
    const REG_CREATE_KEY_INFORMATION_V1 *create = Subject->Pre;
    RULES_TEXT root;
    NameDescribeCreate(&Subject->Tail, create, TRUE);
    CopyText(&Subject->Text, &Subject->Tail.Text);
    const RULES_TEXT text = TextOfCopy(&Subject->Text);
    if (Subject->Text.State == FactKnown && !RulesCanEndWith(Subject->Rules, &text)) {
        // Whatever the root is called.
        DescribeCopy(&Subject->Text, MAXUSHORT, &Subject->Tail.Text);
        Subject->HitsKnown = TRUE;
        Subject->Key = FactKnown;
        return;
    }
    const FACT_STATE state = FindRoot(Subject, create->RootObject, &root);
    // The complete name may be absolute. It is also what is left if the other one cannot be read.
    if (state == FactAbsent || Subject->Text.State == FactFault) {
        NAME_TAIL complete;
        NameDescribeCreate(&complete, create, FALSE);
        if (state == FactAbsent || complete.Absolute) {
            Subject->Tail = complete;
            CopyText(&Subject->Text, &complete.Text);
        }
    }
    SetTail(Subject, state, root);
}

_IRQL_requires_max_(APC_LEVEL)
static VOID FindLoad(_Inout_ SUBJECT *Subject) {
    const REG_LOAD_KEY_INFORMATION *load = Subject->Pre;
    FACT_STATE state = FactAbsent;
    RULES_TEXT text = {0};
    NameDescribeLoad(&Subject->Tail, load);
    CopyText(&Subject->Text, &Subject->Tail.Text);
    if (!Subject->Tail.Absolute) {
        state = FindPath(Subject, &Subject->Paths[0], load->Object, NULL, &text);
    }
    SetTail(Subject, state, text);
}

// A rule may name either key. If one is not known, whatever the other says would be half the truth.
_IRQL_requires_max_(APC_LEVEL)
static VOID FindMerged(_Inout_ SUBJECT *Subject) {
    const REG_SAVE_MERGED_KEY_INFORMATION *save = Subject->Pre;
    VOID *const objects[] = {save->HighKeyObject, save->LowKeyObject};
    RULES_TEXT texts[2];
    FACT_STATE states[2];
    for (ULONG i = 0; i < RTL_NUMBER_OF(objects); ++i) {
        states[i] = objects[i] ? FindPath(Subject, &Subject->Paths[i], objects[i], NULL, &texts[i]) : FactAbsent;
        if (states[i] == FactNoMemory) {
            Subject->Key = FactNoMemory;
            return;
        }
    }
    Subject->Key = FactAbsent;
    for (ULONG i = 0; i < RTL_NUMBER_OF(objects); ++i) {
        if (states[i] != FactKnown) {
            continue;
        }
        if (Subject->PartCount) {
            Subject->OtherParts[0] = texts[i];
            Subject->OtherPartCount = 1;
        } else {
            SetParts(Subject, texts[i], NULL);
        }
    }
}

_Use_decl_annotations_
VOID SubjectFindKey(SUBJECT *Subject) {
    if (Subject->Key != FactNotAsked) {
        return;
    }
    switch (Subject->KeySource) {
    case NotifyKeyObject:
        if (Subject->Class->Body == NotifyBodyRename && Subject->Class->Phase == NotifyPhasePre) {
            FindRename(Subject);
        } else {
            FindObject(Subject);
        }
        break;
    case NotifyKeyCreate:
        FindCreate(Subject);
        break;
    case NotifyKeyLoad:
        FindLoad(Subject);
        break;
    case NotifyKeySaveMerged:
        FindMerged(Subject);
        break;
    default:
        Subject->Key = FactAbsent;
        break;
    }
    if (Subject->Key == FactKnown && !Subject->HitsKnown && Subject->Hits.Count != RULES_HITS_MANY &&
        !Subject->OtherPartCount) {
        FindHits(Subject);
    }
}

// Whether the class has one value name. A query for several values has many.
static BOOLEAN HasValueName(_In_ const NOTIFY_CLASS *Class) {
    return Class->Body == NotifyBodySetValue || Class->Body == NotifyBodyDeleteValue ||
           Class->Body == NotifyBodyQueryValue;
}

C_ASSERT(FIELD_OFFSET(REG_SET_VALUE_KEY_INFORMATION, ValueName) == sizeof(VOID *));
C_ASSERT(FIELD_OFFSET(REG_DELETE_VALUE_KEY_INFORMATION, ValueName) == sizeof(VOID *));
C_ASSERT(FIELD_OFFSET(REG_QUERY_VALUE_KEY_INFORMATION, ValueName) == sizeof(VOID *));

_Use_decl_annotations_
VOID SubjectFindValueName(SUBJECT *Subject) {
    CAPTURE name;
    if (Subject->Text.State != FactNotAsked) {
        return;
    }
    Subject->Text.State = FactAbsent;
    if (Subject->Pre && HasValueName(Subject->Class)) {
        CaptureDescribeString(&name, ((const REG_SET_VALUE_KEY_INFORMATION *)Subject->Pre)->ValueName, MAXUSHORT);
        CopyText(&Subject->Text, &name);
    }
}

_Use_decl_annotations_
BOOLEAN SubjectGetValueName(const SUBJECT *Subject, CAPTURE *Capture) {
    RtlZeroMemory(Capture, sizeof(*Capture));
    DescribeCopy(&Subject->Text, CMB_MAX_VALUE_NAME_BYTES, Capture);
    return HasValueName(Subject->Class) && (Subject->Text.State == FactKnown || Subject->Text.State == FactFault);
}

_Use_decl_annotations_
const NAME_TAIL *SubjectGetTail(const SUBJECT *Subject) {
    return Subject->Text.State == FactKnown || Subject->Text.State == FactFault ? &Subject->Tail : NULL;
}

_Use_decl_annotations_
const KEY_PATH *SubjectUsePath(const SUBJECT_PATH *Path) {
    return Path->Path.Given || Path->Path.Status ? &Path->Path : NULL;
}

_Use_decl_annotations_
VOID SubjectEnd(SUBJECT *Subject) {
    if (Subject->QuietClasses) {
        KeyObjectKeepQuiet(Subject->KeyObject, RulesGetSerial(Subject->Rules), Subject->Generation,
                           Subject->QuietClasses);
    }
    for (ULONG i = 0; i < RTL_NUMBER_OF(Subject->Paths); ++i) {
        KeyPathRelease(&Subject->Paths[i].Path);
        NameRelease(Subject->Paths[i].Name);
    }
    MemoryFree(Subject->Text.Long);
}
