// SPDX-License-Identifier: MIT
//
// What a session is told about a process before it hears of what the process does.

#ifndef CMBRIDGE_PROCESS_FACTS_H
#define CMBRIDGE_PROCESS_FACTS_H

#include "process/identity.h"

// Makes a process record but for its time, which the caller frees; NULL if there is no memory for it. What cannot be
// had is marked as unknown. Complete is FALSE if that is so for lack of memory, so that asking again may help.
_IRQL_requires_(PASSIVE_LEVEL)
_Must_inspect_result_
CMB_RECORD *ProcessFactsBuild(_In_ const IDENTITY_PROCESS *Process, _Out_ BOOLEAN *Complete);

#endif
