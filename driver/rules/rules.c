// SPDX-License-Identifier: MIT
//
// The life of a verified program, and what can be read of it.

#include "rules/rules_program.h"

#include "base/memory.h"

static volatile LONG64 RulesSerial;

static VOID FreeRules(_In_ _Post_ptr_invalid_ RULES *Rules) {
    MemoryFree(Rules->IndexBlock);
    MemoryFree(Rules);
}

_Use_decl_annotations_
NTSTATUS RulesCreate(const VOID *Program, ULONG Size, RULES **Rules, RULES_ERROR *Error) {
    RULES_COUNTS counts;
    NTSTATUS status;
    *Rules = NULL;
    Error->Reason = 0;
    Error->Offset = 0;
    if (Size < sizeof(CMB_RULES) || Size > CMB_MAX_RULES_BYTES) {
        Error->Reason = CMB_RULES_REASON_SIZE;
        return STATUS_BAD_DATA;
    }
    RULES *rules = MemoryAllocate(ALIGN_UP_BY(sizeof(RULES), 8) + (SIZE_T)Size);
    if (!rules) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    UCHAR *copy = (UCHAR *)rules + ALIGN_UP_BY(sizeof(RULES), 8);
    RtlCopyMemory(copy, Program, Size);
    if (!RulesVerify(&rules->Program, copy, Size, Error)) {
        status = STATUS_BAD_DATA;
        goto cleanupRules;
    }
    status = RulesVerifyNodes(&rules->Program, &counts, Error);
    if (!NT_SUCCESS(status)) {
        goto cleanupRules;
    }
    status = RulesBuildIndex(rules, &counts);
    if (!NT_SUCCESS(status)) {
        goto cleanupRules;
    }
    rules->References = 1;
    rules->Serial = (UINT64)InterlockedIncrement64(&RulesSerial);
    *Rules = rules;
    return STATUS_SUCCESS;

cleanupRules:
    FreeRules(rules);
    return status;
}

_Use_decl_annotations_
RULES *RulesReference(RULES *Rules) {
    InterlockedIncrement(&Rules->References);
    return Rules;
}

_Use_decl_annotations_
VOID RulesRelease(RULES *Rules) {
    if (Rules && InterlockedDecrement(&Rules->References) == 0) {
        FreeRules(Rules);
    }
}

_Use_decl_annotations_
UINT64 RulesGetClassMask(const RULES *Rules) {
    return Rules->Program.Header->ClassMask;
}

_Use_decl_annotations_
UINT64 RulesGetUnmatched(const RULES *Rules) {
    return Rules->Index.Unmatched;
}

_Use_decl_annotations_
const CMB_RULE *RulesGetRule(const RULES *Rules, UINT32 Rule) {
    NT_ASSERT(Rule < Rules->Program.Header->RuleCount);
    return &Rules->Program.Rules[Rule];
}

_Use_decl_annotations_
UINT64 RulesGetSerial(const RULES *Rules) {
    return Rules->Serial;
}

_Use_decl_annotations_
BOOLEAN RulesUses(const RULES *Rules, RULES_DIMENSION Dimension) {
    return Rules->Used >> Dimension & 1;
}

_Use_decl_annotations_
ULONG RulesGetTreeCount(const RULES *Rules) {
    return Rules->Program.Header->Tree.MemberCount;
}

_Use_decl_annotations_
UINT32 RulesGetTreeProcess(const RULES *Rules, ULONG Index) {
    const CMB_RULE_DIMENSION *tree = &Rules->Program.Header->Tree;
    return Index < tree->MemberCount ? (UINT32)Rules->Program.Members[tree->MemberFirst + Index].Value : 0;
}
