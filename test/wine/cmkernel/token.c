// SPDX-License-Identifier: MIT
//
// Tokens: what Wine tells of the primary token of a process. No thread impersonates: an actor thread has none of its
// own program's tokens.

#include "kernel.h"

typedef struct TOKEN_BODY {
    HANDLE Handle;
} TOKEN_BODY;

static VOID DeleteToken(PVOID Object) {
    ZwClose(((TOKEN_BODY *)Object)->Handle);
}

CMK_TYPE CmkTokenType = {.Delete = DeleteToken};

PACCESS_TOKEN NTAPI CmkPsReferencePrimaryToken(PEPROCESS Process) {
    HANDLE process = CmkProcessHandle(Process);
    TOKEN_BODY *token;
    HANDLE handle;

    if (!process || !NT_SUCCESS(ZwOpenProcessTokenEx(process, TOKEN_QUERY, OBJ_KERNEL_HANDLE, &handle))) {
        return NULL;
    }
    token = CmkCreateObject(&CmkTokenType, sizeof *token);
    if (token) {
        token->Handle = handle;
    } else {
        ZwClose(handle);
    }
    return token;
}

VOID NTAPI CmkPsDereferencePrimaryToken(PACCESS_TOKEN Token) {
    CmPortDereferenceObject(Token);
}

BOOLEAN NTAPI CmkPsIsThreadImpersonating(PETHREAD Thread) {
    UNREFERENCED_PARAMETER(Thread);
    return FALSE;
}

PACCESS_TOKEN NTAPI CmkPsReferenceImpersonationToken(PETHREAD Thread, PBOOLEAN CopyOnOpen, PBOOLEAN EffectiveOnly,
                                                     PSECURITY_IMPERSONATION_LEVEL Level) {
    UNREFERENCED_PARAMETER(Thread);
    *CopyOnOpen = FALSE;
    *EffectiveOnly = FALSE;
    *Level = SecurityAnonymous;
    return NULL;
}

// The answer in a block of the driver's pool.
static NTSTATUS Ask(HANDLE Token, TOKEN_INFORMATION_CLASS Class, PVOID *Answer) {
    ULONG size = 0;
    NTSTATUS status = ZwQueryInformationToken(Token, Class, NULL, 0, &size);

    if (status != STATUS_BUFFER_TOO_SMALL && status != STATUS_INFO_LENGTH_MISMATCH) {
        return NT_SUCCESS(status) ? STATUS_UNSUCCESSFUL : status;
    }
    *Answer = CmkExAllocatePoolWithTag(PagedPool, size, 'iTeS');
    if (!*Answer) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    status = ZwQueryInformationToken(Token, Class, *Answer, size, &size);
    if (!NT_SUCCESS(status)) {
        CmkExFreePoolWithTag(*Answer, 'iTeS');
        *Answer = NULL;
    }
    return status;
}

static NTSTATUS AskIntegrity(HANDLE Token, PULONG Level) {
    TOKEN_MANDATORY_LABEL *label;
    NTSTATUS status = Ask(Token, TokenIntegrityLevel, (PVOID *)&label);

    if (NT_SUCCESS(status)) {
        const SID *sid = label->Label.Sid;

        *Level = sid->SubAuthority[sid->SubAuthorityCount - 1];
        CmkExFreePoolWithTag(label, 'iTeS');
    }
    return status;
}

static BOOLEAN Holds(HANDLE Token, LONG Privilege) {
    ULONG size = sizeof(TOKEN_PRIVILEGES) + SE_MAX_WELL_KNOWN_PRIVILEGE * sizeof(LUID_AND_ATTRIBUTES);
    TOKEN_PRIVILEGES *held = ExAllocatePoolWithTag(PagedPool, size, CMK_TAG);
    BOOLEAN found = FALSE;

    if (held && NT_SUCCESS(ZwQueryInformationToken(Token, TokenPrivileges, held, size, &size))) {
        for (ULONG index = 0; index < held->PrivilegeCount && !found; ++index) {
            const LUID_AND_ATTRIBUTES *one = &held->Privileges[index];

            found = one->Luid.LowPart == (ULONG)Privilege && (one->Attributes & SE_PRIVILEGE_ENABLED) != 0;
        }
    }
    if (held) {
        ExFreePoolWithTag(held, CMK_TAG);
    }
    return found;
}

BOOLEAN CmPortHoldsPrivilege(LONG Privilege, KPROCESSOR_MODE Mode) {
    HANDLE process = CmkProcessHandle(CmkCurrentProcess());
    BOOLEAN holds = FALSE;
    HANDLE token;

    if (Mode == KernelMode) {
        return TRUE;
    }
    if (process && NT_SUCCESS(ZwOpenProcessTokenEx(process, TOKEN_QUERY, OBJ_KERNEL_HANDLE, &token))) {
        holds = Holds(token, Privilege);
        ZwClose(token);
    }
    return holds;
}

// Two classes are answered by a number in the place of a block.
NTSTATUS NTAPI CmkSeQueryInformationToken(PACCESS_TOKEN Token, TOKEN_INFORMATION_CLASS Class, PVOID *Information) {
    HANDLE handle = ((TOKEN_BODY *)Token)->Handle;
    ULONG size;

    switch (Class) {
    case TokenIntegrityLevel:
        return AskIntegrity(handle, (PULONG)Information);
    case TokenSessionId:
        return ZwQueryInformationToken(handle, Class, Information, sizeof(ULONG), &size);
    default:
        return Ask(handle, Class, Information);
    }
}
