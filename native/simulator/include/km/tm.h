// SPDX-License-Identifier: MIT
//
// Kernel transactions.

#ifndef SIMULATOR_KM_TM_H
#define SIMULATOR_KM_TM_H

#include "ob.h"
#include "se.h"

#define TRANSACTION_QUERY_INFORMATION 0x0001
#define TRANSACTION_SET_INFORMATION 0x0002
#define TRANSACTION_ENLIST 0x0004
#define TRANSACTION_COMMIT 0x0008
#define TRANSACTION_ROLLBACK 0x0010
#define TRANSACTION_PROPAGATE 0x0020
#define TRANSACTION_GENERIC_READ (STANDARD_RIGHTS_READ | TRANSACTION_QUERY_INFORMATION | SYNCHRONIZE)
#define TRANSACTION_GENERIC_WRITE                                                                                      \
    (STANDARD_RIGHTS_WRITE | TRANSACTION_SET_INFORMATION | TRANSACTION_COMMIT | TRANSACTION_ENLIST |                   \
     TRANSACTION_ROLLBACK | TRANSACTION_PROPAGATE | SYNCHRONIZE)
#define TRANSACTION_GENERIC_EXECUTE (STANDARD_RIGHTS_EXECUTE | TRANSACTION_COMMIT | TRANSACTION_ROLLBACK | SYNCHRONIZE)
#define TRANSACTION_ALL_ACCESS (STANDARD_RIGHTS_REQUIRED | TRANSACTION_GENERIC_READ | TRANSACTION_GENERIC_WRITE)
#define TRANSACTION_DO_NOT_PROMOTE 0x00000001
#define MAX_TRANSACTION_DESCRIPTION_LENGTH 64

SIM_BEGIN_C

typedef struct _KTRANSACTION *PKTRANSACTION;
typedef GUID UOW, *PUOW;
extern POBJECT_TYPE *TmTransactionObjectType;

typedef enum _TRANSACTION_STATE {
    TransactionStateNormal = 1,
    TransactionStateIndoubt,
    TransactionStateCommittedNotify
} TRANSACTION_STATE;

typedef enum _TRANSACTION_OUTCOME {
    TransactionOutcomeUndetermined = 1,
    TransactionOutcomeCommitted,
    TransactionOutcomeAborted
} TRANSACTION_OUTCOME;

typedef struct _TRANSACTION_BASIC_INFORMATION {
    GUID TransactionId;
    ULONG State;
    ULONG Outcome;
} TRANSACTION_BASIC_INFORMATION, *PTRANSACTION_BASIC_INFORMATION;

typedef enum _TRANSACTION_INFORMATION_CLASS {
    TransactionBasicInformation,
    TransactionPropertiesInformation,
    TransactionEnlistmentInformation,
    TransactionSuperiorEnlistmentInformation
} TRANSACTION_INFORMATION_CLASS;

#define SIM_TRANSACTION_SERVICE(name, parameters)                                                                      \
    NTSTATUS Nt##name parameters;                                                                                      \
    NTSTATUS Zw##name parameters;

// Without a transaction manager of the caller's own: TmHandle is NULL. Wait: FALSE is not supported. A transaction
// whose last handle is closed before it was committed is rolled back.
SIM_TRANSACTION_SERVICE(CreateTransaction,
                        (PHANDLE TransactionHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                         LPGUID Uow, HANDLE TmHandle, ULONG CreateOptions, ULONG IsolationLevel, ULONG IsolationFlags,
                         PLARGE_INTEGER Timeout, PUNICODE_STRING Description))
SIM_TRANSACTION_SERVICE(CommitTransaction, (HANDLE TransactionHandle, BOOLEAN Wait))
SIM_TRANSACTION_SERVICE(RollbackTransaction, (HANDLE TransactionHandle, BOOLEAN Wait))
SIM_TRANSACTION_SERVICE(QueryInformationTransaction,
                        (HANDLE TransactionHandle, TRANSACTION_INFORMATION_CLASS TransactionInformationClass,
                         PVOID TransactionInformation, ULONG TransactionInformationLength, PULONG ReturnLength))
VOID TmGetTransactionId(PKTRANSACTION Transaction, PUOW TransactionId);
BOOLEAN TmIsTransactionActive(PKTRANSACTION Transaction);

SIM_END_C

SIM_ASSERT_SIZE(TRANSACTION_BASIC_INFORMATION, 24);

#endif
