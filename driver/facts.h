// SPDX-License-Identifier: MIT
//
// What an operation is about to change or to use and what only the pre callback can still find out: the value that is
// there, how much a key holds, the names of files.

#ifndef CMBRIDGE_FACTS_H
#define CMBRIDGE_FACTS_H

#include "capture.h"
#include "notify_class.h"

typedef struct FACTS FACTS;

// Options: CMB_REGISTER_*. NULL if there is nothing to find out, or no memory for it. The registry is asked by calls
// that only filters of lower altitude see; at APC_LEVEL nothing is asked.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
FACTS *FactsRead(_In_ const NOTIFY_CLASS *Class, _In_ const VOID *Pre, _In_ UINT32 Options, _In_ ULONG MaxDataBytes);

_IRQL_requires_max_(APC_LEVEL)
VOID FactsFree(_In_opt_ _Post_ptr_invalid_ FACTS *Facts);

#endif
