// SPDX-License-Identifier: MIT
//
// Gives outputs to the callers of queries: the only place that writes to their memory.

#include "decide/decision_parts.h"

// Not inlined, for clang guards only calls, not loads and stores that stand in the __try block itself. The
// configuration manager has probed what it got from user mode, but another filter may have put something else in its
// place.
_IRQL_requires_max_(APC_LEVEL)
static DECLSPEC_NOINLINE VOID StoreUnsafe(_Out_writes_bytes_all_(Size) VOID *UnsafeDestination,
                                          _In_reads_bytes_(Size) const VOID *Source, _In_ SIZE_T Size,
                                          _In_ BOOLEAN Probe) {
    if (Probe) {
        ProbeForWrite(UnsafeDestination, Size, 1);
    }
    RtlCopyMemory(UnsafeDestination, Source, Size);
}

_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN Store(_Out_writes_bytes_all_(Size) VOID *UnsafeDestination, _In_reads_bytes_(Size) const VOID *Source,
                     _In_ SIZE_T Size, _In_ BOOLEAN Probe) {
    volatile BOOLEAN stored = FALSE;
    if (Size == 0) {
        return TRUE;
    }
    if (UnsafeDestination) {
        __try {
            StoreUnsafe(UnsafeDestination, Source, Size, Probe);
            stored = TRUE;
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            stored = FALSE;
        }
    }
    return stored;
}

// Stores to what the caller has handed in, and the configuration manager passes on as it is.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN StoreToCaller(_Out_writes_bytes_all_(Size) VOID *UnsafeDestination,
                             _In_reads_bytes_(Size) const VOID *Source, _In_ SIZE_T Size) {
    return Store(UnsafeDestination, Source, Size, ExGetPreviousMode() == UserMode);
}

// Stores to what may be the configuration manager's own, which it then copies to the caller.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN StoreToManager(_Out_writes_bytes_all_(Size) VOID *UnsafeDestination,
                              _In_reads_bytes_(Size) const VOID *Source, _In_ SIZE_T Size) {
    return Store(UnsafeDestination, Source, Size, FALSE);
}

_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN WriteInformation(_In_ const DECISION *Decision, _In_ VOID *UnsafeBuffer,
                                _In_ ULONG *UnsafeResultLength) {
    return StoreToCaller(UnsafeBuffer, Decision->Data, Decision->DataSize) &&
           StoreToCaller(UnsafeResultLength, &Decision->ResultLength, sizeof(Decision->ResultLength));
}

_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN WriteEntries(_In_ const CMB_MULTIPLE_ENTRY *Entries, _In_ ULONG Count, _In_ KEY_VALUE_ENTRY *Unsafe) {
    for (ULONG i = 0; i < Count; ++i) {
        // The name, in front of these, stays.
        const ULONG fields[] = {Entries[i].DataLength, Entries[i].DataOffset, Entries[i].Type};
        if (!StoreToManager(&Unsafe[i].DataLength, fields, sizeof(fields))) {
            return FALSE;
        }
    }
    return TRUE;
}

C_ASSERT(FIELD_OFFSET(KEY_VALUE_ENTRY, DataOffset) == FIELD_OFFSET(KEY_VALUE_ENTRY, DataLength) + sizeof(ULONG));
C_ASSERT(FIELD_OFFSET(KEY_VALUE_ENTRY, Type) == FIELD_OFFSET(KEY_VALUE_ENTRY, DataLength) + 2 * sizeof(ULONG));

_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN WriteMultiple(_In_ const DECISION *Decision, _In_ const DECISION_SUBJECT *Subject,
                             _In_ const REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION *Query) {
    const ULONG head = Subject->Entries * (ULONG)sizeof(CMB_MULTIPLE_ENTRY);
    const ULONG size = Decision->DataSize - head;
    if (!StoreToCaller(Query->ValueBuffer, (const UCHAR *)Decision->Data + head, size) ||
        !WriteEntries(Decision->Data, Subject->Entries, Query->ValueEntries) ||
        !StoreToManager(Query->BufferLength, &size, sizeof(size))) {
        return FALSE;
    }
    // Callers that do not want to know it leave it out.
    return !Query->RequiredBufferLength ||
           StoreToCaller(Query->RequiredBufferLength, &Decision->ResultLength, sizeof(Decision->ResultLength));
}

_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN WriteSecurity(_In_ const DECISION *Decision, _In_ const REG_QUERY_KEY_SECURITY_INFORMATION *Query) {
    return StoreToCaller(Query->SecurityDescriptor, Decision->Data, Decision->DataSize) &&
           StoreToManager(Query->Length, &Decision->ResultLength, sizeof(Decision->ResultLength));
}

_Use_decl_annotations_
NTSTATUS DecisionWriteOutput(const DECISION *Decision, const DECISION_SUBJECT *Subject, const VOID *Pre) {
    BOOLEAN written = FALSE;
    switch (Subject->Class->Body) {
    case NotifyBodyEnumerateKey: {
        const REG_ENUMERATE_KEY_INFORMATION *query = Pre;
        written = WriteInformation(Decision, query->KeyInformation, query->ResultLength);
        break;
    }
    case NotifyBodyEnumerateValue: {
        const REG_ENUMERATE_VALUE_KEY_INFORMATION *query = Pre;
        written = WriteInformation(Decision, query->KeyValueInformation, query->ResultLength);
        break;
    }
    case NotifyBodyQueryKey: {
        const REG_QUERY_KEY_INFORMATION *query = Pre;
        written = WriteInformation(Decision, query->KeyInformation, query->ResultLength);
        break;
    }
    case NotifyBodyQueryValue: {
        const REG_QUERY_VALUE_KEY_INFORMATION *query = Pre;
        written = WriteInformation(Decision, query->KeyValueInformation, query->ResultLength);
        break;
    }
    case NotifyBodyQueryMultiple:
        written = WriteMultiple(Decision, Subject, Pre);
        break;
    case NotifyBodyQuerySecurity:
        written = WriteSecurity(Decision, Pre);
        break;
    default:
        break;
    }
    return written ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}
