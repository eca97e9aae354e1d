// SPDX-License-Identifier: MIT
//
// Tells whether a decision suits the operation that it is about.

#include "decide/decision_parts.h"

#define MAX_PATH_UNITS (MAXUSHORT / sizeof(WCHAR))

// The statuses that an operation can end with. Other successes mean something to the configuration manager, or to
// nobody.
static BOOLEAN IsPathEnd(_In_ NTSTATUS Status) {
    return Status == STATUS_SUCCESS || NT_WARNING(Status) || NotifyIsError(Status);
}

static BOOLEAN Suits(_In_ const DECISION *Decision, _In_ const DECISION_SUBJECT *Subject) {
    if (Decision->Kind > CMB_DECISION_OVERRIDE || !(Subject->Class->Fits >> Decision->Kind & 1)) {
        return FALSE;
    }
    if (Decision->Kind == CMB_DECISION_BYPASS) {
        return !Subject->NeedsOutput;
    }
    // In post only a failure is redirected. STATUS_REPARSE tells of a link on the way: it cannot be said yet that the
    // operation has failed.
    return Decision->Kind != CMB_DECISION_REDIRECT || Subject->Class->Phase == NotifyPhasePre ||
           !NT_SUCCESS(Subject->Status);
}

static UINT32 CheckFlags(_In_ const DECISION *Decision, _In_ const DECISION_SUBJECT *Subject, _In_ UINT16 Fits) {
    UINT32 allowed = 0;
    if (Decision->Kind == CMB_DECISION_EMULATE || Decision->Kind == CMB_DECISION_OVERRIDE) {
        allowed = (Fits & NOTIFY_FITS_OUTPUT ? CMB_REPLY_OUTPUT : 0) | (Fits & NOTIFY_FITS_UNDO ? CMB_REPLY_UNDO : 0);
    }
    if (Decision->Flags & ~allowed) {
        return CMB_REPLY_UNFIT;
    }
    if (!(Decision->Flags & CMB_REPLY_UNDO)) {
        return CMB_REPLY_ACCEPTED;
    }
    // An operation that ends as a success stays done, so that undo does not suit.
    if (!NotifyIsError(Decision->Status)) {
        return CMB_REPLY_BAD_STATUS;
    }
    return Subject->CanUndo ? CMB_REPLY_ACCEPTED : CMB_REPLY_CANNOT_UNDO;
}

// A success needs everything that the caller then reads: a key object, a handle, an output.
static UINT32 CheckOverride(_In_ const DECISION *Decision, _In_ const DECISION_SUBJECT *Subject, _In_ UINT16 Fits) {
    if (Fits & NOTIFY_FITS(REDIRECT)) {
        return NotifyIsError(Decision->Status) ? CMB_REPLY_ACCEPTED : CMB_REPLY_BAD_STATUS;
    }
    if (!IsPathEnd(Decision->Status)) {
        return CMB_REPLY_BAD_STATUS;
    }
    if (Decision->Status != STATUS_SUCCESS || Subject->Status == STATUS_SUCCESS) {
        return CMB_REPLY_ACCEPTED;
    }
    if (Subject->NeedsOutput) {
        return CMB_REPLY_UNFIT;
    }
    return (Fits & NOTIFY_FITS_OUTPUT) && !(Decision->Flags & CMB_REPLY_OUTPUT) ? CMB_REPLY_BAD_DATA
                                                                                : CMB_REPLY_ACCEPTED;
}

static UINT32 CheckStatus(_In_ const DECISION *Decision, _In_ const DECISION_SUBJECT *Subject, _In_ UINT16 Fits) {
    switch (Decision->Kind) {
    case CMB_DECISION_BLOCK:
        return NotifyIsError(Decision->Status) ? CMB_REPLY_ACCEPTED : CMB_REPLY_BAD_STATUS;
    case CMB_DECISION_EMULATE:
        if (!IsPathEnd(Decision->Status)) {
            return CMB_REPLY_BAD_STATUS;
        }
        return Decision->Status == STATUS_SUCCESS && !(Decision->Flags & CMB_REPLY_OUTPUT) ? CMB_REPLY_BAD_DATA
                                                                                           : CMB_REPLY_ACCEPTED;
    case CMB_DECISION_OVERRIDE:
        return CheckOverride(Decision, Subject, Fits);
    default:
        return Decision->Status == 0 ? CMB_REPLY_ACCEPTED : CMB_REPLY_BAD_STATUS;
    }
}

// The entries in front of the output say where in it the values are, or would be if it is not all there.
static BOOLEAN AreEntries(_In_ const DECISION *Decision, _In_ const DECISION_SUBJECT *Subject) {
    const CMB_MULTIPLE_ENTRY *entries = Decision->Data;
    for (ULONG i = 0; i < Subject->Entries; ++i) {
        const UINT64 end = (UINT64)entries[i].DataOffset + entries[i].DataLength;
        if (entries[i].Reserved != 0 || (entries[i].DataLength && end > Decision->ResultLength)) {
            return FALSE;
        }
    }
    return TRUE;
}

