// SPDX-License-Identifier: MIT
//
// Counters of the driver, a session or a registration, in the form of the protocol.

#ifndef CMBRIDGE_STATISTICS_H
#define CMBRIDGE_STATISTICS_H

#include "session/session.h"

// Fills in a zeroed reply. STATUS_INVALID_PARAMETER for an unknown scope, STATUS_NOT_FOUND for a cookie that is not one
// of the session's.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
NTSTATUS StatisticsQuery(_Inout_ SESSION *Session, _In_ UINT32 Scope, _In_ INT64 Cookie,
                         _Inout_ CMB_STATISTICS_REPLY *Reply);

#endif
