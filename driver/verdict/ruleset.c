// SPDX-License-Identifier: MIT
//
// Makes a ruleset from a program. It is shared by reference, and the last to release it frees it.

#include "verdict/ruleset.h"
#include "base/memory.h"
#include "verdict/process_cache.h"
#include "verdict/process_trees.h"

static BOOLEAN AsksAboutProcesses(_In_ const RULES *Rules) {
    return RulesUses(Rules, RulesImage) || RulesUses(Rules, RulesUser) || RulesUses(Rules, RulesSessionId) ||
           RulesUses(Rules, RulesElevated);
}

_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS Fill(_Inout_ RULESET *Ruleset, _In_reads_bytes_(Size) const VOID *Program, _In_ ULONG Size,
                     _In_opt_ RULESET *Former, _Out_ RULES_ERROR *Error) {
    const NTSTATUS status = RulesCreate(Program, Size, &Ruleset->Rules, Error);
    if (!NT_SUCCESS(status)) {
        Ruleset->Rules = NULL;
        return status;
    }
    if (AsksAboutProcesses(Ruleset->Rules)) {
        Ruleset->Processes = ProcessCacheCreate();
        if (!Ruleset->Processes) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
    }
    if (RulesUses(Ruleset->Rules, RulesTree)) {
        return ProcessTreesCreate(Ruleset->Rules, Former ? Former->Trees : NULL, &Ruleset->Trees);
    }
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
NTSTATUS RulesetCreate(const VOID *Program, ULONG Size, RULESET *Former, RULESET **Ruleset, RULES_ERROR *Error) {
    NTSTATUS status = STATUS_SUCCESS;
    RtlZeroMemory(Error, sizeof(*Error));
    *Ruleset = NULL;
    RULESET *ruleset = MemoryAllocate(sizeof(*ruleset));
    if (!ruleset) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    ruleset->References = 1;
    if (Size) {
        status = Fill(ruleset, Program, Size, Former, Error);
    }
    if (!NT_SUCCESS(status)) {
        RulesetRelease(ruleset);
        return status;
    }
    *Ruleset = ruleset;
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
RULESET *RulesetReference(RULESET *Ruleset) {
    InterlockedIncrement(&Ruleset->References);
    return Ruleset;
}

_Use_decl_annotations_
VOID RulesetRelease(RULESET *Ruleset) {
    if (Ruleset && InterlockedDecrement(&Ruleset->References) == 0) {
        ProcessTreesFree(Ruleset->Trees);
        ProcessCacheFree(Ruleset->Processes);
        RulesRelease(Ruleset->Rules);
        MemoryFree(Ruleset);
    }
}

_Use_decl_annotations_
RULESET_SHARE *RulesetBeginShare(RULESET *Ruleset, ULONG Index) {
    RULESET_SHARE *share = &Ruleset->Shares[Index];
    share->References = 1;
    share->Ruleset = RulesetReference(Ruleset);
    return share;
}

_Use_decl_annotations_
VOID RulesetReleaseShare(RULESET_SHARE *Share) {
    if (InterlockedDecrement(&Share->References) == 0) {
        RulesetRelease(Share->Ruleset);
    }
}

_Use_decl_annotations_
UINT64 RulesetGetClassMask(const RULESET *Ruleset, UINT64 ClassMask) {
    return Ruleset->Rules ? ClassMask & RulesGetClassMask(Ruleset->Rules) : ClassMask;
}

_Use_decl_annotations_
const CMB_RULE *RulesetGetRule(const RULESET *Ruleset, UINT32 Rule) {
    return RulesGetRule(Ruleset->Rules, Rule);
}

_Use_decl_annotations_
UINT64 RulesetGetSerial(const RULESET *Ruleset) {
    return Ruleset->Rules ? RulesGetSerial(Ruleset->Rules) : 0;
}
