// SPDX-License-Identifier: MIT
//
// Keys as a transaction sees them. A key object that is bound to a transaction refers to a CM_KEY of its own, whose
// node is a view: what the transaction changed, on top of the key that everybody sees. The views of a transaction form
// a store (transaction_store.c), so that no operation has to know. Views of keys that were changed stay until the
// transaction ends; committing carries them over (transaction_commit.c).
//
// Limits of the imitation, where Windows can do more or its rules are not documented:
// - Renaming keys, saving, restoring and replacing through a transacted handle are not supported.
// - Two transactions that change the same key, or make or delete the same subkey: the second gets
//   STATUS_TRANSACTIONAL_CONFLICT. Reading never conflicts.
// - A change without a transaction, of a key that a transaction has changed, ends that transaction: that much is
//   documented. It becomes known to the transaction by STATUS_TRANSACTION_NOT_ACTIVE, and when it is committed.
// - A key that is deleted and made again in the same transaction keeps its class and whether it is volatile.
// - Write times are those of the commit, unless the transaction set one.
// - Handles of a transaction that is over are useless: STATUS_TRANSACTION_NOT_ACTIVE.

#ifndef CM_TRANSACTION_H
#define CM_TRANSACTION_H

#include "cmp.h"

// CmpRegistryLock guards everything here.
typedef struct _CM_TRANSACTION {
    LIST_ENTRY Link;
    LIST_ENTRY Changed; // CM_VIEW.ChangedLink, in the order in which they were made, deleted or first changed
    LIST_ENTRY Undo;    // between preparing and the end
    PVOID Object;       // referenced
    PCM_KEY RootKey;    // \REGISTRY as it sees it; referenced until the end
    ULONG References;   // enlistment, views, operations under way
    BOOLEAN Active;
    BOOLEAN Ended;
} CM_TRANSACTION, *PCM_TRANSACTION;

typedef struct _CM_VIEW {
    PCM_TRANSACTION Transaction; // referenced
    struct _CM_VIEW *Parent;     // referenced; NULL for \REGISTRY
    LIST_ENTRY Sibling;
    LIST_ENTRY Children;
    LIST_ENTRY ChangedLink;
    LIST_ENTRY Values; // CM_VIEW_VALUE
    PCM_KEY Base;      // referenced; NULL: it is going to be made
    ULONG References;  // its key, its children, the list of changes
    BOOLEAN Changed;
    BOOLEAN Deleted;
    BOOLEAN Fresh; // deleted and made again: nothing of Base is seen
    BOOLEAN HasTime;
    BOOLEAN HasFlags;
    UNICODE_STRING Name;
    UNICODE_STRING Class;
    ULONG TitleIndex;
    ULONG Options;
    LARGE_INTEGER LastWriteTime;
    ULONG UserFlags;
    PSECURITY_DESCRIPTOR Security; // NULL: that of Base or of the parent
    ULONG SecurityLength;
} CM_VIEW, *PCM_VIEW;

typedef struct _CM_VIEW_VALUE {
    LIST_ENTRY Link;
    BOOLEAN Deleted;
    PCM_VALUE Value; // of a deleted one only the name
} CM_VIEW_VALUE, *PCM_VIEW_VALUE;

// transaction.c
extern LIST_ENTRY CmpTransactions;
_Requires_lock_held_(CmpRegistryLock)
VOID CmpDereferenceTransaction(PCM_TRANSACTION Transaction);
// Somebody else than Except has changed the key, or, given Child, has made or deleted that subkey; Whole: or anything
// directly below it.
_Requires_lock_held_(CmpRegistryLock)
PCM_TRANSACTION CmpFindConflict(PCM_KEY Base, PCUNICODE_STRING Child, BOOLEAN Whole, PCM_TRANSACTION Except);
// The views lose what they have changed.
_Requires_lock_held_(CmpRegistryLock)
VOID CmpForgetChanges(PCM_TRANSACTION Transaction);

// transaction_store.c
extern CM_STORE CmpViewStore;
_Requires_lock_held_(CmpRegistryLock)
NTSTATUS CmpMakeView(PCM_TRANSACTION Transaction, PCM_VIEW Parent, PCM_KEY Base, PCUNICODE_STRING Name, PCM_VIEW *View);
_Requires_lock_held_(CmpRegistryLock)
VOID CmpDereferenceView(PCM_VIEW View);
_Requires_lock_held_(CmpRegistryLock)
VOID CmpForgetView(PCM_VIEW View);

// STATUS_KEY_DELETED, STATUS_TRANSACTION_NOT_ACTIVE
NTSTATUS CmpCheckView(PCM_VIEW View);
// The same, and STATUS_TRANSACTIONAL_CONFLICT, before the key itself is changed.
NTSTATUS CmpMayChange(PCM_VIEW View);
VOID CmpMarkChanged(PCM_VIEW View);

// transaction_values.c
NTSTATUS CmpViewSetValue(PVOID Context, CM_NODE Node, PCUNICODE_STRING Name, ULONG TitleIndex, ULONG Type,
                         const VOID *Data, ULONG DataLength);
NTSTATUS CmpViewDeleteValue(PVOID Context, CM_NODE Node, PCUNICODE_STRING Name);
NTSTATUS CmpViewReadValue(PVOID Context, CM_NODE Node, PCUNICODE_STRING Name, PCM_VALUE *Value);
NTSTATUS CmpViewReadValueAt(PVOID Context, CM_NODE Node, ULONG Index, PCM_VALUE *Value);
VOID CmpFreeViewValues(PCM_VIEW View);
PCM_VIEW_VALUE CmpFindViewValue(PCM_VIEW View, PCUNICODE_STRING Name);
// The length of the longest name and data, and the number, of what is seen.
NTSTATUS CmpMeasureValues(PCM_VIEW View, PCM_KEY_FACTS Facts);

// transaction_security.c
NTSTATUS CmpViewReadSecurity(PVOID Context, CM_NODE Node, PSECURITY_DESCRIPTOR *Descriptor, ULONG *Length);
NTSTATUS CmpViewWriteSecurity(PVOID Context, CM_NODE Node, PSECURITY_DESCRIPTOR Descriptor, ULONG Length);
NTSTATUS CmpViewSetUserFlags(PVOID Context, CM_NODE Node, ULONG Flags);
NTSTATUS CmpViewSetWriteTime(PVOID Context, CM_NODE Node, LARGE_INTEGER Time);

// transaction_subkeys.c
// A subkey that the transaction knows about, deleted or not.
PCM_VIEW CmpFindView(PCM_VIEW Parent, PCUNICODE_STRING Name, BOOLEAN Deleted);
NTSTATUS CmpViewFacts(PCM_VIEW View, PCM_KEY_FACTS *Facts);
// First the keys that were there, then those that were made here.
NTSTATUS CmpReadViewSubkey(PCM_VIEW View, ULONG Index, PCM_KEY_FACTS *Facts);

// transaction_commit.c
// Whatever can fail is done, and noted for CmpUndo.
_Requires_lock_held_(CmpRegistryLock)
NTSTATUS CmpApply(PCM_TRANSACTION Transaction);
_Requires_lock_held_(CmpRegistryLock)
VOID CmpUndo(PCM_TRANSACTION Transaction);
_Requires_lock_held_(CmpRegistryLock)
VOID CmpFinish(PCM_TRANSACTION Transaction);

#endif
