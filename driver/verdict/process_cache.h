// SPDX-License-Identifier: MIT
//
// What rules ask about processes, found out once for each process and kept as long as the rules are.

#ifndef CMBRIDGE_PROCESS_CACHE_H
#define CMBRIDGE_PROCESS_CACHE_H

#include "verdict/ruleset.h"

// So many processes are remembered at a time; of two that share a slot, the last.
#define PROCESS_CACHE_SLOTS 128

_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
PROCESS_CACHE *ProcessCacheCreate(VOID);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ProcessCacheFree(_In_opt_ _Post_ptr_invalid_ PROCESS_CACHE *Cache);

// Returns whether a candidate asks for image, user, session or elevation.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN ProcessCacheIsNeeded(_In_ const RULES_MATCH *Match);

// Narrows in these four dimensions by what the current process is and for whom the thread acts. FALSE if something
// could not be found out for want of memory, which leaves the match in doubt.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
BOOLEAN ProcessCacheNarrow(_Inout_ const RULESET *Ruleset, _Inout_ RULES_MATCH *Match,
                           _In_ const IDENTITY_PROCESS *Process);

#endif
