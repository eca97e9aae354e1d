// SPDX-License-Identifier: MIT
//
// Makes a ruleset from a program. Its copies are shared by reference, and the last to release one frees it.

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
                     _In_opt_ const RULESET *Former, _Out_ RULES_ERROR *Error) {
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
NTSTATUS RulesetsCreate(const VOID *Program, ULONG Size, const RULESET *Former, RULESETS **Rulesets,
                        RULES_ERROR *Error) {
    NTSTATUS status = STATUS_SUCCESS;
    RtlZeroMemory(Error, sizeof(*Error));
    *Rulesets = NULL;
    RULESETS *rulesets = MemoryAllocate(sizeof(*rulesets));
    if (!rulesets) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RULESET ruleset = {.References = 1, .All = rulesets};
    if (Size) {
        status = Fill(&ruleset, Program, Size, Former, Error);
    }
    rulesets->Used = RULESET_COPIES;
    for (ULONG i = 0; i < RULESET_COPIES; ++i) {
        rulesets->Copies[i] = ruleset;
    }
    if (!NT_SUCCESS(status)) {
        RulesetsRelease(rulesets);
        return status;
    }
    *Rulesets = rulesets;
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID RulesetsRelease(RULESETS *Rulesets) {
    for (ULONG i = 0; i < RULESET_COPIES; ++i) {
        RulesetRelease(&Rulesets->Copies[i]);
    }
}

_Use_decl_annotations_
RULESET *RulesetReference(RULESET *Ruleset) {
    InterlockedIncrement(&Ruleset->References);
    return Ruleset;
}

_Use_decl_annotations_
VOID RulesetRelease(RULESET *Ruleset) {
    if (Ruleset && InterlockedDecrement(&Ruleset->References) == 0 && InterlockedDecrement(&Ruleset->All->Used) == 0) {
        ProcessTreesFree(Ruleset->Trees);
        ProcessCacheFree(Ruleset->Processes);
        RulesFree(Ruleset->Rules);
        MemoryFree(Ruleset->All);
    }
}

_Use_decl_annotations_
UINT64 RulesetGetClassMask(const RULESET *Ruleset, UINT64 ClassMask) {
    return Ruleset->Rules ? ClassMask & RulesGetClassMask(Ruleset->Rules) : ClassMask;
}

_Use_decl_annotations_
UINT64 RulesetGetSerial(const RULESET *Ruleset) {
    return Ruleset->Rules ? RulesGetSerial(Ruleset->Rules) : 0;
}
