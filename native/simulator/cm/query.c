// SPDX-License-Identifier: MIT
//
// NtQueryKey and NtEnumerateKey.

#include "cmp.h"
#include "calls.h"

// KEY_CACHED_INFORMATION and KEY_FLAGS_INFORMATION, which some headers lack.
typedef struct _CM_CACHED_INFORMATION {
    LARGE_INTEGER LastWriteTime;
    ULONG TitleIndex;
    ULONG SubKeys;
    ULONG MaxNameLen;
    ULONG Values;
    ULONG MaxValueNameLen;
    ULONG MaxValueDataLen;
    ULONG NameLength;
    ULONG Reserved;
} CM_CACHED_INFORMATION;

typedef struct _CM_FLAGS_INFORMATION {
    ULONG Wow64Flags;
    ULONG KeyFlags; // 1: volatile, 2: symbolic link
    ULONG ControlFlags;
} CM_FLAGS_INFORMATION;

static NTSTATUS CmpAllocateAnswer(PCM_ANSWER Answer, ULONG FixedLength, ULONG FullLength) {
    Answer->FixedLength = FixedLength;
    Answer->FullLength = FullLength;
    // Up to the size of the structure as the compiler sees it, whose last member is one character of the name.
    Answer->Data = CmStoreAllocate((SIZE_T)FullLength + sizeof(KEY_FULL_INFORMATION));
    return Answer->Data != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static NTSTATUS CmpFormatBasic(const CM_KEY_FACTS *Facts, PCM_ANSWER Answer) {
    ULONG Fixed = FIELD_OFFSET(KEY_BASIC_INFORMATION, Name);
    NTSTATUS Status = CmpAllocateAnswer(Answer, Fixed, Fixed + Facts->Name.Length);
    PKEY_BASIC_INFORMATION Basic = Answer->Data;

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Basic->LastWriteTime = Facts->LastWriteTime;
    Basic->TitleIndex = Facts->TitleIndex;
    Basic->NameLength = Facts->Name.Length;
    RtlCopyMemory(Basic->Name, Facts->Name.Buffer, Facts->Name.Length);
    return STATUS_SUCCESS;
}

static NTSTATUS CmpFormatNode(const CM_KEY_FACTS *Facts, PCM_ANSWER Answer) {
    ULONG Fixed = FIELD_OFFSET(KEY_NODE_INFORMATION, Name);
    ULONG ClassOffset = (Fixed + Facts->Name.Length + 3) & ~3u;
    ULONG Full = Facts->Class.Length != 0 ? ClassOffset + Facts->Class.Length : Fixed + Facts->Name.Length;
    NTSTATUS Status = CmpAllocateAnswer(Answer, Fixed, Full);
    PKEY_NODE_INFORMATION Node = Answer->Data;

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Node->LastWriteTime = Facts->LastWriteTime;
    Node->TitleIndex = Facts->TitleIndex;
    Node->ClassOffset = Facts->Class.Length != 0 ? ClassOffset : ~0u;
    Node->ClassLength = Facts->Class.Length;
    Node->NameLength = Facts->Name.Length;
    RtlCopyMemory(Node->Name, Facts->Name.Buffer, Facts->Name.Length);
    RtlCopyMemory((PUCHAR)Node + ClassOffset, Facts->Class.Buffer, Facts->Class.Length);
    return STATUS_SUCCESS;
}

static NTSTATUS CmpFormatFull(const CM_KEY_FACTS *Facts, PCM_ANSWER Answer) {
    ULONG Fixed = FIELD_OFFSET(KEY_FULL_INFORMATION, Class);
    NTSTATUS Status = CmpAllocateAnswer(Answer, Fixed, Fixed + Facts->Class.Length);
    PKEY_FULL_INFORMATION Full = Answer->Data;

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Full->LastWriteTime = Facts->LastWriteTime;
    Full->TitleIndex = Facts->TitleIndex;
    Full->ClassOffset = Facts->Class.Length != 0 ? Fixed : ~0u;
    Full->ClassLength = Facts->Class.Length;
    Full->SubKeys = Facts->SubKeys;
    Full->MaxNameLen = Facts->MaxNameLength;
    Full->MaxClassLen = Facts->MaxClassLength;
    Full->Values = Facts->Values;
    Full->MaxValueNameLen = Facts->MaxValueNameLength;
    Full->MaxValueDataLen = Facts->MaxValueDataLength;
    RtlCopyMemory(Full->Class, Facts->Class.Buffer, Facts->Class.Length);
    return STATUS_SUCCESS;
}

static NTSTATUS CmpFormatCached(const CM_KEY_FACTS *Facts, PCM_ANSWER Answer) {
    NTSTATUS Status = CmpAllocateAnswer(Answer, sizeof(CM_CACHED_INFORMATION), sizeof(CM_CACHED_INFORMATION));
    CM_CACHED_INFORMATION *Cached = Answer->Data;

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Cached->LastWriteTime = Facts->LastWriteTime;
    Cached->TitleIndex = Facts->TitleIndex;
    Cached->SubKeys = Facts->SubKeys;
    Cached->MaxNameLen = Facts->MaxNameLength;
    Cached->Values = Facts->Values;
    Cached->MaxValueNameLen = Facts->MaxValueNameLength;
    Cached->MaxValueDataLen = Facts->MaxValueDataLength;
    Cached->NameLength = Facts->Name.Length;
    return STATUS_SUCCESS;
}

static NTSTATUS CmpFormatName(PCUNICODE_STRING Name, PCM_ANSWER Answer) {
    ULONG Fixed = FIELD_OFFSET(KEY_NAME_INFORMATION, Name);
    NTSTATUS Status = CmpAllocateAnswer(Answer, Fixed, Fixed + Name->Length);
    PKEY_NAME_INFORMATION Information = Answer->Data;

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Information->NameLength = Name->Length;
    RtlCopyMemory(Information->Name, Name->Buffer, Name->Length);
    return STATUS_SUCCESS;
}

static NTSTATUS CmpFormatWords(PCM_ANSWER Answer, ULONG Count, const ULONG *Words) {
    NTSTATUS Status = CmpAllocateAnswer(Answer, Count * sizeof(ULONG), Count * sizeof(ULONG));

    if (NT_SUCCESS(Status)) {
        RtlCopyMemory(Answer->Data, Words, Count * sizeof(ULONG));
    }
    return Status;
}

NTSTATUS CmpFormatKey(KEY_INFORMATION_CLASS Class, const CM_KEY_FACTS *Facts, PCM_ANSWER Answer) {
    switch (Class) {
    case KeyBasicInformation:
        return CmpFormatBasic(Facts, Answer);
    case KeyNodeInformation:
        return CmpFormatNode(Facts, Answer);
    case KeyFullInformation:
        return CmpFormatFull(Facts, Answer);
    case KeyCachedInformation:
        return CmpFormatCached(Facts, Answer);
    case KeyFlagsInformation: {
        CM_FLAGS_INFORMATION Flags = {.Wow64Flags = Facts->UserFlags,
                                      .KeyFlags = (Facts->Volatile ? 1 : 0) | (Facts->Link ? 2 : 0)};

        return CmpFormatWords(Answer, sizeof(Flags) / sizeof(ULONG), &Flags.Wow64Flags);
    }
    default: {
        // Virtualisation, trust, layers: none of them exists here.
        ULONG None = 0;

        return CmpFormatWords(Answer, 1, &None);
    }
    }
}

// With the registry locked.
static NTSTATUS CmpReadKeyAnswer(PCM_KEY_BODY Body, KEY_INFORMATION_CLASS Class, PCM_ANSWER Answer) {
    UNICODE_STRING Name = {0};
    PCM_KEY_FACTS Facts = NULL;
    NTSTATUS Status;

    if (Body->Key->Deleted) {
        return STATUS_KEY_DELETED;
    }
    if (Class == KeyHandleTagsInformation) {
        return CmpFormatWords(Answer, 1, &Body->HandleTags);
    }
    if (Class == KeyNameInformation) {
        Status = CmpBuildName(Body->Key, &Name);
        if (NT_SUCCESS(Status)) {
            Status = CmpFormatName(&Name, Answer);
        }
        CmpReleaseString(&Name);
        return Status;
    }
    Status = CmpKeyStore(Body->Key, ReadKey, Body->Key->Node, &Facts);
    if (NT_SUCCESS(Status)) {
        Status = CmpFormatKey(Class, Facts, Answer);
    }
    CmStoreFree(Facts);
    return Status;
}

static NTSTATUS CmpNotifyQueryKey(PCM_KEY_BODY Body, PREG_QUERY_KEY_INFORMATION Information, KPROCESSOR_MODE Mode) {
    REG_QUERY_KEY_INFORMATION Asked = *Information;
    CM_ANSWER Answer = {0};
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreQueryKey, Information, Body);

    if (!Operation.Stopped) {
        CmpLockRegistry();
        Status = CmpReadKeyAnswer(Body, Asked.KeyInformationClass, &Answer);
        CmpUnlockRegistry();
        if (NT_SUCCESS(Status)) {
            Status = CmpAnswer(Answer.Data, Answer.FixedLength, Answer.FullLength, Asked.KeyInformation, Asked.Length,
                               Asked.ResultLength, Mode);
        }
        CmStoreFree(Answer.Data);
    }
    return CmpPostNotify(&Operation, Status, Body);
}

