// SPDX-License-Identifier: MIT
//
// Names of key objects.

#include "cmp.h"

// A name that CmCallbackGetKeyObjectIDEx gave out.
typedef struct _CM_GIVEN_NAME {
    LIST_ENTRY Link;
    ULONG64 Checksum;
    UNICODE_STRING Given;
    USHORT Length;
    WCHAR Text[];
} CM_GIVEN_NAME, *PCM_GIVEN_NAME;

// CmpCallbackLock
static LIST_ENTRY CmpGivenNames;
static ULONG CmpFailingLookups;
static NTSTATUS CmpFailingStatus;

VOID CmpInitializeNames(VOID) {
    InitializeListHead(&CmpGivenNames);
    CmpFailingLookups = 0;
}

VOID CmpShutdownNames(VOID) {
    while (!IsListEmpty(&CmpGivenNames)) {
        PCM_GIVEN_NAME Name = CONTAINING_RECORD(RemoveHeadList(&CmpGivenNames), CM_GIVEN_NAME, Link);

        CmStoreFree(Name);
        CmpCount(&CmpKeyNameCount, -1);
    }
}

VOID CmFailNameLookups(ULONG Count, NTSTATUS Status) {
    KIRQL OldIrql;

    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    CmpFailingLookups = Count;
    CmpFailingStatus = Status;
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
}

static NTSTATUS CmpMeasureName(PCM_KEY Key, PUSHORT Length) {
    ULONG Bytes = 0;

    for (PCM_KEY Part = Key; Part != NULL; Part = Part->Parent) {
        Bytes += sizeof(WCHAR) + Part->Name.Length;
    }
    *Length = (USHORT)Bytes;
    return Bytes <= 0xFFFE ? STATUS_SUCCESS : STATUS_NAME_TOO_LONG;
}

static VOID CmpWriteName(PCM_KEY Key, PWCH Buffer, USHORT Length) {
    PUCHAR End = (PUCHAR)Buffer + Length;

    for (PCM_KEY Part = Key; Part != NULL; Part = Part->Parent) {
        End -= Part->Name.Length;
        RtlCopyMemory(End, Part->Name.Buffer, Part->Name.Length);
        End -= sizeof(WCHAR);
        *(PWCH)End = L'\\';
    }
}

