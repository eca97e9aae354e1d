// SPDX-License-Identifier: MIT
//
// Processes and their descendants: who belongs to the trees that rules name. Those that run when the rules come are
// found in the system's list, later ones are noted when they are born.

#ifndef CMBRIDGE_PROCESS_TREES_H
#define CMBRIDGE_PROCESS_TREES_H

#include "verdict/ruleset.h"

_IRQL_requires_max_(PASSIVE_LEVEL)
VOID ProcessTreesInitialize(VOID);

// The caller knows that all trees are gone.
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID ProcessTreesUninitialize(VOID);

// Creates the trees that the rules name. Trees of Former that grow from the same processes keep the members that they
// have.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS ProcessTreesCreate(_In_ const RULES *Rules, _In_opt_ PROCESS_TREES *Former, _Outptr_ PROCESS_TREES **Trees);

// Creates one tree: that of the process with the id and the start key. If the process is gone, so may be what leads to
// descendants that live already.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS ProcessTreesCreateOne(_In_ UINT32 ProcessId, _In_ UINT64 ProcessKey, _Outptr_ PROCESS_TREES **Trees);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ProcessTreesFree(_In_opt_ _Post_ptr_invalid_ PROCESS_TREES *Trees);

// Finds the trees that a process belongs to. Bit n stands for the tree of RulesGetTreeProcess(n), bit 0 for an only
// one. FALSE if that is not known.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
BOOLEAN ProcessTreesFind(_In_ PROCESS_TREES *Trees, _In_ UINT64 ProcessKey, _Out_ UINT32 *Members);

#endif
