// SPDX-License-Identifier: MIT
//
// Asks the registry, the file or the caller's memory what only pre can still ask.

#include "record/facts.h"
#include "base/memory.h"
#include "base/stack.h"

// The layout of the block of a value: what the registry has returned, then the name that was asked for.
#define ANSWER_BYTES(MaxDataBytes)                                                                                     \
    ((ULONG)ALIGN_UP_BY(FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data) + (MaxDataBytes), 8))

C_ASSERT(FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data) == 12);

// Opens a handle of the driver's own to the key object of a notification. What is asked through it belongs to the same
// transaction, and the caller cannot see or close it.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS OpenKey(_In_ VOID *Object, _Out_ HANDLE *Key) {
    *Key = NULL;
    return ObOpenObjectByPointer(Object, OBJ_KERNEL_HANDLE, NULL, KEY_QUERY_VALUE, *CmKeyObjectType, KernelMode, Key);
}

_IRQL_requires_(PASSIVE_LEVEL)
static NTSTATUS AskValue(_In_ VOID *Object, _In_ UNICODE_STRING *Name,
                         _Out_writes_bytes_(Size) KEY_VALUE_PARTIAL_INFORMATION *Information, _In_ ULONG Size) {
    ULONG needed;
    HANDLE key;
    NTSTATUS status = OpenKey(Object, &key);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = ZwQueryValueKey(key, Name, KeyValuePartialInformation, Information, Size, &needed);
    ZwClose(key);
    // The part in front of the data fits in any case.
    return status == STATUS_BUFFER_OVERFLOW ? STATUS_SUCCESS : status;
}

_IRQL_requires_max_(APC_LEVEL)
static VOID ReadOldValue(_Inout_ FACTS *Facts, _In_ VOID *Object, _In_opt_ const UNICODE_STRING *UnsafeName,
                         _In_ ULONG MaxDataBytes) {
    CAPTURE capture;
    UNICODE_STRING name;
    // Zw routines trust their arguments, so the name must be the driver's own copy.
    CaptureDescribeString(&capture, UnsafeName, MAXUSHORT);
    Facts->Block = MemoryAllocate(ANSWER_BYTES(MaxDataBytes) + capture.Size);
    if (!Facts->Block) {
        Facts->Status = STATUS_INSUFFICIENT_RESOURCES;
        return;
    }
    KEY_VALUE_PARTIAL_INFORMATION *answer = Facts->Block;
    name.Buffer = (VOID *)((UCHAR *)Facts->Block + ANSWER_BYTES(MaxDataBytes));
    name.Length = name.MaximumLength = (USHORT)capture.Size;
    if ((capture.Flags & CMB_SPAN_FAULT) || !CaptureBytes(name.Buffer, capture.UnsafeBytes, capture.Size)) {
        Facts->Status = STATUS_ACCESS_VIOLATION;
        return;
    }
    Facts->Status = AskValue(Object, &name, answer, FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data) + MaxDataBytes);
    if (NT_SUCCESS(Facts->Status)) {
        Facts->Type = answer->Type;
        Facts->FullSize = answer->DataLength;
        Facts->Size = min(answer->DataLength, MaxDataBytes);
        Facts->Bytes = answer->Data;
    }
}

