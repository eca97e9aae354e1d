// SPDX-License-Identifier: MIT
//
// Asking the process and the tokens of the current thread.

#include "process/identity.h"
#include "base/stack.h"

// A SID has at most 15 subauthorities.
C_ASSERT(FIELD_OFFSET(SID, SubAuthority) + 15 * sizeof(ULONG) == CMB_MAX_SID_BYTES);

_Use_decl_annotations_
VOID IdentityGetProcess(IDENTITY_PROCESS *Process) {
    const HANDLE id = PsGetCurrentProcessId();
    Process->Object = PsGetCurrentProcess();
    // PsGetCurrentProcess is the process that the thread is attached to; the thread's own is meant.
    if (PsGetProcessId(Process->Object) != id) {
        Process->Object = IoThreadToProcess(PsGetCurrentThread());
    }
    Process->Id = (UINT32)(ULONG_PTR)id;
    Process->Key = PsGetProcessStartKey(Process->Object);
    // Keys are given out one after the other, so that processes of about the same age do not share a slot.
    Process->Slot = (UINT32)(Process->Key % CMB_PROCESS_SLOTS);
}

// Processes without an image have an empty name.
_Use_decl_annotations_
BOOLEAN IdentityGetImage(PEPROCESS Process, UNICODE_STRING **Path) {
    *Path = NULL;
    const NTSTATUS status = SeLocateProcessImageName(Process, Path);
    if (*Path && (!(*Path)->Length || !(*Path)->Buffer)) {
        ExFreePoolWithTag(*Path, 0);
        *Path = NULL;
    }
    return !IdentityIsShortage(status);
}

_IRQL_requires_(PASSIVE_LEVEL)
static NTSTATUS ReadUser(_Inout_ TOKEN_FACTS *Facts, _In_ PACCESS_TOKEN Token) {
    VOID *block = NULL;
    const NTSTATUS status = SeQueryInformationToken(Token, TokenUser, &block);
    if (!NT_SUCCESS(status) || !block) {
        return status;
    }
    const SID *sid = ((const TOKEN_USER *)block)->User.Sid;
    const ULONG size = FIELD_OFFSET(SID, SubAuthority) + sid->SubAuthorityCount * sizeof(ULONG);
    if (size <= sizeof(Facts->Sid)) {
        RtlCopyMemory(Facts->Sid, sid, size);
        Facts->SidSize = size;
    }
    ExFreePoolWithTag(block, 0);
    return status;
}

// For TokenIntegrityLevel and TokenSessionId: SeQueryInformationToken answers these two by a number in place of the
// address of a block.
_IRQL_requires_(PASSIVE_LEVEL)
static NTSTATUS ReadNumber(_In_ PACCESS_TOKEN Token, _In_ TOKEN_INFORMATION_CLASS Class, _Out_ UINT32 *Number) {
    VOID *number = NULL;
    const NTSTATUS status = SeQueryInformationToken(Token, Class, &number);
    *Number = NT_SUCCESS(status) ? (UINT32)(ULONG_PTR)number : 0;
    return status;
}

_IRQL_requires_(PASSIVE_LEVEL)
static NTSTATUS ReadElevation(_Inout_ TOKEN_FACTS *Facts, _In_ PACCESS_TOKEN Token) {
    VOID *block = NULL;
    const NTSTATUS status = SeQueryInformationToken(Token, TokenElevation, &block);
    if (!NT_SUCCESS(status) || !block) {
        return status;
    }
    Facts->Token.Flags |= CMB_TOKEN_ELEVATION;
    if (((const TOKEN_ELEVATION *)block)->TokenIsElevated) {
        Facts->Token.Flags |= CMB_TOKEN_ELEVATED;
    }
    ExFreePoolWithTag(block, 0);
    return status;
}

_Use_decl_annotations_
BOOLEAN IdentityReadToken(TOKEN_FACTS *Facts, PACCESS_TOKEN Token) {
    RtlZeroMemory(Facts, sizeof(*Facts));
    const NTSTATUS user = ReadUser(Facts, Token);
    const NTSTATUS elevation = ReadElevation(Facts, Token);
    if (NT_SUCCESS(ReadNumber(Token, TokenIntegrityLevel, &Facts->Token.IntegrityLevel))) {
        Facts->Token.Flags |= CMB_TOKEN_INTEGRITY;
    }
    if (NT_SUCCESS(ReadNumber(Token, TokenSessionId, &Facts->Token.SessionId))) {
        Facts->Token.Flags |= CMB_TOKEN_SESSION;
    }
    return !IdentityIsShortage(user) && !IdentityIsShortage(elevation);
}

_Use_decl_annotations_
ULONG IdentitySidSpace(const TOKEN_FACTS *Facts) {
    return (ULONG)ALIGN_UP_BY(Facts->SidSize, 8);
}

_Use_decl_annotations_
ULONG IdentityWriteToken(const TOKEN_FACTS *Facts, CMB_RECORD *Record, ULONG Offset, CMB_TOKEN *Token) {
    *Token = Facts->Token;
    return Facts->SidSize ? CaptureWrite(Facts->Sid, Facts->SidSize, Record, Offset, &Token->UserSid) : Offset;
}

_Use_decl_annotations_
BOOLEAN IdentityReadClient(TOKEN_FACTS *Client, UINT32 *Level, BOOLEAN *Complete) {
    const PETHREAD thread = PsGetCurrentThread();
    SECURITY_IMPERSONATION_LEVEL level = SecurityAnonymous;
    BOOLEAN copyOnOpen;
    BOOLEAN effectiveOnly;
    const PACCESS_TOKEN token = PsIsThreadImpersonating(thread)
                                    ? PsReferenceImpersonationToken(thread, &copyOnOpen, &effectiveOnly, &level)
                                    : NULL;
    if (!token) {
        return FALSE;
    }
    *Level = level;
    *Complete = IdentityReadToken(Client, token);
    PsDereferenceImpersonationToken(token);
    return TRUE;
}

_Use_decl_annotations_
VOID IdentityGet(IDENTITY *Identity) {
    RtlZeroMemory(Identity, sizeof(*Identity));
    IdentityGetProcess(&Identity->Process);
    if (ExGetPreviousMode() == KernelMode) {
        Identity->Flags |= CMB_RECORD_KERNEL_MODE;
    }
    // Nothing that waits for I/O can be asked where APCs are disabled, which is so at APC_LEVEL and in a guarded
    // region, and nothing that may read from a file where little stack is left.
    Identity->CanAsk = !KeAreAllApcsDisabled() && StackAllowsNested();
    if (!Identity->CanAsk && KeGetCurrentIrql() == APC_LEVEL) {
        Identity->Flags |= CMB_RECORD_APC_LEVEL;
    }
    if (PsIsThreadImpersonating(PsGetCurrentThread())) {
        // A lack of memory leaves facts unknown in this record; the next one asks again.
        BOOLEAN complete;
        Identity->Flags |= CMB_RECORD_IMPERSONATING;
        Identity->ClientKnown = Identity->CanAsk && IdentityReadClient(&Identity->Client, &Identity->Level, &complete);
    }
}