_Use_decl_annotations_
NTSTATUS CmpBuildName(PCM_KEY Key, PUNICODE_STRING Name) {
    USHORT Length;
    NTSTATUS Status = CmpMeasureName(Key, &Length);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Name->Buffer = CmStoreAllocate(Length);
    if (Name->Buffer == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Name->Length = Name->MaximumLength = Length;
    CmpWriteName(Key, Name->Buffer, Length);
    return STATUS_SUCCESS;
}

// Four characters at a time: every name that is given out is summed twice.
static ULONG64 CmpChecksum(const CM_GIVEN_NAME *Name) {
    ULONG64 Sum = Name->Length;
    ULONG Count = Name->Length / sizeof(WCHAR);

    for (ULONG i = 0; i < Count; i += 4) {
        ULONG64 Word = 0;

        for (ULONG j = i; j < Count && j < i + 4; j++) {
            Word = Word << 16 | Name->Text[j];
        }
        Sum = (Sum ^ Word) * 0x9E3779B97F4A7C15ull;
        Sum ^= Sum >> 32;
    }
    return Sum;
}

// With the callback lock held. An object that is being destroyed is still usable in pre close, no longer in the
// cleanups.
static BOOLEAN CmpIsUsable(PVOID Object) {
    PCM_KEY_BODY Body = CmpFindBody(Object);

    return Body != NULL && !Body->Dying;
}

// What both lookups check. Real systems only look whether there is a cookie, not whose.
static NTSTATUS CmpCheckLookup(PLARGE_INTEGER Cookie, PVOID Object) {
    BOOLEAN CookieKnown, ObjectKnown;
    NTSTATUS Status = STATUS_SUCCESS;
    KIRQL OldIrql;

    CmpCheckIrql(APC_LEVEL);
    if (Cookie == NULL || Object == NULL) {
        return STATUS_INVALID_PARAMETER;
    }
    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    CookieKnown = CmpFindRegistration(*Cookie) != NULL;
    ObjectKnown = CmpIsUsable(Object);
    if (CmpFailingLookups != 0) {
        CmpFailingLookups--;
        Status = CmpFailingStatus;
    }
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
    if (!CookieKnown) {
        CmpViolation(CmViolationUnknownCookie, (ULONG_PTR)Cookie->QuadPart, 0, 0);
    }
    if (!ObjectKnown) {
        CmpViolation(CmViolationBadObject, (ULONG_PTR)Object, 0, 0);
        return STATUS_INVALID_PARAMETER;
    }
    return Status;
}

// With the registry locked: the name that stays with the key until the last object of it is gone.
static NTSTATUS CmpCacheName(PCM_KEY Key) {
    PUNICODE_STRING Name;
    NTSTATUS Status;

    if (Key->CachedName != NULL) {
        return STATUS_SUCCESS;
    }
    Name = CmStoreAllocate(sizeof(*Name));
    if (Name == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = CmpBuildName(Key, Name);
    if (!NT_SUCCESS(Status)) {
        CmStoreFree(Name);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Key->CachedName = Name;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI CmCallbackGetKeyObjectID(PLARGE_INTEGER Cookie, PVOID Object, PULONG_PTR ObjectID,
                                        PCUNICODE_STRING *ObjectName) {
    NTSTATUS Status = CmpCheckLookup(Cookie, Object);
    PCM_KEY Key;

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Key = ((PCM_KEY_BODY)Object)->Key;
    CmpLockRegistry();
    if (Key->Deleted) {
        Status = STATUS_KEY_DELETED;
    } else if (ObjectName != NULL) {
        Status = CmpCacheName(Key);
    }
    if (NT_SUCCESS(Status)) {
        if (ObjectID != NULL) {
            *ObjectID = (ULONG_PTR)CmpKeyIdentity(Key);
        }
        if (ObjectName != NULL) {
            *ObjectName = Key->CachedName;
        }
    }
    CmpUnlockRegistry();
    return Status;
}

// With the registry locked: the key's current name, as an entry of the list of names that must be released.
static NTSTATUS CmpGiveName(PCM_KEY Key, PCM_GIVEN_NAME *Given) {
    PCM_GIVEN_NAME Name;
    USHORT Length;
    KIRQL OldIrql;

    if (!NT_SUCCESS(CmpMeasureName(Key, &Length))) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Name = CmStoreAllocate(sizeof(*Name) + Length);
    if (Name == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    CmpWriteName(Key, Name->Text, Length);
    Name->Length = Name->Given.Length = Name->Given.MaximumLength = Length;
    Name->Given.Buffer = Name->Text;
    Name->Checksum = CmpChecksum(Name);
    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    InsertHeadList(&CmpGivenNames, &Name->Link);
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
    CmpCount(&CmpKeyNameCount, 1);
    *Given = Name;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI CmCallbackGetKeyObjectIDEx(PLARGE_INTEGER Cookie, PVOID Object, PULONG_PTR ObjectID,
                                          PCUNICODE_STRING *ObjectName, ULONG Flags) {
    NTSTATUS Status;
    PCM_GIVEN_NAME Given = NULL;
    PCM_KEY Key;

    if (Flags != 0) {
        return STATUS_INVALID_PARAMETER;
    }
    Status = CmpCheckLookup(Cookie, Object);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Key = ((PCM_KEY_BODY)Object)->Key;
    CmpShareRegistry();
    if (Key->Deleted) {
        Status = STATUS_KEY_DELETED;
    } else if (ObjectName != NULL) {
        Status = CmpGiveName(Key, &Given);
    }
    CmpUnlockRegistry();
    if (NT_SUCCESS(Status)) {
        if (ObjectID != NULL) {
            *ObjectID = (ULONG_PTR)CmpKeyIdentity(Key);
        }
        if (ObjectName != NULL) {
            *ObjectName = &Given->Given;
        }
    }
    return Status;
}

static PCM_GIVEN_NAME CmpTakeGivenName(PCUNICODE_STRING ObjectName) {
    PCM_GIVEN_NAME Found = NULL;
    KIRQL OldIrql;

    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    for (PLIST_ENTRY Entry = CmpGivenNames.Flink; Entry != &CmpGivenNames && Found == NULL; Entry = Entry->Flink) {
        PCM_GIVEN_NAME Name = CONTAINING_RECORD(Entry, CM_GIVEN_NAME, Link);

        if (&Name->Given == ObjectName) {
            RemoveEntryList(&Name->Link);
            Found = Name;
        }
    }
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
    return Found;
}

VOID NTAPI CmCallbackReleaseKeyObjectIDEx(PCUNICODE_STRING ObjectName) {
    PCM_GIVEN_NAME Name;

    CmpCheckIrql(APC_LEVEL);
    Name = CmpTakeGivenName(ObjectName);
    if (Name == NULL) {
        CmpViolation(CmViolationNameNotOurs, (ULONG_PTR)ObjectName, 0, 0);
        return;
    }
    if (Name->Given.Buffer != Name->Text || Name->Given.Length != Name->Length || CmpChecksum(Name) != Name->Checksum) {
        CmpViolation(CmViolationNameModified, (ULONG_PTR)ObjectName, 0, 0);
    }
    CmStoreFree(Name);
    CmpCount(&CmpKeyNameCount, -1);
}

PVOID NTAPI CmGetBoundTransaction(PLARGE_INTEGER Cookie, PVOID Object) {
    BOOLEAN CookieKnown, ObjectKnown;
    KIRQL OldIrql;

    CmpCheckIrql(APC_LEVEL);
    KeAcquireSpinLock(&CmpCallbackLock, &OldIrql);
    CookieKnown = Cookie != NULL && CmpFindRegistration(*Cookie) != NULL;
    ObjectKnown = CmpIsUsable(Object);
    KeReleaseSpinLock(&CmpCallbackLock, OldIrql);
    if (!CookieKnown) {
        CmpViolation(CmViolationUnknownCookie, Cookie != NULL ? (ULONG_PTR)Cookie->QuadPart : 0, 0, 0);
    }
    if (!ObjectKnown) {
        CmpViolation(CmViolationBadObject, (ULONG_PTR)Object, 0, 0);
    }
    return ObjectKnown ? CmpTransactionObject(CmpTransactionOfKey(((PCM_KEY_BODY)Object)->Key)) : NULL;
}
