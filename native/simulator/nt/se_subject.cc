// SPDX-License-Identifier: MIT
//
// Whose rights count: primary tokens, impersonation, and both together as a subject; privileges.

#include "se_internal.h"

#include <utility>

namespace nt {

// With a reference; NULL when the thread does not impersonate.
static PACCESS_TOKEN clientToken(PKTHREAD thread, SECURITY_IMPERSONATION_LEVEL *level) {
    std::lock_guard lock(thread->tokenLock);
    if (thread->clientToken == nullptr) {
        return nullptr;
    }
    *level = thread->impersonationLevel;
    ObfReferenceObject(thread->clientToken);
    return thread->clientToken;
}

static void setClient(PKTHREAD thread, PACCESS_TOKEN token, BOOLEAN copyOnOpen, BOOLEAN effectiveOnly,
                      SECURITY_IMPERSONATION_LEVEL level) {
    PACCESS_TOKEN former;
    if (token != nullptr) {
        ObfReferenceObject(token);
    }
    {
        std::lock_guard lock(thread->tokenLock);
        former = std::exchange(thread->clientToken, token);
        thread->copyOnOpen = copyOnOpen;
        thread->effectiveOnly = effectiveOnly;
        thread->impersonationLevel = level;
    }
    if (former != nullptr) {
        ObfDereferenceObject(former);
    }
}

void dropClientToken(PKTHREAD thread) {
    setClient(thread, nullptr, FALSE, FALSE, SecurityAnonymous);
}

} // namespace nt

using namespace nt;

extern "C" {

PACCESS_TOKEN PsReferencePrimaryToken(PEPROCESS process) {
    requirePassive("PsReferencePrimaryToken");
    ObfReferenceObject(process->token);
    return process->token;
}

VOID PsDereferencePrimaryToken(PACCESS_TOKEN token) {
    requirePassive("PsDereferencePrimaryToken");
    ObfDereferenceObject(token);
}

PACCESS_TOKEN PsReferenceImpersonationToken(PETHREAD thread, PBOOLEAN copyOnOpen, PBOOLEAN effectiveOnly,
                                            PSECURITY_IMPERSONATION_LEVEL level) {
    requirePassive("PsReferenceImpersonationToken");
    auto body = reinterpret_cast<PKTHREAD>(thread);
    PACCESS_TOKEN token = clientToken(body, level);
    if (token != nullptr) {
        std::lock_guard lock(body->tokenLock);
        *copyOnOpen = body->copyOnOpen;
        *effectiveOnly = body->effectiveOnly;
    }
    return token;
}

VOID PsDereferenceImpersonationToken(PACCESS_TOKEN token) {
    requirePassive("PsDereferenceImpersonationToken");
    // What PsReferenceImpersonationToken returned may be NULL.
    if (token != nullptr) {
        ObfDereferenceObject(token);
    }
}

BOOLEAN PsIsThreadImpersonating(PETHREAD thread) {
    auto body = reinterpret_cast<PKTHREAD>(thread);
    std::lock_guard lock(body->tokenLock);
    return body->clientToken != nullptr;
}

// Windows lowers the level to identification when the server may not impersonate the client. Here the caller, the host
// of the simulator, knows what it wants.
NTSTATUS PsImpersonateClient(PETHREAD thread, PACCESS_TOKEN token, BOOLEAN copyOnOpen, BOOLEAN effectiveOnly,
                             SECURITY_IMPERSONATION_LEVEL level) {
    requirePassive("PsImpersonateClient");
    if (token != nullptr && (level < SecurityAnonymous || level > SecurityDelegation)) {
        return STATUS_BAD_IMPERSONATION_LEVEL;
    }
    setClient(reinterpret_cast<PKTHREAD>(thread), token, copyOnOpen, effectiveOnly, level);
    return STATUS_SUCCESS;
}

VOID PsRevertToSelf(VOID) {
    requirePassive("PsRevertToSelf");
    dropClientToken(currentThread());
}

VOID SeCaptureSubjectContext(PSECURITY_SUBJECT_CONTEXT context) {
    requirePassive("SeCaptureSubjectContext");
    PKTHREAD thread = currentThread();
    context->ImpersonationLevel = SecurityAnonymous;
    context->ClientToken = clientToken(thread, &context->ImpersonationLevel);
    context->PrimaryToken = thread->process->token;
    ObfReferenceObject(context->PrimaryToken);
    context->ProcessAuditId = reinterpret_cast<PVOID>(thread->process->id);
}

VOID SeReleaseSubjectContext(PSECURITY_SUBJECT_CONTEXT context) {
    requirePassive("SeReleaseSubjectContext");
    if (context->PrimaryToken == nullptr) {
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, reinterpret_cast<ULONG_PTR>(context), 0, 0, 0,
                 "SeReleaseSubjectContext of a context that was released already.");
    }
    ObfDereferenceObject(std::exchange(context->PrimaryToken, nullptr));
    if (context->ClientToken != nullptr) {
        ObfDereferenceObject(std::exchange(context->ClientToken, nullptr));
    }
}

// Tokens never change here: there is nothing to lock.
VOID SeLockSubjectContext(PSECURITY_SUBJECT_CONTEXT) {
    requirePassive("SeLockSubjectContext");
}
VOID SeUnlockSubjectContext(PSECURITY_SUBJECT_CONTEXT) {
    requirePassive("SeUnlockSubjectContext");
}

BOOLEAN SeSinglePrivilegeCheck(LUID privilege, KPROCESSOR_MODE mode) {
    requirePassive("SeSinglePrivilegeCheck");
    if (mode == KernelMode) {
        return TRUE;
    }
    SECURITY_SUBJECT_CONTEXT context;
    SeCaptureSubjectContext(&context);
    // A server that may only identify its client has none of the client's privileges.
    bool usable = context.ClientToken == nullptr || context.ImpersonationLevel >= SecurityImpersonation;
    bool held = usable && privilege.HighPart == 0 &&
                hasPrivilege(tokenOf(SeQuerySubjectContextToken(&context)), privilege.LowPart);
    SeReleaseSubjectContext(&context);
    return held;
}

} // extern "C"