_IRQL_requires_(PASSIVE_LEVEL)
static NTSTATUS AskCounts(_In_ VOID *Object, _Out_ KEY_FULL_INFORMATION *Information) {
    ULONG needed;
    HANDLE key;
    NTSTATUS status = OpenKey(Object, &key);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = ZwQueryKey(key, KeyFullInformation, Information, sizeof(*Information), &needed);
    ZwClose(key);
    // The class name does not fit; the counts in front of it do.
    return status == STATUS_BUFFER_OVERFLOW ? STATUS_SUCCESS : status;
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID ReadCounts(_Inout_ FACTS *Facts, _In_ VOID *Object) {
    KEY_FULL_INFORMATION answer = {0};
    Facts->Status = AskCounts(Object, &answer);
    if (NT_SUCCESS(Facts->Status)) {
        Facts->Values = answer.Values;
        Facts->SubKeys = answer.SubKeys;
    }
}

// A pipe does not tell its name before the reads and writes on it are done, which may be never.
static BOOLEAN IsNameless(_In_ const FILE_OBJECT *File) {
    return !File->DeviceObject || File->DeviceObject->DeviceType == FILE_DEVICE_NAMED_PIPE ||
           File->DeviceObject->DeviceType == FILE_DEVICE_MAILSLOT;
}

_IRQL_requires_(PASSIVE_LEVEL)
static NTSTATUS AskFileName(_In_ HANDLE FileHandle, _Out_writes_bytes_(Size) OBJECT_NAME_INFORMATION *Information,
                            _In_ ULONG Size) {
    ULONG needed;
    FILE_OBJECT *file;
    NTSTATUS status = ObReferenceObjectByHandle(FileHandle, 0, *IoFileObjectType, KernelMode, (PVOID *)&file, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = IsNameless(file) ? STATUS_NOT_SUPPORTED : ObQueryNameString(file, Information, Size, &needed);
    ObDereferenceObject(file);
    return status;
}

// FileHandle is one of the kernel's if the caller is in user mode: the configuration manager made it out of the
// caller's.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID ReadFileName(_Inout_ FACTS *Facts, _In_ HANDLE FileHandle) {
    const ULONG size = sizeof(OBJECT_NAME_INFORMATION) + CMB_MAX_FILE_NAME_BYTES + sizeof(WCHAR);
    OBJECT_NAME_INFORMATION *answer = MemoryAllocate(size);
    Facts->Block = answer;
    Facts->Status = answer ? AskFileName(FileHandle, answer, size) : STATUS_INSUFFICIENT_RESOURCES;
    if (NT_SUCCESS(Facts->Status) && answer->Name.Length) {
        Facts->FullSize = answer->Name.Length;
        Facts->Size = answer->Name.Length;
        Facts->Bytes = (const UCHAR *)answer->Name.Buffer;
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID ReadBufferLength(_Inout_ FACTS *Facts, _In_ const ULONG *UnsafeLength) {
    Facts->Asked = TRUE;
    if (!CaptureBytes(&Facts->BufferLength, UnsafeLength, sizeof(Facts->BufferLength))) {
        Facts->Status = STATUS_ACCESS_VIOLATION;
    }
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID ReadFacts(_Inout_ FACTS *Facts, _In_ UCHAR Body, _In_ const VOID *Pre, _In_ ULONG MaxDataBytes) {
    switch (Body) {
    case NotifyBodySetValue: {
        const REG_SET_VALUE_KEY_INFORMATION *set = Pre;
        ReadOldValue(Facts, set->Object, set->ValueName, MaxDataBytes);
        break;
    }
    case NotifyBodyDeleteValue: {
        const REG_DELETE_VALUE_KEY_INFORMATION *deletion = Pre;
        ReadOldValue(Facts, deletion->Object, deletion->ValueName, MaxDataBytes);
        break;
    }
    case NotifyBodyDeleteKey:
        ReadCounts(Facts, ((const REG_DELETE_KEY_INFORMATION *)Pre)->Object);
        break;
    case NotifyBodyRestore:
        ReadFileName(Facts, ((const REG_RESTORE_KEY_INFORMATION *)Pre)->FileHandle);
        break;
    case NotifyBodySave:
        ReadFileName(Facts, ((const REG_SAVE_KEY_INFORMATION *)Pre)->FileHandle);
        break;
    default:
        ReadFileName(Facts, ((const REG_SAVE_MERGED_KEY_INFORMATION *)Pre)->FileHandle);
        break;
    }
}

_Use_decl_annotations_
VOID FactsRead(FACTS *Facts, const NOTIFY_CLASS *Class, const VOID *Pre, BOOLEAN OldValues, ULONG MaxDataBytes) {
    RtlZeroMemory(Facts, sizeof(*Facts));
    switch (Class->Body) {
    case NotifyBodyQueryMultiple:
        ReadBufferLength(Facts, ((const REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION *)Pre)->BufferLength);
        return;
    case NotifyBodyQuerySecurity:
        ReadBufferLength(Facts, ((const REG_QUERY_KEY_SECURITY_INFORMATION *)Pre)->Length);
        return;
    case NotifyBodySetValue:
    case NotifyBodyDeleteValue:
    case NotifyBodyDeleteKey:
        Facts->Asked = OldValues;
        break;
    case NotifyBodyRestore:
    case NotifyBodySave:
    case NotifyBodySaveMerged:
        Facts->Asked = TRUE;
        break;
    default:
        break;
    }
    if (!Facts->Asked) {
        return;
    }
    // KeAreAllApcsDisabled is TRUE at APC_LEVEL, too. The registry and file systems wait for I/O that needs special
    // kernel APCs to complete. Filters below are called on the same stack.
    if (KeAreAllApcsDisabled() || !StackAllowsNested()) {
        Facts->Status = FACTS_STATUS_CANNOT_ASK;
    } else {
        ReadFacts(Facts, Class->Body, Pre, MaxDataBytes);
    }
}

_Use_decl_annotations_
VOID FactsFree(FACTS *Facts) {
    MemoryFree(Facts->Block);
    RtlZeroMemory(Facts, sizeof(*Facts));
}
