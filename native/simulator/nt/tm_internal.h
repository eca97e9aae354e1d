// SPDX-License-Identifier: MIT
//
// How kernel components take part in a transaction. Stands for KTM's resource managers and their enlistments.

#ifndef SIMULATOR_NT_TM_INTERNAL_H
#define SIMULATOR_NT_TM_INTERNAL_H

#include "ntifs.h"

SIM_BEGIN_C

// All are called at PASSIVE_LEVEL, without locks, in the thread that commits, rolls back or closes the last handle; the
// transaction is referenced meanwhile. Of Commit and Rollback one is called, once; the enlistment is over then.
typedef struct _SIM_ENLISTMENT_ROUTINES {
    // Commit was asked for. The last moment to refuse: with a failure status everybody is rolled back, this enlistment
    // included. May be NULL.
    NTSTATUS (*Prepare)(PVOID Context);
    VOID (*Commit)(PVOID Context);
    VOID (*Rollback)(PVOID Context);
} SIM_ENLISTMENT_ROUTINES;

// PASSIVE_LEVEL or APC_LEVEL. STATUS_TRANSACTION_NOT_ACTIVE once commit or rollback has begun; the routines are not
// called then. Takes no reference. Routines must outlive the enlistment.
NTSTATUS SimEnlistTransaction(PKTRANSACTION Transaction, const SIM_ENLISTMENT_ROUTINES *Routines, PVOID Context);

SIM_END_C

#endif
