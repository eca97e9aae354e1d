// SPDX-License-Identifier: MIT
//
// The parts of carrying a decision out; decision*.c only.

#ifndef CMBRIDGE_DECISION_PARTS_H
#define CMBRIDGE_DECISION_PARTS_H

#include "decision.h"

// Bits of what decisions a class takes.
// It may be asked about; allow, in pre block, in post override.
#define DECISION_FITS_ASK 0x01
#define DECISION_FITS_BLOCK 0x02
#define DECISION_FITS_BYPASS 0x04
// It answers its caller: emulate, and CMB_REPLY_OUTPUT.
#define DECISION_FITS_OUTPUT 0x08
#define DECISION_FITS_REPLACE 0x10
#define DECISION_FITS_REDIRECT 0x20
#define DECISION_FITS_UNDO 0x40

// Those that suit only pre or only post included.
UCHAR DecisionFits(_In_ const NOTIFY_CLASS *Class);

// decision_output.c: gives the caller of a query the output of the decision. STATUS_ACCESS_VIOLATION if it cannot be
// written.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
NTSTATUS DecisionWriteOutput(_In_ const DECISION *Decision, _In_ const DECISION_SUBJECT *Subject, _In_ const VOID *Pre);

#endif