static NTSTATUS CmpProbeAnswer(PVOID Buffer, ULONG Length, PULONG ResultLength, KPROCESSOR_MODE Mode) {
    NTSTATUS Status = CmpProbeOut(Buffer, Length, sizeof(ULONG), Mode);

    return NT_SUCCESS(Status) ? CmpProbeOut(ResultLength, sizeof(*ResultLength), sizeof(ULONG), Mode) : Status;
}

NTSTATUS NTAPI CM_NT(QueryKey)(HANDLE KeyHandle, KEY_INFORMATION_CLASS KeyInformationClass, PVOID KeyInformation,
                               ULONG Length, PULONG ResultLength) {
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    BOOLEAN Harmless = KeyInformationClass == KeyNameInformation || KeyInformationClass == KeyHandleTagsInformation;
    REG_QUERY_KEY_INFORMATION Information = {.KeyInformationClass = KeyInformationClass,
                                             .KeyInformation = KeyInformation,
                                             .Length = Length,
                                             .ResultLength = ResultLength};
    PCM_KEY_BODY Body;
    NTSTATUS Status;

    if ((ULONG)KeyInformationClass > KeyLayerInformation) {
        return STATUS_INVALID_PARAMETER;
    }
    // The name of a key can be had with any handle.
    Status = CmPortReferenceKeyByHandle(KeyHandle, Harmless ? 0 : KEY_QUERY_VALUE, Mode, (PVOID *)&Body);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpProbeAnswer(KeyInformation, Length, ResultLength, Mode);
    if (NT_SUCCESS(Status)) {
        Information.Object = Body;
        Status = CmpNotifyQueryKey(Body, &Information, Mode);
    }
    CmPortDereferenceObject(Body);
    return Status;
}

