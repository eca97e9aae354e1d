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

// OfManager: the memory may be the configuration manager's own, which it then copies to the caller. Otherwise it is
// what the caller has handed in, and the configuration manager passes on as it is.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN Store(_Out_writes_bytes_all_(Size) VOID *UnsafeDestination, _In_reads_bytes_(Size) const VOID *Source,
                     _In_ SIZE_T Size, _In_ BOOLEAN OfManager) {
    volatile BOOLEAN stored = FALSE;
    if (Size == 0) {
        return TRUE;
    }
    if (UnsafeDestination) {
        __try {
            StoreUnsafe(UnsafeDestination, Source, Size, !OfManager && ExGetPreviousMode() == UserMode);
            stored = TRUE;
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            stored = FALSE;
        }
    }
    return stored;
}

_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN WriteInformation(_In_ const DECISION *Decision, _In_ VOID *UnsafeBuffer,
                                _In_ ULONG *UnsafeResultLength) {
    return Store(UnsafeBuffer, Decision->Data, Decision->DataSize, FALSE) &&
           Store(UnsafeResultLength, &Decision->ResultLength, sizeof(Decision->ResultLength), FALSE);
}

_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN WriteEntries(_In_ const CMB_MULTIPLE_ENTRY *Entries, _In_ ULONG Count, _In_ KEY_VALUE_ENTRY *Unsafe) {
    for (ULONG i = 0; i < Count; ++i) {
        // The name, in front of these, stays.
        const ULONG fields[] = {Entries[i].DataLength, Entries[i].DataOffset, Entries[i].Type};
        if (!Store(&Unsafe[i].DataLength, fields, sizeof(fields), TRUE)) {
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
    if (!Store(Query->ValueBuffer, (const UCHAR *)Decision->Data + head, size, FALSE) ||
        !WriteEntries(Decision->Data, Subject->Entries, Query->ValueEntries) ||
        !Store(Query->BufferLength, &size, sizeof(size), TRUE)) {
        return FALSE;
    }
    // Callers that do not want to know it leave it out.
    return !Query->RequiredBufferLength ||
           Store(Query->RequiredBufferLength, &Decision->ResultLength, sizeof(Decision->ResultLength), FALSE);
}

_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static BOOLEAN WriteSecurity(_In_ const DECISION *Decision, _In_ const REG_QUERY_KEY_SECURITY_INFORMATION *Query) {
    return Store(Query->SecurityDescriptor, Decision->Data, Decision->DataSize, FALSE) &&
           Store(Query->Length, &Decision->ResultLength, sizeof(Decision->ResultLength), TRUE);
}

_Use_decl_annotations_
NTSTATUS DecisionWriteOutput(const DECISION *Decision, const DECISION_SUBJECT *Subject, const NOTIFY_PRE *Pre) {
    BOOLEAN written = FALSE;
    switch (Subject->Class->Body) {
    case NotifyBodyEnumerate:
    case NotifyBodyQueryKey:
        written = WriteInformation(Decision, Pre->QueryKey.KeyInformation, Pre->QueryKey.ResultLength);
        break;
    case NotifyBodyQueryValue:
        written = WriteInformation(Decision, Pre->QueryValue.KeyValueInformation, Pre->QueryValue.ResultLength);
        break;
    case NotifyBodyQueryMultiple:
        written = WriteMultiple(Decision, Subject, &Pre->QueryMultiple);
        break;
    case NotifyBodyQuerySecurity:
        written = WriteSecurity(Decision, &Pre->QuerySecurity);
        break;
    default:
        break;
    }
    return written ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}
