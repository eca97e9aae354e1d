// SPDX-License-Identifier: MIT
//
// The life of a verified program, and what can be read of it.

#include "rules/rules_program.h"

#include "base/memory.h"

static volatile LONG64 RulesSerial;

_Use_decl_annotations_
NTSTATUS RulesCreate(const VOID *Program, ULONG Size, RULES **Rules, RULES_ERROR *Error) {
    NTSTATUS status = STATUS_BAD_DATA;
    *Rules = NULL;
    Error->Reason = 0;
    Error->Offset = 0;
    if (Size < sizeof(CMB_RULES) || Size > CMB_MAX_RULES_BYTES) {
        Error->Reason = CMB_RULES_REASON_SIZE;
        return status;
    }
    RULES *rules = MemoryAllocate(ALIGN_UP_BY(sizeof(RULES), 8) + (SIZE_T)Size);
    if (!rules) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    UCHAR *copy = (UCHAR *)rules + ALIGN_UP_BY(sizeof(RULES), 8);
    RtlCopyMemory(copy, Program, Size);
    if (RulesVerify(rules, copy, Size, Error)) {
        status = RulesVerifyNodes(rules, Error);
    }
    if (!NT_SUCCESS(status)) {
        RulesFree(rules);
        return status;
    }
    rules->Serial = (UINT64)InterlockedIncrement64(&RulesSerial);
    *Rules = rules;
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID RulesFree(RULES *Rules) {
    if (Rules) {
        MemoryFree(Rules->IndexBlock);
        MemoryFree(Rules);
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
