// SPDX-License-Identifier: MIT
//
// Asks the registry, the file or the caller's memory what only pre can still ask.

#include "record/facts.h"
#include "base/memory.h"
#include "base/stack.h"

_Use_decl_annotations_
NTSTATUS FactsOpenObject(VOID *Object, POBJECT_TYPE Type, ACCESS_MASK Access, HANDLE *Handle) {
    *Handle = NULL;
    return ObOpenObjectByPointer(Object, OBJ_KERNEL_HANDLE, NULL, Access, Type, KernelMode, Handle);
}

// Asks for KeyValuePartialInformation of a value or, without Name, for KeyFullInformation of the key.
_IRQL_requires_(PASSIVE_LEVEL)
static NTSTATUS AskKey(_In_ VOID *Object, _In_opt_ UNICODE_STRING *Name, _Out_writes_bytes_(Size) VOID *Answer,
                       _In_ ULONG Size) {
    ULONG needed;
    HANDLE key;
    NTSTATUS status = FactsOpenObject(Object, *CmKeyObjectType, KEY_QUERY_VALUE, &key);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = Name ? ZwQueryValueKey(key, Name, KeyValuePartialInformation, Answer, Size, &needed)
                  : ZwQueryKey(key, KeyFullInformation, Answer, Size, &needed);
    ZwClose(key);
    // What is wanted stands in front of what does not fit: the rest of the data, or the class name.
    return status == STATUS_BUFFER_OVERFLOW ? STATUS_SUCCESS : status;
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID ReadOldValue(_Inout_ FACTS *Facts, _In_ VOID *Object, _In_opt_ const UNICODE_STRING *UnsafeName,
                         _In_ ULONG MaxDataBytes) {
    const ULONG size = FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data) + MaxDataBytes;
    KEY_VALUE_PARTIAL_INFORMATION *answer = MemoryAllocate(size);
    UNICODE_STRING name;
    Facts->Block = answer;
    Facts->Status = answer ? CaptureCopyString(&name, UnsafeName) : STATUS_INSUFFICIENT_RESOURCES;
    if (!NT_SUCCESS(Facts->Status)) {
        return;
    }
    Facts->Status = AskKey(Object, &name, answer, size);
    MemoryFree(name.Buffer);
    if (NT_SUCCESS(Facts->Status)) {
        Facts->Type = answer->Type;
        Facts->FullSize = answer->DataLength;
        Facts->Size = min(answer->DataLength, MaxDataBytes);
        Facts->Bytes = answer->Data;
    }
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID ReadCounts(_Inout_ FACTS *Facts, _In_ VOID *Object) {
    KEY_FULL_INFORMATION answer = {0};
    Facts->Status = AskKey(Object, NULL, &answer, sizeof(answer));
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
static VOID ReadFacts(_Inout_ FACTS *Facts, _In_ UCHAR Body, _In_ const NOTIFY_PRE *Pre, _In_ ULONG MaxDataBytes) {
    switch (Body) {
    case NotifyBodySetValue:
    case NotifyBodyDeleteValue:
        ReadOldValue(Facts, Pre->DeleteValue.Object, Pre->DeleteValue.ValueName, MaxDataBytes);
        break;
    case NotifyBodyDeleteKey:
        ReadCounts(Facts, Pre->DeleteKey.Object);
        break;
    default:
        ReadFileName(Facts, Pre->Restore.FileHandle);
        break;
    }
}

_Use_decl_annotations_
VOID FactsRead(FACTS *Facts, const NOTIFY_CLASS *Class, const NOTIFY_PRE *Pre, BOOLEAN OldValues, ULONG MaxDataBytes) {
    RtlZeroMemory(Facts, sizeof(*Facts));
    switch (Class->Body) {
    case NotifyBodyQueryMultiple:
        ReadBufferLength(Facts, Pre->QueryMultiple.BufferLength);
        return;
    case NotifyBodyQuerySecurity:
        ReadBufferLength(Facts, Pre->QuerySecurity.Length);
        return;
    case NotifyBodySetValue:
    case NotifyBodyDeleteValue:
    case NotifyBodyDeleteKey:
        Facts->Asked = OldValues;
        break;
    default:
        Facts->Asked = Class->Body == NotifyBodyFile || Class->Body == NotifyBodySaveMerged;
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