static BOOLEAN IsPart(_In_ const DECISION *Decision, _In_ UINT32 Offset, _In_ BOOLEAN Sid) {
    const UCHAR *part = (const UCHAR *)Decision->Data + Offset;
    ACL acl;
    if (Offset == 0) {
        return TRUE;
    }
    if (Offset < sizeof(SECURITY_DESCRIPTOR_RELATIVE) || Offset % sizeof(ULONG) ||
        Offset > Decision->DataSize - sizeof(acl)) {
        return FALSE;
    }
    const ULONG room = Decision->DataSize - Offset;
    if (Sid) {
        const ULONG count = part[FIELD_OFFSET(SID, SubAuthorityCount)];
        return part[FIELD_OFFSET(SID, Revision)] == SID_REVISION && count <= SID_MAX_SUB_AUTHORITIES &&
               FIELD_OFFSET(SID, SubAuthority) + count * sizeof(ULONG) <= room;
    }
    RtlCopyMemory(&acl, part, sizeof(acl));
    return acl.AclSize >= sizeof(acl) && acl.AclSize <= room;
}

// A caller that asks the kernel for a descriptor takes for granted that it is one.
static BOOLEAN IsDescriptor(_In_ const DECISION *Decision) {
    SECURITY_DESCRIPTOR_RELATIVE header;
    if (Decision->DataSize < sizeof(header)) {
        return FALSE;
    }
    RtlCopyMemory(&header, Decision->Data, sizeof(header));
    return header.Revision == SECURITY_DESCRIPTOR_REVISION && (header.Control & SE_SELF_RELATIVE) &&
           IsPart(Decision, header.Owner, TRUE) && IsPart(Decision, header.Group, TRUE) &&
           IsPart(Decision, header.Sacl, FALSE) && IsPart(Decision, header.Dacl, FALSE);
}

static UINT32 CheckOutput(_In_ const DECISION *Decision, _In_ const DECISION_SUBJECT *Subject) {
    const BOOLEAN multiple = Subject->Class->Body == NotifyBodyQueryMultiple;
    const UINT64 head = multiple ? (UINT64)Subject->Entries * sizeof(CMB_MULTIPLE_ENTRY) : 0;
    if (Decision->DataSize < head) {
        return CMB_REPLY_BAD_DATA;
    }
    const ULONG size = Decision->DataSize - (ULONG)head;
    if (size > Subject->OutputSize) {
        return CMB_REPLY_TOO_LARGE;
    }
    // A success brings the whole output.
    if (Decision->ResultLength < size || (Decision->Status == STATUS_SUCCESS && Decision->ResultLength != size)) {
        return CMB_REPLY_BAD_DATA;
    }
    if (multiple && !AreEntries(Decision, Subject)) {
        return CMB_REPLY_BAD_DATA;
    }
    if (Subject->Class->Body == NotifyBodyQuerySecurity && Decision->Status == STATUS_SUCCESS &&
        !IsDescriptor(Decision)) {
        return CMB_REPLY_BAD_DATA;
    }
    return CMB_REPLY_ACCEPTED;
}

static UINT32 CheckPath(_In_ const DECISION *Decision) {
    if (Decision->DataSize > MAX_PATH_UNITS * sizeof(WCHAR)) {
        return CMB_REPLY_TOO_LARGE;
    }
    return Decision->DataSize < sizeof(WCHAR) || Decision->DataSize % sizeof(WCHAR) ||
                   *(const WCHAR *)Decision->Data != L'\\'
               ? CMB_REPLY_BAD_DATA
               : CMB_REPLY_ACCEPTED;
}

static UINT32 CheckData(_In_ const DECISION *Decision, _In_ const DECISION_SUBJECT *Subject) {
    const BOOLEAN output = (Decision->Flags & CMB_REPLY_OUTPUT) != 0;
    if ((Decision->DataSize && !Decision->Data) || (Decision->Type && Decision->Kind != CMB_DECISION_REPLACE) ||
        (Decision->ResultLength && !output)) {
        return CMB_REPLY_BAD_DATA;
    }
    if (Decision->DataSize > CMB_MAX_DECISION_BYTES) {
        return CMB_REPLY_TOO_LARGE;
    }
    if (output) {
        return CheckOutput(Decision, Subject);
    }
    if (Decision->Kind == CMB_DECISION_REDIRECT) {
        return CheckPath(Decision);
    }
    return Decision->DataSize && Decision->Kind != CMB_DECISION_REPLACE ? CMB_REPLY_BAD_DATA : CMB_REPLY_ACCEPTED;
}

_Use_decl_annotations_
UINT32 DecisionCheck(const DECISION *Decision, const DECISION_SUBJECT *Subject) {
    const UINT16 fits = Subject->Class->Fits;
    UINT32 result = Suits(Decision, Subject) ? CheckFlags(Decision, Subject, fits) : CMB_REPLY_UNFIT;
    if (result == CMB_REPLY_ACCEPTED) {
        result = CheckStatus(Decision, Subject, fits);
    }
    return result == CMB_REPLY_ACCEPTED ? CheckData(Decision, Subject) : result;
}
