// SPDX-License-Identifier: MIT
//
// NtQueryValueKey and NtEnumerateValueKey.

#include "cmp.h"
#include "calls.h"

BOOLEAN CmpIsValueClass(KEY_VALUE_INFORMATION_CLASS Class) {
    return (ULONG)Class <= KeyValuePartialInformationAlign64;
}

static NTSTATUS CmpAllocateAnswer(PCM_ANSWER Answer, ULONG FixedLength, SIZE_T FullLength) {
    if (FullLength > 0xFFFFFFFF) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Answer->FixedLength = FixedLength;
    Answer->FullLength = (ULONG)FullLength;
    Answer->Data = CmStoreAllocate(FullLength + sizeof(KEY_VALUE_FULL_INFORMATION));
    return Answer->Data != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static NTSTATUS CmpFormatBasic(const CM_VALUE *Value, PCM_ANSWER Answer) {
    ULONG Fixed = FIELD_OFFSET(KEY_VALUE_BASIC_INFORMATION, Name);
    NTSTATUS Status = CmpAllocateAnswer(Answer, Fixed, (SIZE_T)Fixed + Value->Name.Length);
    PKEY_VALUE_BASIC_INFORMATION Basic = Answer->Data;

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Basic->TitleIndex = Value->TitleIndex;
    Basic->Type = Value->Type;
    Basic->NameLength = Value->Name.Length;
    RtlCopyMemory(Basic->Name, Value->Name.Buffer, Value->Name.Length);
    return STATUS_SUCCESS;
}

static NTSTATUS CmpFormatFull(const CM_VALUE *Value, ULONG Alignment, PCM_ANSWER Answer) {
    ULONG Fixed = FIELD_OFFSET(KEY_VALUE_FULL_INFORMATION, Name);
    ULONG DataOffset = (Fixed + Value->Name.Length + Alignment - 1) & ~(Alignment - 1);
    SIZE_T Length =
        Value->DataLength != 0 ? (SIZE_T)DataOffset + Value->DataLength : (SIZE_T)Fixed + Value->Name.Length;
    NTSTATUS Status = CmpAllocateAnswer(Answer, Fixed, Length);
    PKEY_VALUE_FULL_INFORMATION Full = Answer->Data;

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Full->TitleIndex = Value->TitleIndex;
    Full->Type = Value->Type;
    Full->DataOffset = Value->DataLength != 0 ? DataOffset : ~0u;
    Full->DataLength = Value->DataLength;
    Full->NameLength = Value->Name.Length;
    RtlCopyMemory(Full->Name, Value->Name.Buffer, Value->Name.Length);
    if (Value->DataLength != 0) {
        RtlCopyMemory((PUCHAR)Full + DataOffset, Value->Data, Value->DataLength);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS CmpFormatPartial(const CM_VALUE *Value, PCM_ANSWER Answer) {
    ULONG Fixed = FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data);
    NTSTATUS Status = CmpAllocateAnswer(Answer, Fixed, (SIZE_T)Fixed + Value->DataLength);
    PKEY_VALUE_PARTIAL_INFORMATION Partial = Answer->Data;

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Partial->TitleIndex = Value->TitleIndex;
    Partial->Type = Value->Type;
    Partial->DataLength = Value->DataLength;
    if (Value->DataLength != 0) {
        RtlCopyMemory(Partial->Data, Value->Data, Value->DataLength);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS CmpFormatPartialAlign64(const CM_VALUE *Value, PCM_ANSWER Answer) {
    ULONG Fixed = FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION_ALIGN64, Data);
    NTSTATUS Status = CmpAllocateAnswer(Answer, Fixed, (SIZE_T)Fixed + Value->DataLength);
    PKEY_VALUE_PARTIAL_INFORMATION_ALIGN64 Partial = Answer->Data;

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Partial->Type = Value->Type;
    Partial->DataLength = Value->DataLength;
    if (Value->DataLength != 0) {
        RtlCopyMemory(Partial->Data, Value->Data, Value->DataLength);
    }
    return STATUS_SUCCESS;
}

NTSTATUS CmpFormatValue(KEY_VALUE_INFORMATION_CLASS Class, const CM_VALUE *Value, PCM_ANSWER Answer) {
    switch (Class) {
    case KeyValueBasicInformation:
        return CmpFormatBasic(Value, Answer);
    case KeyValueFullInformation:
        return CmpFormatFull(Value, 4, Answer);
    case KeyValueFullInformationAlign64:
        return CmpFormatFull(Value, 8, Answer);
    case KeyValuePartialInformation:
        return CmpFormatPartial(Value, Answer);
    case KeyValuePartialInformationAlign64:
        return CmpFormatPartialAlign64(Value, Answer);
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

// Where the answer goes; the same for both calls.
typedef struct _CM_REPLY {
    KEY_VALUE_INFORMATION_CLASS Class;
    PVOID Buffer;
    ULONG Length;
    PULONG ResultLength;
    KPROCESSOR_MODE Mode;
} CM_REPLY;

static NTSTATUS CmpReply(const CM_REPLY *Reply, const CM_VALUE *Value) {
    CM_ANSWER Answer = {0};
    NTSTATUS Status = CmpFormatValue(Reply->Class, Value, &Answer);

    if (NT_SUCCESS(Status)) {
        Status = CmpAnswer(Answer.Data, Answer.FixedLength, Answer.FullLength, Reply->Buffer, Reply->Length,
                           Reply->ResultLength, Reply->Mode);
    }
    CmStoreFree(Answer.Data);
    return Status;
}

static NTSTATUS CmpOpenReply(const CM_REPLY *Reply, HANDLE KeyHandle, PCM_KEY_BODY *Body) {
    NTSTATUS Status;

    if (!CmpIsValueClass(Reply->Class)) {
        return STATUS_INVALID_PARAMETER;
    }
    Status = CmPortReferenceKeyByHandle(KeyHandle, KEY_QUERY_VALUE, Reply->Mode, (PVOID *)Body);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpProbeOut(Reply->Buffer, Reply->Length, sizeof(ULONG), Reply->Mode);
    if (NT_SUCCESS(Status)) {
        Status = CmpProbeOut(Reply->ResultLength, sizeof(*Reply->ResultLength), sizeof(ULONG), Reply->Mode);
    }
    if (!NT_SUCCESS(Status)) {
        CmPortDereferenceObject(*Body);
    }
    return Status;
}

static NTSTATUS CmpNotifyQueryValue(PCM_KEY_BODY Body, PCM_INPUT Name, const CM_REPLY *Reply) {
    REG_QUERY_VALUE_KEY_INFORMATION Information = {.Object = Body,
                                                   .ValueName = &Name->Shown,
                                                   .KeyValueInformationClass = Reply->Class,
                                                   .KeyValueInformation = Reply->Buffer,
                                                   .Length = Reply->Length,
                                                   .ResultLength = Reply->ResultLength};
    PCM_VALUE Value = NULL;
    CM_OPERATION Operation;
    NTSTATUS Status = CmpPreNotify(&Operation, RegNtPreQueryValueKey, &Information, Body);

    if (!Operation.Stopped) {
        Status = CmpReadInput(Name);
        if (NT_SUCCESS(Status)) {
            CmpShareRegistry();
            Status = Body->Key->Deleted ? STATUS_KEY_DELETED
                                        : CmpKeyStore(Body->Key, ReadValue, Body->Key->Node, &Name->Own, &Value);
            CmpUnlockRegistry();
        }
        if (NT_SUCCESS(Status)) {
            Status = CmpReply(Reply, Value);
        }
        CmStoreFree(Value);
    }
    return CmpPostNotify(&Operation, Status, Body);
}

NTSTATUS NTAPI CM_NT(QueryValueKey)(HANDLE KeyHandle, PUNICODE_STRING ValueName,
                                    KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass, PVOID KeyValueInformation,
                                    ULONG Length, PULONG ResultLength) {
    CM_REPLY Reply = {KeyValueInformationClass, KeyValueInformation, Length, ResultLength, ExGetPreviousMode()};
    CM_INPUT Name;
    PCM_KEY_BODY Body;
    NTSTATUS Status = CmpOpenReply(&Reply, KeyHandle, &Body);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CmpCaptureInput(&Name, ValueName, Reply.Mode, CmpCaptureValueName);
    if (NT_SUCCESS(Status)) {
        Status = CmpNotifyQueryValue(Body, &Name, &Reply);
    }
    CmpReleaseInput(&Name);
    CmPortDereferenceObject(Body);
    return Status;
}

NTSTATUS NTAPI CM_NT(EnumerateValueKey)(HANDLE KeyHandle, ULONG Index,
                                        KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass, PVOID KeyValueInformation,
                                        ULONG Length, PULONG ResultLength) {
    CM_REPLY Reply = {KeyValueInformationClass, KeyValueInformation, Length, ResultLength, ExGetPreviousMode()};
    REG_ENUMERATE_VALUE_KEY_INFORMATION Information = {.Index = Index,
                                                       .KeyValueInformationClass = KeyValueInformationClass,
                                                       .KeyValueInformation = KeyValueInformation,
                                                       .Length = Length,
                                                       .ResultLength = ResultLength};
    PCM_VALUE Value = NULL;
    CM_OPERATION Operation;
    PCM_KEY_BODY Body;
    NTSTATUS Status = CmpOpenReply(&Reply, KeyHandle, &Body);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Information.Object = Body;
    Status = CmpPreNotify(&Operation, RegNtPreEnumerateValueKey, &Information, Body);
    if (!Operation.Stopped) {
        CmpShareRegistry();
        Status = Body->Key->Deleted ? STATUS_KEY_DELETED
                                    : CmpKeyStore(Body->Key, ReadValueAt, Body->Key->Node, Index, &Value);
        CmpUnlockRegistry();
        if (NT_SUCCESS(Status)) {
            Status = CmpReply(&Reply, Value);
        }
        CmStoreFree(Value);
    }
    Status = CmpPostNotify(&Operation, Status, Body);
    CmPortDereferenceObject(Body);
    return Status;
}