static NTSTATUS CmpNotifyEnumerateKey(PCM_KEY_BODY Body, PREG_ENUMERATE_KEY_INFORMATION Information,
                                      KPROCESSOR_MODE Mode) {
    REG_ENUMERATE_KEY_INFORMATION Asked = *Information;
    PCM_KEY_FACTS Facts = NULL;
    CM_ANSWER Answer = {0};
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreEnumerateKey, Information, Body);

    if (!Operation.Stopped) {
        CmpLockRegistry();
        Status = Body->Key->Deleted ? STATUS_KEY_DELETED
                                    : CmpKeyStore(Body->Key, ReadSubkey, Body->Key->Node, Asked.Index, &Facts);
        CmpUnlockRegistry();
        if (NT_SUCCESS(Status)) {
            Status = CmpFormatKey(Asked.KeyInformationClass, Facts, &Answer);
        }
        if (NT_SUCCESS(Status)) {
            Status = CmpAnswer(Answer.Data, Answer.FixedLength, Answer.FullLength, Asked.KeyInformation, Asked.Length,
                               Asked.ResultLength, Mode);
        }
        CmStoreFree(Answer.Data);
        CmStoreFree(Facts);
    }
    return CmpPostNotify(&Operation, Status, Body);
}

NTSTATUS NTAPI CM_NT(EnumerateKey)(HANDLE KeyHandle, ULONG Index, KEY_INFORMATION_CLASS KeyInformationClass,
                                   PVOID KeyInformation, ULONG Length, PULONG ResultLength) {
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    REG_ENUMERATE_KEY_INFORMATION Information = {.Index = Index,
                                                 .KeyInformationClass = KeyInformationClass,
                                                 .KeyInformation = KeyInformation,
                                                 .Length = Length,
                                                 .ResultLength = ResultLength};
    PCM_KEY_BODY Body;
    NTSTATUS Status;

    if ((ULONG)KeyInformationClass > KeyFullInformation) {
        return STATUS_INVALID_PARAMETER;
    }
    Status = CmPortReferenceKeyByHandle(KeyHandle, KEY_ENUMERATE_SUB_KEYS, Mode, (PVOID *)&Body);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpProbeAnswer(KeyInformation, Length, ResultLength, Mode);
    if (NT_SUCCESS(Status)) {
        Information.Object = Body;
        Status = CmpNotifyEnumerateKey(Body, &Information, Mode);
    }
    CmPortDereferenceObject(Body);
    return Status;
}
